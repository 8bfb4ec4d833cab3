//! G11: who serves for long offers that to others.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use crate::{Atomic, sync::yields, wait::shift::turn};

/// How often he yields who writes once to a cell with somebody in line, whose predicate writes so
/// many times more when it is asked, once each time.
fn yields_of_a_server(writes: usize) -> usize {
    let cell = Arc::new(Atomic::new(0_usize));
    let writer = Arc::downgrade(&cell);
    let asked = move |n| {
        if (1..=writes).contains(&n) {
            writer.upgrade().expect("it is written to").set(n + 1);
        }
        false
    };
    let mut wait = Box::pin(cell.update_when(asked, |n| n));
    let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    yields(|| cell.set(1))
}

#[test]
fn g11_a_server_offers_the_rest_before_every_walk_past_his_turn() {
    const PAST: usize = 10;
    assert_eq!(yields_of_a_server(turn() - 1), 0);
    assert_eq!(yields_of_a_server(turn() - 1 + PAST), PAST);
}
