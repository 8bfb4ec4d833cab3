//! The cell of an atom: which node is current, and who has to be told when that changes.
//!
//! Both are one state, read and changed by single atomic steps. The seam is four verbs:
//!
//! - `load`: a reference to the current node, and the flags beside it;
//! - `publish`: replaces the node if it is still the expected one, else gives the draft
//!   back. A publisher that finds [`WATCHED`](Flags::WATCHED) links the new node to its
//!   predecessor first, so that *the commit itself* decides whether it will be delivered;
//! - `raise`: sets a flag and returns exactly the state it was set in;
//! - `lower`: clears a flag if the node is still the expected one.
//!
//! [`packed`] holds the state in one 64-bit word. Where an address does not leave room in
//! such a word, [`portable`] holds it in an allocation that arc-swap publishes.

// Both are compiled and tested everywhere; one is used.
#[allow(dead_code)]
mod packed;
#[allow(dead_code)]
mod portable;
#[cfg(all(test, not(loom)))]
mod tests;

use super::node::{NodeRef, Retired};

#[cfg(not(any(
    atomos_portable,
    target_os = "android",
    not(target_has_atomic = "64"),
    not(any(
        target_pointer_width = "32",
        target_arch = "x86_64",
        target_arch = "aarch64"
    ))
)))]
pub(crate) use packed::Cell;
#[cfg(any(
    atomos_portable,
    target_os = "android",
    not(target_has_atomic = "64"),
    not(any(
        target_pointer_width = "32",
        target_arch = "x86_64",
        target_arch = "aarch64"
    ))
))]
pub(crate) use portable::Cell;

/// What a cell says besides its node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const NONE: Self = Self(0);
    /// Somebody wants to be told of commits. While it is set every commit is linked to its
    /// predecessor and followed by a call of the deliverer.
    pub(crate) const WATCHED: Self = Self(1);
    /// The last handle that could write is gone. Never cleared.
    pub(crate) const CLOSED: Self = Self(2);

    #[inline]
    pub(crate) fn is_watched(self) -> bool {
        self.0 & Self::WATCHED.0 != 0
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & Self::CLOSED.0 != 0
    }
}

/// Nodes that a step under the register's lock has touched: dropped after the lock, since any
/// of them may be the last reference to a value, whose destructor is code of the user's.
pub(crate) type Touched<T> = Vec<NodeRef<T>>;

/// A commit that was made: its node, the flags it was made under, and what it replaced.
pub(crate) struct Published<T> {
    pub(crate) new: NodeRef<T>,
    pub(crate) flags: Flags,
    pub(crate) old: Retired<T>,
}
