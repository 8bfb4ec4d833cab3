//! G1: the cases of the JSR-166 TCK for `AtomicInteger` and `AtomicLong`, for a cell of
//! every number.
//!
//! | TCK: AtomicIntegerTest, AtomicLongTest | here |
//! |---|---|
//! | testConstructor | the_constructor_gives_the_value |
//! | testConstructor2 | the_default_is_zero |
//! | testGetSet | get_gives_the_last_value_set |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_value_only |
//! | testCompareAndSetInMultipleThreads | compare_and_set_lets_another_thread_proceed |
//! | testGetAndSet | get_and_set_gives_the_previous_value |
//! | testGetAndAdd | get_and_add_gives_the_previous_value |
//! | testGetAndDecrement | get_and_decrement_gives_the_previous_value |
//! | testGetAndIncrement | get_and_increment_gives_the_previous_value |
//! | testAddAndGet | add_and_get_gives_the_new_value |
//! | testDecrementAndGet | decrement_and_get_gives_the_new_value |
//! | testIncrementAndGet | increment_and_get_gives_the_new_value |
//! | testToString | debug_shows_the_value |
//! | testIntValue of an int, testLongValue of a long | every_value_is_given_back |
//!
//! | TCK: AtomicInteger9Test, AtomicLong9Test | here |
//! |---|---|
//! | testCompareAndExchange | compare_and_exchange_gives_the_value_it_found |
//!
//! Without counterpart:
//!
//! - testGetLazySet, testGetPlainSet, testGetOpaqueSet, testGetAcquireSet, testGetSetPlain,
//!   testGetSetOpaque, testGetSetRelease, testCompareAndExchangeAcquire,
//!   testCompareAndExchangeRelease: a cell has one ordering, the strongest.
//! - testWeakCompareAndSet, testWeakCompareAndSet{Plain,Volatile,Acquire,Release}: no verb of a
//!   cell fails spuriously.
//! - testIntValue and its kin that convert to another type: `as` and `From` of the language.
//! - testSerialization: a cell is not serialized.
#![cfg(not(loom))]

#[macro_use]
mod support;

use std::thread;

use atomos::Atomic;
use support::{Width, in_time, two_threads};

fn the_constructor_gives_the_value<T: Width>() {
    for &value in T::SAMPLES {
        assert_eq!(Atomic::new(value).get(), value);
        assert_eq!(Atomic::from(value).get(), value);
    }
}

fn the_default_is_zero<T: Width>() {
    assert_eq!(Atomic::<T>::default().get(), T::of(0));
}

fn get_gives_the_last_value_set<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get(), T::of(1));
    cell.set(T::of(2));
    assert_eq!(cell.get(), T::of(2));
    cell.set(T::of(-3));
    assert_eq!(cell.get(), T::of(-3));
}

fn every_value_is_given_back<T: Width>() {
    let cell = Atomic::<T>::default();
    for &value in T::SAMPLES {
        cell.set(value);
        assert_eq!(cell.get().pattern(), value.pattern());
    }
    for &value in T::SAMPLES {
        assert_eq!(Atomic::new(value).into_inner().pattern(), value.pattern());
    }
}

fn compare_and_set_succeeds_on_the_expected_value_only<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert!(cell.compare_and_set(T::of(1), T::of(2)));
    assert!(cell.compare_and_set(T::of(2), T::of(-4)));
    assert_eq!(cell.get(), T::of(-4));
    assert!(!cell.compare_and_set(T::of(-5), T::of(7)));
    assert_eq!(cell.get(), T::of(-4));
    assert!(cell.compare_and_set(T::of(-4), T::of(7)));
    assert_eq!(cell.get(), T::of(7));
}

