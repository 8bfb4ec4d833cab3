//! A value that many threads accumulate into by a function.

use std::{fmt, panic};

use super::Striped;
use crate::atomic::primitive::{Access, Primitive, Raw, update};

/// A value that many threads accumulate into by a function, and few read: a maximum, a
/// product.
///
/// As in an [`Adder`](crate::Adder), writers that meet go to stripes of their own. So the function
/// has to be associative and commutative, and `identity` must change nothing:
/// `f(x, identity) == x`. The result is exact once the writers are done.
///
/// It cannot be awaited, nor be made in a constant: for a value to wait for, use an
/// [`Atomic`](crate::Atomic) and its `accumulate_and_get`; for a sum in a `static`, an `Adder`.
///
/// # Examples
///
/// ```
/// use atomos::Accumulator;
///
/// let longest = Accumulator::new(u64::max, 0);
/// for line in ["a", "abc", "ab"] {
///     longest.accumulate(line.len() as u64);
/// }
/// assert_eq!(longest.get(), 3);
/// ```
#[doc(alias("LongAccumulator", "DoubleAccumulator"))]
pub struct Accumulator<T: Primitive> {
    striped: Striped<T>,
    function: Box<dyn Fn(T, T) -> T + Send + Sync>,
    identity: T,
}

impl<T: Primitive> Accumulator<T> {
    /// Nothing accumulated yet: the value is `identity`.
    pub fn new(function: impl Fn(T, T) -> T + Send + Sync + 'static, identity: T) -> Self {
        Self {
            striped: Striped::new(identity),
            function: Box::new(function),
            identity,
        }
    }

    /// Replaces the value by what the function makes of it and `x`.
    ///
    /// # Panics
    ///
    /// With the panic of the function; then nothing has changed.
    pub fn accumulate(&self, x: T) {
        if let Some(stripe) = self.striped.mine() {
            return self.put(stripe, x);
        }
        let base = self.striped.base.get();
        let seen = T::Verbs::load(base);
        let new = (self.function)(seen, x);
        if T::Verbs::bits(new) != T::Verbs::bits(seen)
            && T::Verbs::compare_exchange(base, seen, new).is_err()
        {
            self.put(self.striped.spread(self.identity), x);
        }
    }

    /// Nothing is written where nothing changes.
    fn put(&self, stripe: &Raw<T>, x: T) {
        let _ = update(stripe, |seen: T| {
            let new = (self.function)(seen, x);
            (T::Verbs::bits(new) != T::Verbs::bits(seen)).then_some(new)
        });
    }

    /// What was accumulated so far: exact if nobody accumulates meanwhile. O(processors).
    ///
    /// # Panics
    ///
    /// With the panic of the function.
    #[doc(alias("longValue", "doubleValue", "intValue"))]
    pub fn get(&self) -> T {
        let values = self.striped.all().map(|stripe| T::Verbs::load(stripe));
        values
            .reduce(|a, b| (self.function)(a, b))
            .unwrap_or(self.identity)
    }

    /// Starts anew. What is accumulated at the same time may be kept or lost.
    pub fn reset(&self) {
        for stripe in self.striped.all() {
            T::Verbs::store(stripe, self.identity);
        }
    }

    /// The value, and starts anew: what is accumulated at the same time is in this value or in
    /// the next one.
    ///
    /// # Panics
    ///
    /// With the panic of the function; then what it had taken is lost.
    #[doc(alias("getThenReset"))]
    pub fn get_then_reset(&self) -> T {
        let identity = self.identity;
        let values = self
            .striped
            .all()
            .map(|stripe| T::Verbs::swap(stripe, identity));
        values
            .reduce(|a, b| (self.function)(a, b))
            .unwrap_or(identity)
    }
}

impl<T: Primitive> fmt::Debug for Accumulator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accumulator").field(&self.get()).finish()
    }
}

// A function that panics changes nothing.
impl<T: Primitive> panic::UnwindSafe for Accumulator<T> {}
impl<T: Primitive> panic::RefUnwindSafe for Accumulator<T> {}
