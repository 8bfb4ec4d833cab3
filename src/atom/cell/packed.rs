//! The cell as one 64-bit word: address, references handed out, flags.
//!
//! ```text
//!  63            48 47                                       3   1   0
//! +----------------+------------------------------------------+---+---+
//! |     taken      |            address of the node           | C | W |
//! +----------------+------------------------------------------+---+---+
//! ```
//!
//! Addresses of user space fit into 48 bits on x86-64 and aarch64 (and into 32 where
//! pointers have 32), and nodes are aligned to 8, so both ends of the word are free. An
//! allocation that does not fit is refused with a panic before it is published.
//!
//! **Counting.** A node is born with `PREPAID` references that belong to the cell. A reader
//! takes one by adding 1 to `taken`: one atomic addition yields the address and makes
//! the node stay, there is no moment in between. Whoever replaces the node reads the
//! final `taken` in the same compare-and-swap, and gives back the `PREPAID - taken`
//! references that nobody took. So the node's own count is, at any time,
//!
//! ```text
//! refs = references alive + (PREPAID - taken, while it is current)
//! ```
//!
//! and it reaches zero exactly when the node is not current and nobody refers to it.
//!
//! **Topping up.** A reader that finds `taken` half full prepays `HALF` more in the node,
//! then lowers `taken` by `HALF` with a compare-and-swap; if that fails because another
//! reader was quicker or the node was replaced, it takes the `HALF` back. It holds a
//! reference all the while, so the node cannot go. `taken` could only overflow if
//! 32 768 threads were stopped between their addition and the top-up it asks for; at
//! half of that the process is aborted.
//!
//! **No ABA.** A publisher holds a reference to the node that it expects, so its address
//! cannot be in the word again for another node.
//!
//! **Orderings.** Every change of the word is a read-modify-write, a Relaxed one too, so all of them
//! form one release sequence: whoever reads the word with Acquire has acquired everything that any
//! earlier change of it released. The delivery protocol builds on that. `SeqCst` is for
//! users with several atoms: commits and loads of all atoms have one order that every
//! thread agrees on. A model checker that treats it as acquire-release cannot tell
//! the difference, which is why weakening it fails no model.
//!
//! The idea is that of split reference counts (Williams, *C++ Concurrency in Action*, 7.2.4).

#![allow(unsafe_code)]

use std::{marker::PhantomData, ptr::NonNull};

use super::{
    super::node::{Draft, Node, NodeRef, PREPAID, Retired},
    Flags, Published, Touched,
};
use crate::sync::{AtomicU64, Ordering};

/// The whole word at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(u64);

const TAKEN_SHIFT: u32 = 48;
const TAKE_ONE: u64 = 1 << TAKEN_SHIFT;
const FLAGS: u64 = 0b111;
const ADDRESS: u64 = (TAKE_ONE - 1) & !FLAGS;

/// How many references are taken before a reader tops up. Two under the model checker, so
/// that models reach it.
const HALF: usize = if cfg!(loom) { 2 } else { PREPAID / 2 };
/// Topping up has failed to keep pace with so many readers at once.
const LIMIT: usize = PREPAID / 4 * 3;

impl State {
    fn new<T>(node: NonNull<Node<T>>, flags: Flags) -> Self {
        Self(node.as_ptr().expose_provenance() as u64 | u64::from(flags.0))
    }

    #[inline]
    fn node<T>(self) -> *mut Node<T> {
        std::ptr::with_exposed_provenance_mut((self.0 & ADDRESS) as usize)
    }

    #[inline]
    fn holds<T>(self, node: &NodeRef<T>) -> bool {
        self.node() == node.address().as_ptr()
    }

    #[inline]
    fn taken(self) -> usize {
        (self.0 >> TAKEN_SHIFT) as usize
    }

    #[inline]
    pub(crate) fn flags(self) -> Flags {
        Flags((self.0 & FLAGS) as u8)
    }
}

/// See the [module](self).
pub(crate) struct Cell<T> {
    word: AtomicU64,
    owns: PhantomData<NodeRef<T>>,
}

impl<T> Cell<T> {
    pub(crate) fn new(value: T) -> Self {
        let draft = Self::draft(value, 0);
        let word = State::new(draft.address(), Flags::NONE);
        drop(draft.published());
        Self {
            word: AtomicU64::new(word.0),
            owns: PhantomData,
        }
    }

    /// A node that this kind of cell can publish.
    ///
    /// # Panics
    ///
    /// If the allocator returned an address that does not fit into 48 bits.
    #[inline]
    pub(crate) fn draft(value: T, version: u64) -> Draft<T> {
        let draft = Draft::new(value, version);
        let address = draft.address().as_ptr().addr() as u64;
        assert!(
            address & !ADDRESS == 0,
            "the allocator's addresses exceed 48 bits: build atomos with `--cfg atomos_portable`"
        );
        draft
    }

