//! Values with versions: what an atom hands out.

use std::{borrow::Borrow, cmp, error, fmt, hash, ops::Deref, panic};

use crate::{atom::node::NodeRef, wait::mailbox::Event};

/// An immutable value with the version at which it was committed.
///
/// A snapshot is a counted reference to one allocation, which holds the value, its
/// version and the count: 24 bytes besides the value, on 64-bit targets. Cloning it
/// and dropping it costs one atomic addition each. It may be kept, sent and shared
/// like an [`Arc`](std::sync::Arc), and it keeps no other version of the value alive.
///
/// It derefs to the value, and compares, hashes and prints as the value does (with a plain value:
/// `*snapshot == 1`). What it has of its own are therefore associated functions, as on `Arc`.
///
/// # Examples
///
/// ```
/// use atomos::{Atom, Snapshot};
///
/// let atom = Atom::new(vec![1, 2]);
/// let before = atom.load();
/// atom.swap(|v| v.iter().map(|x| x * 10).collect());
///
/// assert_eq!(before.len(), 2); // Vec's own method
/// assert_eq!(*before, [1, 2]); // still what it was
/// assert_eq!(Snapshot::version(&before), 0);
/// assert_eq!(Snapshot::version(&atom.load()), 1);
/// ```
pub struct Snapshot<T>(pub(crate) NodeRef<T>);

impl<T> Snapshot<T> {
    /// The version of the value: 0 for the one that the atom was made with, and one more with each
    /// commit.
    pub fn version(this: &Self) -> u64 {
        this.0.version()
    }

    /// Whether both refer to the same commit of the same atom, by their address.
    ///
    /// Equal values of different commits are not the same. (Of an atom that processes share each
    /// handle that was opened makes snapshots of its own.)
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.0.address() == other.0.address()
    }
}

impl<T> Clone for Snapshot<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Event for Snapshot<T> {
    /// The line compares it with that of a state that has gone, whose address may be taken again.
    fn identity(&self) -> u64 {
        self.0.version()
    }

    fn clone_many(&self, n: usize, into: &mut Vec<Self>) {
        into.extend(self.0.clone_many(n).map(Self));
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.value()
    }
}

impl<T> AsRef<T> for Snapshot<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T> Borrow<T> for Snapshot<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Snapshot<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Snapshot<T> {}

impl<T: PartialOrd> PartialOrd for Snapshot<T> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord> Ord for Snapshot<T> {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: hash::Hash> hash::Hash for Snapshot<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

// As `Arc`: what a panic can leave broken is reached through `&T` only.
impl<T: panic::RefUnwindSafe> panic::UnwindSafe for Snapshot<T> {}
impl<T: panic::RefUnwindSafe> panic::RefUnwindSafe for Snapshot<T> {}

/// One commit: the value it replaced and the value it made current.
///
/// Of two successive commits, the `new` of the first is the `old` of the second.
pub struct Change<T> {
    /// What was current before.
    pub old: Snapshot<T>,
    /// What the commit made current: its version is that of `old` plus one.
    pub new: Snapshot<T>,
}

impl<T> Clone for Change<T> {
    fn clone(&self) -> Self {
        Self {
            old: self.old.clone(),
            new: self.new.clone(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("old", &self.old)
            .field("new", &self.new)
            .finish()
    }
}

/// A [`compare_exchange`](crate::Atom::compare_exchange) that was not made, because the
/// expected snapshot is no longer current, or is one of another atom.
///
/// It gives the value back that was to be committed, and says what is current instead.
///
/// # Examples
///
/// ```
/// use atomos::{Atom, Snapshot};
///
/// let atom = Atom::new(String::from("a"));
/// let stale = atom.load();
/// atom.reset("b".into());
///
/// let conflict = atom.compare_exchange(&stale, "c".into()).unwrap_err();
/// assert_eq!(*conflict.current, "b");
/// assert_eq!(conflict.rejected, "c");
/// ```
pub struct Conflict<T> {
    /// What is current, at some moment of the call.
    pub current: Snapshot<T>,
    /// The value that was not committed.
    pub rejected: T,
}

impl<T> fmt::Debug for Conflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conflict")
            .field("current_version", &Snapshot::version(&self.current))
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Conflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the expected snapshot is no longer current: the atom is at version {}",
            Snapshot::version(&self.current)
        )
    }
}

impl<T> error::Error for Conflict<T> {}
