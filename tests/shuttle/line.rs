//! G2, G5, G7, G8: permits that are waited for in line. A turn that is lost is a deadlock.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

use atomos::{Atom, Atomic};
use shuttle::future::block_on;
use shuttle::thread::yield_now;

use super::support::{below, join, poll_once, schedules, threads};

/// Takes a permit in one of many ways, and gives it back.
fn use_permits(atom: &Atom<i64>) {
    for _ in 0..2 {
        match below(5) {
            0 => {
                // Given up after one poll, with a turn or without.
                let mut wait = pin!(atom.swap_when(|n| *n > 0, |n| n - 1));
                if poll_once(wait.as_mut()).is_pending() {
                    continue;
                }
            }
            1 => {
                // Polled by another task before: that waker is not the right one any more.
                let mut wait = pin!(atom.swap_when(|n| *n > 0, |n| n - 1));
                if poll_once(wait.as_mut()).is_pending() {
                    yield_now();
                    block_on(wait);
                }
            }
            2 => {
                let wait = atom.swap_when(|n| *n > 0, |_| resume_unwind(Box::new("on purpose")));
                let panicked = catch_unwind(AssertUnwindSafe(|| block_on(wait)));
                assert!(panicked.is_err());
                continue;
            }
            _ => {
                let left = block_on(atom.swap_when(|n| *n > 0, |n| n - 1));
                assert!(*left >= 0);
            }
        }
        yield_now();
        atom.swap(|n| n + 1);
    }
}

fn permits(permits: i64) {
    let atom = Atom::new(permits);
    let shared = atom.clone();
    join(threads(3, move |_| use_permits(&shared)));
    assert_eq!(*atom.load(), permits);
}

#[test]
fn g5_no_turn_of_swap_when_is_lost_with_one_permit() {
    schedules(|| permits(1));
}

#[test]
fn g5_no_turn_of_swap_when_is_lost_with_two_permits() {
    schedules(|| permits(2));
}

#[test]
fn g5_no_turn_of_update_when_is_lost() {
    schedules(|| {
        let cell = Arc::new(Atomic::new(1_i64));
        let shared = cell.clone();
        let work = move |_| {
            for _ in 0..2 {
                let mut wait = pin!(shared.update_when(|n| n > 0, |n| n - 1));
                let given_up = below(3) == 0;
                if poll_once(wait.as_mut()).is_pending() {
                    if given_up {
                        continue;
                    }
                    block_on(wait);
                }
                yield_now();
                shared.increment_and_get();
            }
        };
        join(threads(3, work));
        assert_eq!(cell.get(), 1);
    });
}

/// A predicate that panics on the thread of a writer takes nobody else along.
#[test]
fn g7_a_predicate_that_panics_leaves_the_line_to_the_others() {
    schedules(|| {
        let atom = Atom::new(0);
        let shared = atom.clone();
        let waiting = threads(3, move |n| {
            let pred = move |value: &i32| match (n, value) {
                (0, 1) => resume_unwind(Box::new("on purpose")),
                (_, value) => *value > 0,
            };
            let wait = shared.swap_when(pred, |value| value + 1);
            catch_unwind(AssertUnwindSafe(|| block_on(wait))).is_ok()
        });
        yield_now();
        atom.swap(|value| value + 1);
        let served = join(waiting);
        assert_eq!(&served[1..], [true, true]);
        assert_eq!(
            *atom.load(),
            1 + served.iter().map(|ok| i32::from(*ok)).sum::<i32>()
        );
    });
}
