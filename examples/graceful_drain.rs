//! A graceful shutdown that waits for the state: stop admitting requests, wait until none
//! is in flight, and give up on the rest at a deadline.
//!
//! The gate and the count are one value, so "closed" and "one more in flight" cannot
//! overlap: a request is either counted before the gate closes or refused.
//!
//! ```text
//! cargo run --example graceful_drain
//! ```
//!
//! Look at the first service, which drains as soon as its last request is answered, long
//! before the deadline; and at the second, where one request hangs and is cut off.

use std::time::{Duration, Instant};

use atomos::Atom;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const DEADLINE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Gate {
    open: bool,
    in_flight: usize,
}

#[derive(Debug)]
struct ShuttingDown;

/// Counts as one request in flight for as long as it exists, however the request ends.
struct Admission(Atom<Gate>);

impl Admission {
    fn ask(gate: &Atom<Gate>) -> Result<Self, ShuttingDown> {
        gate.try_swap(|now| {
            let in_flight = now.in_flight + 1;
            now.open
                .then_some(Gate { in_flight, ..*now })
                .ok_or(ShuttingDown)
        })?;
        Ok(Admission(gate.clone()))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.swap(|now| Gate {
            in_flight: now.in_flight - 1,
            ..*now
        });
    }
}

#[tokio::main]
async fn main() {
    let quick = (1..=20).map(|n| Duration::from_millis(5 * n));
    let (cut_off, took) = serve_and_drain(quick.clone()).await;
    println!("twenty quick requests: drained in {took:?}, {cut_off} cut off\n");
    assert_eq!(cut_off, 0);
    assert!(took < DEADLINE);

    let one_hangs = quick.chain([Duration::MAX]);
    let (cut_off, took) = serve_and_drain(one_hangs).await;
    println!("twenty quick requests and one that hangs: gave up after {took:?}, {cut_off} cut off");
    assert_eq!(cut_off, 1);
    assert!(took >= DEADLINE);
}

/// Starts a request for each duration and shuts down at once. Returns how many requests
/// were cut off, and how long the shutdown took.
async fn serve_and_drain(requests: impl Iterator<Item = Duration>) -> (usize, Duration) {
    let gate = Atom::new(Gate {
        open: true,
        in_flight: 0,
    });
    let mut tasks = JoinSet::new();
    for duration in requests {
        let admission = Admission::ask(&gate).expect("the gate is open");
        tasks.spawn(async move {
            sleep(duration).await;
            drop(admission);
        });
    }
    let begun = Instant::now();
    let cut_off = drain(&gate, &mut tasks).await;
    assert_eq!(gate.with(|now| now.in_flight), 0);
    (cut_off, begun.elapsed())
}

async fn drain(gate: &Atom<Gate>, tasks: &mut JoinSet<()>) -> usize {
    let closed = gate.swap(|now| Gate {
        open: false,
        ..*now
    });
    println!("closed with {} requests in flight", closed.in_flight);
    assert!(matches!(Admission::ask(gate), Err(ShuttingDown)));

    // Woken once, when there is none left: not at every request that ends.
    let drained = gate.wait_for(|now| now.in_flight == 0);
    if timeout(DEADLINE, drained).await.is_ok() {
        return 0;
    }
    let left = gate.with(|now| now.in_flight);
    // An aborted task drops its admission.
    tasks.shutdown().await;
    gate.wait_for(|now| now.in_flight == 0).await;
    left
}
