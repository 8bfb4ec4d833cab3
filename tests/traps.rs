//! Traps that an implementation of the guarantees can fall into, named one by
//! one; each test says which guarantee it holds.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use atomos::{Atom, Change, Snapshot};
use futures::{FutureExt, StreamExt};
use support::{Live, Probe, in_time, park_until_ready, poll, two_threads};
use tokio_test::{assert_pending, assert_ready, task};

fn news(changes: impl futures::Stream<Item = Change<u64>> + Unpin) -> Vec<u64> {
    let all = changes.map(|change| *change.new).collect().now_or_never();
    all.expect("the atom has closed")
}

// ------------------------------------------------------------ long backlogs

#[test]
fn g10_a_held_snapshot_keeps_no_backlog_alive() {
    let live = Live::new();
    let atom = Atom::new(live.value(0));
    let first = atom.load();
    let mut changes = atom.changes();
    for n in 1..=10_000 {
        atom.reset(live.value(n));
    }
    assert_eq!(live.count(), 10_001);
    let change = changes.next().now_or_never().flatten().expect("kept");
    drop(changes);
    assert_eq!(live.count(), 3, "two in the change, and the current one");
    drop(change.new);
    assert!(Snapshot::ptr_eq(&first, &change.old));
    drop((first, change.old));
    assert_eq!(live.count(), 1);
}

/// Runs `f` on a stack that a recursion over a backlog overflows at once.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(96 * 1024).spawn(f);
    thread.expect("a thread").join().expect("no panic");
}

fn count_up(atom: &Atom<u64>, count: usize) {
    (0..count).for_each(|_| drop(atom.swap(|n| n + 1)));
}

#[test]
fn g10_a_backlog_of_a_million_changes_is_dropped_without_recursion() {
    on_a_small_stack(|| {
        let atom = Atom::new(0);
        let changes = atom.changes();
        count_up(&atom, 1_000_000);
        drop(changes);
        assert_eq!(*atom.load(), 1_000_000);
    });
}

#[test]
fn g10_a_backlog_outlives_its_atom_and_is_dropped_without_recursion() {
    on_a_small_stack(|| {
        let atom = Atom::new(0);
        let (mut changes, bounded) = (atom.changes(), atom.changes_bounded(100_000));
        let missed = atom.view().changed();
        count_up(&atom, 150_000);
        drop(atom);
        assert!(changes.next().now_or_never().flatten().is_some());
        drop((changes, bounded, missed));
    });
}

/// Held up by a watch, then delivered in one go by a small stack.
#[test]
fn g10_a_backlog_of_deliveries_needs_no_recursion() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let (gate, calls) = (Mutex::new(Some(gate)), Arc::new(AtomicUsize::new(0)));
        let count = calls.clone();
        atom.add_watch("gate", move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let first = gate.lock().expect("not poisoned").take();
            if let Some(gate) = first {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
        });
        let deliverer = atom.clone();
        let small = thread::spawn(|| on_a_small_stack(move || drop(deliverer.reset(0))));
        begun.recv().expect("the watch runs");
        count_up(&atom, 100_000);
        go.send(()).expect("awaited");
        small.join().expect("no panic");
        assert_eq!(calls.load(Ordering::Relaxed), 100_001);
    });
}

/// A watch that writes, a thousand times over: delivered in a loop, not a tower.
#[test]
fn g6_writes_inside_watches_do_not_nest() {
    on_a_small_stack(|| {
        let atom = Atom::new(0_u64);
        let weak = atom.downgrade();
        atom.add_watch("w", move |event| {
            if **event.new < 20_000 {
                weak.upgrade().expect("open").swap(|n| n + 1);
            }
        });
        atom.reset(1);
        assert_eq!(*atom.load(), 20_000);
    });
}

// ------------------------------------------------- between commit and delivery

