//! G2, G6, G7, G8 for what processes share: wakers, predicates, values and decoders that call back, panic,
//! leave or wait for other threads, most of them on the thread that sleeps for all waits of a process.
#![cfg(all(feature = "shm", not(loom)))]

mod support;
#[path = "shm_adversity/unlucky.rs"]
mod unlucky;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use atomos::shm;
use futures::StreamExt;
use support::{Boxed, LIMIT, OnDrop, Probe, TempPath, caught, in_time, poll};

/// Writes a number, by a handle of its own, as another process would.
type Write = Arc<dyn Fn(u64) + Send + Sync>;

/// One way to wait until a file that holds 0 holds 1.
struct Way {
    name: &'static str,
    make: fn(&TempPath) -> (Boxed<u64>, Write),
}

fn cell(path: &TempPath) -> shm::Atomic<u64> {
    shm::Atomic::open(path, 0).unwrap()
}

fn atom(path: &TempPath) -> shm::Atom<u64> {
    shm::Atom::open(path, "number", || 0).unwrap()
}

/// A wait that owns its handle, and what writes to the file.
fn on_cell<F>(path: &TempPath, wait: impl FnOnce(shm::Atomic<u64>) -> F) -> (Boxed<u64>, Write)
where
    F: Future<Output = u64> + Send + 'static,
{
    let (here, there) = (cell(path), cell(path));
    (Box::pin(wait(here)), Arc::new(move |n| there.set(n)))
}

fn on_atom<F>(path: &TempPath, wait: impl FnOnce(shm::Atom<u64>) -> F) -> (Boxed<u64>, Write)
where
    F: Future<Output = u64> + Send + 'static,
{
    let (here, there) = (atom(path), atom(path));
    let write = move |n| _ = there.reset(n).unwrap();
    (Box::pin(wait(here)), Arc::new(write))
}

const WAYS: &[Way] = &[
    Way {
        name: "Atomic::wait_for",
        make: |path| on_cell(path, |c| async move { c.wait_for(|n| n == 1).await }),
    },
    Way {
        name: "Atomic::wait_map",
        make: |path| {
            on_cell(path, |c| async move {
                c.wait_map(|n| (n == 1).then_some(n)).await
            })
        },
    },
    Way {
        name: "Atomic::wait_at_least",
        make: |path| on_cell(path, |c| async move { c.wait_at_least(1).await }),
    },
    Way {
        name: "Atomic::changed_from",
        make: |path| on_cell(path, |c| async move { c.changed_from(0).await }),
    },
    Way {
        name: "Atomic::values",
        make: |path| {
            on_cell(path, |c| async move {
                let mut values = c.values().skip_while(|n| std::future::ready(*n == 0));
                values.next().await.unwrap()
            })
        },
    },
    Way {
        name: "Atom::wait_for",
        make: |path| {
            on_atom(
                path,
                |a| async move { *a.wait_for(|n| *n == 1).await.unwrap() },
            )
        },
    },
    Way {
        name: "Atom::wait_map",
        make: |path| {
            on_atom(path, |a| async move {
                let found = a.wait_map(|n| (*n == 1).then_some(*n)).await;
                found.unwrap()
            })
        },
    },
    Way {
        name: "Atom::snapshots",
        make: |path| {
            on_atom(path, |a| async move {
                let mut snapshots = a.snapshots();
                loop {
                    let snapshot = snapshots.next().await.unwrap().unwrap();
                    if *snapshot != 0 {
                        return *snapshot;
                    }
                }
            })
        },
    },
];

/// Runs the case for every way to wait, each on a thread of its own.
fn every_way(case: fn(Boxed<u64>, Write)) {
    for way in WAYS {
        println!("{}", way.name);
        in_time(move || {
            let path = TempPath::new("adversity");
            let (wait, write) = (way.make)(&path);
            case(wait, write);
        });
    }
}

#[track_caller]
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LIMIT, "{what}: not so");
        thread::yield_now();
    }
}

/// Polls with that waker whenever it has been woken, until the wait is over.
#[track_caller]
fn finish(wait: &mut Boxed<u64>, probe: &Arc<Probe>) -> u64 {
    let waker = probe.waker();
    loop {
        let wakes = probe.wakes();
        match poll(wait, &waker) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => soon("it is woken", || probe.wakes() > wakes),
        }
    }
}

/// That the thread still serves: a new wait for a new file.
fn others_are_served() {
    let path = TempPath::new("adversity-after");
    let (mut wait, write) = (WAYS[0].make)(&path);
    let probe = Probe::new();
    assert!(poll(&mut wait, &probe.waker()).is_pending());
    write(1);
    assert_eq!(finish(&mut wait, &probe), 1);
}

/// Between the look of a wait and its going to sleep.
#[test]
fn g02_a_change_made_while_the_waker_is_cloned_is_not_lost() {
    every_way(|mut wait, write| {
        let probe = Probe::new();
        probe.on_clone(move || write(1));
        assert_eq!(finish(&mut wait, &probe), 1);
    });
}

