//! [`Atomic`]: a number or a flag in place.

mod arithmetic;
pub(crate) mod primitive;
#[cfg(not(loom))]
mod threads;
mod updates;
pub(crate) mod values;
mod waits;

use std::{fmt, panic};

use self::primitive::{Primitive, level};
use crate::{
    sync::{Arc, barrier, const_unless_loom, in_place::InPlace, late_box::LateBox},
    wait::{
        line::Line,
        listeners::Listeners,
        panics::Panics,
        roster::Observer,
        source::{Commit, Registered, Source},
        threshold::Thresholds,
    },
};

/// A number or a flag that many threads change, and whose changes can be awaited.
///
/// It stands in place, as `std`'s atomics do, with a pointer beside the value: 16 bytes for
/// 64 bits. Nothing is allocated until somebody waits, `new` is `const`, and a cell may be a
/// `static`. Reading is one load; writing is one instruction of the hardware, or a short
/// compare-and-swap loop, and one look at the pointer.
///
/// All operations are sequentially consistent: the cells of a program and `std`'s `SeqCst` atomics
/// have one order. There is no `Ordering` to choose, because a weaker write could pass
/// the look for those who wait.
///
/// An array of cells is `[Atomic<T>; N]` or `Box<[Atomic<T>]>`.
///
/// # Writes and waits
///
/// Every writer offers what it has written to those who wait. So a value that
/// satisfies a wait is not missed if the next write overwrites it at once: after
/// `set(1); set(0)` a task that waited for 1 has got it. Of writers that race each other, any may be
/// the one that answers; a wait may also be answered by a write that was still in progress
/// when it began. That one equals the value before it does not make a write less of a write.
///
/// A write returns when those who wait have been told, unless another thread is telling them: then
/// that one does it. It wakes only tasks whose wait is over.
///
/// | wait | costs a write that does not satisfy it |
/// |---|---|
/// | [`wait_at_least`](Self::wait_at_least), [`wait_at_most`](Self::wait_at_most), [`wait_equal`](Self::wait_equal) | one comparison, however many wait |
/// | [`wait_for`](Self::wait_for), [`wait_map`](Self::wait_map) | a short lock and a call of each closure |
/// | [`update_when`](Self::update_when) | a short lock and a call for each in line, up to the first whose condition holds; one call for all that wait by the same closure, if it captures nothing |
///
/// # Panics of user code
///
/// A panic in an update closure leaves the cell as it was. A panic in a predicate surfaces in
/// the task that waits. A panic of a waker surfaces in the thread that called it, when everybody
/// else has been woken.
///
/// # Examples
///
/// ```
/// use atomos::{AtomicBool, AtomicU64};
///
/// static HITS: AtomicU64 = AtomicU64::new(0);
///
/// # futures::executor::block_on(async {
/// std::thread::spawn(|| for _ in 0..1_000 { HITS.increment_and_get(); });
/// assert_eq!(HITS.wait_at_least(1_000).await, 1_000);
/// # });
/// ```
pub struct Atomic<T: Primitive> {
    value: InPlace<T>,
    /// Made when somebody waits for the first time.
    observers: LateBox<Observers<T>>,
}

/// Everything that has to do with those who wait for one cell.
pub(crate) struct Observers<T> {
    pub(crate) thresholds: Thresholds,
    listeners: Listeners<T>,
}

impl<T: Primitive> Observers<T> {
    fn new() -> Self {
        Self {
            thresholds: Thresholds::new(),
            listeners: Listeners::new(),
        }
    }

    /// Whether there may be anybody whom `value` concerns.
    #[inline]
    fn may_care(&self, value: T) -> bool {
        self.thresholds.may_concern(value.key()) || self.listeners.are_present()
    }
}

impl<T: Primitive> Atomic<T> {
    const_unless_loom! {
        /// A cell with `value`.
        ///
        /// ```
        /// use atomos::Atomic;
        ///
        /// static OPEN: Atomic<bool> = Atomic::new(false);
        /// let seats: [Atomic<u32>; 3] = std::array::from_fn(|row| Atomic::new(10 * row as u32));
        /// assert_eq!((OPEN.get(), seats[2].get()), (false, 20));
        /// ```
        pub fn new(value: T) -> Self {
            Self {
                value: InPlace::new(value),
                observers: LateBox::new(),
            }
        }
    }

    /// The value.
    #[doc(alias("load", "intValue", "longValue", "getPlain", "getAcquire"))]
    #[inline]
    pub fn get(&self) -> T {
        T::load(self.value.get())
    }

    /// Makes `value` the value.
    #[doc(alias("store", "setRelease", "lazySet"))]
    #[inline]
    pub fn set(&self, value: T) {
        T::store(self.value.get(), value);
        self.wrote(value);
    }

