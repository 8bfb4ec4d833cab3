//! A parked wait: a predicate that whoever delivers a value evaluates for the sleeping task.
//!
//! The predicate is a [`Baton`]: resting while the task sleeps, carried by whoever evaluates
//! it. A value that arrives while somebody carries it is left in `missed`, and the
//! carrier called; so every value is judged exactly once and in the order of arrival,
//! and nobody ever waits for a predicate to return.
//!
//! | step | deliverer (`offer`)                          | waiting task (`start`, `poll`)          |
//! |------|----------------------------------------------|-----------------------------------------|
//! | 1    | takes the predicate, judges the value        | registers; carries the predicate itself |
//! | 2    | or leaves the value in `missed` and calls    | judges the state it registered at       |
//! | 3    | holds: drops it, stores the outcome, wakes   | judges what was missed meanwhile        |
//! | 4    | else: lays it down, minding calls            | lays it down; parks with its waker      |
//!
//! No value is lost between registration and sleep: *either* it is delivered while the
//! task still carries the predicate, then it is in `missed` and the call keeps the
//! predicate from resting until it has been judged; *or* the predicate rests already, and
//! the deliverer judges it. That an outcome finds the sleeping task is the matter of [`Spot`].

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use super::{
    baton::{Baton, Refused},
    panics::{self, Panics, Payload},
    spot::Spot,
};

/// A condition on an event, evaluated on any thread.
pub(crate) type Predicate<E> = Box<dyn FnMut(&E) -> bool + Send>;

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

/// How many missed values the waiting task judges in one poll.
const PER_POLL: usize = if cfg!(loom) { 1 } else { 64 };

pub(crate) struct Condition<E> {
    /// Whether the accepted value is kept for the task, or what the predicate made of it is enough.
    keeps: bool,
    predicate: Baton<Predicate<E>>,
    spot: Spot<State<E>>,
}

struct State<E> {
    /// Values that came while somebody carried the predicate, oldest first.
    missed: VecDeque<E>,
    closed: bool,
    outcome: Option<Outcome<E>>,
}

/// What a carrier does next.
enum Next<E> {
    Judge(E),
    Close,
    Rest,
}

impl<E: Clone> Condition<E> {
    /// A condition whose predicate is with the waiting task.
    pub(crate) fn carried(keeps: bool) -> Self {
        Self {
            keeps,
            predicate: Baton::carried(),
            spot: Spot::new(State {
                missed: VecDeque::new(),
                closed: false,
                outcome: None,
            }),
        }
    }

    /// Deliverer: judges `event`, or leaves it to whoever is carrying the predicate.
    #[inline]
    pub(crate) fn offer(&self, event: &E, panics: &mut Panics) -> Fate {
        match self.predicate.take() {
            Some(predicate) => self.judge(predicate, event, panics),
            None => self.leave_word(panics, |state| state.missed.push_back(event.clone())),
        }
    }

    /// Deliverer: nothing more will come.
    pub(crate) fn close(&self, panics: &mut Panics) {
        self.leave_word(panics, |state| state.closed = true);
    }

    #[inline]
    fn judge(&self, mut predicate: Predicate<E>, event: &E, panics: &mut Panics) -> Fate {
        match self.verdict(&mut predicate, event) {
            None => self.lay_down(predicate, panics),
            Some(outcome) => self.settle(predicate, outcome, panics),
        }
    }

    /// What `event` makes of the wait, if it ends it.
    #[inline]
    fn verdict(&self, predicate: &mut Predicate<E>, event: &E) -> Option<Outcome<E>> {
        match panics::run(|| predicate(event)) {
            Ok(false) => None,
            Ok(true) => Some(Outcome::Satisfied(self.keeps.then(|| event.clone()))),
            Err(payload) => Some(Outcome::Panicked(payload)),
        }
    }

    #[inline]
    fn lay_down(&self, predicate: Predicate<E>, panics: &mut Panics) -> Fate {
        match self.predicate.rest(predicate) {
            Ok(()) => Fate::Stays,
            Err(Refused::Called(predicate)) => self.catch_up(predicate, panics),
            Err(Refused::Gone(predicate)) => {
                panics.catch(|| drop(predicate));
                Fate::Leaves
            }
        }
    }

    #[cold]
    fn leave_word(&self, panics: &mut Panics, word: impl FnOnce(&mut State<E>)) -> Fate {
        if self.predicate.is_gone() {
            return Fate::Leaves;
        }
        self.spot.with(word);
        match self.predicate.call() {
            Some(predicate) => self.catch_up(predicate, panics),
            None => Fate::Stays,
        }
    }

