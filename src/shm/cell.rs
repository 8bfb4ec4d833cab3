//! [`Atomic`]: a number or a flag that processes share.

mod opening;
mod primitive;
mod threads;
mod values;
mod waits;

pub use self::{primitive::ShmPrimitive, values::Values};

use std::{fmt, panic};

use super::{
    error::ShmError,
    file::Shared,
    head::{VALUE, corrupt},
    helper::{self, Watched},
    signal::Signal,
    told::Told,
    waiting::Keeper,
};
use crate::{
    atomic::{
        arithmetic::{bit_verbs, flag_verbs, number_verbs},
        basics::basic_verbs,
        primitive::{self as words, Access, Arithmetic, Bitwise, Logic, Number, Raw},
        updates::update_verbs,
    },
    sync::{Arc, AtomicBool, Ordering},
    wait::{
        arrivals::Write,
        listeners::Listeners,
        presence::Presence,
        roster::{Name, Observer},
        source::{Registered, Source},
    },
};

/// A number or a flag in a file that many processes map and change.
///
/// It has the verbs of [`atomos::Atomic`](crate::Atomic), which mean the same, for all who have the
/// file open: sequentially consistent, one instruction of the hardware each or a short
/// compare-and-swap loop, and [hardly](super#what-is-promised) a system call while nobody waits. There
/// is no lock, so however a process dies, or wherever it is stopped, the others go on. (The examples of
/// the verbs below are those of the cell of one process.)
///
/// Clones are the same cell, and share one mapping.
///
/// # Waits
///
/// A wait ends with a value that satisfied it when this process looked. It looks when it is woken by
/// a change that any process has made, and by itself once in [`recheck`](super::Options::recheck). So,
/// other than in one process, *a value that came and went between two looks may be missed*:
/// wait for something that stays so, such as a bound that a counter has passed.
///
/// The predicate is called by the task that waits, at first, and then by a thread that sleeps for the
/// waits of the process (now and then by a thread that drops another wait for the same value). It is
/// started by the first wait that is not over at once, and ends soon after the last. A
/// predicate should return quickly. `blocking_wait_for` there would wait for its own thread: it panics unless
/// the value satisfies it already, and with a timeout it times out.
///
/// # Panics
///
/// Waits panic if that thread cannot be started, or if the process was forked after the cell was
/// opened (the thread is not in the child; reading and writing work there). A panic in a
/// predicate surfaces in the task that waits. A panic of a waker ends in the thread that called it.
///
/// # Examples
///
/// ```
/// use atomos::shm;
///
/// # let folder = std::env::temp_dir();
/// # let path = folder.join(format!("atomos-doc-{}", std::process::id()));
/// let jobs = shm::Atomic::open(&path, 0_u64)?; // say, "/dev/shm/jobs"
/// jobs.increment_and_get();
///
/// // In another process, or here:
/// let same = shm::Atomic::open(&path, 0_u64)?;
/// # futures::executor::block_on(async {
/// assert_eq!(same.wait_at_least(1).await, 1);
/// # });
/// # std::fs::remove_file(&path)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Atomic<T: ShmPrimitive> {
    inner: Arc<Inner<T>>,
    keeper: Arc<Keeper>,
}

/// What the handles of one mapping share.
struct Inner<T: ShmPrimitive> {
    shared: Shared,
    listeners: Listeners<T>,
    /// Somebody may be among them.
    present: AtomicBool,
    told: Told,
}

/// A flag that is neither true nor false.
pub(super) fn no_value() -> ShmError {
    corrupt("the value is none of the type")
}

impl<T: ShmPrimitive> Atomic<T> {
    #[inline]
    fn raw(&self) -> &Raw<T> {
        self.inner.raw()
    }

    /// Precedes every write. Who waits here does not ask for it.
    #[inline]
    fn begun(&self) -> u64 {
        0
    }

