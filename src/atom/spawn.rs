//! Asynchronous watches: a tokio task that is called with every commit.

use std::{future::Future, pin::Pin, task::Poll};

use futures_core::Stream;
use tokio::task::JoinHandle;

use super::{Atom, view::AtomView};
use crate::{snapshot::Change, stream::Changes};

async fn next<T>(changes: &mut Changes<T>) -> Option<Change<T>> {
    std::future::poll_fn(|cx| -> Poll<Option<Change<T>>> { Pin::new(&mut *changes).poll_next(cx) })
        .await
}

/// # Watching in a task
impl<T: Send + Sync + 'static> Atom<T> {
    /// An asynchronous watch (feature `tokio`).
    ///
    /// Spawns a task that calls `f` with every commit after this call, in order, one call
    /// at a time: each future is awaited before the next commit is taken.
    ///
    /// The task ends when the atom has closed and everything is told, or when the
    /// handle is aborted. It does not keep the atom open. Commits that wait for it
    /// are kept, as in a [`Changes`] stream. Dropping the handle lets the task go on; aborting it drops the
    /// future of `f` that is running, and that commit is not told again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime. A panic of `f` ends the task, and is what its handle returns.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use atomos::{Atom, Snapshot};
    ///
    /// let atom = Atom::new(0);
    /// let task = atom.spawn_watch(|change| async move {
    ///     println!("version {} is {}", Snapshot::version(&change.new), change.new);
    /// });
    /// atom.reset(1);
    /// drop(atom);
    /// task.await.unwrap();
    /// # }
    /// ```
    pub fn spawn_watch<F, Fut>(&self, f: F) -> JoinHandle<()>
    where
        F: FnMut(Change<T>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn_watch(f)
    }
}

impl<T: Send + Sync + 'static> AtomView<T> {
    /// See [`Atom::spawn_watch`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_watch<F, Fut>(&self, mut f: F) -> JoinHandle<()>
    where
        F: FnMut(Change<T>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut changes = self.changes();
        tokio::spawn(async move {
            while let Some(change) = next(&mut changes).await {
                f(change).await;
            }
        })
    }
}
