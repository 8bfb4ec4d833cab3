//! G2: no wait and no stream of a cell sleeps past a write that satisfies it, wherever
//! the write comes in: also inside `Waker::clone`, between "check" and "register".
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use atomos::{Atomic, AtomicReference};
use futures::{Stream, StreamExt};
use support::{
    Boxed, CellWait, LIMIT, Probe, every_cell_wait, in_time, once, park_until_ready, poll,
    two_threads,
};
use tokio_test::{assert_pending, assert_ready_eq, task};

#[test]
fn g2_every_cell_wait_is_woken_by_the_write_it_waits_for() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        let (wait, write) = make();
        let mut wait = task::spawn(wait);
        assert_pending!(wait.poll());
        write(1);
        assert!(wait.is_woken(), "{name}");
        assert_ready_eq!(wait.poll(), 1);
    }
}

#[test]
fn g2_every_cell_wait_wakes_the_task_that_polled_last() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), first, last) = (make(), Probe::new(), Probe::new());
        assert_pending!(poll(&mut wait, &first.waker()));
        assert_pending!(poll(&mut wait, &last.waker()));
        assert_eq!(first.alive(), 0, "{name}: the first task's waker is let go");
        write(1);
        assert_eq!((first.wakes(), last.wakes()), (0, 1), "{name}");
        assert_ready_eq!(poll(&mut wait, &last.waker()), 1);
    }
}

/// A task is polled for many reasons; that costs no wait a clone of a waker that it has already.
#[test]
fn g2_every_cell_wait_clones_the_waker_of_one_task_once() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), probe) = (make(), Probe::new());
        let waker = probe.waker();
        for _ in 0..3 {
            assert_pending!(poll(&mut wait, &waker));
        }
        write(1);
        assert_ready_eq!(poll(&mut wait, &waker), 1);
        assert_eq!(probe.clones(), 1, "{name}");
    }
}

/// The answer is there, or the task has been woken to fetch it.
#[track_caller]
fn assert_answered(name: &str, first: Poll<u64>, wait: &mut Boxed<u64>, probe: &Arc<Probe>) {
    match first {
        Poll::Ready(seen) => assert_eq!(seen, 1, "{name}"),
        Poll::Pending => {
            assert!(probe.wakes() > 0, "{name} sleeps past the write");
            probe.calm();
            assert_ready_eq!(poll(wait, &probe.waker()), 1, "{name}");
        }
    }
}

#[test]
fn g2_no_cell_wait_misses_a_write_made_in_a_waker_clone() {
    for CellWait { name, make, .. } in every_cell_wait() {
        let ((mut wait, write), probe) = (make(), Probe::new());
        probe.on_clone(once(move || write(1)));
        let first = poll(&mut wait, &probe.waker());
        assert!(probe.clones() > 0, "{name}: the hook has run");
        assert_answered(name, first, &mut wait, &probe);
    }
}

/// The write leaves the value as it is; what has changed is what the predicate looks at beside it.
#[test]
fn g2_no_wait_misses_a_write_of_an_equal_value_made_in_a_waker_clone() {
    let (cell, is_open) = (Arc::new(Atomic::new(0)), Arc::new(AtomicBool::new(false)));
    let seen = is_open.clone();
    let mut wait = Box::pin(cell.wait_for(move |_| seen.load(SeqCst)));
    let (writer, probe) = (cell.clone(), Probe::new());
    probe.on_clone(once(move || {
        is_open.store(true, SeqCst);
        writer.set(0);
    }));
    let first = poll(&mut wait, &probe.waker());
    assert!(first.is_ready() || probe.wakes() > 0);
}

/// As above in a later poll, which replaces a waker that is parked already.
#[test]
fn g2_no_cell_wait_misses_a_write_made_while_its_waker_is_replaced() {
    for CellWait { name, make, .. } in every_cell_wait() {
        for in_clone in [true, false] {
            let ((mut wait, write), old, new) = (make(), Probe::new(), Probe::new());
            assert_pending!(poll(&mut wait, &old.waker()));
            let write = once(move || write(1));
            match in_clone {
                true => new.on_clone(write),
                false => old.on_drop(write),
            }
            let first = poll(&mut wait, &new.waker());
            old.calm();
            assert_answered(name, first, &mut wait, &new);
        }
    }
}

/// The hooked write comes and goes: those that keep the first value have it all the same.
#[test]
fn g2_no_lossless_cell_wait_misses_a_value_that_came_and_went_in_a_waker_clone() {
    for CellWait { name, make, .. } in every_cell_wait().into_iter().filter(|w| w.lossless) {
        let ((mut wait, write), probe) = (make(), Probe::new());
        probe.on_clone(once(move || {
            write(1);
            write(0);
        }));
        let first = poll(&mut wait, &probe.waker());
        assert_answered(name, first, &mut wait, &probe);
    }
}