#[test]
fn g07_a_waker_that_cannot_be_cloned_fails_its_own_task() {
    fn case<F: Future + Unpin>(mut wait: F, write: impl Fn()) {
        let probe = Probe::new();
        probe.on_clone(|| panic!("no clone"));
        let polled = caught(|| poll(&mut wait, &probe.waker()).is_ready());
        assert_eq!(polled, Err("no clone".into()));
        probe.calm();
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        write();
        soon("it is woken", || probe.wakes() > 0);
        assert!(poll(&mut wait, &probe.waker()).is_ready());
    }
    in_time(|| {
        let path = TempPath::new("adversity");
        let (here, there) = (cell(&path), cell(&path));
        case(Box::pin(here.wait_for(|n| n == 1)), || there.set(1));
        case(Box::pin(here.wait_at_least(2)), || there.set(2));
        let path = TempPath::new("adversity");
        let (here, there) = (atom(&path), atom(&path));
        let wait = Box::pin(here.wait_for(|n| *n == 1));
        case(wait, || _ = there.reset(1).unwrap());
    });
}

#[test]
fn g07_a_waker_that_panics_disturbs_nobody() {
    every_way(|mut wait, write| {
        let probe = Probe::new();
        probe.on_wake(|| panic!("no wake"));
        probe.on_drop(|| panic!("no drop"));
        let waker = probe.waker();
        assert!(poll(&mut wait, &waker).is_pending());
        write(1);
        soon("it is woken", || probe.wakes() > 0);
        others_are_served();
        probe.calm();
        assert_eq!(poll(&mut wait, &waker), Poll::Ready(1));
    });
}

#[test]
fn g06_a_waker_may_write_and_wait_and_open() {
    every_way(|mut wait, write| {
        let probe = Probe::new();
        let done = Arc::new(AtomicBool::new(false));
        let (is_done, again) = (done.clone(), write.clone());
        probe.on_wake(move || {
            again(1);
            let path = TempPath::new("adversity-inside");
            let inside = cell(&path);
            inside.set(3);
            assert_eq!(inside.blocking_wait_for(|n| n == 3), 3);
            let parked = inside.wait_equal(4);
            assert!(poll(&mut Box::pin(parked), Waker::noop()).is_pending());
            drop(inside);
            is_done.store(true, SeqCst);
        });
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        write(1);
        soon("the waker is done", || done.load(SeqCst));
        probe.calm();
        assert_eq!(finish(&mut wait, &probe), 1);
    });
}

/// The wait, and with it the last handle of the file, ends in the middle of being told.
#[test]
fn g08_a_wait_may_be_dropped_by_its_own_waker() {
    every_way(|mut wait, write| {
        let probe = Probe::new();
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        let (place, dropped) = (Arc::new(Mutex::new(Some(wait))), mpsc::channel());
        let (theirs, tell) = (place.clone(), dropped.0);
        probe.on_wake(move || {
            let wait = theirs.lock().unwrap().take();
            drop(wait);
            let _ = tell.send(());
        });
        write(1);
        assert_eq!(dropped.1.recv_timeout(LIMIT), Ok(()));
        soon("it keeps no waker", || probe.alive() == 0);
        others_are_served();
    });
}

#[test]
fn g08_a_wait_dropped_at_any_poll_leaves_no_waker() {
    every_way(|wait, write| {
        let probe = Probe::new();
        let mut wait = Some(wait);
        let mut is_pending = || poll(wait.as_mut().unwrap(), &probe.waker()).is_pending();
        assert!(is_pending() && is_pending());
        drop(wait);
        assert_eq!(probe.alive(), 0);
        write(1);
        others_are_served();
        assert_eq!(probe.wakes(), 0);
    });
}

/// A wait whose predicate the thread calls: `at_one` once it sees a 1, which it accepts.
fn parked(
    path: &TempPath,
    probe: &Arc<Probe>,
    mut at_one: impl FnMut() + Send + 'static,
) -> (Boxed<u64>, Write) {
    let (mut wait, write) = on_cell(path, |cell| async move {
        cell.wait_for(move |n| {
            if n == 1 {
                at_one();
            }
            n == 1
        })
        .await
    });
    assert!(poll(&mut wait, &probe.waker()).is_pending());
    (wait, write)
}

#[test]
fn g06_the_last_handle_may_go_in_a_predicate() {
    in_time(|| {
        let (path, other) = (TempPath::new("adversity"), TempPath::new("adversity"));
        let one = shm::Options::new().max_participants(1);
        let open = || shm::Atom::open_with(&other, "n", || 0_u64, &one);
        let last = open().unwrap();
        // It was waited for, so that the thread has it in hand.
        let never = last.blocking_wait_for_timeout(|n| *n == 1, Duration::from_millis(1));
        assert!(never.unwrap().is_none());
        let mut last = Some(last);
        let probe = Probe::new();
        let (mut wait, write) = parked(&path, &probe, move || drop(last.take()));
        write(1);
        assert_eq!(finish(&mut wait, &probe), 1);
        open().unwrap();
    });
}

