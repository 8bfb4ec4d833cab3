//! Waits for a level: at least, at most, equal to, other than a value.
//!
//! Such a wait is data, not a closure, so nobody has to evaluate it: the waits are kept in order
//! of their levels, and beside them stands the *gap*, a range of values that satisfy none of them.
//! A writer compares what it has written with the gap and is done, however many wait; one that
//! finds its value outside takes the lock, takes out those it has satisfied, and wakes them
//! with that value.
//!
//! Values are compared by their *keys*: 64 bits in the order of the numbers, whatever the type.
//!
//! # The protocol
//!
//! | step | writer                                    | waiting task (`park`, under the lock)     |
//! |------|-------------------------------------------|-------------------------------------------|
//! | 1    | writes the value                          | puts itself among the waits               |
//! | 2    | barrier                                   | publishes a gap without its level         |
//! | 3    | reads the gap                             | barrier                                   |
//! | 4    | inside: done                              | reads the value: satisfied, leaves again  |
//! | 5    | else: under the lock takes out whom its   | else sleeps, with its waker in a [`Spot`] |
//! |      | value satisfies, publishes a new gap      |                                           |
//! | 6    | without the lock: answers and wakes them  |                                           |
//!
//! **No crossing is missed.** Writing the value, reading the gap, publishing the gap and reading
//! the value are sequentially consistent, so of a writer and a newcomer at least one sees what
//! the other did first. *Either* the writer reads a gap published in or after step 2: every gap that
//! is published while a wait is parked leaves its level out, so a value that satisfies it is outside,
//! and the writer finds the wait under the lock. *Or* it reads an older gap: then step 4 of the
//! task reads its value or a later one. If that is a later one the write had been
//! overwritten before the wait began.
//!
//! **The gap is read whole.** Its two ends are guarded by a count that is odd while they
//! change, and is read before and after them; a writer that finds it odd or changed
//! goes to the lock, where the waits themselves stand.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound::{Excluded, Unbounded},
    task::{Context, Poll, Waker},
};

use super::{panics::Panics, spot::Spot};
#[cfg(not(loom))]
use crate::sync::threads::is_busy_with;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, barrier, threads::busy_with};

/// A value, as the waits see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// In the order of the numbers: equal for those that are equal, -0.0 and 0.0 included.
    pub(crate) key: u64,
    /// Different for all that differ.
    pub(crate) bits: u64,
    /// False for NaN, which is neither equal to anything, nor more, nor less.
    pub(crate) is_ordered: bool,
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(Level),
    AtMost(Level),
    Equal(Level),
    /// Anything of which the bits are not these.
    Other(Level),
}

impl Goal {
    #[inline]
    pub(crate) fn is_met_by(&self, value: Level) -> bool {
        let (bound, met) = match self {
            Self::AtLeast(bound) => (bound, value.key >= bound.key),
            Self::AtMost(bound) => (bound, value.key <= bound.key),
            Self::Equal(bound) => (bound, value.key == bound.key),
            Self::Other(seen) => return value.bits != seen.bits,
        };
        met && value.is_ordered && bound.is_ordered
    }
}

/// One task that sleeps until its goal is met; then the bits of the value that met it.
struct Sleeper(Spot<Option<u64>>);

/// A wait among the others, until it is answered or [left](Thresholds::leave).
pub(crate) struct Parked {
    place: Place,
    sleeper: Arc<Sleeper>,
}

impl Parked {
    /// The bits of the value that met the goal, or parks the task.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<u64> {
        self.sleeper.0.poll(cx, Option::take)
    }
}

/// Level and number of a wait, by which it is found.
type Place = (Goal, u64);
/// Waits by level, those of one level in the order of their arrival.
type Waits = BTreeMap<(u64, u64), Arc<Sleeper>>;

/// The waits for one cell. See the [module](self).
pub(crate) struct Thresholds {
    /// Odd while the gap is being changed, and another number after each change.
    changes: AtomicU64,
    /// The least and the greatest key of the gap. It is empty if they are the wrong way round.
    least: AtomicU64,
    greatest: AtomicU64,
    index: Mutex<Index>,
}

impl Thresholds {
    pub(crate) fn new() -> Self {
        Self {
            changes: AtomicU64::new(0),
            least: AtomicU64::new(0),
            greatest: AtomicU64::new(u64::MAX),
            index: Mutex::new(Index::default()),
        }
    }

    /// Writer, after its write: whether `key` may satisfy somebody.
    #[inline]
    pub(crate) fn may_concern(&self, key: u64) -> bool {
        // SeqCst: step 3; see the module. Acquire: to see the ends that were set with it.
        let before = self.changes.load(Ordering::SeqCst);
        // Acquire: if one of them is newer than `before`, the second look sees that, too.
        let least = self.least.load(Ordering::Acquire);
        let greatest = self.greatest.load(Ordering::Acquire);
        let after = self.changes.load(Ordering::Relaxed);
        key < least || key > greatest || before % 2 == 1 || before != after
    }

    /// Writer, after its write of what may concern somebody: answers those whom it satisfies.
    #[cold]
    pub(crate) fn tell(&self, value: Level, panics: &mut Panics) {
        let due = {
            let mut index = self.index.lock();
            let due = index.take_due(value);
            self.publish(index.gap_around(value.key));
            due
        };
        busy_with(self, || {
            for sleeper in due {
                let ((), waker) = sleeper.0.change(|answer| *answer = Some(value.bits));
                if let Some(waker) = waker {
                    panics.catch(|| waker.wake());
                }
            }
        });
    }

