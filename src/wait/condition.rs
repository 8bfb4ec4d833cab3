//! A parked wait: a predicate that whoever delivers a value evaluates for the sleeping task.
//!
//! A *sleeper* is the predicate together with the waker of its task. It is the content of a
//! [`Berth`], a baton: resting while the task sleeps, carried by whoever evaluates it. What comes
//! while somebody carries it is left in the `slot`, and the carrier called; so every value is
//! judged exactly once and in the order of arrival, and nobody waits for a predicate to
//! return (but a thread whose own predicate, which it has [lent](crate::blocking), is being called when its
//! time is over). Who carries it can also end the wait: he empties it, leaves the outcome in the baton,
//! and has the waker at hand. So the usual wake takes no lock.
//!
//! | step | deliverer (`offer`)                             | waiting task (`start`, `repark`)          |
//! |------|-------------------------------------------------|-------------------------------------------|
//! | 1    | takes the sleeper, judges the value             | registers; carries the predicate itself   |
//! | 2    | or leaves the value in the slot and calls       | judges the state it registered at         |
//! | 3    | holds: drops the predicate, leaves the outcome, | judges what is in the slot                |
//! |      | minding calls; wakes                            |                                           |
//! | 4    | else: lays the sleeper down, minding calls      | lays it down with its waker, minding calls |
//! | 5    |                                                 | polled again: collects the outcome        |
//! | 6    |                                                 | or takes the sleeper, and goes on with 3  |
//! | 7    |                                                 | or leaves its waker in the slot and calls |
//!
//! To mind a call is to answer it, to look into the slot (a value is judged, unless the wait is
//! over already; a waker replaces the one carried), and to try again.
//!
//! A task judges a bounded number of values in one poll. If there are more it lays the sleeper down
//! *behind*, and wakes itself. Whoever takes it next, the task or a deliverer, judges what is in the
//! slot before anything else. So a wait that is never polled again keeps no values that come later:
//! they are judged by those who deliver them.
//!
//! **No value is lost** between registration and sleep: *either* it is delivered while the
//! task still carries the predicate, then it is in the slot and the call keeps the
//! predicate from resting, unless behind, until it has been judged; *or* the predicate rests
//! already, and the deliverer judges it.
//!
//! **No wake-up is lost.** A task sleeps after step 4, with its waker beside the predicate: whoever
//! takes that to end the wait has it. Or after step 7, while a carrier holds an older waker:
//! *either* the call precedes the carrier's last step (3 or 4), which is refused, and the carrier
//! finds the waker in the slot; *or* it follows: then the task has become the carrier itself
//! (after 4), or finds the outcome (after 3), which it looks for once more.
//!
//! Wakers and values are user code: they are cloned, woken and dropped outside of the lock.

#![allow(unsafe_code)]

mod sleeper;

use std::task::{Context, Poll, Waker};

use self::sleeper::{Carrier, Next, Sleeper, Slot, attend, dispose, drop_predicate, replace_waker};
use super::{
    baton::Refused,
    berth::Berth,
    panics::{self, Panics, Payload},
    predicate::Predicate,
};
use crate::sync::Mutex;

/// How a wait ended.
pub(crate) enum Outcome<E> {
    /// With the first value that the predicate accepted, if it was to be kept.
    Satisfied(Option<E>),
    /// With a panic of the predicate, which belongs to the waiting task.
    Panicked(Payload),
    /// Nothing more will come.
    Closed,
}

/// Whether an observer stays registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Stays,
    Leaves,
}

/// What a task's judging came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "nobody else ends the registration, or polls again"]
pub(crate) enum Judged {
    /// The wait is over.
    Over,
    /// The task may sleep.
    Parked,
    /// There is more to judge than one poll should: the task has to be polled again.
    Behind,
}

/// How many missed values the waiting task judges in one poll.
const PER_POLL: usize = if cfg!(loom) { 1 } else { 64 };

