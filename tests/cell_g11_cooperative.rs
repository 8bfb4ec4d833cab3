//! G11: with feature `tokio`, every await and stream of a cell takes part in cooperative
//! scheduling, and yields at most once per answer.
#![cfg(not(loom))]
#![cfg(feature = "tokio")]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use atomos::{Atomic, AtomicReference};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use support::{CellWait, Probe, every_cell_wait, in_time, park_until_ready, poll};
use tokio::task::coop;

type Values = Pin<Box<dyn Stream<Item = u64> + Send>>;

/// A cell and a reference with everything at hand that is answered at once, over and over.
struct Ready {
    cell: Arc<Atomic<u64>>,
    values: Values,
    reference: AtomicReference<u64>,
    old: Arc<u64>,
}

impl Ready {
    fn new() -> Self {
        let cell = Arc::new(Atomic::new(7));
        Self {
            values: Box::pin(cell.clone().values_owned()),
            cell,
            reference: AtomicReference::new(7),
            old: Arc::new(7),
        }
    }
}

/// A wait that is answered at once.
struct Answer {
    name: &'static str,
    get: fn(&mut Ready) -> BoxFuture<'_, ()>,
}

macro_rules! answers {
    ($($name:literal: |$ready:ident| $wait:expr;)*) => {
        vec![$(Answer {
            name: $name,
            get: |$ready| Box::pin(async move { let _ = $wait.await; }),
        }),*]
    };
}

fn answers() -> Vec<Answer> {
    answers! {
        "Atomic::wait_for": |ready| ready.cell.wait_for(|_| true);
        "Atomic::wait_map": |ready| ready.cell.wait_map(Some);
        "Atomic::wait_equal": |ready| ready.cell.wait_equal(7);
        "Atomic::wait_at_least": |ready| ready.cell.wait_at_least(1);
        "Atomic::wait_at_most": |ready| ready.cell.wait_at_most(u64::MAX);
        "Atomic::changed_from": |ready| ready.cell.changed_from(0);
        "Atomic::update_when": |ready| ready.cell.update_when(|_| true, |n| n);
        "Atomic::values": |ready| {
            ready.cell.increment_and_get();
            ready.values.next()
        };
        "Atomic::values, the first": |ready| std::future::ready(ready.cell.values().next().await);
        "AtomicReference::wait_for": |ready| ready.reference.wait_for(|_| true);
        "AtomicReference::wait_map": |ready| ready.reference.wait_map(|_| Some(()));
        "AtomicReference::changed_from": |ready| ready.reference.changed_from(&ready.old);
    }
}

/// Leaves nothing of this task's budget.
async fn spend_the_budget() {
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
}

#[tokio::test]
async fn g11_a_loop_over_an_answer_of_a_cell_lets_other_tasks_run() {
    const MANY: usize = 2_000;
    for Answer { name, get } in answers() {
        let mut ready = Ready::new();
        let flag = Arc::new(AtomicBool::new(false));
        let other = flag.clone();
        tokio::spawn(async move { other.store(true, Ordering::SeqCst) });
        let mut answered = 0;
        while !flag.load(Ordering::SeqCst) && answered < MANY {
            get(&mut ready).await;
            answered += 1;
        }
        assert!(answered < MANY, "{name} keeps the thread to itself");
        assert!(answered > 1, "{name} yields without need");
    }
}

/// Polled by hand in a task whose budget is spent: one yield, with a wake, then
/// the answer, though the budget has not come back.
#[tokio::test]
async fn g11_an_answer_of_a_cell_yields_at_most_once() {
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

#[test]
fn g11_a_foreign_block_on_of_a_cell_completes_without_a_budget() {
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
fn g11_a_foreign_block_on_of_a_cell_is_woken_without_a_budget() {
    for CellWait { name, make, .. } in every_cell_wait() {
        println!("{name}");
        in_time(move || {
            tokio_test::block_on(async move {
                spend_the_budget().await;
                let (mut wait, write) = make();
                // Parked for certain, so that it cannot begin after the write.
                let waker = Probe::new().waker();
                (0..3).for_each(|_| assert!(poll(&mut wait, &waker).is_pending()));
                let writer = std::thread::spawn(move || write(1));
                assert_eq!(futures::executor::block_on(wait), 1);
                writer.join().expect("no panic");
            });
        });
    }
}

#[test]
fn g11_blocking_waits_of_a_cell_take_no_part() {
    in_time(|| {
        tokio_test::block_on(async {
            spend_the_budget().await;
            let cell = Arc::new(Atomic::new(0));
            assert_eq!(cell.blocking_wait_for(|n| n == 0), 0);
            let zero = Duration::ZERO;
            assert_eq!(cell.blocking_wait_for_timeout(|n| n == 0, zero), Some(0));
            let writer = cell.clone();
            let writer = std::thread::spawn(move || writer.set(1));
            assert_eq!(cell.blocking_wait_for(|n| n == 1), 1);
            writer.join().expect("no panic");
        });
    });
}

/// G4 counts from the first poll on, also when that poll found no budget.
#[tokio::test]
async fn g11_a_first_poll_of_a_lossless_wait_without_a_budget_registers_all_the_same() {
    for CellWait { name, make, .. } in every_cell_wait().into_iter().filter(|w| w.lossless) {
        spend_the_budget().await;
        let ((mut wait, write), probe) = (make(), Probe::new());
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        write(1);
        write(0);
        tokio::task::yield_now().await;
        assert_eq!(poll(&mut wait, &probe.waker()), Poll::Ready(1), "{name}");
    }
}

/// The place in line is that of the first poll, with or without a budget.
#[tokio::test]
async fn g11_a_first_poll_without_a_budget_takes_its_place_in_line() {
    let cell = Atomic::new(0_u64);
    let taker = || Box::pin(cell.update_when(|n| n > 0, |n| n - 1));
    let (mut first, mut second, waker) = (taker(), taker(), Probe::new().waker());
    spend_the_budget().await;
    assert!(poll(&mut first, &waker).is_pending());
    tokio::task::yield_now().await;
    assert!(poll(&mut second, &waker).is_pending());
    cell.set(1);
    assert!(poll(&mut second, &waker).is_pending());
    assert_eq!(poll(&mut first, &waker), Poll::Ready(0));
}

/// Waiting in vain costs no budget: only an answer does.
#[tokio::test]
async fn g11_a_pending_wait_of_a_cell_costs_nothing() {
    for CellWait { name, make, .. } in every_cell_wait() {
        tokio::task::yield_now().await;
        let ((mut wait, _), probe) = (make(), Probe::new());
        for _ in 0..1_000 {
            assert!(poll(&mut wait, &probe.waker()).is_pending());
        }
        assert_eq!(probe.wakes(), 0, "{name} would have yielded");
        assert!(coop::has_budget_remaining());
    }
}
