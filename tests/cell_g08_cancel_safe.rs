//! G8: every wait and stream of a cell may be dropped at any point, or be forgotten; nothing of it
//! disturbs the others. What becomes of a cancelled turn is in `cell_g05_selective_wake.rs`.
#![cfg(not(loom))]

mod support;

use std::mem::forget;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread;

use atomos::{Atomic, AtomicI64, AtomicReference};
use futures::StreamExt;
use support::{CellWait, Live, OnDrop, Probe, every_cell_wait, in_time, poll, two_threads};
use tokio_test::{assert_pending, assert_ready_eq, task};

#[test]
fn g8_a_dropped_wait_of_a_cell_leaves_no_waker_behind() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), probe) = (make(), Probe::new());
        assert_pending!(poll(&mut wait, &probe.waker()));
        assert_eq!(probe.alive(), 1, "{name}");
        drop(wait);
        assert_eq!(probe.alive(), 0, "{name}");
        write(1);
        assert_eq!(probe.wakes(), 0, "{name}");
    }
}

#[test]
fn g8_a_wait_of_a_cell_that_has_answered_leaves_no_waker_behind() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), probe) = (make(), Probe::new());
        assert_pending!(poll(&mut wait, &probe.waker()));
        write(1);
        assert_ready_eq!(poll(&mut wait, &probe.waker()), 1);
        write(0);
        write(1);
        assert_eq!((probe.alive(), probe.wakes()), (0, 1), "{name}");
    }
}

#[test]
fn g8_a_wait_of_a_cell_may_be_dropped_between_its_wake_and_its_poll() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), probe) = (make(), Probe::new());
        assert_pending!(poll(&mut wait, &probe.waker()));
        write(1);
        drop(wait);
        assert_eq!((probe.alive(), probe.wakes()), (0, 1), "{name}");
        write(2);
    }
}

#[test]
fn g8_a_wait_of_a_cell_dropped_before_its_first_poll_leaves_nothing() {
    for CellWait { make, .. } in every_cell_wait() {
        let (wait, write) = make();
        drop(wait);
        write(1);
    }
}

/// What the closures own goes with the future: at once, whatever others do.
#[test]
fn g8_predicates_of_a_cell_are_dropped_with_their_waits() {
    let (cell, live) = (AtomicI64::new(0), Live::new());
    let never = || {
        let part = live.value(());
        move |_: i64| {
            let _ = &part;
            false
        }
    };
    let mut waits: [Pin<Box<dyn Future<Output = ()> + Send + '_>>; 4] = [
        Box::pin(async { drop(cell.wait_for(never()).await.to_string()) }),
        Box::pin(cell.wait_map({
            let pred = never();
            move |n| pred(n).then_some(())
        })),
        Box::pin(async { drop(cell.update_when(never(), |n| n).await.to_string()) }),
        {
            let part = live.value(());
            Box::pin(async {
                let keep = move |n| {
                    let _ = &part;
                    n
                };
                drop(cell.update_when(|_| false, keep).await.to_string());
            })
        },
    ];
    for wait in &mut waits {
        assert_pending!(poll(wait, &Probe::new().waker()));
    }
    assert_eq!(live.count(), 4);
    cell.set(1);
    drop(waits);
    assert_eq!(live.count(), 0);
}

#[test]
fn g8_a_predicate_of_a_cell_in_use_is_dropped_right_after() {
    for in_line in [false, true] {
        in_time(move || {
            let (cell, (entered, inside)) = (AtomicI64::new(0), mpsc::channel());
            let (release, released) = mpsc::channel();
            let (gone, dropped) = mpsc::channel();
            let guard = OnDrop(move || gone.send(thread::current().id()).expect("awaited"));
            let pred = move |n| {
                let _ = &guard;
                if n == 1 {
                    entered.send(()).expect("awaited");
                    released.recv().expect("it is released");
                }
                false
            };
            let mut wait: Pin<Box<dyn Future<Output = i64> + Send + '_>> = match in_line {
                false => Box::pin(cell.wait_for(pred)),
                true => Box::pin(cell.update_when(pred, |n| n)),
            };
            assert_pending!(poll(&mut wait, &Probe::new().waker()));
            let write = || {
                cell.set(1);
                thread::current().id()
            };
            let cancel = move || {
                inside.recv().expect("it is being evaluated");
                drop(wait);
                assert!(dropped.try_recv().is_err(), "it is in use");
                release.send(()).expect("it waits");
                dropped.recv().expect("it is dropped")
            };
            let (writer, dropper) = two_threads(write, cancel);
            assert_eq!(writer, dropper, "by whoever evaluated it");
        });
    }
}

/// Every future and stream of a cell on the stack, parked and forgotten.
fn forget_all(cell: &AtomicI64) {
    let waker = Probe::new().waker();
    macro_rules! forgotten {
        ($wait:expr) => {{
            let mut wait = $wait;
            assert_pending!(poll(&mut wait, &waker));
            forget(wait);
        }};
    }
    forgotten!(cell.wait_for(|n| n == 99));
    forgotten!(cell.wait_map(|n| (n == 99).then_some(n)));
    forgotten!(cell.wait_equal(99));
    forgotten!(cell.wait_at_least(99));
    forgotten!(cell.wait_at_most(-99));
    forgotten!(cell.changed_from(cell.get()));
    // In line it may come to have a turn that it never uses.
    forgotten!(cell.update_when(|n| n == 99, |n| n));
    let mut values = cell.values();
    assert!(poll(&mut values.next(), &waker).is_ready());
    assert_pending!(poll(&mut values.next(), &waker));
    forget(values);
}

