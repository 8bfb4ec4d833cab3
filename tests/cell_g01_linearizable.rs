//! G1: no write of a cell is lost, and each tells the truth about the one before, by every verb and
//! from several threads.
#![cfg(not(loom))]

mod support;

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, Barrier};
use std::thread;

use atomos::{
    Atomic, AtomicBool, AtomicF64, AtomicI64, AtomicMarkableReference, AtomicReference,
    AtomicStampedReference, AtomicU8, AtomicU64, Number,
};
use futures::executor::block_on;
use support::in_time;

const THREADS: u64 = 4;
const EACH: u64 = if cfg!(miri) {
    40
} else if cfg!(debug_assertions) {
    3_000
} else {
    20_000
};

/// Runs `work` on several threads at once; each is given its number.
fn at_once<R: Send>(work: impl Fn(u64) -> R + Sync) -> Vec<R> {
    let (start, work) = (Barrier::new(THREADS as usize), &work);
    let start = &start;
    thread::scope(|scope| {
        let run = |n| {
            move || {
                start.wait();
                work(n)
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(run(n))).collect();
        let results = threads.into_iter().map(|t| t.join().expect("no panic"));
        results.collect()
    })
}

type Increment = fn(&AtomicU64) -> u64;

/// Every verb that can count; each gives the value before its own increment.
const INCREMENTS: [(&str, Increment); 15] = [
    ("add_and_get", |cell| cell.add_and_get(1) - 1),
    ("get_and_add", |cell| cell.get_and_add(1)),
    ("subtract_and_get", |cell| {
        cell.subtract_and_get(u64::MAX) - 1
    }),
    ("get_and_subtract", |cell| cell.get_and_subtract(u64::MAX)),
    ("increment_and_get", |cell| cell.increment_and_get() - 1),
    ("get_and_increment", Atomic::get_and_increment),
    ("get_and_update", |cell| cell.get_and_update(|n| n + 1)),
    ("update_and_get", |cell| cell.update_and_get(|n| n + 1) - 1),
    ("get_and_accumulate", |cell| {
        cell.get_and_accumulate(1, |n, x| n + x)
    }),
    ("accumulate_and_get", |cell| {
        cell.accumulate_and_get(1, |n, x| n + x) - 1
    }),
    ("update_if", |cell| {
        cell.update_if(|n| Some(n + 1)).expect("always") - 1
    }),
    ("modify", |cell| cell.modify(|n| (n + 1, n))),
    ("compare_and_exchange", |cell| {
        let mut seen = cell.get();
        loop {
            match cell.compare_and_exchange(seen, seen + 1) {
                Ok(previous) => return previous,
                Err(actual) => seen = actual,
            }
        }
    }),
    ("compare_and_set", |cell| {
        loop {
            let seen = cell.get();
            if cell.compare_and_set(seen, seen + 1) {
                return seen;
            }
        }
    }),
    ("update_when", |cell| {
        block_on(cell.update_when(|_| true, |n| n + 1)) - 1
    }),
];

fn assert_each_once(name: &str, seen: Vec<Vec<u64>>) {
    let ascending = seen.iter().all(|one| one.is_sorted());
    assert!(ascending, "{name}: a thread has seen time go backwards");
    let mut all = seen.concat();
    all.sort_unstable();
    let expected: Vec<_> = (0..THREADS * EACH).collect();
    assert!(
        all == expected,
        "{name}: an increment was lost or made twice"
    );
}

#[test]
fn g1_no_increment_is_lost_by_any_verb() {
    for (name, increment) in INCREMENTS {
        println!("{name}");
        in_time(move || {
            let cell = AtomicU64::new(0);
            let seen = at_once(|_| (0..EACH).map(|_| increment(&cell)).collect());
            assert_each_once(name, seen);
            assert_eq!(cell.get(), THREADS * EACH);
        });
    }
}

#[test]
fn g1_no_increment_is_lost_by_verbs_that_meet() {
    in_time(|| {
        let cell = AtomicU64::new(0);
        let verb = |n| INCREMENTS[n as usize % INCREMENTS.len()].1;
        let seen = at_once(|thread| (0..EACH).map(|n| verb(n + thread)(&cell)).collect());
        assert_each_once("all verbs", seen);
    });
}

/// Decrements and floats have their own rows in the tables.
#[test]
fn g1_counts_up_and_down_cancel_out() {
    fn check<T: Number + Debug>() {
        let cell = Atomic::<T>::default();
        at_once(|_| {
            for _ in 0..EACH / 10 {
                cell.increment_and_get();
                cell.get_and_decrement();
                cell.get_and_increment();
                cell.decrement_and_get();
            }
        });
        assert_eq!(cell.get(), T::default());
    }
    macro_rules! all { ($($t:ty),*) => {$( check::<$t>(); )*}; }
    all!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);
}

#[test]
fn g1_no_value_is_given_out_twice_by_get_and_set() {
    in_time(|| {
        let cell = AtomicU64::new(u64::MAX);
        let write = |thread| (0..EACH).map(move |n| thread * EACH + n);
        let seen = at_once(|thread| {
            write(thread)
                .map(|n| cell.get_and_set(n))
                .collect::<Vec<_>>()
        });
        let mut all: HashSet<_> = seen.concat().into_iter().collect();
        assert!(all.insert(cell.get()), "the last one is still there");
        assert_eq!(all.len() as u64, THREADS * EACH + 1);
    });
}

