//! G7: a panic stays where it belongs. Panics that meet a panic are in
//! `g07_unwinding.rs`.
#![cfg(not(loom))]

mod support;

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;

use atomos::{Atom, Snapshot, WatchEvent};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use support::{
    Boxed, Hooked, OnDrop, Probe, Wait, caught, every_wait, in_time, once, panic_text, poll,
    two_threads,
};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

fn bomb() {
    panic!("bomb");
}

fn is_bomb<R>(result: Result<R, String>) -> bool {
    result.err().as_deref() == Some("bomb")
}

#[test]
fn g7_a_panic_in_an_update_changes_nothing() {
    let verbs: [fn(&Atom<u64>); 6] = [
        |atom| drop(atom.swap(|_| panic!("bomb"))),
        |atom| drop(atom.swap_vals(|_| panic!("bomb"))),
        |atom| drop(atom.swap_if(|_| panic!("bomb"))),
        |atom| drop(atom.try_swap(|_| -> Result<u64, ()> { panic!("bomb") })),
        |atom| atom.modify(|_| panic!("bomb")),
        |atom| atom.with(|_| panic!("bomb")),
    ];
    let (atom, calls) = (Atom::new(7), Arc::new(AtomicUsize::new(0)));
    let called = calls.clone();
    atom.add_watch("w", move |_| {
        called.fetch_add(1, Ordering::SeqCst);
    });
    for verb in verbs {
        let before = atom.load();
        assert!(is_bomb(caught(|| verb(&atom))));
        assert!(Snapshot::ptr_eq(&atom.load(), &before));
        atom.swap(|n| n + 1);
        assert_eq!(
            atom.version(),
            Snapshot::version(&before) + 1,
            "nothing is poisoned"
        );
    }
    assert_eq!(
        calls.load(Ordering::SeqCst),
        verbs.len(),
        "told of the commits alone"
    );
}

#[test]
fn g7_a_panic_in_a_predicate_reaches_the_task_and_not_the_writer() {
    let atom = Atom::new(0_u64);
    let view = atom.view();
    let fuse = |n: &u64| if *n == 1 { panic!("bomb") } else { false };
    let mut waits: [BoxFuture<'_, ()>; 4] = [
        Box::pin(atom.wait_for(fuse).map(drop)),
        Box::pin(atom.wait_map(move |n| fuse(n).then_some(())).map(drop)),
        Box::pin(atom.swap_when(fuse, |n| *n).map(drop)),
        Box::pin(view.wait_for(fuse).map(drop)),
    ];
    let probes: Vec<_> = waits.iter().map(|_| Probe::new()).collect();
    for (wait, probe) in waits.iter_mut().zip(&probes) {
        assert_pending!(poll(wait, &probe.waker()));
    }
    let mut sound = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(sound.poll());
    assert_eq!(*atom.reset(1), 1, "the writer goes on");
    assert!(sound.is_woken());
    for (mut wait, probe) in waits.into_iter().zip(probes) {
        assert_eq!(probe.wakes(), 1);
        assert!(is_bomb(caught(|| poll(&mut wait, &probe.waker()))));
        drop(wait);
        assert_eq!(probe.alive(), 0);
    }
    assert_eq!(*assert_ready!(sound.poll()), 1);
}

#[test]
fn g7_a_panic_in_the_first_evaluation_is_the_polls() {
    let atom = Atom::new(0_u64);
    let mut wait = task::spawn(atom.wait_for(|_| panic!("bomb")));
    assert!(is_bomb(caught(|| wait.poll().is_ready())));
    drop(wait);
    let mut turn = task::spawn(atom.swap_when(|_| panic!("bomb"), |n| *n));
    assert!(is_bomb(caught(|| turn.poll().is_ready())));
    drop(turn);
    assert!(is_bomb(caught(
        || atom.blocking_wait_for(|_| panic!("bomb"))
    )));
    assert_eq!(*atom.reset(1), 1);
}

#[test]
fn g7_a_panic_in_a_blocking_predicate_reaches_the_waiting_thread() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (looked, first_look) = mpsc::channel();
        let writer = atom.clone();
        let wait = || {
            caught(|| {
                atom.blocking_wait_for(move |n| {
                    // Only the first look is awaited.
                    let _ = looked.send(());
                    if *n == 1 { panic!("bomb") } else { false }
                })
            })
        };
        let write = move || {
            first_look.recv().expect("it looks");
            *writer.reset(1)
        };
        let (waited, written) = two_threads(wait, write);
        assert!(is_bomb(waited));
        assert_eq!(written, 1);
    });
}

