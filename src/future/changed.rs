//! Waiting for the next commit, whatever it is.

use std::{
    borrow::Borrow,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::polled_after_end;
use crate::{
    atom::view::AtomView,
    error::Closed,
    snapshot::{Change, Snapshot},
    stream::Subscription,
    wait::{
        budget::Budget,
        mailbox::{Keep, Mail},
        panics,
    },
};

/// The next commit after its creation.
pub(crate) struct Changed<T, V: Borrow<AtomView<T>>> {
    /// Until it has ended.
    subscription: Option<Subscription<T, V>>,
    budget: Budget,
}

impl<T, V: Borrow<AtomView<T>>> Changed<T, V> {
    pub(crate) fn new(view: V) -> Self {
        Self {
            subscription: Some(Subscription::new(view, Keep::First)),
            budget: Budget::cooperative(),
        }
    }
}

impl<T, V: Borrow<AtomView<T>>> Unpin for Changed<T, V> {}

impl<T, V: Borrow<AtomView<T>>> Future for Changed<T, V> {
    type Output = Result<Change<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(subscription) = &mut this.subscription else {
            polled_after_end()
        };
        let mail = ready!(this.budget.poll(cx, |cx| subscription.poll(cx)));
        let subscription = this.subscription.take();
        let ended = panics::run(|| drop(subscription));
        Poll::Ready(match (mail, ended) {
            (Mail::Change { old, new }, ended) => {
                // What was taken must not be lost with the panic of another value's destructor.
                ended.unwrap_or_else(panics::discard);
                Ok(Change { old, new })
            }
            (_, Err(payload)) => resume_unwind(payload),
            (Mail::Missed(_) | Mail::News | Mail::End, Ok(())) => Err(Closed),
        })
    }
}

/// A state other than the one that was seen.
pub(crate) struct ChangedSince<'a, 's, T> {
    view: &'a AtomView<T>,
    seen: &'s Snapshot<T>,
    subscription: Option<Subscription<T, &'a AtomView<T>>>,
    budget: Budget,
    has_ended: bool,
}

impl<'a, 's, T> ChangedSince<'a, 's, T> {
    pub(crate) fn new(view: &'a AtomView<T>, seen: &'s Snapshot<T>) -> Self {
        Self {
            view,
            seen,
            subscription: None,
            budget: Budget::cooperative(),
            has_ended: false,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Snapshot<T>, Closed>> {
        loop {
            let (now, state) = self.view.cell().load();
            let now = Snapshot(now);
            if !Snapshot::ptr_eq(&now, self.seen) {
                return Poll::Ready(Ok(now));
            }
            if state.flags().is_closed() {
                return Poll::Ready(Err(Closed));
            }
            match &mut self.subscription {
                None => {
                    self.subscription = Some(Subscription::new(self.view, Keep::Nothing));
                }
                // Whatever the news is, the atom itself says it best.
                Some(subscription) => drop(ready!(subscription.poll(cx))),
            }
        }
    }
}

impl<T> Unpin for ChangedSince<'_, '_, T> {}

impl<T> Future for ChangedSince<'_, '_, T> {
    type Output = Result<Snapshot<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.has_ended {
            polled_after_end();
        }
        let mut budget = std::mem::replace(&mut this.budget, Budget::cooperative());
        let answer = budget.poll(cx, |cx| this.step(cx));
        this.budget = budget;
        if answer.is_ready() {
            this.has_ended = true;
            let subscription = this.subscription.take();
            // As above: nothing of the answer is lost, or dropped by unwinding.
            panics::run(|| drop(subscription)).unwrap_or_else(panics::discard);
        }
        answer
    }
}
