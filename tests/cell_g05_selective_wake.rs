//! G5: a parked wait of a cell is woken by the writes that concern it, and by no other; those who
//! wait in order to write are served first come, first served.
#![cfg(not(loom))]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomos::{Atomic, AtomicReference};
use support::caught;
use tokio_test::{assert_pending, assert_ready_eq, task};

type Turn<'a> = task::Spawn<Pin<Box<dyn Future<Output = u64> + Send + 'a>>>;

/// Waits for `n` and sets it to `then`.
fn when(cell: &Atomic<u64>, n: u64, then: u64) -> Turn<'_> {
    task::spawn(Box::pin(cell.update_when(move |m| m == n, move |_| then)))
}

/// Takes one of what there is.
fn taker(cell: &Atomic<u64>) -> Turn<'_> {
    task::spawn(Box::pin(cell.update_when(|n| n > 0, |n| n - 1)))
}

fn woken(turns: &[Turn<'_>]) -> Vec<usize> {
    (0..turns.len()).filter(|n| turns[*n].is_woken()).collect()
}

/// That many takers, parked in this order.
fn parked(cell: &Atomic<u64>, count: usize) -> Vec<Turn<'_>> {
    let mut turns: Vec<_> = (0..count).map(|_| taker(cell)).collect();
    for turn in &mut turns {
        assert_pending!(turn.poll());
    }
    turns
}

#[test]
fn g5_no_wait_of_a_cell_is_woken_by_writes_that_do_not_satisfy_it() {
    let cell = Atomic::new(0_i64);
    type Wait<'a> = Pin<Box<dyn Future<Output = i64> + Send + 'a>>;
    let waits: [Wait<'_>; 6] = [
        Box::pin(cell.wait_for(|n| n == 1_000)),
        Box::pin(cell.wait_map(|n| (n == 1_000).then_some(n))),
        Box::pin(cell.wait_equal(1_000)),
        Box::pin(cell.wait_at_least(1_000)),
        Box::pin(cell.wait_at_most(-1_000)),
        Box::pin(cell.update_when(|n| n == 1_000, |n| n)),
    ];
    let mut waits = waits.map(task::spawn);
    for wait in &mut waits {
        assert_pending!(wait.poll());
    }
    for n in (-999..1_000).chain((-999..1_000).rev()) {
        cell.set(n);
    }
    assert!(waits.iter().all(|wait| !wait.is_woken()));
    cell.set(1_000);
    let satisfied = waits.iter().filter(|wait| wait.is_woken()).count();
    assert_eq!(satisfied, waits.len() - 1, "all but the one downwards");
}

#[test]
fn g5_no_wait_of_a_reference_is_woken_by_writes_that_do_not_satisfy_it() {
    let cell = AtomicReference::new(0);
    let mut wait = task::spawn(cell.wait_for(|n| **n == 1));
    let mut map = task::spawn(cell.wait_map(|n| (**n == 1).then_some(())));
    let seen = cell.get();
    let mut changed = task::spawn(Box::pin(cell.changed_from(&seen)));
    assert_pending!(wait.poll());
    assert_pending!(map.poll());
    assert_pending!(changed.poll());
    cell.set(seen.clone());
    assert!(!changed.is_woken());
    cell.set(Arc::new(2));
    assert!(changed.is_woken() && !wait.is_woken() && !map.is_woken());
    cell.set(Arc::new(1));
    assert!(wait.is_woken() && map.is_woken());
}

#[test]
fn g5_of_many_levels_only_those_that_are_reached_are_woken() {
    let cell = Atomic::new(0_u64);
    let mut waits: Vec<_> = (1..=100)
        .map(|n| task::spawn(cell.wait_at_least(n)))
        .collect();
    for wait in &mut waits {
        assert_pending!(wait.poll());
    }
    let mut highest = 0;
    for n in [1, 5, 5, 3, 20, 19, 99] {
        cell.set(n);
        highest = highest.max(n as usize);
        assert!(waits[..highest].iter().all(|wait| wait.is_woken()));
        assert!(waits[highest..].iter().all(|wait| !wait.is_woken()));
    }
}

/// A stream that has been told of news is not told again before it looks.
#[test]
fn g5_a_stream_of_values_is_woken_once_however_many_writes_there_are() {
    let (cell, probe) = (Atomic::new(0_u64), support::Probe::new());
    let mut values = cell.values();
    let mut next = || support::poll(&mut futures::StreamExt::next(&mut values), &probe.waker());
    assert_ready_eq!(next(), Some(0));
    assert_pending!(next());
    (1..=1_000).for_each(|n| cell.set(n));
    assert_eq!(probe.wakes(), 1);
    assert_ready_eq!(next(), Some(1_000));
}

#[test]
fn g5_update_when_serves_by_first_poll_not_by_creation() {
    let cell = Atomic::new(0);
    let (mut first, mut second) = (taker(&cell), taker(&cell));
    assert_pending!(second.poll());
    assert_pending!(first.poll());
    cell.set(1);
    assert!(second.is_woken() && !first.is_woken());
    assert_ready_eq!(second.poll(), 0);
}

#[test]
fn g5_one_write_gives_one_turn_and_a_used_turn_goes_on() {
    let cell = Atomic::new(0);
    let mut line = parked(&cell, 4);
    cell.set(3);
    for n in 0..3 {
        assert_eq!(woken(&line), [0], "one woken for each place freed");
        assert_ready_eq!(line[0].poll(), 2 - n);
        drop(line.remove(0));
    }
    assert_eq!(woken(&line), [], "nothing is left to take");
}