    /// Follows every write: wakes those who wait, in every process.
    #[inline]
    fn wrote(&self, _begun: u64, _old: T, _new: T) {
        self.inner.shared.wake();
    }

    #[inline]
    fn write(&self, f: impl FnMut(T) -> Option<T>) -> Result<Write<T>, T> {
        let (old, new) = words::update(self.raw(), f)?;
        Ok(Write { old, new, begun: 0 })
    }

    #[inline]
    fn write_with<R>(&self, f: impl FnMut(T) -> Option<(T, R)>) -> Result<(Write<T>, R), T> {
        let (old, new, result) = words::update_with(self.raw(), f)?;
        Ok((Write { old, new, begun: 0 }, result))
    }
}

basic_verbs!(Atomic, ShmPrimitive);
update_verbs!(Atomic, ShmPrimitive);
number_verbs!(Atomic, ShmPrimitive, Number);
bit_verbs!(Atomic, ShmPrimitive, Bitwise);
flag_verbs!(Atomic);

impl<T: ShmPrimitive> Inner<T> {
    #[inline]
    fn raw(&self) -> &Raw<T> {
        self.shared.head.word(VALUE)
    }

    fn get(&self) -> T {
        T::Verbs::load(self.raw())
    }
}

impl<T: ShmPrimitive> Watched for Inner<T> {
    fn signal(&self) -> Signal<'_> {
        self.shared.signal()
    }

    fn is_foreign(&self) -> bool {
        self.shared.is_foreign()
    }

    fn recheck(&self) -> std::time::Duration {
        self.shared.recheck
    }

    fn look(&self) {
        let begun = self.listeners.arrivals().so_far();
        let now = self.get();
        let is_known = self.told.is_known(begun, T::Verbs::bits(now));
        if !is_known && self.present.load(Ordering::SeqCst) {
            let (old, new) = (now, now);
            self.listeners.tell(Write { old, new, begun }, self);
        }
    }
}

impl<T: ShmPrimitive> Presence<T> for Inner<T> {
    fn look(&self) -> T {
        self.get()
    }

    fn raise(&self) -> bool {
        // SeqCst, as all of this: before the number of the wait, and its look.
        let is_first = !self.present.swap(true, Ordering::SeqCst);
        // A sleeper of its own: else a writer that is stopped between disarming and waking would keep
        // this wait from the wake of the next one.
        self.shared.signal().arm();
        is_first
    }

    fn leaves(&self, value: &T, up_to: u64) {
        self.told.leaves(up_to, T::Verbs::bits(*value));
    }

    fn has_seen(&self, value: &T, number: u64, is_alone: bool) {
        let bits = T::Verbs::bits(*value);
        self.told.has_seen(number, bits, is_alone);
    }

    fn lower(&self) {
        self.present.store(false, Ordering::SeqCst);
    }
}

impl<T: ShmPrimitive> Source for Inner<T> {
    type Event = T;

    fn register(&self, observer: Observer<T>) -> Registered<T> {
        Registered::Since(self.listeners.register(observer, self), Vec::new())
    }

    fn withdraw(&self, observer: Name) -> bool {
        self.listeners.withdraw(observer)
    }

    fn tidy(&self) {
        self.listeners.tidy(self);
    }

    fn is_foreign(&self) -> bool {
        self.shared.is_foreign()
    }

    fn look(&self) -> T {
        self.get()
    }

    fn is_deliverer(&self) -> bool {
        helper::is_here() || self.listeners.is_deliverer()
    }
}

impl<T: ShmPrimitive> Clone for Atomic<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            keeper: self.keeper.clone(),
        }
    }
}

impl<T: ShmPrimitive> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// As for the cell of one process.
impl<T: ShmPrimitive> panic::UnwindSafe for Atomic<T> {}
impl<T: ShmPrimitive> panic::RefUnwindSafe for Atomic<T> {}

#[cfg(test)]
mod tests;
