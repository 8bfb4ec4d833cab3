//! Reading a cell, writing it, and writing it if.

use super::{
    Atomic, Primitive,
    primitive::{Access, Placed},
};
use crate::sync::{const_unless_loom, late_box::LateBox};

/// # Making one
impl<T: Primitive> Atomic<T> {
    const_unless_loom! {
        /// A cell with `value`.
        ///
        /// # Examples
        ///
        /// ```
        /// use atomos::Atomic;
        ///
        /// static OPEN: Atomic<bool> = Atomic::new(false);
        /// let seats: [Atomic<u32>; 3] = std::array::from_fn(|row| Atomic::new(10 * row as u32));
        /// assert_eq!((OPEN.get(), seats[2].get()), (false, 20));
        /// ```
        pub fn new(value: T) -> Self {
            Self {
                value: Placed::new(value),
                observers: LateBox::new(),
            }
        }
    }

    /// The value of a cell that nobody shares any more; the cell is gone.
    pub fn into_inner(self) -> T {
        self.get()
    }
}

/// Written once for all cells: each has `raw`, which gives the atomic, and `begun` and `wrote`, between
/// which a write is made.
macro_rules! basic_verbs {
    ($Cell:ident, $Value:path) => {
        /// # Reading and writing
        impl<T: $Value> $Cell<T> {
            /// The value.
            #[doc(alias("load", "intValue", "longValue", "getPlain", "getAcquire"))]
            #[inline]
            pub fn get(&self) -> T {
                T::Verbs::load(self.raw())
            }

            /// Sets the value.
            #[doc(alias("store", "setRelease", "lazySet"))]
            #[inline]
            pub fn set(&self, value: T) {
                self.get_and_set(value);
            }

            /// Sets the value, and returns the one before.
            #[doc(alias("swap", "getAndSet", "exchange"))]
            #[inline]
            pub fn get_and_set(&self, value: T) -> T {
                let begun = self.begun();
                let previous = T::Verbs::swap(self.raw(), value);
                self.wrote(begun, previous, value);
                previous
            }

            /// Sets `new` if the value is `expected`; false if it is not.
            ///
            /// Floats are compared by their bits: NaN equals the same NaN, and -0.0 differs from 0.0.
            #[doc(alias("compareAndSet", "weakCompareAndSet", "compare_and_swap"))]
            #[inline]
            pub fn compare_and_set(&self, expected: T, new: T) -> bool {
                self.compare_and_exchange(expected, new).is_ok()
            }

            /// Sets `new` if the value is `expected`, compared as
            /// [`compare_and_set`](Self::compare_and_set) does. Returns the previous value.
            ///
            /// # Errors
            ///
            /// The actual value, if it is another one; then nothing has changed.
            ///
            /// # Examples
            ///
            /// ```
            /// let cell = atomos::Atomic::new(1);
            /// assert_eq!(cell.compare_and_exchange(1, 2), Ok(1));
            /// assert_eq!(cell.compare_and_exchange(1, 3), Err(2));
            /// ```
            #[doc(alias("compare_exchange", "compareAndExchange"))]
            #[inline]
            pub fn compare_and_exchange(&self, expected: T, new: T) -> Result<T, T> {
                let begun = self.begun();
                let previous = T::Verbs::compare_exchange(self.raw(), expected, new)?;
                self.wrote(begun, previous, new);
                Ok(previous)
            }
        }
    };
}
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use basic_verbs;

basic_verbs!(Atomic, Primitive);
