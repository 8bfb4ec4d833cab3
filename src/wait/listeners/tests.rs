//! G4: for whom values are left. G11: a run of them is offered to others when it has become long.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Waker},
};

use super::{Known, Left, Listeners, Observer, Panics, Presence, RECENT, Write};
use crate::{
    Atomic,
    sync::yields,
    wait::{condition::Condition, shift::turn},
};

fn nothing_left() -> Left<u64> {
    Left {
        values: VecDeque::new(),
        known: [Known::NOBODY; RECENT],
        newest: 0,
        last: 0,
    }
}

/// What is left by a write of `new` in the place of `old`, before which so many had `begun`, when
/// `now` is the value and so many have begun.
fn put(left: &mut Left<u64>, (old, new): (u64, u64), begun: u64, (now, all): (u64, u64)) {
    let up_to = if now == new { all } else { begun };
    left.put(Write { old, new, begun }, up_to, now == new);
}

/// What was left since, each with the numbers after which and up to which it is for.
fn taken(left: &mut Left<u64>) -> Vec<(u64, u64, u64)> {
    let told = left.values.drain(..);
    told.map(|told| (told.value, told.after, told.up_to))
        .collect()
}

#[test]
fn g4_one_writer_leaves_each_value_once() {
    let mut left = nothing_left();
    left.saw(10, 1, true);
    put(&mut left, (10, 11), 1, (11, 1));
    put(&mut left, (11, 12), 1, (12, 1));
    assert_eq!(taken(&mut left), [(11, 0, 1), (12, 0, 1)]);
}

#[test]
fn g4_what_newcomers_have_seen_is_not_left_for_them() {
    let mut left = nothing_left();
    left.saw(10, 1, true);
    left.saw(10, 2, false);
    left.saw(10, 3, false);
    put(&mut left, (10, 11), 3, (11, 3));
    assert_eq!(taken(&mut left), [(11, 0, 3)]);
    // Its writer had not said that it is there, so those before have not been told of it.
    left.saw(12, 4, false);
    put(&mut left, (12, 13), 4, (13, 4));
    assert_eq!(taken(&mut left), [(12, 0, 3), (13, 0, 4)]);
    // One that comes after him saw it as well.
    left.saw(14, 5, false);
    left.saw(14, 6, false);
    put(&mut left, (14, 15), 6, (15, 6));
    assert_eq!(taken(&mut left), [(14, 0, 4), (15, 0, 6)]);
}

/// He may have begun between the write and its end.
#[test]
fn g4_a_value_is_for_all_if_it_is_there_and_else_for_those_before() {
    let mut left = nothing_left();
    left.saw(10, 1, true);
    put(&mut left, (10, 11), 1, (11, 2));
    put(&mut left, (11, 12), 2, (13, 3));
    assert_eq!(taken(&mut left), [(11, 0, 2), (12, 0, 2)]);
    // Who overwrote it knew of one more.
    put(&mut left, (12, 13), 3, (13, 3));
    assert_eq!(taken(&mut left), [(12, 2, 3), (13, 0, 3)]);
}

#[test]
fn g4_a_value_that_was_overwritten_first_is_left_by_who_did_that() {
    let mut left = nothing_left();
    left.saw(10, 1, true);
    put(&mut left, (11, 12), 1, (12, 1));
    put(&mut left, (10, 11), 1, (12, 1));
    assert_eq!(taken(&mut left), [(11, 0, 1), (12, 0, 1), (11, 0, 1)]);
}

/// So many writers may race each other before somebody is told twice.
#[test]
fn g4_the_latest_values_are_remembered() {
    // After so many of which one has overwritten it, but is on his way.
    let left_after = |others: usize| {
        let mut left = nothing_left();
        left.saw(1, 1, true);
        for new in (2..).take(others) {
            put(&mut left, (100 + new, new), 1, (new, 1));
        }
        taken(&mut left);
        put(&mut left, (1, 98), 1, (99, 1));
        taken(&mut left)
    };
    assert_eq!(left_after(RECENT - 1), [(98, 0, 1)]);
    assert_eq!(left_after(RECENT), [(1, 0, 1), (98, 0, 1)], "one too many");
}

