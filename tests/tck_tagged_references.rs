//! G1: the cases of the JSR-166 TCK for `AtomicStampedReference` and `AtomicMarkableReference`.
//!
//! | TCK: Atomic{Stamped,Markable}ReferenceTest | here, in `stamped` and `markable` |
//! |---|---|
//! | testConstructor | the_constructor_gives_both (there is no null) |
//! | testGetSet | get_gives_the_last_pair_set |
//! | testAttemptStamp | attempt_stamp_succeeds_on_the_expected_reference_only |
//! | testAttemptMark | attempt_mark_succeeds_on_the_expected_reference_only |
//! | testCompareAndSet | compare_and_set_succeeds_on_the_expected_pair_only |
//! | …InMultipleThreads | compare_and_set_of_a_reference_lets_another_thread_proceed |
//! | …InMultipleThreads2 | compare_and_set_of_a_tag_lets_another_thread_proceed |
//!
//! Without counterpart:
//!
//! - testWeakCompareAndSet: no verb of these fails spuriously.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;

type Item = Arc<i32>;

fn item(n: i32) -> Item {
    Arc::new(n)
}

/// The cases, which differ in the type of the tag and the names of its verbs.
macro_rules! cases {
    (
        $module:ident: $Tagged:ident, $tag:ident, $attempt:ident, $attempts:ident;
        $off:expr, $on:expr, $last:expr
    ) => {
        mod $module {
            use std::{sync::Arc, thread};

            use atomos::$Tagged;

            use super::{
                Item, item,
                support::{Live, in_time, two_threads},
            };

            #[track_caller]
            fn assert_is<T: PartialEq + std::fmt::Debug>(
                pair: &(Item, T),
                reference: &Item,
                tag: T,
            ) {
                assert!(Arc::ptr_eq(&pair.0, reference), "another reference");
                assert_eq!(pair.1, tag);
            }

            /// A cell with `one` in it.
            fn holding(one: &Item) -> $Tagged<i32> {
                let cell = $Tagged::new(0, $off);
                cell.set(one.clone(), $off);
                cell
            }

            #[test]
            fn the_constructor_gives_both() {
                let cell = $Tagged::new(1, $off);
                assert_eq!((*cell.reference(), cell.$tag()), (1, $off));
                let cell = $Tagged::new(2, $on);
                assert_eq!((*cell.reference(), cell.$tag()), (2, $on));
            }

            #[test]
            fn get_gives_the_last_pair_set() {
                let (one, two) = (item(1), item(2));
                let cell = holding(&one);
                assert_is(&(cell.reference(), cell.$tag()), &one, $off);
                assert_is(&cell.get(), &one, $off);
                cell.set(two.clone(), $off);
                assert_is(&(cell.reference(), cell.$tag()), &two, $off);
                assert_is(&cell.get(), &two, $off);
                cell.set(one.clone(), $on);
                assert_is(&(cell.reference(), cell.$tag()), &one, $on);
                assert_is(&cell.get(), &one, $on);
            }

            #[test]
            fn $attempts() {
                let (one, other_one) = (item(1), item(1));
                let cell = holding(&one);
                assert_eq!(cell.$tag(), $off);
                assert!(cell.$attempt(&one, $on));
                assert_is(&cell.get(), &one, $on);
                assert!(cell.$attempt(&one, $on), "to what it is already");
                assert!(!cell.$attempt(&other_one, $off), "by identity");
                assert_is(&cell.get(), &one, $on);
            }

            #[test]
            fn compare_and_set_succeeds_on_the_expected_pair_only() {
                let (one, two, minus_three) = (item(1), item(2), item(-3));
                let cell = holding(&one);
                assert!(cell.compare_and_set(&one, two.clone(), $off, $off));
                assert_is(&cell.get(), &two, $off);
                assert!(cell.compare_and_set(&two, minus_three.clone(), $off, $on));
                assert_is(&cell.get(), &minus_three, $on);
                assert!(!cell.compare_and_set(&two, minus_three.clone(), $on, $on));
                assert_is(&cell.get(), &minus_three, $on);
                assert!(!cell.compare_and_set(&minus_three, two.clone(), $off, $off));
                assert_is(&cell.get(), &minus_three, $on);
                assert!(!cell.compare_and_set(&item(-3), two.clone(), $on, $off));
                assert_is(&cell.get(), &minus_three, $on);
                assert!(cell.compare_and_set(&minus_three, minus_three.clone(), $on, $on));
                assert_is(&cell.get(), &minus_three, $on);
            }

            #[test]
            fn compare_and_set_of_a_reference_lets_another_thread_proceed() {
                in_time(|| {
                    let (one, two, three) = (item(1), item(2), item(3));
                    let cell = holding(&one);
                    let proceed = || {
                        while !cell.compare_and_set(&two, three.clone(), $off, $off) {
                            thread::yield_now();
                        }
                    };
                    let let_it = || cell.compare_and_set(&one, two.clone(), $off, $off);
                    assert!(two_threads(proceed, let_it).1);
                    assert_is(&cell.get(), &three, $off);
                });
            }

            #[test]
            fn compare_and_set_of_a_tag_lets_another_thread_proceed() {
                in_time(|| {
                    let one = item(1);
                    let cell = holding(&one);
                    let proceed = || {
                        while !cell.compare_and_set(&one, one.clone(), $on, $last) {
                            thread::yield_now();
                        }
                    };
                    let let_it = || cell.compare_and_set(&one, one.clone(), $off, $on);
                    assert!(two_threads(proceed, let_it).1);
                    assert_is(&cell.get(), &one, $last);
                });
            }

            // Beyond the TCK.

            #[test]
            fn debug_shows_both() {
                let cell = $Tagged::new("ada", $on);
                let shown = format!("{cell:?}");
                assert!(shown.contains("\"ada\""), "{shown}");
                assert!(shown.contains(&format!("{:?}", $on)), "{shown}");
            }

            #[test]
            fn g10_every_verb_lets_go_of_what_it_replaced_or_refused() {
                let live = Live::new();
                let new = || Arc::new(live.value(()));
                let cell = $Tagged::new(live.value(()), $off);
                cell.set(new(), $off);
                assert_eq!(live.count(), 1);
                let (current, stranger) = (cell.reference(), new());
                assert!(!cell.compare_and_set(&stranger, new(), $off, $on));
                assert!(!cell.$attempt(&stranger, $on));
                assert!(cell.$attempt(&current, $on));
                assert_eq!(live.count(), 2, "the current one and the stranger");
                assert!(cell.compare_and_set(&current, new(), $on, $off));
                drop((current, stranger));
                assert_eq!(live.count(), 1);
                drop(cell);
                assert_eq!(live.count(), 0);
            }
        }
    };
}

