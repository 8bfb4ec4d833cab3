//! G6: update closures, predicates, wakers and destructors may call anything on the same cell.
#![cfg(not(loom))]

mod support;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atomos::{Atomic, AtomicI64, AtomicMarkableReference, AtomicReference, AtomicStampedReference};
use futures::FutureExt;
use support::{CellWait, Hooked, Probe, every_cell_wait, in_time, once, poll};
use tokio_test::{assert_pending, assert_ready_eq, task};

type Waiting = Pin<Box<dyn Future<Output = i64> + Send>>;

/// Each kind of wait for a cell to become 1, which then owns its part of it.
fn kinds(cell: &Arc<AtomicI64>) -> Vec<Waiting> {
    macro_rules! owned {
        (|$cell:ident| $wait:expr) => {{
            let $cell = cell.clone();
            Box::pin(async move { $wait.await })
        }};
    }
    vec![
        owned!(|cell| cell.wait_for(|n| n == 1)),
        owned!(|cell| cell.wait_map(|n| (n == 1).then_some(n))),
        owned!(|cell| cell.wait_equal(1)),
        owned!(|cell| cell.wait_at_least(1)),
        owned!(|cell| cell.wait_at_most(-1)),
        owned!(|cell| cell.changed_from(0)),
        owned!(|cell| cell.update_when(|n| n == 1, |n| n)),
    ]
}

const KINDS: usize = 7;

/// Everything that a waker or a closure could do with the cell it is called for.
fn everything(cell: &Arc<AtomicI64>) {
    cell.set(2);
    cell.increment_and_get();
    assert_ne!(cell.get(), 0);
    cell.set(0);
    for mut wait in kinds(cell) {
        // Parked, told, dropped.
        let _ = (&mut wait).now_or_never();
    }
    let mut parked = kinds(cell);
    for wait in &mut parked {
        let _ = wait.now_or_never();
    }
    cell.set(1);
    drop(parked);
    let mut values = cell.clone().values_owned();
    let _ = futures::StreamExt::next(&mut values).now_or_never();
    let _ = futures::StreamExt::next(&mut values).now_or_never();
    assert!(
        cell.blocking_wait_for_timeout(|n| n == 77, Duration::ZERO)
            .is_none()
    );
}

/// Parks one wait of each kind, with hooks that do everything; then writes.
fn hooked(at: fn(&Probe, Box<dyn Fn() + Send + Sync>)) {
    for kind in 0..KINDS {
        println!("kind {kind}");
        in_time(move || {
            let cell = Arc::new(AtomicI64::new(0));
            let mut waits = kinds(&cell);
            let (probe, inside) = (Probe::new(), cell.clone());
            at(&probe, Box::new(once(move || everything(&inside))));
            // First, for one write gives one turn.
            let first = poll(&mut waits[kind], &probe.waker());
            cell.set(0);
            let mut neighbours: Vec<_> = kinds(&cell).into_iter().map(task::spawn).collect();
            for wait in &mut neighbours {
                assert_pending!(wait.poll());
            }
            cell.set(-1);
            cell.set(0);
            cell.set(1);
            probe.calm();
            // Replaces the hooked waker.
            let second = first
                .is_pending()
                .then(|| poll(&mut waits[kind], &Probe::new().waker()));
            assert!(second.is_none_or(|answer| answer.is_ready()), "kind {kind}");
            for (n, wait) in neighbours.iter_mut().enumerate() {
                assert!(wait.is_woken(), "neighbour {n}");
            }
        });
    }
}

#[test]
fn g6_waker_clones_of_a_cell_may_do_anything() {
    hooked(|probe, hook| probe.on_clone(hook));
}

#[test]
fn g6_waker_wakes_of_a_cell_may_do_anything() {
    hooked(|probe, hook| probe.on_wake(hook));
}

