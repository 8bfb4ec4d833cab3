//! An atomic that stands in place, with an initial value that may be given in a constant.
//!
//! `std` can make each of its atomics in a constant, but not the one that belongs to a type
//! parameter. So the plain value is stored, and reached through the atomic only.

#![allow(unsafe_code)]

/// A type that has an atomic of its own.
///
/// # Safety
///
/// 1. `Atomic` has the size of `Self`.
/// 2. Every value of `Self` is a valid `Atomic`, and an `Atomic` whose methods were called with
///    the bits of `Self`s alone contains a valid `Self`.
pub unsafe trait HasAtomic: Copy {
    /// The atomic of this width.
    type Atomic: Send + Sync + Unpin;

    /// For where it need not be a constant.
    fn atomic(value: Self) -> Self::Atomic;
}

#[cfg(loom)]
pub(crate) struct InPlace<T: HasAtomic>(T::Atomic);

#[cfg(loom)]
impl<T: HasAtomic> InPlace<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(T::atomic(value))
    }

    pub(crate) fn get(&self) -> &T::Atomic {
        &self.0
    }
}

#[cfg(not(loom))]
pub(crate) struct InPlace<T: HasAtomic> {
    /// For its alignment: that of a plain value can be less.
    align: [T::Atomic; 0],
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: the value is reached through the atomic alone, which can be shared.
#[cfg(not(loom))]
unsafe impl<T: HasAtomic> Sync for InPlace<T> {}
// SAFETY: as above, for sending; a `Copy` value has no destructor.
#[cfg(not(loom))]
unsafe impl<T: HasAtomic> Send for InPlace<T> {}

#[cfg(not(loom))]
impl<T: HasAtomic> InPlace<T> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self {
            align: [],
            value: std::cell::UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> &T::Atomic {
        let _ = self.align;
        // SAFETY: the cell has the size (1) and, through `align`, the alignment of the atomic; its
        // content is valid for it (2), and nobody reaches it in another way.
        unsafe { &*self.value.get().cast::<T::Atomic>() }
    }
}
