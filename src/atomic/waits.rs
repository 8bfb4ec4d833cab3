//! The waits and streams of a cell.

use std::{future::Future, sync::Arc};

use super::{
    Atomic, Primitive,
    primitive::{Number, level},
    values::{Values, ValuesOwned},
};
use crate::{
    future::{
        Open,
        commit_when::CommitWhen,
        reach::Reach,
        wait_for::{WaitFor, WaitMap},
    },
    wait::{budget::Budget, line::Kind, predicate::Predicate, threshold::Goal},
};

/// A predicate on values as one on what is delivered.
fn on_value<T: Primitive>(mut pred: impl FnMut(T) -> bool + Send + 'static) -> Predicate<T> {
    Predicate::new(move |value: &T| pred(*value))
}

/// # Waiting
///
/// A wait counts from its first poll: it looks at the value of that moment, then
/// at every value that is written. The futures borrow the cell; share it by an `Arc` or a
/// `static`. Predicates are `Send + 'static`, because whoever writes evaluates them.
///
/// All of them are cancel safe: dropping one takes it out from among those who wait
/// (O(log n) where they are kept in order), and leaves the cell as it was.
impl<T: Primitive> Atomic<T> {
    /// The first value that satisfies `pred`, from the first poll on.
    ///
    /// For a fixed bound, [`wait_at_least`](Self::wait_at_least), [`wait_at_most`](Self::wait_at_most),
    /// [`wait_equal`](Self::wait_equal) and [`changed_from`](Self::changed_from) cost writers less.
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
    /// let cell = atomos::Atomic::new(7);
    /// assert_eq!(cell.wait_for(|n| n % 7 == 0).await, 7);
    /// # });
    /// ```
    pub fn wait_for(
        &self,
        pred: impl FnMut(T) -> bool + Send + 'static,
    ) -> impl Future<Output = T> {
        Open(WaitFor::new(self, on_value(pred), Budget::cooperative()))
    }

    /// The first `Some` that `f` makes of a value: waiting and picking in one step.
    ///
    /// Cancel safety and panics are those of [`wait_for`](Self::wait_for); a result that was
    /// found but not returned yet is dropped with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let cell = atomos::Atomic::new(-4_i32);
    /// let root = cell.wait_map(|n| (n < 0).then(|| n.unsigned_abs().isqrt())).await;
    /// assert_eq!(root, 2);
    /// # });
    /// ```
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = U> {
        Open(WaitMap::new(self, move |value: &T| f(*value)))
    }

    /// A value that equals `value`, which floats compare as numbers: -0.0 equals 0.0, NaN
    /// equals nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let open = std::sync::Arc::new(atomos::AtomicBool::new(false));
    /// let door = open.clone();
    /// std::thread::spawn(move || door.set(true));
    /// assert!(open.wait_equal(true).await);
    /// # });
    /// ```
    pub fn wait_equal(&self, value: T) -> impl Future<Output = T> {
        Reach::new(self, Goal::Equal(level(value)))
    }

    /// A value other than `seen`: at once if it differs already, else the first that does.
    ///
    /// Floats are compared by their bits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, and uses up nothing that another wait could get.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let cell = atomos::Atomic::new(1);
    /// assert_eq!(cell.changed_from(0).await, 1);
    /// # });
    /// ```
    #[doc(alias("changed"))]
    pub fn changed_from(&self, seen: T) -> impl Future<Output = T> {
        Reach::new(self, Goal::Other(level(seen)))
    }

    /// Waits until `pred` holds, and writes what `f` makes of that very value, which it returns.
    ///
    /// Those who wait in this way are served in the order of their first polls, among those
    /// whose condition holds. Each write from outside gives a turn to at most one of
    /// them; one that has written hands on to the next. A newcomer does not overtake
    /// those who wait and are satisfied. Other writers may come in between: then the
    /// wait keeps its place and goes on.
    ///
    /// Both closures may run several times; in the attempt that is written they see the same value.
    /// `pred` should look at the value alone: it need not be called again when a value that it has denied
    /// is written once more. It is asked about the current value, so one that is overwritten before the turn
    /// comes does not count.
    ///
    /// # Panics
    ///
    /// With the panic of `pred` or `f`, in the waiting task; then nothing was written, and the
    /// turn is handed on.
    ///
    /// # Cancel safety
    ///
    /// It writes only in the poll that returns. Dropping the future before that
    /// writes nothing, gives up its place, and hands on a turn it had been given.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let permits = atomos::AtomicU32::new(2);
    /// assert_eq!(permits.update_when(|n| n > 0, |n| n - 1).await, 1);
    /// # });
    /// ```
    #[doc(alias("acquire"))]
    pub fn update_when(
        &self,
        pred: impl FnMut(T) -> bool + Send + 'static,
        mut f: impl FnMut(T) -> T + Send,
    ) -> impl Future<Output = T> {
        let kind = Kind::of(&pred);
        CommitWhen::new(self, kind, on_value(pred), move |value: &T| f(*value))
    }

    /// The value of the first poll, then always the latest that differs from the one before.
    ///
    /// Values that were overwritten before they were taken are skipped. Floats are compared by
    /// their bits. The stream does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let cell = atomos::Atomic::new(1);
    /// let mut values = cell.values();
    /// assert_eq!(values.next().await, Some(1));
    /// cell.set(2);
    /// cell.set(3);
    /// assert_eq!(values.next().await, Some(3));
    /// # });
    /// ```
    pub fn values(&self) -> Values<'_, T> {
        Values::new(self)
    }

    /// As [`values`](Self::values), for a task that owns its part of the cell.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let cell = Arc::new(atomos::Atomic::new(1));
    /// let mut values = Arc::clone(&cell).values_owned();
    /// assert_eq!(values.next().await, Some(1));
    /// # });
    /// ```
    pub fn values_owned(self: Arc<Self>) -> ValuesOwned<T> {
        ValuesOwned::new(self)
    }
}

/// # Waiting for a number
impl<T: Number> Atomic<T> {
    /// A value of at least `bound`: the current one, or that of the write that crosses it.
    ///
    /// NaN is not at least anything, nor is anything at least NaN.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let done = atomos::AtomicU32::new(0);
    /// std::thread::scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| done.increment_and_get());
    ///     }
    /// });
    /// assert_eq!(done.wait_at_least(3).await, 3);
    /// # });
    /// ```
    pub fn wait_at_least(&self, bound: T) -> impl Future<Output = T> {
        Reach::new(self, Goal::AtLeast(level(bound)))
    }

    /// A value of at most `bound`: the current one, or that of the write that crosses it.
    ///
    /// NaN is not at most anything, nor is anything at most NaN.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let in_flight = std::sync::Arc::new(atomos::AtomicU32::new(1));
    /// let request = in_flight.clone();
    /// std::thread::spawn(move || request.decrement_and_get());
    /// assert_eq!(in_flight.wait_at_most(0).await, 0);
    /// # });
    /// ```
    pub fn wait_at_most(&self, bound: T) -> impl Future<Output = T> {
        Reach::new(self, Goal::AtMost(level(bound)))
    }
}
