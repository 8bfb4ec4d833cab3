//! The allocation behind a snapshot: a value, its version and a count of references.
//!
//! A node is one allocation and dies with its last reference. References are counted here,
//! except those that the atom's cell has prepaid: a node is born with [`PREPAID`]
//! references for the cell, which hands them out one by one without touching the node, and
//! gives the rest back when the node is replaced (see `cell::packed`).
//!
//! While observers wait, a new node also holds its predecessor, from the commit until the
//! delivery of the commit: that is how the deliverer finds all commits in order, whoever
//! made them and however far he has got since. Links point backwards only and are taken
//! by the delivery, so a snapshot keeps neither later nor (delivered) earlier values alive.

#![allow(unsafe_code)]

use std::{
    marker::PhantomData,
    mem::{ManuallyDrop, forget, replace},
    ptr::NonNull,
};

use crate::{
    sync::{AtomicUsize, Ordering, UnsafeCell},
    wait::panics,
};

/// References a node is born with for the cell that publishes it: more than the cell can
/// hand out before it is topped up.
pub(crate) const PREPAID: usize = 1 << 16;

/// `Arc`'s limit: so many references cannot exist without leaking them in a loop.
const LIMIT: usize = isize::MAX as usize;

// Aligned for the flags beside the address in the packed cell, on every target.
#[repr(align(8))]
pub(crate) struct Node<T> {
    refs: AtomicUsize,
    version: u64,
    /// Written before the node is published, then only by the carrier of the desk.
    previous: UnsafeCell<Option<NodeRef<T>>>,
    value: T,
}

/// One reference to a node.
pub(crate) struct NodeRef<T>(NonNull<Node<T>>, PhantomData<Node<T>>);

// SAFETY: a reference gives out `&T` and, as the last one, drops the `T`: as with `Arc`,
// sending or sharing it needs both `Send` and `Sync`. The count is atomic; `previous` is
// touched by one thread at a time (see `take_previous`).
unsafe impl<T: Send + Sync> Send for NodeRef<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for NodeRef<T> {}

// As for `Arc`: moving the reference does not move the value.
impl<T> Unpin for NodeRef<T> {}

impl<T> Node<T> {
    /// An unpublished node: one reference for the caller, [`PREPAID`] for the cell.
    #[inline]
    fn boxed(value: T, version: u64) -> Box<Self> {
        Box::new(Self {
            refs: AtomicUsize::new(PREPAID + 1),
            version,
            previous: UnsafeCell::new(None),
            value,
        })
    }
}

/// A node that nobody else has seen yet.
pub(crate) struct Draft<T>(NodeRef<T>);

impl<T> Draft<T> {
    #[inline]
    pub(crate) fn new(value: T, version: u64) -> Self {
        let node = NonNull::from(Box::leak(Node::boxed(value, version)));
        Self(NodeRef(node, PhantomData))
    }

    #[inline]
    pub(crate) fn address(&self) -> NonNull<Node<T>> {
        self.0.0
    }

    /// For another attempt, on another predecessor.
    pub(crate) fn set_version(&mut self, version: u64) {
        // SAFETY: as in `set_previous`: nobody else has a reference to the node.
        unsafe { self.0.0.as_mut() }.version = version;
    }

    /// Sets the predecessor, which the delivery of this commit will take; gives back the one
    /// that an earlier attempt had set.
    #[inline]
    pub(crate) fn set_previous(&mut self, previous: Option<NodeRef<T>>) -> Option<NodeRef<T>> {
        self.0.node().previous.with_mut(|place| {
            // SAFETY: a draft is known to its owner alone, who lends it exclusively.
            unsafe { replace(&mut *place, previous) }
        })
    }

    /// A second reference, for a cell that holds nodes by plain references.
    pub(crate) fn share(&self) -> NodeRef<T> {
        self.0.clone()
    }

