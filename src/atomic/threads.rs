//! The waits of a cell for plain threads.

use std::time::Duration;

use super::{Atomic, Primitive};
use crate::blocking::{Waited, block_until, deadline_after};

/// # Waiting in plain threads
impl<T: Primitive> Atomic<T> {
    /// [`wait_for`](Self::wait_for) for a plain thread: sleeps until a value satisfies `pred`,
    /// which may borrow.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`. Also if this thread is telling others of a write to this
    /// cell, as in a predicate or a waker, and the current value does not satisfy `pred`: it
    /// holds up the later ones and would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// let ready = atomos::AtomicBool::new(false);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| ready.set(true));
    ///     assert!(ready.blocking_wait_for(|ready| ready));
    /// });
    /// ```
    pub fn blocking_wait_for(&self, mut pred: impl FnMut(T) -> bool + Send) -> T {
        match block_until(self, |value| pred(*value), None) {
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ready = atomos::AtomicBool::new(false);
    /// let waited = ready.blocking_wait_for_timeout(|ready| ready, Duration::from_millis(1));
    /// assert_eq!(waited, None);
    /// ```
    pub fn blocking_wait_for_timeout(
        &self,
        mut pred: impl FnMut(T) -> bool + Send,
        timeout: Duration,
    ) -> Option<T> {
        match block_until(self, |value| pred(*value), deadline_after(timeout)) {
            Waited::Held(value) => Some(value),
            Waited::Closed | Waited::TimedOut => None,
        }
    }
}
