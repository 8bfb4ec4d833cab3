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
//! | 1    | reads how many waits have begun           | raises [*present*](super::presence), and  |
//! |      |                                           | takes its number                          |
//! | 2    | writes the value                          | puts itself among the waits               |
//! | 3    | barrier                                   | publishes a gap without its level, unless |
//! |      |                                           | the one that is published is such a one   |
//! | 4    | reads *present*: nobody, done; the gap    | barrier                                   |
//! | 5    | inside, as what it replaced: done         | reads the value: satisfied, leaves again  |
//! | 6    | else: under the lock takes out whom the   | else sleeps, with its waker in a [`Spot`] |
//! |      | two satisfy, publishes a new gap          |                                           |
//! | 7    | without the lock: answers and wakes them  |                                           |
//!
//! In step 6 the value is for all if it is still there, else for those who had begun in step 1; the
//! one it replaced is for the latter: see [`arrivals`](super::arrivals).
//!
//! **No crossing is missed.** Writing the value, reading the gap, publishing the gap and reading
//! the value are sequentially consistent, so of a writer and a newcomer at least one sees what the
//! other did first. *Either* the writer reads the gap of step 3 or a later one: every gap that is
//! published while a wait is parked leaves its level out, so a value that satisfies it is outside,
//! and the writer finds the wait under the lock. *Or* it reads an older gap: then step 5 of the
//! task reads its value or a later one. If that is a later one the write had been overwritten
//! before the wait began.
//!
//! The gap of step 3 may be one that was there before: it was published under the lock, hence
//! before step 5 all the same, and a writer that reads an older one had written before that.
//!
//! **A gap may be too narrow.** Then a writer takes the lock for nothing, and publishes the widest
//! one. So who leaves others behind publishes none: the next writer whom it concerns does, and a
//! wait that comes and goes leaves a gap that suits the next one like it.
//!
//! **The last one leaves no gap at all**, whether he is answered or goes. That suits whoever comes
//! next, as in a loop of waits, of which none then has to publish anything; and it brings the
//! next writer to the lock. If that one finds nobody, he lowers *present*.
//!
//! **The gap is read whole.** Its two ends are guarded by a count that is odd while they
//! change, and is read before and after them; a writer that finds it odd or changed
//! goes to the lock, where the waits themselves stand.

use std::task::{Context, Poll, Waker};

use super::{
    arrivals::{Arrivals, Write},
    levels::Levels,
    panics::Panics,
    presence::Presence,
    spot::Spot,
};
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

    /// Whether no value in the gap meets it.
    fn is_outside(&self, (least, greatest): Gap) -> bool {
        least > greatest
            || match self {
                Self::AtLeast(bound) => greatest < bound.key,
                Self::AtMost(bound) => least > bound.key,
                Self::Equal(bound) => bound.key < least || bound.key > greatest,
                Self::Other(_) => false,
            }
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
    /// As [`poll`](Self::poll), for the first time, when there is hardly an answer yet.
    pub(crate) fn first_poll(&self, cx: &mut Context<'_>) -> Poll<u64> {
        self.sleeper.0.park(cx.waker().clone(), Option::take)
    }

    /// The bits of the value that met the goal, or parks the task.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<u64> {
        self.sleeper.0.poll(cx, Option::take)
    }
}

/// Level and number of a wait, by which it is found.
type Place = (Goal, u64);
type Waits = Levels<Arc<Sleeper>>;

/// The least and the greatest key of a gap. It is empty if they are the wrong way round.
type Gap = (u64, u64);

const FULL: Gap = (0, u64::MAX);
const EMPTY: Gap = (1, 0);

/// The waits for one cell. See the [module](self).
pub(crate) struct Thresholds {
    /// Odd while the gap is being changed, and another number after each change.
    changes: AtomicU64,
    /// The two ends of the gap.
    least: AtomicU64,
    greatest: AtomicU64,
    index: Mutex<Index>,
}

