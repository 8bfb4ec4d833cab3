//! Schedules, threads, and polling by hand.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{JoinHandle, spawn};
use shuttle::{Config, Runner};

const SCHEDULES: usize = 3_000;
const SEED: u64 = 0;

/// How many changes of priority a schedule of the second kind has.
const DEPTH: usize = 4;

/// Runs `program` under many schedules.
pub(crate) fn schedules(program: impl Fn() + Copy + Send + Sync + 'static) {
    if let Ok(schedule) = std::env::var("ATOMOS_REPLAY") {
        return shuttle::replay(program, &schedule);
    }
    let times = std::env::var("ATOMOS_SCHEDULES").ok();
    let times = times.and_then(|n| n.parse().ok()).unwrap_or(SCHEDULES);
    let config = || {
        let mut config = Config::new();
        config.silence_warnings = true;
        config
    };
    Runner::new(RandomScheduler::new_from_seed(SEED, times), config()).run(program);
    Runner::new(PctScheduler::new_from_seed(SEED, DEPTH, times), config()).run(program);
}

/// The same in every run of a schedule.
pub(crate) fn below(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

pub(crate) fn join<R>(threads: Vec<JoinHandle<R>>) -> Vec<R> {
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

pub(crate) fn threads<R: Send + 'static>(
    n: usize,
    work: impl Fn(usize) -> R + Clone + Send + 'static,
) -> Vec<JoinHandle<R>> {
    let start = |n| {
        let work = work.clone();
        spawn(move || work(n))
    };
    (0..n).map(start).collect()
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
