//! A sum that many threads add to.

use std::{fmt, panic};

use super::Striped;
use crate::{
    atomic::primitive::{Access, Arithmetic, Number},
    sync::const_unless_loom,
};

/// A sum that many threads add to and few read.
///
/// Writers that meet go to stripes of their own, a cache line each, so that they do not
/// hinder each other; [`sum`](Self::sum) adds the stripes up: four for each processor, whose number is
/// rounded up to a power of two; at most 64, or one for each if there are more.
/// It cannot be awaited: for that, and for a value that is exact while others write,
/// use an [`Atomic`](crate::Atomic).
///
/// The sum is exact once the writers are done. While they run it is no snapshot: it may contain an
/// addition and lack one that was made before, elsewhere. Integers wrap; floats are added in no
/// particular order, which can change the last digits.
///
/// # Examples
///
/// ```
/// use atomos::Adder;
///
/// static BYTES: Adder<u64> = Adder::new();
///
/// std::thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| for _ in 0..1_000 { BYTES.add(3) });
///     }
/// });
/// assert_eq!(BYTES.sum(), 12_000);
/// ```
#[doc(alias("LongAdder", "DoubleAdder"))]
pub struct Adder<T: Number>(Striped<T>);

impl<T: Number> Adder<T> {
    const_unless_loom! {
        /// An empty sum.
        pub fn new() -> Self {
            Self(Striped::new(T::Verbs::ZERO))
        }
    }

    /// Adds `x`.
    #[inline]
    pub fn add(&self, x: T) {
        if let Some(stripe) = self.0.mine() {
            T::Verbs::add_to(stripe, x);
            return;
        }
        let base = self.0.base.get();
        let seen = T::Verbs::load(base);
        if T::Verbs::compare_exchange(base, seen, T::Verbs::plus(seen, x)).is_err() {
            T::Verbs::add_to(self.0.spread(T::Verbs::ZERO), x);
        }
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(T::Verbs::ONE);
    }

    /// Adds minus one.
    #[inline]
    pub fn decrement(&self) {
        self.add(T::Verbs::minus(T::Verbs::ZERO, T::Verbs::ONE));
    }

    /// What was added so far: exact if nobody adds meanwhile. O(processors).
    #[doc(alias("longValue", "doubleValue", "intValue"))]
    pub fn sum(&self) -> T {
        self.0.all().fold(T::Verbs::ZERO, |sum, stripe| {
            T::Verbs::plus(sum, T::Verbs::load(stripe))
        })
    }

    /// Starts anew. What is added at the same time may be kept or lost.
    pub fn reset(&self) {
        for stripe in self.0.all() {
            T::Verbs::store(stripe, T::Verbs::ZERO);
        }
    }

    /// The sum, and starts anew: what is added at the same time is in this sum or in the next one.
    #[doc(alias("sumThenReset"))]
    pub fn sum_then_reset(&self) -> T {
        self.0.all().fold(T::Verbs::ZERO, |sum, stripe| {
            T::Verbs::plus(sum, T::Verbs::swap(stripe, T::Verbs::ZERO))
        })
    }
}

impl<T: Number> Default for Adder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Number> fmt::Debug for Adder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Adder").field(&self.sum()).finish()
    }
}

// No code of the user runs in it.
impl<T: Number> panic::UnwindSafe for Adder<T> {}
impl<T: Number> panic::RefUnwindSafe for Adder<T> {}
