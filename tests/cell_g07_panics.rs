//! G7: a panic stays where it belongs, in cells and references. What could abort while unwinding
//! runs in a process of its own.
#![cfg(not(loom))]

mod support;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use atomos::{Accumulator, Atom, Atomic, AtomicI64, AtomicReference};
use support::{CellWait, Hooked, OnDrop, Probe, caught, every_cell_wait, in_child, poll};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

fn bomb() {
    panic!("bomb");
}

fn is_bomb<R>(result: Result<R, String>) -> bool {
    result.err().as_deref() == Some("bomb")
}

/// Runs `f` in a destructor, while a panic unwinds; that panic must go on alone.
fn while_unwinding(f: impl FnMut()) {
    let result = caught(|| {
        let _guard = OnDrop(f);
        panic!("first");
    });
    assert_eq!(result.err().as_deref(), Some("first"));
}

#[test]
fn g7_a_panic_in_an_update_of_a_cell_changes_nothing() {
    let verbs: [fn(&AtomicI64); 6] = [
        |cell| assert_ne!(cell.get_and_update(|_| panic!("bomb")), 0),
        |cell| assert_ne!(cell.update_and_get(|_| panic!("bomb")), 0),
        |cell| assert_ne!(cell.get_and_accumulate(1, |_, _| panic!("bomb")), 0),
        |cell| assert_ne!(cell.accumulate_and_get(1, |_, _| panic!("bomb")), 0),
        |cell| assert!(cell.update_if(|_| panic!("bomb")).is_ok()),
        |cell| cell.modify(|_| panic!("bomb")),
    ];
    let cell = AtomicI64::new(7);
    let mut wait = task::spawn(cell.changed_from(7));
    assert_pending!(wait.poll());
    for verb in verbs {
        assert!(is_bomb(caught(|| verb(&cell))));
        assert!(cell.get() == 7 && !wait.is_woken());
    }
    cell.increment_and_get();
    assert_ready_eq!(wait.poll(), 8);
    let reference = AtomicReference::new(1);
    let before = reference.get();
    assert!(is_bomb(caught(
        || reference.update_and_get(|_| panic!("bomb"))
    )));
    assert!(is_bomb(caught(
        || reference.get_and_accumulate(before.clone(), |_, _| panic!("bomb"))
    )));
    assert!(Arc::ptr_eq(&before, &reference.get()));
}

#[test]
fn g7_a_panic_in_a_predicate_of_a_cell_reaches_the_task_and_not_the_writer() {
    let cell = AtomicI64::new(0);
    let fuse = |n| if n == 1 { panic!("bomb") } else { false };
    let mut waits: [Pin<Box<dyn Future<Output = ()> + Send + '_>>; 3] = [
        Box::pin(async { drop(cell.wait_for(fuse).await.to_string()) }),
        Box::pin(cell.wait_map(move |n| fuse(n).then_some(()))),
        Box::pin(async { drop(cell.update_when(fuse, |n| n).await.to_string()) }),
    ];
    let probes: Vec<_> = waits.iter().map(|_| Probe::new()).collect();
    for (wait, probe) in waits.iter_mut().zip(&probes) {
        assert_pending!(poll(wait, &probe.waker()));
    }
    let mut sound = task::spawn(cell.wait_for(|n| n == 1));
    assert_pending!(sound.poll());
    cell.set(1);
    for (mut wait, probe) in waits.into_iter().zip(probes) {
        assert_eq!(probe.wakes(), 1);
        assert!(is_bomb(caught(|| poll(&mut wait, &probe.waker()))));
        drop(wait);
        assert_eq!(probe.alive(), 0);
    }
    assert_ready_eq!(sound.poll(), 1);
    // In the first evaluation it is the poll's, or the thread's.
    let mut wait = task::spawn(cell.wait_for(|_| panic!("bomb")));
    assert!(is_bomb(caught(|| wait.poll().is_ready())));
    let mut turn = task::spawn(cell.update_when(|_| panic!("bomb"), |n| n));
    assert!(is_bomb(caught(|| turn.poll().is_ready())));
    assert!(is_bomb(caught(
        || cell.blocking_wait_for(|_| panic!("bomb"))
    )));
    cell.set(2);
    assert_eq!(cell.get(), 2);
}

