//! [`Atomic`]: a number or a flag in place.

pub(crate) mod primitive;
pub(crate) mod values;

// In the order in which the documentation is to show their methods, hence apart.
pub(crate) mod basics;

pub(crate) mod updates;

pub(crate) mod arithmetic;

mod waits;

#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(not(loom))]
mod threads;

use std::{fmt, panic};

use self::primitive::{Access, Placed, Primitive, Raw, level};
use crate::{
    sync::{
        barrier,
        late_box::{LateBox, Marks},
    },
    wait::{
        arrivals::Write,
        census::Counted,
        line::{Known, Line},
        listeners::Listeners,
        panics::Panics,
        presence::Presence,
        roster::{Name, Observer},
        source::{Commit, Registered, Source},
        threshold::{Goal, Level, Parked, Thresholds},
    },
};

/// A number or a flag that many threads change, and whose changes can be awaited.
///
/// It stands in place, as `std`'s atomics do, with a pointer beside the value: 16 bytes for
/// 64 bits. Nothing is allocated until somebody waits, `new` is `const`, and a cell may be a
/// `static`. Reading is one load; writing is one instruction of the hardware, or a short
/// compare-and-swap loop, and a look before and after it whether anybody waits.
///
/// All operations are sequentially consistent: the cells of a program and `std`'s `SeqCst` atomics
/// have one order. There is no `Ordering` to choose, because a weaker write could pass
/// the look for those who wait.
///
/// There is a [name](crate#types) for each width: `AtomicU64` is `Atomic<u64>`. An array of cells
/// is `[Atomic<T>; N]` or `Box<[Atomic<T>]>`.
///
/// # Writes and waits
///
/// Every writer offers what it has written to those who wait. So a value that
/// satisfies a wait is not missed if the next write overwrites it at once: after
/// `set(1); set(0)` a task that waited for 1 has got it. (Those in line, by `update_when`, are asked about
/// the current value only: it is what they would change.) Of writers that race each other, any may
/// be the one that answers. Writing the value that is there already is a write like any other.
///
/// A wait is never answered by a value that was overwritten before it began. (The price: if two
/// writes are both under way when a wait begins, and the second overwrites the first, the wait may miss
/// the value of the first.)
///
/// A write returns when those who wait have been told, unless they are being told already, by another
/// thread or by an outer frame of this one: then that one does it. So a predicate or a waker that writes must
/// not block until others have been told of it. A write wakes only tasks whose wait is over.
///
/// | wait | costs a write that does not satisfy it |
/// |---|---|
/// | [`wait_at_least`](Self::wait_at_least), [`wait_at_most`](Self::wait_at_most) | one comparison |
/// | [`wait_equal`](Self::wait_equal) | the same; a few more once a write has stepped over that value |
/// | [`changed_from`](Self::changed_from), [`values`](Self::values) | a short lock |
/// | [`wait_for`](Self::wait_for), [`wait_map`](Self::wait_map) | a short lock, a call of each |
/// | [`update_when`](Self::update_when) | a short lock, a call of each up to the first that holds |
///
/// The comparisons are made once for all, however many wait, and without a lock. (The first write
/// after a wait has begun or ended may take a short lock. So do fewer than five in a hundred of
/// those that step over values waited for by `wait_equal`, where these are many, up to some ten thousand.)
/// If several `update_when` wait in line with the same closure, and it captures nothing, it is called once
/// for all of them.
///
/// Whether anybody waits is first looked up for all cells of a type together. As long as somebody
/// waits for any `Atomic<u64>`, say, threads that write another `Atomic<u64>` at the same time fetch its cache
/// line once more for each write.
///
/// A cell that somebody has waited for takes about 1000 bytes more from then on, and 2 to 32 for each
/// of the most `wait_equal`s that it ever had at once, if these were more than 16; a parked wait for
/// a level takes about 120 to 140, one with a closure 220 to 270 besides what that captures (on
/// 64-bit targets).
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
    value: Placed<T>,
    /// Made when somebody waits for the first time, and marked while somebody may wait.
    observers: LateBox<Observers<T>>,
}

/// Everything that has to do with those who wait for one cell.
pub(crate) struct Observers<T: Primitive> {
    thresholds: Thresholds,
    listeners: Listeners<T>,
    line: Line<T>,
    /// Because of each of the marks, in their order.
    counted: [Counted; 3],
}

impl<T: Primitive> Observers<T> {
    fn new() -> Self {
        Self {
            thresholds: Thresholds::new(),
            listeners: Listeners::new(),
            line: Line::new(),
            counted: std::array::from_fn(|_| Counted::not_yet()),
        }
    }

    fn counted(&self, mark: Marks) -> &Counted {
        &self.counted[mark.index()]
    }
}