/// Counts its calls and panics in those that `at` names.
fn fused(calls: &Arc<AtomicUsize>, at: u64) -> impl Fn(&WatchEvent<'_, u64>) + Send + Sync + use<> {
    let calls = calls.clone();
    move |event| {
        calls.fetch_add(1, Ordering::SeqCst);
        assert!(**event.new != at, "bomb");
    }
}

#[test]
fn g7_a_panic_in_a_watch_comes_after_everyone_is_served() {
    let atom = Atom::new(0_u64);
    let calls = Arc::new(AtomicUsize::new(0));
    for key in 0..3_u64 {
        // The first, the middle and no panic at all.
        atom.add_watch(key, fused(&calls, if key < 2 { 1 } else { 99 }));
    }
    let mut waits = parked(&atom);
    let result = caught(|| atom.reset(1));
    assert!(is_bomb(result), "it resumes in the writer");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(*atom.load(), 1, "the commit stands");
    for wait in &mut waits {
        assert!(wait.is_woken());
        assert_ready_eq!(wait.poll(), 1);
    }
    atom.reset(2);
    assert_eq!(
        calls.load(Ordering::SeqCst),
        6,
        "a watch outlives its panic"
    );
}

#[test]
fn g7_the_panic_resumes_when_all_there_was_is_delivered() {
    let atom = Atom::new(0_u64);
    let (seen, weak) = (Arc::new(Mutex::new(Vec::new())), atom.downgrade());
    let log = seen.clone();
    atom.add_watch("w", move |event| {
        if **event.new == 1 {
            weak.upgrade().expect("open").reset(2);
            panic!("bomb");
        }
    });
    atom.add_watch("log", move |event| {
        log.lock().expect("not poisoned").push(**event.new)
    });
    assert!(is_bomb(caught(|| atom.reset(1))));
    assert_eq!(*seen.lock().expect("not poisoned"), [1, 2]);
}

/// One thread delivers for another: the panic is the deliverer's.
#[test]
fn g7_a_panic_in_a_watch_belongs_to_the_thread_that_delivers() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (started, start) = mpsc::channel();
        let (go, gate) = mpsc::channel();
        let gate = Mutex::new(gate);
        atom.add_watch("gate", move |event| {
            if **event.new == 1 {
                started.send(()).expect("awaited");
                gate.lock().expect("not poisoned").recv().expect("opened");
            }
        });
        atom.add_watch("bomb", |event| assert!(**event.new != 2, "bomb"));
        let other = atom.clone();
        let deliverer = thread::spawn(move || drop(other.reset(1)));
        start.recv().expect("the watch has begun");
        assert_eq!(*atom.reset(2), 2, "not this thread's");
        go.send(()).expect("awaited");
        assert_eq!(deliverer.join().map_err(panic_text), Err("bomb".into()));
        atom.remove_watch("gate");
        assert_eq!(*atom.reset(3), 3);
    });
}

#[test]
fn g7_a_panicking_waker_strands_nobody() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, calls) = (Atom::new(0), Arc::new(AtomicUsize::new(0)));
        atom.add_watch("w", fused(&calls, 99));
        let broken = Probe::new();
        broken.on_wake(bomb);
        let mut others = parked(&atom);
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &broken.waker()));
        others.extend(parked(&atom));

        let result = caught(|| atom.reset(1));
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{name}");
        for other in &mut others {
            assert!(other.is_woken(), "stranded beside {name}");
            assert_ready_eq!(other.poll(), 1);
        }
        assert!(is_bomb(result), "{name}: it resumes in the writer");
    }
}

/// Every wait that is not in the line, parked.
fn parked(atom: &Atom<u64>) -> Vec<task::Spawn<Boxed<u64>>> {
    let waits = every_wait()
        .into_iter()
        .filter(|wait| wait.name != "Atom::swap_when");
    let mut tasks: Vec<_> = waits.map(|wait| task::spawn((wait.start)(atom))).collect();
    for task in &mut tasks {
        assert_pending!(task.poll());
    }
    tasks
}

#[test]
fn g7_a_panic_in_a_waker_clone_is_the_polls_and_the_wait_goes_on() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, broken, sound) = (Atom::new(0), Probe::new(), Probe::new());
        let mut wait = start(&atom);
        broken.on_clone(bomb);
        assert!(
            is_bomb(caught(|| poll(&mut wait, &broken.waker()))),
            "{name}"
        );
        drop(wait);
        assert_eq!(broken.alive(), 0);

        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &sound.waker()));
        atom.reset(1);
        assert_eq!(sound.wakes(), 1);
        assert_ready_eq!(poll(&mut wait, &sound.waker()), 1);
    }
}

