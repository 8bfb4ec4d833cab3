//! G2, G5, G8: many waits on one cell, some of which are cancelled at random points, also while
//! another thread tells them: none of the others is lost.
#![cfg(not(loom))]

mod support;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use atomos::{AtomicI64, AtomicReference};
use futures::StreamExt;
use support::{in_time, park_until_ready, poll};

const WAITERS: usize = 512;
const CANCELLED: usize = 16;
/// Without optimisation a round costs ten times as much.
const ROUNDS: u64 = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// A small generator (xorshift): the choices are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Counts how often one task is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Wait<'a> = Pin<Box<dyn Future<Output = i64> + Send + 'a>>;

struct Waiter<'a> {
    wait: Wait<'a>,
    bell: Arc<Bell>,
}

impl<'a> Waiter<'a> {
    fn parked(wait: Wait<'a>) -> Self {
        let bell = Arc::new(Bell::default());
        let mut waiter = Self { wait, bell };
        assert!(waiter.poll().is_pending());
        waiter
    }

    fn poll(&mut self) -> Poll<i64> {
        poll(&mut self.wait, &Waker::from(self.bell.clone()))
    }

    fn is_woken(&self) -> bool {
        self.bell.0.load(Ordering::SeqCst) > 0
    }
}

type Start = for<'a> fn(&'a AtomicI64, usize) -> Wait<'a>;

/// Parks all, and takes some of them out at random places.
fn crowd<'a>(
    cell: &'a AtomicI64,
    start: Start,
    random: &mut Random,
) -> (Vec<Waiter<'a>>, Vec<Waiter<'a>>) {
    let waiter = |n| Waiter::parked(start(cell, n));
    let mut staying: Vec<_> = (0..WAITERS).map(waiter).collect();
    let leave = |_| staying.remove(random.below(staying.len()));
    let leaving = (0..CANCELLED).map(leave).collect();
    (staying, leaving)
}

/// Tells everyone, while another thread cancels some: before, after, or in the middle.
fn disturbed(write: impl FnOnce() + Send, leaving: Vec<Waiter<'_>>, random: &mut Random) {
    let before = random.below(leaving.len() + 1);
    let (start, mut leaving) = (Barrier::new(2), leaving);
    drop(leaving.drain(..before));
    thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            drop(leaving);
        });
        start.wait();
        write();
    });
}

/// All that stay are answered by the same write.
fn all_are_told(start: Start) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let cell = AtomicI64::new(0);
    for _ in 0..ROUNDS {
        let (mut staying, leaving) = crowd(&cell, start, &mut random);
        disturbed(|| cell.set(1_000), leaving, &mut random);
        for waiter in &mut staying {
            assert!(waiter.is_woken(), "a wait is lost");
            assert_eq!(waiter.poll(), Poll::Ready(1_000));
        }
        cell.set(0);
    }
}

#[test]
fn g8_no_level_is_lost_among_those_that_leave() {
    in_time(|| all_are_told(|cell, n| Box::pin(cell.wait_at_least(n as i64 + 1))));
    in_time(|| all_are_told(|cell, _| Box::pin(cell.wait_at_least(1))));
    in_time(|| {
        all_are_told(|cell, n| match n % 2 {
            0 => Box::pin(cell.wait_equal(1_000)),
            _ => Box::pin(cell.changed_from(0)),
        })
    });
}

#[test]
fn g8_no_closure_is_lost_among_those_that_leave() {
    in_time(|| all_are_told(|cell, _| Box::pin(cell.wait_for(|n| n == 1_000))));
}

/// One write serves the whole line, turn by turn; turns of those that leave go on.
#[test]
fn g8_no_turn_is_lost_among_those_that_leave() {
    in_time(|| {
        let mut random = Random(7);
        let cell = AtomicI64::new(0);
        for _ in 0..ROUNDS / 4 {
            let taker: Start = |cell, _| Box::pin(cell.update_when(|n| n > 0, |n| n - 1));
            let (mut staying, leaving) = crowd(&cell, taker, &mut random);
            let mut leaving = leaving.into_iter();
            let first: Vec<_> = leaving.by_ref().take(CANCELLED / 2).collect();
            disturbed(|| cell.set(WAITERS as i64), first, &mut random);
            while !staying.is_empty() {
                let next = staying.iter().position(Waiter::is_woken);
                let mut next = match next {
                    Some(next) => staying.remove(next),
                    // It is with one that is still to leave.
                    None => match leaving.next() {
                        Some(gone) => {
                            drop(gone);
                            continue;
                        }
                        None => panic!("a turn is lost: {} wait", staying.len()),
                    },
                };
                assert!(next.poll().is_ready());
            }
            drop(leaving);
            assert_eq!(cell.get(), CANCELLED as i64, "each has taken one");
            cell.set(0);
        }
    });
}