#[test]
fn g6_waker_drops_of_a_cell_may_do_anything() {
    hooked(|probe, hook| probe.on_drop(hook));
    // Also the drop that comes with a cancellation.
    for kind in 0..KINDS {
        in_time(move || {
            let cell = Arc::new(AtomicI64::new(0));
            let (probe, inside) = (Probe::new(), cell.clone());
            let mut wait = kinds(&cell).remove(kind);
            assert_pending!(poll(&mut wait, &probe.waker()));
            probe.on_drop(once(move || everything(&inside)));
            drop(wait);
            probe.calm();
            assert_eq!(probe.alive(), 0);
            assert_eq!(cell.get(), 1, "the hook has run");
        });
    }
}

#[test]
fn g6_predicates_of_a_cell_may_do_anything() {
    in_time(|| {
        let cell = Arc::new(AtomicI64::new(0));
        let enter = || {
            let inside = cell.clone();
            let hook = once(move || everything(&inside));
            move |n: i64| {
                if n == 9 {
                    hook();
                }
                n == 10
            }
        };
        let (one, two, three) = (enter(), enter(), enter());
        let mut waits: [Pin<Box<dyn Future<Output = i64> + Send + '_>>; 3] = [
            Box::pin(cell.wait_for(one)),
            Box::pin(cell.wait_map(move |n| two(n).then_some(n))),
            Box::pin(cell.update_when(three, |n| n)),
        ];
        let waker = Probe::new().waker();
        for wait in &mut waits {
            assert_pending!(poll(wait, &waker));
        }
        cell.set(9);
        assert_eq!(cell.get(), 1, "the hooks have run");
        cell.set(10);
        for wait in &mut waits {
            assert_ready_eq!(poll(wait, &waker), 10);
        }
    });
}

#[test]
fn g6_updates_of_a_cell_may_write_to_it_and_run_again() {
    let cell = AtomicI64::new(0);
    let mut runs = 0;
    let seen = cell.update_and_get(|n| {
        runs += 1;
        if runs == 1 {
            cell.set(5);
        }
        n + 1
    });
    assert_eq!((seen, runs), (6, 2));
    let (reference, mut runs) = (AtomicReference::new(0), 0);
    let seen = reference.update_and_get(|n| {
        runs += 1;
        if runs == 1 {
            reference.set(Arc::new(5));
        }
        Arc::new(**n + 1)
    });
    assert_eq!((*seen, runs), (6, 2));
}

/// Each answer writes the next number, in the waker of the one before.
#[test]
fn g6_writes_made_in_wakers_reach_the_others_in_order() {
    let cell = Arc::new(Atomic::new(0_u64));
    let mut waits = Vec::new();
    for n in 1..100 {
        let (probe, next) = (Probe::new(), cell.clone());
        probe.on_wake(move || next.set(n + 1));
        let cell = cell.clone();
        let mut wait: support::Boxed<u64> = match n % 3 {
            0 => Box::pin(async move { cell.wait_equal(n).await }),
            1 => Box::pin(async move { cell.wait_for(move |m| m == n).await }),
            _ => Box::pin(async move { cell.wait_at_least(n).await }),
        };
        assert_pending!(poll(&mut wait, &probe.waker()));
        waits.push((n, wait));
    }
    cell.set(1);
    assert_eq!(cell.get(), 100);
    for (n, mut wait) in waits {
        assert_ready_eq!(poll(&mut wait, &Probe::new().waker()), n);
    }
}

