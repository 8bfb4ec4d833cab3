//! G2, G3, G5, G7, G8, G9: programs that are too long for loom, under schedules drawn at random.
//!
//! Run with `RUSTFLAGS="--cfg loom --cfg atomos_shuttle" cargo test --release --test shuttle`.
//! `ATOMOS_SCHEDULES=1000000` tries more of them (of each test, by each of two ways to draw), and
//! `SHUTTLE_RANDOM_SEED=7` others. A failure prints the schedule that led to it, which
//! `ATOMOS_REPLAY=91...` runs again, given the name of the test. A deadlock is a failure.
#![cfg(all(loom, atomos_shuttle))]

#[path = "shuttle/cells.rs"]
mod cells;
#[path = "shuttle/closing.rs"]
mod closing;
#[path = "shuttle/line.rs"]
mod line;
#[path = "shuttle/order.rs"]
mod order;
#[path = "shuttle/support.rs"]
mod support;