/// While commit 1 is being delivered elsewhere and 2 is committed: what is made
/// now sees 3 and nothing else.
#[test]
fn g3_what_is_made_between_two_commits_gets_exactly_what_follows() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(Some(gate));
        atom.add_watch("gate", move |_| {
            let first = gate.lock().expect("not poisoned").take();
            if let Some(gate) = first {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
        });
        let writer = atom.clone();
        let deliverer = thread::spawn(move || drop(writer.reset(1)));
        begun.recv().expect("the watch runs");
        atom.reset(2);

        let (states, watched) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
        let (shown, seen) = (states.clone(), watched.clone());
        let (changes, changed) = (atom.changes(), atom.changed());
        let bounded = atom.changes_bounded(8);
        atom.add_watch("late", move |event| {
            seen.lock().expect("not poisoned").push(**event.new);
        });
        let mut wait = task::spawn(atom.wait_for(move |n| {
            shown.lock().expect("not poisoned").push(*n);
            false
        }));
        assert_pending!(wait.poll());
        atom.reset(3);
        go.send(()).expect("awaited");
        deliverer.join().expect("no panic");

        let change = changed.now_or_never().expect("committed");
        assert_eq!((*change.old, *change.new), (2, 3));
        assert_eq!(*states.lock().expect("not poisoned"), [2, 3]);
        assert_eq!(*watched.lock().expect("not poisoned"), [3]);
        drop(wait);
        drop(atom);
        assert_eq!(news(changes), [3]);
        assert_eq!(news(bounded.map(|item| item.expect("room"))), [3]);
    });
}

#[test]
fn g1_reset_under_contention_reports_what_the_streams_see() {
    let atom = Atom::new(0_u64);
    let changes = atom.changes();
    let reset = |side: u64| {
        (0..2_000)
            .map(|n| atom.reset_vals(2 * n + side))
            .collect::<Vec<_>>()
    };
    let (left, right) = two_threads(|| reset(0), || reset(1));
    drop(atom);
    let mut reported: Vec<Change<u64>> = left.into_iter().chain(right).collect();
    reported.sort_unstable_by_key(|change| Snapshot::version(&change.new));
    let streamed: Vec<_> = changes.collect().now_or_never().expect("closed");
    assert_eq!(reported.len(), streamed.len());
    for (one, other) in reported.iter().zip(&streamed) {
        assert!(Snapshot::ptr_eq(&one.old, &other.old));
        assert!(Snapshot::ptr_eq(&one.new, &other.new));
    }
}

// -------------------------------------------------------------------- closing

#[test]
fn g9_a_last_commit_racing_with_closing_reaches_everyone() {
    in_time(|| {
        for round in 0..500 {
            let atom = Atom::new(0_u64);
            let (view, changes) = (atom.view(), atom.changes());
            let watched = Arc::new(AtomicUsize::new(0));
            let calls = watched.clone();
            atom.add_watch("w", move |_| {
                calls.fetch_add(1, Ordering::SeqCst);
            });
            let other = atom.clone();
            let waiting = view.clone();
            let wait = thread::spawn(move || match round % 2 {
                0 => waiting.blocking_wait_for(|n| *n == 1),
                _ => park_until_ready(waiting.wait_for(|n| *n == 1)),
            });
            let commit = move || {
                atom.reset(1);
                drop(atom);
            };
            two_threads(commit, move || drop(other));
            let seen = wait.join().expect("no panic");
            assert_eq!(*seen.expect("it holds for the last value"), 1);
            assert_eq!(
                (news(changes), watched.load(Ordering::SeqCst)),
                (vec![1], 1)
            );
        }
    });
}

// ----------------------------------------------------------------- the line

/// Permits are given, taken, and refused by cancellation on three threads: none is lost.
#[test]
fn g5_cancelled_turns_lose_no_permit() {
    const PERMITS: u64 = 2_000;
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (taker, canceller, giver) = (atom.clone(), atom.clone(), atom.clone());
        let take = move || {
            for _ in 0..PERMITS {
                park_until_ready(taker.swap_when(|n| *n > 0, |n| n - 1));
            }
        };
        let done = Arc::new(AtomicUsize::new(0));
        let end = done.clone();
        let cancel = move || {
            while end.load(Ordering::SeqCst) == 0 {
                let mut turn = Box::pin(canceller.swap_when(|n| *n > 0, |n| n - 1));
                let taken = poll(&mut turn, &Probe::new().waker()).is_ready();
                drop(turn);
                if taken {
                    canceller.swap(|n| n + 1);
                }
            }
        };
        let taking = thread::spawn(take);
        let cancelling = thread::spawn(cancel);
        count_up(&giver, PERMITS as usize);
        taking.join().expect("no panic");
        done.store(1, Ordering::SeqCst);
        cancelling.join().expect("no panic");
        assert_eq!(*atom.load(), 0);
    });
}

#[test]
fn g8_a_forgotten_turn_does_not_stop_the_line() {
    let atom = Atom::new(0_u64);
    let mut forgotten = Box::pin(atom.swap_when(|n| *n > 0, |n| n - 1));
    let mut next = task::spawn(atom.swap_when(|n| *n > 0, |n| n - 1));
    assert_pending!(poll(&mut forgotten, &Probe::new().waker()));
    assert_pending!(next.poll());
    atom.reset(1);
    std::mem::forget(forgotten);
    assert_eq!(*atom.load(), 1, "its turn is out, for good");
    atom.reset(2);
    assert!(next.is_woken(), "each commit gives one more");
    assert_eq!(*assert_ready!(next.poll()), 1);
}

