//! Waits for a cell against writers that were on their way when they began (G2, G4).

use std::pin::pin;

use atomos::AtomicI64;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use super::{
    numbers::Arrivals,
    support::{model, poll_once},
};

/// A cell for which somebody has waited before.
fn known() -> Arc<AtomicI64> {
    let cell = Arc::new(AtomicI64::new(0));
    assert!(poll_once(pin!(cell.wait_for(|n| n == 9))).is_pending());
    assert!(poll_once(pin!(cell.wait_equal(9))).is_pending());
    cell
}

/// The same, on which a writer has found by now that nobody waits any more.
fn departed() -> Arc<AtomicI64> {
    let cell = known();
    cell.set(0);
    cell
}

/// Makes a wait in one of the two ways, as a level or as a closure, for a cell of each of the two.
macro_rules! both_kinds {
    ($name:ident, $cell:ident, $wait:ident => $body:block) => {
        mod $name {
            use super::*;

            both_kinds!(of_a_level, known, $cell, $wait, wait_equal(1) => $body);
            both_kinds!(of_a_closure, known, $cell, $wait, wait_for(|n| n == 1) => $body);
            both_kinds!(of_the_first_level, departed, $cell, $wait, wait_equal(1) => $body);
            both_kinds!(of_the_first_closure, departed, $cell, $wait, wait_for(|n| n == 1) => $body);
        }
    };
    ($name:ident, $made:ident, $cell:ident, $wait:ident, $way:ident($by:expr) => $body:block) => {
        #[test]
        fn $name() {
            model(3, || {
                let $cell = $made();
                macro_rules! $wait {
                    () => {
                        $cell.$way($by)
                    };
                }
                $body
            });
        }
    };
}

// G4: what was overwritten before the wait began does not answer it, however late its
// writer tells it.
both_kinds!(a_value_that_is_past_answers_nobody, cell, wait => {
    let writer = cell.clone();
    let writing = thread::spawn(move || writer.set(1));
    if cell.get() == 1 {
        cell.set(0);
        let mut wait = pin!(wait!());
        assert!(poll_once(wait.as_mut()).is_pending());
        writing.join().unwrap();
        assert!(poll_once(wait.as_mut()).is_pending());
    } else {
        writing.join().unwrap();
    }
});

// G2: what was current after the wait began answers it, although its writer was on its way
// then and it is overwritten at once.
both_kinds!(a_value_seen_after_the_wait_began_answers_it, cell, wait => {
    let writer = cell.clone();
    let writing = thread::spawn(move || writer.set(1));
    let mut wait = pin!(wait!());
    if poll_once(wait.as_mut()).is_pending() {
        let seen = cell.get() == 1;
        cell.set(0);
        writing.join().unwrap();
        if seen {
            // A poll judges a bounded part of what has come.
            assert!((0..4).any(|_| poll_once(wait.as_mut()).is_ready()));
        }
    } else {
        writing.join().unwrap();
    }
});

// G2: two writers, of whom one overwrites the other: whoever is parked before gets the value.
both_kinds!(an_overwritten_value_answers_who_was_parked, cell, wait => {
    let mut wait = pin!(wait!());
    assert!(poll_once(wait.as_mut()).is_pending());
    let writer = cell.clone();
    let writing = thread::spawn(move || writer.increment_and_get());
    cell.increment_and_get();
    writing.join().unwrap();
    assert!(poll_once(wait.as_mut()).is_ready());
});

/// G4: whoever knows of a wait does not find what was past when it began. (The numbers are the very
/// file of the library. In cells of one process it follows from their writes, too.)
#[test]
fn what_is_found_after_a_number_was_not_past() {
    model(3, || {
        let value = Arc::new(AtomicU64::new(1));
        let numbers = std::sync::Arc::new(Arrivals::new());
        let beginning = {
            let (value, numbers) = (value.clone(), numbers.clone());
            thread::spawn(move || {
                value.store(0, SeqCst);
                numbers.next();
            })
        };
        let begun = numbers.so_far();
        let found = value.load(SeqCst);
        assert!(begun == 0 || found == 0);
        beginning.join().unwrap();
    });
}
