//! Beyond the TCK, which has no atomic floats: NaN, both zeros and both infinities in a cell of
//! every float. What compares compares bits; what counts follows IEEE 754; max and min are
//! std's; and every verb that gives the new value gives the very one that is in the cell.
#![cfg(not(loom))]

#[macro_use]
mod support;

use atomos::{Adder, Atomic};
use support::Float;

/// Every sample and two different NaNs.
fn everything<T: Float>() -> Vec<T> {
    [T::SAMPLES, &[T::NAN, T::OTHER_NAN]].concat()
}

fn is_nan<T: Float>(x: T) -> bool {
    x.ne(&x)
}

#[track_caller]
fn assert_bits<T: Float>(a: T, b: T) {
    assert_eq!(a.pattern(), b.pattern(), "{a:?} and {b:?}");
}

/// What a cell is worth to those who take no notice of the sign of zero and the bits of a NaN.
#[track_caller]
fn assert_number<T: Float>(a: T, b: T) {
    assert!(a == b || (is_nan(a) && is_nan(b)), "{a:?} and {b:?}");
}

fn the_two_nans_differ<T: Float>() {
    assert!(is_nan(T::NAN) && is_nan(T::OTHER_NAN));
    assert_ne!(T::NAN.pattern(), T::OTHER_NAN.pattern());
}

fn values_are_kept_bit_by_bit<T: Float>() {
    for x in everything::<T>() {
        let cell = Atomic::new(x);
        assert_bits(cell.get(), x);
        assert_bits(cell.get_and_set(T::of(1)), x);
        cell.set(x);
        assert_bits(cell.get_and_update(|x| x), x);
        assert_bits(cell.update_and_get(|x| x), x);
        assert_bits(cell.into_inner(), x);
    }
}

fn comparing_compares_bits<T: Float>() {
    for x in everything::<T>() {
        for expected in everything::<T>() {
            let same = x.pattern() == expected.pattern();
            let cell = Atomic::new(x);
            assert_eq!(cell.compare_and_set(expected, T::of(7)), same);
            assert_bits(cell.get(), if same { T::of(7) } else { x });
            cell.set(x);
            match cell.compare_and_exchange(expected, T::of(7)) {
                Ok(previous) => assert!(same && previous.pattern() == x.pattern()),
                Err(actual) => assert!(!same && actual.pattern() == x.pattern()),
            }
        }
    }
}

fn a_nan_and_each_zero_are_found_again<T: Float>() {
    let cell = Atomic::new(T::NAN);
    assert!(!cell.compare_and_set(T::OTHER_NAN, T::of(1)));
    assert!(cell.compare_and_set(T::NAN, T::of(0)));
    assert!(!cell.compare_and_set(T::of(0).negative(), T::of(1)));
    assert!(cell.compare_and_set(T::of(0), T::of(0).negative()));
    assert!(!cell.compare_and_set(T::of(0), T::of(1)));
    assert_bits(cell.get(), T::of(0).negative());
}

fn counting_follows_ieee_754<T: Float>() {
    let cell = Atomic::new(T::MAX);
    assert_eq!(cell.add_and_get(T::MAX), T::INFINITY);
    assert_eq!(cell.increment_and_get(), T::INFINITY);
    assert!(is_nan(cell.subtract_and_get(T::INFINITY)));
    assert!(is_nan(cell.get_and_increment()));
    assert!(is_nan(cell.decrement_and_get()));
    // The numbers as large as that are more than one apart.
    let cell = Atomic::new(T::MAX);
    assert_eq!(cell.increment_and_get(), T::MAX);
    assert_eq!(cell.decrement_and_get(), T::MAX);
    // -0.0 is what changes nothing; 0.0 takes the sign of zero away.
    let cell = Atomic::new(T::of(0).negative());
    assert_bits(cell.add_and_get(T::of(0).negative()), T::of(0).negative());
    assert_bits(cell.add_and_get(T::of(0)), T::of(0));
    // Numbers below the normal ones are not taken for zero.
    let cell = Atomic::new(T::TINY);
    assert_bits(cell.get_and_subtract(T::TINY), T::TINY);
    assert_bits(cell.get_and_add(T::TINY), T::of(0));
    assert_bits(cell.get(), T::TINY);
}