    /// The cell has the prepaid references now; what remains is the caller's own.
    #[inline]
    pub(crate) fn published(self) -> NodeRef<T> {
        // SAFETY of the count: the draft's drop would free the node.
        let reference = NodeRef(self.0.0, PhantomData);
        forget(self);
        reference
    }

    /// The node by itself: no cell will have it.
    #[cfg(all(feature = "shm", not(loom)))]
    pub(crate) fn detached(self) -> NodeRef<T> {
        // Relaxed: nobody else has a reference yet.
        self.0.node().refs.store(1, Ordering::Relaxed);
        self.published()
    }

    /// The value back, because it was not wanted.
    pub(crate) fn into_value(self) -> T {
        let node = self.0.0;
        forget(self);
        // SAFETY: the node came from `Box::leak` in `new`, and was never published: this
        // is the only pointer to it.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        node.value
    }
}

impl<T> Drop for Draft<T> {
    fn drop(&mut self) {
        // The cell's part was never handed over; the own reference goes with the field.
        self.0.give_back(PREPAID);
    }
}

impl<T> NodeRef<T> {
    /// Takes over a reference that was counted elsewhere.
    ///
    /// # Safety
    ///
    /// 1. `node` was published by a cell and has not been freed.
    /// 2. One reference to it, counted in the node or prepaid by the cell, becomes the result's.
    #[inline]
    pub(crate) unsafe fn adopt(node: NonNull<Node<T>>) -> Self {
        Self(node, PhantomData)
    }

    #[inline]
    pub(crate) fn address(&self) -> NonNull<Node<T>> {
        self.0
    }

    #[inline]
    fn node(&self) -> &Node<T> {
        // SAFETY: this reference is counted, so the node is not freed before it is dropped.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn value(&self) -> &T {
        &self.node().value
    }

    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.node().version
    }

    /// `n` more references, counted in one step. One that is not taken is never given back.
    pub(crate) fn clone_many(&self, n: usize) -> impl Iterator<Item = Self> {
        self.prepay(n);
        (0..n).map(|_| Self(self.0, PhantomData))
    }

    /// Adds to the count: references that are made here, or that the cell will hand out.
    #[inline]
    pub(crate) fn prepay(&self, more: usize) {
        // Relaxed: the reference at hand keeps the node; the cell publishes what is added.
        let before = self.node().refs.fetch_add(more, Ordering::Relaxed);
        if before > LIMIT {
            std::process::abort();
        }
    }

    /// Takes from the count what was prepaid and nobody has taken.
    #[inline]
    pub(crate) fn give_back(&self, references: usize) {
        // Relaxed: nothing was done by means of those. It cannot be the end of the node here, for
        // the reference at hand remains.
        self.node().refs.fetch_sub(references, Ordering::Relaxed);
    }

    /// Takes the predecessor out of a delivered node.
    ///
    /// # Safety
    ///
    /// 1. The caller carries the desk of the atom whose commit this node is, so that no
    ///    other thread takes at the same time.
    /// 2. It has read the node, or a successor that was linked to it, from the cell.
    #[inline]
    pub(crate) unsafe fn take_previous(&self) -> Option<NodeRef<T>> {
        // SAFETY: (1) excludes other takers; the only other writer is the committing thread
        // before it published the node, which (2) orders before this.
        self.node()
            .previous
            .with_mut(|place| unsafe { (*place).take() })
    }
}

impl<T> Clone for NodeRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        self.prepay(1);
        Self(self.0, PhantomData)
    }
}

impl<T> Drop for NodeRef<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the one reference that this value stood for.
        unsafe { release(self.0, 1) }
    }
}

/// A replaced node: the references that the cell had been prepaid and nobody took, and
/// the one that its replacer had. All of them are given up in one step, when this is dropped.
pub(crate) struct Retired<T> {
    node: ManuallyDrop<NodeRef<T>>,
    others: usize,
}

