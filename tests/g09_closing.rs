//! G9: an atom closes with its last handle. Everything committed is delivered
//! first; then streams end and views answer `Closed`.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use atomos::{Atom, AtomView, Closed, Lagged, Snapshot};
use futures::stream::FusedStream;
use futures::{FutureExt, Stream, StreamExt};
use support::{LIMIT, Live, OnDrop, in_time, two_threads};
use tokio_test::{assert_pending, assert_ready, task};

/// What a stream has to give until it ends.
fn drained<S: Stream + Unpin>(stream: S) -> Vec<S::Item> {
    stream.collect().now_or_never().expect("the stream ends")
}

fn news(changes: impl Stream<Item = atomos::Change<u64>> + Unpin) -> Vec<u64> {
    drained(changes).iter().map(|change| *change.new).collect()
}

#[test]
fn g9_an_atom_closes_with_its_last_handle() {
    let atom = Atom::new(0);
    let (view, clone, weak) = (atom.view(), atom.clone(), atom.downgrade());
    let others = (
        atom.load(),
        atom.reader(),
        atom.changes(),
        atom.snapshots(),
        atom.view(),
    );
    drop(atom);
    assert!(!view.is_closed());
    let upgraded = weak.upgrade().expect("open");
    drop(clone);
    assert!(!view.is_closed());
    drop(upgraded);
    assert!(
        view.is_closed(),
        "neither views nor streams nor readers keep it open"
    );
    assert!(weak.upgrade().is_none());
    drop(others);
}

#[test]
fn g9_streams_deliver_everything_committed_and_end() {
    let atom = Atom::new(0_u64);
    let (mut changes, of_view) = (atom.changes(), atom.view().changes());
    (1..=5).for_each(|n| drop(atom.reset(n)));
    drop(atom);
    assert!(!changes.is_terminated());
    assert_eq!(news(&mut changes), [1, 2, 3, 4, 5]);
    assert!(changes.is_terminated());
    assert!(changes.next().now_or_never().expect("fused").is_none());
    assert_eq!(news(of_view), [1, 2, 3, 4, 5]);
}

#[test]
fn g9_a_bounded_stream_reports_its_lag_delivers_what_it_kept_and_ends() {
    let atom = Atom::new(0_u64);
    let mut bounded = atom.changes_bounded(2);
    (1..=5).for_each(|n| drop(atom.reset(n)));
    drop(atom);
    assert!(!bounded.is_terminated());
    let items: Vec<_> = drained(&mut bounded)
        .into_iter()
        .map(|i| i.map(|c| *c.new))
        .collect();
    assert!(
        matches!(items[..], [Err(Lagged { missed: 3 }), Ok(4), Ok(5)]),
        "{items:?}"
    );
    assert!(bounded.is_terminated());
}

#[test]
fn g9_snapshots_give_the_last_value_and_end() {
    let atom = Atom::new(0_u64);
    let (mut polled, unpolled) = (atom.snapshots(), atom.snapshots());
    assert_eq!(*polled.next().now_or_never().flatten().expect("now"), 0);
    atom.reset(1);
    atom.reset(2);
    drop(atom);
    assert!(!polled.is_terminated());
    let values: Vec<u64> = drained(&mut polled).iter().map(|n| **n).collect();
    assert_eq!(values, [2]);
    assert!(polled.is_terminated());
    let values: Vec<u64> = drained(unpolled).iter().map(|n| **n).collect();
    assert_eq!(values, [2], "now, at the first poll, is the last value");
}

#[test]
fn g9_snapshots_that_gave_the_last_value_just_end() {
    let atom = Atom::new(0_u64);
    let mut snapshots = task::spawn(atom.snapshots());
    assert_eq!(*assert_ready!(snapshots.poll_next()).expect("now"), 0);
    assert_pending!(snapshots.poll_next());
    drop(atom);
    assert!(snapshots.is_woken());
    assert!(assert_ready!(snapshots.poll_next()).is_none());
}

