//! G6: what a closure or a waker cannot do is block until a later write of the cell whose write
//! it is told of. It is told so, instead of hanging.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use atomos::{AtomicI64, AtomicReference};
use support::{Boxed, Probe, caught, in_time, poll};
use tokio_test::{assert_pending, assert_ready_eq, task};

/// A closure that blocks would hold up the delivery that it waits for.
#[test]
fn g6_a_blocking_wait_inside_a_delivery_of_its_cell_panics_or_times_out() {
    fn inside(wait: fn(&AtomicI64) -> Option<i64>) -> Result<Option<i64>, String> {
        in_time(move || {
            let (cell, outcome) = (Arc::new(AtomicI64::new(0)), Arc::new(Mutex::new(None)));
            let (inner, slot) = (cell.clone(), outcome.clone());
            let mut parked = task::spawn(cell.wait_for(move |n| {
                if n == 1 {
                    *slot.lock().expect("not poisoned") = Some(caught(|| wait(&inner)));
                }
                n == 2
            }));
            assert_pending!(parked.poll());
            cell.set(1);
            cell.set(2);
            assert_ready_eq!(parked.poll(), 2);
            outcome
                .lock()
                .expect("not poisoned")
                .take()
                .expect("it has run")
        })
    }
    let text = inside(|cell| Some(cell.blocking_wait_for(|n| n == 99)));
    let text = text.expect_err("it would hang");
    assert!(text.contains("blocking_wait_for"), "{text}");
    let short =
        |cell: &AtomicI64| cell.blocking_wait_for_timeout(|n| n == 99, Duration::from_millis(2));
    assert_eq!(inside(short), Ok(None));
    let holds: fn(&AtomicI64) -> Option<i64> = |cell| Some(cell.blocking_wait_for(|n| n == 1));
    assert_eq!(inside(holds), Ok(Some(1)));
}

/// The outcome of a blocking wait in the waker of a wait for 1, of each kind.
fn inside_a_waker(block: fn(&AtomicI64) -> Option<i64>) -> Vec<Result<Option<i64>, String>> {
    type Start = fn(Arc<AtomicI64>) -> Boxed<i64>;
    let kinds: [Start; 6] = [
        |cell| Box::pin(async move { cell.wait_for(|n| n == 1).await }),
        |cell| Box::pin(async move { cell.update_when(|n| n == 1, |n| n).await }),
        |cell| Box::pin(async move { cell.wait_equal(1).await }),
        |cell| Box::pin(async move { cell.wait_at_least(1).await }),
        |cell| Box::pin(async move { -cell.wait_at_most(-1).await }),
        |cell| Box::pin(async move { cell.changed_from(0).await }),
    ];
    let outcome = |(kind, start): (usize, Start)| {
        in_time(move || {
            let (cell, probe) = (Arc::new(AtomicI64::new(0)), Probe::new());
            let mut wait = start(cell.clone());
            // One more of each, so that somebody is held up.
            let mut behind = task::spawn(start(cell.clone()));
            assert_pending!(poll(&mut wait, &probe.waker()));
            assert_pending!(behind.poll());
            let (inner, outcome) = (cell.clone(), Arc::new(Mutex::new(None)));
            let slot = outcome.clone();
            probe.on_wake(move || {
                *slot.lock().expect("not poisoned") = Some(caught(|| block(&inner)))
            });
            cell.set(if kind == 4 { -1 } else { 1 });
            assert_ready_eq!(poll(&mut wait, &probe.waker()), 1);
            assert_ready_eq!(behind.poll(), 1);
            let outcome = outcome.lock().expect("not poisoned").take();
            outcome.expect("the waker was called")
        })
    };
    (0..).zip(kinds).map(outcome).collect()
}

#[test]
fn g6_a_blocking_wait_inside_a_waker_of_its_cell_panics_or_times_out() {
    for outcome in inside_a_waker(|cell| Some(cell.blocking_wait_for(|n| n == 99))) {
        let text = outcome.expect_err("it would hang");
        assert!(text.contains("blocking_wait_for"), "{text}");
    }
    let timed = inside_a_waker(|cell| {
        cell.blocking_wait_for_timeout(|n| n == 99, Duration::from_millis(2))
    });
    assert!(timed.iter().all(|outcome| *outcome == Ok(None)));
    let held = inside_a_waker(|cell| Some(cell.blocking_wait_for(|n| n != 0).abs()));
    assert!(held.iter().all(|outcome| *outcome == Ok(Some(1))));
}

/// Nor through another cell, whose delivery is an inner frame of the same thread.
#[test]
fn g6_a_blocking_wait_inside_a_nested_delivery_panics() {
    let text = in_time(|| {
        let (outer, inner) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let (first, second, outcome) = (Probe::new(), Probe::new(), Arc::new(Mutex::new(None)));
        let mut one = outer.wait_at_least(1);
        let mut two = inner.wait_at_least(1);
        assert_pending!(poll(&mut one, &first.waker()));
        assert_pending!(poll(&mut two, &second.waker()));
        let (next, blocked, slot) = (inner.clone(), outer.clone(), outcome.clone());
        first.on_wake(move || next.set(1));
        second.on_wake(move || {
            let result = caught(|| blocked.blocking_wait_for(|n| n == 99));
            *slot.lock().expect("not poisoned") = result.err();
        });
        outer.set(1);
        // Afterwards the thread may block again.
        assert_eq!(outer.blocking_wait_for(|n| n == 1), 1);
        let seen = outer.blocking_wait_for_timeout(|n| n == 99, Duration::ZERO);
        assert_eq!(seen, None);
        outcome.lock().expect("not poisoned").take()
    });
    assert!(text.expect("it would hang").contains("blocking_wait_for"));
}

#[test]
fn g6_a_blocking_wait_inside_a_delivery_of_its_reference_panics() {
    let text = in_time(|| {
        let (cell, outcome) = (
            Arc::new(AtomicReference::new(0)),
            Arc::new(Mutex::new(None)),
        );
        let (inner, slot) = (Arc::downgrade(&cell), outcome.clone());
        let mut parked = task::spawn(cell.wait_for(move |n| {
            let cell = inner.upgrade().expect("it is borrowed");
            if **n == 1 {
                let result = caught(|| cell.blocking_wait_for(|n| **n == 99));
                *slot.lock().expect("not poisoned") = result.err();
            }
            **n == 1
        }));
        assert_pending!(parked.poll());
        cell.set(Arc::new(1));
        assert!(parked.is_woken());
        outcome.lock().expect("not poisoned").take()
    });
    assert!(text.expect("it would hang").contains("blocking_wait_for"));
}