pub(crate) struct Condition<E> {
    /// Whether the accepted value is kept for the task, or what the predicate made of it is enough.
    keeps: bool,
    berth: Berth<Sleeper<E>, Outcome<E>>,
    /// Rarely needed, and boxed to keep the condition small.
    slot: Mutex<Option<Box<Slot<E>>>>,
}

impl<E: Clone> Condition<E> {
    /// A condition that the waiting task is going to [start](Self::start).
    pub(crate) fn carried(keeps: bool) -> Self {
        Self {
            keeps,
            berth: Berth::carried(Sleeper {
                predicate: None,
                waker: None,
                is_behind: false,
            }),
            slot: Mutex::new(None),
        }
    }

    /// Deliverer: judges `event`, or leaves it to whoever is carrying the sleeper.
    #[inline]
    pub(crate) fn offer(&self, event: &E, panics: &mut Panics) -> Fate {
        let Some(mut carrier) = self.berth.take() else {
            return self.leave_word(panics, |slot| slot.missed.push_back(event.clone()));
        };
        if carrier.with(|sleeper| sleeper.is_behind) {
            self.judge_behind(carrier, event, panics)
        } else {
            self.judge(carrier, event, panics)
        }
    }

    /// Deliverer: nothing more will come.
    pub(crate) fn close(&self, panics: &mut Panics) {
        self.leave_word(panics, |slot| slot.closed = true);
    }

    #[inline]
    fn judge(&self, mut carrier: Carrier<'_, E>, event: &E, panics: &mut Panics) -> Fate {
        match self.verdict(&mut carrier, event) {
            None => self.lay_down(carrier, panics),
            Some(outcome) => {
                self.settle(carrier, outcome, panics);
                Fate::Leaves
            }
        }
    }

    /// The event takes its turn in the slot.
    #[cold]
    fn judge_behind(&self, carrier: Carrier<'_, E>, event: &E, panics: &mut Panics) -> Fate {
        let mut slot = self.slot.lock();
        slot.get_or_insert_default().missed.push_back(event.clone());
        drop(slot);
        self.catch_up(carrier, panics)
    }

    /// What `event` makes of the wait, if it ends it.
    #[inline]
    fn verdict(&self, carrier: &mut Carrier<'_, E>, event: &E) -> Option<Outcome<E>> {
        match panics::run(|| carrier.with(|sleeper| sleeper.holds_on(event))) {
            Ok(false) => None,
            Ok(true) => Some(Outcome::Satisfied(self.keeps.then(|| event.clone()))),
            Err(payload) => Some(Outcome::Panicked(payload)),
        }
    }

    #[inline]
    fn lay_down(&self, carrier: Carrier<'_, E>, panics: &mut Panics) -> Fate {
        match self.berth.rest(carrier) {
            Ok(()) => Fate::Stays,
            Err(Refused::Called(carrier)) => self.catch_up(carrier, panics),
            Err(Refused::Gone(carrier)) => {
                dispose(carrier, panics);
                Fate::Leaves
            }
        }
    }

    #[cold]
    fn leave_word(&self, panics: &mut Panics, word: impl FnOnce(&mut Slot<E>)) -> Fate {
        if self.berth.is_over() {
            return Fate::Leaves;
        }
        word(self.slot.lock().get_or_insert_default());
        match self.berth.call() {
            Some(carrier) => self.catch_up(carrier, panics),
            None if self.berth.is_over() => self.sweep(panics),
            None => Fate::Stays,
        }
    }

    /// Deliverer, carrying after a call: judges everything that was left, then lays the
    /// sleeper down.
    #[cold]
    fn catch_up(&self, carrier: Carrier<'_, E>, panics: &mut Panics) -> Fate {
        match self.catch_up_within(carrier, usize::MAX, None, panics) {
            Judged::Over => Fate::Leaves,
            Judged::Parked | Judged::Behind => Fate::Stays,
        }
    }

