//! The names and signatures of cells and references (G13). Most of it is
//! held by the compiler: what is missing does not build.
#![cfg(not(loom))]
#![allow(clippy::type_complexity)] // signatures are the matter here

use std::fmt::Debug;
use std::future::Future;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use atomos::{
    Accumulator, Adder, Atomic, AtomicMarkableReference, AtomicReference, AtomicStampedReference,
    Bitwise, Number, Primitive, Values, ValuesOwned,
};
use futures::executor::block_on;
use futures::stream::FusedStream;

/// Closures' types in a signature.
type Update<T> = fn(T) -> T;
type Both<T> = fn(T, T) -> T;
type Test<T> = fn(T) -> bool;

fn gives<R>(future: impl Future<Output = R>) {
    drop(future);
}

fn verbs_of_all<T: Primitive>() {
    let _: fn(T) -> Atomic<T> = Atomic::new;
    let _: fn(&Atomic<T>) -> T = Atomic::get;
    let _: fn(&Atomic<T>, T) = Atomic::set;
    let _: fn(&Atomic<T>, T) -> T = Atomic::get_and_set;
    let _: fn(Atomic<T>) -> T = Atomic::into_inner;
    let _: fn(&Atomic<T>, T, T) -> bool = Atomic::compare_and_set;
    let _: fn(&Atomic<T>, T, T) -> Result<T, T> = Atomic::compare_and_exchange;
    let _: fn(&Atomic<T>, Update<T>) -> T = Atomic::get_and_update;
    let _: fn(&Atomic<T>, Update<T>) -> T = Atomic::update_and_get;
    let _: fn(&Atomic<T>, T, Both<T>) -> T = Atomic::get_and_accumulate;
    let _: fn(&Atomic<T>, T, Both<T>) -> T = Atomic::accumulate_and_get;
    let _: fn(&Atomic<T>, fn(T) -> Option<T>) -> Result<T, T> = Atomic::update_if;
    let _: fn(&Atomic<T>, fn(T) -> (T, String)) -> String = Atomic::modify;
    let _: fn(&Atomic<T>, Test<T>) -> T = Atomic::blocking_wait_for;
    let _: fn(&Atomic<T>, Test<T>, Duration) -> Option<T> = Atomic::blocking_wait_for_timeout;
    let _: for<'a> fn(&'a Atomic<T>) -> Values<'a, T> = Atomic::values;
    let _: fn(Arc<Atomic<T>>) -> ValuesOwned<T> = Atomic::values_owned;
}

fn verbs_of_numbers<T: Number>() {
    let with: [fn(&Atomic<T>, T) -> T; 8] = [
        Atomic::add_and_get,
        Atomic::get_and_add,
        Atomic::subtract_and_get,
        Atomic::get_and_subtract,
        Atomic::max_and_get,
        Atomic::get_and_max,
        Atomic::min_and_get,
        Atomic::get_and_min,
    ];
    let alone: [fn(&Atomic<T>) -> T; 4] = [
        Atomic::increment_and_get,
        Atomic::get_and_increment,
        Atomic::decrement_and_get,
        Atomic::get_and_decrement,
    ];
    assert_eq!((with.len(), alone.len()), (8, 4));
}

fn waits_of_all<T: Primitive>(cell: &Atomic<T>) {
    let now = cell.get();
    gives::<T>(cell.wait_for(|_| true));
    gives::<String>(cell.wait_map(|n| Some(format!("{n:?}"))));
    gives::<T>(cell.wait_equal(now));
    gives::<T>(cell.changed_from(now));
    gives::<T>(cell.update_when(|_| true, |n| n));
    fn stream<T>(stream: impl FusedStream<Item = T> + Unpin + Debug) {
        assert!(!stream.is_terminated(), "a cell does not close");
        assert!(format!("{stream:?}").contains("Values"));
    }
    stream::<T>(cell.values());
    stream::<T>(Arc::new(Atomic::new(now)).values_owned());
}

fn waits_of_numbers<T: Number>(cell: &Atomic<T>) {
    gives::<T>(cell.wait_at_least(cell.get()));
    gives::<T>(cell.wait_at_most(cell.get()));
}

macro_rules! for_each_type {
    ($check:ident: $($type:ty),*) => {$( $check::<$type>(); )*};
}

fn number<T: Number>() {
    verbs_of_all::<T>();
    verbs_of_numbers::<T>();
    let cell = Atomic::<T>::default();
    waits_of_all(&cell);
    waits_of_numbers(&cell);
    made_from_a_value(T::default());
}

