//! G1: the cases of the original library's `tests/test_atomic.py` (Python's `atomos`, by Max
//! Countryman), for threads, and the examples of its README and documentation.
//!
//! | original | here |
//! |---|---|
//! | test_atomic_reference_get | a_reference_gives_its_value |
//! | test_atomic_reference_set | a_reference_gives_the_value_set |
//! | test_atomic_reference_get_and_set | a_reference_gives_the_previous_value |
//! | test_atomic_reference_compare_and_set, by identity | a_reference_compares_by_identity |
//! | the same, by value as in the original | an_atom_compares_by_value |
//! | test_atomic_number_add_and_get | add_and_get_gives_the_new_value |
//! | test_atomic_number_get_and_add | get_and_add_gives_the_previous_value |
//! | test_atomic_number_subtract_and_get | subtract_and_get_gives_the_new_value |
//! | test_atomic_number_get_and_subtract | get_and_subtract_gives_the_previous_value |
//! | test_concurrent_atomic_int | ten_threads_count_together |
//! | test_concurrent_atomic_ref | ten_threads_replace_a_reference |
//! | README: a thread-safe counter | the_counter_of_the_readme |
//! | README: a wrapped class | the_state_of_the_readme |
//! | names, defaults, `__repr__` | the_original_names_have_the_original_defaults |
//!
//! Without counterpart:
//!
//! - a boolean in an AtomicInteger, and the like, are a TypeError there: here the compiler says so.
//! - `tests/test_util.py`: `synchronized` and ReadersWriterLock are std's Mutex and RwLock.
//!
//! Not covered here, since they share between processes: the same cases with
//! `multiprocessing.Process` (AtomicReference of an AtomicManager, AtomicCtypesReference,
//! AtomicBoolean, AtomicNumber, AtomicInteger, AtomicLong, AtomicFloat of
//! `atomos.multiprocessing.atomic`; in older versions `tests/test_multiprocessing_atomic.py`), and
//! ReadersWriterLockMultiprocessing.
#![cfg(not(loom))]

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;

use atomos::{
    Atom, Atomic, AtomicBoolean, AtomicFloat, AtomicInteger, AtomicLong, AtomicReference, Number,
};

const THREADS: usize = 10;
const LOOPS: usize = 1_000;

type Dict = BTreeMap<&'static str, &'static str>;

fn foo_bar() -> Dict {
    Dict::from([("foo", "bar")])
}

fn in_ten_threads(f: impl Fn() + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                (0..LOOPS).for_each(|_| f());
            });
        }
    });
}

#[test]
fn a_reference_gives_its_value() {
    assert_eq!(*AtomicReference::new(Dict::new()).get(), Dict::new());
}

#[test]
fn a_reference_gives_the_value_set() {
    let reference = AtomicReference::new(Dict::new());
    reference.set(Arc::new(foo_bar()));
    assert_eq!(*reference.get(), foo_bar());
}

#[test]
fn a_reference_gives_the_previous_value() {
    let reference = AtomicReference::new(Dict::new());
    let previous = reference.get_and_set(Arc::new(foo_bar()));
    assert_eq!(*reference.get(), foo_bar());
    assert_eq!(*previous, Dict::new());
}

#[test]
fn a_reference_compares_by_identity() {
    let reference = AtomicReference::new(Dict::new());
    let empty = reference.get();
    assert!(!reference.compare_and_set(&Arc::new(Dict::new()), Arc::new(foo_bar())));
    assert!(reference.compare_and_set(&empty, Arc::new(foo_bar())));
    assert!(!reference.compare_and_set(&empty, Arc::new(foo_bar())));
    assert_eq!(*reference.get(), foo_bar());
}

/// As the original's reference does.
#[test]
fn an_atom_compares_by_value() {
    let atom = Atom::new(Dict::new());
    assert!(atom.compare_and_set(&Dict::new(), foo_bar()));
    assert!(!atom.compare_and_set(&Dict::new(), foo_bar()));
    assert_eq!(*atom.load(), foo_bar());
}

