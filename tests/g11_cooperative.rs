//! G11: with feature `tokio`, every await and stream takes part in cooperative
//! scheduling, and yields at most once per answer.
#![cfg(not(loom))]
#![cfg(feature = "tokio")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use atomos::{Atom, AtomView, BoundedChanges, Changes, Snapshot};
use futures::StreamExt;
use futures::future::BoxFuture;
use support::{Probe, in_time, park_until_ready, poll};
use tokio::task::coop;

/// An atom with everything at hand that is answered at once, over and over.
struct Ready {
    atom: Atom<u64>,
    view: AtomView<u64>,
    old: Snapshot<u64>,
    changes: Changes<u64>,
    bounded: BoundedChanges<u64>,
}

const BACKLOG: usize = 4_000;

impl Ready {
    fn new() -> Self {
        let atom = Atom::new(0_u64);
        let ready = Self {
            view: atom.view(),
            old: atom.load(),
            changes: atom.changes(),
            bounded: atom.changes_bounded(BACKLOG),
            atom,
        };
        (0..BACKLOG).for_each(|_| drop(ready.atom.swap(|n| n + 1)));
        ready
    }
}

/// A wait that is answered at once.
struct Answer {
    name: &'static str,
    get: fn(&mut Ready) -> BoxFuture<'_, ()>,
}

fn answers() -> Vec<Answer> {
    let mut answers = of_atom();
    answers.extend(of_view_and_streams());
    answers
}

fn of_atom() -> Vec<Answer> {
    vec![
        Answer {
            name: "Atom::wait_for",
            get: |ready| Box::pin(async { drop(ready.atom.wait_for(|_| true).await) }),
        },
        Answer {
            name: "Atom::wait_map",
            get: |ready| Box::pin(ready.atom.wait_map(|_| Some(()))),
        },
        Answer {
            name: "Atom::swap_when",
            get: |ready| Box::pin(async { drop(ready.atom.swap_when(|_| true, |n| *n).await) }),
        },
        Answer {
            name: "Atom::changed",
            get: |ready| {
                let changed = ready.atom.changed();
                ready.atom.reset(1);
                Box::pin(async { drop(changed.await) })
            },
        },
        Answer {
            name: "Atom::changed_since",
            get: |ready| Box::pin(async { drop(ready.atom.changed_since(&ready.old).await) }),
        },
    ]
}

fn of_view_and_streams() -> Vec<Answer> {
    vec![
        Answer {
            name: "AtomView::wait_for",
            get: |ready| Box::pin(async { drop(ready.view.wait_for(|_| true).await) }),
        },
        Answer {
            name: "AtomView::wait_map",
            get: |ready| Box::pin(async { ready.view.wait_map(|_| Some(())).await.expect("open") }),
        },
        Answer {
            name: "AtomView::changed",
            get: |ready| {
                let changed = ready.view.changed();
                ready.atom.reset(1);
                Box::pin(async { drop(changed.await) })
            },
        },
        Answer {
            name: "AtomView::changed_since",
            get: |ready| Box::pin(async { drop(ready.view.changed_since(&ready.old).await) }),
        },
        Answer {
            name: "changes",
            get: |ready| Box::pin(async { drop(ready.changes.next().await.expect("kept")) }),
        },
        Answer {
            name: "changes_bounded",
            get: |ready| Box::pin(async { drop(ready.bounded.next().await.expect("kept")) }),
        },
        Answer {
            name: "snapshots",
            get: |ready| {
                let mut snapshots = ready.view.snapshots();
                Box::pin(async move { drop(snapshots.next().await) })
            },
        },
    ]
}

/// Leaves nothing of this task's budget.
async fn spend_the_budget() {
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
}

#[tokio::test]
async fn g11_a_loop_over_an_answer_lets_other_tasks_run() {
    for Answer { name, get } in answers() {
        let mut ready = Ready::new();
        let flag = Arc::new(AtomicBool::new(false));
        let other = flag.clone();
        tokio::spawn(async move { other.store(true, Ordering::SeqCst) });
        let mut answered = 0;
        while !flag.load(Ordering::SeqCst) && answered < BACKLOG / 2 {
            get(&mut ready).await;
            answered += 1;
        }
        assert!(
            flag.load(Ordering::SeqCst),
            "{name} keeps the thread to itself"
        );
        assert!(answered > 1, "{name} yields without need");
    }
}

#[tokio::test]
async fn g11_spawn_watch_lets_other_tasks_run() {
    let (atom, seen) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
    let count = seen.clone();
    let watch = atom.spawn_watch(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(())
    });
    (0..BACKLOG).for_each(|_| drop(atom.swap(|n| n + 1)));
    let behind = seen.clone();
    let next_in_line = tokio::spawn(async move { behind.load(Ordering::SeqCst) });
    let by_then = next_in_line.await.expect("no panic");
    assert!(by_then < BACKLOG, "it had the thread to itself");
    drop(atom);
    watch.await.expect("it ends");
    assert_eq!(seen.load(Ordering::SeqCst), BACKLOG);
}