fn made_from_a_value<T: Primitive>(value: T) {
    let cell = Atomic::from(value);
    assert_eq!(cell.into_inner(), value);
    assert!(format!("{:?}", Atomic::new(value)).contains(&format!("{value:?}")));
}

#[test]
fn g13_cells_of_every_type_have_the_signatures_that_are_promised() {
    for_each_type!(number: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);
    verbs_of_all::<bool>();
    waits_of_all(&Atomic::new(true));
    made_from_a_value(true);
}

macro_rules! bitwise {
    ($($type:ty),*) => {$(
        let _: [fn(&Atomic<$type>, $type) -> $type; 6] = [
            Atomic::get_and_bitwise_and,
            Atomic::get_and_bitwise_or,
            Atomic::get_and_bitwise_xor,
            Atomic::bitwise_and_and_get,
            Atomic::bitwise_or_and_get,
            Atomic::bitwise_xor_and_get,
        ];
    )*};
}

#[test]
fn g13_bits_have_the_verbs_that_are_promised() {
    bitwise!(bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
    let _: [fn(&Atomic<bool>) -> bool; 2] = [Atomic::get_and_toggle, Atomic::toggle_and_get];
}

/// `new` in a static, by every name: that of the type and the alias.
macro_rules! names {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        #[test]
        fn g13_cells_have_the_names_that_are_promised_and_stand_in_statics() {
            $({
                static CELL: atomos::$name = atomos::$name::new($value);
                let same: &'static Atomic<$type> = &CELL;
                assert_eq!(same.get(), $value);
                // A forgotten wait needs nothing but a `'static` borrow: a task may own it.
                fn lasting(_: impl Future + Send + 'static) {}
                lasting(CELL.wait_equal($value));
            })*
        }
    };
}

names! {
    AtomicBool: bool = true;
    AtomicI8: i8 = -1;
    AtomicI16: i16 = -1;
    AtomicI32: i32 = -1;
    AtomicI64: i64 = -1;
    AtomicIsize: isize = -1;
    AtomicU8: u8 = 1;
    AtomicU16: u16 = 1;
    AtomicU32: u32 = 1;
    AtomicU64: u64 = 1;
    AtomicUsize: usize = 1;
    AtomicF32: f32 = 1.5;
    AtomicF64: f64 = 1.5;
    AtomicBoolean: bool = true;
    AtomicInteger: i32 = -1;
    AtomicLong: i64 = -1;
    AtomicFloat: f64 = 1.5;
}

#[test]
fn g13_a_cell_is_a_value_and_a_pointer() {
    assert!(size_of::<Atomic<i64>>() <= 16);
    assert!(size_of::<Atomic<f64>>() <= 16);
    assert!(size_of::<Atomic<bool>>() <= 16);
    let row: [Atomic<u8>; 3] = [const { Atomic::new(7) }; 3];
    assert_eq!(row.map(Atomic::into_inner), [7; 3]);
    let column: Box<[Atomic<u64>]> = (0..3).map(Atomic::new).collect();
    assert_eq!(column[2].get(), 2);
}

/// Without any trait of its own.
struct Bare;

#[test]
fn g13_references_have_the_signatures_that_are_promised() {
    type A<T> = Arc<T>;
    type R = AtomicReference<Bare>;
    let _: fn(Bare) -> R = AtomicReference::new;
    let _: fn(A<Bare>) -> R = From::from;
    let _: fn(&R) -> A<Bare> = AtomicReference::get;
    let _: fn(&R, A<Bare>) = AtomicReference::set;
    let _: fn(&R, A<Bare>) -> A<Bare> = AtomicReference::get_and_set;
    let _: fn(&R, &A<Bare>, A<Bare>) -> bool = AtomicReference::compare_and_set;
    let _: fn(&R, &A<Bare>, A<Bare>) -> Result<A<Bare>, A<Bare>> =
        AtomicReference::compare_and_exchange;
    let _: [fn(&R, fn(&A<Bare>) -> A<Bare>) -> A<Bare>; 2] = [
        AtomicReference::get_and_update,
        AtomicReference::update_and_get,
    ];
    let _: [fn(&R, A<Bare>, fn(&A<Bare>, &A<Bare>) -> A<Bare>) -> A<Bare>; 2] = [
        AtomicReference::get_and_accumulate,
        AtomicReference::accumulate_and_get,
    ];
    let _: fn(&R, fn(&A<Bare>) -> bool) -> A<Bare> = AtomicReference::blocking_wait_for;
    let _: fn(&R, fn(&A<Bare>) -> bool, Duration) -> Option<A<Bare>> =
        AtomicReference::blocking_wait_for_timeout;
    let cell = AtomicReference::new(Bare);
    gives::<A<Bare>>(cell.wait_for(|_| true));
    gives::<u8>(cell.wait_map(|_| Some(1)));
    gives::<A<Bare>>(cell.changed_from(&cell.get()));
}

#[test]
fn g13_stamped_and_marked_references_have_the_signatures_that_are_promised() {
    type S = AtomicStampedReference<u8>;
    let _: fn(u8, u64) -> S = S::new;
    let _: fn(&S) -> (Arc<u8>, u64) = S::get;
    let _: fn(&S) -> Arc<u8> = S::reference;
    let _: fn(&S) -> u64 = S::stamp;
    let _: fn(&S, Arc<u8>, u64) = S::set;
    let _: fn(&S, &Arc<u8>, Arc<u8>, u64, u64) -> bool = S::compare_and_set;
    let _: fn(&S, &Arc<u8>, u64) -> bool = S::attempt_stamp;
    type M = AtomicMarkableReference<u8>;
    let _: fn(u8, bool) -> M = M::new;
    let _: fn(&M) -> (Arc<u8>, bool) = M::get;
    let _: fn(&M) -> Arc<u8> = M::reference;
    let _: fn(&M) -> bool = M::is_marked;
    let _: fn(&M, Arc<u8>, bool) = M::set;
    let _: fn(&M, &Arc<u8>, Arc<u8>, bool, bool) -> bool = M::compare_and_set;
    let _: fn(&M, &Arc<u8>, bool) -> bool = M::attempt_mark;
}

fn striped<T: Number>() {
    let adder = Adder::<T>::default();
    let _: fn() -> Adder<T> = Adder::new;
    let _: fn(&Adder<T>, T) = Adder::add;
    let _: [fn(&Adder<T>); 3] = [Adder::increment, Adder::decrement, Adder::reset];
    let _: [fn(&Adder<T>) -> T; 2] = [Adder::sum, Adder::sum_then_reset];
    assert_eq!(adder.sum(), T::default());
    let best = Accumulator::new(|a: T, _| a, T::default());
    let _: fn(&Accumulator<T>, T) = Accumulator::accumulate;
    let _: fn(&Accumulator<T>) = Accumulator::reset;
    let _: [fn(&Accumulator<T>) -> T; 2] = [Accumulator::get, Accumulator::get_then_reset];
    assert_eq!(best.get(), T::default());
}

#[test]
fn g13_adders_and_accumulators_have_the_signatures_that_are_promised() {
    for_each_type!(striped: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);
}

#[test]
fn g13_closures_of_cells_may_keep_state_and_borrow_where_no_task_waits() {
    let (cell, mut calls, bound) = (Atomic::new(1_u8), 0, 1_u8);
    cell.update_and_get(|n| {
        calls += 1;
        n + bound
    });
    assert_eq!(cell.blocking_wait_for(|n| n > bound), 2);
    // The update of `update_when` runs in its own poll, so that it may borrow too.
    let wait = cell.update_when(
        |n| n == 2,
        |n| {
            calls += 1;
            n + bound
        },
    );
    assert_eq!((block_on(wait), calls), (3, 2));
}

/// What users add to numbers, under names that the crate may use itself.
trait Theirs: Sized {
    const ZERO: Self;
    const ONE: Self;
    type Atomic;
    fn plus(self, x: Self) -> Self;
    fn key(&self) -> u64;
    fn bits(self) -> u32;
    fn load(at: usize) -> Self;
}

impl Theirs for u8 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
    type Atomic = std::sync::atomic::AtomicU8;
    fn plus(self, x: Self) -> Self {
        self.saturating_add(x)
    }
    fn key(&self) -> u64 {
        7
    }
    fn bits(self) -> u32 {
        8
    }
    fn load(at: usize) -> Self {
        at as u8
    }
}

/// Nothing of the crate's own stands beside the methods of users' traits in generic code.
#[test]
fn g13_the_bounds_for_generic_code_bring_no_names_with_them() {
    fn generic<T: Number + Bitwise + Theirs>(cell: &Atomic<T>) -> (T, u64, u32) {
        let sum = T::ZERO.plus(T::ONE).plus(T::load(254)).plus(cell.get());
        (sum, sum.key(), sum.bits())
    }
    assert_eq!(generic(&Atomic::new(5_u8)), (255, 7, 8));
    assert_eq!(size_of::<<u8 as Theirs>::Atomic>(), 1);
}
