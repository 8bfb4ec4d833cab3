//! G11: a writer behind a long backlog gives way, once for each write, and nobody else does.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Waker},
    thread,
};

use super::Backlog;
use crate::{Atom, Atomic, sync::yields};

/// So many of the writes are behind a long backlog.
const BEHIND: usize = 10;

/// How often the writer yields in each of its writes, of which nobody tells any meanwhile.
fn yields_of_each(mut write: impl FnMut()) -> Vec<usize> {
    let writes = 0..Backlog::SHORT + BEHIND;
    writes.map(|_| yields(&mut write)).collect()
}

fn one_for_each_that_is_behind() -> Vec<usize> {
    let mut expected = vec![0; Backlog::SHORT];
    expected.extend([1; BEHIND]);
    expected
}

/// What `in_delivery` finds, which is run by a watch when it is told of the first commit.
fn told_by_an_atom(
    in_delivery: impl Fn(&Atom<u64>) -> Vec<usize> + Send + Sync + 'static,
) -> Vec<usize> {
    let (atom, found) = (Atom::new(0), Arc::new(Mutex::new(Vec::new())));
    let (is_first, keep, writer) = (AtomicBool::new(true), found.clone(), atom.clone());
    atom.add_watch("first", move |_| {
        if is_first.swap(false, Relaxed) {
            *keep.lock().expect("not poisoned") = in_delivery(&writer);
        }
    });
    atom.reset(1);
    atom.remove_watch("first");
    let found = found.lock().expect("not poisoned");
    found.clone()
}

/// The same, run by the predicate of a wait.
fn told_by_a_cell(in_delivery: impl Fn(&Atomic<u64>) -> Vec<usize> + Send + 'static) -> Vec<usize> {
    let (cell, found) = (Arc::new(Atomic::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (mut is_first, keep, writer) = (true, found.clone(), Arc::downgrade(&cell));
    let mut wait = Box::pin(cell.wait_for(move |n| {
        if n > 0 && std::mem::take(&mut is_first) {
            let writer = writer.upgrade().expect("it is written to");
            *keep.lock().expect("not poisoned") = in_delivery(&writer);
        }
        false
    }));
    let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    cell.set(1);
    let found = found.lock().expect("not poisoned");
    found.clone()
}

fn in_another_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().expect("it does not panic"))
}

#[test]
fn g11_a_writer_gives_way_to_who_delivers_an_atom() {
    let found = told_by_an_atom(|atom| {
        in_another_thread(|| {
            yields_of_each(|| {
                atom.swap(|n| n + 1);
            })
        })
    });
    assert_eq!(found, one_for_each_that_is_behind());
}

#[test]
fn g11_a_writer_gives_way_to_who_delivers_a_cell() {
    let found = told_by_a_cell(|cell| {
        in_another_thread(|| {
            yields_of_each(|| {
                cell.increment_and_get();
            })
        })
    });
    assert_eq!(found, one_for_each_that_is_behind());
}

/// Who delivers himself, in an outer frame, would give way to nobody.
#[test]
fn g11_nobody_gives_way_to_himself() {
    let nothing = vec![0; Backlog::SHORT + BEHIND];
    let found = told_by_an_atom(|atom| {
        yields_of_each(|| {
            atom.swap(|n| n + 1);
        })
    });
    assert_eq!(found, nothing);
    let found = told_by_a_cell(|cell| {
        yields_of_each(|| {
            cell.increment_and_get();
        })
    });
    assert_eq!(found, nothing);
}
