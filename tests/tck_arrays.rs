//! G1: the cases of the JSR-166 TCK for `AtomicIntegerArray` and `AtomicLongArray`, for an array
//! of cells of every number. An array of cells is `[Atomic<T>; N]` or `Box<[Atomic<T>]>`: what is
//! to be seen is that the cells stand side by side without minding each other.
//!
//! | TCK: AtomicIntegerArrayTest, AtomicLongArrayTest | here |
//! |---|---|
//! | testConstructor | all_cells_of_a_default_array_are_zero |
//! | testConstructor2 | an_array_is_made_from_an_array |
//! | testGetSet | get_gives_the_last_value_set |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_value_only |
//! | testCompareAndSetInMultipleThreads | compare_and_set_lets_another_thread_proceed |
//! | testGetAndSet | get_and_set_gives_the_previous_value |
//! | testGetAndAdd, testAddAndGet | adding_gives_what_the_name_says |
//! | testGetAndDecrement, testDecrementAndGet | decrementing_gives_what_the_name_says |
//! | testGetAndIncrement, testIncrementAndGet | incrementing_gives_what_the_name_says |
//! | testCountingInMultipleThreads | counting_down_in_two_threads_counts_each_once |
//! | testToString | debug_shows_the_values |
//!
//! | TCK: AtomicIntegerArray9Test, AtomicLongArray9Test; Atomic8Test | here |
//! |---|---|
//! | testCompareAndExchange | compare_and_exchange_gives_the_value_it_found |
//! | test{Long,Int}Array{GetAndUpdate,UpdateAndGet} | updating_gives_what_the_name_says |
//! | test{Long,Int}ArrayGetAndAccumulate | accumulating_gives_what_the_name_says |
//! | test{Long,Int}ArrayAccumulateAndGet | accumulating_gives_what_the_name_says |
//!
//! Without counterpart:
//!
//! - testIndexing of both: slices index themselves. testConstructor2NPE: there is no null.
//! - testGetLazySet, testGetPlainSet, testGetOpaqueSet, testGetAcquireSet, testGetSetPlain,
//!   testGetSetOpaque, testGetSetRelease, testCompareAndExchangeAcquire,
//!   testCompareAndExchangeRelease: a cell has one ordering, the strongest.
//! - testWeakCompareAndSet, testWeakCompareAndSet{Plain,Volatile,Acquire,Release}: no verb of a
//!   cell fails spuriously.
//! - testSerialization: a cell is not serialized.
#![cfg(not(loom))]

#[macro_use]
mod support;

use std::array::from_fn;
use std::thread;

use atomos::Atomic;
use support::{Width, in_time, two_threads};

const SIZE: usize = 20;

fn ones<T: Width>() -> [Atomic<T>; SIZE] {
    from_fn(|_| Atomic::new(T::of(1)))
}

/// Runs `case` on each cell of an array of ones, and sees to it that no case touches the others.
#[track_caller]
fn on_each<T: Width>(case: impl Fn(&Atomic<T>)) {
    let cells = ones::<T>();
    for (i, cell) in cells.iter().enumerate() {
        case(cell);
        cell.set(T::of(99));
        for (j, other) in cells.iter().enumerate() {
            let expected = if j <= i { 99 } else { 1 };
            assert_eq!(other.get(), T::of(expected), "cell {j} after cell {i}");
        }
    }
}

fn all_cells_of_a_default_array_are_zero<T: Width>() {
    let cells = <[Atomic<T>; SIZE]>::default();
    assert!(cells.iter().all(|cell| cell.get() == T::of(0)));
    let boxed: Box<[Atomic<T>]> = (0..SIZE).map(|_| Atomic::default()).collect();
    assert!(boxed.iter().all(|cell| cell.get() == T::of(0)));
}

fn an_array_is_made_from_an_array<T: Width>() {
    let values = [17, 3, -42, 99, -7].map(T::of);
    let cells = values.map(Atomic::new);
    assert_eq!(cells.len(), values.len());
    assert_eq!(cells.each_ref().map(Atomic::get), values);
    assert_eq!(cells.map(Atomic::into_inner), values);
    let boxed: Box<[Atomic<T>]> = values.into_iter().map(Atomic::from).collect();
    assert!(boxed.iter().map(Atomic::get).eq(values));
}

fn get_gives_the_last_value_set<T: Width>() {
    on_each(|cell| {
        for n in [1, 2, -3] {
            cell.set(T::of(n));
            assert_eq!(cell.get(), T::of(n));
        }
    });
}

fn compare_and_set_succeeds_on_the_expected_value_only<T: Width>() {
    on_each(|cell| {
        assert!(cell.compare_and_set(T::of(1), T::of(2)));
        assert!(cell.compare_and_set(T::of(2), T::of(-4)));
        assert_eq!(cell.get(), T::of(-4));
        assert!(!cell.compare_and_set(T::of(-5), T::of(7)));
        assert_eq!(cell.get(), T::of(-4));
        assert!(cell.compare_and_set(T::of(-4), T::of(7)));
        assert_eq!(cell.get(), T::of(7));
    });
}

fn compare_and_exchange_gives_the_value_it_found<T: Width>() {
    on_each(|cell| {
        let exchange = |expected, new| cell.compare_and_exchange(T::of(expected), T::of(new));
        assert_eq!(exchange(1, 2), Ok(T::of(1)));
        assert_eq!(exchange(2, -4), Ok(T::of(2)));
        assert_eq!(cell.get(), T::of(-4));
        assert_eq!(exchange(-5, 7), Err(T::of(-4)));
        assert_eq!(cell.get(), T::of(-4));
        assert_eq!(exchange(-4, 7), Ok(T::of(-4)));
        assert_eq!(cell.get(), T::of(7));
    });
}

