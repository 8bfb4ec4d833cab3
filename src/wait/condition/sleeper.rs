//! What a parked wait consists of: its sleeper, and what is left for whoever carries that.

use std::{
    collections::VecDeque,
    mem::replace,
    task::{Context, Waker},
};

use crate::wait::{berth::Carried, mailbox::KEPT, panics::Panics, predicate::Predicate};

/// What is needed to end a wait.
pub(super) struct Sleeper<E> {
    /// None before the task has begun, and when the wait is over.
    pub(super) predicate: Option<Predicate<E>>,
    /// None while the task judges for the first time.
    pub(super) waker: Option<Waker>,
    /// It was laid down although there is something in the slot.
    pub(super) is_behind: bool,
}

/// The right to the sleeper.
pub(super) type Carrier<'a, E> = Carried<'a, Sleeper<E>>;

/// What was left for the carrier.
pub(super) struct Slot<E> {
    /// Values that came while somebody carried the sleeper, oldest first.
    pub(super) missed: VecDeque<E>,
    pub(super) closed: bool,
    /// What the task wants to be woken by from now on.
    pub(super) waker: Option<Waker>,
}

/// What a carrier does next.
pub(super) enum Next<E> {
    Judge(E),
    Close,
    Rest,
}

impl<E> Slot<E> {
    pub(super) fn next(&mut self) -> Next<E> {
        match self.missed.pop_front() {
            Some(event) => Next::Judge(event),
            None if self.closed => Next::Close,
            None => {
                self.missed.shrink_to(KEPT);
                Next::Rest
            }
        }
    }
}

impl<E> Default for Slot<E> {
    fn default() -> Self {
        Self {
            missed: VecDeque::new(),
            closed: false,
            waker: None,
        }
    }
}

impl<E> Sleeper<E> {
    #[inline]
    pub(super) fn holds_on(&mut self, event: &E) -> bool {
        match &mut self.predicate {
            Some(predicate) => predicate.holds(event),
            None => unreachable!("it is judged from the start to the end of the wait"),
        }
    }
}

/// Makes sure that the task of `cx` is the one that is woken.
#[inline]
pub(super) fn attend<E>(carrier: &mut Carrier<'_, E>, cx: &Context<'_>, panics: &mut Panics) {
    let will_wake = |waker: &Waker| waker.will_wake(cx.waker());
    if !carrier.with(|sleeper| sleeper.waker.as_ref().is_some_and(will_wake)) {
        let waker = panics.catch(|| cx.waker().clone());
        replace_waker(carrier, waker, panics);
    }
}

#[inline]
pub(super) fn replace_waker<E>(
    carrier: &mut Carrier<'_, E>,
    waker: Option<Waker>,
    panics: &mut Panics,
) {
    if waker.is_some() {
        let before = carrier.with(|sleeper| replace(&mut sleeper.waker, waker));
        if before.is_some() {
            panics.catch(|| drop(before));
        }
    }
}

/// Where it is: nobody else has the right to it.
#[inline]
pub(super) fn drop_predicate<E>(carrier: &mut Carrier<'_, E>, panics: &mut Panics) {
    panics.catch(|| carrier.with(|sleeper| sleeper.predicate = None));
}

/// Carrier of what nobody wants any more.
pub(super) fn dispose<E>(mut carrier: Carrier<'_, E>, panics: &mut Panics) {
    drop_predicate(&mut carrier, panics);
    let waker = carrier.with(|sleeper| sleeper.waker.take());
    if waker.is_some() {
        panics.catch(|| drop(waker));
    }
}
