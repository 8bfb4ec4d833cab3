//! The futures that waits return.

pub(crate) mod changed;
pub(crate) mod commit_when;
pub(crate) mod wait_for;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{atom::commit::open, error::Closed};

/// A wait on an [`Atom`](crate::Atom), which cannot end with [`Closed`]: the same future as a
/// view's, without the `Result`.
pub(crate) struct Open<F>(pub(crate) F);

impl<R, F: Future<Output = Result<R, Closed>> + Unpin> Future for Open<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        Pin::new(&mut self.0).poll(cx).map(open)
    }
}
