//! G10: a value goes as soon as the last snapshot, stream position or reader
//! that can still reach it lets go. How long backlogs are dropped is in `traps.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use atomos::{Atom, Lagged};
use futures::{FutureExt, StreamExt};
use support::{Counted, Live, Probe, in_time, poll, two_threads};
use tokio_test::{assert_pending, assert_ready, task};

type Value = Counted<u64>;

/// An atom of counted values, at 0.
fn counted() -> (Atom<Value>, Live) {
    let live = Live::new();
    (Atom::new(live.value(0)), live)
}

fn commits(atom: &Atom<Value>, live: &Live, count: u64) {
    (0..count).for_each(|n| drop(atom.reset(live.value(n + 1))));
}

#[test]
fn g10_a_replaced_value_goes_at_once() {
    let (atom, live) = counted();
    atom.reset(live.value(1));
    assert_eq!(live.count(), 1);
    atom.swap(|n| live.value(**n + 1));
    atom.modify(|n| (live.value(**n + 1), ()));
    assert_eq!(live.count(), 1);
    drop(atom);
    assert_eq!(live.count(), 0);
}

#[test]
fn g10_what_an_attempt_made_in_vain_goes_at_once() {
    let (atom, live) = counted();
    let seen = atom.load();
    let mut attempts = 0;
    atom.swap(|_| {
        attempts += 1;
        if attempts == 1 {
            atom.reset(live.value(5));
        }
        live.value(6)
    });
    assert_eq!(live.count(), 2, "what is held and what is current");
    let conflict = atom
        .compare_exchange(&seen, live.value(7))
        .expect_err("stale");
    assert_eq!(live.count(), 3);
    drop(conflict);
    drop(seen);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_a_snapshot_keeps_its_value_and_no_other() {
    let (atom, live) = counted();
    commits(&atom, &live, 3);
    let held = atom.load();
    commits(&atom, &live, 1_000);
    assert_eq!(live.count(), 2);
    let change = atom.reset_vals(live.value(9));
    commits(&atom, &live, 10);
    assert_eq!(
        live.count(),
        4,
        "one held, one change of two, the current one"
    );
    drop(change.old);
    assert_eq!(live.count(), 3);
    drop((held, change.new));
    assert_eq!(live.count(), 1);
}

/// More than fit into the count beside the current value's address, which is 16 bits.
const READS: usize = 200_000;

#[test]
fn g10_a_value_outlives_any_number_of_reads_and_nothing_longer() {
    let (atom, live) = counted();
    (0..READS).for_each(|_| drop(atom.load()));
    assert_eq!((live.count(), **atom.load()), (1, 0));
    atom.reset(live.value(1));
    assert_eq!(live.count(), 1);

    two_threads(
        || (0..READS).for_each(|_| drop(atom.load())),
        || (0..READS).for_each(|_| drop(atom.load())),
    );
    atom.reset(live.value(2));
    assert_eq!(live.count(), 1);

    let held: Vec<_> = (0..READS).map(|_| atom.load()).collect();
    atom.reset(live.value(3));
    assert_eq!(live.count(), 2);
    assert!(held.iter().all(|snapshot| ***snapshot == 2));
    drop(held);
    assert_eq!(live.count(), 1);
    drop(atom);
    assert_eq!(live.count(), 0);
}

#[test]
fn g10_a_snapshot_outlives_its_atom() {
    let (atom, live) = counted();
    let held = atom.load();
    commits(&atom, &live, 1);
    drop(atom);
    assert_eq!((live.count(), **held), (1, 0));
    drop(held);
    assert_eq!(live.count(), 0);
}

#[test]
fn g10_a_view_keeps_the_last_value_alone() {
    let (atom, live) = counted();
    let view = atom.view();
    commits(&atom, &live, 5);
    drop(atom);
    assert_eq!(live.count(), 1);
    drop(view);
    assert_eq!(live.count(), 0);
}

#[test]
fn g10_a_reader_keeps_what_it_has_read_until_it_reads_again() {
    let (atom, live) = counted();
    let mut reader = atom.reader();
    assert_eq!(**reader.get(), 0);
    commits(&atom, &live, 5);
    assert!(live.count() <= 2);
    assert_eq!(**reader.get(), 5);
    assert_eq!(live.count(), 1);
    commits(&atom, &live, 5);
    let copy = reader.clone();
    drop(reader);
    drop(copy);
    assert_eq!(live.count(), 1);
}

/// Parked waits, evaluated against a thousand values, keep none of them.
#[test]
fn g10_a_parked_wait_keeps_nothing() {
    let (atom, live) = counted();
    let view = atom.view();
    let waker = Probe::new().waker();
    let mut wait = Box::pin(atom.wait_for(|n| **n == 9_999));
    let mut map = Box::pin(view.wait_map(|n| (**n == 9_999).then_some(())));
    let mut turn = Box::pin(atom.swap_when(|n| **n == 9_999, |_| panic!("never")));
    let mut snapshots = atom.snapshots();
    assert!(poll(&mut wait, &waker).is_pending());
    assert!(poll(&mut map, &waker).is_pending());
    assert!(poll(&mut turn, &waker).is_pending());
    assert!(snapshots.next().now_or_never().is_some());
    assert!(snapshots.next().now_or_never().is_none());
    commits(&atom, &live, 1_000);
    assert_eq!(live.count(), 1);
    drop((wait, map, turn, snapshots));
    commits(&atom, &live, 1);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_a_satisfied_wait_keeps_what_it_accepted_alone() {
    let (atom, live) = counted();
    let mut wait = task::spawn(atom.wait_for(|n| **n == 3));
    assert_pending!(wait.poll());
    commits(&atom, &live, 10);
    assert_eq!(live.count(), 2);
    let accepted = assert_ready!(wait.poll());
    drop(wait);
    assert_eq!(live.count(), 2);
    drop(accepted);
    assert_eq!(live.count(), 1);
}

/// What `wait_map` has made is its answer; the value itself is out of its reach.
#[test]
fn g10_a_satisfied_wait_map_keeps_no_value() {
    let (atom, live) = counted();
    let mut wait = task::spawn(atom.wait_map(|n| (**n == 3).then_some(**n)));
    assert_pending!(wait.poll());
    commits(&atom, &live, 10);
    assert!(wait.is_woken());
    assert_eq!(live.count(), 1);
    assert_eq!(assert_ready!(wait.poll()), 3);
}

#[test]
fn g10_the_state_of_a_predicate_goes_when_it_has_accepted() {
    let (atom, live) = (Atom::new(0_u64), Live::new());
    let alive = live.value(());
    let mut wait = task::spawn(atom.wait_for(move |n| {
        let _ = &alive;
        *n == 1
    }));
    assert_pending!(wait.poll());
    atom.reset(1);
    let seen = assert_ready!(wait.poll());
    assert_eq!(
        live.count(),
        0,
        "it is needed no more, though the future lives"
    );
    drop((wait, seen));
}

#[test]
fn g10_changed_keeps_one_change() {
    let (atom, live) = counted();
    let mut changed = Box::pin(atom.changed());
    let parked = atom.view().changed();
    commits(&atom, &live, 1_000);
    assert_eq!(
        live.count(),
        3,
        "old and new of the first commit, and the current one"
    );
    drop(parked);
    assert!(poll(&mut changed, &Probe::new().waker()).is_ready());
    drop(changed);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_a_lossless_stream_keeps_what_it_has_not_delivered() {
    let (atom, live) = counted();
    let mut changes = atom.changes();
    commits(&atom, &live, 10);
    assert_eq!(live.count(), 11);
    for delivered in 1..=10 {
        drop(changes.next().now_or_never().flatten().expect("kept"));
        assert_eq!(live.count(), (11 - delivered).max(1));
    }
    commits(&atom, &live, 10);
    drop(changes);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_a_backlog_goes_with_its_slowest_stream() {
    let (atom, live) = counted();
    let (mut fast, mut slow) = (atom.changes(), atom.changes());
    commits(&atom, &live, 20);
    while fast.next().now_or_never().is_some() {}
    assert_eq!(live.count(), 21);
    for _ in 0..15 {
        drop(slow.next().now_or_never());
    }
    assert_eq!(live.count(), 6);
    drop(slow);
    assert_eq!(live.count(), 1, "the fast one is at the end");
    drop(fast);
}

#[test]
fn g10_a_backlog_is_not_kept_by_a_snapshot_of_its_middle() {
    let (atom, live) = counted();
    let changes = atom.changes();
    commits(&atom, &live, 10);
    let held = atom.load();
    commits(&atom, &live, 10);
    assert_eq!(live.count(), 21);
    drop(changes);
    assert_eq!((live.count(), **held), (2, 10));
}

#[test]
fn g10_a_bounded_stream_never_keeps_more_than_its_capacity() {
    let (atom, live) = counted();
    let bounded = atom.changes_bounded(5);
    for n in 1..=100 {
        atom.reset(live.value(n));
        // Five changes have six values, of which one is current.
        assert!(
            live.count() <= 6,
            "{} values after {n} commits",
            live.count()
        );
    }
    drop(bounded);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_a_bounded_stream_reports_its_lag_once_and_goes_on() {
    let (atom, live) = counted();
    let mut bounded = atom.changes_bounded(3);
    commits(&atom, &live, 10);
    assert!(matches!(
        next(&mut bounded),
        Some(Err(Lagged { missed: 7 }))
    ));
    for expected in [(7, 8), (8, 9), (9, 10)] {
        let change = next(&mut bounded).expect("kept").expect("reported once");
        assert_eq!((**change.old, **change.new), expected);
    }
    assert!(next(&mut bounded).is_none());
    commits(&atom, &live, 2);
    assert_eq!(**next(&mut bounded).expect("kept").expect("no lag").new, 1);
}

type Item = Result<atomos::Change<Value>, Lagged>;

fn next(bounded: &mut atomos::BoundedChanges<Value>) -> Option<Item> {
    bounded.next().now_or_never().flatten()
}

#[test]
fn g10_a_bounded_stream_that_keeps_up_never_lags() {
    let (atom, live) = counted();
    let mut bounded = atom.changes_bounded(1);
    for n in 1..=50 {
        atom.reset(live.value(n));
        assert_eq!(**next(&mut bounded).expect("kept").expect("no lag").new, n);
    }
}

#[test]
fn g10_a_capacity_that_is_never_reached_costs_nothing() {
    let (atom, live) = counted();
    let mut bounded = atom.changes_bounded(usize::MAX);
    commits(&atom, &live, 3);
    for n in 1..=3 {
        assert_eq!(**next(&mut bounded).expect("kept").expect("no lag").new, n);
    }
}

/// The report comes first, and what is missed after it counts for the next one.
#[test]
fn g10_each_lag_is_counted_on_its_own() {
    let (atom, live) = counted();
    let mut bounded = atom.changes_bounded(2);
    commits(&atom, &live, 3);
    assert!(matches!(
        next(&mut bounded),
        Some(Err(Lagged { missed: 1 }))
    ));
    commits(&atom, &live, 3);
    assert!(matches!(
        next(&mut bounded),
        Some(Err(Lagged { missed: 3 }))
    ));
    assert_eq!(
        **next(&mut bounded).expect("kept").expect("reported").new,
        2
    );
    atom.reset(live.value(9));
    assert_eq!(
        **next(&mut bounded)
            .expect("kept")
            .expect("room was left")
            .new,
        3
    );
    assert_eq!(
        **next(&mut bounded)
            .expect("kept")
            .expect("room was left")
            .new,
        9
    );
}

/// Under contention what was missed and what was kept add up.
#[test]
fn g10_a_bounded_stream_accounts_for_every_commit_under_contention() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let mut bounded = atom.changes_bounded(4);
        let read = move || {
            let (mut position, mut lagged) = (0, false);
            while position < 20_000 {
                match futures::executor::block_on(bounded.next()).expect("open") {
                    Ok(change) => {
                        assert_eq!((*change.old, *change.new), (position, position + 1));
                        (position, lagged) = (position + 1, false);
                    }
                    Err(Lagged { missed }) => {
                        assert!(missed > 0);
                        position += missed;
                        lagged = true;
                    }
                }
            }
            assert!(!lagged, "the last commit is always kept");
        };
        let writer = atom.clone();
        let write = move || (0..10_000).for_each(|_| drop(writer.swap(|n| n + 1)));
        let other = write.clone();
        thread::scope(|scope| {
            scope.spawn(read);
            two_threads(write, other);
        });
    });
}

/// While a watch holds up the delivery, what is committed waits; then it goes.
#[test]
fn g10_what_awaits_its_delivery_goes_after_it() {
    in_time(|| {
        let (atom, live) = counted();
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(Some(gate));
        atom.add_watch("gate", move |_| {
            if let Some(gate) = gate.lock().expect("not poisoned").take() {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
        });
        let (other, values) = (atom.clone(), live.clone());
        let deliverer = thread::spawn(move || drop(other.reset(values.value(1))));
        begun.recv().expect("the watch runs");
        commits(&atom, &live, 10);
        go.send(()).expect("awaited");
        deliverer.join().expect("no panic");
        assert_eq!(live.count(), 1);
    });
}

#[test]
fn g10_a_watch_borrows_its_snapshots_and_keeps_none() {
    let (atom, live) = counted();
    let kept = Arc::new(Mutex::new(None));
    let slot = kept.clone();
    atom.add_watch("w", move |event| {
        if ***event.new == 3 {
            *slot.lock().expect("not poisoned") = Some(event.new.clone());
        }
    });
    commits(&atom, &live, 10);
    assert_eq!(live.count(), 2);
    drop(kept.lock().expect("not poisoned").take());
    assert_eq!(live.count(), 1);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g10_an_aborted_spawn_watch_lets_its_backlog_go() {
    let (atom, live) = counted();
    let watch = atom.spawn_watch(|_| std::future::pending());
    tokio::task::yield_now().await;
    commits(&atom, &live, 10);
    tokio::task::yield_now().await;
    assert_eq!(live.count(), 10, "the first change was taken, and dropped");
    watch.abort();
    drop(watch.await);
    assert_eq!(live.count(), 1);
}

#[test]
fn g10_values_go_under_contention_too() {
    in_time(|| {
        let (atom, live) = counted();
        let churn = || {
            for n in 0..3_000 {
                let held = atom.load();
                drop(atom.reset_vals(live.value(n)));
                drop(held);
            }
        };
        two_threads(churn, || {
            let mut reader = atom.reader();
            for n in 0..3_000 {
                let _ = reader.get();
                drop(atom.swap(|_| live.value(n)));
            }
        });
        assert_eq!(live.count(), 1);
    });
}