/// Broken wakers first, last and in the middle; of all kinds.
#[test]
fn g7_a_panic_in_a_waker_of_a_cell_comes_after_everyone_is_woken() {
    let cell = Arc::new(Atomic::new(0_u64));
    let kind = |n: usize| -> support::Boxed<u64> {
        let cell = cell.clone();
        match n % 5 {
            0 => Box::pin(async move { cell.wait_at_least(1).await }),
            1 => Box::pin(async move { cell.wait_for(|n| n == 1).await }),
            2 => Box::pin(async move { cell.wait_equal(1).await }),
            3 => Box::pin(async move { cell.wait_map(|n| (n == 1).then_some(n)).await }),
            _ => Box::pin(async move { cell.changed_from(0).await }),
        }
    };
    let mut waits: Vec<_> = (0..30).map(|n| (kind(n), Probe::new())).collect();
    for (n, (wait, probe)) in waits.iter_mut().enumerate() {
        if n % 3 == 0 {
            probe.on_wake(bomb);
        }
        assert_pending!(poll(wait, &probe.waker()));
    }
    assert!(is_bomb(caught(|| cell.set(1))), "it resumes in the writer");
    assert_eq!(cell.get(), 1, "which has written");
    for (mut wait, probe) in waits {
        assert_eq!(probe.wakes(), 1);
        assert_ready_eq!(poll(&mut wait, &probe.waker()), 1);
    }
    cell.set(2);
}

#[test]
fn g7_a_panicking_waker_clone_or_drop_leaves_the_wait_usable() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        let ((mut wait, write), probe) = (make(), Probe::new());
        probe.on_clone(bomb);
        // In a combinator the poll that panicked is its last.
        let result = caught(|| poll(&mut wait, &probe.waker()).is_ready());
        assert!(is_bomb(result), "{name}");
        drop(wait);
        write(1);
        assert_eq!(probe.alive(), 0, "{name}");
        let ((mut wait, write), probe) = (make(), Probe::new());
        assert_pending!(poll(&mut wait, &probe.waker()));
        probe.on_drop(bomb);
        assert!(is_bomb(caught(|| drop(wait))), "{name}");
        write(1);
        assert_eq!((probe.alive(), probe.wakes()), (0, 0), "{name}");
        probe.calm();
    }
}

#[test]
fn g7_a_write_to_a_cell_while_unwinding_survives_panicking_wakers() {
    let name = "g7_a_write_to_a_cell_while_unwinding_survives_panicking_wakers";
    in_child(name, || {
        for CellWait { make, .. } in every_cell_wait() {
            let ((mut wait, write), probe) = (make(), Probe::new());
            probe.on_wake(bomb);
            assert_pending!(poll(&mut wait, &probe.waker()));
            while_unwinding(|| write(1));
            assert_ready_eq!(poll(&mut wait, &probe.waker()), 1);
        }
    });
}

#[test]
fn g7_dropping_a_wait_of_a_cell_while_unwinding_survives_panicking_wakers() {
    let name = "g7_dropping_a_wait_of_a_cell_while_unwinding_survives_panicking_wakers";
    in_child(name, || {
        for CellWait { make, .. } in every_cell_wait() {
            let ((mut wait, _), probe) = (make(), Probe::new());
            assert_pending!(poll(&mut wait, &probe.waker()));
            probe.on_drop(bomb);
            let mut wait = Some(wait);
            while_unwinding(|| drop(wait.take()));
            probe.calm();
        }
    });
}

