//! Panics of user code that must not disturb the others: caught, kept, resumed last.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs user code and keeps the first panic until everybody has been served.
///
/// [`resume`](Self::resume) is the only way to let it go on. While the thread unwinds
/// already a second panic would abort the process, so there it ends instead: the
/// panic hook has reported it.
#[derive(Default)]
#[must_use = "a caught panic has to be resumed"]
pub(crate) struct Panics(Option<Payload>);

impl Panics {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Runs `f`; its panic, if it is the first, is kept.
    #[inline]
    pub(crate) fn catch<R>(&mut self, f: impl FnOnce() -> R) -> Option<R> {
        match run(f) {
            Ok(r) => Some(r),
            Err(payload) => {
                self.keep(payload);
                None
            }
        }
    }

    /// The same for a look at an arc-swap, which may have to drop what it has found first: until it is
    /// done.
    #[inline]
    pub(crate) fn insist<R>(&mut self, f: impl Fn() -> R) -> R {
        loop {
            if let Some(found) = self.catch(&f) {
                return found;
            }
        }
    }

    #[cold]
    fn keep(&mut self, payload: Payload) {
        if self.0.is_none() {
            self.0 = Some(payload);
        } else {
            discard(payload);
        }
    }

    /// Lets the first panic go on, unless the thread unwinds already.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(payload) = self.0 {
            Self::raise(payload);
        }
    }

    /// Lets none of them go on, for another panic does.
    pub(crate) fn discard(self) {
        if let Some(payload) = self.0 {
            discard(payload);
        }
    }

    #[cold]
    fn raise(payload: Payload) {
        if thread::panicking() {
            discard(payload);
        } else {
            resume_unwind(payload);
        }
    }
}

/// Runs `f`, turning its panic into an error.
///
/// What `f` leaves half done is seen by nobody who relies on it: closures of users that
/// panicked are dropped, and our own state is changed outside of them.
#[inline]
pub(crate) fn run<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Drops a payload nobody will see, whose destructor may panic once more.
pub(crate) fn discard(payload: Payload) {
    if let Err(again) = run(|| drop(payload)) {
        // A payload whose own destructor panics with such a payload could go on for
        // ever: this one stays where it is.
        std::mem::forget(again);
    }
}

/// Drops `value`; while the thread unwinds already, a panic of its destructor ends here.
#[inline]
pub(crate) fn drop_quietly<T>(value: T) {
    if thread::panicking() {
        if let Err(payload) = run(|| drop(value)) {
            discard(payload);
        }
    } else {
        drop(value);
    }
}

/// A value of the user's that a panic of other code of his may unwind past: there it is
/// [dropped quietly](drop_quietly).
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only `into_inner` and the drop take it out"),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some(value) => value,
            None => unreachable!("only `into_inner` and the drop take it out"),
        }
    }

    #[inline]
    pub(crate) fn into_inner(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("only this and the drop take it out"),
        }
    }
}

impl<T> Drop for Quiet<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_quietly(value);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn g7_what_is_insisted_on_is_done_and_the_first_panic_is_kept() {
        let (mut panics, tries) = (Panics::new(), Cell::new(0));
        let found = panics.insist(|| {
            tries.set(tries.get() + 1);
            if tries.get() < 3 {
                resume_unwind(Box::new(tries.get()));
            }
            tries.get()
        });
        assert_eq!(found, 3);
        let payload = run(|| panics.resume()).expect_err("it has panicked");
        assert_eq!(payload.downcast_ref(), Some(&1));
    }
}