#[test]
fn g9_parked_streams_and_waits_are_woken_by_closing() {
    let atom = Atom::new(0_u64);
    let (view, seen) = (atom.view(), atom.load());
    let mut changes = task::spawn(atom.changes());
    let mut bounded = task::spawn(atom.changes_bounded(1));
    let mut wait = task::spawn(view.wait_for(|n| *n == 1));
    let mut map = task::spawn(view.wait_map(|n| (*n == 1).then_some(())));
    let mut changed = task::spawn(view.changed());
    let mut since = task::spawn(view.changed_since(&seen));
    assert_pending!(changes.poll_next());
    assert_pending!(bounded.poll_next());
    assert_pending!(wait.poll());
    assert_pending!(map.poll());
    assert_pending!(changed.poll());
    assert_pending!(since.poll());
    drop(atom);
    assert!(changes.is_woken() && bounded.is_woken());
    assert!(wait.is_woken() && map.is_woken() && changed.is_woken() && since.is_woken());
    assert!(assert_ready!(changes.poll_next()).is_none());
    assert!(assert_ready!(bounded.poll_next()).is_none());
    assert!(matches!(assert_ready!(wait.poll()), Err(Closed)));
    assert!(matches!(assert_ready!(map.poll()), Err(Closed)));
    assert!(matches!(assert_ready!(changed.poll()), Err(Closed)));
    assert!(matches!(assert_ready!(since.poll()), Err(Closed)));
}

#[test]
fn g9_a_predicate_that_holds_for_the_last_value_wins() {
    let atom = Atom::new(0_u64);
    let view = atom.view();
    let mut parked = task::spawn(view.wait_for(|n| *n == 2));
    let mut passed = task::spawn(view.wait_map(|n| (*n == 1).then_some(*n)));
    assert_pending!(parked.poll());
    assert_pending!(passed.poll());
    let mut late = task::spawn(view.wait_for(|n| *n == 2));
    atom.reset(1);
    atom.reset(2);
    drop(atom);
    assert_eq!(*assert_ready!(parked.poll()).expect("it holds"), 2);
    assert_eq!(assert_ready!(passed.poll()).expect("it held"), 1);
    assert_eq!(
        *assert_ready!(late.poll()).expect("first polled after closing"),
        2
    );
    assert!(
        view.wait_for(|n| *n == 1)
            .now_or_never()
            .expect("closed")
            .is_err()
    );
}

#[test]
fn g9_changes_before_closing_win() {
    let atom = Atom::new(0_u64);
    let (view, seen) = (atom.view(), atom.load());
    let changed = view.changed();
    atom.reset(1);
    drop(atom);
    let change = changed
        .now_or_never()
        .expect("committed")
        .expect("before it closed");
    assert_eq!((*change.old, *change.new), (0, 1));
    let latest = view.changed_since(&seen).now_or_never().expect("older");
    assert_eq!(*latest.expect("it has changed"), 1);
}

#[test]
fn g9_after_closing_a_view_still_loads() {
    let atom = Atom::new(0_u64);
    let (view, mut reader, first) = (atom.view(), atom.reader(), atom.load());
    atom.reset(5);
    drop(atom);
    let last = view.load();
    assert_eq!((*last, view.version(), view.with(|n| *n)), (5, 1, 5));
    assert_eq!((*reader.get(), *view.reader().get()), (5, 5));
    let since = |seen| view.changed_since(seen).now_or_never().expect("at once");
    assert!(Snapshot::ptr_eq(
        &since(&first).expect("an older one"),
        &last
    ));
    assert!(matches!(since(&last), Err(Closed)));
    assert!(matches!(view.changed().now_or_never(), Some(Err(Closed))));
}

#[test]
fn g9_streams_made_after_closing_end() {
    let atom = Atom::new(0_u64);
    let view = atom.view();
    atom.reset(1);
    drop(atom);
    assert_eq!(news(view.changes()), [0; 0]);
    assert_eq!(drained(view.changes_bounded(1)).len(), 0);
    assert!(drained(view.snapshots()).iter().all(|n| **n == 1));
}

#[test]
fn g9_blocking_waits_of_a_closed_view_answer_at_once() {
    in_time(|| {
        let view = Atom::new(1_u64).view();
        assert!(matches!(view.blocking_wait_for(|n| *n == 2), Err(Closed)));
        assert_eq!(*view.blocking_wait_for(|n| *n == 1).expect("it holds"), 1);
        let begin = Instant::now();
        let waited = view.blocking_wait_for_timeout(|n| *n == 2, LIMIT);
        assert!(matches!(waited, Err(Closed)));
        let waited = view.blocking_wait_for_timeout(|n| *n == 1, LIMIT);
        assert_eq!(*waited.expect("it holds").expect("in time"), 1);
        assert!(
            begin.elapsed() < LIMIT / 2,
            "it did not wait for the time-out"
        );
    });
}

#[test]
fn g9_blocking_waits_of_an_open_view_time_out() {
    let atom = Atom::new(1_u64);
    let waited = atom
        .view()
        .blocking_wait_for_timeout(|n| *n == 2, Duration::from_millis(2));
    assert!(matches!(waited, Ok(None)));
}

