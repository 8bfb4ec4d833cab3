//! What an atom's handles share, and the handle that only reads.

use std::{fmt, panic, sync::Arc};

use super::{cell::Cell, delivery::Hub};
use crate::{
    reader::Reader,
    snapshot::Snapshot,
    sync::{AtomicUsize, Lazy},
};

/// The atom itself.
pub(crate) struct Shared<T> {
    cell: Cell<T>,
    /// How many `Atom`s there are.
    pub(super) handles: AtomicUsize,
    /// Made when somebody observes for the first time.
    hub: Lazy<Box<Hub<T>>>,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            cell: Cell::new(value),
            handles: AtomicUsize::new(1),
            hub: Lazy::new(Hub::boxed),
        }
    }
}

/// A read-only handle of an [`Atom`](crate::Atom): everything but writing.
///
/// A view does not keep the atom open. When the last `Atom` is gone, waits and streams of
/// a view first deliver what was committed, then end: streams with `None`, waits with
/// [`Closed`](crate::Closed). A predicate that holds for the last value wins over `Closed`.
/// The last value can still be loaded.
///
/// # Examples
///
/// ```
/// use atomos::{Atom, Closed};
///
/// # futures::executor::block_on(async {
/// let atom = Atom::new(1);
/// let view = atom.view();
/// atom.reset(2);
/// drop(atom);
///
/// assert!(view.is_closed());
/// assert_eq!(*view.load(), 2);
/// assert_eq!(*view.wait_for(|n| *n == 2).await.unwrap(), 2);
/// assert_eq!(view.wait_for(|n| *n == 3).await, Err(Closed));
/// # });
/// ```
pub struct AtomView<T>(pub(super) Arc<Shared<T>>);

impl<T> AtomView<T> {
    #[inline]
    pub(crate) fn cell(&self) -> &Cell<T> {
        &self.0.cell
    }

    #[inline]
    pub(crate) fn hub(&self) -> &Hub<T> {
        self.0.hub.get(Hub::boxed)
    }

    /// See [`Atom::load`](crate::Atom::load).
    #[inline]
    pub fn load(&self) -> Snapshot<T> {
        Snapshot(self.cell().load().0)
    }

    /// See [`Atom::with`](crate::Atom::with).
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.cell().with(|node| f(node.value()))
    }

    /// How many commits there have been.
    pub fn version(&self) -> u64 {
        self.cell().with(|node| node.version())
    }

    /// A handle for reading often: an unchanged value costs it one load and a comparison.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(self.clone())
    }

    /// Whether the last [`Atom`](crate::Atom) handle is gone, so that the value is final.
    ///
    /// To wait for that: `view.wait_for(|_| false).await`, which ends with `Closed`.
    pub fn is_closed(&self) -> bool {
        self.cell().load().1.flags().is_closed()
    }

    /// Whether both are handles of the same atom.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result
    where
        T: fmt::Debug,
    {
        let value = self.load();
        f.debug_struct(name)
            .field("value", &value)
            .field("version", &Snapshot::version(&value))
            .finish()
    }
}

impl<T> Clone for AtomView<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for AtomView<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe("AtomView", f)
    }
}

// As for `Atom`.
impl<T> panic::UnwindSafe for AtomView<T> {}
impl<T> panic::RefUnwindSafe for AtomView<T> {}
