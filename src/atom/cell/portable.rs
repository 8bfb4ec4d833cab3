//! The cell as an allocation that arc-swap publishes: for targets where a node's address
//! leaves no room in a word.
//!
//! Node and flags stand in one immutable record, so that every change of either is one
//! compare-and-swap of the record, as in [`packed`](super::packed). It costs an allocation more
//! for each commit, and what arc-swap's writes cost; the protocols above the seam are the same.
//!
//! **A destructor under a lock.** A look that a commit overtakes in its few instructions, before a second
//! commit follows, may leave arc-swap with the last reference to the record in between, and to its node.
//! Then the value is dropped within the look; and where that is made under the register's lock, its
//! destructor must not register with the same atom. The packed cell knows nothing of the kind.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{
    super::node::{Draft, NodeRef, PREPAID, Retired},
    Flags, Published, Touched,
};

pub(super) struct Record<T> {
    node: NodeRef<T>,
    pub(super) flags: Flags,
}

/// The state a node was loaded in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(Flags);

impl State {
    pub(crate) fn flags(self) -> Flags {
        self.0
    }
}

/// See the [module](self).
pub(crate) struct Cell<T>(ArcSwap<Record<T>>);

impl<T> Cell<T> {
    pub(crate) fn new(value: T) -> Self {
        let node = Self::draft(value, 0).published();
        node.give_back(PREPAID);
        let flags = Flags::NONE;
        Self(ArcSwap::from_pointee(Record { node, flags }))
    }

    pub(crate) fn draft(value: T, version: u64) -> Draft<T> {
        Draft::new(value, version)
    }

    pub(crate) fn load(&self) -> (NodeRef<T>, State) {
        let record = self.0.load();
        (record.node.clone(), State(record.flags))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&NodeRef<T>) -> R) -> R {
        // A full reference: a guard may not be held while code of the user runs.
        f(&self.0.load_full().node)
    }

    pub(crate) fn peek(&self, node: &NodeRef<T>) -> Option<State> {
        let record = self.0.load();
        (record.node.address() == node.address()).then_some(State(record.flags))
    }

    pub(crate) fn publish(
        &self,
        expected: NodeRef<T>,
        _: State,
        mut draft: Draft<T>,
    ) -> Result<Published<T>, Draft<T>> {
        loop {
            let record = self.0.load();
            if record.node.address() != expected.address() {
                drop(draft.set_previous(None));
                return Err(draft);
            }
            let flags = record.flags;
            let link = flags.is_watched().then(|| expected.clone());
            drop(draft.set_previous(link));
            let next = Arc::new(Record {
                node: draft.share(),
                flags,
            });
            let replaced = Guard::into_inner(self.0.compare_and_swap(&record, next));
            if Arc::ptr_eq(&replaced, &record) {
                let new = draft.published();
                new.give_back(PREPAID);
                // The cell's reference goes with the replaced record.
                let old = Retired::new(expected, 0);
                return Ok(Published { new, flags, old });
            }
        }
    }

    pub(crate) fn raise(&self, flag: Flags, touched: &mut Touched<T>) -> (NodeRef<T>, State) {
        self.edit(touched, |record| Some(Flags(record.flags.0 | flag.0)));
        let record = self.0.load();
        touched.push(record.node.clone());
        (record.node.clone(), State(record.flags))
    }

    pub(crate) fn lower(
        &self,
        current: &NodeRef<T>,
        flag: Flags,
        touched: &mut Touched<T>,
    ) -> bool {
        self.edit(touched, |record| {
            (record.node.address() == current.address()).then_some(Flags(record.flags.0 & !flag.0))
        })
    }

    /// Changes the flags until that succeeds or `f` declines.
    pub(super) fn edit(
        &self,
        touched: &mut Touched<T>,
        mut f: impl FnMut(&Record<T>) -> Option<Flags>,
    ) -> bool {
        loop {
            let record = self.0.load();
            // A writer may replace the record and leave it to the guards held here: they drop
            // it, and not the node.
            touched.push(record.node.clone());
            let Some(flags) = f(&record) else {
                return false;
            };
            let node = record.node.clone();
            let next = Arc::new(Record { node, flags });
            let replaced = self.0.compare_and_swap(&record, next);
            touched.push(replaced.node.clone());
            if Arc::ptr_eq(&replaced, &record) {
                return true;
            }
        }
    }
}
