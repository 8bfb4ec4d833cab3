//! The waits of a shared cell for plain threads.

use std::time::{Duration, Instant};

use super::{Atomic, ShmPrimitive, waits::refuse};
use crate::{
    blocking::{block_within, deadline_after},
    future::Open,
    shm::waiting::Attended,
};

/// # Waiting in plain threads
impl<T: ShmPrimitive> Atomic<T> {
    /// [`wait_for`](Self::wait_for) for a plain thread: sleeps until a value satisfies `pred`,
    /// which may borrow.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`, and as [all waits](Self#panics). Also inside a predicate or a waker
    /// of a wait for any file, if the current value does not satisfy `pred`: there it holds up the
    /// look that it waits for.
    pub fn blocking_wait_for(&self, pred: impl FnMut(T) -> bool + Send) -> T {
        match self.block(pred, None) {
            Some(value) => value,
            None => unreachable!("there was no deadline"),
        }
    }

    /// [`blocking_wait_for`](Self::blocking_wait_for) that gives up after `timeout`: then it is `None`.
    /// Inside a predicate or a waker of a wait for any file it times out, unless the current value
    /// satisfies `pred`.
    ///
    /// If another thread is calling `pred` when the time is over, it gives up when that call returns: `pred`
    /// may borrow what belongs to this thread.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`, and as [all waits](Self#panics).
    pub fn blocking_wait_for_timeout(
        &self,
        pred: impl FnMut(T) -> bool + Send,
        timeout: Duration,
    ) -> Option<T> {
        self.block(pred, deadline_after(timeout))
    }

    fn block(
        &self,
        mut pred: impl FnMut(T) -> bool + Send,
        deadline: Option<Instant>,
    ) -> Option<T> {
        let around = |wait| Attended::new(self.inner.clone(), Open(wait));
        let waited = block_within(&*self.inner, |value| pred(*value), deadline, around);
        waited.map(|waited| waited.unwrap_or_else(|error| refuse(&error)))
    }
}
