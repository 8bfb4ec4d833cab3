//! G4: the waits of a cell are answered by the first value that satisfies them, from the first poll
//! on, even if the next write has overwritten it at once. Random sequences are in
//! `cell_g04_model.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};
use std::thread;

use atomos::{AtomicBool, AtomicF64, AtomicI64, AtomicReference, AtomicU64};
use support::{CellWait, Probe, every_cell_wait, in_time, park_until_ready, poll, two_threads};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

#[test]
fn g4_what_came_and_went_is_seen_by_every_lossless_wait_of_a_cell() {
    for CellWait { name, make, .. } in every_cell_wait().into_iter().filter(|w| w.lossless) {
        let (wait, write) = make();
        let mut wait = task::spawn(wait);
        assert_pending!(wait.poll());
        write(1);
        write(0);
        write(1);
        write(0);
        assert!(wait.is_woken(), "{name}");
        assert_ready_eq!(wait.poll(), 1, "{name}");
    }
}

#[test]
fn g4_what_was_before_the_first_poll_does_not_count() {
    for CellWait { name, make, .. } in every_cell_wait() {
        // Its "seen" is taken in the first poll of this harness.
        let (wait, write) = make();
        let mut wait = task::spawn(wait);
        write(1);
        write(0);
        assert_pending!(wait.poll(), "{name}");
        write(1);
        assert_ready_eq!(wait.poll(), 1, "{name}");
    }
}

#[test]
fn g4_thresholds_give_the_value_of_the_write_that_crossed() {
    let cell = AtomicI64::new(0);
    let mut up = task::spawn(cell.wait_at_least(10));
    let mut down = task::spawn(cell.wait_at_most(-10));
    assert_pending!(up.poll());
    assert_pending!(down.poll());
    for n in [9, -9, 12, 10, -12, -10, 0] {
        cell.set(n);
    }
    assert_ready_eq!(up.poll(), 12);
    assert_ready_eq!(down.poll(), -12);
    // What holds already is answered at once, by what is there.
    cell.set(77);
    assert_ready_eq!(task::spawn(cell.wait_at_least(10)).poll(), 77);
    assert_ready_eq!(task::spawn(cell.wait_at_most(77)).poll(), 77);
    assert_ready_eq!(task::spawn(cell.wait_equal(77)).poll(), 77);
    assert_ready_eq!(task::spawn(cell.changed_from(76)).poll(), 77);
}

#[test]
fn g4_a_jump_over_a_level_neither_answers_a_wait_nor_loses_it() {
    let cell = AtomicU64::new(0);
    let mut waits: Vec<_> = (10..20).map(|n| task::spawn(cell.wait_equal(n))).collect();
    for wait in &mut waits {
        assert_pending!(wait.poll());
    }
    for n in [100, 0, u64::MAX, 9, 20, 5] {
        cell.set(n);
        assert!(waits.iter().all(|wait| !wait.is_woken()));
    }
    for n in [15, 100, 10, 19, 0, 14, 11, 12, 13, 16, 18, 17] {
        cell.set(n);
        let woken = |at: usize| waits[at].is_woken();
        assert!(!(10..20).contains(&n) || woken(n as usize - 10), "{n}");
    }
    for (n, wait) in (10..20).zip(&mut waits) {
        assert_ready_eq!(wait.poll(), n);
    }
}

#[test]
fn g4_floats_are_compared_as_numbers_by_levels_and_as_bits_by_changes() {
    let cell = AtomicF64::new(-0.0);
    assert_ready_eq!(task::spawn(cell.wait_equal(0.0)).poll(), -0.0);
    assert_ready_eq!(task::spawn(cell.wait_at_least(0.0)).poll(), 0.0);
    let changed = assert_ready!(task::spawn(cell.changed_from(0.0)).poll());
    assert!(changed.is_sign_negative());
    cell.set(f64::NAN);
    assert_pending!(task::spawn(cell.wait_equal(f64::NAN)).poll());
    assert_pending!(task::spawn(cell.wait_at_least(f64::NEG_INFINITY)).poll());
    assert_pending!(task::spawn(cell.wait_at_most(f64::INFINITY)).poll());
    assert_pending!(task::spawn(cell.changed_from(f64::NAN)).poll());
    assert!(assert_ready!(task::spawn(cell.changed_from(-f64::NAN)).poll()).is_nan());
    // A bound that nothing meets waits beside one that is met, and can be left.
    let mut never = task::spawn(cell.wait_at_least(f64::NAN));
    let mut soon = task::spawn(cell.wait_at_least(1.0));
    assert_pending!(never.poll());
    assert_pending!(soon.poll());
    cell.set(f64::INFINITY);
    assert!(soon.is_woken() && !never.is_woken());
    drop(never);
    assert_ready_eq!(soon.poll(), f64::INFINITY);
}