    /// Makes `value` the value, and returns the one before.
    #[doc(alias("swap", "getAndSet", "exchange"))]
    #[inline]
    pub fn get_and_set(&self, value: T) -> T {
        let previous = T::swap(self.value.get(), value);
        self.wrote(value);
        previous
    }

    /// The value of a cell that nobody shares any more.
    pub fn into_inner(self) -> T {
        self.get()
    }

    /// Sets `new` if the value is `expected`; false if it is not.
    ///
    /// Floats are compared by their bits: NaN equals the same NaN, and -0.0 differs from 0.0.
    #[doc(alias("compareAndSet", "weakCompareAndSet", "compare_and_swap"))]
    #[inline]
    pub fn compare_and_set(&self, expected: T, new: T) -> bool {
        self.compare_and_exchange(expected, new).is_ok()
    }

    /// Sets `new` if the value is `expected`, compared as [`compare_and_set`](Self::compare_and_set)
    /// does. Returns the previous value.
    ///
    /// # Errors
    ///
    /// The actual value, if it is another one; then nothing has changed.
    ///
    /// ```
    /// let cell = atomos::Atomic::new(1);
    /// assert_eq!(cell.compare_and_exchange(1, 2), Ok(1));
    /// assert_eq!(cell.compare_and_exchange(1, 3), Err(2));
    /// ```
    #[doc(alias("compare_exchange", "compareAndExchange"))]
    #[inline]
    pub fn compare_and_exchange(&self, expected: T, new: T) -> Result<T, T> {
        let previous = T::compare_exchange(self.value.get(), expected, new)?;
        self.wrote(new);
        Ok(previous)
    }

    #[inline]
    fn raw(&self) -> &T::Atomic {
        self.value.get()
    }

    pub(crate) fn observers(&self) -> &Observers<T> {
        self.observers.get_or_make(Observers::new)
    }

    /// Follows every write: tells those whom it concerns.
    #[inline]
    fn wrote(&self, value: T) {
        barrier();
        if let Some(observers) = self.observers.get() {
            if observers.may_care(value) {
                self.tell(observers, value);
            }
        }
    }

    #[cold]
    fn tell(&self, observers: &Observers<T>, value: T) {
        let mut panics = Panics::new();
        if observers.thresholds.may_concern(value.key()) {
            observers.thresholds.tell(level(value), &mut panics);
        }
        if observers.listeners.are_present() {
            panics.catch(|| observers.listeners.tell(value, || self.get()));
        }
        panics.resume();
    }
}

impl<T: Primitive> Source for Atomic<T> {
    type Event = T;

    fn register(&self, observer: Observer<T>) -> Registered<T> {
        let listeners = &self.observers().listeners;
        Registered::Since(listeners.register(observer, || self.get()))
    }

    fn unregister(&self, observer: &Observer<T>) {
        let listeners = &self.observers().listeners;
        listeners.unregister(observer, || self.get());
    }

    fn look(&self) -> T {
        self.get()
    }

    fn deliver(&self) {
        self.observers().listeners.deliver(|| self.get());
    }

    #[cfg(not(loom))]
    fn is_deliverer(&self) -> bool {
        self.observers().listeners.is_deliverer()
    }
}

impl<T: Primitive> Commit for Atomic<T> {
    type Value = T;
    type Committed = T;

    fn line(&self) -> &Arc<Line> {
        self.observers().listeners.line()
    }

    fn try_commit(&self, mut f: impl FnMut(&T) -> Option<T>) -> Option<T> {
        let written = primitive::update(self.raw(), |value| f(&value)).ok()?;
        Some(written.1)
    }

    fn made(committed: &T) -> T {
        *committed
    }

    fn conclude(&self, committed: T) {
        self.wrote(committed);
    }
}

impl<T: Primitive> Default for Atomic<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Primitive> From<T> for Atomic<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Primitive> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// A closure that panics changes nothing, and a value is always whole.
impl<T: Primitive> panic::UnwindSafe for Atomic<T> {}
impl<T: Primitive> panic::RefUnwindSafe for Atomic<T> {}

/// The names of `std`, and of the original atomos, for the cells of each type.
pub(crate) mod names {
    use super::Atomic;

    macro_rules! names {
        ($($name:ident = $T:ty;)*) => {$(
            #[doc = concat!("A cell that holds ", stringify!($T), ".")]
            pub type $name = Atomic<$T>;
        )*};
    }

    names! {
        AtomicBool = bool;
        AtomicI8 = i8;
        AtomicI16 = i16;
        AtomicI32 = i32;
        AtomicI64 = i64;
        AtomicIsize = isize;
        AtomicU8 = u8;
        AtomicU16 = u16;
        AtomicU32 = u32;
        AtomicU64 = u64;
        AtomicUsize = usize;
        AtomicF32 = f32;
        AtomicF64 = f64;
        AtomicBoolean = bool;
        AtomicInteger = i32;
        AtomicLong = i64;
        AtomicFloat = f64;
    }
}
