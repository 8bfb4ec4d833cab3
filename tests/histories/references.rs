//! A reference: compared by identity, so every `Arc` here holds the same.

use std::sync::Arc;

use atomos::AtomicReference;

use super::random::Random;
use super::support::{Recorder, Threads, flat, histories, is_linearizable};
use super::total;

/// References are told by their place in the pool; all of them are equal.
struct Pool {
    cell: AtomicReference<u8>,
    all: Vec<Arc<u8>>,
}

impl Pool {
    fn new() -> Self {
        let all: Vec<_> = (0..3).map(|_| Arc::new(7)).collect();
        let cell = AtomicReference::from(all[0].clone());
        Self { cell, all }
    }

    fn place(&self, reference: &Arc<u8>) -> usize {
        let mut all = self.all.iter();
        let place = all.position(|other| Arc::ptr_eq(other, reference));
        place.expect("no others were put in")
    }
}

#[derive(Clone, Copy, Debug)]
enum Did {
    Get(usize),
    Set(usize),
    GetAndSet(usize, usize),
    CompareAndExchange(usize, usize, Result<usize, usize>),
    /// To the next of the pool, and which that was.
    Update(usize),
}

fn step(now: &usize, did: &Did) -> Option<usize> {
    let now = *now;
    let (right, after) = match *did {
        Did::Get(seen) => (seen == now, now),
        Did::Set(new) => (true, new),
        Did::GetAndSet(new, old) => (old == now, new),
        Did::CompareAndExchange(expected, new, Ok(old)) => (old == now && old == expected, new),
        Did::CompareAndExchange(expected, _, Err(actual)) => {
            (actual == now && actual != expected, now)
        }
        Did::Update(new) => (new == (now + 1) % 3, new),
    };
    right.then_some(after)
}

fn work(pool: &Pool, history: u64, thread: usize, to: &mut Recorder<Did>) {
    let mut random = Random::new(history, thread);
    for _ in 0..6 {
        random.pause();
        let (expected, new) = (random.below(3) as usize, random.below(3) as usize);
        let reference = || pool.all[new].clone();
        match random.below(5) {
            0 => to.record(|| Did::Get(pool.place(&pool.cell.get()))),
            1 => to.record(|| {
                pool.cell.set(reference());
                Did::Set(new)
            }),
            2 => to.record(|| {
                let old = pool.cell.get_and_set(reference());
                Did::GetAndSet(new, pool.place(&old))
            }),
            3 => to.record(|| {
                let exchanged = pool
                    .cell
                    .compare_and_exchange(&pool.all[expected], reference());
                let places = exchanged.map(|old| pool.place(&old));
                let places = places.map_err(|actual| pool.place(&actual));
                Did::CompareAndExchange(expected, new, places)
            }),
            _ => to.record(|| {
                let next = |now: &Arc<u8>| {
                    random.pause();
                    pool.all[(pool.place(now) + 1) % 3].clone()
                };
                let new = pool.cell.update_and_get(next);
                Did::Update(pool.place(&new))
            }),
        }
    }
}

#[test]
fn g1_histories_of_a_reference_are_linearizable() {
    for threads in 2..=4 {
        let judge = |_: Pool, did: &Threads<Did>| is_linearizable(0, &flat(did), step);
        histories(total(), threads, Pool::new, work, judge).assert_linearizable();
    }
}