/// What is known of a value is known of that write.
#[test]
fn g4_an_equal_value_that_is_written_later_is_another_one() {
    let mut left = nothing_left();
    left.saw(0, 1, true);
    put(&mut left, (0, 1), 1, (1, 1));
    put(&mut left, (1, 0), 1, (0, 1));
    assert_eq!(taken(&mut left), [(1, 0, 1), (0, 0, 1)]);
    // Its writer, who has replaced that 0 by a 1, is on his way, and knew of nobody.
    put(&mut left, (1, 7), 1, (7, 1));
    assert_eq!(taken(&mut left), [(1, 0, 1), (7, 0, 1)]);
    put(&mut left, (0, 1), 0, (7, 1));
    assert_eq!(taken(&mut left), [(1, 0, 0)]);
}

/// However often something was heard of it.
#[test]
fn g4_a_value_is_known_in_one_place() {
    let mut left = nothing_left();
    left.saw(0, 1, true);
    // He has seen it before its writer, and the one of the value before, have come.
    left.saw(6, 2, false);
    put(&mut left, (0, 5), 1, (6, 2));
    put(&mut left, (5, 6), 1, (6, 2));
    put(&mut left, (6, 7), 2, (7, 2));
    assert_eq!(taken(&mut left), [(5, 0, 1), (6, 0, 2), (7, 0, 2)]);
    // It comes back, and its writer has not come yet.
    put(&mut left, (6, 8), 2, (8, 2));
    assert_eq!(taken(&mut left), [(6, 0, 2), (8, 0, 2)]);
}

/// He registers between the writer's look and its lock.
#[test]
fn g4_who_has_seen_a_value_before_it_is_left_is_not_told_it_later() {
    let mut left = nothing_left();
    left.saw(0, 1, true);
    left.saw(1, 2, false);
    put(&mut left, (0, 1), 1, (1, 1));
    left.saw(1, 3, false);
    assert_eq!(taken(&mut left), [(1, 0, 1)]);
    put(&mut left, (1, 2), 3, (2, 3));
    assert_eq!(taken(&mut left), [(2, 0, 3)]);
}

/// How often he yields who tells one value, in the course of which one thing after another is
/// written by himself: first a run of so many, then one for each of them.
fn yields_of_a_deliverer(run: usize) -> usize {
    let cell = Arc::new(Atomic::new(0_usize));
    let writer = Arc::downgrade(&cell);
    let mut wait = Box::pin(cell.wait_for(move |n| {
        let cell = writer.upgrade().expect("it is written to");
        match n {
            1 => (2..run + 2).for_each(|n| cell.set(n)),
            n if (2..run + 2).contains(&n) => cell.set(n + run),
            _ => {}
        }
        false
    }));
    let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    yields(|| cell.set(1))
}

#[test]
fn g11_a_deliverer_offers_the_rest_after_every_event_past_his_turn() {
    const PAST: usize = 10;
    let run = turn() - 1;
    // The last event of his turn is followed by an offer, too.
    assert_eq!(yields_of_a_deliverer(run + PAST), 1 + PAST);
    assert_eq!(yields_of_a_deliverer(run), 1);
    assert_eq!(yields_of_a_deliverer(run / 4), 0);
}

/// A cell that holds 7, and is marked all the time.
struct Seven;

impl Presence<u64> for Seven {
    fn look(&self) -> u64 {
        7
    }

    fn raise(&self) -> bool {
        false
    }

    fn lower(&self) {}
}

#[test]
fn g8_who_leaves_before_anything_is_told_leaves_nothing_behind() {
    let (listeners, condition) = (Listeners::new(), Arc::new(Condition::carried(true)));
    let observer = Observer::Condition(condition.clone());
    assert_eq!(listeners.register(observer.clone(), &Seven), 7);
    assert_eq!(Arc::strong_count(&condition), 3);
    assert!(listeners.withdraw(observer.name()));
    assert_eq!(Arc::strong_count(&condition), 2);
    assert!(!listeners.withdraw(observer.name()), "it has left");
    listeners.register(observer.clone(), &Seven);
    listeners.deliver(&Seven);
    assert!(!listeners.withdraw(observer.name()), "the deliverer has it");
    // Then it goes when so many have left that the desk is tidied.
    condition.cancel(&mut Panics::new());
    while Arc::strong_count(&condition) > 2 {
        listeners.tidy(&Seven);
    }
}
