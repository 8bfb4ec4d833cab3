//! Defects of peers, each as a regression test of ours. The name of a test says
//! whose defect it was; its first line says which guarantee it holds. Commits
//! lost between check and registration are in `peers_registration.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use atomos::{Atom, Lagged, Snapshot};
use futures::{FutureExt, StreamExt};
use support::{
    Boxed, Hooked, Live, Probe, Wait, caught, every_wait, in_time, once, park_until_ready, poll,
    two_threads,
};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

// ------------------------------------------------------- tokio's watch channel

/// G6: a read is held, the same thread writes.
#[test]
fn tokio_watch_deadlocks_on_a_send_while_a_ref_is_held() {
    in_time(|| {
        let atom = Atom::new(1);
        let held = atom.load();
        let mut reader = atom.reader();
        let borrowed = reader.get();
        assert_eq!(atom.with(|n| *atom.swap(|m| n + m)), 2);
        assert_eq!((*held, *borrowed), (1, 1));
    });
}

/// G6: a read inside a read, with a writer in between.
#[test]
fn tokio_watch_deadlocks_on_a_nested_borrow_with_a_writer_queued() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let nested = |n: &u64| {
            // A writer commits before the inner read begins.
            atom.blocking_wait_for(|m| *m > *n);
            atom.with(|m| assert!(m > n));
        };
        let read = || (0..200).for_each(|_| atom.with(nested));
        let (read, atom) = (read, &atom);
        let done = std::sync::atomic::AtomicBool::new(false);
        let write = || {
            while !done.load(Ordering::SeqCst) {
                atom.swap(|n| n + 1);
            }
        };
        let read = || {
            read();
            done.store(true, Ordering::SeqCst);
        };
        two_threads(read, write);
    });
}

/// G6: a read inside an update.
#[test]
fn tokio_watch_deadlocks_on_a_borrow_inside_send_modify() {
    in_time(|| {
        let atom = Atom::new(1);
        assert_eq!(*atom.swap(|n| n + *atom.load() + atom.with(|m| *m)), 3);
    });
}

/// G6: a write inside an update.
#[test]
fn tokio_watch_deadlocks_on_a_send_inside_send_modify() {
    in_time(|| {
        let (atom, mut first) = (Atom::new(1), true);
        let new = atom.swap(|n| {
            if std::mem::take(&mut first) {
                atom.reset(10);
            }
            n + 1
        });
        assert_eq!(*new, 11);
    });
}

/// G6: a write inside a predicate, whoever evaluates it.
#[test]
fn tokio_watch_deadlocks_on_a_send_inside_a_wait_for_predicate() {
    in_time(|| {
        let atom = Atom::new(0);
        let writer = atom.clone();
        let mut wait = task::spawn(atom.wait_for(move |n| {
            if *n < 5 {
                writer.swap(|m| m + 1);
            }
            *n == 5
        }));
        let seen = match wait.poll() {
            Poll::Ready(seen) => seen,
            Poll::Pending => assert_ready!(wait.poll()),
        };
        assert_eq!(*seen, 5);
    });
}

/// G6: the value's destructor uses the atom.
#[test]
fn tokio_watch_deadlocks_on_a_drop_that_touches_the_channel() {
    in_time(|| {
        let atom = Arc::new(Atom::new(Hooked::plain(0)));
        let weak = Arc::downgrade(&atom);
        atom.reset(Hooked::new(1, move || {
            if let Some(atom) = weak.upgrade() {
                assert_eq!(atom.load().number, 2);
                atom.reset(Hooked::plain(3));
            }
        }));
        atom.reset(Hooked::plain(2));
        assert_eq!(atom.load().number, 3);
    });
}

/// G7: the waker of one receiver panics.
#[test]
fn tokio_watch_strands_receivers_behind_a_panicking_waker() {
    let (atom, broken) = (Atom::new(0), Probe::new());
    broken.on_wake(|| panic!("broken"));
    let mut waits: Vec<_> = (0..64)
        .map(|_| Box::pin(atom.wait_for(|n| *n == 1)))
        .collect();
    let probes: Vec<_> = (0..64)
        .map(|n| {
            if n % 8 == 3 {
                broken.clone()
            } else {
                Probe::new()
            }
        })
        .collect();
    for (wait, probe) in waits.iter_mut().zip(&probes) {
        assert_pending!(poll(wait, &probe.waker()));
    }
    assert!(caught(|| atom.reset(1)).is_err());
    assert!(probes.iter().all(|probe| probe.wakes() > 0));
    assert_eq!(broken.wakes(), 8, "also those behind the first");
}

/// G1: a write that nobody waits for.
#[test]
fn tokio_watch_loses_the_value_of_a_send_without_receivers() {
    let atom = Atom::new(0);
    atom.reset(1);
    assert_eq!((*atom.load(), atom.version()), (1, 1));
    assert_eq!(*atom.view().load(), 1);
}

