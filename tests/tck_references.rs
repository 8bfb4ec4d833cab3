//! G1: the cases of the JSR-166 TCK for `AtomicReference`.
//!
//! | TCK: AtomicReferenceTest | here |
//! |---|---|
//! | testConstructor | the_constructor_gives_the_reference |
//! | testConstructor2 | the_default_is_that_of_the_value (there is no null) |
//! | testGetSet | get_gives_the_last_reference_set |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_reference_only |
//! | testCompareAndSetInMultipleThreads | compare_and_set_lets_another_thread_proceed |
//! | testGetAndSet | get_and_set_gives_the_previous_reference |
//! | testToString | debug_shows_the_value |
//!
//! | TCK: AtomicReference9Test | here |
//! |---|---|
//! | testCompareAndExchange | compare_and_exchange_gives_the_reference_it_found |
//!
//! | TCK: Atomic8Test | here |
//! |---|---|
//! | testReferenceGetAndUpdate | get_and_update_gives_the_previous_reference |
//! | testReferenceUpdateAndGet | update_and_get_gives_the_new_reference |
//! | testReferenceGetAndAccumulate | get_and_accumulate_gives_the_previous_reference |
//! | testReferenceAccumulateAndGet | accumulate_and_get_gives_the_new_reference |
//!
//! Without counterpart:
//!
//! - testGetLazySet, testGetPlainSet, testGetOpaqueSet, testGetAcquireSet, testGetSetPlain,
//!   testGetSetOpaque, testGetSetRelease, testCompareAndExchangeAcquire,
//!   testCompareAndExchangeRelease: a reference has one ordering.
//! - testWeakCompareAndSet, testWeakCompareAndSet{Plain,Volatile,Acquire,Release}: no verb of a
//!   reference fails spuriously.
//! - testSerialization: a reference is not serialized.
//! - the cases with null, and the NPE ones of Atomic8Test: there is no null.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::thread;

use atomos::AtomicReference;
use support::{Live, caught, in_time, two_threads};

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
fn assert_same<T>(a: &Arc<T>, b: &Arc<T>) {
    assert!(Arc::ptr_eq(a, b), "two references, not one");
}

#[test]
fn the_constructor_gives_the_reference() {
    let one = item(1);
    assert_same(&AtomicReference::from(one.clone()).get(), &one);
    assert_same(&AtomicReference::from(one.clone()).into_inner(), &one);
    assert_eq!(*AtomicReference::new(2).get(), 2);
}

#[test]
fn the_default_is_that_of_the_value() {
    assert_eq!(*AtomicReference::<i32>::default().get(), 0);
    assert_eq!(*AtomicReference::<Option<i32>>::default().get(), None);
}

#[test]
fn get_gives_the_last_reference_set() {
    let (one, two, minus_three) = (item(1), item(2), item(-3));
    let cell = AtomicReference::from(one.clone());
    assert_same(&cell.get(), &one);
    cell.set(two.clone());
    assert_same(&cell.get(), &two);
    cell.set(minus_three.clone());
    assert_same(&cell.get(), &minus_three);
}

#[test]
fn compare_and_set_succeeds_on_the_expected_reference_only() {
    let (one, two, minus_four, minus_five, seven) = (item(1), item(2), item(-4), item(-5), item(7));
    let cell = AtomicReference::from(one.clone());
    assert!(cell.compare_and_set(&one, two.clone()));
    assert!(cell.compare_and_set(&two, minus_four.clone()));
    assert_same(&cell.get(), &minus_four);
    assert!(!cell.compare_and_set(&minus_five, seven.clone()));
    assert_same(&cell.get(), &minus_four);
    assert!(cell.compare_and_set(&minus_four, seven.clone()));
    assert_same(&cell.get(), &seven);
}

#[test]
fn an_equal_value_elsewhere_is_another_reference() {
    let (one, other_one) = (item(1), item(1));
    let cell = AtomicReference::from(one.clone());
    assert!(!cell.compare_and_set(&other_one, item(2)));
    let found = cell.compare_and_exchange(&other_one, item(2));
    assert_same(&found.expect_err("not the same"), &one);
    assert_same(&cell.get(), &one);
}

#[test]
fn compare_and_exchange_gives_the_reference_it_found() {
    let (one, two, minus_four, minus_five, seven) = (item(1), item(2), item(-4), item(-5), item(7));
    let cell = AtomicReference::from(one.clone());
    let found = |expected: &Item, new: &Item| cell.compare_and_exchange(expected, new.clone());
    assert_same(&found(&one, &two).expect("succeeds"), &one);
    assert_same(&found(&two, &minus_four).expect("succeeds"), &two);
    assert_same(&cell.get(), &minus_four);
    assert_same(&found(&minus_five, &seven).expect_err("fails"), &minus_four);
    assert_same(&cell.get(), &minus_four);
    assert_same(&found(&minus_four, &seven).expect("succeeds"), &minus_four);
    assert_same(&cell.get(), &seven);
}

#[test]
fn compare_and_set_lets_another_thread_proceed() {
    in_time(|| {
        let (one, two, three) = (item(1), item(2), item(3));
        let cell = AtomicReference::from(one.clone());
        let proceed = || {
            while !cell.compare_and_set(&two, three.clone()) {
                thread::yield_now();
            }
        };
        let ((), let_it) = two_threads(proceed, || cell.compare_and_set(&one, two.clone()));
        assert!(let_it);
        assert_same(&cell.get(), &three);
    });
}

