//! A hit counter: a cell in a `static` counts, an [`Adder`](atomos::Adder) sums up what was
//! served, and a task reports whenever there were a thousand more hits.
//!
//! ```text
//! cargo run --example hit_counter
//! ```
//!
//! Look at the last line: the task that reports waits for a number, so it is woken by the hit that
//! reaches it and by none of the others: two polls a report at most, one that begins to wait, one that is
//! answered. A hit that nobody waits for costs one addition, and one comparison with what is
//! waited for.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use atomos::{Adder, AtomicU64};
use tokio::task::{JoinSet, yield_now};

/// Exact at any time, and can be awaited.
static HITS: AtomicU64 = AtomicU64::new(0);
/// Exact when the writers are done; many of them do not get in each other's way.
static BYTES: Adder<u64> = Adder::new();

const VISITORS: u64 = 8;
const HITS_OF_EACH: u64 = 1_250;
const SMALLEST_PAGE: u64 = 300;

#[tokio::main]
async fn main() {
    let total = VISITORS * HITS_OF_EACH;
    let report = tokio::spawn(report(total));
    let mut visitors = JoinSet::new();
    for visitor in 0..VISITORS {
        visitors.spawn(visit(visitor));
    }
    visitors.join_all().await;
    let (reports, polls) = report.await.expect("the report ends");

    println!("{} hits and {} bytes in all", HITS.get(), BYTES.sum());
    assert_eq!(HITS.get(), total);
    assert_eq!(
        BYTES.sum(),
        VISITORS * (0..HITS_OF_EACH).map(size).sum::<u64>()
    );

    println!("{reports} reports took {polls} polls");
    assert!(
        polls <= 2 * reports,
        "once to begin to wait, once to answer"
    );
}

async fn visit(visitor: u64) {
    for page in 0..HITS_OF_EACH {
        // First the bytes: whoever sees the hit finds them in the sum.
        BYTES.add(size(page));
        HITS.increment_and_get();
        if page % 10 == visitor % 10 {
            yield_now().await;
        }
    }
}

fn size(page: u64) -> u64 {
    SMALLEST_PAGE + page * 37 % 1_000
}

/// Returns how many reports there were, and how often this task was polled for them.
async fn report(total: u64) -> (u64, u64) {
    let (mut reports, mut polls) = (0, 0);
    let mut goal = 1_000;
    while goal <= total {
        let mut reached = pin!(HITS.wait_at_least(goal));
        let hits = poll_fn(|cx| {
            polls += 1;
            reached.as_mut().poll(cx)
        })
        .await;
        let bytes = BYTES.sum();
        println!("{hits} hits, {bytes} bytes or more");
        assert!(hits >= goal && bytes >= hits * SMALLEST_PAGE);
        reports += 1;
        goal = (hits / 1_000 + 1) * 1_000;
    }
    (reports, polls)
}
