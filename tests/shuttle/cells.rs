//! G2, G4, G8: waits for the values of a cell, among writers and waits that are given up.

use std::pin::pin;
use std::sync::Arc;

use atomos::Atomic;
use futures::StreamExt;
use shuttle::future::block_on;

use super::support::{below, join, poll_once, schedules, threads};

/// Each of two counts to 3; the others wait for numbers that are passed on the way.
#[test]
fn g4_no_value_of_a_cell_is_missed() {
    schedules(|| {
        let cell = Arc::new(Atomic::new(0_u32));
        let shared = cell.clone();
        join(threads(4, move |n| {
            if n < 2 {
                return (0..3).for_each(|_| assert!(shared.increment_and_get() > 0));
            }
            wait(&shared, 1 + below(6) as u32);
        }));
        assert_eq!(cell.get(), 6);
    });
}

fn wait(cell: &Arc<Atomic<u32>>, goal: u32) {
    match below(6) {
        0 => assert!(block_on(cell.wait_at_least(goal)) >= goal),
        1 => assert!(block_on(cell.wait_for(move |n| n >= goal)) >= goal),
        2 => assert!(block_on(cell.changed_from(0)) > 0),
        3 => {
            let mut values = cell.clone().values_owned();
            let mut last = None;
            while last != Some(6) {
                let next = block_on(values.next());
                assert!(next > last);
                last = next;
            }
        }
        4 => {
            // Parked before the last write: that is not missed.
            let mut wait = pin!(cell.wait_equal(6));
            if poll_once(wait.as_mut()).is_pending() {
                assert_eq!(block_on(wait), 6);
            }
        }
        _ => {
            let mut wait = pin!(cell.wait_at_least(goal));
            let _ = poll_once(wait.as_mut());
        }
    }
}