    /// Whether the current thread is waking those whom it has satisfied, in an outer frame.
    #[cfg(not(loom))]
    pub(crate) fn is_being_told_here(&self) -> bool {
        is_busy_with(self)
    }

    /// Parks a wait, unless the value that `look` reads meets its goal: then its bits.
    pub(crate) fn park(&self, goal: Goal, look: impl Fn() -> Level) -> Result<Parked, u64> {
        let sleeper = Arc::new(Sleeper(Spot::new(None)));
        let mut index = self.index.lock();
        let place = index.insert(goal, sleeper.clone());
        self.publish(index.gap_around(look().key));
        barrier();
        let now = look();
        if goal.is_met_by(now) {
            let _ = index.remove(&place);
            self.publish(index.gap_around(now.key));
            return Err(now.bits);
        }
        Ok(Parked { place, sleeper })
    }

    /// Ends a wait that may not have been answered.
    pub(crate) fn leave(&self, parked: Parked, look: impl Fn() -> Level, panics: &mut Panics) {
        let mut index = self.index.lock();
        let removed = index.remove(&parked.place);
        if removed.is_some() {
            self.publish(index.gap_around(look().key));
        }
        drop(index);
        drop(removed);
        let (_, waker): (_, Option<Waker>) = parked.sleeper.0.change(Option::take);
        panics.catch(|| drop(waker));
    }

    /// Under the lock: makes `gap` the gap.
    fn publish(&self, (least, greatest): (u64, u64)) {
        // Relaxed: changed under the lock alone. The odd number is released by the ends.
        let changes = self.changes.load(Ordering::Relaxed);
        self.changes.store(changes + 1, Ordering::Relaxed);
        // Release: who reads one of them sees the odd number.
        self.least.store(least, Ordering::Release);
        self.greatest.store(greatest, Ordering::Release);
        // SeqCst: step 2; see the module. Release: the ends come with it.
        self.changes.store(changes + 2, Ordering::SeqCst);
    }
}

/// What the lock guards: all waits that are parked.
#[derive(Default)]
struct Index {
    arrivals: u64,
    at_least: Waits,
    at_most: Waits,
    equal: Waits,
    /// By the bits they do not want.
    other: Waits,
}

impl Index {
    fn waits(&mut self, goal: &Goal) -> (&mut Waits, u64) {
        match goal {
            Goal::AtLeast(level) => (&mut self.at_least, level.key),
            Goal::AtMost(level) => (&mut self.at_most, level.key),
            Goal::Equal(level) => (&mut self.equal, level.key),
            Goal::Other(level) => (&mut self.other, level.bits),
        }
    }

    /// A wait that nothing can meet (its bound is NaN) is not kept: it sleeps by itself.
    fn insert(&mut self, goal: Goal, sleeper: Arc<Sleeper>) -> Place {
        self.arrivals += 1;
        let arrival = self.arrivals;
        if !matches!(goal, Goal::AtLeast(b) | Goal::AtMost(b) | Goal::Equal(b) if !b.is_ordered) {
            let (waits, level) = self.waits(&goal);
            waits.insert((level, arrival), sleeper);
        }
        (goal, arrival)
    }

    fn remove(&mut self, (goal, arrival): &Place) -> Option<Arc<Sleeper>> {
        let (waits, level) = self.waits(goal);
        match waits.entry((level, *arrival)) {
            Entry::Occupied(entry) => Some(entry.remove()),
            Entry::Vacant(_) => None,
        }
    }

    /// Takes out those whose goal `value` meets: O(log n) for each of them.
    fn take_due(&mut self, value: Level) -> Vec<Arc<Sleeper>> {
        let mut due = Vec::new();
        if value.is_ordered {
            let key = value.key;
            drain(&mut due, &mut self.at_least, (0, 0), (key, u64::MAX));
            drain(&mut due, &mut self.at_most, (key, 0), (u64::MAX, u64::MAX));
            drain(&mut due, &mut self.equal, (key, 0), (key, u64::MAX));
        }
        let bits = value.bits;
        if bits > 0 {
            drain(&mut due, &mut self.other, (0, 0), (bits - 1, u64::MAX));
        }
        if bits < u64::MAX {
            drain(
                &mut due,
                &mut self.other,
                (bits + 1, 0),
                (u64::MAX, u64::MAX),
            );
        }
        due
    }

    /// The widest range around `key` that satisfies nobody.
    fn gap_around(&self, key: u64) -> (u64, u64) {
        const EMPTY: (u64, u64) = (1, 0);
        if !self.other.is_empty() {
            return EMPTY;
        }
        let over = |(level, _): &(u64, u64)| level.checked_add(1);
        let under = |(level, _): &(u64, u64)| level.checked_sub(1);
        let below = [
            self.at_most.keys().next_back(),
            self.equal.range(..=(key, 0)).next_back().map(|(k, _)| k),
        ];
        let above = [
            self.at_least.keys().next(),
            (self.equal.range((Excluded((key, 0)), Unbounded)).next()).map(|(k, _)| k),
        ];
        let mut least = below.into_iter().flatten().map(over);
        let mut greatest = above.into_iter().flatten().map(under);
        match (
            least.try_fold(0, |a, b| Some(a.max(b?))),
            greatest.try_fold(u64::MAX, |a, b| Some(a.min(b?))),
        ) {
            (Some(least), Some(greatest)) => (least, greatest),
            _ => EMPTY,
        }
    }
}

/// Moves the waits from `first` to `last`.
fn drain(due: &mut Vec<Arc<Sleeper>>, waits: &mut Waits, first: (u64, u64), last: (u64, u64)) {
    while let Some((place, _)) = waits.range(first..=last).next() {
        let place = *place;
        due.extend(waits.remove(&place));
    }
}