/// A cell moves, is written to, waited for and dropped, with all of that registered.
#[test]
fn g8_forgotten_waits_let_their_cell_be_moved_and_dropped() {
    let cell = AtomicI64::new(0);
    forget_all(&cell);
    let moved = Box::new(cell);
    // What the address was before is something else now.
    let other = AtomicI64::new(0);
    forget_all(&moved);
    (1..200).for_each(|n| moved.set(n % 100));
    (1..200).for_each(|n| other.set(-n));
    let mut sound = task::spawn(moved.wait_equal(7));
    assert_pending!(sound.poll());
    moved.set(7);
    assert_ready_eq!(sound.poll(), 7);
    drop(sound);
    let back = *moved;
    let mut again = task::spawn(back.wait_for(|n| n == 8));
    assert_pending!(again.poll());
    back.set(8);
    assert_ready_eq!(again.poll(), 8);
    drop(again);
    assert_eq!(back.into_inner(), 8);
}

#[test]
fn g8_a_forgotten_waker_is_called_after_its_cell_has_moved() {
    let (cell, probe) = (AtomicI64::new(0), Probe::new());
    let mut wait = cell.wait_at_least(5);
    assert_pending!(poll(&mut wait, &probe.waker()));
    forget(wait);
    let mut wait = cell.wait_for(|n| n == 5);
    assert_pending!(poll(&mut wait, &probe.waker()));
    forget(wait);
    let moved = Arc::new(cell);
    moved.set(5);
    assert_eq!((probe.wakes(), probe.alive()), (2, 0));
}

/// What waits for a cell moves with it, also into the place of another one that is waited for.
#[test]
fn g8_cells_that_trade_places_take_their_forgotten_waits_along() {
    let (mut one, mut other) = (AtomicI64::new(0), AtomicI64::new(0));
    let (of_one, of_other) = (Probe::new(), Probe::new());
    for (cell, probe) in [(&one, &of_one), (&other, &of_other)] {
        let mut wait = cell.wait_equal(5);
        assert_pending!(poll(&mut wait, &probe.waker()));
        forget(wait);
        let mut wait = cell.wait_for(|n| n == 5);
        assert_pending!(poll(&mut wait, &probe.waker()));
        forget(wait);
    }
    std::mem::swap(&mut one, &mut other);
    one.set(5);
    assert_eq!((of_one.wakes(), of_other.wakes()), (0, 2));
    other.set(5);
    assert_eq!((of_one.wakes(), of_other.wakes()), (2, 2));
}

#[test]
fn g8_forgotten_waits_let_their_reference_be_moved_and_dropped() {
    let live = Live::new();
    let waker = Probe::new().waker();
    let cell = AtomicReference::new(live.value(0));
    let mut wait = cell.wait_for(|n| ***n == 99);
    assert_pending!(poll(&mut wait, &waker));
    forget(wait);
    let mut wait = cell.wait_map(|n| (***n == 99).then_some(()));
    assert_pending!(poll(&mut wait, &waker));
    forget(wait);
    let seen = cell.get();
    let mut wait = Box::pin(cell.changed_from(&seen));
    assert_pending!(poll(&mut wait, &waker));
    forget(wait);
    drop(seen);
    let moved = Box::new(cell);
    (1..150).for_each(|n| moved.set(Arc::new(live.value(n))));
    drop(moved);
    // What was seen stays, for its address must not be taken by another; and the answers,
    // which nobody takes.
    assert!(live.count() <= 4, "{}", live.count());
}

/// A turn that was given to a forgotten wait is lost; the line goes on with later writes.
#[test]
fn g8_a_forgotten_turn_does_not_stop_the_line() {
    let cell = Atomic::new(0_u64);
    let mut wait = cell.update_when(|n| n > 0, |n| n - 1);
    assert_pending!(poll(&mut wait, &Probe::new().waker()));
    forget(wait);
    let mut next = task::spawn(cell.update_when(|n| n > 0, |n| n - 1));
    assert_pending!(next.poll());
    cell.set(1);
    cell.set(2);
    assert!(next.is_woken());
    assert_ready_eq!(next.poll(), 1);
}

/// Cancelled on one thread while another writes what satisfies it, over and over.
#[test]
fn g8_cancelling_a_wait_of_a_cell_races_with_the_write() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        in_time(move || {
            for _ in 0..200 {
                let ((mut wait, write), probe) = (make(), Probe::new());
                assert_pending!(poll(&mut wait, &probe.waker()));
                two_threads(|| drop(wait), || write(1));
                assert_eq!(probe.alive(), 0, "{name}");
                assert!(probe.wakes() <= 1);
            }
        });
    }
}

/// Nobody hangs who polls a wait once too often.
#[test]
fn g8_a_wait_of_a_cell_that_has_answered_says_so_when_it_is_polled_again() {
    fn again<R>(name: &str, wait: impl Future<Output = R>) {
        let (mut wait, waker) = (std::pin::pin!(wait), std::task::Waker::noop());
        let mut cx = std::task::Context::from_waker(waker);
        assert!(wait.as_mut().poll(&mut cx).is_ready(), "{name}");
        let text = support::caught(|| wait.as_mut().poll(&mut cx).is_ready()).unwrap_err();
        assert!(
            text.contains("polled after it had ended"),
            "{name}: {text:?}"
        );
    }
    let (cell, reference) = (Atomic::new(1_u64), AtomicReference::new(1));
    again("wait_at_least", cell.wait_at_least(1));
    again("wait_at_most", cell.wait_at_most(1));
    again("wait_equal", cell.wait_equal(1));
    again("changed_from", cell.changed_from(0));
    again("wait_for", cell.wait_for(|n| n == 1));
    again("update_when", cell.update_when(|n| n == 1, |n| n));
    again("wait_for", reference.wait_for(|n| **n == 1));
    again("changed_from", reference.changed_from(&Arc::new(1)));
}
