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
//! | 6    | else: under the lock takes out whom the   | else leaves its waker, and sleeps         |
//! |      | two satisfy and leaves them the answer,   |                                           |
//! |      | publishes a new gap                       |                                           |
//! | 7    | without the lock: wakes them              |                                           |
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
//! # Parking
//!
//! A task's waker is user code to clone, so it is left in a second section of the lock; and an
//! answer stands beside the waits until the task fetches it. *Either* the writer that answers a wait
//! finds its waker, and wakes it, *or* the task comes to leave it later, and finds the answer.

mod gap;
mod goal;
mod index;

use std::task::{Context, Poll, Waker};

pub(crate) use self::goal::{Goal, Level};

use self::{
    gap::{EMPTY, FULL, SharedGap},
    index::{Due, Index, Place},
};
use super::{
    arrivals::{Arrivals, Write},
    panics::{self, Panics},
    presence::Presence,
};
#[cfg(not(loom))]
use crate::sync::threads::is_busy_with;
use crate::sync::{Mutex, barrier, threads::busy_with};

/// A wait among the others, until its answer is fetched or it is [left](Thresholds::leave).
pub(crate) struct Parked(Place);

/// The waits for one cell. See the [module](self).
pub(crate) struct Thresholds {
    gap: SharedGap,
    index: Mutex<Index>,
}

impl Thresholds {
    pub(crate) fn new() -> Self {
        Self {
            gap: SharedGap::new(),
            index: Mutex::new(Index::default()),
        }
    }

    /// Writer, after its write: whether what it replaced or wrote may satisfy somebody.
    #[inline]
    pub(crate) fn may_concern(&self, old: u64, new: u64) -> bool {
        !self.gap.holds(old, new)
    }

    /// Writer, after its write of what may concern somebody: answers those whom it satisfies.
    #[cold]
    pub(crate) fn tell(
        &self,
        write: Write<Level>,
        cell: &impl Presence<Level>,
        panics: &mut Panics,
    ) {
        let due = self.answer(write, cell);
        if !due.is_empty() {
            busy_with(self, || {
                for waker in due.wakers() {
                    panics.catch(|| waker.wake());
                }
            });
        }
    }

    fn answer(&self, write: Write<Level>, cell: &impl Presence<Level>) -> Due {
        let Write { old, new, begun } = write;
        let mut due = Due::default();
        let mut index = self.index.lock();
        index.answer(old, begun, &mut due);
        let now = cell.look();
        let is_current = now.bits == new.bits;
        index.answer(new, if is_current { u64::MAX } else { begun }, &mut due);
        if !index.is_empty() {
            self.gap.publish(index.gap_around(now.key));
        } else if !due.is_empty() {
            self.gap.publish(EMPTY);
        } else {
            self.gap.publish(FULL);
            cell.lower();
        }
        due
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
        if goal.is_hopeless() {
            // It sleeps by itself, under a number that nobody else has.
            return Ok(Parked(Place::new(&goal, 0)));
        }
        let mut index = self.index.lock();
        cell.raise();
        let place = Place::new(&goal, arrivals.next());
        index.insert(&place);
        if !goal.is_outside(self.gap.get()) {
            self.gap.publish(index.gap_around(cell.look().key));
        }
        barrier();
        let now = cell.look();
        if goal.is_met_by(now) {
            let _no_waker = self.remove(&mut index, &place);
            return Err(now.bits);
        }
        Ok(Parked(place))
    }

    /// As [`poll`](Self::poll), for the first time, when there is hardly an answer yet.
    pub(crate) fn first_poll(&self, parked: &Parked, cx: &mut Context<'_>) -> Poll<u64> {
        self.leave_waker(&parked.0, cx.waker().clone())
    }

    /// The bits of the value that met the goal, or parks the task.
    pub(crate) fn poll(&self, parked: &Parked, cx: &mut Context<'_>) -> Poll<u64> {
        let Parked(place) = parked;
        {
            let mut index = self.index.lock();
            match index.sleeper(place) {
                Some(Some(waker)) if waker.will_wake(cx.waker()) => return Poll::Pending,
                Some(_) => {}
                None => return index.take_answer(place).map_or(Poll::Pending, Poll::Ready),
            }
        }
        self.leave_waker(place, cx.waker().clone())
    }

    /// The last step of parking.
    fn leave_waker(&self, place: &Place, waker: Waker) -> Poll<u64> {
        let mut index = self.index.lock();
        let (answer, spent) = match index.sleeper(place) {
            Some(sleeper) => (Poll::Pending, sleeper.replace(waker)),
            None => (
                index.take_answer(place).map_or(Poll::Pending, Poll::Ready),
                Some(waker),
            ),
        };
        drop(index);
        if answer.is_pending() {
            drop(spent);
        } else if let Err(payload) = panics::run(|| drop(spent)) {
            // An answer that was taken must not be lost with a panic of the waker.
            panics::discard(payload);
        }
        answer
    }

    /// Ends a wait of which the answer, if there is one, has not been fetched.
    pub(crate) fn leave(&self, parked: Parked, panics: &mut Panics) {
        let Parked(place) = parked;
        let mut index = self.index.lock();
        let waker = self.remove(&mut index, &place).flatten();
        drop(index);
        panics.catch(|| drop(waker));
    }

    /// Takes out a wait, or its answer; the last wait leaves no gap.
    fn remove(&self, index: &mut Index, place: &Place) -> Option<Option<Waker>> {
        let removed = index.remove(place);
        if removed.is_none() {
            index.take_answer(place);
        } else if index.is_empty() {
            self.gap.publish(EMPTY);
        }
        removed
    }
}
