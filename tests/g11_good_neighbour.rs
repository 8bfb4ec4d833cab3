//! G11: bounded work per poll, nothing blocks, nobody delivers for others
//! without end. Cooperative scheduling on tokio is in `g11_cooperative.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use atomos::Atom;
use futures::{FutureExt, StreamExt};
use support::{Probe, in_time, poll};
use tokio_test::{assert_pending, task};

fn busy(rounds: u32) {
    for n in 0..rounds {
        std::hint::black_box(n);
    }
}

/// Another thread commits faster than a watch takes: whoever delivers is behind.
/// This one delivers, and must get off nevertheless.
#[test]
fn g11_a_writer_that_delivers_for_others_gets_off() {
    const TOO_MANY: usize = 10_000;
    in_time(|| {
        let (atom, stop) = (Atom::new(0_u64), Arc::new(AtomicBool::new(false)));
        let (me, calls) = (thread::current().id(), Arc::new(AtomicUsize::new(0)));
        let (mine, enough, view) = (calls.clone(), stop.clone(), atom.view());
        atom.add_watch("slow", move |_| {
            if thread::current().id() != me {
                return;
            }
            // The first call sees to it that the other one is at work.
            while view.version() < 100 {
                thread::yield_now();
            }
            busy(500);
            if mine.fetch_add(1, Ordering::Relaxed) == TOO_MANY {
                enough.store(true, Ordering::Relaxed);
            }
        });
        thread::scope(|scope| {
            let write = || drop(atom.swap(|n| n + 1));
            let (inside, hammer) = (&atom, &stop);
            scope.spawn(move || {
                inside.blocking_wait_for(|n| *n > 0);
                while !hammer.load(Ordering::Relaxed) {
                    inside.swap(|n| n + 1);
                }
            });
            write();
            stop.store(true, Ordering::Relaxed);
        });
        let calls = calls.load(Ordering::Relaxed);
        assert!(
            (1..TOO_MANY).contains(&calls),
            "one write delivered {calls} commits"
        );
    });
}

/// What one writer left to another is not left lying when both are done.
#[test]
fn g11_what_is_handed_over_is_delivered() {
    in_time(|| {
        for _ in 0..20 {
            let (atom, calls) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
            let seen = calls.clone();
            atom.add_watch("w", move |_| {
                seen.fetch_add(1, Ordering::Relaxed);
            });
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| (0..500).for_each(|_| drop(atom.swap(|n| n + 1))));
                }
            });
            assert_eq!(calls.load(Ordering::Relaxed), 1_500);
        }
    });
}

/// Another thread commits once more during each evaluation of the first poll,
/// so that there is always one more to judge: the poll ends all the same.
#[test]
fn g11_a_first_poll_ends_though_commits_outrun_the_predicate() {
    const ENOUGH: usize = 2_000;
    in_time(|| {
        let (atom, looks) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
        let (ask, asked) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        let writer = atom.clone();
        let writer = thread::spawn(move || {
            for () in asked {
                writer.swap(|n| n + 1);
                answer.send(()).expect("awaited");
            }
        });
        let (me, count) = (thread::current().id(), looks.clone());
        let mut wait = Box::pin(atom.wait_for(move |_| {
            let polling = thread::current().id() == me;
            if polling && count.fetch_add(1, Ordering::Relaxed) < ENOUGH {
                ask.send(()).expect("the writer lives");
                answered.recv().expect("the writer lives");
            }
            false
        }));
        assert_pending!(poll(&mut wait, &Probe::new().waker()));
        let looks = looks.load(Ordering::Relaxed);
        drop(wait);
        writer.join().expect("no panic");
        assert!(looks < ENOUGH, "one poll judged whatever came");
    });
}

