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

/// A future that has the thread look at a value, from its first poll on.
pub(super) struct Attended<F> {
    watched: Arc<dyn Watched>,
    /// Dropped after the wait.
    future: F,
    ticket: Option<Ticket>,
}

impl<F> Attended<F> {
    pub(super) fn new(watched: Arc<dyn Watched>, future: F) -> Self {
        Self {
            watched,
            future,
            ticket: None,
        }
    }
}

impl<F: Future + Unpin> Future for Attended<F> {
    /// An error if the thread cannot look: see [`helper::attend`].
    type Output = Result<F::Output, ShmError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.ticket.is_none() {
            self.ticket = Some(helper::attend(self.watched.clone())?);
        }
        let polled = Pin::new(&mut self.future).poll(cx);
        if polled.is_ready() {
            // Who keeps a wait that is over keeps nothing else.
            self.ticket = None;
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
