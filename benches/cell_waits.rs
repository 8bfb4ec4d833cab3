//! Waiting on cells: what a crowd costs a writer whom it does not concern, what a wait
//! costs by itself, tasks that wake each other, and a semaphore made of a number.

mod harness;

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use atomos::{Atomic, AtomicU64};
use harness::Harness;
use harness::clock::wall;
use harness::tasks::{idle, one_thread, two_workers};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, yield_now};

fn main() -> ExitCode {
    Harness::run(&[
        ("crowd", crowd),
        ("crowd of closures", crowd_of_closures),
        ("register and cancel", register_and_cancel),
        ("ping-pong, one thread", |harness| {
            ping_pong(harness, "one thread", &one_thread());
        }),
        ("ping-pong, two workers", |harness| {
            ping_pong(harness, "two workers", &two_workers());
        }),
        ("semaphore, one thread", |harness| {
            semaphore(harness, "one thread", &one_thread());
        }),
        ("semaphore, two workers", |harness| {
            semaphore(harness, "two workers", &two_workers());
        }),
    ])
}

const FAR: u64 = 1 << 60;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Waits<'a> = Vec<Pin<Box<dyn Future<Output = u64> + 'a>>>;

fn park(waits: &mut Waits<'_>) {
    for wait in waits {
        assert!(wait.as_mut().poll(&mut idle()).is_pending());
    }
}

fn tasks(harness: &Harness, tasks: u64) -> u64 {
    if harness.quick() { 100 } else { tasks }
}

/// Increments while 10 000 tasks wait for other values.
fn crowd(harness: &mut Harness) {
    let tasks = tasks(harness, 10_000);
    let (above, around, std) = (Atomic::new(0_u64), Atomic::new(FAR), StdU64::new(0));
    let mut waits: Waits<'_> = (0..tasks)
        .map(|i| Box::pin(above.wait_at_least(2 * FAR + i)) as _)
        .collect();
    let mut mixed: Waits<'_> = (0..tasks)
        .map(|i| match i % 4 {
            0 => Box::pin(around.wait_at_least(2 * FAR + i)) as _,
            1 => Box::pin(around.wait_equal(2 * FAR + i)) as _,
            2 => Box::pin(around.wait_equal(i)) as _,
            _ => Box::pin(around.wait_at_most(i)) as _,
        })
        .collect();
    park(&mut waits);
    park(&mut mixed);
    harness
        .group(format!("increment, {tasks} wait_at_least"))
        .ours(
            "Atomic::increment_and_get",
            wall(|| _ = black_box(above.increment_and_get())),
        )
        .peer(
            "AtomicU64::fetch_add, nobody waits",
            2.0,
            wall(|| _ = black_box(std.fetch_add(1, SeqCst))),
        )
        .report();
    harness
        .group(format!("increment, {tasks} at_least, equal, at_most"))
        .ours(
            "Atomic::increment_and_get",
            wall(|| _ = black_box(around.increment_and_get())),
        )
        .peer(
            "AtomicU64::fetch_add, nobody waits",
            2.0,
            wall(|| _ = black_box(std.fetch_add(1, SeqCst))),
        )
        .report();
}

/// Increments while 1 000 tasks wait with a closure.
fn crowd_of_closures(harness: &mut Harness) {
    let tasks = tasks(harness, 1_000);
    let (cell, std) = (Atomic::new(0_u64), StdU64::new(0));
    let mut waits: Waits<'_> = (0..tasks)
        .map(|i| Box::pin(cell.wait_for(move |n| n == FAR + i)) as _)
        .collect();
    park(&mut waits);
    harness
        .group(format!("increment, {tasks} wait_for"))
        .ours(
            "Atomic::increment_and_get",
            wall(|| _ = black_box(cell.increment_and_get())),
        )
        .beside(
            "AtomicU64::fetch_add, nobody waits",
            wall(|| _ = black_box(std.fetch_add(1, SeqCst))),
        )
        .report();
}

fn poll_once(future: impl Future) {
    assert!(pin!(future).poll(&mut idle()).is_pending());
}

/// A wait that is polled once and dropped, as in a `select!` that took another branch.
fn register_and_cancel(harness: &mut Harness) {
    let (cell, crowded) = (Atomic::new(0_u64), Atomic::new(0_u64));
    let (_sender, mut receiver) = watch::channel(0_u64);
    register_and_cancel_one(harness, "wait_at_least", None, &mut receiver, || {
        poll_once(cell.wait_at_least(FAR));
    });
    register_and_cancel_one(harness, "changed_from", None, &mut receiver, || {
        poll_once(cell.changed_from(0));
    });
    // The record of a closure is made for each wait, and given back.
    register_and_cancel_one(harness, "wait_for", Some(2.0), &mut receiver, || {
        poll_once(cell.wait_for(|n| n == FAR));
    });
    let mut others: Waits<'_> = (0..1_000)
        .map(|i| Box::pin(crowded.wait_at_least(FAR + 2 * i)) as _)
        .collect();
    park(&mut others);
    harness
        .group("register and cancel among 1000 waits")
        .ours(
            "Atomic::wait_at_least",
            wall(|| poll_once(crowded.wait_at_least(FAR + 999))),
        )
        .beside(
            "Atomic::wait_at_least, alone",
            wall(|| poll_once(cell.wait_at_least(FAR + 999))),
        )
        .report();
}

