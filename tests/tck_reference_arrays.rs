//! G1: the cases of the JSR-166 TCK for `AtomicReferenceArray`, for arrays and boxed slices of
//! references.
//!
//! | TCK: AtomicReferenceArrayTest | here |
//! |---|---|
//! | testConstructor | all_references_of_a_default_array_are_the_default (there is no null) |
//! | testConstructor2 | an_array_is_made_from_an_array |
//! | testConstructorSubClassArray | an_array_of_any_references_takes_each_kind |
//! | testGetSet | get_gives_the_last_reference_set |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_reference_only |
//! | testCompareAndSetInMultipleThreads | compare_and_set_lets_another_thread_proceed |
//! | testGetAndSet | get_and_set_gives_the_previous_reference |
//! | testToString | debug_shows_the_values |
//!
//! | TCK: AtomicReferenceArray9Test; Atomic8Test | here |
//! |---|---|
//! | testCompareAndExchange | compare_and_exchange_gives_the_reference_it_found |
//! | testReferenceArray{GetAndUpdate,UpdateAndGet} | updating_gives_what_the_name_says |
//! | testReferenceArrayGetAndAccumulate | accumulating_gives_what_the_name_says |
//! | testReferenceArrayAccumulateAndGet | accumulating_gives_what_the_name_says |
//!
//! Without counterpart:
//!
//! - testIndexing of both: slices index themselves. testConstructor2NPE: there is no null.
//! - testGetLazySet, testGetPlainSet, testGetOpaqueSet, testGetAcquireSet, testGetSetPlain,
//!   testGetSetOpaque, testGetSetRelease, testCompareAndExchangeAcquire,
//!   testCompareAndExchangeRelease: a reference has one ordering.
//! - testWeakCompareAndSet, testWeakCompareAndSet{Plain,Volatile,Acquire,Release}: no verb of a
//!   reference fails spuriously.
//! - testSerialization: a reference is not serialized.
#![cfg(not(loom))]

mod support;

use std::any::Any;
use std::array::from_fn;
use std::sync::Arc;
use std::thread;

use atomos::AtomicReference;
use support::{in_time, two_threads};

const SIZE: usize = 20;

type Item = Arc<i32>;

fn item(n: i32) -> Item {
    Arc::new(n)
}

fn plus_17(x: &Item) -> Item {
    item(**x + 17)
}

fn sum(x: &Item, y: &Item) -> Item {
    item(**x + **y)
}

#[track_caller]
fn assert_same<T: ?Sized>(a: &Arc<T>, b: &Arc<T>) {
    assert!(Arc::ptr_eq(a, b), "two references, not one");
}

/// Runs `case` on each cell of an array that holds one reference throughout, and sees to it that
/// no case touches the others.
#[track_caller]
fn on_each(case: impl Fn(&AtomicReference<i32>, &Item)) {
    let (one, done) = (item(1), item(99));
    let cells: [AtomicReference<i32>; SIZE] = from_fn(|_| AtomicReference::from(one.clone()));
    for (i, cell) in cells.iter().enumerate() {
        case(cell, &one);
        cell.set(done.clone());
        for (j, other) in cells.iter().enumerate() {
            assert_same(&other.get(), if j <= i { &done } else { &one });
        }
    }
}

#[test]
fn all_references_of_a_default_array_are_the_default() {
    let cells = <[AtomicReference<Option<i32>>; SIZE]>::default();
    assert!(cells.iter().all(|cell| cell.get().is_none()));
}

#[test]
fn an_array_is_made_from_an_array() {
    let items = [2, 1, 3, 4, 7].map(item);
    let cells = items.clone().map(AtomicReference::from);
    assert_eq!(cells.len(), items.len());
    for (cell, item) in cells.iter().zip(&items) {
        assert_same(&cell.get(), item);
    }
    let boxed: Box<[AtomicReference<i32>]> = items.iter().cloned().map(Into::into).collect();
    for (cell, item) in boxed.iter().zip(&items) {
        assert_same(&cell.get(), item);
    }
}

