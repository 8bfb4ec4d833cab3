//! A fair, cancel-safe semaphore in a dozen lines: `swap_when` waits for a permit and takes it
//! in one step.
//!
//! ```text
//! cargo run --example semaphore
//! ```
//!
//! Look at `acquire`: nobody can come between "a permit is free" and "it is mine", and a
//! caller who stops waiting leaves nothing behind. Then at what it does: eight tasks share
//! three permits, and eight callers get one permit in the order in which they asked.

use std::sync::Arc;

use atomos::Atom;
use futures::future::join_all;
use tokio::task::yield_now;

/// The number of free permits.
struct Semaphore(Atom<usize>);

struct Permit<'a>(&'a Semaphore);

impl Semaphore {
    async fn acquire(&self) -> Permit<'_> {
        self.0.swap_when(|&free| free > 0, |&free| free - 1).await;
        Permit(self)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.0.swap(|&free| free + 1);
    }
}

#[tokio::main]
async fn main() {
    share_three_permits().await;
    first_come_first_served().await;
}

#[derive(Clone, Copy, Debug, Default)]
struct Running {
    now: usize,
    most: usize,
}

async fn share_three_permits() {
    let semaphore = Arc::new(Semaphore(Atom::new(3)));
    let running = Atom::new(Running::default());
    let tasks = (0..8).map(|n| tokio::spawn(work(n, semaphore.clone(), running.clone())));
    for ended in join_all(tasks).await {
        ended.expect("no task panics");
    }

    let Running { now, most } = *running.load();
    println!("8 tasks worked 100 times each, at most {most} at once");
    assert_eq!((now, most), (0, 3));
    assert_eq!(*semaphore.0.load(), 3, "every permit came back");
}

async fn work(n: usize, semaphore: Arc<Semaphore>, running: Atom<Running>) {
    for round in 0..100 {
        let _permit = semaphore.acquire().await;
        let with_me = running.swap(|r| Running {
            now: r.now + 1,
            most: r.most.max(r.now + 1),
        });
        assert!(
            with_me.now <= 3,
            "task {n} is one too many in round {round}"
        );
        yield_now().await;
        running.swap(|r| Running {
            now: r.now - 1,
            ..*r
        });
    }
}

async fn first_come_first_served() {
    let semaphore = Semaphore(Atom::new(0));
    let served = Atom::new(Vec::new());
    let callers = (0..8).map(async |n| {
        let _permit = semaphore.acquire().await;
        served.swap(|order| [order.as_slice(), &[n]].concat());
    });
    let open = async {
        yield_now().await; // by now everybody has asked
        assert!(served.with(Vec::is_empty));
        semaphore.0.reset(1);
    };
    tokio::join!(join_all(callers), open);

    println!("8 callers were served in the order {:?}", served.load());
    assert_eq!(*served.load(), [0, 1, 2, 3, 4, 5, 6, 7]);
}
