//! G3: every observer sees every commit once, in commit order; watches run in
//! registration order, one at a time; an observer sees exactly what follows it.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use atomos::{Atom, Change, Snapshot, WatchEvent};
use futures::{FutureExt, StreamExt};
use support::{OnDrop, assert_linked, available, in_time, log, logger, taken, two_threads};
use tokio_test::{assert_pending, assert_ready, task};

#[test]
fn g3_a_watch_sees_every_commit_before_the_write_returns() {
    let (atom, log) = (Atom::new(0), log());
    atom.add_watch("a", logger(&log, "a"));
    atom.reset(1);
    assert_eq!(taken(&log), [("a", 0, 1)]);
    atom.swap(|n| n + 1);
    assert_eq!(taken(&log), [("a", 1, 2)]);
    atom.swap_if(|_| None);
    assert!(!atom.compare_and_set(&9, 10));
    assert_eq!(taken(&log), [], "no commit, no event");
}

#[test]
fn g3_a_watch_is_told_key_atom_and_both_snapshots() {
    let atom = Atom::new(0_u64);
    let view = atom.view();
    let seen = log();
    let events = seen.clone();
    atom.add_watch(7_u64, move |event: &WatchEvent<'_, u64>| {
        assert!(event.atom.ptr_eq(&view));
        let versions = (Snapshot::version(event.old), Snapshot::version(event.new));
        let entry = (event.key.clone(), versions, event.atom.version());
        events.lock().expect("no watch panicked").push(entry);
    });
    atom.reset(5);
    assert_eq!(taken(&seen), [(7_u64.into(), (0, 1), 1)]);
}

#[test]
fn g3_watches_run_in_registration_order() {
    let (atom, log) = (Atom::new(0), log());
    for name in ["c", "a", "b"] {
        atom.add_watch(name, logger(&log, name));
    }
    assert_eq!(atom.watch_keys(), ["c".into(), "a".into(), "b".into()]);
    atom.reset(1);
    assert_eq!(taken(&log), [("c", 0, 1), ("a", 0, 1), ("b", 0, 1)]);
}

#[test]
fn g3_a_watch_under_a_taken_key_takes_its_place() {
    let (atom, log) = (Atom::new(0), log());
    for name in ["a", "b", "c"] {
        atom.add_watch(name, logger(&log, name));
    }
    atom.add_watch(String::from("b"), logger(&log, "new b"));
    assert_eq!(atom.watch_keys(), ["a".into(), "b".into(), "c".into()]);
    atom.reset(1);
    assert_eq!(taken(&log), [("a", 0, 1), ("new b", 0, 1), ("c", 0, 1)]);

    assert!(atom.remove_watch("b"));
    assert!(!atom.remove_watch("b"));
    atom.add_watch("b", logger(&log, "late b"));
    atom.reset(2);
    assert_eq!(taken(&log), [("a", 1, 2), ("c", 1, 2), ("late b", 1, 2)]);
}

#[test]
fn g3_add_watch_can_be_chained_on_atoms_and_views() {
    let (atom, log) = (Atom::new(0), log());
    atom.add_watch("a", logger(&log, "a"))
        .add_watch(1_u64, logger(&log, "1"));
    atom.view().add_watch("b", logger(&log, "b"));
    assert_eq!(
        atom.view().watch_keys(),
        ["a".into(), 1_u64.into(), "b".into()]
    );
    atom.reset(1);
    assert_eq!(taken(&log).len(), 3);
    assert!(atom.view().remove_watch("a"));
    assert_eq!(atom.watch_keys(), [1_u64.into(), "b".into()]);
}

/// Removal from another thread while commits run: what had begun may end, one
/// call at most; nothing begins afterwards.
#[test]
fn g3_after_remove_watch_has_returned_no_call_begins() {
    for _ in 0..200 {
        let (atom, calls) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
        let begun = calls.clone();
        atom.add_watch("w", move |_| {
            begun.fetch_add(1, Ordering::SeqCst);
        });
        let remove = || {
            atom.blocking_wait_for(|n| *n > 3);
            assert!(atom.remove_watch("w"));
            let at_removal = calls.load(Ordering::SeqCst);
            drop(atom.swap(|n| n + 1_000));
            at_removal
        };
        let write = || while *atom.swap(|n| n + 1) < 1_000 {};
        let (at_removal, ()) = two_threads(remove, write);
        assert!(calls.load(Ordering::SeqCst) <= at_removal + 1);
    }
}

#[test]
fn g3_watches_never_run_two_at_a_time() {
    let atom = Atom::new(0_u64);
    let (inside, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    for key in 0..3_u64 {
        let (inside, calls) = (inside.clone(), calls.clone());
        atom.add_watch(key, move |_| {
            assert!(
                !inside.swap(true, Ordering::SeqCst),
                "two watches at a time"
            );
            calls.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            inside.store(false, Ordering::SeqCst);
        });
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..300).for_each(|_| drop(atom.swap(|n| n + 1))));
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), 3 * 900);
}

#[test]
fn g3_all_observers_see_one_gap_free_order_under_contention() {
    let (atom, log) = (Atom::new(0_u64), log());
    atom.add_watch("w", logger(&log, "w"));
    let streams = [atom.changes(), atom.view().changes()];
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..2_000).for_each(|_| drop(atom.swap(|n| n + 1))));
        }
    });
    let watched: Vec<_> = taken(&log)
        .into_iter()
        .map(|(_, old, new)| (old, new))
        .collect();
    assert_linked(&watched, 6_000);
    drop(atom);
    for stream in streams {
        let changes: Vec<_> = stream.collect().now_or_never().expect("closed");
        let links: Vec<_> = changes.iter().map(|c| (*c.old, *c.new)).collect();
        assert_linked(&links, 6_000);
        let same = |pair: &[Change<u64>]| Snapshot::ptr_eq(&pair[0].new, &pair[1].old);
        assert!(changes.windows(2).all(same));
    }
}

