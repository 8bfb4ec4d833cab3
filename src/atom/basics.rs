//! Making an atom, and reading it.

use std::sync::Arc;

use super::{
    Atom,
    view::{AtomView, Shared},
};
use crate::{reader::Reader, snapshot::Snapshot};

/// # Making one
impl<T> Atom<T> {
    /// A new atom with `value` at version 0.
    ///
    /// # Panics
    ///
    /// On x86-64 and aarch64, if the allocator returns an address beyond 48 bits, as do all
    /// methods that commit: `--cfg atomos_portable` builds the crate without that limit.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(5);
    /// assert_eq!((*atom.load(), atom.version()), (5, 0));
    /// ```
    pub fn new(value: T) -> Self {
        Self(AtomView(Arc::new(Shared::new(value))))
    }
}

/// # Reading
impl<T> Atom<T> {
    /// The current value with its version. Never waits: one atomic addition.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(5);
    /// let five = atom.load();
    /// atom.reset(6);
    /// assert_eq!((*five, *atom.load()), (5, 6));
    /// ```
    #[doc(alias("deref", "get", "borrow"))]
    #[inline]
    pub fn load(&self) -> Snapshot<T> {
        self.0.load()
    }

    /// Runs `f` on the current value. It costs what [`load`](Self::load) and a drop of the snapshot do.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(String::from("seven"));
    /// assert_eq!(atom.with(|s| s.len()), 5);
    /// ```
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }

    /// How many commits there have been.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new('a');
    /// atom.reset('a');
    /// assert_eq!(atom.version(), 1, "a write of the same value is a commit");
    /// ```
    pub fn version(&self) -> u64 {
        self.0.version()
    }

    /// A handle for reading often: an unchanged value costs it one load and a comparison.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// let mut reader = atom.reader();
    /// atom.reset(2);
    /// assert_eq!(*reader.get(), 2);
    /// ```
    pub fn reader(&self) -> Reader<T> {
        self.0.reader()
    }
}
