//! A stream of a shared atom's values.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::stream::{FusedStream, Stream};
use serde::de::DeserializeOwned;

use super::{Atom, Core, Inner, waits::AtomWait};
use crate::{shm::error::ShmError, snapshot::Snapshot, sync::Arc, wait::budget::Budget};

/// The values of an [`Atom`]: made by [`Atom::snapshots`]. It conflates: what was overwritten
/// before it was polled, or before this process looked, is passed over.
///
/// # Cancel safety
///
/// A value is taken from the stream only by the poll that returns it. Dropping the stream, at any time,
/// leaves nothing behind.
pub struct Snapshots<T> {
    /// Dropped before the handle.
    wait: Option<AtomWait<Arc<Core>, Snapshot<T>>>,
    /// Until it has ended.
    atom: Option<Atom<T>>,
    /// The version of what was taken last.
    taken: Option<u64>,
    budget: Budget,
}

impl<T> Snapshots<T> {
    pub(super) fn new(atom: Atom<T>) -> Self {
        Self {
            wait: None,
            atom: Some(atom),
            taken: None,
            budget: Budget::cooperative(),
        }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Snapshots<T> {
    /// The value, if it is a later one than was taken last.
    fn news(&self, atom: &Atom<T>) -> Poll<Result<Snapshot<T>, ShmError>> {
        if self.taken == Some(atom.version()) {
            return Poll::Pending;
        }
        Poll::Ready(atom.load())
    }

    fn poll_snapshot(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Snapshot<T>, ShmError>>> {
        let Some(atom) = &self.atom else {
            return Poll::Ready(None);
        };
        if self.wait.is_none() {
            let mut budget = std::mem::replace(&mut self.budget, Budget::cooperative());
            let must_yield = budget.must_yield(cx);
            let news = match must_yield {
                true => Poll::Pending,
                false => budget.charge(cx, |_| self.news(atom)),
            };
            self.budget = budget;
            if must_yield || news.is_ready() {
                return news.map(Some);
            }
        }
        // It has its own part in the budget.
        let (inner, taken) = (&atom.inner, self.taken);
        let wait = self.wait.get_or_insert_with(|| {
            Inner::wait(inner.core.clone(), inner.clone(), move |snapshot| {
                let is_new = Some(Snapshot::version(snapshot)) != taken;
                is_new.then(|| snapshot.clone())
            })
        });
        Pin::new(wait).poll(cx).map(Some)
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Stream for Snapshots<T> {
    type Item = Result<Snapshot<T>, ShmError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = ready!(this.poll_snapshot(cx));
        this.wait = None;
        match &item {
            Some(Ok(snapshot)) => this.taken = Some(Snapshot::version(snapshot)),
            Some(Err(_)) | None => this.atom = None,
        }
        Poll::Ready(item)
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> FusedStream for Snapshots<T> {
    fn is_terminated(&self) -> bool {
        self.atom.is_none()
    }
}

impl<T> fmt::Debug for Snapshots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}
