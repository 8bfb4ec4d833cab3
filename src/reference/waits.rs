//! The waits of a reference.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::AtomicReference;
use crate::{
    future::{
        Open,
        wait_for::{WaitFor, WaitMap},
    },
    wait::{budget::Budget, panics::Quiet, predicate::Predicate},
};

/// # Waiting
///
/// As on [`Atomic`](crate::Atomic): a wait counts from its first poll, and every writer offers what
/// it has written.
impl<T> AtomicReference<T> {
    /// The first reference that satisfies `pred`, from the first poll on.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `pred`; if another thread evaluates it at that
    /// moment, that thread drops it right after.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let name = atomos::AtomicReference::new("ada");
    /// assert_eq!(*name.wait_for(|name| name.len() == 3).await, "ada");
    /// # });
    /// ```
    pub fn wait_for(
        &self,
        pred: impl FnMut(&Arc<T>) -> bool + Send + 'static,
    ) -> impl Future<Output = Arc<T>> {
        Open(WaitFor::new(
            self,
            Predicate::new(pred),
            Budget::cooperative(),
        ))
    }

    /// The first `Some` that `f` makes of a reference: waiting and picking in one step.
    ///
    /// Cancel safety and panics are those of [`wait_for`](Self::wait_for); a result that was
    /// found but not returned yet is dropped with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let name = atomos::AtomicReference::new("ada lovelace");
    /// let (first, _) = name.wait_map(|name| name.split_once(' ')).await;
    /// assert_eq!(first, "ada");
    /// # });
    /// ```
    pub fn wait_map<U: Send + 'static>(
        &self,
        f: impl FnMut(&Arc<T>) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = U> {
        Open(WaitMap::new(self, f))
    }

    /// A reference other than `seen`: at once if it is another already, else the first.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, and uses up nothing that another wait could get.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// # futures::executor::block_on(async {
    /// let cell = atomos::AtomicReference::new(1);
    /// let seen = cell.get();
    /// cell.set(Arc::new(1));
    /// assert!(!Arc::ptr_eq(&cell.changed_from(&seen).await, &seen));
    /// # });
    /// ```
    #[doc(alias("changed"))]
    pub fn changed_from<'a>(&'a self, seen: &Arc<T>) -> impl Future<Output = Arc<T>> + use<'a, T> {
        let address = Arc::as_ptr(seen).addr();
        // An address asks nothing of `T` when a writer's thread compares it.
        let differs = Predicate::new(move |now: &Arc<T>| Arc::as_ptr(now).addr() != address);
        ChangedFrom {
            changed: Open(WaitFor::new(self, differs, Budget::cooperative())),
            seen: Some(Quiet::new(seen.clone())),
        }
    }
}

/// The wait behind `changed_from`.
struct ChangedFrom<'a, T> {
    changed: Open<WaitFor<&'a AtomicReference<T>>>,
    /// Its address stays taken as long as it is compared with, also if the future is leaked.
    seen: Option<Quiet<Arc<T>>>,
}

impl<T> Future for ChangedFrom<'_, T> {
    type Output = Arc<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Arc<T>> {
        let now = Quiet::new(ready!(Pin::new(&mut self.changed).poll(cx)));
        drop(self.seen.take());
        Poll::Ready(now.into_inner())
    }
}