/// Runs a case for each number of the original: a cell at zero, one, and minus one.
macro_rules! for_each_number {
    ($case:ident) => {
        $case(&AtomicInteger::default(), 1, -1);
        $case(&AtomicLong::default(), 1, -1);
        $case(&AtomicFloat::default(), 1.0, -1.0);
    };
}

#[test]
fn add_and_get_gives_the_new_value() {
    fn case<T: Number>(number: &Atomic<T>, one: T, _minus_one: T) {
        assert_eq!(number.add_and_get(one), one);
        assert_eq!(number.get(), one);
    }
    for_each_number!(case);
}

#[test]
fn get_and_add_gives_the_previous_value() {
    fn case<T: Number>(number: &Atomic<T>, one: T, _minus_one: T) {
        assert_eq!(number.get_and_add(one), T::default());
        assert_eq!(number.get(), one);
    }
    for_each_number!(case);
}

#[test]
fn subtract_and_get_gives_the_new_value() {
    fn case<T: Number>(number: &Atomic<T>, one: T, minus_one: T) {
        assert_eq!(number.subtract_and_get(one), minus_one);
        assert_eq!(number.get(), minus_one);
    }
    for_each_number!(case);
}

#[test]
fn get_and_subtract_gives_the_previous_value() {
    fn case<T: Number>(number: &Atomic<T>, one: T, minus_one: T) {
        assert_eq!(number.get_and_subtract(one), T::default());
        assert_eq!(number.get(), minus_one);
    }
    for_each_number!(case);
}

#[test]
fn ten_threads_count_together() {
    let (integer, long, float) = (
        AtomicInteger::default(),
        AtomicLong::default(),
        AtomicFloat::default(),
    );
    in_ten_threads(|| {
        integer.add_and_get(1);
        long.add_and_get(1);
        float.add_and_get(1.0);
    });
    assert_eq!(integer.get(), 10_000);
    assert_eq!(long.get(), 10_000);
    assert_eq!(float.get(), 10_000.0);
}

#[test]
fn ten_threads_replace_a_reference() {
    let reference = AtomicReference::new(BTreeMap::from([("count", 0)]));
    assert_eq!(reference.get()["count"], 0);
    in_ten_threads(|| {
        loop {
            let old = reference.get();
            let mut new = BTreeMap::clone(&old);
            *new.get_mut("count").expect("there") += 1;
            if reference.compare_and_set(&old, Arc::new(new)) {
                break;
            }
        }
    });
    assert_eq!(reference.get()["count"], THREADS * LOOPS);
}

#[test]
fn the_counter_of_the_readme() {
    let counter = AtomicInteger::default();
    assert_eq!(counter.get(), 0);
    assert_eq!(counter.add_and_get(1), 1);
}

#[test]
fn the_state_of_the_readme() {
    struct MyState {
        foo: u32,
        bar: bool,
    }
    let state = AtomicReference::new(MyState {
        foo: 42,
        bar: false,
    });
    assert_eq!((state.get().foo, state.get().bar), (42, false));
    let new = state.update_and_get(|old| {
        Arc::new(MyState {
            foo: old.foo + 1,
            bar: true,
        })
    });
    assert_eq!((new.foo, new.bar), (43, true));
}

#[test]
fn the_original_names_have_the_original_defaults() {
    static BOOLEAN: AtomicBoolean = AtomicBoolean::new(false);
    static INTEGER: AtomicInteger = AtomicInteger::new(0);
    static LONG: AtomicLong = AtomicLong::new(0);
    static FLOAT: AtomicFloat = AtomicFloat::new(0.0);
    assert_eq!(BOOLEAN.get(), AtomicBoolean::default().get());
    assert_eq!(INTEGER.get(), AtomicInteger::default().get());
    assert_eq!(LONG.get(), AtomicLong::default().get());
    assert_eq!(FLOAT.get(), AtomicFloat::default().get());
    assert_eq!(
        format!("{BOOLEAN:?} {INTEGER:?} {LONG:?} {FLOAT:?}"),
        "false 0 0 0.0"
    );
    BOOLEAN.set(true);
    assert!(BOOLEAN.get());
}