    /// As [`catch_up`](Self::catch_up), but lays the sleeper down behind after `limit` values, and
    /// with a waker of `task`.
    fn catch_up_within(
        &self,
        mut carrier: Carrier<'_, E>,
        mut limit: usize,
        mut task: Option<&Context<'_>>,
        panics: &mut Panics,
    ) -> Judged {
        while limit > 0 {
            match self.next(&mut carrier, panics) {
                Next::Judge(event) => {
                    limit -= 1;
                    let outcome = self.verdict(&mut carrier, &event);
                    panics.catch(|| drop(event));
                    if let Some(outcome) = outcome {
                        self.settle(carrier, outcome, panics);
                        self.sweep(panics);
                        return Judged::Over;
                    }
                }
                Next::Close => {
                    self.settle(carrier, Outcome::Closed, panics);
                    return Judged::Over;
                }
                Next::Rest => {
                    carrier.with(|sleeper| sleeper.is_behind = false);
                    if let Some(cx) = task.take() {
                        attend(&mut carrier, cx, panics);
                    }
                    match self.berth.rest(carrier) {
                        Ok(()) => return Judged::Parked,
                        Err(Refused::Called(again)) => carrier = again,
                        Err(Refused::Gone(carrier)) => {
                            dispose(carrier, panics);
                            return Judged::Over;
                        }
                    }
                }
            }
        }
        self.lay_down_behind(carrier, task, panics)
    }

    /// Waiting task: leaves the rest of what is in the slot to whoever takes the sleeper next.
    #[cold]
    fn lay_down_behind(
        &self,
        mut carrier: Carrier<'_, E>,
        task: Option<&Context<'_>>,
        panics: &mut Panics,
    ) -> Judged {
        if let Some(cx) = task {
            attend(&mut carrier, cx, panics);
        }
        carrier.with(|sleeper| sleeper.is_behind = true);
        // A call that is not answered is one to look into the slot, which will be done.
        self.berth.offer(carrier);
        Judged::Behind
    }

    /// Answers, and looks into the slot.
    fn next(&self, carrier: &mut Carrier<'_, E>, panics: &mut Panics) -> Next<E> {
        self.berth.answer();
        let (next, waker) = match &mut *self.slot.lock() {
            None => (Next::Rest, None),
            Some(slot) => (slot.next(), slot.waker.take()),
        };
        replace_waker(carrier, waker, panics);
        next
    }

    /// Carrier: ends the wait. The predicate is dropped before the task learns of it, so
    /// that what it captured is gone when the wait returns.
    #[inline]
    fn settle(&self, mut carrier: Carrier<'_, E>, outcome: Outcome<E>, panics: &mut Panics) {
        drop_predicate(&mut carrier, panics);
        let waker = carrier.with(|sleeper| sleeper.waker.take());
        let waker = match self.berth.leave(outcome) {
            Ok(()) => waker,
            Err(refused) => self.settle_after_all(waker, refused, panics),
        };
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
    }

    /// Carrier whose outcome was refused: what came since comes too late, but for a waker.
    #[cold]
    fn settle_after_all(
        &self,
        mut waker: Option<Waker>,
        mut refused: Refused<Outcome<E>>,
        panics: &mut Panics,
    ) -> Option<Waker> {
        loop {
            let outcome = match refused {
                Refused::Called(outcome) => outcome,
                Refused::Gone(outcome) => {
                    panics.catch(|| drop(outcome));
                    panics.catch(|| drop(waker));
                    return None;
                }
            };
            self.berth.answer();
            if let Some(newer) = self.clear(panics) {
                panics.catch(|| drop(waker.replace(newer)));
            }
            match self.berth.leave(outcome) {
                Ok(()) => return waker,
                Err(again) => refused = again,
            }
        }
    }

    /// Drops the values in the slot, which nobody will judge. Gives the waker there, if any.
    #[cold]
    fn clear(&self, panics: &mut Panics) -> Option<Waker> {
        let slot = self.slot.lock().take()?;
        let Slot { missed, waker, .. } = *slot;
        // Each on its own: two of them may have destructors that panic.
        for event in missed {
            panics.catch(|| drop(event));
        }
        waker
    }

