//! [`AtomicReference`]: a shared `Arc` that is replaced as a whole.

mod tagged;
#[cfg(not(loom))]
mod threads;
mod waits;

pub use self::tagged::{AtomicMarkableReference, AtomicStampedReference};

use std::{fmt, panic, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    sync::{full_barrier, late_box::LateBox},
    wait::{
        listeners::Listeners,
        mailbox::Event,
        panics::{Quiet, drop_quietly},
        roster::Observer,
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
/// more threads have ever used arc-swap. Nothing is allocated until somebody waits.
///
/// Every writer offers what it has written to those who wait, as with
/// [`Atomic`](crate::Atomic#writes-and-waits).
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
    /// Made when somebody waits for the first time.
    listeners: LateBox<Listeners<Arc<T>>>,
}

impl<T> Event for Arc<T> {}

impl<T> AtomicReference<T> {
    /// A reference to `value`. For an `Arc` there is already, use [`From`].
    pub fn new(value: T) -> Self {
        Self::from(Arc::new(value))
    }

    /// The current reference.
    #[doc(alias("load", "load_full", "getPlain", "getAcquire"))]
    pub fn get(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Replaces the reference.
    #[doc(alias("store", "setRelease", "lazySet"))]
    pub fn set(&self, new: Arc<T>) {
        drop_quietly(self.get_and_set(new));
    }

    /// Replaces the reference, and returns the one before.
    #[doc(alias("swap", "getAndSet"))]
    pub fn get_and_set(&self, new: Arc<T>) -> Arc<T> {
        let previous = Quiet::new(self.value.swap(new.clone()));
        self.wrote(new);
        previous.into_inner()
    }

    /// Replaces the reference if it is the very `expected` one; false if it is not.
    #[doc(alias("compareAndSet", "weakCompareAndSet"))]
    pub fn compare_and_set(&self, expected: &Arc<T>, new: Arc<T>) -> bool {
        let outcome = Quiet::new(self.compare_and_exchange(expected, new));
        outcome.get().is_ok()
    }

    /// Replaces the reference if it is the very `expected` one. Returns the one before.
    ///
    /// # Errors
    ///
    /// The current reference, if it is another one; then nothing has changed, and `new` is
    /// dropped. Keep a clone of it to go on with.
    #[doc(alias("compare_exchange", "compareAndExchange", "compare_and_swap"))]
    pub fn compare_and_exchange(&self, expected: &Arc<T>, new: Arc<T>) -> Result<Arc<T>, Arc<T>> {
        let previous = Arc::clone(&self.value.compare_and_swap(expected, new.clone()));
        if Arc::ptr_eq(&previous, expected) {
            let previous = Quiet::new(previous);
            self.wrote(new);
            Ok(previous.into_inner())
        } else {
            drop_quietly(new);
            Err(previous)
        }
    }

    /// The loop behind the following: previous and new reference.
    ///
    /// A panic of `f`, or of a waker, must not meet one of a destructor.
    fn update(&self, mut f: impl FnMut(&Arc<T>) -> Arc<T>) -> (Quiet<Arc<T>>, Quiet<Arc<T>>) {
        let mut current = Quiet::new(self.get());
        loop {
            let new = Quiet::new(f(current.get()));
            match self.compare_and_exchange(current.get(), new.get().clone()) {
                Ok(previous) => return (Quiet::new(previous), new),
                Err(now) => current = Quiet::new(now),
            }
        }
    }

    /// Sets what `f` makes of the reference; `f` runs again if another write was quicker. Returns
    /// the reference before.
    #[doc(alias("getAndUpdate", "rcu"))]
    pub fn get_and_update(&self, f: impl FnMut(&Arc<T>) -> Arc<T>) -> Arc<T> {
        self.update(f).0.into_inner()
    }

    /// Sets what `f` makes of the reference; `f` runs again if another write was quicker. Returns
    /// the new reference.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let list = atomos::AtomicReference::new(vec![1]);
    /// let longer = list.update_and_get(|v| Arc::new(v.iter().copied().chain([2]).collect()));
    /// assert_eq!(*longer, [1, 2]);
    /// ```
    #[doc(alias("updateAndGet"))]
    pub fn update_and_get(&self, f: impl FnMut(&Arc<T>) -> Arc<T>) -> Arc<T> {
        self.update(f).1.into_inner()
    }

    /// Sets what `f` makes of the reference and `x`, in this order. Returns the one before.
    #[doc(alias("getAndAccumulate"))]
    pub fn get_and_accumulate(
        &self,
        x: Arc<T>,
        mut f: impl FnMut(&Arc<T>, &Arc<T>) -> Arc<T>,
    ) -> Arc<T> {
        let x = Quiet::new(x);
        self.update(|current| f(current, x.get())).0.into_inner()
    }

    /// Sets what `f` makes of the reference and `x`, in this order. Returns the new one.
    #[doc(alias("accumulateAndGet"))]
    pub fn accumulate_and_get(
        &self,
        x: Arc<T>,
        mut f: impl FnMut(&Arc<T>, &Arc<T>) -> Arc<T>,
    ) -> Arc<T> {
        let x = Quiet::new(x);
        self.update(|current| f(current, x.get())).1.into_inner()
    }

    /// The last reference of a cell that nobody shares any more.
    pub fn into_inner(self) -> Arc<T> {
        self.get()
    }

    fn listeners(&self) -> &Listeners<Arc<T>> {
        self.listeners.get_or_make(Listeners::new)
    }

    /// Follows every write: tells those who wait.
    fn wrote(&self, value: Arc<T>) {
        // What arc-swap orders is its own matter.
        full_barrier();
        if let Some(listeners) = self.listeners.get() {
            if listeners.are_present() {
                listeners.tell(value, || self.get());
            }
        }
    }
}

impl<T> Source for AtomicReference<T> {
    type Event = Arc<T>;

    fn register(&self, observer: Observer<Arc<T>>) -> Registered<Arc<T>> {
        Registered::Since(self.listeners().register(observer, || self.get()))
    }

    fn unregister(&self, observer: &Observer<Arc<T>>) {
        self.listeners().unregister(observer, || self.get());
    }

    fn look(&self) -> Arc<T> {
        self.get()
    }

    fn deliver(&self) {
        self.listeners().deliver(|| self.get());
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