/// Each waker writes what answers the next wait: not in a frame on top of the one before.
#[test]
fn g6_writes_made_in_wakers_take_no_more_of_the_stack_the_more_they_are() {
    const COUNT: u64 = if cfg!(debug_assertions) {
        20_000
    } else {
        100_000
    };
    type Wait = fn(Arc<Atomic<u64>>, u64) -> support::Boxed<u64>;
    let ways: [Wait; 2] = [
        |cell, n| Box::pin(async move { cell.wait_equal(n).await }),
        |cell, n| Box::pin(async move { cell.wait_at_least(n).await }),
    ];
    for wait in ways {
        in_time(move || {
            let cell = Arc::new(Atomic::new(0));
            let waits: Vec<_> = (1..=COUNT)
                .map(|n| {
                    let (probe, mut wait) = (Probe::new(), wait(cell.clone(), n));
                    let cell = cell.clone();
                    probe.on_wake(move || cell.set(n + 1));
                    assert_pending!(poll(&mut wait, &probe.waker()));
                    wait
                })
                .collect();
            cell.set(1);
            assert_eq!(cell.get(), COUNT + 1);
            for (mut wait, n) in waits.into_iter().zip(1..) {
                assert_ready_eq!(poll(&mut wait, &Probe::new().waker()), n);
            }
        });
    }
}

/// A waker that drops the very wait it wakes, and its neighbours.
#[test]
fn g6_a_waker_may_drop_waits() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        in_time(move || {
            let ((mut wait, write), probe) = (make(), Probe::new());
            assert_pending!(poll(&mut wait, &probe.waker()));
            let slot = Arc::new(Mutex::new(Some(wait)));
            let held = slot.clone();
            probe.on_wake(move || drop(held.lock().expect("not poisoned").take()));
            write(1);
            assert!(slot.lock().expect("not poisoned").is_none(), "{name}");
            write(2);
            probe.calm();
        });
    }
}

/// What a reference lets go of runs code, and may come back to the cell.
#[test]
fn g6_destructors_of_references_may_use_the_cell() {
    in_time(|| {
        let cell = Arc::new(AtomicReference::new(Hooked::plain(0)));
        let hook = {
            let cell = Arc::downgrade(&cell);
            move || {
                let Some(cell) = cell.upgrade() else { return };
                let seen = cell.get();
                let mut wait = task::spawn(cell.wait_for(|now| now.number == 99));
                assert_pending!(wait.poll());
                if seen.number < 50 {
                    cell.set(Arc::new(Hooked::plain(seen.number + 1)));
                }
            }
        };
        let mut parked = task::spawn(cell.wait_for(|now| now.number == 50));
        assert_pending!(parked.poll());
        let hooked = |n| Arc::new(Hooked::new(n, hook.clone()));
        for n in 1..20 {
            cell.set(hooked(n));
            drop(cell.get_and_set(hooked(n + 1)));
            let seen = cell.get();
            assert!(cell.compare_and_set(&seen, hooked(n)));
            assert!(
                !cell.compare_and_set(&seen, hooked(n)),
                "and this one is dropped"
            );
            cell.update_and_get(|seen| hooked(seen.number));
        }
        cell.set(hooked(50));
        assert!(parked.is_woken());
        drop(parked);
    });
}

#[test]
fn g6_destructors_of_stamped_and_marked_references_may_use_the_cell() {
    in_time(|| {
        let stamped = Arc::new(AtomicStampedReference::new(Hooked::plain(0), 0));
        let marked = Arc::new(AtomicMarkableReference::new(Hooked::plain(0), false));
        let (one, two) = (Arc::downgrade(&stamped), Arc::downgrade(&marked));
        let hooked = move || {
            let (one, two) = (one.clone(), two.clone());
            Arc::new(Hooked::new(1, move || {
                let (Some(one), Some(two)) = (one.upgrade(), two.upgrade()) else {
                    return;
                };
                let (seen, stamp) = one.get();
                assert!(one.attempt_stamp(&seen, stamp + 1));
                let (seen, mark) = two.get();
                assert!(two.attempt_mark(&seen, !mark));
            }))
        };
        for _ in 0..20 {
            let (seen, stamp) = stamped.get();
            assert!(stamped.compare_and_set(&seen, hooked(), stamp, stamp + 1));
            assert!(!stamped.compare_and_set(&seen, hooked(), stamp, stamp + 1));
            stamped.set(hooked(), stamp + 2);
            marked.set(hooked(), true);
        }
    });
}