/// G4: a state that is overwritten at once.
#[test]
fn tokio_watch_misses_transient_states_in_wait_for() {
    let atom = Atom::new(0);
    let mut wait = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(wait.poll());
    two_threads(|| (0..3).for_each(|n| drop(atom.reset(n))), || ());
    assert_eq!(*assert_ready!(wait.poll()), 1);
}

// ---------------------------------------------------------------- event-listener

/// G6: wakers that come back into the source from clone, wake and drop.
#[test]
fn event_listener_deadlocks_on_a_waker_that_comes_back() {
    in_time(|| {
        for Wait { start, .. } in every_wait() {
            let (atom, probe) = (Atom::new(0), Probe::new());
            let again = {
                let atom = atom.clone();
                move || {
                    let mut wait = Box::pin(atom.wait_for(|n| *n == 99));
                    let _ = poll(&mut wait, &Probe::new().waker());
                    drop(atom.load());
                }
            };
            probe.on_clone(again.clone());
            probe.on_wake(again.clone());
            probe.on_drop(again);
            let mut wait = start(&atom);
            assert_pending!(poll(&mut wait, &probe.waker()));
            atom.reset(1);
            assert_ready_eq!(poll(&mut wait, &probe.waker()), 1);
            drop(wait);
            probe.calm();
        }
    });
}

/// G7: after a waker has panicked, new waits work as before.
#[test]
fn event_listener_is_dead_after_a_waker_has_panicked() {
    let (atom, broken) = (Atom::new(0), Probe::new());
    broken.on_wake(|| panic!("broken"));
    broken.on_clone(once(|| panic!("broken")));
    let mut wait = Box::pin(atom.wait_for(|n| *n == 1));
    assert!(caught(|| poll(&mut wait, &broken.waker())).is_err());
    assert_pending!(poll(&mut wait, &broken.waker()));
    assert!(caught(|| atom.reset(1)).is_err());
    assert_eq!(*assert_ready!(poll(&mut wait, &Probe::new().waker())), 1);

    let mut next = task::spawn(atom.wait_for(|n| *n == 2));
    assert_pending!(next.poll());
    atom.reset(2);
    assert!(next.is_woken());
    assert_eq!(*assert_ready!(next.poll()), 2);
}

/// G5, G8: what a cancelled wait was told is not passed to one made later.
#[test]
fn event_listener_hands_a_broadcast_to_a_listener_created_later() {
    let atom = Atom::new(0);
    let mut told = task::spawn(Box::pin(atom.wait_for(|n| *n == 1)));
    assert_pending!(told.poll());
    atom.reset(1);
    atom.reset(0);
    let mut late = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(late.poll());
    drop(told);
    assert!(!late.is_woken());
    assert_pending!(late.poll());
}

// --------------------------------------------------------- arc-swap, async-watch

/// G1: an update that has nothing to store.
#[test]
fn arc_swap_rcu_always_stores() {
    let atom = Atom::new(1);
    let before = atom.load();
    assert!(atom.swap_if(|_| None).is_none());
    assert_eq!(atom.try_swap(|_| Err::<i32, _>("no")).err(), Some("no"));
    assert!(Snapshot::ptr_eq(&before, &atom.load()));
}

/// G1: more reads held at once than there are slots for, on threads that are gone.
#[test]
fn arc_swap_guards_use_up_slots() {
    let atom = Atom::new(0_u64);
    for _ in 0..64 {
        let reader = atom.clone();
        let held = thread::spawn(move || (0..32).map(|_| reader.load()).collect::<Vec<_>>());
        let held = held.join().expect("no panic");
        atom.swap(|n| n + 1);
        assert!(held.iter().all(|snapshot| **snapshot == *atom.load() - 1));
    }
}

/// G2: woken although nothing has changed for it, and polled for no reason.
#[test]
fn async_watch_panics_when_woken_without_a_change() {
    for Wait { name, start, .. } in every_wait() {
        let atom = Atom::new(0);
        let mut wait = task::spawn(start(&atom));
        for _ in 0..10 {
            assert_pending!(wait.poll(), "{name}");
        }
        atom.reset(1);
        assert_ready_eq!(wait.poll(), 1);
    }
}

/// G2: the same under load, with the future dropped and made again.
#[test]
fn async_watch_panics_under_load() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let write = || (0..5_000).for_each(|_| drop(atom.swap(|n| n + 1)));
        let read = || {
            let mut seen = atom.load();
            while *seen < 10_000 {
                let newer = park_until_ready(atom.changed_since(&seen));
                assert!(Snapshot::version(&newer) > Snapshot::version(&seen));
                seen = newer;
            }
        };
        thread::scope(|scope| {
            scope.spawn(read);
            scope.spawn(write);
            scope.spawn(write);
        });
    });
}

// -------------------------------------------------- eyeball, postage, watchable

