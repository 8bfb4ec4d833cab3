//! Changing a cell by a closure.

use super::{Atomic, Primitive};

/// Written once for all cells: each has `write`, which makes a write, and `wrote`, which follows it.
macro_rules! update_verbs {
    ($Cell:ident, $Value:path) => {
        /// # Updating
        ///
        /// An update closure runs again when another write was quicker; if it panics, nothing has
        /// changed. It may use the cell itself; if a write of its own leaves another value there, it runs
        /// again.
        impl<T: $Value> $Cell<T> {
            /// The loop behind all of them: previous and new value.
            #[inline]
            fn update(&self, mut f: impl FnMut(T) -> T) -> (T, T) {
                match self.write(|value| Some(f(value))) {
                    Ok($crate::wait::arrivals::Write { old, new, begun }) => {
                        self.wrote(begun, old, new);
                        (old, new)
                    }
                    Err(_) => unreachable!("the closure makes something of every value"),
                }
            }

            /// Sets what `f` makes of the value. Returns the one before.
            #[doc(alias("getAndUpdate", "fetch_update"))]
            #[inline]
            pub fn get_and_update(&self, f: impl FnMut(T) -> T) -> T {
                self.update(f).0
            }

            /// Sets what `f` makes of the value. Returns the new one.
            ///
            /// # Examples
            ///
            /// ```
            /// let cell = atomos::Atomic::new(3);
            /// assert_eq!(cell.update_and_get(|x| x * x), 9);
            /// ```
            #[doc(alias("updateAndGet", "swap!"))]
            #[inline]
            pub fn update_and_get(&self, f: impl FnMut(T) -> T) -> T {
                self.update(f).1
            }

            /// Sets what `f` makes of the value and `x`, in this order. Returns the one before.
            #[doc(alias("getAndAccumulate"))]
            #[inline]
            pub fn get_and_accumulate(&self, x: T, mut f: impl FnMut(T, T) -> T) -> T {
                self.update(|value| f(value, x)).0
            }

            /// Sets what `f` makes of the value and `x`, in this order. Returns the new one.
            ///
            /// # Examples
            ///
            /// ```
            /// let digits = atomos::Atomic::new(12);
            /// assert_eq!(digits.accumulate_and_get(3, |n, digit| 10 * n + digit), 123);
            /// ```
            #[doc(alias("accumulateAndGet"))]
            #[inline]
            pub fn accumulate_and_get(&self, x: T, mut f: impl FnMut(T, T) -> T) -> T {
                self.update(|value| f(value, x)).1
            }

            /// Sets what `f` makes of the value, unless that is `None`. Returns the new value (where
            /// `fetch_update` of `std` returns the one before).
            ///
            /// # Errors
            ///
            /// The current value, if `f` made nothing of it; then nothing has changed.
            ///
            /// # Examples
            ///
            /// ```
            /// let seats = atomos::Atomic::new(1_u32);
            /// assert_eq!(seats.update_if(|n| n.checked_sub(1)), Ok(0));
            /// assert_eq!(seats.update_if(|n| n.checked_sub(1)), Err(0));
            /// ```
            #[doc(alias("fetch_update", "try_update"))]
            #[inline]
            pub fn update_if(&self, f: impl FnMut(T) -> Option<T>) -> Result<T, T> {
                let $crate::wait::arrivals::Write { old, new, begun } = self.write(f)?;
                self.wrote(begun, old, new);
                Ok(new)
            }

            /// As [`update_and_get`](Self::update_and_get), with a result besides the new value: that of
            /// the attempt that was written.
            ///
            /// # Examples
            ///
            /// ```
            /// let dice = atomos::Atomic::new(7_u64);
            /// let roll = dice.modify(|seed| {
            ///     let next = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ///     (next, (next >> 33) % 6 + 1)
            /// });
            /// assert!((1..=6).contains(&roll));
            /// ```
            #[inline]
            pub fn modify<R>(&self, mut f: impl FnMut(T) -> (T, R)) -> R {
                match self.write_with(|value| Some(f(value))) {
                    Ok(($crate::wait::arrivals::Write { old, new, begun }, result)) => {
                        let result = $crate::wait::panics::Quiet::new(result);
                        self.wrote(begun, old, new);
                        result.into_inner()
                    }
                    Err(_) => unreachable!("the closure makes something of every value"),
                }
            }
        }
    };
}
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use update_verbs;

update_verbs!(Atomic, Primitive);