impl<T> Retired<T> {
    #[inline]
    pub(crate) fn new(node: NodeRef<T>, others: usize) -> Self {
        Self {
            node: ManuallyDrop::new(node),
            others,
        }
    }

    pub(crate) fn node(&self) -> &NodeRef<T> {
        &self.node
    }
}

impl<T> Drop for Retired<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the field's own reference, which is not dropped otherwise, and the others,
        // which whoever replaced the node owns.
        unsafe { release(self.node.0, 1 + self.others) }
    }
}

/// Gives up references to a node; frees it if they were the last.
///
/// # Safety
///
/// The caller owns `references` references to `node`; they end here.
#[inline]
unsafe fn release<T>(node: NonNull<Node<T>>, references: usize) {
    // SAFETY: the caller's duty is ours.
    if unsafe { subtract(node, references) } {
        // SAFETY: `subtract` said that none are left.
        unsafe { free(node) }
    }
}

/// True if that was the last reference, and the node is the caller's to free.
///
/// # Safety
///
/// The caller owns `references` references to `node`; they end here.
#[inline]
unsafe fn subtract<T>(node: NonNull<Node<T>>, references: usize) -> bool {
    // SAFETY: the caller has not given them up yet, so the node is there.
    let refs = unsafe { &node.as_ref().refs };
    // Release: all uses through these references precede the end of the node.
    // Acquire: the one who frees it comes after all uses.
    refs.fetch_sub(references, Ordering::AcqRel) == references
}

/// Frees a node, and predecessors that hang on it alone: in a loop, since nothing limits
/// how many they are.
///
/// # Safety
///
/// Nobody has a reference to `node`, and nobody else frees it.
#[cold]
#[inline(never)]
unsafe fn free<T>(node: NonNull<Node<T>>) {
    let mut next = Some(node);
    while let Some(node) = next.take() {
        // SAFETY: it came from `Box::leak` in `Draft::new`, and is the caller's to free, or
        // `subtract` said below that it is ours.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        // SAFETY: as above, exclusive.
        let previous = node.previous.with_mut(|place| unsafe { (*place).take() });
        if let Some(previous) = previous {
            let address = previous.0;
            forget(previous);
            // SAFETY: the reference that was just forgotten.
            if unsafe { subtract(address, 1) } {
                next = Some(address);
            }
        }
        let rest = Chain(next);
        panics::drop_quietly(node);
        next = rest.go_on();
    }
}

/// The nodes still to be freed when a value's destructor panics.
struct Chain<T>(Option<NonNull<Node<T>>>);

impl<T> Chain<T> {
    fn go_on(mut self) -> Option<NonNull<Node<T>>> {
        self.0.take()
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            // SAFETY: `free` had found that nobody has a reference, and did not go on.
            unsafe { free(node) }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind, panic_any},
        sync::atomic::AtomicUsize as Count,
    };

    struct Counted<'a>(&'a Count, bool);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            if self.1 {
                panic_any(());
            }
        }
    }

    /// The last of a row of nodes, each of which keeps the one before it alive.
    fn chain<T>(values: impl IntoIterator<Item = T>) -> Option<NodeRef<T>> {
        values.into_iter().fold(None, |previous, value| {
            let mut draft = Draft::new(value, 0);
            draft.set_previous(previous);
            let node = draft.published();
            node.give_back(PREPAID);
            Some(node)
        })
    }

    #[test]
    fn g13_a_long_chain_is_freed_without_recursion() {
        let dropped = Count::new(0);
        drop(chain((0..500_000).map(|_| Counted(&dropped, false))));
        assert_eq!(dropped.into_inner(), 500_000);
    }

    #[test]
    fn g7_a_panicking_destructor_keeps_nothing_of_a_chain() {
        let dropped = Count::new(0);
        let last = chain((0..9).map(|n| Counted(&dropped, n == 4)));
        catch_unwind(AssertUnwindSafe(|| drop(last))).expect_err("the panic goes on");
        assert_eq!(dropped.into_inner(), 9);
    }
}