    /// Carrier after a call: judges everything that was left, then lays the predicate down.
    #[cold]
    fn catch_up(&self, predicate: Predicate<E>, panics: &mut Panics) -> Fate {
        match self.catch_up_within(predicate, usize::MAX, panics) {
            Ok(fate) => fate,
            Err(_) => unreachable!("the limit cannot be reached"),
        }
    }

    /// As [`catch_up`](Self::catch_up), but gives the predicate back after `limit` values.
    fn catch_up_within(
        &self,
        mut predicate: Predicate<E>,
        mut limit: usize,
        panics: &mut Panics,
    ) -> Result<Fate, Predicate<E>> {
        while limit > 0 {
            match self.next() {
                Next::Judge(event) => {
                    limit -= 1;
                    let outcome = self.verdict(&mut predicate, &event);
                    panics.catch(|| drop(event));
                    if let Some(outcome) = outcome {
                        return Ok(self.settle(predicate, outcome, panics));
                    }
                }
                Next::Close => return Ok(self.settle(predicate, Outcome::Closed, panics)),
                Next::Rest => match self.predicate.rest(predicate) {
                    Ok(()) => return Ok(Fate::Stays),
                    Err(Refused::Called(again)) => predicate = again,
                    Err(Refused::Gone(predicate)) => {
                        panics.catch(|| drop(predicate));
                        return Ok(Fate::Leaves);
                    }
                },
            }
        }
        Err(predicate)
    }

    fn next(&self) -> Next<E> {
        self.predicate.answer();
        self.spot.with(|state| match state.missed.pop_front() {
            Some(event) => Next::Judge(event),
            None if state.closed => Next::Close,
            None => Next::Rest,
        })
    }

    /// Carrier: ends the wait. The predicate is dropped before the task learns of it, so
    /// that what it captured is gone when the wait returns.
    fn settle(&self, predicate: Predicate<E>, outcome: Outcome<E>, panics: &mut Panics) -> Fate {
        self.predicate.end();
        panics.catch(|| drop(predicate));
        let (missed, waker) = self.spot.change(|state| {
            state.outcome = Some(outcome);
            std::mem::take(&mut state.missed)
        });
        if !missed.is_empty() {
            panics.catch(|| drop(missed));
        }
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
        Fate::Leaves
    }

    /// Waiting task, first poll: judges `seen`, the state it registered at, and what came
    /// since. Gives the predicate back when there is more to judge than one poll should.
    pub(crate) fn start(&self, mut predicate: Predicate<E>, seen: &E) -> Option<Predicate<E>> {
        match self.verdict(&mut predicate, seen) {
            None => self.go_on(predicate),
            Some(outcome) => {
                let mut panics = Panics::new();
                self.settle(predicate, outcome, &mut panics);
                panics.resume();
                None
            }
        }
    }

    /// Waiting task, carrying the predicate: judges what was missed, a bounded part of it.
    pub(crate) fn go_on(&self, predicate: Predicate<E>) -> Option<Predicate<E>> {
        let mut panics = Panics::new();
        let rest = self.catch_up_within(predicate, PER_POLL, &mut panics);
        panics.resume();
        rest.err()
    }

    /// Waiting task: the outcome, or parks.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome<E>> {
        self.spot.poll(cx, |state| state.outcome.take())
    }

    /// The same in the first poll, in which an outcome is unlikely.
    pub(crate) fn first_poll(&self, cx: &mut Context<'_>) -> Poll<Outcome<E>> {
        self.spot
            .park(cx.waker().clone(), |state| state.outcome.take())
    }

    /// Waiting task, about to leave: drops what the wait holds. True if it was still
    /// registered, so that a dead registration is left behind.
    pub(crate) fn cancel(&self, panics: &mut Panics) -> bool {
        let registered = !self.predicate.is_gone();
        let predicate = self.predicate.remove();
        let (rest, waker) = self
            .spot
            .change(|state| (std::mem::take(&mut state.missed), state.outcome.take()));
        panics.catch(|| drop(predicate));
        panics.catch(|| drop(rest));
        panics.catch(|| drop(waker));
        registered
    }

    /// Whether the wait is over, so that it need not be told anything.
    pub(crate) fn is_over(&self) -> bool {
        self.predicate.is_gone()
    }
}