/// A cell that ends may still have marks: those who waited last have left, or been forgotten.
impl<T: Primitive> Drop for Observers<T> {
    fn drop(&mut self) {
        for counted in &self.counted {
            counted.leave(T::Verbs::census());
        }
        // Of those who were forgotten, each on its own: destructors of two may panic.
        let mut panics = Panics::new();
        self.thresholds.clear(&mut panics);
        self.line.clear(&mut panics);
        panics.resume();
    }
}

/// Whom a write concerns.
#[derive(Clone, Copy)]
struct Concerned {
    levels: bool,
    listeners: bool,
    line: bool,
}

impl Concerned {
    #[inline]
    fn is_anybody(self) -> bool {
        self.beside_line() || self.line
    }

    #[inline]
    fn beside_line(self) -> bool {
        self.levels || self.listeners
    }
}

impl<T: Primitive> Observers<T> {
    #[inline]
    fn concerned(&self, marks: Marks, write: &Write<T>) -> Concerned {
        let key = T::Verbs::key;
        Concerned {
            levels: marks.meet(LEVELS)
                && (self.thresholds).may_concern(key(write.old), key(write.new)),
            listeners: marks.meet(LISTENERS),
            line: marks.meet(LINE),
        }
    }
}

/// Somebody may be among the [thresholds](Observers::thresholds).
const LEVELS: Marks = Marks::FIRST;
/// Somebody may be among the [listeners](Observers::listeners).
const LISTENERS: Marks = Marks::SECOND;
/// Somebody is in [line](Observers::line).
const LINE: Marks = Marks::THIRD;

impl<T: Primitive> Atomic<T> {
    #[inline]
    fn raw(&self) -> &Raw<T> {
        self.value.get()
    }

    fn observers(&self) -> &Observers<T> {
        self.observers.get_or_make(Observers::new)
    }

    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.observers().thresholds
    }

    /// Precedes every write: how many waits have begun, if any of them may last.
    #[inline]
    fn begun(&self) -> u64 {
        if T::Verbs::census().is_zero() {
            return 0;
        }
        let observers = self.observers.marked();
        observers.map_or(0, |(observers, _)| observers.listeners.arrivals().so_far())
    }

    /// Follows every write: tells those whom it concerns.
    #[inline]
    fn wrote(&self, begun: u64, old: T, new: T) {
        barrier();
        if !T::Verbs::census().is_zero() {
            self.look_for_waits(begun, old, new);
        }
    }

    /// Somebody waits for a cell of this type, which may be this one.
    #[inline]
    fn look_for_waits(&self, begun: u64, old: T, new: T) {
        if let Some((observers, marks)) = self.observers.marked() {
            let write = Write { old, new, begun };
            let concerned = observers.concerned(marks, &write);
            if concerned.is_anybody() {
                let mut panics = Panics::new();
                if concerned.beside_line() {
                    self.tell(observers, write, concerned, &mut panics);
                }
                if concerned.line {
                    observers.line.tell(1, self, &mut panics);
                }
                panics.resume();
            }
        }
    }

    /// Tells those beside the line.
    #[cold]
    fn tell(
        &self,
        observers: &Observers<T>,
        write: Write<T>,
        concerned: Concerned,
        panics: &mut Panics,
    ) {
        // Left first: a waker may write again, and that value comes after this one.
        let backlog = (concerned.listeners).then(|| observers.listeners.leave(write, self, panics));
        if concerned.levels {
            let write = write.map(level);
            observers.thresholds.tell(write, self, panics);
        }
        if let Some(backlog) = backlog {
            panics.catch(|| observers.listeners.deliver_left(self, backlog));
        }
    }

    /// Sets what `f` makes of the value, unless that is nothing: then it is the error.
    #[inline]
    fn write(&self, mut f: impl FnMut(T) -> Option<T>) -> Result<Write<T>, T> {
        let (write, ()) = self.write_with(|value| Some((f(value)?, ())))?;
        Ok(write)
    }

    /// The same with a result besides the new value: that of the attempt that was written.
    #[inline]
    fn write_with<R>(&self, mut f: impl FnMut(T) -> Option<(T, R)>) -> Result<(Write<T>, R), T> {
        let mut begun = 0;
        let (old, new, result) = primitive::update_with(self.raw(), |value| {
            let attempt = f(value);
            // After the closure, which can take its time.
            begun = self.begun();
            attempt
        })?;
        Ok((Write { old, new, begun }, result))
    }

    /// Under the lock of its register: sets a mark, as [`Presence::raise`] is to do.
    fn mark(&self, mark: Marks) -> bool {
        self.observers().counted(mark).enter(T::Verbs::census());
        self.observers.mark(mark)
    }

    /// Under the lock of its register: clears it.
    fn unmark(&self, mark: Marks) {
        self.observers.unmark(mark);
        self.observers().counted(mark).leave(T::Verbs::census());
    }

    /// Waits for a level, from now on: see [`Thresholds::park`].
    pub(crate) fn park(&self, goal: Goal) -> Result<Parked, u64> {
        let observers = self.observers();
        let arrivals = observers.listeners.arrivals();
        observers.thresholds.park(goal, arrivals, self)
    }
}

