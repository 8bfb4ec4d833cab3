//! [`AtomicReference`]: a shared `Arc` that is replaced as a whole.

mod tagged;

// In the order in which the documentation is to show their methods, hence apart.
mod basics;

mod waits;

#[cfg(not(loom))]
mod threads;

pub use self::tagged::{AtomicMarkableReference, AtomicStampedReference};

use std::{fmt, panic, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    sync::{
        full_barrier,
        late_box::{LateBox, Marks},
    },
    wait::{
        arrivals::Write,
        listeners::Listeners,
        mailbox::Event,
        panics::drop_quietly,
        presence::Presence,
        roster::{Name, Observer},
        source::{Registered, Source},
    },
};

/// A reference that many threads replace, and whose changes can be awaited.
///
/// It holds an `Arc<T>` and compares by identity, as Java's does: two `Arc`s are the same if they
/// point to one allocation, whatever is in it. An [`Atom`](crate::Atom) is the better
/// choice where a value is to be *updated*: it has versions, ordered delivery and watches. This is
/// for `Arc`s that come from elsewhere and go elsewhere.
///
/// It stands on [`arc_swap`]: reading counts a reference at most, writing costs more the
/// more threads have ever used arc-swap. For waits nothing is allocated until somebody waits.
///
/// Every writer offers what it has written to those who wait, as with
/// [`Atomic`](crate::Atomic#writes-and-waits): a wait costs each write a short lock and a call of
/// its closure.
///
/// A destructor that panics while arc-swap replaces the reference (rarely, and only if a reader is in the middle
/// of a look) may keep a write from telling those who wait; the next write does.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use atomos::AtomicReference;
///
/// let leader = AtomicReference::new(String::from("ada"));
/// let ada = leader.get();
/// assert!(leader.compare_and_set(&ada, Arc::new("alan".into())));
/// assert!(!leader.compare_and_set(&ada, Arc::new("grace".into())));
/// assert_eq!(*leader.get(), "alan");
/// ```
pub struct AtomicReference<T> {
    value: ArcSwap<T>,
    /// Made when somebody waits for the first time, and marked while somebody may wait.
    listeners: LateBox<Listeners<Arc<T>>>,
}

impl<T> Event for Arc<T> {
    fn identity(&self) -> u64 {
        Arc::as_ptr(self).addr() as u64
    }
}

impl<T> AtomicReference<T> {
    fn listeners(&self) -> &Listeners<Arc<T>> {
        self.listeners.get_or_make(Listeners::new)
    }

    /// Precedes every write: how many waits have begun.
    fn begun(&self) -> u64 {
        let listeners = self.listeners.marked();
        listeners.map_or(0, |(listeners, _)| listeners.arrivals().so_far())
    }

    /// Follows every write: tells those who wait.
    fn wrote(&self, begun: u64, old: &Arc<T>, new: Arc<T>) {
        // What arc-swap orders is its own matter.
        full_barrier();
        match self.listeners.marked() {
            Some((listeners, _)) => {
                let old = old.clone();
                listeners.tell(Write { old, new, begun }, self);
            }
            None => drop_quietly(new),
        }
    }
}

/// The one register of those who wait for a reference has the first mark.
impl<T> Presence<Arc<T>> for AtomicReference<T> {
    fn look(&self) -> Arc<T> {
        // As in `wrote`: between what a wait has announced, its number as well, and this.
        full_barrier();
        self.get()
    }

    fn raise(&self) -> bool {
        self.listeners.mark(Marks::FIRST)
    }

    fn lower(&self) {
        self.listeners.unmark(Marks::FIRST);
    }
}

impl<T> Source for AtomicReference<T> {
    type Event = Arc<T>;

    fn register(&self, observer: Observer<Arc<T>>) -> Registered<Arc<T>> {
        let seen = self.listeners().register(observer, self);
        Registered::Since(seen, Vec::new())
    }

    fn withdraw(&self, observer: Name) -> bool {
        self.listeners().withdraw(observer)
    }

    fn tidy(&self) {
        self.listeners().tidy(self);
    }

    fn look(&self) -> Arc<T> {
        self.get()
    }

    #[cfg(not(loom))]
    fn is_deliverer(&self) -> bool {
        self.listeners().is_deliverer()
    }
}

impl<T> From<Arc<T>> for AtomicReference<T> {
    fn from(value: Arc<T>) -> Self {
        Self {
            value: ArcSwap::new(value),
            listeners: LateBox::new(),
        }
    }
}

impl<T: Default> Default for AtomicReference<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for AtomicReference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtomicReference").field(&self.get()).finish()
    }
}

// A closure that panics changes nothing, and a reference is always whole.
impl<T> panic::UnwindSafe for AtomicReference<T> {}
impl<T> panic::RefUnwindSafe for AtomicReference<T> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart_by_what_they_refer_to() {
        let one = Arc::new(1);
        assert_eq!(one.identity(), one.clone().identity());
        assert_ne!(one.identity(), Arc::new(1).identity());
    }
}