cases! {
    stamped: AtomicStampedReference, stamp, attempt_stamp,
        attempt_stamp_succeeds_on_the_expected_reference_only;
    0, 1, 2
}

cases! {
    markable: AtomicMarkableReference, is_marked, attempt_mark,
        attempt_mark_succeeds_on_the_expected_reference_only;
    false, true, false
}

#[test]
fn two_threads_stamp_without_losing_one() {
    const TURNS: u64 = 5_000;
    let cell = atomos::AtomicStampedReference::new((), 0);
    let one = cell.reference();
    let stamp = || {
        for _ in 0..TURNS {
            loop {
                let now = cell.stamp();
                if cell.compare_and_set(&one, one.clone(), now, now + 1) {
                    break;
                }
            }
        }
    };
    support::two_threads(stamp, stamp);
    assert_eq!(cell.stamp(), 2 * TURNS);
}

#[test]
fn a_pair_is_never_torn() {
    // Every pair that is ever set has the stamp of its item.
    let items: Vec<Item> = (0..4).map(item).collect();
    let cell = atomos::AtomicStampedReference::new(0, 0);
    let set = || {
        for n in 0..20_000_u64 {
            let n = n % 4;
            cell.set(items[n as usize].clone(), n);
        }
    };
    let look = || {
        for _ in 0..20_000 {
            let (reference, stamp) = cell.get();
            assert_eq!(i64::from(*reference), stamp as i64);
        }
    };
    support::two_threads(set, look);
}