/// For the listeners.
impl<T: Primitive> Presence<T> for Atomic<T> {
    fn look(&self) -> T {
        self.get()
    }

    fn raise(&self) -> bool {
        self.mark(LISTENERS)
    }

    fn lower(&self) {
        self.unmark(LISTENERS);
    }
}

/// For the levels.
impl<T: Primitive> Presence<Level> for Atomic<T> {
    fn look(&self) -> Level {
        level(self.get())
    }

    fn raise(&self) -> bool {
        self.mark(LEVELS)
    }

    fn lower(&self) {
        self.unmark(LEVELS);
    }
}

impl<T: Primitive> Source for Atomic<T> {
    type Event = T;

    fn register(&self, observer: Observer<T>) -> Registered<T> {
        let listeners = &self.observers().listeners;
        Registered::Since(listeners.register(observer, self), Vec::new())
    }

    fn withdraw(&self, observer: Name) -> bool {
        self.observers().listeners.withdraw(observer)
    }

    fn tidy(&self) {
        self.observers().listeners.tidy(self);
    }

    fn look(&self) -> T {
        self.get()
    }

    #[cfg(not(loom))]
    fn is_deliverer(&self) -> bool {
        let observers = self.observers();
        observers.listeners.is_deliverer()
            || observers.thresholds.is_being_told_here()
            || observers.line.is_served_here()
    }
}

impl<T: Primitive> Commit for Atomic<T> {
    type Value = T;
    type Committed = Write<T>;

    fn line(&self) -> &Line<T> {
        &self.observers().line
    }

    #[inline]
    fn has_no_line(&self) -> bool {
        if T::Verbs::census().is_zero() {
            return true;
        }
        let marked = self.observers.marked();
        marked.is_none_or(|(_, marks)| !marks.meet(LINE))
    }

    #[inline]
    fn attend(&self) -> (T, Vec<T>) {
        self.mark(LINE);
        barrier();
        (self.get(), Vec::new())
    }

    #[inline]
    fn disband(&self) {
        self.unmark(LINE);
    }

    fn try_commit(&self, mut f: impl FnMut(&T) -> Option<T>) -> Option<Write<T>> {
        self.write(|value| f(&value)).ok()
    }

    fn made(committed: &Write<T>) -> T {
        committed.new
    }

    fn conclude(&self, committed: Write<T>) {
        let Write { old, new, begun } = committed;
        self.wrote(begun, old, new);
    }

    fn conclude_turn(&self, place: u64, committed: Write<T>, ask: impl FnOnce(&T) -> Known) {
        barrier();
        // Marked by the place itself.
        let Some((observers, marks)) = self.observers.marked() else {
            return;
        };
        let mut panics = Panics::new();
        let concerned = observers.concerned(marks, &committed);
        if concerned.beside_line() {
            self.tell(observers, committed, concerned, &mut panics);
        }
        let known = ask(&committed.new);
        observers.line.hand_on(place, known, self, &mut panics);
        panics.resume();
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
        ($($name:ident = $T:ty, $note:literal;)*) => {$(
            #[doc = concat!("An [`Atomic`] of `", stringify!($T), "`; ", $note)]
            pub type $name = Atomic<$T>;
        )*};
    }

    names! {
        AtomicBool = bool, "the name is that of `std`'s.";
        AtomicI8 = i8, "the name is that of `std`'s.";
        AtomicI16 = i16, "the name is that of `std`'s.";
        AtomicI32 = i32, "the name is that of `std`'s.";
        AtomicI64 = i64, "the name is that of `std`'s.";
        AtomicIsize = isize, "the name is that of `std`'s.";
        AtomicU8 = u8, "the name is that of `std`'s.";
        AtomicU16 = u16, "the name is that of `std`'s.";
        AtomicU32 = u32, "the name is that of `std`'s.";
        AtomicU64 = u64, "the name is that of `std`'s.";
        AtomicUsize = usize, "the name is that of `std`'s.";
        AtomicF32 = f32, "`std` has none.";
        AtomicF64 = f64, "`std` has none.";
        AtomicBoolean = bool, "another name of [`AtomicBool`]: Java's, and that of the original atomos.";
        AtomicInteger = i32, "another name of [`AtomicI32`]: Java's, and that of the original atomos.";
        AtomicLong = i64, "another name of [`AtomicI64`]: Java's, and that of the original atomos.";
        AtomicFloat = f64, "another name of [`AtomicF64`]: that of the original atomos.";
    }
}
