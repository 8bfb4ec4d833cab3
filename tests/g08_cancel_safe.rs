//! G8: every future and stream may be dropped at any point; nothing of it stays.
//! What becomes of a cancelled turn is in `g05_selective_wake.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use atomos::Atom;
use futures::FutureExt;
use futures::future::BoxFuture;
use support::{Live, OnDrop, Probe, Wait, caught, every_wait, in_time, poll, two_threads};
use tokio_test::{assert_pending, assert_ready, task};

#[test]
fn g8_a_dropped_wait_leaves_no_waker_behind() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, probe) = (Atom::new(0), Probe::new());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &probe.waker()));
        assert_eq!(probe.alive(), 1, "{name}");
        drop(wait);
        assert_eq!(probe.alive(), 0, "{name}");
        atom.reset(1);
        assert_eq!(probe.wakes(), 0, "{name}");
    }
}

#[test]
fn g8_a_wait_that_has_answered_leaves_no_waker_behind() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, probe) = (Atom::new(0), Probe::new());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &probe.waker()));
        atom.reset(1);
        assert!(poll(&mut wait, &probe.waker()).is_ready());
        atom.reset(1);
        assert_eq!((probe.alive(), probe.wakes()), (0, 1), "{name}");
    }
}

#[test]
fn g8_a_wait_dropped_before_its_first_poll_leaves_nothing() {
    for Wait { start, .. } in every_wait() {
        let live = Live::new();
        let atom = Atom::new(live.value(0));
        let number = Atom::new(0);
        drop(start(&number));
        drop((atom.changes(), atom.changed(), atom.snapshots()));
        atom.reset(live.value(1));
        number.reset(1);
        assert_eq!(live.count(), 1);
    }
}

type Predicate = Box<dyn FnMut(&u64) -> bool + Send>;

/// Each kind of wait that keeps a predicate, parked with this one.
fn parked_with(atom: &Atom<u64>, kind: usize, pred: Predicate) -> BoxFuture<'_, ()> {
    let (view, mut pred) = (atom.view(), pred);
    let mut wait: BoxFuture<'_, ()> = match kind {
        0 => Box::pin(atom.wait_for(pred).map(drop)),
        1 => Box::pin(atom.wait_map(move |n| pred(n).then_some(()))),
        2 => Box::pin(atom.swap_when(pred, |n| *n).map(drop)),
        3 => Box::pin(async move { drop(view.wait_for(pred).await) }),
        _ => Box::pin(async move {
            let found = view.wait_map(move |n| pred(n).then_some(())).await;
            found.expect("open");
        }),
    };
    assert_pending!(poll(&mut wait, &Probe::new().waker()));
    wait
}

const KINDS: usize = 5;

/// A predicate that never holds and counts itself as alive.
fn counted(live: &Live) -> Predicate {
    let alive = live.value(());
    Box::new(move |_| {
        let _ = &alive;
        false
    })
}

#[test]
fn g8_a_predicate_is_dropped_at_once_with_its_wait() {
    for kind in 0..KINDS {
        let (atom, live) = (Atom::new(0), Live::new());
        let wait = parked_with(&atom, kind, counted(&live));
        atom.reset(1);
        assert_eq!(live.count(), 1);
        drop(wait);
        assert_eq!(live.count(), 0, "kind {kind}");
    }
}

#[test]
fn g8_an_answer_that_nobody_takes_is_dropped_with_its_wait() {
    let (values, results) = (Live::new(), Live::new());
    let atom = Atom::new(values.value(0));
    let mut wait = Box::pin(atom.wait_for(|n| **n == 1));
    let made = results.clone();
    let mut map = Box::pin(atom.wait_map(move |n| (**n == 1).then(|| made.value(()))));
    assert_pending!(poll(&mut wait, &Probe::new().waker()));
    assert!(poll(&mut map, &Probe::new().waker()).is_pending());
    atom.reset(values.value(1));
    atom.reset(values.value(2));
    assert_eq!((values.count(), results.count()), (2, 1));
    drop(map);
    assert_eq!((values.count(), results.count()), (2, 0));
    drop(wait);
    assert_eq!(values.count(), 1);
}

/// The writer is inside the predicate while its wait is dropped elsewhere: the
/// drop returns at once, and the writer drops the predicate right after.
#[test]
fn g8_a_predicate_under_evaluation_is_dropped_there_right_after() {
    in_time(|| {
        for kind in 0..KINDS {
            dropped_under_evaluation(kind);
        }
    });
}