fn max_and_min_pass_over_nan<T: Float>() {
    for nan in [T::NAN, T::OTHER_NAN] {
        for &x in T::SAMPLES {
            assert_bits(Atomic::new(x).max_and_get(nan), x);
            assert_bits(Atomic::new(x).min_and_get(nan), x);
            assert_bits(Atomic::new(nan).max_and_get(x), x);
            assert_bits(Atomic::new(nan).min_and_get(x), x);
        }
        assert!(is_nan(Atomic::new(nan).max_and_get(nan)));
        assert!(is_nan(Atomic::new(nan).min_and_get(nan)));
    }
}

fn max_and_min_know_the_infinities<T: Float>() {
    let (top, bottom) = (T::INFINITY, T::INFINITY.negative());
    for &x in T::SAMPLES {
        assert_eq!(Atomic::new(x).max_and_get(top), top);
        assert_eq!(Atomic::new(x).max_and_get(bottom), x);
        assert_eq!(Atomic::new(x).min_and_get(bottom), bottom);
        assert_eq!(Atomic::new(x).min_and_get(top), x);
    }
}

/// Or a compare-and-set that expects it would fail.
fn the_new_value_is_the_one_in_the_cell<T: Float>() {
    type Verb<T> = fn(&Atomic<T>, T) -> T;
    let verbs: [Verb<T>; 8] = [
        Atomic::add_and_get,
        Atomic::subtract_and_get,
        |cell, _| cell.increment_and_get(),
        |cell, _| cell.decrement_and_get(),
        Atomic::max_and_get,
        Atomic::min_and_get,
        |cell, x| cell.accumulate_and_get(x, |a, b| a.sum_with(b)),
        |cell, x| cell.update_and_get(|a| a.sum_with(x)),
    ];
    for verb in verbs {
        for a in everything::<T>() {
            for b in everything::<T>() {
                let cell = Atomic::new(a);
                let new = verb(&cell, b);
                assert_bits(new, cell.get());
                assert!(cell.compare_and_set(new, T::of(1)));
            }
        }
    }
}

fn the_previous_value_is_the_one_that_was_in_the_cell<T: Float>() {
    type Verb<T> = fn(&Atomic<T>, T) -> T;
    let verbs: [(Verb<T>, Verb<T>); 6] = [
        (Atomic::get_and_add, Atomic::add_and_get),
        (Atomic::get_and_subtract, Atomic::subtract_and_get),
        (
            |cell, _| cell.get_and_increment(),
            |cell, _| cell.increment_and_get(),
        ),
        (
            |cell, _| cell.get_and_decrement(),
            |cell, _| cell.decrement_and_get(),
        ),
        (Atomic::get_and_max, Atomic::max_and_get),
        (Atomic::get_and_min, Atomic::min_and_get),
    ];
    for (previous, new) in verbs {
        for a in everything::<T>() {
            for b in everything::<T>() {
                let (cell, other) = (Atomic::new(a), Atomic::new(a));
                assert_bits(previous(&cell, b), a);
                assert_number(cell.get(), new(&other, b));
            }
        }
    }
}

fn an_adder_adds_as_ieee_754_says<T: Float>() {
    let adder = Adder::new();
    adder.add(T::of(0).negative());
    assert_eq!(adder.sum(), T::of(0));
    adder.add(T::INFINITY);
    adder.decrement();
    assert_eq!(adder.sum(), T::INFINITY);
    adder.add(T::INFINITY.negative());
    assert!(is_nan(adder.sum()));
    assert!(is_nan(adder.sum_then_reset()));
    assert_bits(adder.sum(), T::of(0));
}

for_every_float! {
    the_two_nans_differ
    values_are_kept_bit_by_bit
    comparing_compares_bits
    a_nan_and_each_zero_are_found_again
    counting_follows_ieee_754
    max_and_min_pass_over_nan
    max_and_min_know_the_infinities
    the_new_value_is_the_one_in_the_cell
    the_previous_value_is_the_one_that_was_in_the_cell
    an_adder_adds_as_ieee_754_says
}