fn compare_and_exchange_gives_the_value_it_found<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.compare_and_exchange(T::of(1), T::of(2)), Ok(T::of(1)));
    assert_eq!(cell.compare_and_exchange(T::of(2), T::of(-4)), Ok(T::of(2)));
    assert_eq!(cell.get(), T::of(-4));
    let failed = cell.compare_and_exchange(T::of(-5), T::of(7));
    assert_eq!(failed, Err(T::of(-4)));
    assert_eq!(cell.get(), T::of(-4));
    let succeeded = cell.compare_and_exchange(T::of(-4), T::of(7));
    assert_eq!(succeeded, Ok(T::of(-4)));
    assert_eq!(cell.get(), T::of(7));
}

fn compare_and_set_lets_another_thread_proceed<T: Width>() {
    in_time(|| {
        let cell = Atomic::new(T::of(1));
        let proceed = || {
            while !cell.compare_and_set(T::of(2), T::of(3)) {
                thread::yield_now();
            }
        };
        let ((), let_it) = two_threads(proceed, || cell.compare_and_set(T::of(1), T::of(2)));
        assert!(let_it);
        assert_eq!(cell.get(), T::of(3));
    });
}

fn get_and_set_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_set(T::of(0)), T::of(1));
    assert_eq!(cell.get_and_set(T::of(-10)), T::of(0));
    assert_eq!(cell.get_and_set(T::of(1)), T::of(-10));
    assert_eq!(cell.get(), T::of(1));
}

fn get_and_add_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_add(T::of(2)), T::of(1));
    assert_eq!(cell.get(), T::of(3));
    assert_eq!(cell.get_and_add(T::of(-4)), T::of(3));
    assert_eq!(cell.get(), T::of(-1));
}

fn get_and_decrement_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_decrement(), T::of(1));
    assert_eq!(cell.get_and_decrement(), T::of(0));
    assert_eq!(cell.get_and_decrement(), T::of(-1));
    assert_eq!(cell.get(), T::of(-2));
}

fn get_and_increment_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_increment(), T::of(1));
    assert_eq!(cell.get(), T::of(2));
    cell.set(T::of(-2));
    assert_eq!(cell.get_and_increment(), T::of(-2));
    assert_eq!(cell.get_and_increment(), T::of(-1));
    assert_eq!(cell.get_and_increment(), T::of(0));
    assert_eq!(cell.get(), T::of(1));
}

fn add_and_get_gives_the_new_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.add_and_get(T::of(2)), T::of(3));
    assert_eq!(cell.get(), T::of(3));
    assert_eq!(cell.add_and_get(T::of(-4)), T::of(-1));
    assert_eq!(cell.get(), T::of(-1));
}

fn decrement_and_get_gives_the_new_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.decrement_and_get(), T::of(0));
    assert_eq!(cell.decrement_and_get(), T::of(-1));
    assert_eq!(cell.decrement_and_get(), T::of(-2));
    assert_eq!(cell.get(), T::of(-2));
}

fn increment_and_get_gives_the_new_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.increment_and_get(), T::of(2));
    assert_eq!(cell.get(), T::of(2));
    cell.set(T::of(-2));
    assert_eq!(cell.increment_and_get(), T::of(-1));
    assert_eq!(cell.increment_and_get(), T::of(0));
    assert_eq!(cell.increment_and_get(), T::of(1));
    assert_eq!(cell.get(), T::of(1));
}

fn debug_shows_the_value<T: Width>() {
    let cell = Atomic::<T>::default();
    assert_eq!(format!("{cell:?}"), format!("{:?}", T::of(0)));
    for &value in T::SAMPLES {
        cell.set(value);
        assert_eq!(format!("{cell:?}"), format!("{value:?}"));
    }
}

for_every_number! {
    the_constructor_gives_the_value
    the_default_is_zero
    get_gives_the_last_value_set
    every_value_is_given_back
    compare_and_set_succeeds_on_the_expected_value_only
    compare_and_exchange_gives_the_value_it_found
    compare_and_set_lets_another_thread_proceed
    get_and_set_gives_the_previous_value
    get_and_add_gives_the_previous_value
    get_and_decrement_gives_the_previous_value
    get_and_increment_gives_the_previous_value
    add_and_get_gives_the_new_value
    decrement_and_get_gives_the_new_value
    increment_and_get_gives_the_new_value
    debug_shows_the_value
}
