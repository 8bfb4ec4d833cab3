//! The waits of an [`Atom`] and of its views for plain threads.

use std::time::Duration;

use super::{Atom, view::AtomView};
use crate::{
    blocking::{Waited, block_until, deadline_after},
    error::Closed,
    snapshot::Snapshot,
};

/// # Waiting in plain threads
impl<T> Atom<T> {
    /// [`wait_for`](Atom::wait_for) for a plain thread: sleeps until a state
    /// satisfies `pred`, which may borrow.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`. Also if this thread is delivering a commit of this
    /// atom, as in a watch, or serving those who wait in line for it, and the current state does
    /// not satisfy `pred`: it holds up what comes later and could wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// let limit = 10;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| for _ in 0..4 { atom.swap(|n| n * 2); });
    ///     assert_eq!(*atom.blocking_wait_for(|n| *n > limit), 16);
    /// });
    /// ```
    pub fn blocking_wait_for(&self, mut pred: impl FnMut(&T) -> bool + Send) -> Snapshot<T> {
        match block_until(&self.0, |state| pred(state), None) {
            Waited::Held(snapshot) => snapshot,
            Waited::Closed | Waited::TimedOut => {
                unreachable!("an atom is open while a handle of it is borrowed")
            }
        }
    }

    /// [`blocking_wait_for`](Self::blocking_wait_for) that gives up after `timeout`: then it is `None`.
    /// If another thread is calling `pred` when the time is over, it gives up when that call returns: `pred`
    /// may borrow what belongs to this thread.
    ///
    /// While this thread is delivering a commit of this atom only the current state can answer; if it
    /// does not satisfy `pred` the wait times out.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`.
    pub fn blocking_wait_for_timeout(
        &self,
        mut pred: impl FnMut(&T) -> bool + Send,
        timeout: Duration,
    ) -> Option<Snapshot<T>> {
        match block_until(&self.0, |state| pred(state), deadline_after(timeout)) {
            Waited::Held(snapshot) => Some(snapshot),
            Waited::Closed | Waited::TimedOut => None,
        }
    }
}

/// # Waiting in plain threads
impl<T> AtomView<T> {
    /// See [`Atom::blocking_wait_for`].
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom closed, and no state from this call on satisfied `pred`; the last one is
    /// judged, too.
    ///
    /// # Panics
    ///
    /// As on [`Atom`].
    pub fn blocking_wait_for(
        &self,
        mut pred: impl FnMut(&T) -> bool + Send,
    ) -> Result<Snapshot<T>, Closed> {
        match block_until(self, |state| pred(state), None) {
            Waited::Held(snapshot) => Ok(snapshot),
            Waited::Closed | Waited::TimedOut => Err(Closed),
        }
    }

    /// See [`Atom::blocking_wait_for_timeout`].
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom closed, and no state from this call on satisfied `pred`; the last one is
    /// judged, too. `Ok(None)` says that `timeout` was over before.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`.
    pub fn blocking_wait_for_timeout(
        &self,
        mut pred: impl FnMut(&T) -> bool + Send,
        timeout: Duration,
    ) -> Result<Option<Snapshot<T>>, Closed> {
        match block_until(self, |state| pred(state), deadline_after(timeout)) {
            Waited::Held(snapshot) => Ok(Some(snapshot)),
            Waited::Closed => Err(Closed),
            Waited::TimedOut => Ok(None),
        }
    }
}
