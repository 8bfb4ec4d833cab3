//! The cases of the JSR-166 TCK for `LongAccumulator` and `DoubleAccumulator`, for an accumulator
//! of every number: what was accumulated counts once (G1), however many threads accumulate.
//!
//! | TCK: LongAccumulatorTest, DoubleAccumulatorTest | here |
//! |---|---|
//! | testConstructor | a_new_one_has_its_identity |
//! | testAccumulateAndGet | get_gives_what_was_accumulated |
//! | testReset | after_reset_it_is_the_identity |
//! | testGetThenReset | get_then_reset_gives_the_value_and_leaves_the_identity |
//! | testToString | debug_shows_the_value |
//! | testLongValue of a long, testDoubleValue of a double | get_gives_what_was_accumulated |
//! | testAccumulateAndGetMT | many_threads_accumulate_a_sum, many_threads_accumulate_a_maximum |
//!
//! Without counterpart:
//!
//! - testIntValue and its kin that convert to another type: `as` and `From` of the language.
#![cfg(not(loom))]

#[macro_use]
mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use atomos::Accumulator;
use support::{Width, caught, larger_of, two_threads};

const THREADS: usize = 4;
// What is accumulated stays small enough that an f32 adds it up exactly.
const TURNS: i64 = 25_000;

/// Runs `f` in all threads at once, each with its number, so that writers meet.
fn together(f: impl Fn(i64) + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS as i64 {
            let (start, f) = (&start, &f);
            scope.spawn(move || {
                start.wait();
                f(thread);
            });
        }
    });
}

fn maximum<T: Width>() -> Accumulator<T> {
    Accumulator::new(larger_of, T::of(0))
}

fn total<T: Width>() -> Accumulator<T> {
    Accumulator::new(T::sum_with, T::of(0))
}

/// Runs a case on a maximum in one piece and on one that many threads have used, and reset.
fn both_ways<T: Width>(case: impl Fn(Accumulator<T>)) {
    case(maximum());
    let used = maximum();
    together(|thread| {
        for n in 0..TURNS {
            used.accumulate(T::of((n + thread) % 100));
        }
    });
    assert_eq!(used.get_then_reset(), T::of(99));
    case(used);
}

fn a_new_one_has_its_identity<T: Width>() {
    for &identity in T::SAMPLES {
        let new = Accumulator::new(larger_of, identity);
        assert_eq!(new.get(), identity);
        assert_eq!(new.get_then_reset(), identity);
        assert_eq!(new.get(), identity);
    }
}

fn get_gives_what_was_accumulated<T: Width>() {
    both_ways::<T>(|maximum| {
        maximum.accumulate(T::of(2));
        assert_eq!(maximum.get(), T::of(2));
        maximum.accumulate(T::of(1));
        assert_eq!(maximum.get(), T::of(2));
        maximum.accumulate(T::of(4));
        assert_eq!(maximum.get(), T::of(4));
        // The largest of an unsigned type.
        maximum.accumulate(T::of(-4));
        assert_eq!(maximum.get(), larger_of(T::of(4), T::of(-4)));
    });
}

fn after_reset_it_is_the_identity<T: Width>() {
    both_ways::<T>(|maximum| {
        maximum.accumulate(T::of(2));
        assert_eq!(maximum.get(), T::of(2));
        maximum.reset();
        assert_eq!(maximum.get(), T::of(0));
        maximum.accumulate(T::of(1));
        assert_eq!(maximum.get(), T::of(1));
    });
}

fn get_then_reset_gives_the_value_and_leaves_the_identity<T: Width>() {
    both_ways::<T>(|maximum| {
        maximum.accumulate(T::of(2));
        assert_eq!(maximum.get(), T::of(2));
        assert_eq!(maximum.get_then_reset(), T::of(2));
        assert_eq!(maximum.get(), T::of(0));
        maximum.accumulate(T::of(1));
        assert_eq!(maximum.get_then_reset(), T::of(1));
    });
}

fn debug_shows_the_value<T: Width>() {
    let maximum = maximum::<T>();
    let shown = |n| format!("Accumulator({:?})", T::of(n));
    assert_eq!(format!("{maximum:?}"), shown(0));
    maximum.accumulate(T::of(1));
    assert_eq!(format!("{maximum:?}"), shown(1));
}

fn many_threads_accumulate_a_sum<T: Width>() {
    let total = total::<T>();
    together(|_| {
        for n in 0..TURNS {
            total.accumulate(T::of(n % 5));
        }
    });
    assert_eq!(total.get(), T::of(THREADS as i64 * TURNS * 2));
    assert_eq!(total.get_then_reset(), T::of(THREADS as i64 * TURNS * 2));
    assert_eq!(total.get(), T::of(0));
}

fn many_threads_accumulate_a_maximum<T: Width>() {
    let maximum = maximum::<T>();
    together(|thread| {
        let mut seen = T::of(0);
        for n in 0..TURNS {
            let x = T::of((n * 31 + thread) % 120);
            maximum.accumulate(x);
            let now = maximum.get();
            assert!(now >= x && now >= seen, "a maximum does not go back");
            assert!(now <= T::of(119));
            seen = now;
        }
    });
    assert_eq!(maximum.get(), T::of(119));
}

// Beyond the TCK.

fn what_is_accumulated_meanwhile_is_in_one_value<T: Width>() {
    let (total, done) = (total::<T>(), AtomicBool::new(false));
    let accumulate = || {
        together(|_| {
            for _ in 0..TURNS {
                total.accumulate(T::of(1));
            }
        });
        done.store(true, Ordering::SeqCst);
    };
    let collect = || {
        let mut all = T::of(0);
        while !done.load(Ordering::SeqCst) {
            all = all.sum_with(total.get_then_reset());
        }
        all.sum_with(total.get_then_reset())
    };
    let ((), all) = two_threads(accumulate, collect);
    assert_eq!(all, T::of(THREADS as i64 * TURNS));
    assert_eq!(total.get(), T::of(0));
}

fn g7_a_panic_in_the_function_changes_nothing<T: Width>() {
    let bad = T::of(13);
    let sum = Accumulator::new(
        move |a, b| {
            assert!(a != bad && b != bad, "bad luck");
            T::sum_with(a, b)
        },
        T::of(0),
    );
    sum.accumulate(T::of(2));
    assert_eq!(caught(|| sum.accumulate(bad)), Err("bad luck".into()));
    assert_eq!(sum.get(), T::of(2));
    sum.accumulate(T::of(3));
    assert_eq!(sum.get(), T::of(5));
}

for_every_number! {
    a_new_one_has_its_identity
    get_gives_what_was_accumulated
    after_reset_it_is_the_identity
    get_then_reset_gives_the_value_and_leaves_the_identity
    debug_shows_the_value
    many_threads_accumulate_a_sum
    many_threads_accumulate_a_maximum
    what_is_accumulated_meanwhile_is_in_one_value
    g7_a_panic_in_the_function_changes_nothing
}

#[test]
fn flags_accumulate_too() {
    let any = Accumulator::new(|a, b| a | b, false);
    together(|thread| any.accumulate(thread == 2));
    assert!(any.get_then_reset());
    assert!(!any.get());
}
