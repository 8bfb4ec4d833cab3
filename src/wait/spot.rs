//! Where one task parks: a small state and the waker to call when it is ready.

use std::task::{Context, Poll, Waker};

use super::panics;
use crate::sync::Mutex;

/// A state `S` that one task waits for.
///
/// Wakers are user code: they are cloned, woken and dropped outside of the lock. A task
/// parks in three steps: look at the state; clone the waker; look again and, in the same
/// section, leave the waker. Whoever changes the state takes the waker in the section of
/// the change. *Either* the change precedes the second look, which finds it, *or* it
/// follows, and finds the waker.
pub(crate) struct Spot<S>(Mutex<Inner<S>>);

struct Inner<S> {
    state: S,
    waker: Option<Waker>,
}

impl<S> Spot<S> {
    pub(crate) fn new(state: S) -> Self {
        Self(Mutex::new(Inner { state, waker: None }))
    }

    /// Looks at the state or changes it without waking anybody.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.0.lock().state)
    }

    /// Changes the state and takes the waker, for the caller to wake.
    #[inline]
    pub(crate) fn change<R>(&self, f: impl FnOnce(&mut S) -> R) -> (R, Option<Waker>) {
        let mut inner = self.0.lock();
        (f(&mut inner.state), inner.waker.take())
    }

    /// `ready`'s answer, or parks the task of `cx` until the next [`change`](Self::change).
    ///
    /// `ready` runs under the lock: it looks, takes, and runs nothing of the user's.
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut ready: impl FnMut(&mut S) -> Option<R>,
    ) -> Poll<R> {
        {
            let mut inner = self.0.lock();
            if let Some(r) = ready(&mut inner.state) {
                return Poll::Ready(r);
            }
            if inner
                .waker
                .as_ref()
                .is_some_and(|w| w.will_wake(cx.waker()))
            {
                return Poll::Pending;
            }
        }
        self.park(cx.waker().clone(), ready)
    }

    /// The last step of parking: `ready`'s answer, or leaves the waker.
    pub(crate) fn park<R>(
        &self,
        waker: Waker,
        mut ready: impl FnMut(&mut S) -> Option<R>,
    ) -> Poll<R> {
        let mut inner = self.0.lock();
        let (answer, spent) = match ready(&mut inner.state) {
            Some(r) => (Poll::Ready(r), Some(waker)),
            None => (Poll::Pending, inner.waker.replace(waker)),
        };
        drop(inner);
        if answer.is_pending() {
            drop(spent);
        } else if let Err(payload) = panics::run(|| drop(spent)) {
            // An answer that was taken must not be lost with a panic of the waker.
            panics::discard(payload);
        }
        answer
    }
}
