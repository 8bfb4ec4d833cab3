//! Beyond the TCK, which has two widths: a cell of every integer wraps at the limits of its type,
//! in each verb that counts, and orders and masks by the bits of its type and no others.
//!
//! | verbs | here |
//! |---|---|
//! | increment_and_get, get_and_increment | incrementing_wraps_to_the_minimum |
//! | decrement_and_get, get_and_decrement | decrementing_wraps_to_the_maximum |
//! | add_and_get, get_and_add | adding_wraps |
//! | subtract_and_get, get_and_subtract | subtracting_wraps |
//! | {max,min}_and_get, get_and_{max,min} | the_limits_are_the_largest_and_the_smallest |
//! | bitwise_…_and_get, get_and_bitwise_… | bits_are_those_of_the_type |
#![cfg(not(loom))]

#[macro_use]
mod support;

use atomos::Atomic;
use support::{Integer, larger_of};

fn incrementing_wraps_to_the_minimum<T: Integer>() {
    let cell = Atomic::new(T::MAX);
    assert_eq!(cell.increment_and_get(), T::MIN);
    assert_eq!(cell.get(), T::MIN);
    cell.set(T::MAX);
    assert_eq!(cell.get_and_increment(), T::MAX);
    assert_eq!(cell.get(), T::MIN);
}

fn decrementing_wraps_to_the_maximum<T: Integer>() {
    let cell = Atomic::new(T::MIN);
    assert_eq!(cell.decrement_and_get(), T::MAX);
    assert_eq!(cell.get(), T::MAX);
    cell.set(T::MIN);
    assert_eq!(cell.get_and_decrement(), T::MIN);
    assert_eq!(cell.get(), T::MAX);
}

fn adding_wraps<T: Integer>() {
    for &a in T::SAMPLES {
        for &b in T::SAMPLES {
            let cell = Atomic::new(a);
            assert_eq!(cell.add_and_get(b), a.sum_with(b));
            assert_eq!(cell.get(), a.sum_with(b));
            assert_eq!(cell.get_and_add(b), a.sum_with(b));
            assert_eq!(cell.get(), a.sum_with(b).sum_with(b));
        }
    }
    assert_eq!(Atomic::new(T::MAX).add_and_get(T::MAX), T::of(-2));
}

fn subtracting_wraps<T: Integer>() {
    for &a in T::SAMPLES {
        for &b in T::SAMPLES {
            let cell = Atomic::new(a.sum_with(b));
            assert_eq!(cell.subtract_and_get(b), a);
            assert_eq!(cell.get(), a);
            cell.set(a.sum_with(b));
            assert_eq!(cell.get_and_subtract(b), a.sum_with(b));
            assert_eq!(cell.get(), a);
        }
    }
    assert_eq!(Atomic::new(T::MIN).subtract_and_get(T::of(1)), T::MAX);
}

fn the_limits_are_the_largest_and_the_smallest<T: Integer>() {
    for &a in T::SAMPLES {
        for &b in T::SAMPLES {
            let largest = larger_of(a, b);
            let smallest = if largest == a { b } else { a };
            assert_eq!(Atomic::new(a).max_and_get(b), largest);
            assert_eq!(Atomic::new(a).min_and_get(b), smallest);
            let cell = Atomic::new(a);
            assert_eq!(cell.get_and_max(b), a);
            assert_eq!(cell.get_and_set(a), largest);
            assert_eq!(cell.get_and_min(b), a);
            assert_eq!(cell.get(), smallest);
        }
        assert_eq!(Atomic::new(a).max_and_get(T::MAX), T::MAX);
        assert_eq!(Atomic::new(a).max_and_get(T::MIN), a);
        assert_eq!(Atomic::new(a).min_and_get(T::MIN), T::MIN);
        assert_eq!(Atomic::new(a).min_and_get(T::MAX), a);
    }
}

fn bits_are_those_of_the_type<T: Integer>() {
    for &a in T::SAMPLES {
        for &b in T::SAMPLES {
            let [and, or, xor] = [
                a.pattern() & b.pattern(),
                a.pattern() | b.pattern(),
                a.pattern() ^ b.pattern(),
            ]
            .map(|bits| T::of(bits as i64));
            assert_eq!(Atomic::new(a).bitwise_and_and_get(b), and);
            assert_eq!(Atomic::new(a).bitwise_or_and_get(b), or);
            assert_eq!(Atomic::new(a).bitwise_xor_and_get(b), xor);
            let cell = Atomic::new(a);
            assert_eq!(cell.get_and_bitwise_and(b), a);
            assert_eq!(cell.get_and_set(a), and);
            assert_eq!(cell.get_and_bitwise_or(b), a);
            assert_eq!(cell.get_and_set(a), or);
            assert_eq!(cell.get_and_bitwise_xor(b), a);
            assert_eq!(cell.get(), xor);
        }
    }
}

for_every_integer! {
    incrementing_wraps_to_the_minimum
    decrementing_wraps_to_the_maximum
    adding_wraps
    subtracting_wraps
    the_limits_are_the_largest_and_the_smallest
    bits_are_those_of_the_type
}
