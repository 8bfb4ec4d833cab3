//! The waits and streams of an [`Atom`] and of its views.

use std::future::Future;

use super::{Atom, view::AtomView};
use crate::{
    error::Closed,
    future::{
        Open,
        changed::{Changed, ChangedSince},
        commit_when::CommitWhen,
        wait_for::{WaitFor, WaitMap},
    },
    snapshot::{Change, Snapshot},
    stream::{BoundedChanges, Changes, Snapshots},
    wait::{budget::Budget, line::Kind, predicate::Predicate},
};

/// A predicate on values as one on snapshots.
fn on_value<T>(mut pred: impl FnMut(&T) -> bool + Send + 'static) -> Predicate<Snapshot<T>> {
    Predicate::new(move |snapshot: &Snapshot<T>| pred(snapshot))
}

/// # Waiting
///
/// The predicate of a wait is evaluated on the state of the first poll, then, by whoever
/// delivers, on every commit: each exactly once and in commit order. So a state that
/// satisfies it is never missed, even if the next commit overwrites it at once, and the
/// task is woken only when the wait is over. That is why predicates are `Send + 'static`: what
/// they capture they own (`move |n| *n > limit`). (Only `swap_when`, which is about to change the
/// value, asks about the current one alone.)
///
/// A wait counts from its first poll; `changed`, `changes` and `changes_bounded`
/// count from the call. Take one of these before the writer starts, if a state that
/// comes and goes must not be missed.
///
/// The future borrows its handle. To spawn it, move a handle into the task:
/// `tokio::spawn(async move { view.wait_for(..).await })`. Prefer a view there: a task that
/// waits through an `Atom` keeps the atom open, so that its wait never ends with [`Closed`].
impl<T> Atom<T> {
    /// The first state that satisfies `pred`, from the first poll on.
    ///
    /// Evaluating costs each commit one call of `pred`. A parked wait takes about 220 bytes
    /// besides what `pred` captures.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `pred` and leaves the atom as it was; if another
    /// thread evaluates `pred` at that moment, it drops it right after.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(1);
    /// let big = atom.clone();
    /// std::thread::spawn(move || for _ in 0..7 { big.swap(|n| n * 2); });
    /// assert_eq!(*atom.wait_for(|n| *n > 100).await, 128);
    /// # });
    /// ```
    pub fn wait_for(
        &self,
        pred: impl FnMut(&T) -> bool + Send + 'static,
    ) -> impl Future<Output = Snapshot<T>> {
        Open(self.0.wait_for_inner(on_value(pred)))
    }

