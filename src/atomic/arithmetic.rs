//! Counting, comparing, and changing bits: one instruction where the hardware has it.
//!
//! Written once for all cells: each has `raw`, which gives the atomic, and `begun` and `wrote`, between
//! which a write is made.

use super::{
    Atomic,
    primitive::{Arithmetic, Bitwise, Logic, Number},
};

/// The verbs of numbers.
macro_rules! number_verbs {
    ($Cell:ident, $($Bound:path),+) => {
        /// # Counting
        ///
        /// Integers wrap on overflow, in all builds. Floats follow IEEE 754, and are changed by
        /// compare-and-swap loops, since there is no such instruction for them; of NaN and a number both
        /// the larger and the smaller are the number, as with `f64::max`.
        impl<T: $($Bound +)+> $Cell<T> {
            /// Adds `x`. Returns the new value.
            ///
            /// # Examples
            ///
            /// ```
            /// let cell = atomos::AtomicU8::new(255);
            /// assert_eq!(cell.add_and_get(2), 1);
            /// ```
            #[doc(alias("addAndGet"))]
            #[inline]
            pub fn add_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::add_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Adds `x`. Returns the value before.
            #[doc(alias("fetch_add", "getAndAdd"))]
            #[inline]
            pub fn get_and_add(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::add_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }

            /// Subtracts `x`. Returns the new value.
            #[doc(alias("sub"))]
            #[inline]
            pub fn subtract_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::sub_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Subtracts `x`. Returns the value before.
            #[doc(alias("fetch_sub"))]
            #[inline]
            pub fn get_and_subtract(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::sub_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }

            /// Adds one. Returns the new value.
            #[doc(alias("incrementAndGet", "inc"))]
            #[inline]
            pub fn increment_and_get(&self) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::add_to(self.raw(), T::Verbs::ONE);
                self.wrote(begun, previous, new);
                new
            }

            /// Adds one. Returns the value before.
            #[doc(alias("getAndIncrement"))]
            #[inline]
            pub fn get_and_increment(&self) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::add_to(self.raw(), T::Verbs::ONE);
                self.wrote(begun, previous, new);
                previous
            }

            /// Subtracts one. Returns the new value.
            #[doc(alias("decrementAndGet", "dec"))]
            #[inline]
            pub fn decrement_and_get(&self) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::sub_to(self.raw(), T::Verbs::ONE);
                self.wrote(begun, previous, new);
                new
            }

            /// Subtracts one. Returns the value before.
            #[doc(alias("getAndDecrement"))]
            #[inline]
            pub fn get_and_decrement(&self) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::sub_to(self.raw(), T::Verbs::ONE);
                self.wrote(begun, previous, new);
                previous
            }

            /// Sets the larger of the value and `x`. Returns the new value.
            #[doc(alias("max"))]
            #[inline]
            pub fn max_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::max_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Sets the larger of the value and `x`. Returns the value before.
            #[doc(alias("fetch_max"))]
            #[inline]
            pub fn get_and_max(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::max_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }

            /// Sets the smaller of the value and `x`. Returns the new value.
            #[doc(alias("min"))]
            #[inline]
            pub fn min_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::min_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Sets the smaller of the value and `x`. Returns the value before.
            #[doc(alias("fetch_min"))]
            #[inline]
            pub fn get_and_min(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::min_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }
        }
    };
}
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use number_verbs;

number_verbs!(Atomic, Number);

/// The verbs of bits.
macro_rules! bit_verbs {
    ($Cell:ident, $($Bound:path),+) => {
        /// # Bits
        ///
        /// For integers, and for `bool`.
        ///
        /// # Examples
        ///
        /// ```
        /// let set = atomos::AtomicU8::new(0b0011);
        /// assert_eq!(set.bitwise_or_and_get(0b0100), 0b0111);
        /// assert_eq!(set.get_and_bitwise_and(!0b0001), 0b0111);
        /// assert_eq!(set.bitwise_xor_and_get(0b0010), 0b0100);
        /// ```
        impl<T: $($Bound +)+> $Cell<T> {
            /// Sets the bitwise `and` of the value and `x`. Returns the new value.
            #[doc(alias("and"))]
            #[inline]
            pub fn bitwise_and_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::and_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Sets the bitwise `and` of the value and `x`. Returns the value before.
            #[doc(alias("fetch_and", "getAndBitwiseAnd"))]
            #[inline]
            pub fn get_and_bitwise_and(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::and_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }

            /// Sets the bitwise `or` of the value and `x`. Returns the new value.
            #[doc(alias("or"))]
            #[inline]
            pub fn bitwise_or_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::or_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Sets the bitwise `or` of the value and `x`. Returns the value before.
            #[doc(alias("fetch_or", "getAndBitwiseOr"))]
            #[inline]
            pub fn get_and_bitwise_or(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::or_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }

            /// Sets the bitwise `xor` of the value and `x`. Returns the new value.
            #[doc(alias("xor"))]
            #[inline]
            pub fn bitwise_xor_and_get(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::xor_to(self.raw(), x);
                self.wrote(begun, previous, new);
                new
            }

            /// Sets the bitwise `xor` of the value and `x`. Returns the value before.
            #[doc(alias("fetch_xor", "getAndBitwiseXor"))]
            #[inline]
            pub fn get_and_bitwise_xor(&self, x: T) -> T {
                let begun = self.begun();
                let (previous, new) = T::Verbs::xor_to(self.raw(), x);
                self.wrote(begun, previous, new);
                previous
            }
        }
    };
}
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use bit_verbs;

bit_verbs!(Atomic, Bitwise);

/// The verbs of flags.
macro_rules! flag_verbs {
    ($Cell:ident) => {
        /// # Flags
        impl $Cell<bool> {
            /// Turns `true` into `false` and the other way round. Returns the new value.
            ///
            /// # Examples
            ///
            /// ```
            /// let light = atomos::AtomicBool::new(false);
            /// assert!(light.toggle_and_get());
            /// ```
            #[doc(alias("fetch_not"))]
            #[inline]
            pub fn toggle_and_get(&self) -> bool {
                self.bitwise_xor_and_get(true)
            }

            /// Turns `true` into `false` and the other way round. Returns the value before.
            #[doc(alias("fetch_not"))]
            #[inline]
            pub fn get_and_toggle(&self) -> bool {
                self.get_and_bitwise_xor(true)
            }
        }
    };
}
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use flag_verbs;

flag_verbs!(Atomic);