/// Polled by hand in a task whose budget is spent: one yield, with a wake, then
/// the answer, though the budget has not come back.
#[tokio::test]
async fn g11_an_answer_yields_at_most_once() {
    for Answer { name, get } in answers() {
        let mut ready = Ready::new();
        spend_the_budget().await;
        for _ in 0..3 {
            let probe = Probe::new();
            let mut answer = get(&mut ready);
            let first = poll(&mut answer, &probe.waker());
            assert!(first.is_pending(), "{name} takes no part");
            assert_eq!(probe.wakes(), 1, "{name} yields without a wake");
            let second = poll(&mut answer, &probe.waker());
            assert!(second.is_ready(), "{name} yields twice");
        }
        tokio::task::yield_now().await;
    }
}

/// One stream, many items, no budget: each item costs one yield at most.
#[tokio::test]
async fn g11_each_item_of_a_stream_yields_at_most_once() {
    let mut ready = Ready::new();
    spend_the_budget().await;
    let waker = Probe::new().waker();
    let mut polls = 0;
    for _ in 0..50 {
        polls += 1;
        if poll(&mut ready.changes.next(), &waker).is_pending() {
            polls += 1;
            assert!(poll(&mut ready.changes.next(), &waker).is_ready());
        }
    }
    assert!(polls <= 100);
}

#[test]
fn g11_a_foreign_block_on_completes_without_a_budget() {
    let blocks: [fn(BoxFuture<'_, ()>); 3] = [
        |answer| futures::executor::block_on(answer),
        |answer| park_until_ready(answer),
        |answer| smol::block_on(answer),
    ];
    for block_on in blocks {
        in_time(move || {
            tokio_test::block_on(async move {
                for Answer { name, get } in answers() {
                    println!("{name}");
                    let mut ready = Ready::new();
                    spend_the_budget().await;
                    (0..3).for_each(|_| block_on(get(&mut ready)));
                    tokio::task::yield_now().await;
                }
            });
        });
    }
}

/// The answer is not there yet: it comes from another thread.
#[test]
fn g11_a_foreign_block_on_is_woken_without_a_budget() {
    for wait in support::every_wait()
        .into_iter()
        .filter(|wait| wait.from_call)
    {
        in_time(move || {
            tokio_test::block_on(async move {
                spend_the_budget().await;
                let atom = Atom::new(0);
                let future = (wait.start)(&atom);
                let writer = std::thread::spawn(move || drop(atom.reset(1)));
                assert_eq!(futures::executor::block_on(future), 1);
                writer.join().expect("no panic");
            });
        });
    }
}

#[test]
fn g11_blocking_waits_take_no_part() {
    in_time(|| {
        tokio_test::block_on(async {
            spend_the_budget().await;
            let atom = Atom::new(0_u64);
            assert_eq!(*atom.blocking_wait_for(|n| *n == 0), 0);
            let seen = atom.blocking_wait_for_timeout(|n| *n == 0, std::time::Duration::ZERO);
            assert!(seen.is_some(), "it holds already, budget or not");
            tokio::task::yield_now().await;
            for _ in 0..1_000 {
                assert_eq!(*atom.blocking_wait_for(|n| *n == 0), 0);
            }
            assert!(
                coop::has_budget_remaining(),
                "it has cost the task something"
            );
            let writer = atom.clone();
            let writer = std::thread::spawn(move || drop(writer.reset(1)));
            assert_eq!(*atom.blocking_wait_for(|n| *n == 1), 1);
            writer.join().expect("no panic");
        });
    });
}

/// G4 counts from the first poll on, also when that poll found no budget.
#[tokio::test]
async fn g11_a_first_poll_without_a_budget_registers_all_the_same() {
    let atom = Atom::new(0_u64);
    spend_the_budget().await;
    let probe = Probe::new();
    let mut wait = Box::pin(atom.wait_for(|n| *n == 1));
    assert!(poll(&mut wait, &probe.waker()).is_pending());
    atom.reset(1);
    atom.reset(2);
    tokio::task::yield_now().await;
    match poll(&mut wait, &probe.waker()) {
        Poll::Ready(seen) => assert_eq!(*seen, 1),
        Poll::Pending => panic!("it has missed the state"),
    }
}

/// Waiting in vain costs no budget: only an answer does.
#[tokio::test]
async fn g11_a_pending_wait_costs_nothing() {
    let atom = Atom::new(0_u64);
    let probe = Probe::new();
    let mut wait = Box::pin(atom.wait_for(|n| *n == 1));
    for _ in 0..1_000 {
        assert!(poll(&mut wait, &probe.waker()).is_pending());
    }
    assert_eq!(probe.wakes(), 0, "it would have yielded");
    assert!(coop::has_budget_remaining());
}

/// Nor does it wake its task again when it is polled once more without a budget.
#[tokio::test]
async fn g11_a_pending_wait_without_a_budget_wakes_its_task_once() {
    let atom = Atom::new(0_u64);
    spend_the_budget().await;
    let probe = Probe::new();
    let mut wait = Box::pin(atom.wait_for(|n| *n == 1));
    for _ in 0..3 {
        assert!(poll(&mut wait, &probe.waker()).is_pending());
    }
    assert_eq!(probe.wakes(), 1);
    // What tokio puts off is woken now.
    tokio::task::yield_now().await;
    assert_eq!(probe.wakes(), 1);
}