/// The waker's panic unwinds through the write, whose predecessor has a destructor that panics.
#[test]
fn g7_a_broken_waker_and_a_broken_destructor_do_not_abort_a_write() {
    let name = "g7_a_broken_waker_and_a_broken_destructor_do_not_abort_a_write";
    in_child(name, || {
        type Write = fn(&AtomicReference<Hooked>);
        let writes: [Write; 5] = [
            |cell| cell.set(Arc::new(Hooked::plain(1))),
            |cell| drop(cell.get_and_set(Arc::new(Hooked::plain(1)))),
            |cell| drop(cell.update_and_get(|_| Arc::new(Hooked::plain(1)))),
            |cell| drop(cell.get_and_update(|_| Arc::new(Hooked::plain(1)))),
            |cell| {
                let seen = Arc::downgrade(&cell.get());
                drop(cell.update_and_get(|_| Arc::new(Hooked::plain(1))));
                drop(seen);
            },
        ];
        for write in writes {
            let (cell, probe) = (AtomicReference::new(Hooked::new(0, bomb)), Probe::new());
            let mut wait = Box::pin(cell.wait_for(|now| now.number == 1));
            let mut sound = task::spawn(cell.wait_for(|now| now.number == 1));
            assert_pending!(poll(&mut wait, &probe.waker()));
            assert_pending!(sound.poll());
            probe.on_wake(bomb);
            assert!(is_bomb(caught(|| write(&cell))));
            assert_eq!(assert_ready!(sound.poll()).number, 1);
        }
    });
}

/// A panicking closure holds the last handle of a value whose destructor panics.
#[test]
fn g7_a_broken_update_and_a_broken_destructor_do_not_abort() {
    let name = "g7_a_broken_update_and_a_broken_destructor_do_not_abort";
    in_child(name, || {
        let cell = AtomicReference::new(Hooked::new(0, bomb));
        let result = caught(|| {
            cell.update_and_get(|_| {
                cell.set(Arc::new(Hooked::plain(1)));
                panic!("first")
            })
        });
        assert_eq!(result.err().as_deref(), Some("first"));
        assert_eq!(cell.get().number, 1);
        // The other argument is dropped as well.
        let x = Arc::new(Hooked::new(2, bomb));
        let result = caught(|| cell.accumulate_and_get(x, |_, _| panic!("first")));
        assert_eq!(result.err().as_deref(), Some("first"));
    });
}

#[test]
fn g7_a_function_that_panics_changes_nothing_in_an_accumulator() {
    let most = Accumulator::new(
        |a: u64, b| if b == 13 { panic!("bomb") } else { a.max(b) },
        0,
    );
    most.accumulate(7);
    assert!(is_bomb(caught(|| most.accumulate(13))));
    assert_eq!(most.get(), 7);
    most.accumulate(8);
    assert_eq!((most.get_then_reset(), most.get()), (8, 0));
}

