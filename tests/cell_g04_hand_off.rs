//! G4: a flag that two threads hand to each other. A writer that is suspended between its write and
//! its telling must not answer a wait that began after its value had been overwritten.

#![cfg(not(loom))]

mod support;

use std::{
    future::Future,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use atomos::{AtomicBool, AtomicReference};
use futures::executor::block_on;
use support::in_time;

/// How long each pair of threads goes on.
const WHILE: Duration = Duration::from_millis(700);

/// One thread raises what the other one lowers: whoever has waited finds it so.
fn hand_to_and_fro<W: Future>(
    get: impl Fn() -> bool + Copy + Send + Sync,
    set: impl Fn(bool) + Copy + Send + Sync,
    until: impl Fn(bool) -> W + Copy + Send + Sync,
) {
    let end = Instant::now() + WHILE;
    thread::scope(|scope| {
        for mine in [true, false] {
            scope.spawn(move || {
                // The last one to stop leaves the flag as the other one wants it.
                while Instant::now() < end {
                    block_on(until(!mine));
                    assert_eq!(get(), !mine, "answered by a value that was past");
                    set(mine);
                }
                set(mine);
            });
        }
    });
}

#[test]
fn g4_a_flag_is_handed_over_by_waits_for_a_level() {
    in_time(|| {
        let flag = AtomicBool::new(false);
        let flag = &flag;
        hand(flag, |flag, value| {
            Box::pin(async move { flag.wait_equal(value).await })
        });
    });
}

#[test]
fn g4_a_flag_is_handed_over_by_waits_for_a_predicate() {
    in_time(|| {
        let flag = AtomicBool::new(false);
        hand(&flag, |flag, value| {
            Box::pin(async move { flag.wait_for(move |now| now == value).await })
        });
    });
}

type Wait<'a> = std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

fn hand<'a>(flag: &'a AtomicBool, wait: fn(&'a AtomicBool, bool) -> Wait<'a>) {
    hand_to_and_fro(
        || flag.get(),
        |value| flag.set(value),
        |value| wait(flag, value),
    );
}

#[test]
fn g4_a_reference_is_handed_over() {
    in_time(|| {
        let cell = AtomicReference::new(false);
        let cell = &cell;
        hand_to_and_fro(
            || *cell.get(),
            |value| cell.set(Arc::new(value)),
            |value| cell.wait_for(move |now| **now == value),
        );
    });
}
