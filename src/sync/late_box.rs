//! A box that is filled when it is first needed, by whoever is first; the size of a pointer.
//!
//! Three *marks* stand in the low bits of the pointer, so that one load tells whether there
//! is a box, and what is marked. Nothing is marked before the box is there.

#![allow(unsafe_code)]

use std::{marker::PhantomData, ptr::null_mut};

use super::{AtomicPtr, Ordering};

/// Some of the marks.
#[derive(Clone, Copy)]
pub(crate) struct Marks(usize);

impl Marks {
    pub(crate) const FIRST: Self = Self(1);
    pub(crate) const SECOND: Self = Self(2);
    pub(crate) const THIRD: Self = Self(4);
    const ALL: Self = Self(7);

    /// Which one it is, if it is one: 0, 1 or 2.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// Whether the two have one in common.
    #[inline]
    pub(crate) fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// See the [module](self).
pub(crate) struct LateBox<T> {
    /// Null, or from `Box::into_raw` and then the same until the drop; and the marks.
    content: AtomicPtr<T>,
    /// Sent and shared as a `OnceLock` is: what one thread has put in another may drop.
    owns: PhantomData<std::sync::OnceLock<T>>,
}

impl<T> LateBox<T> {
    /// The marks take the place of bits that are zero in the address of every `T`.
    const MARKS: Marks = Marks((align_of::<T>() - 1) & Marks::ALL.0);
    /// Of what is marked.
    const HAS_ROOM: () = assert!(Self::MARKS.0 == Marks::ALL.0);

    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self {
                content: AtomicPtr::new(null_mut()),
                owns: PhantomData,
            }
        }
    }

    #[inline]
    fn load(&self) -> *mut T {
        // Acquire: pairs with the Release of `fill`. SeqCst: to find nothing, or no mark, is to
        // have looked before it was filled or marked, in the one order that writers and
        // registrations share.
        self.content.load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: it is null or came from a box that is not freed before `self` is dropped.
        unsafe { plain(self.load()).as_ref() }
    }

    /// The content and its marks, if there are any.
    #[inline]
    pub(crate) fn marked(&self) -> Option<(&T, Marks)> {
        let content = self.load();
        let marks = Marks(content.addr() & Self::MARKS.0);
        if !marks.meet(Self::MARKS) {
            return None;
        }
        // SAFETY: as in `get`.
        let content = unsafe { plain(content).as_ref() };
        content.map(|content| (content, marks))
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
        // SeqCst: Release for the content, and see `load`.
        let there =
            self.content
                .compare_exchange(null_mut(), mine, Ordering::SeqCst, Ordering::SeqCst);
        if there.is_err() {
            // SAFETY: it was not published, so this is the only pointer to it.
            drop(unsafe { Box::from_raw(mine) });
        }
        // SAFETY: `mine` was published, or what was there before; see `get`.
        unsafe { &*there.map_or_else(plain, |_| mine) }
    }

    /// Sets `mark` on the content, which has been made, unless it is set. True if it was not.
    ///
    /// One mark is set and cleared under one lock, which is the caller's matter.
    pub(crate) fn mark(&self, mark: Marks) -> bool {
        let () = Self::HAS_ROOM;
        let is_new = !Marks(self.load().addr()).meet(mark);
        if is_new {
            self.change(|address| address | mark.0);
        }
        is_new
    }

    /// Clears `mark`, as above.
    pub(crate) fn unmark(&self, mark: Marks) {
        self.change(|address| address & !mark.0);
    }

    #[cold]
    fn change(&self, f: impl Fn(usize) -> usize) {
        let mut before = self.load();
        loop {
            let after = before.map_addr(&f);
            // SeqCst: see `load`. Relaxed: what is there is compared, and nothing is read through it.
            match (self.content).compare_exchange_weak(
                before,
                after,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => before = now,
            }
        }
    }
}

/// The pointer without the marks.
#[inline]
fn plain<T>(content: *mut T) -> *mut T {
    content.map_addr(|address| address & !LateBox::<T>::MARKS.0)
}

impl<T> Drop for LateBox<T> {
    fn drop(&mut self) {
        // Relaxed: whoever drops has exclusive access.
        let content = plain(self.content.swap(null_mut(), Ordering::Relaxed));
        if !content.is_null() {
            // SAFETY: from `Box::into_raw`, and nobody has a reference any more.
            drop(unsafe { Box::from_raw(content) });
        }
    }
}
