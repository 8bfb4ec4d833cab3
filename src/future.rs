//! The futures that waits return.

pub(crate) mod changed;
pub(crate) mod commit_when;
pub(crate) mod reach;
pub(crate) mod wait_for;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::error::Closed;

#[cold]
fn polled_after_end() -> ! {
    panic!("a wait was polled after it had ended")
}

/// A wait that cannot end with [`Closed`]: on an [`Atom`](crate::Atom), whose handle keeps it open,
/// or on a cell, which does not close.
pub(crate) struct Open<F>(pub(crate) F);

impl<R, F: Future<Output = Result<R, Closed>> + Unpin> Future for Open<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(r) => r,
            Err(Closed) => unreachable!("what is waited for is open while it is borrowed"),
        })
    }
}
