//! The waits and streams of atoms, each made into a task that says what it gave.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use atomos::{Atom, AtomView, Change, Snapshot};
use futures::Stream;

use super::expected::{Verdict, Version, judge};
use super::program::{By, Kind, Pred, VALUES};
use super::support::{Counted, Live};
use super::task::Polled;

pub(crate) type Value = Counted<u8>;

/// What an operation or a poll gave; values are named by their versions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Nothing,
    Truth(bool),
    State(Version),
    Change(Version, Version),
    Mapped(u8),
    Missed(u64),
    /// The end of a stream, or `Closed`.
    End,
    Panicked,
}

pub(crate) fn state(snapshot: &Snapshot<Value>) -> Said {
    Said::State(Snapshot::version(snapshot))
}

pub(crate) fn change(change: &Change<Value>) -> Said {
    Said::Change(
        Snapshot::version(&change.old),
        Snapshot::version(&change.new),
    )
}

/// A panic that no hook reports.
pub(crate) fn panic_quietly() -> ! {
    resume_unwind(Box::new("of the program"))
}

/// Runs `f`; a panic is something that was said.
pub(crate) fn said(f: impl FnOnce() -> Said) -> Said {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(Said::Panicked)
}

fn holds(pred: Pred, value: u8) -> bool {
    match judge(pred, value) {
        Verdict::Accepted => true,
        Verdict::Rejected => false,
        Verdict::Panicked => panic_quietly(),
    }
}

fn future(future: impl Future<Output = Said> + 'static) -> Polled<Said> {
    let mut future: Option<Pin<Box<dyn Future<Output = Said>>>> = Some(Box::pin(future));
    Box::new(move |cx| {
        let running = future.as_mut().expect("not polled after its end");
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(said)) => {
                future = None;
                Poll::Ready(said)
            }
            Err(_) => {
                future = None;
                Poll::Ready(Said::Panicked)
            }
        }
    })
}

fn stream<S: Stream + Unpin + 'static>(mut stream: S, item: fn(&S::Item) -> Said) -> Polled<Said> {
    Box::new(move |cx: &mut Context<'_>| {
        let next = pin!(&mut stream).poll_next(cx);
        next.map(|next| next.as_ref().map_or(Said::End, item))
    })
}

/// What is made from the view.
pub(crate) fn of_view(view: &AtomView<Value>, kind: Kind, seen: Snapshot<Value>) -> Polled<Said> {
    let view = view.clone();
    match kind {
        Kind::WaitFor(pred) => future(async move {
            let wait = view.wait_for(move |value| holds(pred, **value));
            wait.await.map_or(Said::End, |found| state(&found))
        }),
        Kind::WaitMap(pred) => future(async move {
            let wait = view.wait_map(move |value| holds(pred, **value).then_some(**value));
            wait.await.map_or(Said::End, Said::Mapped)
        }),
        Kind::Changed => {
            let changed = view.changed();
            future(async { changed.await.map_or(Said::End, |found| change(&found)) })
        }
        Kind::ChangedSince(_) => future(async move {
            let wait = view.changed_since(&seen);
            wait.await.map_or(Said::End, |found| state(&found))
        }),
        Kind::Changes => stream(view.changes(), change),
        Kind::Bounded(capacity) => stream(view.changes_bounded(capacity), |item| match item {
            Ok(found) => change(found),
            Err(lagged) => Said::Missed(lagged.missed),
        }),
        Kind::Snapshots => stream(view.snapshots(), state),
        Kind::SwapWhen(..) => unreachable!("a view does not write"),
    }
}

/// What is made from a handle: a wait owns it, so that the atom stays open.
pub(crate) fn of_atom(
    atom: &Atom<Value>,
    kind: Kind,
    seen: Snapshot<Value>,
    live: &Live,
) -> Polled<Said> {
    let (atom, live) = (atom.clone(), live.clone());
    match kind {
        Kind::WaitFor(pred) => future(async move {
            let wait = atom.wait_for(move |value| holds(pred, **value));
            state(&wait.await)
        }),
        Kind::WaitMap(pred) => future(async move {
            let wait = atom.wait_map(move |value| holds(pred, **value).then_some(**value));
            Said::Mapped(wait.await)
        }),
        // A closure that captures nothing is one of a kind.
        Kind::SwapWhen(
            Pred {
                accepts: 1,
                panics_on: None,
            },
            then,
        ) => future(async move {
            let wait = atom.swap_when(|value| **value == 0, |_| live.value(then % VALUES));
            state(&wait.await)
        }),
        Kind::SwapWhen(pred, then) => future(async move {
            let pred = move |value: &Value| holds(pred, **value);
            state(&atom.swap_when(pred, |_| live.value(then % VALUES)).await)
        }),
        Kind::Changed => future(async move { change(&atom.changed().await) }),
        Kind::ChangedSince(_) => future(async move { state(&atom.changed_since(&seen).await) }),
        Kind::Changes | Kind::Bounded(_) | Kind::Snapshots => of_view(&atom.view(), kind, seen),
    }
}

/// How it is made in the end: only an atom can write.
pub(crate) fn by(kind: Kind, by: By) -> By {
    match kind {
        Kind::SwapWhen(..) => By::Atom,
        _ => by,
    }
}
