//! `Adder` and `Accumulator`: exact once the writers are done; `sum_then_reset` loses nothing.
#![cfg(not(loom))]

mod support;

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;

use atomos::{Accumulator, Adder, Number};
use support::{caught, in_time};

const THREADS: u64 = 4;
const EACH: u64 = 20_000;

/// Runs `work` on several threads at once; each is given its number.
fn at_once(work: impl Fn(u64) + Sync) {
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (work, start) = (&work, &start);
            scope.spawn(move || {
                start.wait();
                work(n);
            });
        }
    });
}

#[test]
fn an_adder_is_exact_when_its_writers_are_done() {
    in_time(|| {
        static SUM: Adder<u64> = Adder::new();
        at_once(|thread| (0..EACH).for_each(|n| SUM.add(n * thread)));
        let threads = THREADS * (THREADS - 1) / 2;
        assert_eq!(SUM.sum(), threads * (EACH * (EACH - 1) / 2));
        at_once(|_| (0..EACH).for_each(|_| SUM.decrement()));
        at_once(|_| (0..EACH).for_each(|_| SUM.increment()));
        assert_eq!(SUM.sum_then_reset(), threads * (EACH * (EACH - 1) / 2));
        assert_eq!(SUM.sum(), 0);
    });
}

#[test]
fn adders_of_every_number_count_and_wrap() {
    fn check<T: Number + Debug>(one: T) {
        let adder = Adder::<T>::new();
        at_once(|_| {
            for _ in 0..500 {
                adder.increment();
                adder.add(one);
                adder.decrement();
                adder.decrement();
            }
        });
        assert_eq!(adder.sum(), T::default());
        adder.add(one);
        assert_eq!(adder.sum(), one);
        adder.reset();
        assert_eq!(adder.sum_then_reset(), T::default());
    }
    macro_rules! integers { ($($t:ty),*) => {$( check::<$t>(1); )*}; }
    integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
    check(1.0_f32);
    check(1.0_f64);
    let small = Adder::<u8>::new();
    at_once(|_| (0..100).for_each(|_| small.increment()));
    assert_eq!(small.sum(), (400_u32 % 256) as u8);
}

/// Taken again and again while others add: what was taken and what is left is what was added.
#[test]
fn sum_then_reset_loses_nothing_and_takes_nothing_twice() {
    in_time(|| {
        let (adder, working) = (Adder::<u64>::new(), AtomicBool::new(true));
        let taken = thread::scope(|scope| {
            let take = || {
                let mut taken = 0;
                while working.load(Ordering::SeqCst) {
                    taken += adder.sum_then_reset();
                }
                taken
            };
            let takers = [scope.spawn(take), scope.spawn(take)];
            at_once(|_| (0..EACH).for_each(|_| adder.increment()));
            working.store(false, Ordering::SeqCst);
            takers.map(|taker| taker.join().expect("no panic"))
        });
        assert_eq!(taken.iter().sum::<u64>() + adder.sum(), THREADS * EACH);
    });
}

#[test]
fn an_accumulator_is_exact_when_its_writers_are_done() {
    in_time(|| {
        let most = Accumulator::new(u64::max, 0);
        let least = Accumulator::new(f64::min, f64::INFINITY);
        let parity = Accumulator::new(|a: bool, b| a ^ b, false);
        let bits = Accumulator::new(|a: u64, b| a | b, 0);
        at_once(|thread| {
            for n in 0..EACH {
                most.accumulate(n * THREADS + thread);
                least.accumulate(-((n * THREADS + thread) as f64));
                parity.accumulate(n == 0);
                bits.accumulate(1 << ((n * THREADS + thread) % 64));
            }
        });
        let last = THREADS * EACH - 1;
        assert_eq!((most.get(), least.get()), (last, -(last as f64)));
        assert_eq!((parity.get(), bits.get()), (THREADS % 2 == 1, u64::MAX));
        most.reset();
        assert_eq!((most.get(), least.get_then_reset()), (0, -(last as f64)));
        assert_eq!(least.get(), f64::INFINITY);
    });
}

#[test]
fn get_then_reset_loses_nothing_and_takes_nothing_twice() {
    in_time(|| {
        let sum = Accumulator::new(u64::wrapping_add, 0);
        let working = AtomicBool::new(true);
        let taken = thread::scope(|scope| {
            let taker = scope.spawn(|| {
                let mut taken = 0;
                while working.load(Ordering::SeqCst) {
                    taken += sum.get_then_reset();
                }
                taken
            });
            at_once(|_| (0..EACH).for_each(|_| sum.accumulate(1)));
            working.store(false, Ordering::SeqCst);
            taker.join().expect("no panic")
        });
        assert_eq!(taken + sum.get(), THREADS * EACH);
    });
}

/// G7: the function is user code; with several stripes as with one.
#[test]
fn a_function_that_panics_changes_nothing() {
    in_time(|| {
        let fuse = |a: u64, b: u64| if b == 13 { panic!("bomb") } else { a + b };
        let sum = Accumulator::new(fuse, 0);
        at_once(|_| {
            for n in 0..200 {
                let result = caught(|| sum.accumulate(if n % 50 == 0 { 13 } else { 100 }));
                assert_eq!(result.is_err(), n % 50 == 0);
            }
        });
        let total = THREADS * 196 * 100;
        assert_eq!(sum.get(), total);
        assert_eq!((sum.get_then_reset(), sum.get()), (total, 0));
    });
}

/// G6: the function may use the accumulator itself, and runs again.
#[test]
fn a_function_may_accumulate() {
    static NESTED: OnceLock<Accumulator<u64>> = OnceLock::new();
    static INSIDE: AtomicBool = AtomicBool::new(false);
    let function = |a: u64, b: u64| {
        if b == 1 && !INSIDE.swap(true, Ordering::SeqCst) {
            NESTED.get().expect("made").accumulate(10);
        }
        a + b
    };
    let sum = NESTED.get_or_init(|| Accumulator::new(function, 0));
    in_time(move || {
        sum.accumulate(1);
        assert_eq!(sum.get(), 11);
    });
}
