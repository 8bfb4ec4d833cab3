//! G6, G7: the value of an attempt that another commit overtook has a destructor, too.
#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomos::Atom;
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
