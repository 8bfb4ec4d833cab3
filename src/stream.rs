//! Streams of an atom's commits: all of them, the latest so many, or the latest state.

use std::{
    borrow::Borrow,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::stream::{FusedStream, Stream};

use crate::{
    atom::view::AtomView,
    error::Lagged,
    snapshot::{Change, Snapshot},
    sync::Arc,
    wait::{
        budget::Budget,
        mailbox::{Keep, Mail, Mailbox},
        panics::Panics,
        roster::Observer,
        source::{Registered, Source},
    },
};

/// A registered mailbox, until it ends or is dropped.
pub(crate) struct Subscription<T, V: Borrow<AtomView<T>>> {
    /// None when it has ended, or the atom had closed before.
    open: Option<(V, Arc<Mailbox<Snapshot<T>>>)>,
    value: PhantomData<T>,
}

impl<T, V: Borrow<AtomView<T>>> Subscription<T, V> {
    /// Registers a mailbox.
    pub(crate) fn new(view: V, keep: Keep) -> Self {
        let mailbox = Arc::new(Mailbox::new(keep));
        let observer = Observer::Mailbox(mailbox.clone());
        let (open, seen, touched) = match view.borrow().register(observer) {
            Registered::Since(seen, touched) => (Some((view, mailbox)), Some(seen), touched),
            Registered::Closed => (None, None, Vec::new()),
        };
        let value = PhantomData;
        let this = Self { open, value };
        // Any of them may be the last of its value by now. A panic of that ends the registration.
        let mut panics = Panics::new();
        for state in seen.into_iter().chain(touched) {
            panics.catch(|| drop(state));
        }
        panics.resume();
        this
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Mail<Snapshot<T>>> {
        match &self.open {
            Some((_, mailbox)) => mailbox.poll(cx),
            None => Poll::Ready(Mail::End),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.open.is_none()
    }

    pub(crate) fn end(&mut self) {
        if let Some((view, mailbox)) = self.open.take() {
            let mut panics = Panics::new();
            if mailbox.cancel(&mut panics) {
                panics.catch(|| view.borrow().unregister(&Observer::Mailbox(mailbox)));
            }
            panics.catch(|| drop(view));
            panics.resume();
        }
    }
}

impl<T, V: Borrow<AtomView<T>>> Drop for Subscription<T, V> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A subscription that owns its view.
type Owned<T> = Subscription<T, AtomView<T>>;

/// Every commit after the stream was made, in order, without a gap. Ends when the atom closes.
///
/// Made by [`Atom::changes`](crate::Atom::changes). What has not been taken yet is kept: a
/// pointer for each commit besides the snapshot itself. A stream that nobody polls therefore
/// grows with every commit; where that can happen, use [`BoundedChanges`] or [`Snapshots`].
///
/// # Cancel safety
///
/// A commit is taken from the stream only by the poll that returns it.
///
/// # Examples
///
/// ```
/// use futures::StreamExt; // or tokio_stream's
///
/// # futures::executor::block_on(async {
/// let atom = atomos::Atom::new(0);
/// let mut changes = atom.changes();
/// atom.reset(1);
/// drop(atom);
/// while let Some(change) = changes.next().await {
///     println!("{} became {}", change.old, change.new);
/// }
/// # });
/// ```
pub struct Changes<T> {
    subscription: Owned<T>,
    budget: Budget,
}

impl<T> Changes<T> {
    pub(crate) fn new(view: AtomView<T>) -> Self {
        Self {
            subscription: Subscription::new(view, Keep::All),
            budget: Budget::cooperative(),
        }
    }
}

impl<T> Stream for Changes<T> {
    type Item = Change<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change<T>>> {
        let this = &mut *self;
        let subscription = &mut this.subscription;
        match ready!(this.budget.poll(cx, |cx| subscription.poll(cx))) {
            Mail::Change { old, new } => Poll::Ready(Some(Change { old, new })),
            Mail::Missed(_) | Mail::News | Mail::End => {
                subscription.end();
                Poll::Ready(None)
            }
        }
    }
}

/// Every commit after the stream was made, as long as it is polled in time. Ends when the atom
/// closes.
///
/// Made by [`Atom::changes_bounded`](crate::Atom::changes_bounded). It holds at most as
/// many commits as its capacity says. If one more comes the oldest is dropped, and the
/// next poll says once how many are missing; then the stream goes on with the oldest it kept.
///
/// # Cancel safety
///
/// A commit is taken from the stream only by the poll that returns it.
pub struct BoundedChanges<T> {
    subscription: Owned<T>,
    budget: Budget,
}

impl<T> BoundedChanges<T> {
    pub(crate) fn new(view: AtomView<T>, capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a bounded stream needs a capacity of at least 1"
        );
        Self {
            subscription: Subscription::new(view, Keep::Latest(capacity)),
            budget: Budget::cooperative(),
        }
    }
}

impl<T> Stream for BoundedChanges<T> {
    type Item = Result<Change<T>, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let subscription = &mut this.subscription;
        match ready!(this.budget.poll(cx, |cx| subscription.poll(cx))) {
            Mail::Change { old, new } => Poll::Ready(Some(Ok(Change { old, new }))),
            Mail::Missed(missed) => Poll::Ready(Some(Err(Lagged { missed }))),
            Mail::News | Mail::End => {
                subscription.end();
                Poll::Ready(None)
            }
        }
    }
}

/// The current state, then always the latest one: states that were overwritten before they
/// were taken are skipped. Ends when the atom closes, after the last state.
///
/// Made by [`Atom::snapshots`](crate::Atom::snapshots). It takes no more memory the slower it is
/// polled. No state comes twice, and a state that equals its predecessor comes like any other.
///
/// # Cancel safety
///
/// A state is taken from the stream only by the poll that returns it.
///
/// # Examples
///
/// ```
/// use futures::StreamExt; // or tokio_stream's
///
/// # futures::executor::block_on(async {
/// let atom = atomos::Atom::new(0);
/// let mut snapshots = atom.snapshots();
/// atom.reset(1);
/// drop(atom);
/// while let Some(state) = snapshots.next().await {
///     println!("now {state}");
/// }
/// # });
/// ```
pub struct Snapshots<T> {
    /// None when the stream has ended.
    view: Option<AtomView<T>>,
    /// The version that was taken last.
    taken: Option<u64>,
    /// From the second poll on.
    subscription: Option<Owned<T>>,
    budget: Budget,
}

impl<T> Snapshots<T> {
    pub(crate) fn new(view: AtomView<T>) -> Self {
        Self {
            view: Some(view),
            taken: None,
            subscription: None,
            budget: Budget::cooperative(),
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Snapshot<T>>> {
        let Some(view) = &self.view else {
            return Poll::Ready(None);
        };
        loop {
            let (now, state) = view.cell().load();
            if self.taken != Some(now.version()) {
                self.taken = Some(now.version());
                return Poll::Ready(Some(Snapshot(now)));
            }
            if state.flags().is_closed() {
                return Poll::Ready(None);
            }
            match &mut self.subscription {
                None => {
                    self.subscription = Some(Subscription::new(view.clone(), Keep::Nothing));
                }
                // Whatever the news is, the atom itself says it best.
                Some(subscription) => drop(ready!(subscription.poll(cx))),
            }
        }
    }
}

impl<T> Stream for Snapshots<T> {
    type Item = Snapshot<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Snapshot<T>>> {
        let this = &mut *self;
        let mut budget = std::mem::replace(&mut this.budget, Budget::cooperative());
        let next = budget.poll(cx, |cx| this.step(cx));
        this.budget = budget;
        if let Poll::Ready(None) = next {
            this.subscription = None;
            this.view = None;
        }
        next
    }
}

impl<T> FusedStream for Changes<T> {
    fn is_terminated(&self) -> bool {
        self.subscription.has_ended()
    }
}

impl<T> FusedStream for BoundedChanges<T> {
    fn is_terminated(&self) -> bool {
        self.subscription.has_ended()
    }
}

impl<T> FusedStream for Snapshots<T> {
    fn is_terminated(&self) -> bool {
        self.view.is_none()
    }
}

impl<T> Unpin for Changes<T> {}
impl<T> Unpin for BoundedChanges<T> {}
impl<T> Unpin for Snapshots<T> {}

impl<T> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for BoundedChanges<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedChanges").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Snapshots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}
