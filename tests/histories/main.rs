//! G1, G3: tens of thousands of short histories of two to four threads, each searched for an order
//! that explains it; and the same of registers that are broken, which the search has to reject.
#![cfg(not(loom))]

mod atoms;
mod broken;
mod cells;
mod random;
mod references;
#[cfg(feature = "shm")]
mod shared;
#[path = "../support/mod.rs"]
mod support;

/// Of each kind, in each way.
const HISTORIES: usize = 1_500;

/// The histories of a run: `ATOMOS_HISTORIES` times as many as usual.
fn total() -> usize {
    let times = std::env::var("ATOMOS_HISTORIES").ok();
    let times = times.and_then(|times| times.parse().ok()).unwrap_or(1);
    HISTORIES * times
}