    /// Drops what is in the slot of a wait that is over.
    #[cold]
    fn sweep(&self, panics: &mut Panics) -> Fate {
        let waker = self.clear(panics);
        panics.catch(|| drop(waker));
        Fate::Leaves
    }

    /// Waiting task, first poll: judges `seen`, the state it registered at, and what came
    /// since, a bounded part of it; then parks.
    ///
    /// # Safety
    ///
    /// Called once, by the task that has made the condition.
    pub(crate) unsafe fn start(
        &self,
        predicate: Predicate<E>,
        seen: &E,
        cx: &Context<'_>,
        panics: &mut Panics,
    ) -> Judged {
        // SAFETY: once, and by the maker, says the caller.
        let mut carrier = unsafe { self.berth.first() };
        carrier.with(|sleeper| sleeper.predicate = Some(predicate));
        match self.verdict(&mut carrier, seen) {
            None => self.lay_down_own(carrier, cx, panics),
            Some(outcome) => {
                self.settle(carrier, outcome, panics);
                Judged::Over
            }
        }
    }

    /// Waiting task, polled again before the wait is over: judges what it is behind with, a
    /// bounded part of it; then parks with the waker of `cx`.
    #[cold]
    pub(crate) fn repark(&self, cx: &Context<'_>, panics: &mut Panics) -> Judged {
        if let Some(carrier) = self.berth.take() {
            return self.lay_down_own(carrier, cx, panics);
        }
        let waker = cx.waker().clone();
        let before = {
            let mut slot = self.slot.lock();
            slot.get_or_insert_default().waker.replace(waker)
        };
        panics.catch(|| drop(before));
        match self.berth.call() {
            Some(carrier) => self.carry_on(carrier, cx, panics),
            None => Judged::Parked,
        }
    }

    /// Waiting task: lays the sleeper down with the waker of `cx`. Nothing was answered
    /// since it began to carry, so that whatever is in the slot refuses it, unless it is behind.
    #[inline]
    fn lay_down_own(
        &self,
        mut carrier: Carrier<'_, E>,
        cx: &Context<'_>,
        panics: &mut Panics,
    ) -> Judged {
        if carrier.with(|sleeper| sleeper.is_behind) {
            return self.carry_on(carrier, cx, panics);
        }
        attend(&mut carrier, cx, panics);
        match self.berth.rest(carrier) {
            Ok(()) => Judged::Parked,
            Err(Refused::Called(carrier)) => self.carry_on(carrier, cx, panics),
            Err(Refused::Gone(carrier)) => {
                dispose(carrier, panics);
                Judged::Over
            }
        }
    }

    #[cold]
    fn carry_on(&self, carrier: Carrier<'_, E>, cx: &Context<'_>, panics: &mut Panics) -> Judged {
        self.catch_up_within(carrier, PER_POLL, Some(cx), panics)
    }

    /// Waiting task: the outcome, if the wait is over.
    #[inline]
    pub(crate) fn poll(&self) -> Poll<Outcome<E>> {
        match self.berth.collect() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }

    /// Waiting task, about to leave: drops what the wait holds.
    pub(crate) fn cancel(&self, panics: &mut Panics) {
        self.cancel_lock_free(panics);
        self.sweep(panics);
    }

    /// As [`cancel`](Self::cancel), but for what is in the slot: nothing if no deliverer has ever had
    /// the condition.
    #[inline]
    pub(crate) fn cancel_lock_free(&self, panics: &mut Panics) {
        let (carrier, outcome) = self.berth.remove();
        if let Some(carrier) = carrier {
            dispose(carrier, panics);
        }
        if outcome.is_some() {
            panics.catch(|| drop(outcome));
        }
    }

    /// Whether the wait is over, so that it need not be told anything.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.berth.is_over()
    }
}

#[cfg(all(test, feature = "shm", not(loom)))]
impl<E> Condition<E> {
    /// Runs `f` while the slot is locked.
    pub(crate) fn while_locked<R>(&self, f: impl FnOnce() -> R) -> R {
        let _slot = self.slot.lock();
        f()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
