//! Taking part in tokio's cooperative scheduling, where there is a tokio.

use std::task::{Context, Poll};

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

    /// Polls `f` within the budget.
    #[inline]
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        use tokio::task::coop;

        if !self.cooperative {
            return f(cx);
        }
        if !coop::has_budget_remaining() {
            return self.exhausted(cx, f);
        }
        let unit = coop::poll_proceed(cx);
        let answer = f(cx);
        if answer.is_ready() {
            self.yielded = false;
            if let Poll::Ready(unit) = unit {
                unit.made_progress();
            }
        }
        answer
    }

    /// Sends the task to the end of the queue, unless that has been done for this answer.
    #[cold]
    #[cfg(all(feature = "tokio", not(loom)))]
    fn exhausted<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        if !self.yielded {
            self.yielded = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let answer = f(cx);
        self.yielded = answer.is_pending();
        answer
    }

    /// Without tokio there is no budget: a poll's work is bounded as it is.
    #[cfg(not(all(feature = "tokio", not(loom))))]
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        f(cx)
    }
}