fn dropped_under_evaluation(kind: usize) {
    let (atom, dropped_on) = (Atom::new(0), Arc::new(Mutex::new(None)));
    let (inside, begun) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let log: Arc<Mutex<Option<ThreadId>>> = dropped_on.clone();
    let state = OnDrop(move || {
        *log.lock().expect("not poisoned") = Some(thread::current().id());
    });
    let wait = parked_with(
        &atom,
        kind,
        Box::new(move |n| {
            let _ = &state;
            if *n == 1 {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
            *n == 1
        }),
    );
    let writer = atom.clone();
    let writer = thread::spawn(move || drop(writer.reset(1)));
    begun.recv().expect("the predicate is under evaluation");
    drop(wait);
    assert!(
        dropped_on.lock().expect("not poisoned").is_none(),
        "it is still running"
    );
    go.send(()).expect("awaited");
    let id = writer.thread().id();
    writer.join().expect("no panic");
    assert_eq!(
        *dropped_on.lock().expect("not poisoned"),
        Some(id),
        "kind {kind}"
    );
}

#[test]
fn g8_waits_and_drops_race_with_a_writer() {
    in_time(|| {
        for kind in 0..KINDS {
            let (atom, live) = (Atom::new(0), Live::new());
            let cancel = || {
                for _ in 0..1_000 {
                    drop(parked_with(&atom, kind, counted(&live)));
                }
            };
            two_threads(cancel, || (0..1_000).for_each(|n| drop(atom.reset(n))));
            assert_eq!(live.count(), 0, "kind {kind}");
        }
    });
}

/// Dropped in each order among many: none takes a walk along the others.
#[test]
fn g8_dropping_a_wait_costs_the_same_among_many() {
    let (atom, waker) = (Atom::new(0_u64), Probe::new().waker());
    let mut dropping = Duration::ZERO;
    for from_the_front in [true, false] {
        let mut waits: Vec<_> = (0..30_000)
            .map(|_| Box::pin(atom.wait_for(|n| *n == 1)))
            .collect();
        for wait in &mut waits {
            assert_pending!(poll(wait, &waker));
        }
        if from_the_front {
            waits.reverse();
        }
        let begin = Instant::now();
        while waits.pop().is_some() {}
        dropping += begin.elapsed();
    }
    // A walk along the list for each would be 900 million steps.
    assert!(dropping < Duration::from_secs(3), "took {dropping:?}");
}

#[test]
fn g8_a_forgotten_wait_outlives_its_atom_handle() {
    in_time(|| {
        for kind in 0..KINDS {
            let (atom, live) = (Atom::new(0), Live::new());
            let view = atom.view();
            std::mem::forget(parked_with(&atom, kind, counted(&live)));
            atom.reset(1);
            let mut next = task::spawn(view.changed());
            atom.reset(2);
            assert!(next.is_woken() || next.poll().is_ready());
            drop(atom);
            assert!(view.is_closed());
        }
    });
}

#[test]
fn g8_a_forgotten_wait_of_a_moved_atom_still_hears() {
    let shown = Arc::new(AtomicUsize::new(0));
    let atom = Atom::new(0_u64);
    let looks = shown.clone();
    let mut wait = Box::pin(atom.wait_for(move |_| {
        looks.fetch_add(1, Ordering::SeqCst);
        false
    }));
    assert_pending!(poll(&mut wait, &Probe::new().waker()));
    std::mem::forget(wait);
    let moved = Box::new(atom);
    moved.reset(1);
    assert_eq!(shown.load(Ordering::SeqCst), 2);
    drop(moved);
}

/// A time-out and a panic leave as little behind as a cancelled future.
#[test]
fn g8_a_blocking_wait_that_ends_leaves_nothing() {
    let (atom, live) = (Atom::new(0_u64), Live::new());
    let shown = AtomicUsize::new(0);
    let alive = live.value(());
    let look = |_: &u64| {
        let _ = &alive;
        shown.fetch_add(1, Ordering::SeqCst);
        false
    };
    let short = Duration::from_millis(1);
    assert!(atom.blocking_wait_for_timeout(look, short).is_none());
    let looks = shown.load(Ordering::SeqCst);
    atom.reset(1);
    assert_eq!(
        shown.load(Ordering::SeqCst),
        looks,
        "it may borrow: shown nothing more"
    );
    assert!(caught(|| atom.blocking_wait_for(|_| panic!("bomb"))).is_err());
    assert_eq!(*atom.reset(2), 2);
}

/// The waiting thread gives up while the writer is inside its predicate, which
/// may borrow: it must not return before the writer is out.
#[test]
fn g8_a_blocking_wait_gives_up_only_when_nobody_is_in_its_predicate() {
    in_time(|| {
        for _ in 0..20 {
            let (atom, inside) = (Atom::new(0_u64), AtomicUsize::new(0));
            let wait = || {
                let seen = atom.blocking_wait_for_timeout(
                    |n| {
                        if *n == 1 {
                            inside.store(1, Ordering::SeqCst);
                            thread::sleep(Duration::from_millis(4));
                            inside.store(0, Ordering::SeqCst);
                        }
                        false
                    },
                    Duration::from_millis(2),
                );
                assert!(seen.is_none());
                assert_eq!(inside.load(Ordering::SeqCst), 0);
            };
            two_threads(wait, || atom.reset(1));
        }
    });
}

#[test]
fn g8_a_stream_dropped_half_way_leaves_nothing() {
    let live = Live::new();
    let atom = Atom::new(live.value(0));
    let mut streams = (
        task::spawn(atom.changes()),
        task::spawn(atom.changes_bounded(3)),
        task::spawn(atom.snapshots()),
    );
    for n in 1..=9 {
        atom.reset(live.value(n));
    }
    assert!(assert_ready!(streams.0.poll_next()).is_some());
    assert!(assert_ready!(streams.1.poll_next()).is_some());
    assert!(assert_ready!(streams.2.poll_next()).is_some());
    drop(streams);
    assert_eq!(live.count(), 1);
    atom.reset(live.value(10));
    assert_eq!(live.count(), 1);
}

/// Whatever was polled last: the one that is kept loses nothing when its
/// neighbours in a `select` are dropped in a loop.
#[test]
fn g8_changes_lose_nothing_to_a_dropped_next() {
    let atom = Atom::new(0_u64);
    let mut changes = atom.changes();
    for n in 1..=100 {
        let mut next = Box::pin(futures::StreamExt::next(&mut changes));
        assert_pending!(poll(&mut next, &Probe::new().waker()));
        drop(next);
        atom.reset(n);
        let next = futures::StreamExt::next(&mut changes).now_or_never();
        assert_eq!(*next.flatten().expect("committed").new, n);
    }
}

#[test]
fn g8_a_time_out_of_zero_is_one_look() {
    let atom = Atom::new(0_u64);
    let looks = AtomicUsize::new(0);
    let look = |_: &u64| looks.fetch_add(1, Ordering::SeqCst) > 0;
    assert!(
        atom.blocking_wait_for_timeout(look, Duration::ZERO)
            .is_none()
    );
    assert_eq!(looks.load(Ordering::SeqCst), 1);
}

/// Nobody hangs, and nobody is told that an open atom has closed, who polls a wait once too often.
#[test]
fn g8_a_wait_that_has_answered_says_so_when_it_is_polled_again() {
    fn again<R>(name: &str, wait: impl Future<Output = R>) {
        let (mut wait, waker) = (std::pin::pin!(wait), Probe::new().waker());
        assert!(poll(&mut wait, &waker).is_ready(), "{name}");
        let text = caught(|| poll(&mut wait, &waker).is_ready()).unwrap_err();
        assert!(
            text.contains("polled after it had ended"),
            "{name}: {text:?}"
        );
    }
    let (atom, old) = (Atom::new(0_u64), Atom::new(0_u64).load());
    let view = atom.view();
    let (changed, viewed) = (atom.changed(), view.changed());
    atom.reset(1);
    again("changed", changed);
    again("changed of a view", viewed);
    again("changed_since", atom.changed_since(&old));
    again("changed_since of a view", view.changed_since(&old));
    again("wait_for", atom.wait_for(|n| *n == 1));
    again("wait_map", view.wait_map(|n| (*n == 1).then_some(())));
    again("swap_when", atom.swap_when(|n| *n == 1, |n| *n));
    let seen = atom.load();
    drop(atom);
    again("changed of a closed view", view.changed());
    again("changed_since of a closed view", view.changed_since(&seen));
    again("wait_for of a closed view", view.wait_for(|n| *n == 5));
}
