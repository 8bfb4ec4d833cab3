//! G12: every wait of a cell works on tokio (both flavours), smol, `futures::executor` and a
//! hand-written `block_on`; and the blocking ones in plain threads.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use atomos::{Atomic, AtomicReference, AtomicU64};
use futures::StreamExt;
use support::{
    Boxed, CellWait, EXECUTORS, every_cell_wait, everywhere, in_time, poll, two_threads,
};

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
fn g12_every_wait_of_a_cell_is_woken_by_its_own_task() {
    everywhere(|| async {
        for CellWait { name, make, .. } in every_cell_wait() {
            let (wait, write) = make();
            let write = async {
                give_way().await;
                write(1);
            };
            let (seen, ()) = futures::join!(wait, write);
            assert_eq!(seen, 1, "{name}");
        }
    });
}

#[test]
fn g12_every_wait_of_a_cell_is_woken_by_a_plain_thread() {
    everywhere(|| async {
        for CellWait { name, make, .. } in every_cell_wait() {
            for _ in 0..20 {
                let (mut wait, write) = make();
                // Its first poll comes before the write.
                let first = futures::poll!(&mut wait);
                assert!(first.is_pending(), "{name}");
                let writer = thread::spawn(move || write(1));
                assert_eq!(wait.await, 1, "{name}");
                writer.join().expect("no panic");
            }
        }
    });
}

#[test]
fn g12_two_futures_of_a_task_take_turns_by_a_cell() {
    everywhere(|| async {
        let cell = AtomicU64::new(0);
        let turns = |side: u64| {
            let cell = &cell;
            async move {
                for _ in 0..200 {
                    cell.update_when(move |n| n % 2 == side, |n| n + 1).await;
                }
            }
        };
        futures::join!(turns(0), turns(1));
        assert_eq!(cell.get(), 400);
    });
}

/// All executors at once, each a runner of one relay.
#[test]
fn g12_tasks_of_all_executors_take_turns_by_one_cell() {
    in_time(|| {
        const ROUNDS: u64 = 50;
        let (cell, runners) = (Arc::new(AtomicU64::new(0)), EXECUTORS.len() as u64);
        let run = |(at, executor): (u64, &'static support::Executor)| {
            let cell = cell.clone();
            thread::spawn(move || {
                let task = async move {
                    for round in 0..ROUNDS {
                        cell.wait_equal(round * runners + at).await;
                        cell.increment_and_get();
                    }
                };
                (executor.run)(Box::pin(task));
            })
        };
        let threads: Vec<_> = (0..).zip(&EXECUTORS).map(run).collect();
        cell.blocking_wait_for(|n| n == ROUNDS * runners);
        for thread in threads {
            thread.join().expect("no panic");
        }
    });
}

#[test]
fn g12_a_stream_of_values_follows_a_thread_on_every_executor() {
    everywhere(|| async {
        let cell = Arc::new(AtomicU64::new(0));
        let writer = cell.clone();
        let writer = thread::spawn(move || {
            (0..1_000).for_each(|_| {
                writer.increment_and_get();
            })
        });
        let mut values = cell.values_owned();
        let mut last = None;
        while last != Some(1_000) {
            let next = values.next().await;
            assert!(next > last, "an old one again");
            last = next;
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn g12_blocking_waits_of_cells_are_satisfied_by_other_threads() {
    in_time(|| {
        for _ in 0..300 {
            let cell = AtomicU64::new(0);
            let (seen, ()) = two_threads(|| cell.blocking_wait_for(|n| n == 1), || cell.set(1));
            assert_eq!(seen, 1);
            let reference = AtomicReference::new(0);
            let wait = || reference.blocking_wait_for(|n| **n == 1);
            let (seen, ()) = two_threads(wait, || reference.set(Arc::new(1)));
            assert_eq!(*seen, 1);
        }
    });
}

/// G4 holds for threads as well: the value may be gone when they wake.
#[test]
fn g12_a_blocking_wait_of_a_cell_gets_what_came_and_went() {
    in_time(|| {
        let (cell, looking) = (AtomicU64::new(0), AtomicU64::new(0));
        let wait = || {
            cell.blocking_wait_for(|n| {
                looking.increment_and_get();
                n == 1
            })
        };
        let write = || {
            looking.blocking_wait_for(|n| n > 0);
            cell.set(1);
            cell.set(0);
        };
        assert_eq!(two_threads(wait, write).0, 1);
    });
}

/// The predicate borrows from the waiting thread's stack, and is given back before the return.
#[test]
fn g12_blocking_predicates_of_cells_may_borrow() {
    in_time(|| {
        let (cell, mut seen) = (AtomicU64::new(0), Vec::new());
        let wait = || {
            cell.blocking_wait_for(|n| {
                seen.push(n);
                n == 100
            })
        };
        let write = || (0..100).for_each(|_| drop(cell.increment_and_get().to_string()));
        assert_eq!(two_threads(wait, write).0, 100);
        assert!(seen.is_sorted() && seen.last() == Some(&100));
        let mut looks = 0;
        let never = cell.blocking_wait_for_timeout(
            |_| {
                looks += 1;
                false
            },
            Duration::from_millis(2),
        );
        assert_eq!(never, None);
        cell.set(5);
        assert!(
            looks > 0,
            "and a write after the time-out does not look at it"
        );
    });
}

#[test]
fn g12_a_time_out_of_a_cell_is_not_cut_short_by_writes() {
    in_time(|| {
        let (cell, timeout) = (AtomicU64::new(0), Duration::from_millis(30));
        let wait = || {
            let start = Instant::now();
            let seen = cell.blocking_wait_for_timeout(|n| n == u64::MAX, timeout);
            cell.set(u64::MAX);
            (seen, start.elapsed())
        };
        let write = || while cell.compare_and_set(0, 1) || cell.compare_and_set(1, 0) {};
        let ((seen, elapsed), ()) = two_threads(wait, write);
        assert_eq!(seen, None);
        assert!(elapsed >= timeout);
    });
}

/// A task that is polled inside `wake`, as a naive executor may do it.
struct OnTheSpot(Mutex<Option<Boxed<u64>>>);

impl OnTheSpot {
    fn run(self: &Arc<Self>) {
        let mut wait = self.0.lock().expect("not poisoned");
        let waker = Waker::from(self.clone());
        if wait
            .as_mut()
            .is_some_and(|wait| poll(wait, &waker).is_ready())
        {
            *wait = None;
        }
    }
}

impl Wake for OnTheSpot {
    fn wake(self: Arc<Self>) {
        self.run();
    }
}

/// Each in line commits in the waker that is called for the one before, and no frame of that is
/// left: the stack of a thread would not be enough.
#[test]
fn g12_a_long_line_is_served_by_wakers_that_poll_on_the_spot() {
    const LONG: u64 = if cfg!(miri) { 200 } else { 100_000 };
    let cell = Arc::new(Atomic::new(0_u64));
    let wait = |_| {
        let cell = cell.clone();
        let wait: Boxed<u64> =
            Box::pin(async move { cell.update_when(|n| n > 0, |n| n + 1).await });
        let task = Arc::new(OnTheSpot(Mutex::new(Some(wait))));
        task.run();
        task
    };
    let tasks: Vec<_> = (0..LONG).map(wait).collect();
    cell.set(1);
    assert_eq!(cell.get(), LONG + 1);
    for task in tasks {
        assert!(task.0.lock().expect("not poisoned").is_none());
    }
}
