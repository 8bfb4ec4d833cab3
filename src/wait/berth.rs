//! A [`Baton`] whose content stays where it is: what goes from hand to hand is the right to it.
//!
//! So nothing is moved when it is taken and laid down again, however large it is. The verbs are those
//! of the baton, and so are their orderings.

#![allow(unsafe_code)]

use super::baton::{Baton, Refused};
use crate::sync::UnsafeCell;

/// See the [module](self). `P` is what stays in place, `R` the result that may be left.
pub(crate) struct Berth<P, R> {
    baton: Baton<(), R>,
    /// Touched by whoever has the [`Carried`], of which there is one at a time.
    content: UnsafeCell<P>,
}

/// The right to the content of one berth.
pub(crate) struct Carried<'a, P>(&'a UnsafeCell<P>);

// SAFETY: the content is reached through the one `Carried`, which is passed on by a baton; so
// sharing the berth sends `P` and `R` between threads and nothing more.
unsafe impl<P: Send, R: Send> Sync for Berth<P, R> {}
// SAFETY: sending the berth sends what is in it.
unsafe impl<P: Send, R: Send> Send for Berth<P, R> {}

impl<P> Carried<'_, P> {
    #[inline]
    pub(crate) fn with<X>(&mut self, f: impl FnOnce(&mut P) -> X) -> X {
        // SAFETY: there is one `Carried` at a time, which is borrowed exclusively; who had it before
        // has released what it did to the content by the baton.
        self.0.with_mut(|content| f(unsafe { &mut *content }))
    }
}

impl<P, R> Berth<P, R> {
    /// A berth that is carried by its maker.
    pub(crate) fn carried(content: P) -> Self {
        Self {
            baton: Baton::carried(),
            content: UnsafeCell::new(content),
        }
    }

    /// The right that the berth was made with.
    ///
    /// # Safety
    ///
    /// Called once, and by the maker.
    #[inline]
    pub(crate) unsafe fn first(&self) -> Carried<'_, P> {
        Carried(&self.content)
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Carried<'_, P>> {
        self.baton.take().map(|()| Carried(&self.content))
    }

    #[inline]
    pub(crate) fn call(&self) -> Option<Carried<'_, P>> {
        self.baton.call().map(|()| Carried(&self.content))
    }

    #[inline]
    pub(crate) fn answer(&self) {
        self.baton.answer();
    }

    #[inline]
    pub(crate) fn rest<'a>(&self, carried: Carried<'a, P>) -> Result<(), Refused<Carried<'a, P>>> {
        self.baton.rest(()).map_err(|refused| match refused {
            Refused::Called(()) => Refused::Called(carried),
            Refused::Gone(()) => Refused::Gone(carried),
        })
    }

    pub(crate) fn offer(&self, _: Carried<'_, P>) {
        self.baton.offer(());
    }

    /// As [`Baton::leave`]; whoever is refused still has the right to the content.
    #[inline]
    pub(crate) fn leave(&self, result: R) -> Result<(), Refused<R>> {
        self.baton.leave(result)
    }

    #[inline]
    pub(crate) fn collect(&self) -> Option<R> {
        self.baton.collect()
    }

    pub(crate) fn remove(&self) -> (Option<Carried<'_, P>>, Option<R>) {
        let (right, result) = self.baton.remove();
        (right.map(|()| Carried(&self.content)), result)
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.baton.is_over()
    }
}