/// The rejected reference's destructor makes the current one the last handle, and panics.
#[test]
fn g7_two_broken_destructors_do_not_abort_an_exchange_that_fails() {
    let name = "g7_two_broken_destructors_do_not_abort_an_exchange_that_fails";
    in_child(name, || {
        let dropped = Arc::new(AtomicUsize::new(0));
        let counter = dropped.clone();
        let current = Hooked::new(0, move || {
            counter.fetch_add(1, Ordering::SeqCst);
            bomb();
        });
        let cell = Arc::new(AtomicReference::new(current));
        let writer = cell.clone();
        let rejected = Arc::new(Hooked::new(1, move || {
            writer.set(Arc::new(Hooked::plain(2)));
            panic!("first");
        }));
        let other = Arc::new(Hooked::plain(3));
        let result = caught(|| cell.compare_and_exchange(&other, rejected).is_ok());
        assert_eq!(result.err().as_deref(), Some("first"));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

/// A predicate writes while it is evaluated: what it is not asked about any more is dropped.
#[test]
fn g7_broken_destructors_of_values_that_nobody_judges_do_not_abort() {
    let name = "g7_broken_destructors_of_values_that_nobody_judges_do_not_abort";
    in_child(name, || {
        let cell = Arc::new(AtomicReference::new(Hooked::plain(0)));
        let writer = cell.clone();
        let mut wait = Box::pin(cell.wait_for(move |_| {
            writer.set(Arc::new(Hooked::new(1, bomb)));
            writer.set(Arc::new(Hooked::new(2, bomb)));
            writer.set(Arc::new(Hooked::plain(3)));
            true
        }));
        let waker = Probe::new().waker();
        assert!(is_bomb(caught(|| poll(&mut wait, &waker).is_ready())));
        assert_eq!(assert_ready!(poll(&mut wait, &waker)).number, 0);
    });
}

/// The state that the wait registered at is past when its first poll unwinds.
#[test]
fn g7_a_broken_waker_and_a_broken_destructor_do_not_abort_a_first_poll() {
    let name = "g7_a_broken_waker_and_a_broken_destructor_do_not_abort_a_first_poll";
    in_child(name, || {
        let cell = Arc::new(AtomicReference::new(Hooked::new(0, bomb)));
        let writer = cell.clone();
        let mut wait = Box::pin(cell.wait_for(move |now| {
            if now.number == 0 {
                writer.set(Arc::new(Hooked::plain(1)));
            }
            false
        }));
        let probe = Probe::new();
        probe.on_clone(|| panic!("first"));
        let result = caught(|| poll(&mut wait, &probe.waker()).is_ready());
        assert_eq!(result.err().as_deref(), Some("first"));
    });
}

/// The reference that was seen and the answer are both last handles.
#[test]
fn g7_two_broken_destructors_do_not_abort_an_answer() {
    let name = "g7_two_broken_destructors_do_not_abort_an_answer";
    in_child(name, || {
        let cell = AtomicReference::new(Hooked::new(0, || panic!("first")));
        // What was seen is not borrowed.
        let mut wait = Box::pin(cell.changed_from(&cell.get()));
        let waker = Probe::new().waker();
        assert_pending!(poll(&mut wait, &waker));
        cell.set(Arc::new(Hooked::new(1, bomb)));
        cell.set(Arc::new(Hooked::plain(2)));
        let result = caught(|| poll(&mut wait, &waker).is_ready());
        assert_eq!(result.err().as_deref(), Some("first"));
    });
}

/// A waker is left for who evaluates the predicate, who has just ended the wait: the answer is
/// taken all the same.
#[test]
fn g7_a_broken_waker_that_came_too_late_does_not_take_the_answer_with_it() {
    let cell = Arc::new(Atomic::new(0_u64));
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let mut wait = cell.wait_for(move |n| {
        if n == 1 {
            inside.send(()).expect("it waits");
            may_go.recv().expect("it is told");
        }
        n == 1
    });
    assert_pending!(poll(&mut wait, &Probe::new().waker()));
    let (writer, (done, is_done)) = (cell.clone(), mpsc::channel());
    let writing = thread::spawn(move || {
        writer.set(1);
        done.send(()).expect("it waits");
    });
    is_inside.recv().expect("the predicate is evaluated");
    let (probe, channels) = (Probe::new(), Mutex::new((go, is_done)));
    probe.on_clone(move || {
        let (go, is_done) = &*channels.lock().expect("nobody panics in here");
        go.send(()).expect("it waits");
        is_done.recv().expect("the write returns");
    });
    probe.on_drop(bomb);
    let waker = probe.waker();
    let answer = caught(|| poll(&mut wait, &waker));
    probe.calm();
    writing.join().expect("nothing panics in the writer");
    assert_ready_eq!(answer.expect("the panic ends with the waker"), 1);
}

/// With a turn whose condition holds no more: the turn goes on, and the wait stays where it was.
fn clone_panics_with_a_turn<F: Future<Output: Debug> + Unpin>(
    mut wait: F,
    set: &dyn Fn(i64),
) -> F::Output {
    let probe = Probe::new();
    assert_pending!(poll(&mut wait, &probe.waker()));
    set(1);
    set(0);
    assert_eq!(probe.wakes(), 1);
    probe.on_clone(|| panic!("clone"));
    let lost = caught(|| poll(&mut wait, &probe.waker()).is_ready());
    assert_eq!(lost, Err("clone".into()));
    // It has no waker now: it has its next turn all the same.
    set(2);
    assert_eq!(probe.wakes(), 1);
    probe.calm();
    assert_ready!(poll(&mut wait, &probe.waker()))
}

/// At the first poll: nothing has happened.
fn clone_panics_at_first<F: Future<Output: Debug> + Unpin>(
    mut wait: F,
    set: &dyn Fn(i64),
) -> F::Output {
    let probe = Probe::new();
    probe.on_clone(|| panic!("clone"));
    let first = caught(|| poll(&mut wait, &probe.waker()).is_ready());
    assert_eq!(first, Err("clone".into()));
    probe.calm();
    assert_pending!(poll(&mut wait, &probe.waker()));
    set(1);
    assert_eq!(probe.wakes(), 1);
    assert_ready!(poll(&mut wait, &probe.waker()))
}

#[test]
fn g7_a_waker_that_panics_when_cloned_costs_a_wait_in_line_neither_turn_nor_place() {
    let cell = AtomicI64::new(0);
    let set = |n| cell.set(n);
    let take = || cell.update_when(|n| n > 0, |n| n - 1);
    assert_eq!(clone_panics_with_a_turn(take(), &set), 1);
    set(0);
    assert_eq!(clone_panics_at_first(take(), &set), 0);

    let atom = Atom::new(0_i64);
    let set = |n| drop(atom.reset(n));
    let take = || atom.swap_when(|n| *n > 0, |n| n - 1);
    assert_eq!(*clone_panics_with_a_turn(take(), &set), 1);
    set(0);
    assert_eq!(*clone_panics_at_first(take(), &set), 0);
}

/// The turn that is lost by that poll goes to the next whose condition holds.
#[test]
fn g7_a_turn_lost_with_a_panicking_waker_is_handed_on() {
    let cell = AtomicI64::new(0);
    let probe = Probe::new();
    let mut two = Box::pin(cell.update_when(|n| n == 2, |n| n));
    let mut one = task::spawn(cell.update_when(|n| n == 1, |_| 7));
    assert_pending!(poll(&mut two, &probe.waker()));
    cell.set(2);
    cell.set(1);
    assert_pending!(one.poll());
    probe.on_clone(|| panic!("clone"));
    assert!(caught(|| poll(&mut two, &probe.waker()).is_ready()).is_err());
    assert!(one.is_woken());
    assert_ready_eq!(one.poll(), 7);
}

/// What stands in the cell itself of waits that were forgotten ends with it, whatever of that panics.
#[test]
fn g7_a_cell_ends_with_forgotten_waits_whose_destructors_panic() {
    let name = "g7_a_cell_ends_with_forgotten_waits_whose_destructors_panic";
    in_child(name, || {
        let (cell, probe) = (AtomicI64::new(0), Probe::new());
        for _ in 0..2 {
            let broken = OnDrop(bomb);
            let mut in_line = Box::pin(cell.update_when(
                move |n| {
                    let _ = &broken;
                    n == 7
                },
                |n| n,
            ));
            let mut level = Box::pin(cell.wait_equal(7));
            assert_pending!(poll(&mut in_line, &probe.waker()));
            assert_pending!(poll(&mut level, &probe.waker()));
            std::mem::forget((in_line, level));
        }
        assert_eq!(probe.alive(), 4);
        probe.on_drop(bomb);
        assert!(is_bomb(caught(|| drop(cell))));
        assert_eq!(probe.alive(), 0);
        probe.calm();
    });
}
