//! A box that is filled when it is first needed, by whoever is first; the size of a pointer.

#![allow(unsafe_code)]

use std::{marker::PhantomData, ptr::null_mut};

use super::{AtomicPtr, Ordering};

/// See the [module](self).
pub(crate) struct LateBox<T> {
    /// Null, or from `Box::into_raw`; then it stays as it is until the drop.
    content: AtomicPtr<T>,
    /// Sent and shared as a `OnceLock` is: what one thread has put in another may drop.
    owns: PhantomData<std::sync::OnceLock<T>>,
}

impl<T> LateBox<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self {
                content: AtomicPtr::new(null_mut()),
                owns: PhantomData,
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: pairs with the Release of `fill`. SeqCst: to find nothing is to have looked
        // before it was filled, in the one order that writers and registrations share.
        let content = self.content.load(Ordering::SeqCst);
        // SAFETY: it is null or came from a box that is not freed before `self` is dropped.
        unsafe { content.as_ref() }
    }

    /// The content, made now if there is none.
    #[inline]
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(content) => content,
            None => self.fill(make()),
        }
    }

    #[cold]
    fn fill(&self, content: T) -> &T {
        let mine = Box::into_raw(Box::new(content));
        // SeqCst: Release for the content, and see `get`.
        let there =
            self.content
                .compare_exchange(null_mut(), mine, Ordering::SeqCst, Ordering::SeqCst);
        if there.is_err() {
            // SAFETY: it was not published, so this is the only pointer to it.
            drop(unsafe { Box::from_raw(mine) });
        }
        // SAFETY: `mine` was published, or what was there before; see `get`.
        unsafe { &*there.map_or_else(|other| other, |_| mine) }
    }
}

impl<T> Drop for LateBox<T> {
    fn drop(&mut self) {
        // Relaxed: whoever drops has exclusive access.
        let content = self.content.swap(null_mut(), Ordering::Relaxed);
        if !content.is_null() {
            // SAFETY: from `Box::into_raw`, and nobody has a reference any more.
            drop(unsafe { Box::from_raw(content) });
        }
    }
}
