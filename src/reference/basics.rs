//! Reading a reference, replacing it, and replacing it if.

use std::sync::Arc;

use super::AtomicReference;
use crate::wait::panics::{Quiet, drop_quietly};

/// # Reading and writing
///
/// An update closure runs again when another write was quicker; if it panics, nothing has changed.
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
        let (begun, new) = (self.begun(), Quiet::new(new));
        let previous = Quiet::new(self.value.swap(new.get().clone()));
        self.wrote(begun, previous.get(), new.into_inner());
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
        let (begun, new) = (self.begun(), Quiet::new(new));
        let previous = Arc::clone(&(self.value).compare_and_swap(expected, new.get().clone()));
        let previous = Quiet::new(previous);
        if Arc::ptr_eq(previous.get(), expected) {
            self.wrote(begun, previous.get(), new.into_inner());
            Ok(previous.into_inner())
        } else {
            // Before the other is on its way out, which no unwinding would drop.
            drop(new);
            Err(previous.into_inner())
        }
    }

    /// The loop behind the following: previous and new reference.
    fn update(&self, mut f: impl FnMut(&Arc<T>) -> Arc<T>) -> (Quiet<Arc<T>>, Quiet<Arc<T>>) {
        loop {
            let current = Quiet::new(self.get());
            let new = Quiet::new(f(current.get()));
            if let Ok(previous) = self.compare_and_exchange(current.get(), new.get().clone()) {
                return (Quiet::new(previous), new);
            }
            // Both are dropped before the next look: a destructor may write.
        }
    }

    /// Sets what `f` makes of the reference; `f` runs again if another write was quicker. Returns
    /// the reference before.
    #[doc(alias("getAndUpdate", "rcu", "fetch_update"))]
    pub fn get_and_update(&self, f: impl FnMut(&Arc<T>) -> Arc<T>) -> Arc<T> {
        self.update(f).0.into_inner()
    }

    /// Sets what `f` makes of the reference; `f` runs again if another write was quicker. Returns
    /// the new reference.
    ///
    /// # Examples
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
}