fn compare_and_set_lets_another_thread_proceed<T: Width>() {
    in_time(|| {
        let cells = [Atomic::new(T::of(1))];
        let proceed = || {
            while !cells[0].compare_and_set(T::of(2), T::of(3)) {
                thread::yield_now();
            }
        };
        let let_it = || cells[0].compare_and_set(T::of(1), T::of(2));
        assert!(two_threads(proceed, let_it).1);
        assert_eq!(cells[0].get(), T::of(3));
    });
}

fn get_and_set_gives_the_previous_value<T: Width>() {
    on_each(|cell| {
        assert_eq!(cell.get_and_set(T::of(0)), T::of(1));
        assert_eq!(cell.get_and_set(T::of(-10)), T::of(0));
        assert_eq!(cell.get_and_set(T::of(1)), T::of(-10));
    });
}

fn adding_gives_what_the_name_says<T: Width>() {
    on_each(|cell| {
        assert_eq!(cell.get_and_add(T::of(2)), T::of(1));
        assert_eq!(cell.get(), T::of(3));
        assert_eq!(cell.get_and_add(T::of(-4)), T::of(3));
        assert_eq!(cell.get(), T::of(-1));
        assert_eq!(cell.add_and_get(T::of(4)), T::of(3));
        assert_eq!(cell.add_and_get(T::of(-4)), T::of(-1));
        assert_eq!(cell.get(), T::of(-1));
    });
}

fn decrementing_gives_what_the_name_says<T: Width>() {
    on_each(|cell: &Atomic<T>| {
        for n in [1, 0, -1] {
            assert_eq!(cell.get_and_decrement(), T::of(n));
        }
        for n in [-3, -4] {
            assert_eq!(cell.decrement_and_get(), T::of(n));
            assert_eq!(cell.get(), T::of(n));
        }
    });
}

fn incrementing_gives_what_the_name_says<T: Width>() {
    on_each(|cell| {
        assert_eq!(cell.get_and_increment(), T::of(1));
        assert_eq!(cell.get(), T::of(2));
        cell.set(T::of(-2));
        for n in [-2, -1, 0] {
            assert_eq!(cell.get_and_increment(), T::of(n));
        }
        assert_eq!(cell.get(), T::of(1));
        cell.set(T::of(-2));
        for n in [-1, 0, 1] {
            assert_eq!(cell.increment_and_get(), T::of(n));
            assert_eq!(cell.get(), T::of(n));
        }
    });
}

fn updating_gives_what_the_name_says<T: Width>() {
    let plus_17 = |x: T| x.sum_with(T::of(17));
    on_each(|cell| {
        assert_eq!(cell.get_and_update(plus_17), T::of(1));
        assert_eq!(cell.get_and_update(plus_17), T::of(18));
        assert_eq!(cell.get(), T::of(35));
        assert_eq!(cell.update_and_get(plus_17), T::of(52));
        assert_eq!(cell.get(), T::of(52));
    });
}

fn accumulating_gives_what_the_name_says<T: Width>() {
    on_each(|cell| {
        assert_eq!(cell.get_and_accumulate(T::of(2), T::sum_with), T::of(1));
        assert_eq!(cell.get_and_accumulate(T::of(3), T::sum_with), T::of(3));
        assert_eq!(cell.get(), T::of(6));
        assert_eq!(cell.accumulate_and_get(T::of(6), T::sum_with), T::of(12));
        assert_eq!(cell.accumulate_and_get(T::of(3), T::sum_with), T::of(15));
        assert_eq!(cell.get(), T::of(15));
    });
}

/// Takes from whichever cells are not at zero, until all are. The number of successes.
fn count_down<T: Width>(cells: &[Atomic<T>]) -> usize {
    let mut taken = 0;
    loop {
        let mut done = true;
        for cell in cells {
            let seen = cell.get();
            assert!(seen >= T::of(0));
            if seen != T::of(0) {
                done = false;
                let less = seen.sum_with(T::of(-1));
                taken += usize::from(cell.compare_and_set(seen, less));
            }
        }
        if done {
            return taken;
        }
    }
}

fn counting_down_in_two_threads_counts_each_once<T: Width>() {
    // As many as fit into the smallest width; several rounds instead of more.
    const COUNT: i64 = 127;
    for _ in 0..10 {
        let cells: [Atomic<T>; SIZE] = from_fn(|_| Atomic::new(T::of(COUNT)));
        let (a, b) = two_threads(|| count_down(&cells), || count_down(&cells));
        assert_eq!(a + b, SIZE * COUNT as usize);
    }
}

fn debug_shows_the_values<T: Width>() {
    let values = [17, 3, -42, 99, -7].map(T::of);
    assert_eq!(
        format!("{:?}", values.map(Atomic::new)),
        format!("{values:?}")
    );
}

for_every_number! {
    all_cells_of_a_default_array_are_zero
    an_array_is_made_from_an_array
    get_gives_the_last_value_set
    compare_and_set_succeeds_on_the_expected_value_only
    compare_and_exchange_gives_the_value_it_found
    compare_and_set_lets_another_thread_proceed
    get_and_set_gives_the_previous_value
    adding_gives_what_the_name_says
    decrementing_gives_what_the_name_says
    incrementing_gives_what_the_name_says
    updating_gives_what_the_name_says
    accumulating_gives_what_the_name_says
    counting_down_in_two_threads_counts_each_once
    debug_shows_the_values
}
