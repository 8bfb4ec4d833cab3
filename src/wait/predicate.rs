//! A condition on an event, as a value of a fixed size: a closure that lives where it is put.
//!
//! Predicates go from hand to hand, and most of them capture a number or a handle. A `Box`
//! would cost each wait an allocation, and its end, on the deliverer's thread, a release of
//! memory that another thread allocated. So a closure of up to three words is kept in place;
//! a larger one is boxed, and its box kept in place.

#![allow(unsafe_code)]

use std::{
    marker::PhantomData,
    mem::{MaybeUninit, align_of, size_of},
};

/// Room for a small closure.
type Room = MaybeUninit<[usize; 3]>;

type Closure<E> = Box<dyn FnMut(&E) -> bool + Send>;

/// A closure that judges events, evaluated on any thread.
pub(crate) struct Predicate<E> {
    /// Holds the closure for which `judge` and `end` were made.
    room: Room,
    /// # Safety
    ///
    /// The room is that of the predicate, and has not been ended.
    judge: unsafe fn(&mut Room, &E) -> bool,
    /// Drops the closure.
    ///
    /// # Safety
    ///
    /// As `judge`; the room is not used again.
    end: unsafe fn(&mut Room),
    /// What it stands for: it is `Send`, not `Sync`, and as unwind safe as that.
    _closure: PhantomData<Closure<E>>,
}

impl<E> Predicate<E> {
    pub(crate) fn new(closure: impl FnMut(&E) -> bool + Send + 'static) -> Self {
        // SAFETY: what is `'static` outlives everything.
        unsafe { Self::lent(closure) }
    }

    /// A predicate whose type does not say what it borrows.
    ///
    /// # Safety
    ///
    /// What `closure` borrows outlives the predicate.
    pub(crate) unsafe fn lent<F: FnMut(&E) -> bool + Send>(closure: F) -> Self {
        if fits::<F>() {
            // SAFETY: it fits.
            unsafe { Self::in_place(closure) }
        } else {
            let closure = Box::new(closure);
            // SAFETY: a box to something sized is one word.
            unsafe { Self::in_place(closure) }
        }
    }

    /// # Safety
    ///
    /// `F` fits into the room.
    unsafe fn in_place<F: FnMut(&E) -> bool + Send>(closure: F) -> Self {
        debug_assert!(fits::<F>());
        let mut room = Room::uninit();
        // SAFETY: the room is large enough and aligned for an `F`, says the caller. The bytes of
        // a `MaybeUninit` are moved as they are, so the closure moves with the predicate.
        unsafe { room.as_mut_ptr().cast::<F>().write(closure) };
        Self {
            room,
            judge: judge::<E, F>,
            end: end::<F>,
            _closure: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn holds(&mut self, event: &E) -> bool {
        // SAFETY: the room was filled with this function, and is not ended before the drop.
        unsafe { (self.judge)(&mut self.room, event) }
    }
}

impl<E> Drop for Predicate<E> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `holds`; nobody uses the room after this.
        unsafe { (self.end)(&mut self.room) }
    }
}

const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<Room>() && align_of::<F>() <= align_of::<Room>()
}

/// # Safety
///
/// The room holds an `F`.
unsafe fn judge<E, F: FnMut(&E) -> bool>(room: &mut Room, event: &E) -> bool {
    // SAFETY: it holds an `F`, says the caller, and is borrowed exclusively.
    let closure = unsafe { &mut *room.as_mut_ptr().cast::<F>() };
    closure(event)
}

/// # Safety
///
/// The room holds an `F`, which is not used again.
unsafe fn end<F>(room: &mut Room) {
    // SAFETY: as above; the caller does not use it again.
    unsafe { room.as_mut_ptr().cast::<F>().drop_in_place() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{
        cell::Cell,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    #[repr(align(64))]
    #[derive(Clone, Copy)]
    struct Aligned(u64);

    /// Runs `predicate` once, moves it and runs it again, then drops it.
    fn exercise(mut predicate: Predicate<u64>, captured: &Arc<AtomicUsize>) {
        assert!(!predicate.holds(&1));
        let mut moved = Box::new(predicate);
        assert!(moved.holds(&2));
        assert!(!moved.holds(&2), "state is kept between calls");
        assert_eq!(captured.load(Ordering::Relaxed), 3);
        drop(moved);
        assert_eq!(Arc::strong_count(captured), 1, "dropped once");
    }

    fn counting(calls: &Arc<AtomicUsize>) -> impl FnMut(&u64) -> bool + Send + 'static {
        let (calls, seen) = (calls.clone(), Cell::new(0));
        move |n| {
            calls.fetch_add(1, Ordering::Relaxed);
            seen.replace(*n) == n - 1 && *n == 2
        }
    }

    #[test]
    fn small_large_and_aligned_closures_are_called_and_dropped() {
        let calls = Arc::new(AtomicUsize::new(0));
        exercise(Predicate::new(counting(&calls)), &calls);

        let calls = Arc::new(AtomicUsize::new(0));
        let (mut f, ballast) = (counting(&calls), [3_u64; 20]);
        let large = move |n: &u64| f(n) && ballast.iter().sum::<u64>() == 60;
        exercise(Predicate::new(large), &calls);

        let calls = Arc::new(AtomicUsize::new(0));
        let (mut f, aligned) = (counting(&calls), Aligned(5));
        let picky = move |n: &u64| {
            let whole = &aligned;
            assert_eq!(std::ptr::from_ref(whole).addr() % 64, 0);
            f(n) && whole.0 == 5
        };
        exercise(Predicate::new(picky), &calls);

        let mut nothing = Predicate::new(|n: &u64| *n == 7);
        assert!(nothing.holds(&7) && !nothing.holds(&8));
    }
}