#[test]
fn an_array_of_any_references_takes_each_kind() {
    // A subclass is a trait object here, in the one indirection that a thin reference has.
    type Anything = Arc<dyn Any + Send + Sync>;
    let items: [Anything; 3] = [Arc::new(2_i32), Arc::new("two"), Arc::new(2.0)];
    let cells = items.clone().map(AtomicReference::new);
    for (i, (cell, item)) in cells.iter().zip(&items).enumerate() {
        assert_same(&*cell.get(), item);
        let long: Anything = Arc::new(i as i64);
        cell.set(Arc::new(long.clone()));
        assert_same(&*cell.get(), &long);
        assert_eq!(cell.get().downcast_ref(), Some(&(i as i64)));
    }
}

#[test]
fn get_gives_the_last_reference_set() {
    on_each(|cell, one| {
        assert_same(&cell.get(), one);
        for reference in [1, 2, -3].map(item) {
            cell.set(reference.clone());
            assert_same(&cell.get(), &reference);
        }
    });
}

#[test]
fn compare_and_set_succeeds_on_the_expected_reference_only() {
    on_each(|cell, one| {
        let [two, minus_four, minus_five, seven] = [2, -4, -5, 7].map(item);
        assert!(cell.compare_and_set(one, two.clone()));
        assert!(cell.compare_and_set(&two, minus_four.clone()));
        assert_same(&cell.get(), &minus_four);
        assert!(!cell.compare_and_set(&minus_five, seven.clone()));
        assert_same(&cell.get(), &minus_four);
        assert!(cell.compare_and_set(&minus_four, seven.clone()));
        assert_same(&cell.get(), &seven);
    });
}

#[test]
fn compare_and_exchange_gives_the_reference_it_found() {
    on_each(|cell, one| {
        let [two, minus_four, minus_five, seven] = [2, -4, -5, 7].map(item);
        let exchange = |expected, new: &Item| cell.compare_and_exchange(expected, new.clone());
        assert_same(&exchange(one, &two).expect("succeeds"), one);
        assert_same(&exchange(&two, &minus_four).expect("succeeds"), &two);
        assert_same(&cell.get(), &minus_four);
        assert_same(
            &exchange(&minus_five, &seven).expect_err("fails"),
            &minus_four,
        );
        assert_same(&cell.get(), &minus_four);
        assert_same(
            &exchange(&minus_four, &seven).expect("succeeds"),
            &minus_four,
        );
        assert_same(&cell.get(), &seven);
    });
}

#[test]
fn compare_and_set_lets_another_thread_proceed() {
    in_time(|| {
        let [one, two, three] = [1, 2, 3].map(item);
        let cells = [AtomicReference::from(one.clone())];
        let proceed = || {
            while !cells[0].compare_and_set(&two, three.clone()) {
                thread::yield_now();
            }
        };
        let let_it = || cells[0].compare_and_set(&one, two.clone());
        assert!(two_threads(proceed, let_it).1);
        assert_same(&cells[0].get(), &three);
    });
}

#[test]
fn get_and_set_gives_the_previous_reference() {
    on_each(|cell, one| {
        let [zero, minus_ten] = [0, -10].map(item);
        assert_same(&cell.get_and_set(zero.clone()), one);
        assert_same(&cell.get_and_set(minus_ten.clone()), &zero);
        assert_same(&cell.get_and_set(one.clone()), &minus_ten);
    });
}

#[test]
fn updating_gives_what_the_name_says() {
    on_each(|cell, one| {
        assert_same(&cell.get_and_update(plus_17), one);
        assert_eq!(*cell.get_and_update(plus_17), 18);
        assert_eq!(*cell.get(), 35);
        let last = cell.update_and_get(plus_17);
        assert_eq!(*last, 52);
        assert_same(&cell.get(), &last);
    });
}

#[test]
fn accumulating_gives_what_the_name_says() {
    on_each(|cell, one| {
        assert_same(&cell.get_and_accumulate(item(2), sum), one);
        assert_eq!(*cell.get_and_accumulate(item(3), sum), 3);
        assert_eq!(*cell.get(), 6);
        assert_eq!(*cell.accumulate_and_get(item(6), sum), 12);
        let last = cell.accumulate_and_get(item(3), sum);
        assert_eq!(*last, 15);
        assert_same(&cell.get(), &last);
    });
}

#[test]
fn debug_shows_the_values() {
    let cells = ["ada", "alan", "grace"].map(AtomicReference::new);
    let shown = format!("{cells:?}");
    let places = ["\"ada\"", "\"alan\"", "\"grace\""].map(|name| shown.find(name));
    assert!(places.iter().all(Option::is_some), "{shown}");
    assert!(places.is_sorted(), "{shown}");
}
