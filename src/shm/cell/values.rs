//! A stream of a shared cell's values.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::stream::{FusedStream, Stream};

use super::{Atomic, Inner, ShmPrimitive, waits::CellWait};
use crate::{
    atomic::primitive::Access,
    future::{Open, wait_for::WaitFor},
    sync::Arc,
    wait::budget::Budget,
};

/// The values of an [`Atomic`]: made by [`Atomic::values`]. It conflates: what was overwritten before
/// it was polled, or before this process looked, is passed over.
///
/// # Cancel safety
///
/// A value is taken from the stream only by the poll that returns it. Dropping the stream, at any time,
/// leaves nothing behind.
pub struct Values<T: ShmPrimitive> {
    /// Dropped before the handle.
    wait: Option<Wait<T>>,
    cell: Atomic<T>,
    taken: Option<T>,
    budget: Budget,
}

type Wait<T> = CellWait<Open<WaitFor<Arc<Inner<T>>>>>;

impl<T: ShmPrimitive> Values<T> {
    pub(super) fn new(cell: Atomic<T>) -> Self {
        Self {
            wait: None,
            cell,
            taken: None,
            budget: Budget::cooperative(),
        }
    }

    /// The value, if it is another one than was taken last.
    fn news(&self) -> Poll<T> {
        let now = self.cell.get();
        match self.taken {
            Some(taken) if T::Verbs::bits(taken) == T::Verbs::bits(now) => Poll::Pending,
            _ => Poll::Ready(now),
        }
    }

    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        if self.wait.is_none() {
            let mut budget = std::mem::replace(&mut self.budget, Budget::cooperative());
            let must_yield = budget.must_yield(cx);
            let news = match must_yield {
                true => Poll::Pending,
                false => budget.charge(cx, |_| self.news()),
            };
            self.budget = budget;
            if must_yield || news.is_ready() {
                return news;
            }
        }
        // It has its own part in the budget.
        let (inner, taken) = (&self.cell.inner, self.taken);
        let wait = self.wait.get_or_insert_with(|| {
            Inner::wait(inner.clone(), inner.clone(), move |value: T| {
                taken.is_none_or(|taken| T::Verbs::bits(value) != T::Verbs::bits(taken))
            })
        });
        Pin::new(wait).poll(cx)
    }
}

impl<T: ShmPrimitive> Stream for Values<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let value = ready!(this.poll_value(cx));
        this.wait = None;
        this.taken = Some(value);
        Poll::Ready(Some(value))
    }
}

impl<T: ShmPrimitive> FusedStream for Values<T> {
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<T: ShmPrimitive> fmt::Debug for Values<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}
