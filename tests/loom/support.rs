//! Values that notice misuse, and a way to poll by hand.

#![allow(unsafe_code)]

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use atomos::{Atom, Changes};
use loom::{
    alloc::Track,
    cell::UnsafeCell,
    sync::Arc,
    thread::{self, JoinHandle},
};

/// A value whose reads and end loom checks: a read of a freed node, or a node that is never
/// freed, fails the model.
pub(crate) struct Probe {
    number: UnsafeCell<u64>,
    _tracked: Track<()>,
}

impl Probe {
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number: UnsafeCell::new(number),
            _tracked: Track::new(()),
        }
    }

    pub(crate) fn get(&self) -> u64 {
        // SAFETY: loom checks that no write is concurrent.
        self.number.with(|number| unsafe { *number })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // Excludes every read, as seen by loom.
        // SAFETY: loom checks that no other access is concurrent.
        self.number.with_mut(|number| unsafe { *number = u64::MAX });
    }
}

// SAFETY: reads are shared, the only write is in `drop`, and loom checks that.
unsafe impl Send for Probe {}
// SAFETY: as above.
unsafe impl Sync for Probe {}

/// Something that one thread writes and another one reads, who has to know of that by other means.
pub(crate) fn beside() -> (impl FnOnce(), impl Fn() -> u64) {
    let reads = std::sync::Arc::new(UnsafeCell::new(0));
    let writes = reads.clone();
    // SAFETY: loom checks that no other access is concurrent.
    let write = move || writes.with_mut(|n| unsafe { *n = 1 });
    // SAFETY: loom checks that no write is concurrent.
    let read = move || reads.with(|n| unsafe { *n });
    (write, read)
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a model with at most `preemptions` forced switches, unless the environment says otherwise.
pub(crate) fn model(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(preemptions);
    }
    builder.check(f);
}

/// So many observers that one who leaves does not make the desk be tidied by that alone: what
/// has to be called for then is called by whoever needs it, not by chance.
pub(crate) fn crowd<T>(atom: &Atom<T>) -> [Changes<T>; 4] {
    let first = atom.changes();
    let crowd = [0; 4].map(|_| atom.changes());
    // The desk is tidied now, and counted.
    drop(first);
    crowd
}

/// Runs `f` in another thread, with a handle of its own.
pub(crate) fn meanwhile<T, R>(
    atom: &Atom<T>,
    f: impl FnOnce(&Atom<T>) -> R + 'static,
) -> JoinHandle<R>
where
    T: 'static,
    R: 'static,
{
    let atom = atom.clone();
    thread::spawn(move || f(&atom))
}

/// The first poll of a wait that is not satisfied yet.
pub(crate) fn park<F: Future + ?Sized>(wait: Pin<&mut F>) {
    assert!(poll_once(wait).is_pending());
}

/// Cancels `wait`, whose predicate shares `captured`, while another thread makes a commit on
/// which it is evaluated: it is dropped once, whoever has it at that moment. `others` join
/// before that.
pub(crate) fn cancel_while_judged<T: 'static, O>(
    atom: &Atom<T>,
    mut wait: Pin<Box<impl Future + ?Sized>>,
    captured: &Arc<()>,
    others: impl FnOnce(&Atom<T>) -> O,
    commit: impl FnOnce(&Atom<T>) + 'static,
) {
    park(wait.as_mut());
    let _others = others(atom);
    let writing = meanwhile(atom, commit);
    drop(wait);
    writing.join().unwrap();
    assert_eq!(Arc::strong_count(captured), 1);
}
