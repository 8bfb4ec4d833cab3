//! G12: everything works on tokio (both flavours), smol, `futures::executor`
//! and a hand-written `block_on`, also all at once on one atom.
#![cfg(not(loom))]

mod support;

use std::thread;

use atomos::{Atom, Change, Snapshot};
use futures::{FutureExt, StreamExt};
use support::{EXECUTORS, Wait, every_wait, everywhere, in_time};

/// Gives way once, on any executor.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn g12_every_wait_is_woken_by_its_own_task() {
    everywhere(|| async {
        for Wait { name, start, .. } in every_wait() {
            let atom = Atom::new(0);
            let write = async {
                give_way().await;
                atom.reset(1);
            };
            let (seen, ()) = futures::join!(start(&atom), write);
            assert_eq!(seen, 1, "{name}");
        }
    });
}

#[test]
fn g12_every_wait_is_woken_by_a_plain_thread() {
    everywhere(|| async {
        for wait in every_wait().into_iter().filter(|wait| wait.from_call) {
            for _ in 0..20 {
                let atom = Atom::new(0);
                let future = (wait.start)(&atom);
                let writer = thread::spawn(move || drop(atom.reset(1)));
                assert_eq!(future.await, 1, "{}", wait.name);
                writer.join().expect("no panic");
            }
        }
    });
}

#[test]
fn g12_two_futures_of_a_task_take_turns() {
    everywhere(|| async {
        let atom = Atom::new(0_u32);
        let turns = |side: u32| {
            let atom = atom.clone();
            async move {
                for _ in 0..200 {
                    atom.swap_when(move |n| n % 2 == side, |n| n + 1).await;
                }
            }
        };
        futures::join!(turns(0), turns(1));
        assert_eq!(*atom.load(), 400);
    });
}

#[test]
fn g12_a_thread_and_a_task_take_turns() {
    everywhere(|| async {
        let atom = Atom::new(0_u32);
        let other = atom.clone();
        let blocking = thread::spawn(move || {
            for _ in 0..200 {
                other.blocking_wait_for(|n| n % 2 == 1);
                other.swap(|n| n + 1);
            }
        });
        for _ in 0..200 {
            atom.wait_for(|n| n % 2 == 0).await;
            atom.swap(|n| n + 1);
        }
        atom.wait_for(|n| *n == 400).await;
        blocking.join().expect("no panic");
    });
}

#[test]
fn g12_streams_run_to_their_end() {
    everywhere(|| async {
        let atom = Atom::new(0_u64);
        let (changes, bounded) = (atom.changes(), atom.changes_bounded(2_000));
        let (snapshots, view) = (atom.snapshots(), atom.view());
        let writer = thread::spawn(move || {
            (0..1_000).for_each(|_| drop(atom.swap(|n| n + 1)));
        });
        let lossless = async {
            let all: Vec<Change<u64>> = changes.collect().await;
            assert!(all.iter().map(|change| *change.new).eq(1..=1_000));
        };
        let bounded = async {
            let all: Vec<_> = bounded.collect().await;
            let news = all
                .iter()
                .map(|item| *item.as_ref().expect("room for all").new);
            assert!(news.eq(1..=1_000));
        };
        let conflated = async {
            let some: Vec<u64> = snapshots.map(|n| *n).collect().await;
            assert!(some.is_sorted_by(|a, b| a < b), "each later than the last");
            assert_eq!(some.last(), Some(&1_000));
        };
        futures::join!(lossless, bounded, conflated);
        assert!(view.is_closed());
        writer.join().expect("no panic");
    });
}

#[test]
fn g12_select_loses_nothing() {
    everywhere(|| async {
        let (atom, done) = (Atom::new(0_u64), Atom::new(false));
        let mut changes = atom.changes().fuse();
        let (writer, end) = (atom.clone(), done.clone());
        let thread = thread::spawn(move || {
            (0..500).for_each(|_| drop(writer.swap(|n| n + 1)));
            end.reset(true);
        });
        let mut seen = 0;
        while seen < 500 {
            let mut end = Box::pin(done.wait_for(|done| *done).fuse());
            futures::select! {
                change = changes.select_next_some() => {
                    assert_eq!(*change.old, seen);
                    seen = *change.new;
                }
                _ = end => {}
            }
        }
        thread.join().expect("no panic");
    });
}

/// One atom, five executors at once, one commit that all of them wait for.
#[test]
fn g12_one_commit_wakes_tasks_on_all_executors() {
    in_time(|| {
        for _ in 0..10 {
            let (atom, ready) = (Atom::new(0_u64), Atom::new(0_usize));
            let threads: Vec<_> = EXECUTORS
                .iter()
                .map(|executor| {
                    let (atom, ready) = (atom.clone(), ready.clone());
                    let task = async move {
                        let mut changes = atom.changes();
                        ready.swap(|n| n + 1);
                        let seen = atom.wait_for(|n| *n == 7).await;
                        assert_eq!(Snapshot::version(&seen), 1);
                        assert_eq!(*changes.next().await.expect("open").new, 7);
                    };
                    thread::spawn(move || (executor.run)(Box::pin(task)))
                })
                .collect();
            ready.blocking_wait_for(|n| *n == EXECUTORS.len());
            // Some have not polled their wait yet: the value stays for them.
            atom.reset(7);
            for thread in threads {
                thread.join().expect("no panic");
            }
        }
    });
}

#[test]
fn g12_a_future_may_move_from_one_executor_to_another() {
    in_time(|| {
        for Wait { name, start, .. } in every_wait() {
            let atom = Atom::new(0);
            let mut wait = start(&atom);
            let first = async { futures::poll!(&mut wait).is_pending() };
            assert!(futures::executor::block_on(first), "{name}");
            let writer = thread::spawn(move || drop(atom.reset(1)));
            assert_eq!(smol::block_on(wait), 1, "{name}");
            writer.join().expect("no panic");
        }
    });
}

#[cfg(feature = "tokio")]
#[test]
fn g12_spawn_watch_runs_on_both_flavours_of_tokio() {
    for runtime in &EXECUTORS[..2] {
        in_time(|| {
            (runtime.run)(Box::pin(async {
                let (atom, seen) = (Atom::new(0_u64), Atom::new(0_u64));
                let log = seen.clone();
                let watch = atom.spawn_watch(move |change| {
                    let new = *change.new;
                    let log = log.clone();
                    async move { drop(log.swap(|n| if *n + 1 == new { new } else { u64::MAX })) }
                });
                let writer = thread::spawn(move || {
                    (0..500).for_each(|_| drop(atom.swap(|n| n + 1)));
                });
                watch.await.expect("it ends with its atom");
                assert_eq!(*seen.load(), 500);
                writer.join().expect("no panic");
            }));
        });
    }
}
