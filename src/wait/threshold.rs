//! Waits for a level: at least, at most, equal to, other than a value.
//!
//! Such a wait is data, not a closure, so nobody has to evaluate it: the waits are kept in order
//! of their levels, and beside them stands what a writer compares its value with, without a lock:
//!
//! - the [*gap*](gap), a range of values that satisfy nobody. It lies around a value that the cell
//!   had; most writes stay within it;
//! - for those that have stepped over a level of `wait_equal`, and so left the gap behind: the
//!   *bounds*, a range of values that satisfy nobody else, and a [*filter*](filter) that knows the
//!   levels of `wait_equal`.
//!
//! A writer whose value is in the gap, or within the bounds and not in the filter, is done, however
//! many wait; else it takes the lock, takes out those it has satisfied, and wakes them with that
//! value.
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
//! | 3    | barrier                                   | sees that its level is outside of the gap |
//! |      |                                           | and of the bounds, or in the filter       |
//! | 4    | reads *present*: nobody, done; the gap;   | barrier                                   |
//! |      | outside, the bounds and the filter        |                                           |
//! | 5    | satisfies nobody, nor what it replaced:   | reads the value: satisfied, leaves again  |
//! |      | done                                      |                                           |
//! | 6    | else: under the lock takes out whom the   | else leaves its waker, and sleeps         |
//! |      | two satisfy and leaves them the answer,   |                                           |
//! |      | publishes a new gap and new bounds        |                                           |
//! | 7    | without the lock: wakes them              |                                           |
//!
//! In step 6 the value is for all if it is still there, else for those who had begun in step 1; the
//! one it replaced is for the latter: see [`arrivals`](super::arrivals).
//!
//! **No crossing is missed.** Writing the value, what the writer reads in step 4, what the task
//! publishes in step 3 and reading the value are sequentially consistent, so of a writer and a
//! newcomer at least one sees what the other did first. *Either* all that the writer reads is of
//! step 3 or later: as long as a wait is parked, no gap and no bounds are published that
//! have its level inside (but for the bounds, if it waits for equality: then the filter has the
//! level). So a value that satisfies it is found to, and the writer finds the wait under the lock.
//! *Or* something is older: then step 5 of the task reads the writer's value or a later one. If that
//! is a later one the write had been overwritten before the wait began.
//!
//! What step 3 sees may have been there before: it was published under the lock, hence
//! before step 5 all the same, and a writer that reads something older had written before that.
//!
//! **A gap may be too narrow**, and so may the bounds, and the filter may have levels that nobody
//! waits for any more. Then a writer takes the lock for nothing, and publishes the widest gap and
//! bounds, and a filter that is [put right](filter). So who leaves others behind
//! publishes nothing: the next writer whom it concerns does, and a wait that comes and goes leaves
//! what suits the next one like it.
//!
//! **The last one leaves no gap at all**, and no bounds, whether he is answered or goes. That suits
//! whoever comes next, as in a loop of waits, of which none then has to publish anything; and it
//! brings the next writer to the lock. If that one finds nobody, he lowers *present*.
//!
//! # Waking
//!
//! A waker may write, and so satisfy others. Whoever is woken by that is left to the frame of this thread that
//! wakes already, so that a chain of such wakers takes no more of the stack the longer it is.
//!
//! # Parking
//!
//! A task's waker is user code to clone, so it is left in a second section of the lock; and an
//! answer stands beside the waits until the task fetches it. *Either* the writer that answers a wait
//! finds its waker, and wakes it, *or* the task comes to leave it later, and finds the answer.

mod filter;
mod gap;
mod goal;
mod index;

use std::{
    iter,
    task::{Context, Poll, Waker},
};

pub(crate) use self::goal::{Goal, Level};

use self::{
    filter::Filter,
    gap::{EMPTY, FULL, SharedGap},
    index::{Due, Index, Place},
};
use super::{
    arrivals::{Arrivals, Write},
    panics::{self, Panics},
    presence::Presence,
};
#[cfg(not(loom))]
use crate::sync::threads::{is_busy_with, leave_to_outer_frame};
use crate::sync::{
    Mutex, barrier,
    threads::{busy_with, left_by_inner_frame},
};

/// A wait among the others, until its answer is fetched or it is [left](Thresholds::leave).
pub(crate) struct Parked(Place);

/// The waits for one cell. See the [module](self).
pub(crate) struct Thresholds {
    gap: SharedGap,
    bounds: SharedGap,
    filter: Filter,
    index: Mutex<Index>,
}

impl Thresholds {
    pub(crate) fn new() -> Self {
        Self {
            gap: SharedGap::new(),
            bounds: SharedGap::new(),
            filter: Filter::new(),
            index: Mutex::new(Index::default()),
        }
    }

    /// Writer, after its write: whether what it replaced or wrote may satisfy somebody.
    #[inline]
    pub(crate) fn may_concern(&self, old: u64, new: u64) -> bool {
        !self.gap.holds(old, new) && self.may_hit(old, new)
    }

    /// The same, once the gap has been left behind.
    #[inline(never)]
    fn may_hit(&self, old: u64, new: u64) -> bool {
        !self.bounds.holds(old, new) || self.filter.may_have(new) || self.filter.may_have(old)
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
        if due.is_empty() {
            return;
        }
        #[cfg(not(loom))]
        if is_busy_with(self) {
            // Else each waker that writes would be woken in a frame on top of the one before.
            return leave_to_outer_frame(self, due.wakers());
        }
        busy_with(self, || {
            let left = iter::from_fn(|| left_by_inner_frame(self));
            for waker in due.wakers().chain(left) {
                panics.catch(|| waker.wake());
            }
        });
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
            self.bounds.publish(index.bounds());
            if due.is_empty() {
                index.false_alarm(&self.filter);
            }
        } else if !due.is_empty() {
            self.leave_nothing();
        } else {
            self.gap.publish(FULL);
            self.bounds.publish(FULL);
            cell.lower();
        }
        due
    }

    /// Under the lock: the last wait has ended.
    fn leave_nothing(&self) {
        self.gap.publish(EMPTY);
        self.bounds.publish(EMPTY);
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
        index.insert(&place, &self.filter);
        if !goal.is_outside(self.gap.get()) {
            self.gap.publish(index.gap_around(cell.look().key));
        }
        if !matches!(goal, Goal::Equal(_)) && !goal.is_outside(self.bounds.get()) {
            self.bounds.publish(index.bounds());
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

    /// The cell ends: drops the wakers of those who are parked.
    pub(crate) fn clear(&self, panics: &mut Panics) {
        let mut left = Due::default();
        self.index.lock().clear(&mut left);
        for waker in left.wakers() {
            panics.catch(|| drop(waker));
        }
    }

    /// Takes out a wait, or its answer; the last wait leaves no gap.
    fn remove(&self, index: &mut Index, place: &Place) -> Option<Option<Waker>> {
        let removed = index.remove(place);
        if removed.is_none() {
            index.take_answer(place);
        } else if index.is_empty() {
            self.leave_nothing();
        }
        removed
    }
}
