//! The first waits for a cell, which make what a writer looks for (G2).

use std::{pin::pin, sync::Arc, task::Poll};

use atomos::Atomic;
use loom::{future::block_on, thread};

use super::support::{model, poll_once};

/// A wait that is the first one begins while its value is written.
#[test]
fn the_first_wait_for_a_level() {
    model(3, || {
        let cell = Arc::new(Atomic::new(0_u64));
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.wait_equal(1)), 1);
        writing.join().unwrap();
    });
}

/// The same with a closure.
#[test]
fn the_first_wait_for_a_predicate() {
    model(3, || {
        let cell = Arc::new(Atomic::new(0_u64));
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.wait_for(|n| n == 1)), 1);
        writing.join().unwrap();
    });
}

/// The same in line.
#[test]
fn the_first_wait_in_line() {
    model(3, || {
        let cell = Arc::new(Atomic::new(0_u64));
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.update_when(|n| n == 1, |_| 7)), 7);
        writing.join().unwrap();
        assert_eq!(cell.get(), 7);
    });
}

/// Two waits are the first ones at once, one of them beside a writer, and find each other's
/// register: one that was lost would be leaked, or would keep its wait.
#[test]
fn two_first_waits_against_a_writer() {
    model(2, || {
        let cell = Arc::new(Atomic::new(0_u64));
        let waiter = cell.clone();
        let parking = thread::spawn(move || {
            let mut wait = Box::pin(async move { waiter.wait_at_least(1).await });
            let at_once = poll_once(wait.as_mut()).is_ready();
            (wait, at_once)
        });
        let mut mine = pin!(cell.wait_for(|n| n == 1));
        assert!(poll_once(mine.as_mut()).is_pending());
        cell.set(1);
        let (mut other, at_once) = parking.join().unwrap();
        assert_eq!(poll_once(mine.as_mut()), Poll::Ready(1));
        assert!(at_once || poll_once(other.as_mut()) == Poll::Ready(1));
    });
}

/// As above, and the write comes when both have parked.
#[test]
fn two_first_waits_before_a_write() {
    model(3, || {
        let cell = Arc::new(Atomic::new(0_u64));
        let waiter = cell.clone();
        let parking = thread::spawn(move || {
            let mut wait = Box::pin(async move { waiter.wait_at_least(1).await });
            assert!(poll_once(wait.as_mut()).is_pending());
            wait
        });
        let mut mine = pin!(cell.wait_at_least(1));
        assert!(poll_once(mine.as_mut()).is_pending());
        let mut other = parking.join().unwrap();
        cell.set(1);
        assert_eq!(poll_once(mine.as_mut()), Poll::Ready(1));
        assert_eq!(poll_once(other.as_mut()), Poll::Ready(1));
    });
}
