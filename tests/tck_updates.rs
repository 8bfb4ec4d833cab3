//! G1, G6, G7: the cases of the JSR-166 TCK for verbs that take a function (Atomic8Test), for a
//! cell of every number, and what this crate says of such functions beyond it.
//!
//! | TCK: Atomic8Test | here |
//! |---|---|
//! | test{Long,Int}GetAndUpdate | get_and_update_gives_the_previous_value |
//! | test{Long,Int}UpdateAndGet | update_and_get_gives_the_new_value |
//! | test{Long,Int}GetAndAccumulate | get_and_accumulate_gives_the_previous_value |
//! | test{Long,Int}AccumulateAndGet | accumulate_and_get_gives_the_new_value |
//! | testReference…: the same four | in tck_references.rs |
//! | test{Long,Int}Array…: the same four | in tck_arrays.rs |
//! | testReferenceArray…: the same four | in tck_reference_arrays.rs |
//!
//! Without counterpart:
//!
//! - test{Long,Integer,Reference}FieldUpdater…, testFieldUpdaters_ClassCastException: a field is
//!   a cell itself.
//! - testGetAndUpdateNPE, testUpdateAndGetNPE, testGetAndAccumulateNPE, testAccumulateAndGetNPE: a
//!   function is never null.
#![cfg(not(loom))]

#[macro_use]
mod support;

use atomos::Atomic;
use support::{Width, caught, two_threads};

fn plus_17<T: Width>(x: T) -> T {
    x.sum_with(T::of(17))
}

fn get_and_update_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_update(plus_17), T::of(1));
    assert_eq!(cell.get_and_update(plus_17), T::of(18));
    assert_eq!(cell.get(), T::of(35));
}

fn update_and_get_gives_the_new_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.update_and_get(plus_17), T::of(18));
    assert_eq!(cell.update_and_get(plus_17), T::of(35));
    assert_eq!(cell.get(), T::of(35));
}

fn get_and_accumulate_gives_the_previous_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.get_and_accumulate(T::of(2), T::sum_with), T::of(1));
    assert_eq!(cell.get_and_accumulate(T::of(3), T::sum_with), T::of(3));
    assert_eq!(cell.get(), T::of(6));
}

fn accumulate_and_get_gives_the_new_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    assert_eq!(cell.accumulate_and_get(T::of(6), T::sum_with), T::of(7));
    assert_eq!(cell.accumulate_and_get(T::of(3), T::sum_with), T::of(10));
    assert_eq!(cell.get(), T::of(10));
}

// Beyond the TCK.

fn accumulating_takes_the_value_first<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let mut seen = Vec::new();
    let previous = cell.get_and_accumulate(T::of(2), |value, x| {
        seen.push((value, x));
        x
    });
    assert_eq!((previous, cell.get()), (T::of(1), T::of(2)));
    let new = cell.accumulate_and_get(T::of(5), |value, x| {
        seen.push((value, x));
        value
    });
    assert_eq!(new, T::of(2));
    // The function may have run again, but on nothing else.
    seen.dedup();
    assert_eq!(seen, [(T::of(1), T::of(2)), (T::of(2), T::of(5))]);
}

fn update_if_changes_nothing_on_none<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let take = |x: T| (x == T::of(1)).then_some(T::of(0));
    assert_eq!(cell.update_if(take), Ok(T::of(0)));
    assert_eq!(cell.update_if(take), Err(T::of(0)));
    assert_eq!(cell.get(), T::of(0));
}

fn modify_gives_a_result_beside_the_value<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let told = cell.modify(|x| (plus_17(x), format!("was {x:?}")));
    assert_eq!(told, format!("was {:?}", T::of(1)));
    assert_eq!(cell.get(), T::of(18));
}

fn g6_a_write_of_its_own_makes_a_function_run_again<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let mut seen = Vec::new();
    let previous = cell.get_and_update(|x| {
        if seen.is_empty() {
            cell.set(T::of(5));
        }
        seen.push(x);
        plus_17(x)
    });
    assert_eq!((previous, cell.get()), (T::of(5), T::of(22)));
    seen.dedup();
    assert_eq!(seen, [T::of(1), T::of(5)]);
}

fn g6_modify_gives_the_result_of_the_attempt_that_was_written<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let mut runs = 0;
    let seen = cell.modify(|x| {
        runs += 1;
        if runs == 1 {
            cell.set(T::of(5));
        }
        (plus_17(x), x)
    });
    assert_eq!((seen, cell.get()), (T::of(5), T::of(22)));
}

fn g7_a_panic_in_a_function_changes_nothing<T: Width>() {
    let cell = Atomic::new(T::of(1));
    let oops = |_: T| -> T { panic!("oops") };
    assert_eq!(caught(|| cell.get_and_update(oops)), Err("oops".into()));
    assert_eq!(caught(|| cell.update_and_get(oops)), Err("oops".into()));
    let both = |_: T, _: T| -> T { panic!("oops") };
    let x = T::of(2);
    assert!(caught(|| cell.get_and_accumulate(x, both)).is_err());
    assert!(caught(|| cell.accumulate_and_get(x, both)).is_err());
    assert!(caught(|| cell.update_if(|_| -> Option<T> { panic!("oops") })).is_err());
    assert!(caught(|| cell.modify(|_| -> (T, ()) { panic!("oops") })).is_err());
    assert_eq!(cell.get(), T::of(1));
    assert_eq!(cell.increment_and_get(), T::of(2));
}

fn two_threads_update_without_losing_one<T: Width>() {
    const TURNS: i64 = 5_000;
    let cell = Atomic::new(T::of(0));
    let update = || {
        for _ in 0..TURNS {
            cell.update_and_get(|x| x.sum_with(T::of(1)));
        }
    };
    let accumulate = || {
        for _ in 0..TURNS {
            cell.get_and_accumulate(T::of(2), T::sum_with);
        }
    };
    two_threads(update, accumulate);
    assert_eq!(cell.get(), T::of(3 * TURNS));
}

for_every_number! {
    get_and_update_gives_the_previous_value
    update_and_get_gives_the_new_value
    get_and_accumulate_gives_the_previous_value
    accumulate_and_get_gives_the_new_value
    accumulating_takes_the_value_first
    update_if_changes_nothing_on_none
    modify_gives_a_result_beside_the_value
    g6_a_write_of_its_own_makes_a_function_run_again
    g6_modify_gives_the_result_of_the_attempt_that_was_written
    g7_a_panic_in_a_function_changes_nothing
    two_threads_update_without_losing_one
}