/// G8: a hundred thousand cancelled polls, each with a waker of its own task.
#[test]
fn eyeball_keeps_the_wakers_of_cancelled_polls() {
    let (atom, probe) = (Atom::new(0), Probe::new());
    for n in 0..100_000 {
        let mut wait: Boxed<()> = match n % 4 {
            0 => Box::pin(atom.view().changed().map(drop)),
            1 => Box::pin(atom.changes().into_future().map(drop)),
            2 => Box::pin(atom.changes_bounded(1).into_future().map(drop)),
            _ => Box::pin(atom.snapshots().skip(1).into_future().map(drop)),
        };
        assert_pending!(poll(&mut wait, &probe.waker()));
    }
    assert_eq!(probe.alive(), 0);
    atom.reset(1);
    assert_eq!(probe.wakes(), 0);
}

/// G8: one stream that is polled by a hundred thousand tasks keeps one waker.
#[test]
fn postage_keeps_a_waker_for_every_poll() {
    let atom = Atom::new(0);
    let (mut changes, probe) = (atom.changes(), Probe::new());
    for _ in 0..100_000 {
        assert_pending!(poll(&mut changes.next(), &probe.waker()));
    }
    assert!(probe.alive() <= 1);
    atom.reset(1);
    assert_eq!(probe.wakes(), 1);
}

/// G9: the last handle goes while the stream is being polled.
#[test]
fn eyeball_loses_a_concurrent_close() {
    in_time(|| {
        for _ in 0..2_000 {
            let atom = Atom::new(0);
            let mut changes = atom.changes();
            let end = || park_until_ready(changes.next()).is_none();
            assert!(two_threads(end, || drop(atom)).0);
        }
    });
}

/// G9: handles and observers are cloned and dropped in any order.
#[test]
fn watchable_underflows_its_count_after_a_clone() {
    let atom = Atom::new(0);
    let view = atom.view();
    for _ in 0..3 {
        drop(view.clone());
        drop((atom.clone(), atom.downgrade().upgrade()));
        drop((atom.reader().clone(), atom.changes()));
    }
    assert!(!view.is_closed());
    atom.reset(1);
    drop(atom);
    assert!(view.is_closed());
}

// ---------------------------------------------- Clojure, StateFlow, SubscriptionRef

/// G1: `reset` under contention: nobody shares a predecessor.
#[test]
fn clojure_reset_reports_a_wrong_old_value() {
    for _ in 0..500 {
        let atom = Atom::new(0);
        let (one, two) = two_threads(|| atom.reset_vals(1), || atom.reset_vals(2));
        assert_eq!(*one.old + *two.old, if *atom.load() == 1 { 2 } else { 1 });
    }
}

/// G7: the watches behind one that throws.
#[test]
fn clojure_skips_the_watches_behind_one_that_throws() {
    let (atom, calls) = (Atom::new(0), Arc::new(AtomicUsize::new(0)));
    let count = calls.clone();
    atom.add_watch("throws", |_| panic!("thrown"));
    atom.add_watch("behind", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    assert!(caught(|| atom.reset(1)).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// G3: two threads, one `swap` each, and a watch that copies the new value.
#[test]
fn clojure_leaves_a_wrong_copy_behind() {
    for _ in 0..3_000 {
        let (atom, copy) = (Atom::new(0), Arc::new(Mutex::new(0)));
        let copied = copy.clone();
        atom.add_watch("copy", move |event| {
            *copied.lock().expect("not poisoned") = **event.new;
        });
        let swap = || drop(atom.swap(|n| n + 1));
        two_threads(swap, swap);
        assert_eq!(*copy.lock().expect("not poisoned"), 2);
    }
}

/// G13: an equal value is a commit, and A, B, A is two.
#[test]
fn state_flow_drops_equal_values_and_is_blind_to_a_b_a() {
    let atom = Atom::new('a');
    let (first, changes) = (atom.load(), atom.changes());
    let mut snapshots = task::spawn(atom.snapshots());
    assert!(assert_ready!(snapshots.poll_next()).is_some());
    assert_pending!(snapshots.poll_next());
    atom.reset('b');
    atom.reset('a');
    assert_eq!(
        Snapshot::version(&assert_ready!(snapshots.poll_next()).expect("open")),
        2
    );
    let since = atom
        .changed_since(&first)
        .now_or_never()
        .expect("it has changed");
    assert_eq!((*since, Snapshot::version(&since)), ('a', 2));
    assert_pending!(snapshots.poll_next());
    atom.reset('a');
    assert!(snapshots.is_woken());
    drop(atom);
    assert_eq!(changes.count().now_or_never(), Some(3));
}

/// G10: a subscriber that is too slow.
#[test]
fn subscription_ref_grows_without_bound_behind_a_slow_subscriber() {
    let live = Live::new();
    let atom = Atom::new(live.value(0));
    let mut slow = atom.changes_bounded(16);
    (0..10_000).for_each(|n| drop(atom.reset(live.value(n))));
    assert!(live.count() <= 17);
    let lagged = slow.next().now_or_never().flatten();
    assert!(matches!(lagged, Some(Err(Lagged { missed: 9_984 }))));
}
