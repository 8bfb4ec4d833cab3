//! The cases of the JSR-166 TCK for `LongAdder` and `DoubleAdder`, for an adder of every number:
//! what was added is in the sum once (G1), however many threads add.
//!
//! | TCK: LongAdderTest, DoubleAdderTest | here |
//! |---|---|
//! | testConstructor | a_new_sum_is_zero |
//! | testAddAndSum | sum_gives_what_was_added |
//! | testDecrementAndSum | decrement_takes_one |
//! | testIncrementAndSum | increment_adds_one |
//! | testReset | after_reset_the_sum_is_zero |
//! | testSumThenReset | sum_then_reset_gives_the_sum_and_leaves_zero |
//! | testToString | debug_shows_the_sum |
//! | testLongValue of a long, testDoubleValue of a double | sum_gives_what_was_added |
//! | testAddAndSumMT | many_threads_add_without_losing_anything |
//!
//! Without counterpart:
//!
//! - testIntValue and its kin that convert to another type: `as` and `From` of the language.
//! - testSerialization: an adder is not serialized.
#![cfg(not(loom))]

#[macro_use]
mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use atomos::Adder;
use support::{Width, two_threads};

const THREADS: usize = 4;
// In all few enough that an f32 counts them exactly.
const TURNS: i64 = 25_000;

/// Runs `f` in all threads at once, so that writers meet and stripes are made.
fn together(f: impl Fn() + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                f();
            });
        }
    });
}

/// An adder that many threads have used; its sum is zero.
fn used<T: Width>() -> Adder<T> {
    let adder = Adder::new();
    together(|| {
        for _ in 0..TURNS {
            adder.increment();
            adder.decrement();
        }
    });
    assert_eq!(adder.sum(), T::of(0));
    adder
}

/// The cases hold for an adder in one piece and for one in stripes.
fn both_ways<T: Width>(case: impl Fn(Adder<T>)) {
    case(Adder::new());
    case(used());
}

fn a_new_sum_is_zero<T: Width>() {
    assert_eq!(Adder::<T>::new().sum(), T::of(0));
    assert_eq!(Adder::<T>::default().sum(), T::of(0));
}

fn sum_gives_what_was_added<T: Width>() {
    both_ways::<T>(|adder| {
        adder.add(T::of(2));
        assert_eq!(adder.sum(), T::of(2));
        adder.add(T::of(-4));
        assert_eq!(adder.sum(), T::of(-2));
    });
}

fn decrement_takes_one<T: Width>() {
    both_ways::<T>(|adder| {
        adder.decrement();
        assert_eq!(adder.sum(), T::of(-1));
        adder.decrement();
        assert_eq!(adder.sum(), T::of(-2));
    });
}

fn increment_adds_one<T: Width>() {
    both_ways::<T>(|adder| {
        adder.increment();
        assert_eq!(adder.sum(), T::of(1));
        adder.increment();
        assert_eq!(adder.sum(), T::of(2));
    });
}

fn after_reset_the_sum_is_zero<T: Width>() {
    both_ways::<T>(|adder| {
        adder.add(T::of(2));
        assert_eq!(adder.sum(), T::of(2));
        adder.reset();
        assert_eq!(adder.sum(), T::of(0));
        adder.add(T::of(3));
        assert_eq!(adder.sum(), T::of(3));
    });
}

fn sum_then_reset_gives_the_sum_and_leaves_zero<T: Width>() {
    both_ways::<T>(|adder| {
        adder.add(T::of(2));
        assert_eq!(adder.sum(), T::of(2));
        assert_eq!(adder.sum_then_reset(), T::of(2));
        assert_eq!(adder.sum(), T::of(0));
        adder.add(T::of(3));
        assert_eq!(adder.sum_then_reset(), T::of(3));
    });
}

fn debug_shows_the_sum<T: Width>() {
    let adder = Adder::<T>::new();
    let shown = |n| format!("Adder({:?})", T::of(n));
    assert_eq!(format!("{adder:?}"), shown(0));
    adder.increment();
    assert_eq!(format!("{adder:?}"), shown(1));
}

fn many_threads_add_without_losing_anything<T: Width>() {
    let adder = Adder::<T>::new();
    together(|| {
        for _ in 0..TURNS {
            adder.add(T::of(1));
        }
    });
    assert_eq!(adder.sum(), T::of(THREADS as i64 * TURNS));
    assert_eq!(adder.sum_then_reset(), T::of(THREADS as i64 * TURNS));
    assert_eq!(adder.sum(), T::of(0));
}

// Beyond the TCK.

fn integers_wrap_and_floats_add_up<T: Width>() {
    both_ways::<T>(|adder| {
        let mut expected = T::of(0);
        for &x in T::SAMPLES {
            adder.add(x);
            expected = expected.sum_with(x);
        }
        // Infinities of both signs make a NaN, which equals nothing.
        let same = |a: T, b: T| a == b || (a.ne(&a) && b.ne(&b));
        assert!(same(adder.sum(), expected), "{adder:?}, not {expected:?}");
    });
}

fn what_is_added_meanwhile_is_in_one_sum<T: Width>() {
    let (adder, done) = (Adder::<T>::new(), AtomicBool::new(false));
    let add = || {
        together(|| {
            for _ in 0..TURNS {
                adder.add(T::of(1));
            }
        });
        done.store(true, Ordering::SeqCst);
    };
    let collect = || {
        let mut all = T::of(0);
        while !done.load(Ordering::SeqCst) {
            all = all.sum_with(adder.sum_then_reset());
        }
        all.sum_with(adder.sum_then_reset())
    };
    let ((), all) = two_threads(add, collect);
    assert_eq!(all, T::of(THREADS as i64 * TURNS));
    assert_eq!(adder.sum(), T::of(0));
}

for_every_number! {
    a_new_sum_is_zero
    sum_gives_what_was_added
    decrement_takes_one
    increment_adds_one
    after_reset_the_sum_is_zero
    sum_then_reset_gives_the_sum_and_leaves_zero
    debug_shows_the_sum
    many_threads_add_without_losing_anything
    integers_wrap_and_floats_add_up
    what_is_added_meanwhile_is_in_one_sum
}
