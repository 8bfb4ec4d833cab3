//! The one door to what threads share: std's primitives, or loom's when models run.
//!
//! With `--cfg loom --cfg atomos_shuttle` they are shuttle's: all that is said of loom holds of
//! it, but that schedules are drawn at random, and that every access is taken for sequentially
//! consistent.
//!
//! No file outside of this module names `std::sync::atomic`, `std::sync::Mutex` or a cell, so that
//! everything the crate does between threads is seen by the model checker.

/// A function that is `const`, except under loom, whose atomics are not made in constants.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $($rest)*

        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
pub(crate) use const_unless_loom;

pub(crate) mod in_place;
pub(crate) mod late_box;
pub(crate) mod threads;

#[cfg(all(loom, not(atomos_shuttle)))]
use loom as imp;
#[cfg(all(loom, atomos_shuttle))]
use shuttle as imp;
#[cfg(not(loom))]
use std as imp;

pub(crate) use imp::sync::{
    Arc, MutexGuard,
    atomic::{
        AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8,
        AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    },
};

/// A static that is made anew for each schedule of a model.
#[cfg(loom)]
pub(crate) use imp::lazy_static;

/// Between a sequentially consistent write of one place and a sequentially consistent read of
/// another.
///
/// Such accesses keep their order by themselves. loom takes them for acquire and release
/// ones, and has to be told.
#[inline]
pub(crate) fn barrier() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}

/// The same where one of the accesses is not known to be sequentially consistent.
#[inline]
pub(crate) fn full_barrier() {
    fence(Ordering::SeqCst);
}

/// Offers the processor to other threads, or lets the models switch.
#[inline]
pub(crate) fn yield_now() {
    #[cfg(all(test, not(loom)))]
    YIELDS.set(YIELDS.get() + 1);
    imp::thread::yield_now();
}

/// A mutex for short sections without user code, which therefore cannot be poisoned.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(imp::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::sync::Mutex::new(value))
    }

    /// Enters the section. What the guard's scope contains must not run a closure, a
    /// waker or a destructor of the user.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(all(test, not(loom)))]
        LOCKS.set(LOCKS.get() + 1);
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The same, if nobody is in it.
    #[cfg(all(feature = "shm", not(loom)))]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
thread_local! {
    static LOCKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    static YIELDS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many locks this thread takes while it runs `f`.
#[cfg(all(test, not(loom)))]
pub(crate) fn locks_taken(f: impl FnOnce()) -> usize {
    let before = LOCKS.get();
    f();
    LOCKS.get() - before
}

/// How often this thread yields while it runs `f`.
#[cfg(all(test, not(loom)))]
pub(crate) fn yields(f: impl FnOnce()) -> usize {
    let before = YIELDS.get();
    f();
    YIELDS.get() - before
}

/// `UnsafeCell` in loom's form: access is a closure, which the models check for races.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(
    #[cfg(all(loom, not(atomos_shuttle)))] loom::cell::UnsafeCell<T>,
    #[cfg(any(not(loom), atomos_shuttle))] std::cell::UnsafeCell<T>,
);

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        #[cfg(all(loom, not(atomos_shuttle)))]
        return Self(loom::cell::UnsafeCell::new(value));
        #[cfg(any(not(loom), atomos_shuttle))]
        return Self(std::cell::UnsafeCell::new(value));
    }

    /// A pointer for reading and writing; whoever follows it proves that nobody else does.
    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(all(loom, not(atomos_shuttle)))]
        return self.0.with_mut(f);
        #[cfg(any(not(loom), atomos_shuttle))]
        return f(self.0.get());
    }
}

/// A value that is made when it is first asked for; under loom, which does not model that,
/// at once.
pub(crate) struct Lazy<T>(std::sync::OnceLock<T>);

impl<T> Lazy<T> {
    pub(crate) fn new(_make: fn() -> T) -> Self {
        let cell = std::sync::OnceLock::new();
        #[cfg(loom)]
        let _ = cell.set(_make());
        Self(cell)
    }

    #[inline]
    pub(crate) fn get(&self, make: fn() -> T) -> &T {
        self.0.get_or_init(make)
    }
}

/// A value that is reached by `&mut` alone, and may therefore be shared whatever it is.
///
/// It makes a future `Sync` although it carries a closure that is only `Send`.
pub(crate) struct Exclusive<T>(T);

// SAFETY: no method reaches the content through `&self`, so a shared `Exclusive`
// gives nothing away. Moving it moves the content, which the derived `Send` covers.
#[allow(unsafe_code)]
unsafe impl<T> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}