#[test]
fn g5_each_write_from_outside_gives_at_most_one_more_turn() {
    let cell = Atomic::new(0);
    let line = parked(&cell, 8);
    for n in 1..=8 {
        cell.increment_and_get();
        assert_eq!(woken(&line), (0..n).collect::<Vec<_>>());
    }
}

/// How often the closure of [`alike`] was asked.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// As [`taker`], and counts how often one of them is asked.
fn alike(cell: &Atomic<u64>) -> Turn<'_> {
    let there_is_one = |n| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        n > 0
    };
    task::spawn(Box::pin(cell.update_when(there_is_one, |n| n - 1)))
}

fn asked(f: impl FnOnce()) -> usize {
    let before = ASKED.load(Ordering::Relaxed);
    f();
    ASKED.load(Ordering::Relaxed) - before
}

#[test]
fn g5_of_those_in_line_by_a_closure_that_captures_nothing_one_is_asked_for_all() {
    const COUNT: usize = 8;
    let cell = Atomic::new(0);
    let mut line: Vec<_> = (0..COUNT).map(|_| alike(&cell)).collect();
    let join = || {
        line.iter_mut()
            .for_each(|turn| assert_pending!(turn.poll()))
    };
    assert_eq!(asked(join), COUNT, "a newcomer asks itself");
    let from_outside = [0, 3].map(|n| asked(|| cell.set(n)));
    assert_eq!(from_outside, [1, 1], "whether it holds or not");
    for left in [2, 1, 0] {
        // Whether it may commit, and then for those behind.
        let by_turn = asked(|| {
            assert_ready_eq!(line[0].poll(), left);
        });
        assert_eq!(by_turn, 2, "{left} are left");
        drop(line.remove(0));
    }
    assert_eq!(woken(&line), []);
    // Among others each kind is asked for itself.
    let mut other = taker(&cell);
    assert_pending!(other.poll());
    assert_eq!(asked(|| cell.set(0)), 1);
    assert!(!other.is_woken());
}

#[test]
fn g5_update_when_writes_in_the_poll_that_is_ready_and_not_before() {
    let cell = Atomic::new(0);
    let mut line = parked(&cell, 1);
    cell.set(5);
    assert_eq!((cell.get(), line[0].is_woken()), (5, true));
    assert_ready_eq!(line[0].poll(), 4);
    assert_eq!(cell.get(), 4);
}

#[test]
fn g5_a_loser_of_a_cell_keeps_its_place() {
    let cell = Atomic::new(0);
    let mut line = parked(&cell, 2);
    cell.set(1);
    cell.set(0);
    assert_pending!(line[0].poll());
    assert_eq!(woken(&line), []);
    cell.set(1);
    assert_eq!(woken(&line), [0], "still the first");
    assert_ready_eq!(line[0].poll(), 0);
}

#[test]
fn g5_a_cancelled_turn_of_a_cell_goes_to_the_next() {
    let cell = Atomic::new(0);
    let mut line = parked(&cell, 4);
    drop(line.remove(1));
    assert_eq!(woken(&line), [], "it had no turn");
    cell.set(1);
    drop(line.remove(0));
    assert_eq!(woken(&line), [0]);
    drop(line.remove(0));
    assert_eq!(woken(&line), [0]);
    assert_ready_eq!(line[0].poll(), 0);
}

#[test]
fn g5_a_turn_that_no_longer_holds_goes_to_whom_the_value_suits() {
    let cell = Atomic::new(0);
    let mut line = [when(&cell, 1, 0), when(&cell, 2, 5)];
    for turn in &mut line {
        assert_pending!(turn.poll());
    }
    cell.set(1);
    assert_eq!(woken(&line), [0]);
    cell.set(2);
    assert_pending!(line[0].poll());
    assert_eq!(woken(&line), [1]);
    assert_ready_eq!(line[1].poll(), 5);
}

#[test]
fn g5_a_newcomer_to_a_cell_overtakes_nobody() {
    let cell = Atomic::new(0);
    let mut line = parked(&cell, 1);
    cell.set(1);
    let mut newcomer = taker(&cell);
    assert_pending!(newcomer.poll(), "a turn is out");
    assert_ready_eq!(line[0].poll(), 0);
    assert!(!newcomer.is_woken());
    cell.set(1);
    assert_ready_eq!(newcomer.poll(), 0);
    // But it passes those that are not satisfied.
    let mut other = when(&cell, 99, 0);
    assert_pending!(other.poll());
    cell.set(1);
    assert_ready_eq!(taker(&cell).poll(), 0);
}

#[test]
fn g5_a_panicking_wait_does_not_stop_the_line_of_a_cell() {
    let cell = Atomic::new(0);
    let fuse = |n| if n == 0 { false } else { panic!("broken") };
    let mut pred = task::spawn(cell.update_when(fuse, |n| n));
    let mut update = task::spawn(cell.update_when(|n| n > 0, |_| panic!("broken")));
    assert_pending!(pred.poll());
    assert_pending!(update.poll());
    let mut line = parked(&cell, 1);
    cell.set(1);
    assert!(pred.is_woken() && update.is_woken() && !line[0].is_woken());
    assert_eq!(caught(|| pred.poll().is_ready()), Err("broken".into()));
    assert_eq!(caught(|| update.poll().is_ready()), Err("broken".into()));
    assert_eq!(cell.get(), 1, "nothing changed");
    drop(update);
    assert_ready_eq!(line[0].poll(), 0);
}