#[test]
fn g4_every_verb_that_writes_offers_what_it_has_written() {
    type Verb = fn(&AtomicI64);
    let verbs: [Verb; 14] = [
        |cell| cell.set(7),
        |cell| {
            cell.get_and_set(7);
        },
        |cell| {
            cell.compare_and_set(0, 7);
        },
        |cell| {
            cell.get_and_update(|_| 7);
        },
        |cell| {
            cell.accumulate_and_get(7, |a, b| a + b);
        },
        |cell| {
            assert_eq!(cell.update_if(|_| Some(7)), Ok(7));
        },
        |cell| cell.modify(|_| (7, ())),
        |cell| {
            cell.add_and_get(7);
        },
        |cell| {
            cell.get_and_subtract(-7);
        },
        |cell| {
            cell.max_and_get(7);
        },
        |cell| {
            cell.get_and_max(7);
        },
        |cell| {
            cell.bitwise_or_and_get(7);
        },
        |cell| {
            cell.get_and_bitwise_xor(7);
        },
        |cell| {
            park_until_ready(cell.update_when(|_| true, |_| 7));
        },
    ];
    for verb in verbs {
        let cell = AtomicI64::new(0);
        let mut level = task::spawn(cell.wait_at_least(5));
        let mut closure = task::spawn(cell.wait_for(|n| n == 7));
        assert_pending!(level.poll());
        assert_pending!(closure.poll());
        verb(&cell);
        assert!(level.is_woken() && closure.is_woken());
        cell.set(0);
        assert_ready_eq!(level.poll(), 7);
        assert_ready_eq!(closure.poll(), 7);
    }
    let cell = AtomicBool::new(false);
    let mut on = task::spawn(cell.wait_equal(true));
    assert_pending!(on.poll());
    cell.toggle_and_get();
    cell.get_and_toggle();
    assert_ready_eq!(on.poll(), true);
}

/// A closure is shown every value of a single writer, once and in order.
#[test]
fn g4_a_predicate_is_shown_every_value_of_one_writer_in_order() {
    const LAST: u64 = 2_000;
    in_time(|| {
        let (cell, log) = (AtomicU64::new(0), Arc::new(Mutex::new(Vec::new())));
        let shown = log.clone();
        let mut wait = Box::pin(cell.wait_for(move |n| {
            shown.lock().expect("not poisoned").push(n);
            n == LAST
        }));
        assert!(futures::FutureExt::now_or_never(&mut wait).is_none());
        let write = || {
            (0..LAST).for_each(|_| {
                cell.increment_and_get();
            })
        };
        assert_eq!(two_threads(|| park_until_ready(wait), write).0, LAST);
        let log = log.lock().expect("not poisoned");
        assert!(log.iter().copied().eq(0..=LAST), "out of order: {log:?}");
    });
}