#[test]
fn g9_a_blocked_thread_is_woken_by_closing() {
    in_time(|| {
        for round in 0..200 {
            let atom = Atom::new(0_u64);
            let view = atom.view();
            let wait = || match round % 2 {
                0 => view.blocking_wait_for(|n| *n == 1).is_err(),
                _ => view.blocking_wait_for_timeout(|n| *n == 1, LIMIT).is_err(),
            };
            let (closed, ()) = two_threads(wait, || drop(atom));
            assert!(closed);
        }
    });
}

#[test]
fn g9_watches_are_dropped_after_the_last_delivery() {
    let live = Live::new();
    let atom = Atom::new(0_u64);
    let (view, seen) = (atom.view(), Arc::new(Mutex::new(Vec::new())));
    let (log, alive) = (seen.clone(), live.value(()));
    atom.add_watch("w", move |event| {
        let _ = &alive;
        log.lock().expect("not poisoned").push(**event.new);
    });
    atom.reset(1);
    assert_eq!(live.count(), 1);
    drop(atom);
    assert_eq!(live.count(), 0);
    assert_eq!(view.watch_keys(), []);
    assert_eq!(*seen.lock().expect("not poisoned"), [1]);
}

#[test]
fn g9_a_watch_added_to_a_closed_view_is_ignored() {
    let live = Live::new();
    let view = Atom::new(0_u64).view();
    let alive = live.value(());
    view.add_watch("late", move |_| {
        let _ = &alive;
    });
    assert_eq!((view.watch_keys(), live.count()), (vec![], 0));
    assert!(!view.remove_watch("late"));
}

/// A watch may refer to its own atom weakly, and to a view strongly.
#[test]
fn g9_a_watch_that_holds_a_view_does_not_keep_its_atom() {
    let live = Live::new();
    let atom = Atom::new(live.value(0));
    let view = atom.view();
    atom.add_watch("w", move |event| assert!(event.atom.ptr_eq(&view)));
    atom.reset(live.value(1));
    drop(atom);
    assert_eq!(live.count(), 0, "the view went with the watch");
}

#[test]
fn g9_closing_inside_a_watch_delivers_the_rest_first() {
    in_time(|| {
        let (atom, seen) = (Atom::new(0_u64), Arc::new(Mutex::new(Vec::new())));
        let (view, mut changes) = (atom.view(), atom.changes());
        let (log, slot) = (seen.clone(), Arc::new(Mutex::new(None)));
        let held: Arc<Mutex<Option<Atom<u64>>>> = slot.clone();
        atom.add_watch("w", move |event| {
            log.lock().expect("not poisoned").push(**event.new);
            let atom = held.lock().expect("not poisoned").take();
            if let Some(atom) = atom {
                atom.reset(2);
                drop(atom);
                assert!(!event.atom.is_closed(), "the writer has a handle");
            }
        });
        *slot.lock().expect("not poisoned") = Some(atom.clone());
        atom.reset(1);
        drop(atom);
        assert!(view.is_closed());
        assert_eq!(*seen.lock().expect("not poisoned"), [1, 2]);
        assert_eq!(news(&mut changes), [1, 2]);
    });
}

/// The last handle goes while another thread's commit is being delivered: what
/// is committed reaches everyone before the end does.
#[test]
fn g9_closing_during_a_delivery_comes_after_it() {
    in_time(|| {
        let (atom, seen) = (Atom::new(0_u64), Arc::new(Mutex::new(Vec::new())));
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let (log, gate) = (seen.clone(), Mutex::new(gate));
        let gone = seen.clone();
        let dropped = OnDrop(move || gone.lock().expect("not poisoned").push(99));
        let view = atom.view();
        view.add_watch("w", move |event| {
            let _ = &dropped;
            if **event.new == 1 {
                inside.send(()).expect("awaited");
                gate.lock().expect("not poisoned").recv().expect("opened");
            }
            log.lock().expect("not poisoned").push(**event.new);
        });
        let other = atom.clone();
        let deliverer = thread::spawn(move || drop(other.reset(1)));
        begun.recv().expect("the watch runs");
        let mut changes = view.changes();
        atom.reset(2);
        drop(atom);
        go.send(()).expect("awaited");
        deliverer.join().expect("no panic");
        assert_eq!(*seen.lock().expect("not poisoned"), [1, 2, 99]);
        assert_eq!(news(&mut changes), [2]);
        assert!(view.is_closed());
    });
}

