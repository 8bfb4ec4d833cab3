//! A cell: no versions, so that only the values tell what happened.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use atomos::Atomic;

use super::random::Random;
use super::support::{Boxed, Event, Recorder, Threads, Verdicts, flat, histories, is_linearizable};
use super::total;

/// A number that threads share, whatever it is made of.
pub(crate) trait Register: Sync {
    fn get(&self) -> i64;
    fn set(&self, value: i64);
    fn get_and_set(&self, value: i64) -> i64;
    fn add_and_get(&self, x: i64) -> i64;
    fn compare_and_exchange(&self, expected: i64, new: i64) -> Result<i64, i64>;
    /// Doubles it if it is even.
    fn update_if_even(&self, pause: impl FnMut()) -> Result<i64, i64>;
    /// Adds 1 once it is even. None if it was not, and the wait was given up.
    fn update_when_even(&self) -> Option<i64>;
}

/// The verbs that every kind of cell has under the same names; the cell is a field, or self.
macro_rules! same_verbs {
    ($($cell:tt)*) => {
        fn get(&self) -> i64 {
            self$($cell)*.get()
        }
        fn set(&self, value: i64) {
            self$($cell)*.set(value);
        }
        fn get_and_set(&self, value: i64) -> i64 {
            self$($cell)*.get_and_set(value)
        }
        fn add_and_get(&self, x: i64) -> i64 {
            self$($cell)*.add_and_get(x)
        }
        fn compare_and_exchange(&self, expected: i64, new: i64) -> Result<i64, i64> {
            self$($cell)*.compare_and_exchange(expected, new)
        }
        fn update_if_even(&self, mut pause: impl FnMut()) -> Result<i64, i64> {
            self$($cell)*.update_if(|n| {
                pause();
                (n % 2 == 0).then_some(n.wrapping_mul(2))
            })
        }
    };
}
#[cfg(feature = "shm")]
pub(crate) use same_verbs;

impl Register for Atomic<i64> {
    same_verbs!();

    fn update_when_even(&self) -> Option<i64> {
        let mut wait = std::pin::pin!(self.update_when(|n| n % 2 == 0, |n| n.wrapping_add(1)));
        for _ in 0..3 {
            let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(new) = polled {
                return Some(new);
            }
            std::thread::yield_now();
        }
        None
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Did {
    Get(i64),
    Set(i64),
    GetAndSet(i64, i64),
    AddAndGet(i64, i64),
    CompareAndExchange(i64, i64, Result<i64, i64>),
    UpdateIfEven(Result<i64, i64>),
    UpdateWhenEven(Option<i64>),
}

/// The state after it, if the answer is right.
pub(crate) fn step(value: &i64, did: &Did) -> Option<i64> {
    let value = *value;
    let even = value % 2 == 0;
    let (right, after) = match *did {
        Did::Get(seen) => (seen == value, value),
        Did::Set(new) => (true, new),
        Did::GetAndSet(new, old) => (old == value, new),
        Did::AddAndGet(x, sum) => (sum == value.wrapping_add(x), sum),
        Did::CompareAndExchange(expected, new, Ok(old)) => (old == value && old == expected, new),
        Did::CompareAndExchange(expected, _, Err(actual)) => {
            (actual == value && actual != expected, value)
        }
        Did::UpdateIfEven(Ok(new)) => (even && new == value.wrapping_mul(2), new),
        Did::UpdateIfEven(Err(actual)) => (!even && actual == value, value),
        Did::UpdateWhenEven(Some(new)) => (even && new == value.wrapping_add(1), new),
        // Somebody else may have had the turn.
        Did::UpdateWhenEven(None) => (true, value),
    };
    right.then_some(after)
}

/// What one thread does to it: six operations.
pub(crate) fn work<R: Register>(cell: &R, history: u64, thread: usize, to: &mut Recorder<Did>) {
    let mut random = Random::new(history, thread);
    for n in 0..6 {
        random.pause();
        // Of each thread and operation its own, so that a value tells who wrote it.
        let value = 1_000 * (thread as i64 + 1) + 10 * n + random.below(2) as i64;
        match random.below(7) {
            0 => to.record(|| Did::Get(cell.get())),
            1 => to.record(|| {
                cell.set(value);
                Did::Set(value)
            }),
            2 => to.record(|| Did::GetAndSet(value, cell.get_and_set(value))),
            3 => to.record(|| Did::AddAndGet(value, cell.add_and_get(value))),
            4 => {
                let seen = cell.get();
                random.pause();
                to.record(|| {
                    let exchanged = cell.compare_and_exchange(seen, value);
                    Did::CompareAndExchange(seen, value, exchanged)
                });
            }
            5 => to.record(|| Did::UpdateIfEven(cell.update_if_even(|| random.pause()))),
            _ => to.record(|| Did::UpdateWhenEven(cell.update_when_even())),
        }
    }
}

pub(crate) fn run<R: Register>(total: usize, threads: usize, make: impl Fn() -> R) -> Verdicts {
    let judge = |cell: R, did: &Threads<Did>| {
        let mut history = flat(did);
        // What is left at the end is one more answer.
        let now = Instant::now();
        history.push(Event {
            begin: now,
            end: now,
            did: Did::Get(cell.get()),
        });
        is_linearizable(0, &history, step)
    };
    histories(total, threads, make, work, judge)
}

#[test]
fn g1_histories_of_a_cell_are_linearizable() {
    for threads in 2..=4 {
        run(total(), threads, || Atomic::new(0)).assert_linearizable();
    }
}

/// A cell that somebody waits for, so that every write is told.
struct Waited {
    cell: Arc<Atomic<i64>>,
    _wait: Mutex<Boxed<i64>>,
}

impl Waited {
    fn new() -> Self {
        let cell = Arc::new(Atomic::new(0));
        let waiting = cell.clone();
        let mut wait: Boxed<i64> = Box::pin(async move { waiting.wait_for(|n| n == -1).await });
        let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        let _wait = Mutex::new(wait);
        Self { cell, _wait }
    }
}

impl Register for Waited {
    same_verbs!(.cell);

    fn update_when_even(&self) -> Option<i64> {
        Register::update_when_even(&*self.cell)
    }
}

#[test]
fn g1_histories_of_a_cell_that_is_waited_for_are_linearizable() {
    run(total(), 3, Waited::new).assert_linearizable();
}
