//! The waits of a reference for plain threads.

use std::{sync::Arc, time::Duration};

use super::AtomicReference;
use crate::blocking::{Waited, block_until, deadline_after};

/// # Waiting in plain threads
impl<T> AtomicReference<T> {
    /// [`wait_for`](Self::wait_for) for a plain thread: sleeps until a reference satisfies
    /// `pred`, which may borrow.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`. Also if this thread is telling others of a write to this
    /// cell, as in a predicate or a waker, and the current reference does not satisfy `pred`: it
    /// holds up the later ones and would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let config = atomos::AtomicReference::new(None);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| config.set(Arc::new(Some("debug"))));
    ///     assert_eq!(*config.blocking_wait_for(|now| now.is_some()), Some("debug"));
    /// });
    /// ```
    pub fn blocking_wait_for(&self, pred: impl FnMut(&Arc<T>) -> bool + Send) -> Arc<T> {
        match block_until(self, pred, None) {
            Waited::Held(value) => value,
            Waited::Closed | Waited::TimedOut => {
                unreachable!("a cell does not close, and there was no deadline")
            }
        }
    }

    /// [`blocking_wait_for`](Self::blocking_wait_for) that gives up after `timeout`: then it is `None`.
    /// If another thread is calling `pred` when the time is over, it gives up when that call returns: `pred`
    /// may borrow what belongs to this thread.
    ///
    /// While this thread is telling others of a write to this cell only the current value can answer; if
    /// it does not satisfy `pred` the wait times out.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`.
    pub fn blocking_wait_for_timeout(
        &self,
        pred: impl FnMut(&Arc<T>) -> bool + Send,
        timeout: Duration,
    ) -> Option<Arc<T>> {
        match block_until(self, pred, deadline_after(timeout)) {
            Waited::Held(value) => Some(value),
            Waited::Closed | Waited::TimedOut => None,
        }
    }
}
