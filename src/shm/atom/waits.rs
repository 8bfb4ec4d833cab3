//! The waits of a shared atom.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;

use super::{Atom, Core, Inner, Snapshots};
use crate::{
    blocking::{block_within, deadline_after},
    future::{Open, wait_for::WaitMap},
    shm::{error::ShmError, waiting::Attended},
    snapshot::Snapshot,
    sync::Arc,
};

/// # Waiting
///
/// The futures register at their first poll, and may be dropped at any time: then nothing is left
/// of them. See [above](Self#waits) for what may be missed. A wait ends with an error if a value
/// cannot be loaded, or no thread be started to sleep for it. Values are `Send + Sync + 'static` here, since
/// that thread decodes them.
impl<T: DeserializeOwned + Send + Sync + 'static> Atom<T> {
    /// Waits until `pred` accepts the value, and returns the snapshot that it accepted.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and [`ShmError::Io`] if no thread can be started to sleep for it.
    ///
    /// # Panics
    ///
    /// With the panic of `pred`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `pred` and leaves the atom as it was; if another thread calls `pred` at
    /// that moment, that one drops it right after.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-atom-wait-for-{}", std::process::id()));
    /// let team = shm::Atom::open(&path, "team 1", Vec::<String>::new)?; // say, "/dev/shm/team"
    /// # futures::executor::block_on(async {
    /// let somebody = team.wait_for(|team| !team.is_empty());
    /// team.reset(vec!["ada".to_owned()])?;
    /// assert_eq!(*somebody.await?, ["ada"]);
    /// # Ok::<_, shm::ShmError>(())
    /// # })?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for(
        &self,
        mut pred: impl FnMut(&T) -> bool + Send + 'static,
    ) -> impl Future<Output = Result<Snapshot<T>, ShmError>> {
        Inner::wait(&*self.inner.core, self.inner.clone(), move |value| {
            pred(value).then(|| value.clone())
        })
    }

    /// Waits until `f` makes something of the value, and returns that.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    ///
    /// With the panic of `f`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `f` and leaves the atom as it was; if another thread calls `f` at
    /// that moment, that one drops it right after. Something that was found and not returned yet is dropped
    /// with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-atom-wait-map-{}", std::process::id()));
    /// let team = shm::Atom::open(&path, "team 1", || vec!["ada".to_owned()])?;
    /// # futures::executor::block_on(async {
    /// assert_eq!(team.wait_map(|team| team.first().cloned()).await?, "ada");
    /// # Ok::<_, shm::ShmError>(())
    /// # })?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(&T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = Result<U, ShmError>> {
        Inner::wait(&*self.inner.core, self.inner.clone(), move |value| f(value))
    }

    /// A stream of the value: as it is at the first poll, then the latest whenever there was a
    /// commit. It ends after an error, else never, and keeps the file open.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    /// use futures::StreamExt;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-atom-snapshots-{}", std::process::id()));
    /// let limit = shm::Atom::open(&path, "limit 1", || 1_u32)?;
    /// let mut snapshots = limit.snapshots();
    /// # futures::executor::block_on(async {
    /// assert_eq!(*snapshots.next().await.unwrap()?, 1);
    /// limit.reset(2)?;
    /// limit.reset(3)?;
    /// assert_eq!(*snapshots.next().await.unwrap()?, 3);
    /// # Ok::<_, shm::ShmError>(())
    /// # })?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshots(&self) -> Snapshots<T> {
        Snapshots::new(self.clone())
    }

    /// [`wait_for`](Self::wait_for) for a plain thread: sleeps until a value satisfies `pred`,
    /// which may borrow.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    ///
    /// With the panic of `pred`. Also inside a predicate or a waker of a wait for any file, if
    /// the current value does not satisfy `pred`: there it holds up the look that it waits for.
    pub fn blocking_wait_for(
        &self,
        pred: impl FnMut(&T) -> bool + Send,
    ) -> Result<Snapshot<T>, ShmError> {
        match self.block(pred, None)? {
            Some(snapshot) => Ok(snapshot),
            None => unreachable!("there was no deadline"),
        }
    }

    /// [`blocking_wait_for`](Self::blocking_wait_for) that gives up after `timeout`: then it is
    /// `None`. Inside a predicate or a waker of a wait for any file it times out, unless the current
    /// value satisfies `pred`.
    ///
    /// If another thread is calling `pred` when the time is over, it gives up when that call returns: `pred`
    /// may borrow what belongs to this thread.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Panics
    ///
    /// With the panic of `pred`.
    pub fn blocking_wait_for_timeout(
        &self,
        pred: impl FnMut(&T) -> bool + Send,
        timeout: Duration,
    ) -> Result<Option<Snapshot<T>>, ShmError> {
        self.block(pred, deadline_after(timeout))
    }

    fn block(
        &self,
        mut pred: impl FnMut(&T) -> bool + Send,
        deadline: Option<Instant>,
    ) -> Result<Option<Snapshot<T>>, ShmError> {
        let core = &self.inner.core;
        let mut answer = None;
        let satisfies = |_: &u64| {
            answer = self.inner.judge(|value| pred(value).then(|| value.clone()));
            answer.is_some()
        };
        let around = |wait| Attended::new(core.clone(), Open(wait));
        match block_within(&**core, satisfies, deadline, around) {
            Some(Ok(_)) => answer.transpose(),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }
}

impl<T: DeserializeOwned> Inner<T> {
    /// What `f` makes of the current value; an error is an answer, too.
    fn judge<U>(&self, f: impl FnOnce(&Snapshot<T>) -> Option<U>) -> Option<Result<U, ShmError>> {
        match self.current() {
            Ok((_, snapshot)) => f(&snapshot).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Inner<T> {
    /// A wait that holds the core as `P` does.
    pub(super) fn wait<P: Deref<Target = Core>, U: Send + 'static>(
        source: P,
        this: Arc<Self>,
        mut f: impl FnMut(&Snapshot<T>) -> Option<U> + Send + 'static,
    ) -> AtomWait<P, U> {
        let core = this.core.clone();
        let wait = WaitMap::new(source, move |_: &u64| this.judge(&mut f));
        AtomWait(Attended::new(core, Open(wait)))
    }
}

/// A wait for an atom.
pub(super) struct AtomWait<P: Deref<Target = Core>, U>(
    Attended<Open<WaitMap<P, Result<U, ShmError>>>>,
);

impl<P: Deref<Target = Core>, U: Send + 'static> Future for AtomWait<P, U> {
    type Output = Result<U, ShmError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|waited| waited?)
    }
}
