//! A wait, and the thread that looks for it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    error::ShmError,
    helper::{self, Ticket, Watched},
};
use crate::sync::Arc;

/// A future that has the thread look at a value, from its first poll on, unless that ends it.
///
/// *The thread comes second*: the wait has registered before, and armed, and has looked after that.
/// What was written up to its look it has seen itself. What is written later finds it armed: *either*
/// the thread sleeps for this value already, and is woken; *or* it does not yet, and looks before it
/// does.
pub(super) struct Attended<F> {
    future: F,
    ticket: Option<Ticket>,
    /// Dropped last: the ticket has its address.
    watched: Arc<dyn Watched>,
}

impl<F> Attended<F> {
    pub(super) fn new(watched: Arc<dyn Watched>, future: F) -> Self {
        Self {
            future,
            ticket: None,
            watched,
        }
    }
}

impl<F: Future + Unpin> Future for Attended<F> {
    /// An error if the thread cannot look: see [`helper::attend`].
    type Output = Result<F::Output, ShmError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.watched.is_foreign() {
            return Poll::Ready(Err(ShmError::Forked));
        }
        let polled = Pin::new(&mut self.future).poll(cx);
        if polled.is_ready() {
            // Who keeps a wait that is over keeps nothing else.
            self.ticket = None;
        } else if self.ticket.is_none() {
            self.ticket = Some(helper::attend(self.watched.clone())?);
        }
        polled.map(Ok)
    }
}

/// Lives as long as the handles of a value do.
pub(super) struct Keeper(pub(super) Arc<dyn Watched>);

impl Drop for Keeper {
    fn drop(&mut self) {
        helper::forget(&self.0);
    }
}