fn register_and_cancel_one(
    harness: &mut Harness,
    what: &str,
    known_loss: Option<f64>,
    receiver: &mut watch::Receiver<u64>,
    wait: impl FnMut(),
) {
    harness
        .group(format!("register and cancel, {what}"))
        .ours(&format!("Atomic::{what}"), wall(wait))
        .peer(
            "watch::Receiver::changed",
            1.5,
            wall(|| poll_once(receiver.changed())),
        )
        .known_loss(known_loss)
        .report();
}

/// The waits that two players can use.
#[derive(Clone, Copy, Debug)]
enum By {
    Equal,
    AtLeast,
    Changed,
}

impl By {
    /// Waits until `cell`, which goes up one by one, has `value`.
    async fn until(self, cell: &AtomicU64, value: u64) {
        black_box(match self {
            By::Equal => cell.wait_equal(value).await,
            By::AtLeast => cell.wait_at_least(value).await,
            By::Changed => cell.changed_from(value - 1).await,
        });
    }
}

/// Two tasks over two cells: each writes its own, and waits for the other's.
fn ping_pong(harness: &mut Harness, place: &str, runtime: &Runtime) {
    for by in [By::Equal, By::AtLeast, By::Changed] {
        harness
            .group(format!("ping-pong, {by:?}, {place}"))
            .rounds(151, 100)
            .ours("two cells", |rounds| {
                let (ping, pong) = (Arc::new(Atomic::new(0)), Arc::new(Atomic::new(0)));
                let serve = serve_cell(by, ping.clone(), pong.clone(), rounds);
                timed(
                    runtime,
                    [
                        Box::pin(return_cell(by, ping, pong, rounds)) as Task,
                        Box::pin(serve),
                    ],
                )
            })
            .peer("two watch channels", 1.0, |rounds| {
                let (ping, pong) = (watch::channel(0), watch::channel(0));
                let serve = serve_watch(ping.0, pong.1, rounds);
                timed(
                    runtime,
                    [
                        Box::pin(return_watch(ping.1, pong.0, rounds)) as Task,
                        Box::pin(serve),
                    ],
                )
            })
            .report();
    }
}

async fn serve_cell(by: By, ping: Arc<AtomicU64>, pong: Arc<AtomicU64>, rounds: u64) {
    for n in 1..=rounds {
        ping.set(n);
        by.until(&pong, n).await;
    }
}

async fn return_cell(by: By, ping: Arc<AtomicU64>, pong: Arc<AtomicU64>, rounds: u64) {
    for n in 1..=rounds {
        by.until(&ping, n).await;
        pong.set(n);
    }
}

async fn serve_watch(ping: watch::Sender<u64>, mut pong: watch::Receiver<u64>, rounds: u64) {
    for n in 1..=rounds {
        ping.send_replace(n);
        pong.changed().await.expect("the other task has the sender");
        black_box(*pong.borrow_and_update());
    }
}

async fn return_watch(mut ping: watch::Receiver<u64>, pong: watch::Sender<u64>, rounds: u64) {
    for n in 1..=rounds {
        ping.changed().await.expect("the other task has the sender");
        black_box(*ping.borrow_and_update());
        pong.send_replace(n);
    }
}

const HOLDERS: u64 = 64;
const PERMITS: u64 = 8;

/// Tasks that each take a permit, give way, and return it, again and again.
fn semaphore(harness: &mut Harness, place: &str, runtime: &Runtime) {
    harness
        .group(format!(
            "semaphore, {HOLDERS} tasks, {PERMITS} permits, {place}"
        ))
        .rounds(401, 4 * HOLDERS)
        .ours("Atomic::update_when", |permits| {
            let cell = Arc::new(Atomic::new(PERMITS));
            let holder = |_| Box::pin(hold_cell(cell.clone(), permits / HOLDERS)) as Task;
            timed(runtime, (0..HOLDERS).map(holder))
        })
        .beside("Atomic::update_when, closures that capture", |permits| {
            let cell = Arc::new(Atomic::new(PERMITS));
            let holder = |_| Box::pin(hold_some(cell.clone(), 1, permits / HOLDERS)) as Task;
            timed(runtime, (0..HOLDERS).map(holder))
        })
        .peer("tokio::sync::Semaphore", 2.0, |permits| {
            let semaphore = Arc::new(Semaphore::new(PERMITS as usize));
            let holder = |_| Box::pin(hold_semaphore(semaphore.clone(), permits / HOLDERS)) as Task;
            timed(runtime, (0..HOLDERS).map(holder))
        })
        // On two workers, where the semaphore has two speeds and ours one: 470 ns, or 900.
        .known_loss(2.6)
        .report();
}

async fn hold_cell(permits: Arc<AtomicU64>, times: u64) {
    for _ in 0..times {
        permits.update_when(|n| n > 0, |n| n - 1).await;
        yield_now().await;
        permits.increment_and_get();
    }
}

async fn hold_some(permits: Arc<AtomicU64>, some: u64, times: u64) {
    for _ in 0..times {
        (permits.update_when(move |n| n >= some, move |n| n - some)).await;
        yield_now().await;
        permits.add_and_get(some);
    }
}

async fn hold_semaphore(semaphore: Arc<Semaphore>, times: u64) {
    for _ in 0..times {
        let permit = semaphore.acquire().await;
        yield_now().await;
        drop(permit);
    }
}

/// From the start of the tasks to the end of the last one.
fn timed(runtime: &Runtime, tasks: impl IntoIterator<Item = Task>) -> Duration {
    let start = Instant::now();
    let tasks: Vec<JoinHandle<()>> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("no task panics");
        }
    });
    start.elapsed()
}