#[test]
fn g9_two_handles_dropped_at_once_close_once() {
    in_time(|| {
        for _ in 0..500 {
            let live = Live::new();
            let atom = Atom::new(0_u64);
            let (view, alive) = (atom.view(), live.value(()));
            atom.add_watch("w", move |_| {
                let _ = &alive;
            });
            let mut changes = atom.changes();
            let (one, two) = (atom.clone(), atom);
            let last_word = move |atom: Atom<u64>| {
                atom.swap(|n| n + 1);
                drop(atom);
            };
            two_threads(move || last_word(one), move || last_word(two));
            assert!(view.is_closed());
            assert_eq!(news(&mut changes), [1, 2]);
            assert_eq!(live.count(), 0);
        }
    });
}

#[test]
fn g9_an_upgrade_racing_with_closing_gives_an_open_atom_or_none() {
    in_time(|| {
        for _ in 0..1_000 {
            let atom = Atom::new(0_u64);
            let (weak, view) = (atom.downgrade(), atom.view());
            let mut changes = atom.changes();
            let upgrade = || {
                weak.upgrade().map(|atom| {
                    assert!(!view.is_closed(), "a handle is held");
                    *atom.reset(1)
                })
            };
            let (upgraded, ()) = two_threads(upgrade, || drop(atom));
            assert!(view.is_closed() && weak.upgrade().is_none());
            let seen = news(&mut changes);
            assert_eq!(seen, upgraded.into_iter().collect::<Vec<_>>());
        }
    });
}

/// The last handle is inside a predicate: it goes with it, on whatever thread.
#[test]
fn g9_a_predicate_may_hold_the_last_handle() {
    in_time(|| {
        for accepted in [true, false] {
            let atom = Atom::new(0_u64);
            let (view, writer) = (atom.view(), atom.clone());
            let mut changes = view.changes();
            let waiting = view.clone();
            let mut wait = task::spawn(Box::pin(async move {
                waiting
                    .wait_for(move |n| *n == atom.version())
                    .await
                    .map(|n| *n)
            }));
            // The versions differ at first: 1 is committed as 5.
            writer.reset(5);
            assert_pending!(wait.poll());
            if accepted {
                writer.reset(2);
                drop(writer);
                assert!(wait.is_woken());
            } else {
                drop(writer);
                assert!(!view.is_closed());
                drop(wait);
            }
            assert!(view.is_closed());
            assert_eq!(news(&mut changes).len(), if accepted { 2 } else { 1 });
        }
    });
}

#[test]
fn g9_a_watch_added_while_it_closes_does_not_stay() {
    in_time(|| {
        for _ in 0..500 {
            let (atom, live) = (Atom::new(0_u64), Live::new());
            let view = atom.view();
            let add = || {
                let alive = live.value(());
                view.add_watch("w", move |_| {
                    let _ = &alive;
                });
            };
            two_threads(add, || drop(atom));
            assert_eq!((view.watch_keys(), live.count()), (vec![], 0));
        }
    });
}

#[test]
fn g9_a_weak_handle_keeps_nothing() {
    let live = Live::new();
    let atom = Atom::new(live.value(0));
    let weak = atom.downgrade();
    drop(atom);
    assert_eq!(live.count(), 0);
    assert!(weak.upgrade().is_none());
}

/// Registered while the atom closes: an answer, whatever comes first.
#[test]
fn g9_a_wait_being_registered_while_it_closes_is_answered() {
    in_time(|| {
        for round in 0..600 {
            let atom = Atom::new(0_u64);
            let (view, seen) = (atom.view(), atom.load());
            let closed = || closed(&view, &seen, round % 6);
            assert!(two_threads(closed, || drop(atom)).0);
        }
    });
}

fn closed(view: &AtomView<u64>, seen: &Snapshot<u64>, kind: u32) -> bool {
    use futures::executor::block_on;
    match kind {
        0 => block_on(view.wait_for(|n| *n == 1)).is_err(),
        1 => block_on(view.changed()).is_err(),
        2 => block_on(view.changed_since(seen)).is_err(),
        3 => block_on(view.changes().next()).is_none(),
        4 => block_on(view.changes_bounded(1).next()).is_none(),
        _ => block_on(view.snapshots().count()) == 1,
    }
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g9_spawn_watch_ends_after_the_last_commit() {
    let (atom, seen) = (Atom::new(0_u64), Arc::new(Mutex::new(Vec::new())));
    let log = seen.clone();
    let watch = atom.view().spawn_watch(move |change| {
        log.lock().expect("not poisoned").push(*change.new);
        tokio::task::yield_now()
    });
    (1..=5).for_each(|n| drop(atom.reset(n)));
    drop(atom);
    watch.await.expect("it ends");
    assert_eq!(*seen.lock().expect("not poisoned"), [1, 2, 3, 4, 5]);
}
