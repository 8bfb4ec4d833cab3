//! A gate that tasks and plain threads wait for side by side: one flag, two ways to wait.
//!
//! ```text
//! cargo run --example gate
//! ```
//!
//! Look at what is missing: there is no channel, no condition variable and no second flag for
//! the threads. Writing `true` wakes them all, whatever they are. And at the end: who stood at
//! the gate when it opened gets through, however soon it is closed again.

use std::{pin::pin, thread};

use atomos::{AtomicBool, AtomicU32};
use futures::poll;
use tokio::task::JoinSet;

static OPEN: AtomicBool = AtomicBool::new(false);
static ARRIVED: AtomicU32 = AtomicU32::new(0);
static THROUGH: AtomicU32 = AtomicU32::new(0);

/// So many tasks and as many threads come before each opening.
const OF_EACH_KIND: u32 = 3;
const CROWD: u32 = 2 * OF_EACH_KIND;

#[tokio::main]
async fn main() {
    let mut tasks = JoinSet::new();
    let mut threads = Vec::new();
    for opening in 1..=2 {
        for n in 1..=OF_EACH_KIND {
            tasks.spawn(come_as_task(opening, n));
            threads.push(thread::spawn(move || come_as_thread(opening, n)));
        }
        ARRIVED.wait_at_least(opening * CROWD).await;
        assert_eq!(THROUGH.get(), (opening - 1) * CROWD, "the gate is closed");

        println!("the gate opens");
        OPEN.set(true);
        THROUGH.wait_at_least(opening * CROWD).await;
        if opening == 1 {
            OPEN.set(false);
            println!("the gate is closed");
        }
    }
    tasks.join_all().await;
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    assert_eq!(THROUGH.get(), 2 * CROWD);

    // Open as it is now, it holds up nobody.
    assert!(OPEN.wait_equal(true).await);
    assert!(OPEN.blocking_wait_for(|open| open));
    slip_through().await;
}

async fn come_as_task(opening: u32, n: u32) {
    ARRIVED.increment_and_get();
    OPEN.wait_equal(true).await;
    println!("  task {n} of crowd {opening} is through");
    THROUGH.increment_and_get();
}

fn come_as_thread(opening: u32, n: u32) {
    ARRIVED.increment_and_get();
    OPEN.blocking_wait_for(|open| open);
    println!("  thread {n} of crowd {opening} is through");
    THROUGH.increment_and_get();
}

/// A wait is answered by the write that satisfies it, not by what is left of it later.
async fn slip_through() {
    OPEN.set(false);
    let mut last = pin!(OPEN.wait_equal(true));
    assert!(poll!(last.as_mut()).is_pending()); // stands at the gate from here on
    OPEN.set(true);
    OPEN.set(false);
    assert!(last.await);
    println!("the gate was open for a moment, and the last one slipped through");
}
