//! The waits and streams of a shared cell.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Atomic, Inner, ShmPrimitive, Values};
use crate::{
    atomic::primitive::{Number, level},
    future::{
        Open,
        wait_for::{WaitFor, WaitMap},
    },
    shm::{error::ShmError, waiting::Attended},
    sync::Arc,
    wait::{budget::Budget, predicate::Predicate, threshold::Goal},
};

/// # Waiting
///
/// The futures register at their first poll, and may be dropped at any time: then nothing is left
/// of them. See [above](Self#waits) for what may be missed.
impl<T: ShmPrimitive> Atomic<T> {
    /// Waits until `pred` accepts the value, and returns the one that it accepted.
    ///
    /// # Panics
    ///
    /// As [all waits](Self#panics), and with the panic of `pred`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `pred` and leaves the cell as it was; if another thread calls `pred` at
    /// that moment, that one drops it right after.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-cell-wait-for-{}", std::process::id()));
    /// let jobs = shm::Atomic::open(&path, 0_u64)?; // say, "/dev/shm/jobs"
    /// # futures::executor::block_on(async {
    /// let enough = jobs.wait_for(|jobs| jobs > 2 && jobs % 2 == 0);
    /// jobs.set(4);
    /// assert_eq!(enough.await, 4);
    /// # });
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for(
        &self,
        pred: impl FnMut(T) -> bool + Send + 'static,
    ) -> impl Future<Output = T> {
        Inner::wait(&*self.inner, self.inner.clone(), pred)
    }

    /// Waits until `f` makes something of the value, and returns that.
    ///
    /// # Panics
    ///
    /// As [all waits](Self#panics), and with the panic of `f`, in the waiting task.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `f` and leaves the cell as it was; if another thread calls `f` at
    /// that moment, that one drops it right after.
    /// Something that was found and not returned yet is dropped with the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-cell-wait-map-{}", std::process::id()));
    /// let port = shm::Atomic::open(&path, 0_u32)?;
    /// # futures::executor::block_on(async {
    /// port.set(8080);
    /// assert_eq!(port.wait_map(|port| u16::try_from(port).ok().filter(|port| *port > 0)).await, 8080);
    /// # });
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = U> {
        let wait = WaitMap::new(&*self.inner, move |value: &T| f(*value));
        CellWait(Attended::new(self.inner.clone(), Open(wait)))
    }

    /// Waits until the value equals `value`; -0.0 equals 0.0, and NaN nothing.
    ///
    /// Panics as [all waits](Self#panics) do. Dropping the future leaves the cell as it was.
    pub fn wait_equal(&self, value: T) -> impl Future<Output = T> {
        self.reach(Goal::Equal(level(value)))
    }

    /// Waits until the value is another one than `seen`, compared by their bits: at once if it is.
    ///
    /// Panics as [all waits](Self#panics) do. Dropping the future leaves the cell as it was.
    #[doc(alias("changed"))]
    pub fn changed_from(&self, seen: T) -> impl Future<Output = T> {
        self.reach(Goal::Other(level(seen)))
    }

    /// A stream of the value: as it is at the first poll, then whenever it is another one than the
    /// last, the latest. It never ends, and keeps the file open.
    ///
    /// Its polls panic as [all waits](Self#panics) do.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    /// use futures::StreamExt;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-cell-values-{}", std::process::id()));
    /// let jobs = shm::Atomic::open(&path, 0_u64)?;
    /// let mut values = jobs.values();
    /// # futures::executor::block_on(async {
    /// assert_eq!(values.next().await, Some(0));
    /// jobs.set(1);
    /// jobs.set(2);
    /// assert_eq!(values.next().await, Some(2));
    /// # });
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn values(&self) -> Values<T> {
        Values::new(self.clone())
    }

    fn reach(&self, goal: Goal) -> impl Future<Output = T> {
        self.wait_for(move |value| goal.is_met_by(level(value)))
    }
}

impl<T: ShmPrimitive> Inner<T> {
    /// A wait that holds it as `P` does.
    pub(super) fn wait<P: Deref<Target = Self>>(
        this: P,
        watched: Arc<Self>,
        mut pred: impl FnMut(T) -> bool + Send + 'static,
    ) -> CellWait<Open<WaitFor<P>>> {
        let predicate = Predicate::new(move |value: &T| pred(*value));
        let wait = WaitFor::new(this, predicate, Budget::cooperative());
        CellWait(Attended::new(watched, Open(wait)))
    }
}

/// A wait that has no error to end with.
pub(super) struct CellWait<F>(Attended<F>);

impl<F: Future + Unpin> Future for CellWait<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.0).poll(cx);
        polled.map(|waited| waited.unwrap_or_else(|error| refuse(&error)))
    }
}

/// See the panics of [`Atomic`].
#[cold]
pub(super) fn refuse(error: &ShmError) -> ! {
    panic!("nobody can wait for this cell: {error}")
}

impl<T: ShmPrimitive + Number> Atomic<T> {
    /// Waits until the value is `bound` or more, which NaN never is.
    ///
    /// Panics as [all waits](Self#panics) do. Dropping the future leaves the cell as it was.
    pub fn wait_at_least(&self, bound: T) -> impl Future<Output = T> {
        self.reach(Goal::AtLeast(level(bound)))
    }

    /// Waits until the value is `bound` or less, which NaN never is.
    ///
    /// Panics as [all waits](Self#panics) do. Dropping the future leaves the cell as it was.
    pub fn wait_at_most(&self, bound: T) -> impl Future<Output = T> {
        self.reach(Goal::AtMost(level(bound)))
    }
}