#[test]
fn g7_a_panic_in_a_waker_drop_leaves_the_wait_whole() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, broken, sound) = (Atom::new(0), Probe::new(), Probe::new());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &broken.waker()));
        broken.on_drop(once(bomb));
        // Replacing the waker drops the broken one; the poll may tell, the wait lives.
        let replaced = caught(|| poll(&mut wait, &sound.waker()));
        assert!(is_bomb(replaced), "{name}");
        broken.calm();
        drop(wait);
        assert_eq!((broken.alive(), sound.alive()), (0, 0), "{name}");
        assert_eq!(*atom.reset(1), 1);
    }
}

/// G2, too: the answer comes while the task's waker is being cloned, between check and park. So
/// that waker is not needed any more, and what it does when it is dropped costs no answer.
#[test]
fn g7_a_waker_that_panics_when_dropped_loses_no_answer() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, broken) = (Atom::new(0), Probe::new());
        let mut wait = start(&atom);
        let writer = atom.clone();
        broken.on_clone(once(move || drop(writer.reset(1))));
        broken.on_drop(bomb);
        let waker = ManuallyDrop::new(broken.waker());
        let answer = caught(|| poll(&mut wait, &waker));
        broken.calm();
        assert!(matches!(answer, Ok(Poll::Ready(1))), "{name}: {answer:?}");
        drop((wait, ManuallyDrop::into_inner(waker)));
        assert_eq!((broken.clones(), broken.alive()), (1, 0), "{name}");
    }
}

