//! Which came first, a wait for a cell or a write to it.
//!
//! A wait takes a number when it begins. A writer reads the last number before it writes: those who
//! had one by then began before the write, whatever becomes of it. Of the others the writer
//! does not know. A wait must not be answered by a value that was overwritten before it
//! began, so they are told only of
//!
//! - a value that is still there when the writer tells, and
//! - the value that a write replaced, if the wait had begun before that write: it was current then.
//!   Its own writer may not have known.
//!
//! All of this is sequentially consistent. A wait takes its number before it looks: so a number that
//! a writer does not see yet belongs to a wait that will see what is there now. And who has seen a
//! number looks after it: what it finds was not past when that wait began.
//!
//! So what is not told is a value that two writers, both on their way when the wait began, have
//! written and overwritten.

use crate::sync::{AtomicU64, Ordering};

/// The numbers given to the waits for one cell.
pub(crate) struct Arrivals(AtomicU64);

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A wait begins, which has not looked at the value yet.
    pub(crate) fn next(&self) -> u64 {
        // SeqCst: in one order with the writes and looks. Release in it: whoever sees the number sees
        // what was written before.
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Writer, before its write: how many waits have begun.
    #[inline]
    pub(crate) fn so_far(&self) -> u64 {
        // SeqCst: as above. 0 is right where nobody is [present](super::presence).
        self.0.load(Ordering::SeqCst)
    }
}

/// A write that was made.
#[derive(Clone, Copy)]
pub(crate) struct Write<V> {
    /// What it replaced.
    pub(crate) old: V,
    pub(crate) new: V,
    /// How many waits had begun before it.
    pub(crate) begun: u64,
}

impl<V> Write<V> {
    pub(crate) fn map<W>(self, mut f: impl FnMut(V) -> W) -> Write<W> {
        Write {
            old: f(self.old),
            new: f(self.new),
            begun: self.begun,
        }
    }
}