/// Made while a writer runs: no gap and nothing from before.
#[test]
fn g3_an_observer_made_between_commits_starts_with_the_next() {
    in_time(|| {
        let (atom, done) = (Atom::new(0_u64), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    atom.swap(|n| n + 1);
                }
            });
            let _stop = OnDrop(|| done.store(true, Ordering::Relaxed));
            (0..200).for_each(|_| starts_with_the_next(&atom));
        });
    });
}

fn starts_with_the_next(atom: &Atom<u64>) {
    let log = log();
    let before = atom.version();
    let mut changes = atom.changes();
    let between = atom.version();
    atom.add_watch("w", logger(&log, "w"));
    let after = atom.version();
    while log.lock().expect("no watch panicked").len() < 2 {
        thread::yield_now();
    }
    atom.remove_watch("w");

    let streamed = available(&mut changes);
    let watched: Vec<u64> = taken(&log).iter().map(|entry| entry.2).collect();
    assert_consecutive(&streamed, before..=between);
    assert_consecutive(&watched, between..=after);
}

/// Each one more than the last, and the first one more than a number in `start`.
fn assert_consecutive(seen: &[u64], start: std::ops::RangeInclusive<u64>) {
    let first = *seen.first().expect("commits followed");
    assert!(start.contains(&(first - 1)), "{first} after {start:?}");
    assert!(
        seen.iter().copied().eq(first..first + seen.len() as u64),
        "{seen:?}"
    );
}

#[test]
fn g3_streams_and_changed_count_from_the_call_not_from_the_poll() {
    let atom = Atom::new(0_u64);
    atom.reset(1);
    let (mut changes, mut bounded) = (atom.changes(), atom.changes_bounded(4));
    let (changed, of_view) = (atom.changed(), atom.view().changed());
    atom.reset(2);
    atom.reset(3);
    assert_eq!(available(&mut changes), [2, 3]);
    let item = bounded.next().now_or_never().flatten().expect("committed");
    assert_eq!(*item.expect("within its capacity").new, 2);
    assert_eq!(*changed.now_or_never().expect("committed").new, 2);
    let change = of_view.now_or_never().expect("committed").expect("open");
    assert_eq!((*change.old, *change.new), (1, 2));
}

#[test]
fn g3_snapshots_start_with_now_at_the_first_poll_and_conflate() {
    let atom = Atom::new(0_u64);
    let mut snapshots = task::spawn(atom.snapshots());
    atom.reset(1);
    assert_eq!(*assert_ready!(snapshots.poll_next()).expect("open"), 1);
    assert_pending!(snapshots.poll_next());
    atom.reset(2);
    atom.reset(3);
    assert!(snapshots.is_woken());
    let latest = assert_ready!(snapshots.poll_next()).expect("open");
    assert_eq!((*latest, Snapshot::version(&latest)), (3, 3));
    assert_pending!(snapshots.poll_next());
}

/// A watch has seen a commit before its write returns, also the streams and waits.
#[test]
fn g3_everyone_is_served_when_the_write_returns() {
    let atom = Atom::new(0_u64);
    let mut wait = task::spawn(atom.wait_for(|n| *n == 1));
    let mut changes = task::spawn(atom.changes());
    assert_pending!(wait.poll());
    assert_pending!(changes.poll_next());
    atom.reset(1);
    assert!(wait.is_woken() && changes.is_woken());
    assert_eq!(*assert_ready!(wait.poll()), 1);
    assert_eq!(*assert_ready!(changes.poll_next()).expect("open").new, 1);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g3_spawn_watch_sees_every_commit_after_the_call_one_at_a_time() {
    let (atom, seen) = (Atom::new(0_u64), log());
    let busy = Arc::new(AtomicBool::new(false));
    atom.reset(1);
    let events = seen.clone();
    let watch = atom.spawn_watch(move |change| {
        let (events, busy) = (events.clone(), busy.clone());
        async move {
            assert!(!busy.swap(true, Ordering::SeqCst), "two calls at a time");
            tokio::task::yield_now().await;
            events
                .lock()
                .expect("not poisoned")
                .push((*change.old, *change.new));
            busy.store(false, Ordering::SeqCst);
        }
    });
    (0..50).for_each(|_| drop(atom.swap(|n| n + 1)));
    drop(atom);
    watch.await.expect("it ends when the atom closes");
    let expected: Vec<_> = (1..51).map(|n| (n, n + 1)).collect();
    assert_eq!(taken(&seen), expected);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g3_an_aborted_spawn_watch_sees_no_more() {
    let (atom, seen) = (Atom::new(0_u64), log());
    let events = seen.clone();
    let watch = atom.spawn_watch(move |change| {
        events.lock().expect("not poisoned").push(*change.new);
        std::future::ready(())
    });
    atom.reset(1);
    tokio::task::yield_now().await;
    watch.abort();
    assert!(watch.await.expect_err("aborted").is_cancelled());
    atom.reset(2);
    tokio::task::yield_now().await;
    assert_eq!(taken(&seen), [1]);
}
