//! [`Reader`]: reading an atom without sharing anything while it does not change.

use std::fmt;

use crate::{atom::view::AtomView, snapshot::Snapshot};

/// A read handle with its own cached snapshot.
///
/// An unchanged value costs one load and a comparison, and writes nothing: readers on many cores
/// do not disturb one another. (Commits do, and so does every [`load`](crate::Atom::load) or
/// [`with`](crate::Atom::with) of the same atom, which counts in the word that readers look at.) A
/// changed one costs a `load` more. Every [`get`](Self::get) is as fresh as a `load` would be.
///
/// A reader keeps the snapshot it saw last alive, until it looks again. It keeps the value
/// readable but not the atom open.
///
/// # Examples
///
/// ```
/// let atom = atomos::Atom::new(1);
/// let mut reader = atom.reader();
/// assert_eq!(*reader.get(), 1);
/// atom.reset(2);
/// assert_eq!(*reader.get(), 2);
/// ```
pub struct Reader<T> {
    view: AtomView<T>,
    seen: Snapshot<T>,
}

impl<T> Reader<T> {
    pub(crate) fn new(view: AtomView<T>) -> Self {
        let seen = view.load();
        Self { view, seen }
    }

    /// The current value.
    #[inline]
    pub fn get(&mut self) -> &T {
        self.snapshot()
    }

    /// The current value with its version.
    #[inline]
    pub fn snapshot(&mut self) -> &Snapshot<T> {
        if self.view.cell().peek(&self.seen.0).is_none() {
            self.renew();
        }
        &self.seen
    }

    #[cold]
    fn renew(&mut self) {
        self.seen = self.view.load();
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self {
            view: self.view.clone(),
            seen: self.seen.clone(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
