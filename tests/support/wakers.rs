//! A waker with a hook in each of its functions, counting its instances.
//!
//! Code inside `Waker::clone` runs between "check" and "register" of whatever
//! is being polled: the one place where a lost wake-up shows without luck.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What the wakers made from it have seen, and what they do.
#[derive(Default)]
pub(crate) struct Probe {
    wakes: AtomicUsize,
    clones: AtomicUsize,
    alive: AtomicUsize,
    on_clone: Mutex<Option<Hook>>,
    on_wake: Mutex<Option<Hook>>,
    on_drop: Mutex<Option<Hook>>,
}

impl Probe {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn on_clone(&self, hook: impl Fn() + Send + Sync + 'static) {
        set(&self.on_clone, hook);
    }

    pub(crate) fn on_wake(&self, hook: impl Fn() + Send + Sync + 'static) {
        set(&self.on_wake, hook);
    }

    pub(crate) fn on_drop(&self, hook: impl Fn() + Send + Sync + 'static) {
        set(&self.on_drop, hook);
    }

    /// Takes all hooks out: the wakers only count from here on.
    pub(crate) fn calm(&self) {
        for slot in [&self.on_clone, &self.on_wake, &self.on_drop] {
            drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    pub(crate) fn clones(&self) -> usize {
        self.clones.load(Ordering::SeqCst)
    }

    /// Wakers of this probe that exist now.
    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    #[allow(unsafe_code)]
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        self.alive.fetch_add(1, Ordering::SeqCst);
        let data = Arc::into_raw(self.clone()).cast();
        // SAFETY: `data` is an owned strong count and VTABLE treats it as one;
        // `Probe` is Send + Sync.
        unsafe { Waker::new(data, &VTABLE) }
    }
}

fn set(slot: &Mutex<Option<Hook>>, hook: impl Fn() + Send + Sync + 'static) {
    let hook: Hook = Arc::new(hook);
    let old = slot
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(hook);
    drop(old);
}

/// The hook runs without the slot's lock: it may replace itself.
fn run(slot: &Mutex<Option<Hook>>) {
    let hook = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(hook) = hook {
        hook();
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// The strong count of one waker.
///
/// # Safety
///
/// `data` comes from [`Probe::waker`] or [`clone`], and its waker is being consumed.
#[allow(unsafe_code)]
unsafe fn owned(data: *const ()) -> Arc<Probe> {
    // SAFETY: the caller hands over the count that `data` stands for.
    unsafe { Arc::from_raw(data.cast()) }
}

/// A count of its own, beside the waker's.
///
/// # Safety
///
/// `data` comes from [`Probe::waker`] or [`clone`], and its waker is alive.
#[allow(unsafe_code)]
unsafe fn retained(data: *const ()) -> Arc<Probe> {
    let probe: *const Probe = data.cast();
    // SAFETY: the waker owns a count, so the allocation is alive.
    unsafe { Arc::increment_strong_count(probe) };
    // SAFETY: this is the count just added.
    unsafe { Arc::from_raw(probe) }
}

#[allow(unsafe_code)]
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called on a live waker.
    let probe = unsafe { retained(data) };
    probe.clones.fetch_add(1, Ordering::SeqCst);
    run(&probe.on_clone);
    probe.alive.fetch_add(1, Ordering::SeqCst);
    RawWaker::new(Arc::into_raw(probe).cast(), &VTABLE)
}

#[allow(unsafe_code)]
unsafe fn wake(data: *const ()) {
    // SAFETY: called on a waker that is being consumed.
    let probe = unsafe { owned(data) };
    probe.alive.fetch_sub(1, Ordering::SeqCst);
    probe.wakes.fetch_add(1, Ordering::SeqCst);
    run(&probe.on_wake);
}

#[allow(unsafe_code)]
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called on a live waker.
    let probe = unsafe { retained(data) };
    probe.wakes.fetch_add(1, Ordering::SeqCst);
    run(&probe.on_wake);
}

#[allow(unsafe_code)]
unsafe fn release(data: *const ()) {
    // SAFETY: called on a waker that is being consumed.
    let probe = unsafe { owned(data) };
    probe.alive.fetch_sub(1, Ordering::SeqCst);
    run(&probe.on_drop);
}

/// Polls once with that waker.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