/// Takers on several threads, some of which leave, and givers: as many are taken as were given.
#[test]
fn g8_permits_are_neither_lost_nor_made_while_takers_come_and_go() {
    in_time(|| {
        const EACH: usize = 2_000;
        let (permits, taken) = (AtomicI64::new(2), AtomicI64::new(0));
        thread::scope(|scope| {
            for thread in 0..3 {
                let (permits, taken) = (&permits, &taken);
                scope.spawn(move || {
                    let mut random = Random(thread + 1);
                    for _ in 0..EACH {
                        let mut wait = Box::pin(permits.update_when(|n| n > 0, |n| n - 1));
                        let got = match random.below(3) {
                            0 => poll(&mut wait, Waker::noop()).is_ready(),
                            _ => {
                                park_until_ready(wait);
                                true
                            }
                        };
                        if got {
                            assert!(taken.increment_and_get() <= 2);
                            taken.decrement_and_get();
                            permits.increment_and_get();
                        }
                    }
                });
            }
        });
        assert_eq!(permits.get(), 2);
    });
}

const A_WHILE: Duration = Duration::from_millis(500);

/// One of each kind, parked; some are cancelled, some awaited for what is written over and over.
fn come_and_go(cell: &AtomicI64, random: &mut Random) {
    let n = random.below(100) as i64;
    let start = |kind: usize| -> Wait<'_> {
        match kind {
            0 => Box::pin(cell.wait_equal(n)),
            1 => Box::pin(cell.wait_at_least(n)),
            2 => Box::pin(cell.wait_at_most(n)),
            3 => Box::pin(cell.wait_for(move |m| m == n)),
            4 => Box::pin(cell.wait_map(move |m| (m >= n).then_some(m))),
            5 => Box::pin(cell.update_when(move |m| m >= n, |m| m)),
            _ => Box::pin(cell.changed_from(n)),
        }
    };
    let mut waits: Vec<_> = (0..7).map(start).collect();
    for wait in &mut waits {
        let _ = poll(wait, Waker::noop());
    }
    drop(waits);
    let kind = random.below(7);
    let seen = park_until_ready(start(kind));
    let fits = match kind {
        0 | 3 => seen == n,
        1 | 4 | 5 => seen >= n,
        2 => seen <= n,
        _ => seen != n,
    };
    assert!(fits, "kind {kind}: {seen} for {n}");
}

/// Waits of all kinds register, cancel and are answered beside writers. The values go
/// round, so that each wait is answered soon: one that sleeps for ever runs into the limit.
#[test]
fn g2_waits_that_come_and_go_beside_writers_are_never_lost() {
    in_time(|| {
        let (cell, working) = (AtomicI64::new(0), AtomicUsize::new(3));
        let start = Instant::now();
        thread::scope(|scope| {
            let (cell, working) = (&cell, &working);
            for worker in 0..3 {
                scope.spawn(move || {
                    let mut random = Random(worker + 1);
                    while start.elapsed() < A_WHILE {
                        come_and_go(cell, &mut random);
                    }
                    working.fetch_sub(1, Ordering::SeqCst);
                });
            }
            for _ in 0..2 {
                scope.spawn(move || {
                    while working.load(Ordering::SeqCst) > 0 {
                        (0..100).for_each(|n| cell.set(n));
                    }
                });
            }
        });
    });
}

/// The same for references, and for streams that are dropped and made anew.
#[test]
fn g2_waits_of_references_and_streams_come_and_go_beside_a_writer() {
    in_time(|| {
        let (cell, count) = (AtomicReference::new(0), Arc::new(AtomicI64::new(0)));
        let working = AtomicBool::new(true);
        let start = Instant::now();
        thread::scope(|scope| {
            let (cell, count, working) = (&cell, &count, &working);
            scope.spawn(move || {
                let mut n = 0;
                while working.load(Ordering::SeqCst) {
                    n += 1;
                    cell.set(Arc::new(n % 100));
                    count.set(n);
                }
            });
            let mut random = Random(3);
            while start.elapsed() < A_WHILE {
                let n = random.below(100) as i64;
                let _ = poll(&mut Box::pin(cell.wait_for(|_| false)), Waker::noop());
                let wait = cell.wait_for(move |m| **m == n);
                assert_eq!(*park_until_ready(wait), n);
                let seen = cell.get();
                let _ = poll(&mut Box::pin(cell.changed_from(&seen)), Waker::noop());
                assert!(!Arc::ptr_eq(
                    &park_until_ready(cell.changed_from(&seen)),
                    &seen
                ));
                let mut values = count.clone().values_owned();
                let first = park_until_ready(values.next());
                assert!(first < park_until_ready(values.next()));
            }
            working.store(false, Ordering::SeqCst);
        });
    });
}