/// Values that exist for one write only, while others wait, come and go: each parked wait has its own.
#[test]
fn g4_no_transient_value_is_missed_while_others_come_and_go() {
    const LAST: u64 = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    in_time(|| {
        let cell = AtomicU64::new(0);
        let mut equal: Vec<_> = (1..=100)
            .map(|n| n * (LAST / 100))
            .map(|n| (n, task::spawn(cell.wait_equal(n))))
            .collect();
        let mut closure: Vec<_> = (1..=20)
            .map(|n| n * (LAST / 20))
            .map(|n| (n, task::spawn(cell.wait_for(move |m| m == n))))
            .collect();
        equal
            .iter_mut()
            .for_each(|(_, wait)| assert_pending!(wait.poll()));
        closure
            .iter_mut()
            .for_each(|(_, wait)| assert_pending!(wait.poll()));
        let cell = &cell;
        thread::scope(|scope| {
            let writer = scope.spawn(move || {
                (0..LAST).for_each(|_| {
                    cell.increment_and_get();
                })
            });
            while !writer.is_finished() {
                assert_pending!(task::spawn(cell.wait_equal(LAST + 1)).poll());
                assert_pending!(task::spawn(cell.wait_at_least(LAST + 1)).poll());
                assert_pending!(task::spawn(cell.wait_for(|_| false)).poll());
                let _ = task::spawn(cell.changed_from(cell.get())).poll();
            }
        });
        for (n, mut wait) in equal {
            assert_ready_eq!(wait.poll(), n);
        }
        for (n, mut wait) in closure {
            assert_ready_eq!(wait.poll(), n);
        }
    });
}

/// Writers race; every write is offered exactly once, though a slow predicate makes them hand
/// the delivery from one to the other, and every level that was passed through is answered.
#[test]
fn g4_every_write_of_racing_writers_is_offered() {
    const EACH: u64 = 1_000;
    in_time(|| {
        let (cell, log) = (AtomicU64::new(u64::MAX), Arc::new(Mutex::new(Vec::new())));
        let shown = log.clone();
        let mut wait = task::spawn(cell.wait_for(move |n| {
            shown.lock().expect("not poisoned").push(n);
            if n % 16 == 0 {
                thread::yield_now();
            }
            false
        }));
        let mut levels: Vec<_> = (0..3 * EACH)
            .map(|n| task::spawn(cell.wait_equal(n)))
            .collect();
        assert_pending!(wait.poll());
        levels
            .iter_mut()
            .for_each(|wait| assert_pending!(wait.poll()));
        let cell = &cell;
        thread::scope(|scope| {
            for thread in 0..3 {
                scope.spawn(move || (0..EACH).for_each(|n| cell.set(3 * n + thread)));
            }
        });
        let mut log = std::mem::take(&mut *log.lock().expect("not poisoned"));
        assert_eq!(log.remove(0), u64::MAX, "what it was at first");
        log.sort_unstable();
        // Whoever overwrites a value whose writer has not told it yet does so, and then its writer
        // does: once more at most.
        let calls = log.len() as u64;
        log.dedup();
        assert!(log.into_iter().eq(0..3 * EACH), "not each of them");
        assert!(calls <= 2 * 3 * EACH, "{calls} calls");
        for (n, wait) in (0..).zip(&mut levels) {
            assert_ready_eq!(wait.poll(), n);
        }
    });
}

#[test]
fn g4_references_give_the_very_one_the_predicate_accepted() {
    let (cell, one) = (AtomicReference::new(0), Arc::new(1));
    let mut wait = task::spawn(cell.wait_for(|n| **n == 1));
    let zero = cell.get();
    let mut changed = task::spawn(Box::pin(cell.changed_from(&zero)));
    assert_pending!(wait.poll());
    assert_pending!(changed.poll());
    cell.set(zero.clone());
    assert!(!changed.is_woken(), "the same one");
    cell.set(one.clone());
    cell.set(Arc::new(1));
    cell.set(zero.clone());
    assert!(Arc::ptr_eq(&assert_ready!(wait.poll()), &one));
    assert!(Arc::ptr_eq(&assert_ready!(changed.poll()), &one));
}

/// A waker that writes, called by a write: its value comes second.
#[test]
fn g4_a_waker_that_writes_does_not_overtake_the_write_that_called_it() {
    let cell = Arc::new(AtomicU64::new(0));
    let mut wait = task::spawn(cell.wait_for(|n| n > 0));
    assert_pending!(wait.poll());
    let (mut level, probe) = (cell.wait_equal(1), Probe::new());
    let writer = cell.clone();
    probe.on_wake(move || writer.set(2));
    assert_pending!(poll(&mut level, &probe.waker()));
    cell.set(1);
    assert_eq!(cell.get(), 2);
    assert_ready_eq!(wait.poll(), 1);
}
