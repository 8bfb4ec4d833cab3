//! Models of the protocols between threads, explored by loom.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release --test loom`. Constants of the
//! library shrink under loom, so that second rounds are reached.
#![cfg(all(loom, not(atomos_shuttle)))]

#[path = "loom/support.rs"]
mod support;

/// Files of the library, which the models take as they are.
#[allow(dead_code)]
#[path = "../src/wait/baton.rs"]
mod baton;
#[allow(dead_code)]
#[path = "../src/wait/arrivals.rs"]
mod numbers;
#[path = "../src/shm/signal.rs"]
mod signal;
#[path = "../src/shm/told.rs"]
mod told;

/// What those files ask the library for.
mod sync {
    pub(crate) use loom::cell::UnsafeCell;
    use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

    pub(crate) fn barrier() {
        fence(Ordering::SeqCst);
    }

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}
mod kill {
    pub(crate) fn point(_name: &str) {}
}

#[path = "loom/arrivals.rs"]
mod arrivals;
#[path = "loom/baton.rs"]
mod batons;
#[path = "loom/cell.rs"]
mod cell;
#[path = "loom/cell_line.rs"]
mod cell_line;
#[path = "loom/close.rs"]
mod close;
#[path = "loom/delivery.rs"]
mod delivery;
#[path = "loom/first_wait.rs"]
mod first_wait;
#[path = "loom/line.rs"]
mod line;
#[path = "loom/listeners.rs"]
mod listeners;
#[path = "loom/presence.rs"]
mod presence;
#[path = "loom/signal.rs"]
mod signals;
#[path = "loom/stepping_over.rs"]
mod stepping_over;
#[path = "loom/told.rs"]
mod telling;
#[path = "loom/threshold.rs"]
mod threshold;
#[path = "loom/waits.rs"]
mod waits;
#[path = "loom/wakers.rs"]
mod wakers;
#[path = "loom/watches.rs"]
mod watches;
