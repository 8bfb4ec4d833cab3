//! Two ways to follow one atom, side by side: `snapshots()` gives the latest value and
//! skips what it was too slow for, `changes()` gives every commit.
//!
//! ```text
//! cargo run --example latest_and_lossless
//! ```
//!
//! Look at the counts: `snapshots()` sees the state it begins at, and the last one of each batch. A
//! display or a cache wants that: it costs one slot, however slow it is. A journal or a replica wants
//! `changes()`: it costs what it has not read yet.
//! (`changes_bounded` stands between: every commit, or a note of how many it lost.)

use atomos::{Atom, Changes, Snapshot, Snapshots};
use futures::StreamExt;
use tokio::task::yield_now;

const BATCHES: u64 = 5;
const COMMITS: u64 = 1000;

// On one thread no reader can run during a batch, so that the outcome is the same every time.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let price = Atom::new(100_i64);
    let latest = tokio::spawn(follow_latest(price.snapshots()));
    let lossless = tokio::spawn(follow_all(price.changes()));

    for batch in 0..BATCHES {
        yield_now().await; // the readers' turn
        for n in 0..COMMITS {
            price.swap(|p| p + ((n * 7 + batch) % 11) as i64 - 5 + batch as i64 % 2);
        }
    }
    let last = price.load();
    // Closes the atom: both streams deliver what is left and end.
    drop(price);

    let versions = latest.await.expect("the stream ends");
    println!(
        "snapshots() saw {} values, of the versions {versions:?}",
        versions.len()
    );
    assert_eq!(
        versions.first(),
        Some(&0),
        "it begins with the value of now"
    );
    assert_eq!(
        versions.last(),
        Some(&Snapshot::version(&last)),
        "it never misses the last"
    );
    assert!(versions.is_sorted());
    assert!(
        versions.len() as u64 <= 1 + BATCHES,
        "it skipped all but the last of a batch"
    );

    let commits = lossless.await.expect("the stream ends");
    println!("changes() saw {commits} commits, each exactly once and in order");
    assert_eq!(commits, BATCHES * COMMITS);
    assert_eq!(Snapshot::version(&last), commits);
}

/// Returns the versions it has seen.
async fn follow_latest(mut prices: Snapshots<i64>) -> Vec<u64> {
    let mut versions = Vec::new();
    while let Some(price) = prices.next().await {
        let version = Snapshot::version(&price);
        println!("  snapshots(): version {version}, price {price}");
        versions.push(version);
    }
    versions
}

/// Returns how many commits it has seen, each of which began where the last one ended.
async fn follow_all(mut prices: Changes<i64>) -> u64 {
    let mut commits = 0;
    let mut balance = 100;
    while let Some(change) = prices.next().await {
        commits += 1;
        balance += *change.new - *change.old;
        assert_eq!(
            Snapshot::version(&change.old) + 1,
            Snapshot::version(&change.new)
        );
        assert_eq!(Snapshot::version(&change.new), commits);
        assert_eq!(balance, *change.new);
    }
    commits
}
