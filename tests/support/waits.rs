//! Every way to wait for an atom, behind one signature.

use std::pin::Pin;

use atomos::Atom;
use futures::StreamExt;

pub(crate) type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// One way to wait until an atom that holds 0 holds 1; gives the value seen.
pub(crate) struct Wait {
    pub(crate) name: &'static str,
    /// It sees the 1 even if the next commit has overwritten it.
    pub(crate) lossless: bool,
    /// It counts from the call of `start` on, not from the first poll.
    pub(crate) from_call: bool,
    pub(crate) start: fn(&Atom<u64>) -> Boxed<u64>,
}

/// The futures of `Atom` and `AtomView`, and the next item of each stream.
pub(crate) fn every_wait() -> Vec<Wait> {
    let mut all = of_atom();
    all.extend(of_view());
    all.extend(of_streams());
    all
}

const fn lossless(name: &'static str, start: fn(&Atom<u64>) -> Boxed<u64>) -> Wait {
    Wait {
        name,
        lossless: true,
        from_call: true,
        start,
    }
}

const fn latest(name: &'static str, start: fn(&Atom<u64>) -> Boxed<u64>) -> Wait {
    Wait {
        name,
        lossless: false,
        from_call: true,
        start,
    }
}

fn of_atom() -> Vec<Wait> {
    vec![
        lossless("Atom::wait_for", |atom| {
            let atom = atom.clone();
            Box::pin(async move { *atom.wait_for(|n| *n == 1).await })
        }),
        lossless("Atom::wait_map", |atom| {
            let atom = atom.clone();
            Box::pin(async move { atom.wait_map(|n| (*n == 1).then_some(*n)).await })
        }),
        // A turn is lost when the next write comes first, so that it waits for "at least".
        latest("Atom::swap_when", |atom| {
            let atom = atom.clone();
            Box::pin(async move { *atom.swap_when(|n| *n >= 1, |n| *n).await })
        }),
        Wait {
            // It borrows its atom, which this future owns: the call comes with the first poll.
            from_call: false,
            ..lossless("Atom::changed", |atom| {
                let atom = atom.clone();
                Box::pin(async move { *atom.changed().await.new })
            })
        },
        latest("Atom::changed_since", |atom| {
            let (atom, seen) = (atom.clone(), atom.load());
            Box::pin(async move { *atom.changed_since(&seen).await })
        }),
    ]
}

fn of_view() -> Vec<Wait> {
    vec![
        lossless("AtomView::wait_for", |atom| {
            let view = atom.view();
            Box::pin(async move { *view.wait_for(|n| *n == 1).await.expect("open") })
        }),
        lossless("AtomView::wait_map", |atom| {
            let view = atom.view();
            Box::pin(async move {
                let found = view.wait_map(|n| (*n == 1).then_some(*n)).await;
                found.expect("open")
            })
        }),
        lossless("AtomView::changed", |atom| {
            let changed = atom.view().changed();
            Box::pin(async move { *changed.await.expect("open").new })
        }),
        latest("AtomView::changed_since", |atom| {
            let (view, seen) = (atom.view(), atom.load());
            Box::pin(async move { *view.changed_since(&seen).await.expect("open") })
        }),
    ]
}

fn of_streams() -> Vec<Wait> {
    vec![
        lossless("changes", |atom| {
            let mut changes = atom.changes();
            Box::pin(async move { *changes.next().await.expect("open").new })
        }),
        lossless("changes_bounded", |atom| {
            let mut changes = atom.changes_bounded(8);
            Box::pin(async move {
                let item = changes.next().await.expect("open");
                *item.expect("within its capacity").new
            })
        }),
        latest("snapshots", |atom| {
            let snapshots = atom.snapshots();
            Box::pin(async move {
                let mut news = snapshots.filter(|n| std::future::ready(**n != 0));
                *news.next().await.expect("open")
            })
        }),
    ]
}