/// A stream gives one item a poll, however many there are.
#[test]
fn g11_a_poll_of_a_stream_gives_one_item() {
    let atom = Atom::new(0_u64);
    let (mut changes, mut bounded) = (atom.changes(), atom.changes_bounded(4));
    (1..=8).for_each(|n| drop(atom.reset(n)));
    for n in 1..=8 {
        let change = changes.next().now_or_never().flatten();
        assert_eq!(*change.expect("kept").new, n);
    }
    assert!(
        bounded
            .next()
            .now_or_never()
            .flatten()
            .expect("lagged")
            .is_err()
    );
    assert!(
        bounded
            .next()
            .now_or_never()
            .flatten()
            .expect("kept")
            .is_ok()
    );
}

/// Who joins the line does not walk along it: what its own condition says is
/// enough while it does not hold.
#[test]
fn g11_joining_the_line_does_not_evaluate_everyone_in_it() {
    let (atom, looks) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
    let mut line: Vec<_> = (0..300)
        .map(|_| {
            let looks = looks.clone();
            let never = move |_: &u64| looks.fetch_add(1, Ordering::Relaxed) == usize::MAX;
            task::spawn(Box::pin(atom.swap_when(never, |n| *n)))
        })
        .collect();
    for turn in &mut line {
        assert_pending!(turn.poll());
    }
    let looks = looks.load(Ordering::Relaxed);
    assert!(looks <= 3 * 300, "{looks} evaluations for 300 newcomers");
}

/// A writer is inside the predicate: polling and dropping the wait must not
/// wait for it.
#[test]
fn g11_a_poll_does_not_block_while_a_writer_evaluates() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let mut wait = Box::pin(atom.wait_for(move |n| {
            if *n == 1 {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
            *n == 1
        }));
        let probe = Probe::new();
        assert_pending!(poll(&mut wait, &probe.waker()));
        let writer = atom.clone();
        let writer = thread::spawn(move || drop(writer.reset(1)));
        begun.recv().expect("the writer evaluates");
        assert_pending!(poll(&mut wait, &probe.waker()));
        assert_eq!(*atom.load(), 1, "readers go on");
        assert_eq!(*atom.reset(2), 2, "writers go on");
        go.send(()).expect("awaited");
        writer.join().expect("no panic");
        assert_eq!(probe.wakes(), 1);
        assert!(poll(&mut wait, &probe.waker()).is_ready());
    });
}

/// The same with a watch that takes long: nobody but the deliverer waits for it.
#[test]
fn g11_nothing_but_the_deliverer_waits_for_a_watch() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let (inside, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(Some(gate));
        atom.add_watch("long", move |_| {
            if let Some(gate) = gate.lock().expect("not poisoned").take() {
                inside.send(()).expect("awaited");
                gate.recv().expect("opened");
            }
        });
        let writer = atom.clone();
        let writer = thread::spawn(move || drop(writer.reset(1)));
        begun.recv().expect("the watch runs");

        let waker = Probe::new().waker();
        let mut changes = atom.changes();
        for wait in support::every_wait() {
            // Answered or not: it comes back.
            let _ = poll(&mut (wait.start)(&atom), &waker);
        }
        atom.reset(3);
        assert!(atom.remove_watch("long"));
        atom.add_watch("new", |_| ());
        drop(changes.next().now_or_never());
        let view = atom.view();
        drop((atom, changes));
        go.send(()).expect("awaited");
        writer.join().expect("no panic");
        assert!(view.is_closed());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn g11_nothing_spawns_threads() {
    support::in_child("g11_nothing_spawns_threads", || {
        let threads = || {
            let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
            tasks.count()
        };
        let (atom, before) = (Atom::new(0_u64), threads());
        let waker = Probe::new().waker();
        let waits = support::every_wait();
        let mut parked: Vec<_> = waits.iter().map(|wait| (wait.start)(&atom)).collect();
        for wait in &mut parked {
            assert_pending!(poll(wait, &waker));
        }
        atom.add_watch("w", |_| ());
        let short = std::time::Duration::from_millis(1);
        assert!(atom.blocking_wait_for_timeout(|n| *n == 9, short).is_none());
        atom.reset(1);
        assert_eq!(threads(), before);
    });
}