    /// The first `Some` that `f` makes of a state: waiting and picking in one step.
    ///
    /// Cancel safety and panics are those of [`wait_for`](Self::wait_for); a result that was
    /// found but not returned yet is dropped with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(vec![3, 4]);
    /// let even = atom.wait_map(|v| v.iter().copied().find(|n| n % 2 == 0)).await;
    /// assert_eq!(even, 4);
    /// # });
    /// ```
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(&T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = U> {
        Open(WaitMap::new(&self.0, move |state: &Snapshot<T>| f(state)))
    }

    /// Waits until `pred` holds, and commits what `f` makes of that very value.
    ///
    /// Those who wait in this way are served in the order of their first polls, among those
    /// whose condition holds. Each commit from outside gives a turn to at most one of
    /// them; one that has committed hands on to the next. A newcomer does not overtake
    /// those who wait and are satisfied. Other writers may come in between: then the
    /// wait keeps its place and goes on.
    ///
    /// Both closures may run several times. They see the same value in the attempt that is
    /// committed. `f` may borrow; if it runs several times, only its last run belongs to the commit. A
    /// commit costs a call of `pred` for every one in line up to the first whose condition holds. A
    /// state that is overwritten before the turn comes does not count. Leaving the line costs O(log n).
    ///
    /// # Panics
    ///
    /// With the panic of `pred` or `f`, in the waiting task; then nothing was
    /// committed, and the turn is handed on.
    ///
    /// # Cancel safety
    ///
    /// It commits only in the poll that returns. Dropping the future before that
    /// commits nothing, gives up its place, and hands on a turn it had been given.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let permits = atomos::Atom::new(2_u32);
    /// let left = permits.swap_when(|n| *n > 0, |n| n - 1).await;
    /// assert_eq!(*left, 1);
    /// # });
    /// ```
    pub fn swap_when(
        &self,
        pred: impl FnMut(&T) -> bool + Send + 'static,
        mut f: impl FnMut(&T) -> T + Send,
    ) -> impl Future<Output = Snapshot<T>> {
        let kind = Kind::of(&pred);
        CommitWhen::new(&self.0, kind, on_value(pred), move |state: &Snapshot<T>| {
            f(state)
        })
    }

    /// The next commit after this call, not only after the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind; a commit that it held is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(1);
    /// let changed = atom.changed();
    /// atom.reset(2);
    /// atom.reset(3);
    /// assert_eq!(*changed.await.new, 2);
    /// # });
    /// ```
    pub fn changed(&self) -> impl Future<Output = Change<T>> {
        Open(Changed::new(&self.0))
    }

    /// A state other than `seen`: at once if the atom is not at that very snapshot any
    /// more, else as soon as there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, and uses up nothing that another wait could get.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new("a");
    /// let seen = atom.load();
    /// atom.reset("b");
    /// assert_eq!(*atom.changed_since(&seen).await, "b");
    /// # });
    /// ```
    pub fn changed_since(&self, seen: &Snapshot<T>) -> impl Future<Output = Snapshot<T>> {
        Open(ChangedSince::new(&self.0, seen))
    }

    /// Every commit after this call: lossless, in order, unbounded.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(0);
    /// let changes = atom.changes();
    /// for n in [3, 3, 4] {
    ///     atom.reset(n);
    /// }
    /// drop(atom);
    /// let all: Vec<_> = changes.map(|c| (*c.old, *c.new)).collect().await;
    /// assert_eq!(all, [(0, 3), (3, 3), (3, 4)]);
    /// # });
    /// ```
    pub fn changes(&self) -> Changes<T> {
        self.0.changes()
    }

    /// Every commit after this call, of which it keeps at most the latest `capacity`.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::Lagged;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(0);
    /// let mut changes = atom.changes_bounded(2);
    /// for n in 1..=5 {
    ///     atom.reset(n);
    /// }
    /// assert_eq!(changes.next().await.unwrap().unwrap_err(), Lagged { missed: 3 });
    /// assert_eq!(*changes.next().await.unwrap().unwrap().new, 4);
    /// # });
    /// ```
    pub fn changes_bounded(&self, capacity: usize) -> BoundedChanges<T> {
        self.0.changes_bounded(capacity)
    }

    /// The state of the first poll, then always the latest: overwritten ones are skipped.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let atom = atomos::Atom::new(1);
    /// let mut snapshots = atom.snapshots();
    /// assert_eq!(*snapshots.next().await.unwrap(), 1);
    /// atom.reset(2);
    /// atom.reset(3);
    /// assert_eq!(*snapshots.next().await.unwrap(), 3);
    /// # });
    /// ```
    pub fn snapshots(&self) -> Snapshots<T> {
        self.0.snapshots()
    }
}

/// # Waiting
///
/// As on [`Atom`], with [`Closed`] when the atom closed before there was an answer.
impl<T> AtomView<T> {
    fn wait_for_inner(&self, predicate: Predicate<Snapshot<T>>) -> WaitFor<&Self> {
        WaitFor::new(self, predicate, Budget::cooperative())
    }

    /// See [`Atom::wait_for`].
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom closed, and no state from the first poll on satisfied `pred`; the last one
    /// is judged, too.
    pub fn wait_for(
        &self,
        pred: impl FnMut(&T) -> bool + Send + 'static,
    ) -> impl Future<Output = Result<Snapshot<T>, Closed>> {
        self.wait_for_inner(on_value(pred))
    }

    /// See [`Atom::wait_map`].
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom closed, and `f` made nothing of any state from the first poll on; the last
    /// one is judged, too.
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(&T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = Result<U, Closed>> {
        WaitMap::new(self, move |state: &Snapshot<T>| f(state))
    }

    /// See [`Atom::changed`]. The future borrows nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom closed before another commit.
    pub fn changed(&self) -> impl Future<Output = Result<Change<T>, Closed>> + use<T> {
        Changed::new(self.clone())
    }

    /// See [`Atom::changed_since`].
    ///
    /// # Errors
    ///
    /// [`Closed`] if the atom has closed, and its last state is `seen`.
    pub fn changed_since(
        &self,
        seen: &Snapshot<T>,
    ) -> impl Future<Output = Result<Snapshot<T>, Closed>> {
        ChangedSince::new(self, seen)
    }

    /// See [`Atom::changes`].
    pub fn changes(&self) -> Changes<T> {
        Changes::new(self.clone())
    }

    /// See [`Atom::changes_bounded`].
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn changes_bounded(&self, capacity: usize) -> BoundedChanges<T> {
        BoundedChanges::new(self.clone(), capacity)
    }

    /// See [`Atom::snapshots`].
    pub fn snapshots(&self) -> Snapshots<T> {
        Snapshots::new(self.clone())
    }
}
