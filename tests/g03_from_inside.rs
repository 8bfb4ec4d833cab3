//! G3: the order of what is written, watched and awaited from inside a delivery.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};

use atomos::Atom;
use futures::{FutureExt, StreamExt};
use support::{OnDrop, Probe, assert_linked, available, log, logger, once, poll, taken};
use tokio_test::{assert_pending, task};

#[test]
fn g3_a_write_inside_a_watch_is_delivered_after_in_order_to_everyone() {
    let (atom, log) = (Atom::new(0_u64), log());
    let mut changes = atom.changes();
    let writer = atom.downgrade();
    let first = logger(&log, "a");
    atom.add_watch("a", move |event| {
        first(event);
        if **event.new == 1 {
            let atom = writer.upgrade().expect("open");
            let new = atom.reset(2);
            assert_eq!(*new, 2, "the write itself is done");
            atom.swap(|n| n + 1);
        }
    });
    atom.add_watch("b", logger(&log, "b"));
    atom.reset(1);
    let order = [
        ("a", 0, 1),
        ("b", 0, 1),
        ("a", 1, 2),
        ("b", 1, 2),
        ("a", 2, 3),
        ("b", 2, 3),
    ];
    assert_eq!(taken(&log), order);
    assert_eq!(available(&mut changes), [1, 2, 3]);
}

/// The same for the other user code that a delivery runs.
#[test]
fn g3_writes_inside_predicates_wakers_and_destructors_are_delivered_after() {
    let (atom, log) = (Atom::new(0_u64), log());
    let (in_pred, in_wake, in_drop) = (atom.clone(), atom.clone(), atom.clone());
    atom.add_watch("w", logger(&log, "w"));
    let writes = OnDrop(once(move || drop(in_drop.swap(|n| n + 1))));
    let mut wait = Box::pin(atom.wait_for(move |n| {
        let _ = &writes;
        if *n == 1 {
            in_pred.swap(|n| n + 1);
        }
        *n == 1
    }));
    let probe = Probe::new();
    probe.on_wake(once(move || drop(in_wake.swap(|n| n + 1))));
    assert_pending!(poll(&mut wait, &probe.waker()));
    let changes = atom.changes();
    atom.reset(1);
    drop(wait);
    probe.calm();
    drop(atom);
    let seen: Vec<_> = taken(&log)
        .into_iter()
        .map(|(_, old, new)| (old, new))
        .collect();
    assert_linked(&seen, 4);
    let streamed: Vec<_> = changes.collect().now_or_never().expect("closed");
    let streamed: Vec<_> = streamed.iter().map(|c| (*c.old, *c.new)).collect();
    assert_linked(&streamed, 4);
}

/// Observers made inside a watch: what is committed but not yet delivered
/// came before them.
#[test]
fn g3_an_observer_made_in_a_watch_sees_exactly_what_follows_it() {
    let (atom, log) = (Atom::new(0_u64), log());
    let (writer, made) = (atom.downgrade(), Arc::new(Mutex::new(None)));
    let (inner, streams) = (log.clone(), made.clone());
    atom.add_watch("outer", move |event| {
        if **event.new == 1 {
            let atom = writer.upgrade().expect("open");
            atom.reset(2);
            atom.add_watch("inner", logger(&inner, "inner"));
            let made = (
                atom.changes(),
                atom.changes_bounded(9),
                atom.view().changed(),
            );
            *streams.lock().expect("not poisoned") = Some(made);
            atom.reset(3);
        }
    });
    atom.reset(1);
    assert_eq!(taken(&log), [("inner", 2, 3)]);
    let (mut changes, bounded, changed) = made
        .lock()
        .expect("not poisoned")
        .take()
        .expect("made in the watch");
    assert_eq!(available(&mut changes), [3]);
    let mut bounded = bounded.map(|item| item.expect("within its capacity"));
    assert_eq!(available(&mut bounded), [3]);
    let change = changed.now_or_never().expect("committed").expect("open");
    assert_eq!((*change.old, *change.new), (2, 3));
}

#[test]
fn g3_a_wait_polled_in_a_watch_is_shown_the_state_and_exactly_what_follows() {
    let (atom, states) = (Atom::new(0_u64), log());
    let (writer, shown) = (atom.downgrade(), states.clone());
    let parked = Arc::new(Mutex::new(None));
    let slot = parked.clone();
    atom.add_watch("w", move |event| {
        if **event.new == 1 {
            writer.upgrade().expect("open").reset(2);
            let (view, shown) = (event.atom.clone(), shown.clone());
            let mut wait = task::spawn(Box::pin(async move {
                let log = move |n: &u64| shown.lock().expect("not poisoned").push(*n);
                view.wait_for(move |n| {
                    log(n);
                    false
                })
                .await
            }));
            assert_pending!(wait.poll());
            *slot.lock().expect("not poisoned") = Some(wait);
        }
    });
    atom.reset(1);
    atom.reset(3);
    assert_eq!(taken(&states), [2, 3]);
}

#[test]
fn g3_a_watch_added_in_a_watch_does_not_see_the_running_commit() {
    let (atom, log) = (Atom::new(0_u64), log());
    let inner = log.clone();
    atom.add_watch("outer", move |event| {
        event.atom.add_watch("inner", logger(&inner, "inner"));
    });
    atom.reset(1);
    assert_eq!(taken(&log), []);
    atom.remove_watch("outer");
    atom.reset(2);
    assert_eq!(taken(&log), [("inner", 1, 2)]);
}

#[test]
fn g3_a_watch_may_remove_itself_and_those_behind_it() {
    let (atom, log) = (Atom::new(0_u64), log());
    let first = logger(&log, "a");
    atom.add_watch("a", move |event| {
        first(event);
        assert!(event.atom.remove_watch("a"));
        assert!(event.atom.remove_watch("b"));
    });
    atom.add_watch("b", logger(&log, "b"));
    atom.add_watch("c", logger(&log, "c"));
    atom.reset(1);
    assert_eq!(
        taken(&log),
        [("a", 0, 1), ("c", 0, 1)],
        "no call of b begins after its removal"
    );
    atom.reset(2);
    assert_eq!(taken(&log), [("c", 1, 2)]);
}

#[test]
fn g3_a_watch_that_replaces_one_in_a_watch_does_not_see_the_running_commit() {
    let (atom, log) = (Atom::new(0_u64), log());
    let heir = log.clone();
    atom.add_watch("a", move |event| {
        if **event.new == 1 {
            event.atom.add_watch("b", logger(&heir, "heir"));
        }
    });
    atom.add_watch("b", |_| ());
    atom.reset(1);
    assert_eq!(taken(&log), [], "it was registered at version 1");
    atom.reset(2);
    assert_eq!(taken(&log), [("heir", 1, 2)]);
}
