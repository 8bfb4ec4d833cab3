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
    pub fn wait_for(
        &self,
        pred: impl FnMut(T) -> bool + Send + 'static,
    ) -> impl Future<Output = T> {
        Inner::wait(&*self.inner, self.inner.clone(), pred)
    }

    /// Waits until `f` makes something of the value, and returns that.
    pub fn wait_map<U: Send + 'static>(
        &self,
        mut f: impl FnMut(T) -> Option<U> + Send + 'static,
    ) -> impl Future<Output = U> {
        let wait = WaitMap::new(&*self.inner, move |value: &T| f(*value));
        CellWait(Attended::new(self.inner.clone(), Open(wait)))
    }

    /// Waits until the value equals `value`; -0.0 equals 0.0, and NaN nothing.
    pub fn wait_equal(&self, value: T) -> impl Future<Output = T> {
        self.reach(Goal::Equal(level(value)))
    }

    /// Waits until the value is another one than `seen`, compared by their bits: at once if it is.
    #[doc(alias("changed"))]
    pub fn changed_from(&self, seen: T) -> impl Future<Output = T> {
        self.reach(Goal::Other(level(seen)))
    }

    /// A stream of the value: as it is at the first poll, then whenever it is another one than the
    /// last, the latest. It never ends, and keeps the file open.
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
    pub fn wait_at_least(&self, bound: T) -> impl Future<Output = T> {
        self.reach(Goal::AtLeast(level(bound)))
    }

    /// Waits until the value is `bound` or less, which NaN never is.
    pub fn wait_at_most(&self, bound: T) -> impl Future<Output = T> {
        self.reach(Goal::AtMost(level(bound)))
    }
}
