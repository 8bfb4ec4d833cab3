//! Writers that have stepped over a level of `wait_equal`, and left the gap behind: what they look at
//! instead, the bounds and the filter, against those who come and go (G2, G4).

use std::{
    future::Future,
    pin::{Pin, pin},
    task::Poll,
};

use atomos::AtomicU64;
use loom::{future::block_on, sync::Arc, thread};

use super::support::{model, poll_once};

type Wait = Pin<Box<dyn Future<Output = u64>>>;

fn parked_equal(cell: &Arc<AtomicU64>, level: u64) -> Wait {
    let cell = cell.clone();
    let mut wait: Wait = Box::pin(async move { cell.wait_equal(level).await });
    assert!(poll_once(wait.as_mut()).is_pending());
    wait
}

/// A cell that has stepped over 5, for which somebody waits: it has 9, and the gap ends below 5.
/// Levels of which the filter is asked here do not look like each other there.
fn stepped_over() -> (Arc<AtomicU64>, Wait) {
    let cell = Arc::new(AtomicU64::new(0));
    let keeper = parked_equal(&cell, 5);
    // The first write finds no gap, and makes one; the second one leaves it.
    cell.set(0);
    cell.set(9);
    (cell, keeper)
}

/// A wait begins while the value that satisfies it is written, out of sight of the gap.
macro_rules! newcomer_against_writer {
    ($($name:ident: $wait:ident($bound:expr) => $to:expr;)*) => {$(
        #[test]
        fn $name() {
            model(3, || {
                let (cell, _keeper) = stepped_over();
                let writer = cell.clone();
                let writing = thread::spawn(move || writer.set($to));
                assert_eq!(block_on(cell.$wait($bound)), $to);
                writing.join().unwrap();
            });
        }
    )*};
}

newcomer_against_writer! {
    // The filter is to know it: in the first table the keeper is alone, so it is made larger.
    a_level_enters_a_larger_table: wait_equal(7) => 7;
    the_bounds_come_from_above: wait_at_least(12) => 13;
    the_bounds_come_from_below: wait_at_most(3) => 1;
    the_bounds_vanish: changed_from(9) => 10;
}

/// The same, where there is room in the table: another level has gone from it.
#[test]
fn a_level_enters_the_table() {
    model(3, || {
        let (cell, _keeper) = stepped_over();
        drop(parked_equal(&cell, 6));
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(7));
        assert_eq!(block_on(cell.wait_equal(7)), 7);
        writing.join().unwrap();
    });
}

/// The gap moves down, past a level that stays outside of it before and afterwards: a writer that
/// reads one end of each is not misled.
#[test]
fn the_gap_moves_down_past_a_level() {
    model(3, || {
        let cell = Arc::new(AtomicU64::new(7));
        let mut keeper = parked_equal(&cell, 4);
        let low = cell.clone();
        let mut bound: Wait = Box::pin(async move { low.wait_at_most(2).await });
        assert!(poll_once(bound.as_mut()).is_pending());
        // Finds no gap, and makes one: from 5 upwards.
        cell.set(7);
        let other = cell.clone();
        // Satisfies the bound, and makes another: up to 3.
        let moving = thread::spawn(move || other.set(2));
        cell.set(4);
        moving.join().unwrap();
        assert_eq!(poll_once(keeper.as_mut()), Poll::Ready(4));
        assert_eq!(poll_once(bound.as_mut()), Poll::Ready(2));
    });
}

/// Who is parked is in the larger table when that is taken in use.
#[test]
fn who_is_parked_is_in_the_larger_table() {
    model(3, || {
        let (cell, mut keeper) = stepped_over();
        let other = cell.clone();
        let coming = thread::spawn(move || parked_equal(&other, 7));
        cell.set(5);
        cell.set(9);
        assert_eq!(poll_once(keeper.as_mut()), Poll::Ready(5));
        drop(coming.join().unwrap());
    });
}

/// The words come with the table that is taken in use. The writer writes once: another write would
/// make up for what this one misses. The newcomer runs first: loom keeps only the last access to a
/// place, so his read of which table is in use, before he stores it, would hide that of a writer
/// who ran before, and no switch would be tried there.
#[test]
fn the_words_come_with_the_larger_table() {
    model(3, || {
        let (cell, mut keeper) = stepped_over();
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(5));
        let _newcomer = parked_equal(&cell, 7);
        writing.join().unwrap();
        assert_eq!(poll_once(keeper.as_mut()), Poll::Ready(5));
    });
}

/// A table is written anew, because a level has gone from it, while others are asked of it.
#[test]
fn who_stays_is_in_the_table_that_is_written_anew() {
    model(3, || {
        let (cell, mut keeper) = stepped_over();
        drop(parked_equal(&cell, 7));
        let other = cell.clone();
        // Finds nobody, and puts the table right.
        let alarmed = thread::spawn(move || other.set(7));
        cell.set(5);
        alarmed.join().unwrap();
        assert_eq!(poll_once(keeper.as_mut()), Poll::Ready(5));
    });
}

/// The same, while a newcomer enters it, whom the next write satisfies.
#[test]
fn who_comes_is_in_the_table_that_is_written_anew() {
    model(2, || {
        let (cell, _keeper) = stepped_over();
        drop(parked_equal(&cell, 7));
        let other = cell.clone();
        let alarmed = thread::spawn(move || other.set(7));
        let mut wait = pin!(cell.wait_equal(3));
        assert!(poll_once(wait.as_mut()).is_pending());
        cell.set(3);
        alarmed.join().unwrap();
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(3));
    });
}

/// Two of different kinds come at once, and hide each other neither from the one write nor
/// from the other.
#[test]
fn two_newcomers_of_different_kinds() {
    model(2, || {
        let (cell, _keeper) = stepped_over();
        let other = cell.clone();
        let coming = thread::spawn(move || {
            let waiting = other.clone();
            let mut wait: Wait = Box::pin(async move { waiting.wait_at_least(12).await });
            let is_early = poll_once(wait.as_mut()).is_ready();
            other.set(7);
            (wait, is_early)
        });
        let mut equal = pin!(cell.wait_equal(7));
        let at_once = poll_once(equal.as_mut()).is_ready();
        cell.set(12);
        let (mut at_least, is_early) = coming.join().unwrap();
        assert!(is_early || poll_once(at_least.as_mut()) == Poll::Ready(12));
        assert!(at_once || poll_once(equal.as_mut()) == Poll::Ready(7));
    });
}
