//! G6, G7: the value of an attempt that another commit overtook has a destructor, too.
#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomos::{Atom, Atomic, AtomicReference};
use support::{Hooked, caught};

/// G7: the value of an attempt that lost is dropped before the next one: a panic of its
/// destructor leaves the winner's commit alone, and the loser's closure is not run again.
#[test]
fn g7_a_panicking_destructor_of_an_attempt_that_lost_changes_nothing() {
    let atom = Atom::new(Hooked::plain(0));
    let (runs, drops) = (Cell::new(0), Arc::new(AtomicUsize::new(0)));
    let swapped = caught(|| {
        atom.swap(|_| {
            runs.set(runs.get() + 1);
            atom.reset(Hooked::plain(10));
            let drops = drops.clone();
            Hooked::new(1, move || {
                drops.fetch_add(1, Ordering::SeqCst);
                panic!("stale");
            })
        })
    });
    assert_eq!(swapped.err().as_deref(), Some("stale"));
    assert_eq!((runs.get(), drops.load(Ordering::SeqCst)), (1, 1));
    assert_eq!((atom.load().number, atom.version()), (10, 1));
    assert_eq!(
        atom.swap(|value| Hooked::plain(value.number + 1)).number,
        11
    );
}

/// G6, G7: such a destructor may write the same atom; the attempt after it starts from that, and
/// may itself decline, or panic.
#[test]
fn g6_a_destructor_of_an_attempt_that_lost_may_write() {
    type Ending = fn(u64) -> Option<Hooked>;
    let endings: [(Ending, u64); 3] = [
        (|number| Some(Hooked::plain(number + 1)), 21),
        (|_| None, 20),
        (|_| panic!("next attempt"), 20),
    ];
    for (ending, last) in endings {
        let atom = Atom::new(Hooked::plain(0));
        let mut lost = false;
        let outcome = caught(|| {
            atom.swap_if(|value| {
                if std::mem::replace(&mut lost, true) {
                    return ending(value.number);
                }
                atom.reset(Hooked::plain(10));
                let inside = atom.clone();
                Some(Hooked::new(1, move || {
                    drop(inside.reset(Hooked::plain(20)))
                }))
            })
        });
        let committed = matches!(outcome, Ok(Some(_)));
        assert_eq!((atom.load().number, committed), (last, last == 21));
        assert_eq!(atom.version(), 2 + u64::from(committed));
    }
}

/// What a lost attempt made writes whenever it is dropped: were it dropped after the look of the
/// next attempt, that one would lose, too, and so on.
struct Writes<F: Fn()>(F);

impl<F: Fn()> Drop for Writes<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Ends a test that would not end.
const TOO_MANY: usize = 50;

#[test]
fn g6_a_result_of_an_attempt_that_lost_may_commit() {
    let (atom, runs) = (Atom::new(0_u32), Cell::new(0));
    let result = atom.modify(|n| {
        runs.set(runs.get() + 1);
        if runs.get() == 1 {
            atom.swap(|n| n + 10);
        }
        let commits = || {
            if runs.get() < TOO_MANY {
                atom.swap(|n| n + 100);
            }
        };
        (n + 1, Writes(commits))
    });
    assert_eq!((runs.get(), *atom.load()), (2, 111));
    drop(result);
    assert_eq!(*atom.load(), 211);
}

#[test]
fn g6_a_result_of_an_attempt_that_lost_may_write_the_cell() {
    let (cell, runs) = (Atomic::new(0_u32), Cell::new(0));
    let result = cell.modify(|n| {
        runs.set(runs.get() + 1);
        if runs.get() == 1 {
            cell.add_and_get(10);
        }
        let writes = || {
            if runs.get() < TOO_MANY {
                cell.add_and_get(100);
            }
        };
        (n + 1, Writes(writes))
    });
    assert_eq!((runs.get(), cell.get()), (2, 111));
    drop(result);
    assert_eq!(cell.get(), 211);
}

/// The reference that was replaced meanwhile ends with the attempt that had looked at it, as well.
#[test]
fn g6_references_of_an_attempt_that_lost_may_write_the_cell() {
    let cell = Arc::new(AtomicReference::new(Hooked::plain(0)));
    let writes = Arc::new(AtomicUsize::new(0));
    let writing = |number| {
        let (cell, writes) = (cell.clone(), writes.clone());
        Arc::new(Hooked::new(number, move || {
            if writes.fetch_add(1, Ordering::SeqCst) < TOO_MANY {
                cell.set(Arc::new(Hooked::plain(number + 100)));
            }
        }))
    };
    cell.set(writing(1));
    let runs = Cell::new(0);
    let new = cell.update_and_get(|_| {
        runs.set(runs.get() + 1);
        if runs.get() == 1 {
            cell.set(Arc::new(Hooked::plain(2)));
        }
        writing(3)
    });
    // The first attempt lost: what it had seen and what it had made have written.
    assert_eq!((runs.get(), writes.load(Ordering::SeqCst)), (2, 2));
    assert_eq!((new.number, cell.get().number), (3, 3));
    // It has itself as its value, until now.
    writes.store(TOO_MANY, Ordering::SeqCst);
    cell.set(Arc::new(Hooked::plain(0)));
}
