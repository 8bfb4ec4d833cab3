//! An atomic that stands in place, with an initial value that may be given in a constant.
//!
//! `std` can make each of its atomics in a constant, but not the one that belongs to a type
//! parameter. So the plain value is stored, and reached through the atomic only.

#![allow(unsafe_code)]

/// Something that knows the atomic of a type.
///
/// # Safety
///
/// 1. `Atomic` has the size of `T`.
/// 2. Every value of `T` is a valid `Atomic`, and an `Atomic` whose methods were called with
///    the bits of `T`s alone contains a valid `T`.
pub unsafe trait HasAtomic<T: Copy> {
    /// The atomic of this width.
    type Atomic: Send + Sync + Unpin;

    /// For where it need not be a constant.
    fn atomic(value: T) -> Self::Atomic;
}

/// A `T` in an atomic that `V` knows.
#[cfg(loom)]
pub(crate) struct InPlace<T: Copy, V: HasAtomic<T>>(V::Atomic, std::marker::PhantomData<T>);

#[cfg(loom)]
impl<T: Copy, V: HasAtomic<T>> InPlace<T, V> {
    pub(crate) fn new(value: T) -> Self {
        Self(V::atomic(value), std::marker::PhantomData)
    }

    pub(crate) fn get(&self) -> &V::Atomic {
        &self.0
    }
}

/// A `T` in an atomic that `V` knows.
///
/// `repr(C)`: the value is where the alignment is, at the start.
#[cfg(not(loom))]
#[repr(C)]
pub(crate) struct InPlace<T: Copy, V: HasAtomic<T>> {
    /// For its alignment: that of a plain value can be less.
    align: [V::Atomic; 0],
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: the value is reached through the atomic alone, which can be shared.
#[cfg(not(loom))]
unsafe impl<T: Copy, V: HasAtomic<T>> Sync for InPlace<T, V> {}
// SAFETY: as above, for sending; a `Copy` value has no destructor.
#[cfg(not(loom))]
unsafe impl<T: Copy, V: HasAtomic<T>> Send for InPlace<T, V> {}

#[cfg(not(loom))]
impl<T: Copy, V: HasAtomic<T>> InPlace<T, V> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self {
            align: [],
            value: std::cell::UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> &V::Atomic {
        let _ = self.align;
        // SAFETY: the cell has the size (1) and, through `align`, the alignment of the atomic; its
        // content is valid for it (2), and nobody reaches it in another way.
        unsafe { &*self.value.get().cast::<V::Atomic>() }
    }
}