/// Streams go on: each later item of them is as safe as the first.
#[test]
fn g2_no_stream_misses_a_write_made_in_any_later_waker_clone() {
    let cell = Arc::new(Atomic::new(0_u64));
    every_item_comes(&cell, cell.values());
    every_item_comes(&cell, cell.clone().values_owned());
}

fn every_item_comes(cell: &Arc<Atomic<u64>>, mut values: impl Stream<Item = u64> + Unpin) {
    let waker = Probe::new().waker();
    assert!(poll(&mut values.next(), &waker).is_ready());
    for n in 1..50 {
        let (probe, writer) = (Probe::new(), cell.clone());
        probe.on_clone(once(move || writer.set(n)));
        let mut item = poll(&mut values.next(), &probe.waker());
        if item.is_pending() {
            assert!(probe.wakes() > 0, "it sleeps past {n}");
            item = poll(&mut values.next(), &waker);
        }
        assert_ready_eq!(item, Some(n));
    }
}

/// The wait races with the write, from the first poll to the wake.
#[test]
fn g2_every_cell_wait_survives_a_race_with_the_write() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        in_time(move || {
            for _ in 0..300 {
                let (wait, write) = make();
                let seen = match name {
                    // It may begin after the write, and would then wait for another.
                    "AtomicReference::changed_from" => {
                        let (mut wait, waker) = (wait, Probe::new().waker());
                        assert_pending!(poll(&mut wait, &waker));
                        two_threads(|| park_until_ready(wait), || write(1)).0
                    }
                    _ => two_threads(|| park_until_ready(wait), || write(1)).0,
                };
                assert_eq!(seen, 1);
            }
        });
    }
}

/// Two sides, each waits until the other has written: one lost wake-up ends it.
fn take_turns(wait: impl Fn(&Atomic<u32>, u32) + Send + Sync + 'static) {
    in_time(move || {
        let cell = Atomic::new(0_u32);
        let (cell, wait) = (&cell, &wait);
        let turns = |side: u32| {
            move || {
                for round in 0..1_500 {
                    wait(cell, 2 * round + side);
                    cell.increment_and_get();
                }
            }
        };
        two_threads(turns(0), turns(1));
        assert_eq!(cell.get(), 3_000);
    });
}

#[test]
fn g2_two_threads_take_turns_by_every_wait() {
    take_turns(|cell, n| {
        park_until_ready(cell.wait_at_least(n));
    });
    take_turns(|cell, n| {
        park_until_ready(cell.wait_equal(n));
    });
    take_turns(|cell, n| {
        park_until_ready(cell.wait_for(move |m| m == n));
    });
    take_turns(|cell, n| {
        park_until_ready(cell.update_when(move |m| m == n, |m| m));
    });
    take_turns(|cell, n| {
        cell.blocking_wait_for(|m| m == n);
    });
    take_turns(|cell, n| {
        assert!(cell.blocking_wait_for_timeout(|m| m == n, LIMIT).is_some());
    });
    take_turns(|cell, n| {
        if n > 0 && cell.get() == n - 1 {
            park_until_ready(cell.changed_from(n - 1));
        }
    });
}

#[test]
fn g2_two_threads_take_turns_by_a_reference() {
    in_time(|| {
        let cell = AtomicReference::new(0_u32);
        let turns = |side: u32| {
            let cell = &cell;
            move || {
                for _ in 0..1_500 {
                    park_until_ready(cell.wait_for(move |n| **n % 2 == side));
                    cell.update_and_get(|n| Arc::new(**n + 1));
                }
            }
        };
        two_threads(turns(0), turns(1));
        assert_eq!(*cell.get(), 3_000);
    });
}

#[test]
fn g2_a_time_out_of_a_cell_is_kept_and_a_write_beats_it() {
    let (cell, short) = (Atomic::new(0), Duration::from_millis(5));
    assert_eq!(cell.blocking_wait_for_timeout(|n| n == 1, short), None);
    let zero = Duration::ZERO;
    assert_eq!(cell.blocking_wait_for_timeout(|n| n == 1, zero), None);
    cell.set(1);
    assert_eq!(cell.blocking_wait_for_timeout(|n| n == 1, zero), Some(1));
    let reference = AtomicReference::new(0);
    let missing = reference.blocking_wait_for_timeout(|n| **n == 1, short);
    assert!(missing.is_none());
    // A time-out too far away to be told is none.
    let wait = || reference.blocking_wait_for_timeout(|n| **n == 1, Duration::MAX);
    let (seen, ()) = two_threads(wait, || reference.set(Arc::new(1)));
    assert_eq!(seen.as_deref(), Some(&1));
}