#[test]
fn g1_maxima_minima_and_bits_are_not_lost() {
    let (max, min, bits) = (AtomicI64::new(0), AtomicF64::new(0.0), AtomicU64::new(0));
    let off = AtomicU8::new(0xFF);
    at_once(|thread| {
        for n in 0..EACH {
            let n = (n * THREADS + thread) as i64;
            assert!(max.max_and_get(n) >= n && max.get_and_max(n) >= n);
            assert!(min.min_and_get(-n as f64) <= -n as f64);
            min.get_and_min(-n as f64);
        }
        for bit in (thread..64).step_by(THREADS as usize) {
            assert_eq!(bits.get_and_bitwise_or(1 << bit) >> bit & 1, 0);
            assert_eq!(bits.bitwise_xor_and_get(1 << bit) >> bit & 1, 0);
            assert_eq!(bits.get_and_bitwise_xor(1 << bit) >> bit & 1, 0);
            assert_eq!(bits.bitwise_or_and_get(1 << bit) >> bit & 1, 1);
        }
        assert_eq!(off.get_and_bitwise_and(!(1 << thread)) >> thread & 1, 1);
        assert_eq!(
            off.bitwise_and_and_get(!(1 << (thread + 4))) >> (thread + 4) & 1,
            0
        );
    });
    let last = (THREADS * EACH - 1) as i64;
    assert_eq!((max.get(), min.get()), (last, -last as f64));
    assert_eq!((bits.get(), off.get()), (u64::MAX, 0));
}

#[test]
fn g1_toggles_alternate() {
    let cell = AtomicBool::new(false);
    let set = at_once(|thread| {
        let toggle = |n| match (n + thread) % 2 {
            0 => cell.toggle_and_get(),
            _ => !cell.get_and_toggle(),
        };
        (0..EACH).filter(|n| toggle(*n)).count() as u64
    });
    assert_eq!(set.iter().sum::<u64>(), THREADS * EACH / 2);
    assert!(!cell.get());
}

#[test]
fn g1_no_update_of_a_reference_is_lost() {
    type Verb = fn(&AtomicReference<u64>) -> u64;
    let verbs: [Verb; 6] = [
        |cell| *cell.get_and_update(|n| Arc::new(**n + 1)),
        |cell| *cell.update_and_get(|n| Arc::new(**n + 1)) - 1,
        |cell| *cell.get_and_accumulate(Arc::new(1), |n, x| Arc::new(**n + **x)),
        |cell| *cell.accumulate_and_get(Arc::new(1), |n, x| Arc::new(**n + **x)) - 1,
        |cell| loop {
            let seen = cell.get();
            if cell.compare_and_set(&seen, Arc::new(*seen + 1)) {
                return *seen;
            }
        },
        |cell| {
            let mut seen = cell.get();
            loop {
                match cell.compare_and_exchange(&seen, Arc::new(*seen + 1)) {
                    Ok(previous) => return *previous,
                    Err(actual) => seen = actual,
                }
            }
        },
    ];
    in_time(move || {
        let cell = AtomicReference::new(0);
        let verb = |n| verbs[n as usize % verbs.len()];
        let seen = at_once(|thread| (0..EACH).map(|n| verb(n + thread)(&cell)).collect());
        assert_each_once("references", seen);
    });
}

/// Reference and tag are replaced as one: a pair that nobody has written is never seen.
#[test]
fn g1_stamps_and_marks_change_with_their_references() {
    in_time(|| {
        let stamped = AtomicStampedReference::new(0_u64, 0);
        let marked = AtomicMarkableReference::new(0_u64, true);
        at_once(|_| {
            for _ in 0..EACH / 4 {
                loop {
                    let (seen, stamp) = stamped.get();
                    assert_eq!(*seen, stamp);
                    let new = Arc::new(*seen + 1);
                    if stamped.compare_and_set(&seen, new, stamp, stamp + 1) {
                        break;
                    }
                }
                loop {
                    let (seen, mark) = marked.get();
                    assert_eq!(*seen % 2 == 0, mark);
                    if marked.compare_and_set(&seen, Arc::new(*seen + 1), mark, !mark) {
                        break;
                    }
                }
            }
        });
        let total = THREADS * (EACH / 4);
        assert_eq!((*stamped.reference(), stamped.stamp()), (total, total));
        assert_eq!((*marked.reference(), marked.is_marked()), (total, true));
    });
}

#[test]
fn g1_a_failed_exchange_changes_nothing_and_tells_the_truth() {
    let cell = AtomicF64::new(-0.0);
    assert!(!cell.compare_and_set(0.0, 1.0), "compared by their bits");
    assert!(cell.compare_and_set(-0.0, f64::NAN));
    assert!(
        cell.compare_and_set(f64::NAN, 2.0),
        "NaN equals the same NaN"
    );
    assert_eq!(cell.compare_and_exchange(3.0, 4.0), Err(2.0));
    assert_eq!(cell.update_if(|n| (n > 2.0).then_some(0.0)), Err(2.0));
    let (one, reference) = (Arc::new(1), AtomicReference::new(1));
    assert!(
        !reference.compare_and_set(&one, Arc::new(2)),
        "equal, but another"
    );
    let actual = reference.compare_and_exchange(&one, Arc::new(2));
    assert!(Arc::ptr_eq(&actual.expect_err("another"), &reference.get()));
    let stamped = AtomicStampedReference::new(1, 8);
    assert!(!stamped.attempt_stamp(&one, 9));
    assert!(stamped.attempt_stamp(&stamped.reference(), 9));
    assert!(!stamped.compare_and_set(&stamped.reference(), one.clone(), 8, 9));
    let marked = AtomicMarkableReference::new(1, false);
    assert!(!marked.attempt_mark(&one, true));
    assert!(marked.attempt_mark(&marked.reference(), true));
    assert!(!marked.compare_and_set(&marked.reference(), one, false, true));
    assert_eq!((stamped.stamp(), marked.is_marked()), (9, true));
}
