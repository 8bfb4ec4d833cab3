//! G1: the cases of the JSR-166 TCK for `AtomicBoolean`, and what a flag has beyond it.
//!
//! | TCK: AtomicBooleanTest | here |
//! |---|---|
//! | testConstructor | the_constructor_gives_the_value |
//! | testConstructor2 | the_default_is_false |
//! | testGetSet | get_gives_the_last_value_set |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_value_only |
//! | testCompareAndSetInMultipleThreads | compare_and_set_lets_another_thread_proceed |
//! | testGetAndSet | get_and_set_gives_the_previous_value |
//! | testToString | debug_shows_the_value |
//!
//! | TCK: AtomicBoolean9Test | here |
//! |---|---|
//! | testCompareAndExchange | compare_and_exchange_gives_the_value_it_found |
//!
//! Without counterpart:
//!
//! - testGetLazySet, testGetPlainSet, testGetOpaqueSet, testGetAcquireSet, testGetSetPlain,
//!   testGetSetOpaque, testGetSetRelease, testCompareAndExchangeAcquire,
//!   testCompareAndExchangeRelease: a flag has one ordering, the strongest.
//! - testWeakCompareAndSet, testWeakCompareAndSet{Plain,Volatile,Acquire,Release}: no verb of a
//!   flag fails spuriously.
//! - testSerialization: a flag is not serialized.
#![cfg(not(loom))]

mod support;

use std::thread;

use atomos::AtomicBool;
use support::{in_time, two_threads};

const BOTH: [bool; 2] = [false, true];

#[test]
fn the_constructor_gives_the_value() {
    for value in BOTH {
        assert_eq!(AtomicBool::new(value).get(), value);
        assert_eq!(AtomicBool::from(value).get(), value);
        assert_eq!(AtomicBool::new(value).into_inner(), value);
    }
}

#[test]
fn the_default_is_false() {
    assert!(!AtomicBool::default().get());
}

#[test]
fn get_gives_the_last_value_set() {
    let flag = AtomicBool::new(true);
    assert!(flag.get());
    flag.set(false);
    assert!(!flag.get());
    flag.set(true);
    assert!(flag.get());
}

#[test]
fn compare_and_set_succeeds_on_the_expected_value_only() {
    let flag = AtomicBool::new(true);
    assert!(flag.compare_and_set(true, false));
    assert!(!flag.get());
    assert!(flag.compare_and_set(false, false));
    assert!(!flag.get());
    assert!(!flag.compare_and_set(true, false));
    assert!(!flag.compare_and_set(true, true));
    assert!(!flag.get());
    assert!(flag.compare_and_set(false, true));
    assert!(flag.get());
}

#[test]
fn compare_and_exchange_gives_the_value_it_found() {
    let flag = AtomicBool::new(true);
    assert_eq!(flag.compare_and_exchange(true, false), Ok(true));
    assert_eq!(flag.compare_and_exchange(false, false), Ok(false));
    assert!(!flag.get());
    assert_eq!(flag.compare_and_exchange(true, true), Err(false));
    assert!(!flag.get());
    assert_eq!(flag.compare_and_exchange(false, true), Ok(false));
    assert!(flag.get());
}

#[test]
fn compare_and_set_lets_another_thread_proceed() {
    in_time(|| {
        let flag = AtomicBool::new(true);
        let proceed = || {
            while !flag.compare_and_set(false, true) {
                thread::yield_now();
            }
        };
        let ((), let_it) = two_threads(proceed, || flag.compare_and_set(true, false));
        assert!(let_it);
        assert!(flag.get());
    });
}

#[test]
fn get_and_set_gives_the_previous_value() {
    let flag = AtomicBool::default();
    for before in BOTH {
        for after in BOTH {
            flag.set(before);
            assert_eq!(flag.get_and_set(after), before);
            assert_eq!(flag.get(), after);
        }
    }
}

#[test]
fn debug_shows_the_value() {
    let flag = AtomicBool::default();
    assert_eq!(format!("{flag:?}"), "false");
    flag.set(true);
    assert_eq!(format!("{flag:?}"), "true");
}

// Beyond the TCK: a flag has no verbs of numbers, and these instead.

#[test]
fn toggles_give_what_their_names_say() {
    let flag = AtomicBool::new(false);
    assert!(flag.toggle_and_get());
    assert!(flag.get());
    assert!(!flag.toggle_and_get());
    assert!(!flag.get());
    assert!(!flag.get_and_toggle());
    assert!(flag.get());
    assert!(flag.get_and_toggle());
    assert!(!flag.get());
}

#[test]
fn bitwise_verbs_follow_the_truth_tables() {
    for before in BOTH {
        for x in BOTH {
            let (and, or, xor) = (before & x, before | x, before ^ x);
            let flag = || AtomicBool::new(before);
            assert_eq!(flag().bitwise_and_and_get(x), and);
            assert_eq!(flag().bitwise_or_and_get(x), or);
            assert_eq!(flag().bitwise_xor_and_get(x), xor);
            let same = flag();
            assert_eq!(same.get_and_bitwise_and(x), before);
            assert_eq!(same.get_and_set(before), and);
            assert_eq!(same.get_and_bitwise_or(x), before);
            assert_eq!(same.get_and_set(before), or);
            assert_eq!(same.get_and_bitwise_xor(x), before);
            assert_eq!(same.get(), xor);
        }
    }
}

#[test]
fn two_threads_toggle_without_losing_one() {
    const TURNS: usize = 10_001;
    let flag = AtomicBool::new(false);
    let toggle = || {
        for _ in 0..TURNS {
            flag.get_and_toggle();
        }
    };
    two_threads(toggle, toggle);
    assert!(!flag.get(), "an even number of toggles");
    assert!(flag.toggle_and_get());
}

#[test]
fn updates_work_on_flags_too() {
    let flag = AtomicBool::new(false);
    assert!(!flag.get_and_update(|x| !x));
    assert!(!flag.update_and_get(|x| !x));
    assert!(!flag.get_and_accumulate(true, |x, y| x || y));
    assert!(!flag.accumulate_and_get(false, |x, y| x && y));
    assert_eq!(flag.update_if(|x| (!x).then_some(true)), Ok(true));
    assert_eq!(flag.update_if(|x| (!x).then_some(true)), Err(true));
    assert_eq!(flag.modify(|x| (!x, "turned")), "turned");
    assert!(!flag.get());
}
