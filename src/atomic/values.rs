//! Streams of a cell's values.

use std::{
    borrow::Borrow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::stream::{FusedStream, Stream};

use super::{
    Atomic, Primitive,
    primitive::{Access, level},
};
use crate::{future::reach::Reaching, wait::budget::Budget, wait::threshold::Goal};

/// What both streams are made of.
struct Following<T: Primitive, C: Borrow<Atomic<T>>> {
    cell: C,
    /// The value that was taken last.
    taken: Option<T>,
    reaching: Reaching,
    budget: Budget,
}

impl<T: Primitive, C: Borrow<Atomic<T>>> Following<T, C> {
    fn new(cell: C) -> Self {
        Self {
            cell,
            taken: None,
            reaching: Reaching::Idle,
            budget: Budget::cooperative(),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.budget.must_yield(cx) {
            return Poll::Pending;
        }
        let (cell, taken) = (self.cell.borrow(), &mut self.taken);
        let reaching = &mut self.reaching;
        self.budget
            .charge(cx, |cx| step(cell, taken, reaching, cx).map(Some))
    }
}

/// The latest value if it differs from the one that was taken, or parks.
fn step<T: Primitive>(
    cell: &Atomic<T>,
    taken: &mut Option<T>,
    reaching: &mut Reaching,
    cx: &mut Context<'_>,
) -> Poll<T> {
    let mut now = cell.get();
    if let Some(seen) = taken.filter(|seen| T::Verbs::bits(*seen) == T::Verbs::bits(now)) {
        ready!(reaching.poll(cell, Goal::Other(level(seen)), cx));
        // What it was meanwhile is past; the cell itself says best what it is.
        now = cell.get();
        if T::Verbs::bits(seen) == T::Verbs::bits(now) {
            // It is back at the old value. Looking again at once might go on for ever.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
    }
    // Parked for a value other than one that is past.
    reaching.end(cell);
    *taken = Some(now);
    Poll::Ready(now)
}

impl<T: Primitive, C: Borrow<Atomic<T>>> Drop for Following<T, C> {
    fn drop(&mut self) {
        self.reaching.end(self.cell.borrow());
    }
}

/// The values of a cell, from [`Atomic::values`]: now, then always the latest that differs.
///
/// It keeps one value, however slowly it is polled, and does not end. Each stream of a cell sees
/// its values independently of the others.
///
/// # Cancel safety
///
/// A value is taken from the stream only by the poll that returns it.
pub struct Values<'a, T: Primitive>(Following<T, &'a Atomic<T>>);

/// The values of a cell, from [`Atomic::values_owned`]: as [`Values`], but it owns its part of the
/// cell, so that it can be spawned.
pub struct ValuesOwned<T: Primitive>(Following<T, Arc<Atomic<T>>>);

impl<'a, T: Primitive> Values<'a, T> {
    pub(super) fn new(cell: &'a Atomic<T>) -> Self {
        Self(Following::new(cell))
    }
}

impl<T: Primitive> ValuesOwned<T> {
    pub(super) fn new(cell: Arc<Atomic<T>>) -> Self {
        Self(Following::new(cell))
    }
}

impl<T: Primitive> Stream for Values<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

impl<T: Primitive> Stream for ValuesOwned<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

impl<T: Primitive> FusedStream for Values<'_, T> {
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<T: Primitive> FusedStream for ValuesOwned<T> {
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<T: Primitive> fmt::Debug for Values<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}

impl<T: Primitive> fmt::Debug for ValuesOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValuesOwned").finish_non_exhaustive()
    }
}
