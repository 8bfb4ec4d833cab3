//! Every commit to every subscriber, beside tokio's `broadcast` of `Arc<T>` with
//! the smallest capacity that does not lag: both hand each subscriber an owned
//! handle of every value.

mod harness;

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;

use atomos::{Atom, Changes};
use futures::{Stream, StreamExt};
use harness::Harness;
use harness::clock::wall;
use harness::tasks::{Tally, idle, one_thread, ready, two_workers};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

fn main() -> ExitCode {
    Harness::run(&[
        ("by hand, 1 subscriber", |harness| by_hand(harness, 1)),
        ("by hand, 8 subscribers", |harness| by_hand(harness, 8)),
        ("tasks, 1 subscriber", |harness| tasks(harness, 1)),
        ("tasks, 8 subscribers", |harness| tasks(harness, 8)),
    ])
}

const FLOOR: f64 = 1.5;
/// Commits before the subscribers take them: one by one, and with a backlog.
const BATCHES: [usize; 2] = [1, 64];

/// The writer, then each subscriber in turn, on one thread and without tasks.
fn by_hand(harness: &mut Harness, subscribers: usize) {
    for batch in BATCHES {
        let mut ours = Ours::new(subscribers);
        let mut theirs = Theirs::new(subscribers, batch);
        harness
            .group(format!("{subscribers} by hand, {batch} commits at a time"))
            .ours("Atom::changes", wall(|| ours.deliver(batch)))
            .peer("broadcast of Arc", FLOOR, wall(|| theirs.deliver(batch)))
            .report();
    }
}

struct Ours {
    atom: Atom<u64>,
    streams: Vec<Changes<u64>>,
}

impl Ours {
    fn new(subscribers: usize) -> Self {
        let atom = Atom::new(0);
        let streams = (0..subscribers).map(|_| atom.changes()).collect();
        Ours { atom, streams }
    }

    fn deliver(&mut self, batch: usize) {
        for _ in 0..batch {
            drop(black_box(self.atom.reset(black_box(7))));
        }
        for stream in &mut self.streams {
            for _ in 0..batch {
                black_box(ready(Pin::new(&mut *stream).poll_next(&mut idle())));
            }
        }
    }
}

struct Theirs {
    sender: broadcast::Sender<Arc<u64>>,
    receivers: Vec<broadcast::Receiver<Arc<u64>>>,
}

impl Theirs {
    fn new(subscribers: usize, capacity: usize) -> Self {
        let sender = broadcast::Sender::new(capacity);
        let receivers = (0..subscribers).map(|_| sender.subscribe()).collect();
        Theirs { sender, receivers }
    }

    fn deliver(&mut self, batch: usize) {
        for _ in 0..batch {
            _ = black_box(self.sender.send(Arc::new(black_box(7))));
        }
        for receiver in &mut self.receivers {
            for _ in 0..batch {
                let value = ready(pin!(receiver.recv()).poll(&mut idle()));
                black_box(value.expect("nothing lags"));
            }
        }
    }
}

/// The same with a task for each subscriber, until the last has had the last commit.
fn tasks(harness: &mut Harness, subscribers: u64) {
    tasks_on(harness, subscribers, "one thread", &one_thread());
    tasks_on(harness, subscribers, "two workers", &two_workers());
}

fn tasks_on(harness: &mut Harness, subscribers: u64, place: &str, runtime: &Runtime) {
    for batch in BATCHES {
        let (atom, sender) = (Atom::new(0_u64), broadcast::Sender::new(batch));
        let (ours, theirs) = (Tally::new(), Tally::new());
        for _ in 0..subscribers {
            runtime.spawn(take_changes(atom.changes(), ours.clone()));
            runtime.spawn(take_broadcast(sender.subscribe(), theirs.clone()));
        }
        let commit = || drop(black_box(atom.reset(black_box(7))));
        let send = || _ = black_box(sender.send(Arc::new(black_box(7_u64))));
        let reports = subscribers * batch as u64;
        harness
            .group(format!(
                "{subscribers} tasks, {batch} commits at a time, {place}"
            ))
            .rounds(301, if batch == 1 { 50 } else { 5 })
            .ours(
                "Atom::changes",
                ours.until_reported(runtime, reports, repeat(batch, commit)),
            )
            .peer(
                "broadcast of Arc",
                FLOOR,
                theirs.until_reported(runtime, reports, repeat(batch, send)),
            )
            .report();
    }
}

fn repeat(times: usize, mut op: impl FnMut()) -> impl FnMut() {
    move || (0..times).for_each(|_| op())
}

async fn take_changes(mut changes: Changes<u64>, tally: Tally) {
    while let Some(change) = changes.next().await {
        black_box(change);
        tally.report();
    }
}

async fn take_broadcast(mut receiver: broadcast::Receiver<Arc<u64>>, tally: Tally) {
    loop {
        match receiver.recv().await {
            Ok(value) => drop(black_box(value)),
            Err(broadcast::error::RecvError::Closed) => return,
            Err(broadcast::error::RecvError::Lagged(_)) => panic!("nothing lags"),
        }
        tally.report();
    }
}