impl Thresholds {
    pub(crate) fn new() -> Self {
        Self {
            changes: AtomicU64::new(0),
            least: AtomicU64::new(FULL.0),
            greatest: AtomicU64::new(FULL.1),
            index: Mutex::new(Index::default()),
        }
    }

    /// Writer, after its write: whether what it replaced or wrote may satisfy somebody.
    #[inline]
    pub(crate) fn may_concern(&self, old: u64, new: u64) -> bool {
        // SeqCst: step 4; see the module. Acquire: to see the ends that were set with it.
        let before = self.changes.load(Ordering::SeqCst);
        // Acquire: if one of them is newer than `before`, the second look sees that, too.
        let least = self.least.load(Ordering::Acquire);
        let greatest = self.greatest.load(Ordering::Acquire);
        let after = self.changes.load(Ordering::Relaxed);
        let is_outside = |key| key < least || key > greatest;
        is_outside(new) || is_outside(old) || before % 2 == 1 || before != after
    }

    /// Writer, after its write of what may concern somebody: answers those whom it satisfies.
    #[cold]
    pub(crate) fn tell(
        &self,
        write: Write<Level>,
        cell: &impl Presence<Level>,
        panics: &mut Panics,
    ) {
        let Write { old, new, begun } = write;
        let due = {
            let mut index = self.index.lock();
            let mut due = Due::default();
            index.take_due(old, begun, &mut due);
            let now = cell.look();
            let is_current = now.bits == new.bits;
            index.take_due(new, if is_current { u64::MAX } else { begun }, &mut due);
            if !index.is_empty() {
                self.publish(index.gap_around(now.key));
            } else if due.first.is_some() {
                self.publish(EMPTY);
            } else {
                self.publish(FULL);
                cell.lower();
            }
            due
        };
        busy_with(self, || {
            for (sleeper, bits) in due.first.into_iter().chain(due.others) {
                let ((), waker) = sleeper.0.change(|answer| *answer = Some(bits));
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

    /// Parks a wait, unless the value meets its goal: then the bits of that.
    pub(crate) fn park(
        &self,
        goal: Goal,
        arrivals: &Arrivals,
        cell: &impl Presence<Level>,
    ) -> Result<Parked, u64> {
        let sleeper = Arc::new(Sleeper(Spot::new(None)));
        let mut index = self.index.lock();
        cell.raise();
        let place = (goal, arrivals.next());
        index.insert(place, sleeper.clone());
        if !goal.is_outside(self.gap()) {
            self.publish(index.gap_around(cell.look().key));
        }
        barrier();
        let now = cell.look();
        if goal.is_met_by(now) {
            let _ = self.remove(&mut index, &place);
            return Err(now.bits);
        }
        Ok(Parked { place, sleeper })
    }

    /// Ends a wait that may not have been answered.
    pub(crate) fn leave(&self, parked: Parked, panics: &mut Panics) {
        let removed = self.remove(&mut self.index.lock(), &parked.place);
        if removed.is_none() {
            // Somebody is answering it, or has.
            let (_, waker): (_, Option<Waker>) = parked.sleeper.0.change(Option::take);
            panics.catch(|| drop(waker));
        }
        drop(removed);
        panics.catch(|| drop(parked));
    }

    /// Takes out a wait that has not been answered; the last one leaves no gap.
    fn remove(&self, index: &mut Index, place: &Place) -> Option<Arc<Sleeper>> {
        let removed = index.remove(place);
        if index.is_empty() {
            self.publish(EMPTY);
        }
        removed
    }

    /// Under the lock: the gap.
    fn gap(&self) -> Gap {
        // Relaxed: changed under the lock alone.
        let least = self.least.load(Ordering::Relaxed);
        (least, self.greatest.load(Ordering::Relaxed))
    }

    /// Under the lock: makes `gap` the gap.
    fn publish(&self, gap: Gap) {
        if gap == self.gap() {
            return;
        }
        let (least, greatest) = gap;
        // Relaxed: changed under the lock alone. The odd number is released by the ends.
        let changes = self.changes.load(Ordering::Relaxed);
        self.changes.store(changes + 1, Ordering::Relaxed);
        // Release: who reads one of them sees the odd number.
        self.least.store(least, Ordering::Release);
        self.greatest.store(greatest, Ordering::Release);
        // SeqCst: step 3; see the module. Release: the ends come with it.
        self.changes.store(changes + 2, Ordering::SeqCst);
    }
}

/// What the lock guards: all waits that are parked.
#[derive(Default)]
struct Index {
    at_least: Waits,
    at_most: Waits,
    equal: Waits,
    /// By the bits they do not want.
    other: Waits,
}

impl Index {
    fn is_empty(&self) -> bool {
        let Self {
            at_least,
            at_most,
            equal,
            other,
        } = self;
        [at_least, at_most, equal, other]
            .iter()
            .all(|waits| waits.is_empty())
    }

    fn waits(&mut self, goal: &Goal) -> (&mut Waits, u64) {
        match goal {
            Goal::AtLeast(level) => (&mut self.at_least, level.key),
            Goal::AtMost(level) => (&mut self.at_most, level.key),
            Goal::Equal(level) => (&mut self.equal, level.key),
            Goal::Other(level) => (&mut self.other, level.bits),
        }
    }

    /// A wait that nothing can meet (its bound is NaN) is not kept: it sleeps by itself.
    fn insert(&mut self, (goal, number): Place, sleeper: Arc<Sleeper>) {
        if !matches!(goal, Goal::AtLeast(b) | Goal::AtMost(b) | Goal::Equal(b) if !b.is_ordered) {
            let (waits, level) = self.waits(&goal);
            waits.insert((level, number), sleeper);
        }
    }

    fn remove(&mut self, (goal, number): &Place) -> Option<Arc<Sleeper>> {
        let (waits, level) = self.waits(goal);
        waits.remove((level, *number))
    }

    /// Takes out those up to number `last` whose goal `value` meets: O(log n) for each of them.
    fn take_due(&mut self, value: Level, last: u64, due: &mut Due) {
        let mut add = |sleeper| due.add((sleeper, value.bits));
        if value.is_ordered {
            self.at_least.take(0..=value.key, last, &mut add);
            self.at_most.take(value.key..=u64::MAX, last, &mut add);
            self.equal.take(value.key..=value.key, last, &mut add);
        }
        if let Some(below) = value.bits.checked_sub(1) {
            self.other.take(0..=below, last, &mut add);
        }
        if let Some(above) = value.bits.checked_add(1) {
            self.other.take(above..=u64::MAX, last, &mut add);
        }
    }

    /// The widest range around `key` that satisfies nobody.
    fn gap_around(&self, key: u64) -> Gap {
        if !self.other.is_empty() {
            return EMPTY;
        }
        let under = key.checked_sub(1);
        let below = under.and_then(|under| self.equal.last_to(under));
        let below = below.max(self.at_most.last_to(u64::MAX));
        let above = nearer(self.equal.first_from(key), self.at_least.first_from(0));
        match (
            below.map_or(Some(0), |level| level.checked_add(1)),
            above.map_or(Some(u64::MAX), |level| level.checked_sub(1)),
        ) {
            (Some(least), Some(greatest)) => (least, greatest),
            _ => EMPTY,
        }
    }
}

/// The lower of two levels that may be there.
fn nearer(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        _ => a.or(b),
    }
}

/// Somebody who is to be answered, with the bits of the answer.
type Answered = (Arc<Sleeper>, u64);

/// Those who are to be answered; most often it is one.
#[derive(Default)]
struct Due {
    first: Option<Answered>,
    others: Vec<Answered>,
}

impl Due {
    fn add(&mut self, answered: Answered) {
        match self.first {
            None => self.first = Some(answered),
            Some(_) => self.others.push(answered),
        }
    }
}