#[test]
fn get_and_set_gives_the_previous_reference() {
    let (one, zero, minus_ten) = (item(1), item(0), item(-10));
    let cell = AtomicReference::from(one.clone());
    assert_same(&cell.get_and_set(zero.clone()), &one);
    assert_same(&cell.get_and_set(minus_ten.clone()), &zero);
    assert_same(&cell.get_and_set(one.clone()), &minus_ten);
    assert_same(&cell.get(), &one);
}

#[test]
fn debug_shows_the_value() {
    let cell = AtomicReference::new("ada");
    assert!(format!("{cell:?}").contains("\"ada\""), "{cell:?}");
    cell.set(Arc::new("alan"));
    assert!(format!("{cell:?}").contains("\"alan\""), "{cell:?}");
}

#[test]
fn get_and_update_gives_the_previous_reference() {
    let one = item(1);
    let cell = AtomicReference::from(one.clone());
    assert_same(&cell.get_and_update(plus_17), &one);
    let second = cell.get();
    assert_eq!(*second, 18);
    assert_same(&cell.get_and_update(plus_17), &second);
    assert_eq!(*cell.get(), 35);
}

#[test]
fn update_and_get_gives_the_new_reference() {
    let cell = AtomicReference::new(1);
    assert_eq!(*cell.update_and_get(plus_17), 18);
    let last = cell.update_and_get(plus_17);
    assert_eq!(*last, 35);
    assert_same(&cell.get(), &last);
}

#[test]
fn get_and_accumulate_gives_the_previous_reference() {
    let cell = AtomicReference::new(1);
    assert_eq!(*cell.get_and_accumulate(item(2), sum), 1);
    assert_eq!(*cell.get_and_accumulate(item(3), sum), 3);
    assert_eq!(*cell.get(), 6);
}

#[test]
fn accumulate_and_get_gives_the_new_reference() {
    let cell = AtomicReference::new(1);
    assert_eq!(*cell.accumulate_and_get(item(6), sum), 7);
    let last = cell.accumulate_and_get(item(3), sum);
    assert_eq!(*last, 10);
    assert_same(&cell.get(), &last);
}

// Beyond the TCK.

#[test]
fn accumulating_takes_the_current_reference_first() {
    let (one, x) = (item(1), item(2));
    let cell = AtomicReference::from(one.clone());
    let new = cell.accumulate_and_get(x.clone(), |current, given| {
        assert_same(given, &x);
        current.clone()
    });
    assert_same(&new, &one);
    let previous = cell.get_and_accumulate(x.clone(), |_, given| given.clone());
    assert_same(&previous, &one);
    assert_same(&cell.get(), &x);
}

#[test]
fn g6_a_write_of_its_own_makes_a_function_run_again() {
    let cell = AtomicReference::new(1);
    let mut seen = Vec::new();
    let previous = cell.get_and_update(|x| {
        if seen.is_empty() {
            cell.set(item(5));
        }
        seen.push(**x);
        plus_17(x)
    });
    assert_eq!((*previous, *cell.get()), (5, 22));
    assert_eq!(seen, [1, 5]);
}

#[test]
fn g7_a_panic_in_a_function_changes_nothing() {
    let one = item(1);
    let cell = AtomicReference::from(one.clone());
    assert!(caught(|| cell.get_and_update(|_| panic!("oops"))).is_err());
    assert!(caught(|| cell.update_and_get(|_| panic!("oops"))).is_err());
    assert!(caught(|| cell.get_and_accumulate(item(2), |_, _| panic!("oops"))).is_err());
    assert!(caught(|| cell.accumulate_and_get(item(2), |_, _| panic!("oops"))).is_err());
    assert_same(&cell.get(), &one);
}

#[test]
fn g10_every_verb_lets_go_of_what_it_replaced_or_refused() {
    let live = Live::new();
    let new = || Arc::new(live.value(()));
    let cell = AtomicReference::from(new());
    cell.set(new());
    assert_eq!(live.count(), 1);
    drop(cell.get_and_set(new()));
    assert_eq!(live.count(), 1);
    let (current, stranger) = (cell.get(), new());
    assert!(!cell.compare_and_set(&stranger, new()));
    drop(cell.compare_and_exchange(&stranger, new()));
    assert_eq!(live.count(), 2, "the current one and the stranger");
    assert!(cell.compare_and_set(&current, new()));
    drop((current, stranger));
    assert_eq!(live.count(), 1);
    drop(cell.get_and_update(|_| new()));
    drop(cell.accumulate_and_get(new(), |_, _| new()));
    assert_eq!(live.count(), 1);
    drop(cell);
    assert_eq!(live.count(), 0);
}

#[test]
fn two_threads_update_without_losing_one() {
    const TURNS: i32 = 5_000;
    let cell = AtomicReference::new(0);
    two_threads(
        || (0..TURNS).for_each(|_| drop(cell.update_and_get(|x| item(**x + 1)))),
        || (0..TURNS).for_each(|_| drop(cell.get_and_accumulate(item(2), sum))),
    );
    assert_eq!(*cell.get(), 3 * TURNS);
}