    /// A reference to the current node, and the state it was taken from.
    #[inline]
    pub(crate) fn load(&self) -> (NodeRef<T>, State) {
        // SeqCst: see the module. Acquire in it: pairs with `publish`, so that the
        // node's content is seen. Release in it: a registration's word is acquired by
        // whoever reads the word after it (see `delivery`).
        let before = State(self.word.fetch_add(TAKE_ONE, Ordering::SeqCst));
        // SAFETY: the word's node is current, hence published and not freed, since the cell has
        // references to it; one of these was taken by the addition just made.
        let node = unsafe { self.adopt(before) };
        if before.taken() >= HALF {
            self.top_up(&node, before);
        }
        (node, State(before.0.wrapping_add(TAKE_ONE)))
    }

    /// # Safety
    ///
    /// 1. `state` was read from this cell, and its node has not been freed.
    /// 2. One reference to it, prepaid by the cell, becomes the result's.
    #[inline]
    unsafe fn adopt(&self, state: State) -> NodeRef<T> {
        // SAFETY: a cell's word always holds the address of a node.
        let node = unsafe { NonNull::new_unchecked(state.node()) };
        // SAFETY: the duties are the same.
        unsafe { NodeRef::adopt(node) }
    }

    #[cold]
    fn top_up(&self, node: &NodeRef<T>, seen: State) {
        if seen.taken() >= LIMIT {
            std::process::abort();
        }
        node.prepay(HALF);
        // Relaxed: the address is compared, nothing is read through it.
        let mut word = self.word.load(Ordering::Relaxed);
        while State(word).holds(node) && State(word).taken() >= HALF {
            // Release: whoever replaces the node acquires the addition made to its count. No
            // Acquire: nothing is read on the strength of it.
            let lowered = word - HALF as u64 * TAKE_ONE;
            match self.word.compare_exchange_weak(
                word,
                lowered,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        node.give_back(HALF);
    }

    /// Runs `f` on the current node.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&NodeRef<T>) -> R) -> R {
        f(&self.load().0)
    }

    /// The state, if `node` is the current one.
    #[inline]
    pub(crate) fn peek(&self, node: &NodeRef<T>) -> Option<State> {
        // SeqCst: see the module. Acquire in it: as in `load`.
        let state = State(self.word.load(Ordering::SeqCst));
        state.holds(node).then_some(state)
    }

    /// Makes `draft` the current node if `expected` still is; `state` is a guess at the word.
    #[inline]
    pub(crate) fn publish(
        &self,
        expected: NodeRef<T>,
        state: State,
        mut draft: Draft<T>,
    ) -> Result<Published<T>, Draft<T>> {
        let node = expected.address();
        let mut guess = state;
        // Here or linked to the draft, as the flags ask for: one reference either way.
        let mut expected = Some(expected);
        while guess.node() == node.as_ptr() {
            let flags = guess.flags();
            if flags.is_watched() == expected.is_some() {
                expected = draft.set_previous(expected);
            }
            let next = State::new(draft.address(), flags);
            // SeqCst: see the module. Release in it: publishes the node, its link and what
            // the writer did before. Acquire in it: what was released with the node replaced.
            match self
                .word
                .compare_exchange(guess.0, next.0, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => {
                    let unused = PREPAID - guess.taken();
                    let old = match expected {
                        Some(expected) => Retired::new(expected, unused),
                        // SAFETY: the node was current until now, and of the references that
                        // nobody took, of which there is at least one, this is one.
                        None => Retired::new(unsafe { NodeRef::adopt(node) }, unused - 1),
                    };
                    let new = draft.published();
                    return Ok(Published { new, flags, old });
                }
                Err(now) => guess = State(now),
            }
        }
        drop(expected.or_else(|| draft.set_previous(None)));
        Err(draft)
    }

    /// Sets `flag`, and returns the state it is set in: what is committed afterwards
    /// is committed under the flag.
    pub(crate) fn raise(&self, flag: Flags, _: &mut Touched<T>) -> (NodeRef<T>, State) {
        // Relaxed: flags are cleared under a lock that those who raise them hold, or never.
        if self.word.load(Ordering::Relaxed) & u64::from(flag.0) == 0 {
            // Release: whoever finds the atom closed sees what all owners did before they left. As for
            // an observer, the load that follows releases it; a commit in between is not that observer's.
            self.word.fetch_or(u64::from(flag.0), Ordering::Release);
        }
        self.load()
    }

    /// Clears `flag` if `current` is still the current node.
    pub(crate) fn lower(&self, current: &NodeRef<T>, flag: Flags, _: &mut Touched<T>) -> bool {
        // Relaxed: the address is compared, nothing is read through it.
        let mut word = self.word.load(Ordering::Relaxed);
        while State(word).holds(current) {
            // Relaxed: it is of the release sequence all the same, and has nothing of its own to
            // release: who raises the flag again does so under the lock that is held now.
            let lowered = word & !u64::from(flag.0);
            let order = Ordering::Relaxed;
            match self.word.compare_exchange_weak(word, lowered, order, order) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }
}

impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        // Relaxed: a plain load would do, since `&mut self` comes after everything. The count that
        // says so is std's `Arc`, which models do not see; a read-modify-write needs no help.
        let state = State(self.word.swap(0, Ordering::Relaxed));
        // SAFETY: as in `load`: the node is current; the reference adopted is one of the
        // prepaid ones that nobody took, of which there is at least one.
        let node = unsafe { self.adopt(state) };
        drop(Retired::new(node, PREPAID - state.taken() - 1));
    }
}