/// Nothing that another thread needs is held meanwhile: it opens, writes, waits, leaves.
#[test]
fn g06_a_predicate_may_wait_for_another_thread() {
    in_time(|| {
        let path = Arc::new(TempPath::new("adversity"));
        let (probe, same) = (Probe::new(), path.clone());
        let (mut wait, write) = parked(&path, &probe, move || {
            let path = same.clone();
            let work = move || {
                let cell = cell(&path);
                cell.set(1);
                assert_eq!(cell.blocking_wait_for(|n| n == 1), 1);
                let parked = cell.wait_equal(4);
                assert!(poll(&mut Box::pin(parked), Waker::noop()).is_pending());
                let path = TempPath::new("adversity-other");
                let atom = atom(&path);
                *atom.swap(|n| n + 1).unwrap()
            };
            assert_eq!(thread::spawn(work).join().unwrap(), 1);
        });
        write(1);
        assert_eq!(finish(&mut wait, &probe), 1);
    });
}

/// The thread that would have to look is the one that waits: it says so instead of hanging.
#[test]
fn g06_a_blocking_wait_for_another_file_in_a_predicate_panics() {
    in_time(|| {
        for is_atom in [false, true] {
            let (path, other) = (TempPath::new("adversity"), TempPath::new("adversity"));
            let probe = Probe::new();
            let (cell, atom) = (cell(&other), atom(&TempPath::new("adversity")));
            let (mut wait, write) = parked(&path, &probe, move || {
                // What holds already, or has an end, may be waited for.
                assert_eq!(cell.blocking_wait_for(|n| n == 0), 0);
                assert_eq!(
                    cell.blocking_wait_for_timeout(|n| n == 9, Duration::from_millis(1)),
                    None
                );
                match is_atom {
                    true => _ = atom.blocking_wait_for(|n| *n == 9),
                    false => _ = cell.blocking_wait_for(|n| n == 9),
                }
            });
            write(1);
            let text = caught(|| finish(&mut wait, &probe)).unwrap_err();
            assert!(
                text.contains("blocking_wait_for would never return"),
                "{text}"
            );
        }
        others_are_served();
    });
}

/// A predicate that is being called when its wait is dropped goes right after, and holds up nobody.
#[test]
fn g08_a_wait_may_be_dropped_while_its_predicate_is_called() {
    in_time(|| {
        let path = TempPath::new("adversity");
        let probe = Probe::new();
        let (called, calls) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let held = Arc::new(());
        let theirs = held.clone();
        let (wait, write) = parked(&path, &probe, move || {
            let _ = &theirs;
            called.send(()).unwrap();
            let _ = goes_on.recv_timeout(LIMIT);
        });
        write(1);
        calls.recv_timeout(LIMIT).unwrap();
        drop(wait);
        assert_eq!(Arc::strong_count(&held), 2);
        go_on.send(()).unwrap();
        soon("the predicate is gone", || Arc::strong_count(&held) == 1);
        soon("the waker is gone", || probe.alive() == 0);
        assert_eq!(probe.wakes(), 0);
        others_are_served();
    });
}

/// The panic is the task's, whatever its payload does; all others are served.
#[test]
fn g07_a_panic_in_a_predicate_of_an_atom_reaches_its_task() {
    in_time(|| {
        let path = TempPath::new("adversity");
        let (here, there) = (atom(&path), atom(&path));
        let probes = [Probe::new(), Probe::new(), Probe::new()];
        let text = here.wait_for(|n| *n == 1 && panic!("one"));
        let bomb = here.wait_map(|n| -> Option<()> {
            if *n == 1 {
                std::panic::panic_any(OnDrop(|| panic!("again")));
            }
            None
        });
        let good = here.wait_for(|n| *n == 1);
        let (mut text, mut bomb, mut good) = (Box::pin(text), Box::pin(bomb), Box::pin(good));
        assert!(poll(&mut text, &probes[0].waker()).is_pending());
        assert!(poll(&mut bomb, &probes[1].waker()).is_pending());
        assert!(poll(&mut good, &probes[2].waker()).is_pending());
        there.reset(1).unwrap();
        soon("all are woken", || probes.iter().all(|p| p.wakes() > 0));
        assert!(poll(&mut good, Waker::noop()).is_ready());
        let panicked = caught(|| poll(&mut text, Waker::noop()).is_ready());
        assert_eq!(panicked, Err("one".into()));
        // Nobody has seen that panic: it comes out here.
        assert!(caught(|| drop(bomb)).is_err());
        others_are_served();
    });
}
