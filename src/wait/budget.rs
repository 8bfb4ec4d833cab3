//! Taking part in tokio's cooperative scheduling, where there is a tokio.

use std::task::{Context, Poll};

#[cfg(all(feature = "tokio", not(loom)))]
use tokio::task::coop;

/// The part of one future or stream in its task's budget.
///
/// An answer costs one unit; a task that has none left is sent to the end of the queue,
/// once per answer. Not more often: inside a foreign `block_on` nobody refills
/// the budget, and a future that insisted would never be ready. For the same reason the
/// waker is called at once instead of being left to tokio, which calls it only when the
/// task has returned.
pub(crate) struct Budget {
    /// Blocking waits take no part.
    #[cfg_attr(any(loom, not(feature = "tokio")), allow(dead_code))]
    cooperative: bool,
    #[cfg_attr(any(loom, not(feature = "tokio")), allow(dead_code))]
    yielded: bool,
}

impl Budget {
    pub(crate) fn cooperative() -> Self {
        Self {
            cooperative: true,
            yielded: false,
        }
    }

    #[cfg(not(loom))]
    pub(crate) fn unlimited() -> Self {
        Self {
            cooperative: false,
            yielded: false,
        }
    }

    /// Whether the task has to go to the end of the queue before its answer; then its waker
    /// has been called.
    #[inline]
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn must_yield(&mut self, cx: &Context<'_>) -> bool {
        if !self.cooperative || self.yielded || coop::has_budget_remaining() {
            return false;
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        true
    }

    /// Polls `f`; an answer costs a unit, if there is one.
    #[inline]
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn charge<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let unit =
            (self.cooperative && coop::has_budget_remaining()).then(|| coop::poll_proceed(cx));
        let answer = f(cx);
        if answer.is_ready() {
            self.yielded = false;
            if let Some(Poll::Ready(unit)) = unit {
                unit.made_progress();
            }
        }
        answer
    }

    /// Without tokio there is no budget: a poll's work is bounded as it is.
    #[cfg(not(all(feature = "tokio", not(loom))))]
    pub(crate) fn must_yield(&mut self, _: &Context<'_>) -> bool {
        false
    }

    /// Without tokio an answer costs nothing.
    #[cfg(not(all(feature = "tokio", not(loom))))]
    pub(crate) fn charge<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        f(cx)
    }

    /// Polls `f` within the budget.
    #[inline]
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        if self.must_yield(cx) {
            return Poll::Pending;
        }
        self.charge(cx, f)
    }
}
