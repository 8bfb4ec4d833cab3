//! A reference together with a stamp or a mark, changed as one.

use std::{fmt, panic, sync::Arc};

use arc_swap::ArcSwap;

use crate::wait::panics::{Quiet, drop_quietly};

/// What both are: one allocation for each pair, replaced as a whole.
struct Tagged<T, M>(ArcSwap<(Arc<T>, M)>);

impl<T, M: Copy + PartialEq> Tagged<T, M> {
    fn new(value: T, tag: M) -> Self {
        Self(ArcSwap::from_pointee((Arc::new(value), tag)))
    }

    fn get(&self) -> (Arc<T>, M) {
        let pair = self.0.load();
        (pair.0.clone(), pair.1)
    }

    fn set(&self, reference: Arc<T>, tag: M) {
        drop_quietly(self.0.swap(Arc::new((reference, tag))));
    }

    /// Replaces a pair that `matches` by `new`; false if the current one does not.
    fn replace(&self, matches: impl Fn(&Arc<T>, M) -> bool, new: (Arc<T>, M)) -> bool {
        let new = Quiet::new(Arc::new(new));
        let mut current = Quiet::new(self.0.load_full());
        while matches(&current.get().0, current.get().1) {
            if Arc::ptr_eq(&current.get().0, &new.get().0) && current.get().1 == new.get().1 {
                return true;
            }
            let previous = self.0.compare_and_swap(current.get(), new.get().clone());
            let previous = Quiet::new(Arc::clone(&previous));
            if Arc::ptr_eq(previous.get(), current.get()) {
                return true;
            }
            current = previous;
        }
        false
    }
}

/// A reference with a number beside it, which tells apart a reference that came back.
///
/// The pair is replaced as a whole, one allocation for each; both are compared, the reference
/// by identity. It cannot be awaited: for that, put the pair into an [`Atom`](crate::Atom), whose
/// [`compare_exchange`](crate::Atom::compare_exchange) tells commits apart by itself.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// let head = atomos::AtomicStampedReference::new("a", 0);
/// let (a, stamp) = head.get();
/// head.set(Arc::new("b"), stamp + 1);
/// head.set(a.clone(), stamp + 2);
/// assert!(!head.compare_and_set(&a, Arc::new("c"), stamp, stamp + 1));
/// ```
pub struct AtomicStampedReference<T>(Tagged<T, u64>);

impl<T> AtomicStampedReference<T> {
    /// A reference to `value`, with a stamp.
    pub fn new(value: T, stamp: u64) -> Self {
        Self(Tagged::new(value, stamp))
    }

    /// Reference and stamp, of one moment.
    pub fn get(&self) -> (Arc<T>, u64) {
        self.0.get()
    }

    /// The reference.
    #[doc(alias("getReference"))]
    pub fn reference(&self) -> Arc<T> {
        self.get().0
    }

    /// The stamp.
    #[doc(alias("getStamp"))]
    pub fn stamp(&self) -> u64 {
        self.get().1
    }

    /// Replaces both.
    pub fn set(&self, reference: Arc<T>, stamp: u64) {
        self.0.set(reference, stamp);
    }

    /// Replaces both, if both are what is expected; false if one is not.
    /// Replacing a pair by the same pair writes nothing.
    #[doc(alias("compareAndSet", "weakCompareAndSet"))]
    pub fn compare_and_set(
        &self,
        expected: &Arc<T>,
        new: Arc<T>,
        expected_stamp: u64,
        new_stamp: u64,
    ) -> bool {
        self.0.replace(
            |reference, stamp| Arc::ptr_eq(reference, expected) && stamp == expected_stamp,
            (new, new_stamp),
        )
    }

    /// Replaces the stamp, if the reference is what is expected; false if it is not.
    #[doc(alias("attemptStamp"))]
    pub fn attempt_stamp(&self, expected: &Arc<T>, new_stamp: u64) -> bool {
        self.0.replace(
            |reference, _| Arc::ptr_eq(reference, expected),
            (expected.clone(), new_stamp),
        )
    }
}

impl<T: fmt::Debug> fmt::Debug for AtomicStampedReference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reference, stamp) = self.get();
        f.debug_struct("AtomicStampedReference")
            .field("reference", &reference)
            .field("stamp", &stamp)
            .finish()
    }
}

impl<T> panic::UnwindSafe for AtomicStampedReference<T> {}
impl<T> panic::RefUnwindSafe for AtomicStampedReference<T> {}

/// A reference with a flag beside it, as for a node that is about to be removed.
///
/// The pair is replaced as a whole, one allocation for each; both are compared, the reference
/// by identity. It cannot be awaited: for that, put the pair into an [`Atom`](crate::Atom), whose
/// [`compare_exchange`](crate::Atom::compare_exchange) tells commits apart by itself.
///
/// # Examples
///
/// ```
/// let node = atomos::AtomicMarkableReference::new("node", false);
/// let reference = node.reference();
/// assert!(node.attempt_mark(&reference, true));
/// assert!(node.is_marked());
/// ```
pub struct AtomicMarkableReference<T>(Tagged<T, bool>);

impl<T> AtomicMarkableReference<T> {
    /// A reference to `value`, with a mark.
    pub fn new(value: T, mark: bool) -> Self {
        Self(Tagged::new(value, mark))
    }

    /// Reference and mark, of one moment.
    pub fn get(&self) -> (Arc<T>, bool) {
        self.0.get()
    }

    /// The reference.
    #[doc(alias("getReference"))]
    pub fn reference(&self) -> Arc<T> {
        self.get().0
    }

    /// The mark.
    #[doc(alias("isMarked"))]
    pub fn is_marked(&self) -> bool {
        self.get().1
    }

    /// Replaces both.
    pub fn set(&self, reference: Arc<T>, mark: bool) {
        self.0.set(reference, mark);
    }

    /// Replaces both, if both are what is expected; false if one is not.
    /// Replacing a pair by the same pair writes nothing.
    #[doc(alias("compareAndSet", "weakCompareAndSet"))]
    pub fn compare_and_set(
        &self,
        expected: &Arc<T>,
        new: Arc<T>,
        expected_mark: bool,
        new_mark: bool,
    ) -> bool {
        self.0.replace(
            |reference, mark| Arc::ptr_eq(reference, expected) && mark == expected_mark,
            (new, new_mark),
        )
    }

    /// Replaces the mark, if the reference is what is expected; false if it is not.
    #[doc(alias("attemptMark"))]
    pub fn attempt_mark(&self, expected: &Arc<T>, new_mark: bool) -> bool {
        self.0.replace(
            |reference, _| Arc::ptr_eq(reference, expected),
            (expected.clone(), new_mark),
        )
    }
}

impl<T: fmt::Debug> fmt::Debug for AtomicMarkableReference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reference, mark) = self.get();
        f.debug_struct("AtomicMarkableReference")
            .field("reference", &reference)
            .field("mark", &mark)
            .finish()
    }
}

impl<T> panic::UnwindSafe for AtomicMarkableReference<T> {}
impl<T> panic::RefUnwindSafe for AtomicMarkableReference<T> {}