#[test]
fn g8_a_forgotten_wait_does_not_stop_the_others() {
    let atom = Atom::new(0_u64);
    let (probe, view) = (Probe::new(), atom.view());
    let mut forgotten = Box::pin(atom.wait_for(|n| *n == 1));
    assert_pending!(poll(&mut forgotten, &probe.waker()));
    std::mem::forget(forgotten);
    let mut stream = Box::new(atom.changes());
    assert_pending!(poll(&mut stream.next(), &probe.waker()));
    std::mem::forget(stream);
    let mut wait = task::spawn(view.wait_for(|n| *n == 2));
    assert_pending!(wait.poll());
    atom.reset(1);
    assert_eq!(probe.wakes(), 2, "its task is woken all the same");
    atom.reset(2);
    assert_eq!(*assert_ready!(wait.poll()).expect("open"), 2);
    drop(atom);
    assert!(view.is_closed());
}

// ------------------------------------------------------- register and cancel

#[test]
fn g8_a_million_waits_registered_and_cancelled_leave_nothing() {
    let (atom, probe, looks) = (
        Atom::new(0_u64),
        Probe::new(),
        Arc::new(AtomicUsize::new(0)),
    );
    let waker = probe.waker();
    // One that stays, so that the register is never empty.
    let mut steady = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(steady.poll());
    for _ in 0..1_000_000 {
        let shown = looks.clone();
        let mut wait = Box::pin(atom.wait_for(move |_| {
            shown.fetch_add(1, Ordering::Relaxed);
            false
        }));
        assert_pending!(poll(&mut wait, &waker));
    }
    assert_eq!(probe.alive(), 1, "the one in hand");
    assert_eq!(Arc::strong_count(&looks), 1);
    atom.reset(1);
    assert_eq!(
        (looks.load(Ordering::Relaxed), probe.wakes()),
        (1_000_000, 0)
    );
    assert!(steady.is_woken());
}

#[test]
fn g8_streams_made_and_dropped_without_end_leave_nothing() {
    let (atom, probe) = (Atom::new(0_u64), Probe::new());
    let waker = probe.waker();
    for _ in 0..50_000 {
        let mut streams = (atom.changes(), atom.changes_bounded(1), atom.snapshots());
        let _ = poll(&mut streams.0.next(), &waker);
        let _ = poll(&mut streams.1.next(), &waker);
        let _ = poll(&mut streams.2.next(), &waker);
        let _ = poll(&mut streams.2.next(), &waker);
    }
    assert_eq!(probe.alive(), 1);
    atom.reset(1);
    assert_eq!(probe.wakes(), 0);
}

/// Two threads register and cancel against a writer: nothing is left, nobody is lost.
#[test]
fn g8_registering_and_cancelling_races_with_a_writer() {
    in_time(|| {
        let (atom, live) = (Atom::new(0_u64), Live::new());
        let mut steady = Box::pin(atom.wait_for(|n| *n == 20_000));
        let last = Probe::new();
        assert_pending!(poll(&mut steady, &last.waker()));
        let cancel = || {
            let waker = Probe::new().waker();
            for _ in 0..5_000 {
                let alive = live.value(());
                let mut wait = Box::pin(atom.wait_for(move |n| {
                    let _ = &alive;
                    *n == 0
                }));
                let _ = poll(&mut wait, &waker);
                drop(wait);
                let mut changed = Box::pin(atom.changed());
                let _ = poll(&mut changed, &waker);
            }
        };
        thread::scope(|scope| {
            scope.spawn(cancel);
            scope.spawn(cancel);
            scope.spawn(|| count_up(&atom, 20_000));
        });
        assert_eq!(live.count(), 0);
        assert_eq!(last.wakes(), 1);
        assert!(poll(&mut steady, &last.waker()).is_ready());
    });
}

/// An observer of one commit is gone when it has answered; the atom goes back
/// to being unobserved, and to being observed again.
#[test]
fn g2_observers_come_and_go_and_come_again() {
    let atom = Atom::new(0_u64);
    for n in 0..2_000 {
        let mut wait = task::spawn(atom.wait_for(move |m| *m == n + 1));
        assert_pending!(wait.poll());
        atom.reset(n + 1);
        assert!(wait.is_woken());
        assert!(wait.poll().is_ready());
        atom.reset(n + 1);
    }
}