#[test]
fn g7_a_panicking_destructor_of_a_value_comes_after_everyone_is_served() {
    let atom = Atom::new(Hooked::new(0, bomb));
    let calls = Arc::new(AtomicUsize::new(0));
    let called = calls.clone();
    atom.add_watch("w", move |_| {
        called.fetch_add(1, Ordering::SeqCst);
    });
    let mut wait = task::spawn(atom.wait_for(|value| value.number == 1));
    let mut changed = task::spawn(second_snapshot(&atom));
    assert_pending!(wait.poll());
    assert_pending!(changed.poll());
    assert!(is_bomb(caught(|| atom.reset(Hooked::plain(1)))));
    assert_eq!((atom.version(), calls.load(Ordering::SeqCst)), (1, 1));
    assert!(wait.is_woken() && changed.is_woken());
    assert_eq!(assert_ready!(wait.poll()).number, 1);
    atom.reset(Hooked::plain(2));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// A wait that holds on to no old value, so that the writer drops it.
async fn second_snapshot(atom: &Atom<Hooked>) {
    let mut snapshots = atom.snapshots();
    drop(snapshots.next().await);
    drop(snapshots.next().await);
}

#[test]
fn g7_a_panicking_destructor_of_a_watch_leaves_the_others() {
    let atom = Atom::new(0_u64);
    let calls = Arc::new(AtomicUsize::new(0));
    let dropped = OnDrop(bomb);
    atom.add_watch("bomb", move |_| {
        let _ = &dropped;
    });
    atom.add_watch("w", fused(&calls, 99));
    assert!(is_bomb(caught(|| atom.remove_watch("bomb"))));
    assert_eq!(atom.watch_keys(), ["w".into()], "removed all the same");
    atom.reset(1);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn g7_a_panicking_destructor_of_a_predicate_strands_nobody() {
    let atom = Atom::new(0_u64);
    let bombs = || {
        let dropped = OnDrop(bomb);
        move |n: &u64| {
            let _ = &dropped;
            *n == 1
        }
    };
    // Accepted and then dropped, by the writer or by the poll that answers.
    let mut broken = task::spawn(Box::pin(atom.wait_for(bombs())));
    let mut sound = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(broken.poll());
    assert_pending!(sound.poll());
    let written = caught(|| atom.reset(1));
    assert!(broken.is_woken() && sound.is_woken());
    let polled = caught(|| broken.poll().is_ready());
    let dropped = caught(|| drop(broken));
    let bombs_seen = usize::from(written.is_err())
        + usize::from(polled.is_err())
        + usize::from(dropped.is_err());
    assert_eq!(bombs_seen, 1, "told once");
    assert_eq!(*assert_ready!(sound.poll()), 1);

    // Cancelled: the canceller's.
    let mut cancelled = task::spawn(Box::pin(atom.wait_for(bombs_on_two())));
    assert_pending!(cancelled.poll());
    assert!(is_bomb(caught(|| drop(cancelled))));
    assert_eq!(*atom.reset(2), 2);
}

fn bombs_on_two() -> impl FnMut(&u64) -> bool + Send + 'static {
    let dropped = OnDrop(bomb);
    move |n| {
        let _ = &dropped;
        *n == 2
    }
}

#[test]
fn g7_closing_serves_everyone_before_a_destructor_panics() {
    let atom = Atom::new(0_u64);
    let gone = Arc::new(AtomicUsize::new(0));
    for key in 0..3_u64 {
        let gone = gone.clone();
        let dropped = OnDrop(move || {
            gone.fetch_add(1, Ordering::SeqCst);
            assert!(key != 1, "bomb");
        });
        atom.add_watch(key, move |_| {
            let _ = &dropped;
        });
    }
    let (view, mut changes) = (atom.view(), task::spawn(atom.changes()));
    let waiting = view.clone();
    let mut wait = task::spawn(waiting.wait_for(|n| *n == 1));
    assert_pending!(wait.poll());
    assert_pending!(changes.poll_next());
    assert!(is_bomb(caught(|| drop(atom))));
    assert_eq!(gone.load(Ordering::SeqCst), 3);
    assert!(wait.is_woken() && changes.is_woken());
    assert!(assert_ready!(wait.poll()).is_err());
    assert!(assert_ready!(changes.poll_next()).is_none());
    assert!(view.is_closed());
}

#[test]
fn g7_a_panicking_waker_at_closing_strands_nobody() {
    for broken_first in [true, false] {
        let atom = Atom::new(0_u64);
        let broken = Probe::new();
        broken.on_wake(bomb);
        let mut streams = [atom.changes(), atom.changes(), atom.changes()];
        let sound = Probe::new();
        let order = if broken_first {
            [&broken, &sound, &sound]
        } else {
            [&sound, &sound, &broken]
        };
        for (stream, probe) in streams.iter_mut().zip(order) {
            assert_pending!(poll(&mut stream.next(), &probe.waker()));
        }
        assert!(is_bomb(caught(|| drop(atom))));
        assert_eq!(sound.wakes(), 2);
        for stream in &mut streams {
            assert!(matches!(stream.next().now_or_never(), Some(None)));
        }
    }
}

/// The commit of a wait in the line is delivered by its poll: so is the panic.
#[test]
fn g7_a_panic_in_a_watch_reaches_the_poll_that_committed() {
    let atom = Atom::new(0_u64);
    atom.add_watch("w", |event| assert!(**event.new != 10, "bomb"));
    let mut first = task::spawn(atom.swap_when(|n| *n == 1, |_| 10));
    let mut second = task::spawn(atom.swap_when(|n| *n == 10, |_| 11));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    atom.reset(1);
    assert!(is_bomb(caught(|| first.poll().is_ready())));
    assert_eq!(*atom.load(), 10, "the commit stands");
    drop(first);
    assert!(second.is_woken(), "the turn was used and went on");
    assert_eq!(*assert_ready!(second.poll()), 11);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g7_a_panic_in_spawn_watch_is_its_tasks() {
    let atom = Atom::new(0_u64);
    let broken = atom.spawn_watch(|_| async { panic!("bomb") });
    let mut sound = atom.changes();
    assert_eq!(*atom.reset(1), 1);
    let error = broken.await.expect_err("it panicked");
    assert_eq!(panic_text(error.into_panic()), "bomb");
    atom.reset(2);
    let second = [sound.next().await, sound.next().await].map(|c| *c.expect("open").new);
    assert_eq!(second, [1, 2]);
}

#[test]
fn g7_a_wait_that_was_polled_to_its_panic_is_gone() {
    let (atom, shown) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
    let looks = shown.clone();
    let mut wait = Box::pin(atom.wait_for(move |n| {
        looks.fetch_add(1, Ordering::SeqCst);
        *n == 1 && panic!("bomb")
    }));
    let probe = Probe::new();
    assert!(matches!(poll(&mut wait, &probe.waker()), Poll::Pending));
    atom.reset(1);
    atom.reset(1);
    assert_eq!(
        (shown.load(Ordering::SeqCst), probe.wakes()),
        (2, 1),
        "shown nothing more"
    );
    assert!(is_bomb(caught(|| poll(&mut wait, &probe.waker()))));
}

/// The commit that a wait has taken is not lost with the last handle of its view.
#[test]
fn g7_changed_returns_its_commit_although_the_last_value_panics_when_it_is_dropped() {
    let atom = Atom::new(Hooked::plain(0));
    let mut changed = task::spawn(atom.view().changed());
    atom.reset(Hooked::plain(1));
    atom.reset(Hooked::new(2, || panic!("bomb")));
    drop(atom);
    let change = assert_ready!(changed.poll()).expect("a commit");
    assert_eq!(change.new.number, 1);
}
