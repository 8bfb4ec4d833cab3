//! What stands under the lock of a [line](super), and what is done with it there.

use std::{
    mem::{needs_drop, replace},
    task::{Context, Poll, Waker},
};

use super::{Called, Kind, Known, Panicked};
use crate::wait::{
    mailbox::Event,
    panics::{Panics, Payload},
    predicate::Predicate,
    queue::Queue,
    source::Commit,
};

pub(super) struct State<E> {
    places: Queue<Place<E>>,
    /// Nobody waits at a place before this one.
    front: u64,
    /// The kind of all that are in line, if they have one in common.
    kind: Option<Kind>,
    /// Places that are Waiting or Asked.
    waiting: usize,
    /// Places that have a Turn or are Trying.
    turns: usize,
    /// Turns to be given besides.
    pub(super) owed: usize,
    /// Somebody came who has not been asked about a state of that moment or a later one.
    knocked: bool,
    pub(super) is_served: bool,
}

pub(super) struct Place<E> {
    kind: Option<Kind>,
    stage: Stage<E>,
    /// What its task is woken by, if it sleeps.
    waker: Option<Waker>,
}

/// See the table of the [protocol](super).
enum Stage<E> {
    Waiting(Predicate<E>),
    Asked,
    Turn(Predicate<E>),
    Trying,
    Panicked(Box<Panicked<E>>),
}

/// What became of one who was asked.
pub(super) enum Answer {
    /// Its condition does not hold, nor that of others of this kind.
    Denied(Option<Kind>),
    /// It has a turn, and is to be woken; the conditions of this kind hold.
    Given(Option<Kind>, Option<Waker>),
    /// It is to be woken, but without a turn.
    Panicked(Option<Waker>),
}

/// Who is next in a walk.
pub(super) enum Next<E> {
    /// To be asked.
    Ask(u64, Predicate<E>),
    /// It has a turn, and is to be woken.
    Given(u64, Option<Waker>),
    Nobody,
}

/// A predicate whose place is gone, and what came of asking it: nobody's any more.
pub(super) type Orphan<E> = (Predicate<E>, Result<bool, Payload>);

impl<E: Event> State<E> {
    pub(super) fn new() -> Self {
        Self {
            places: Queue::new(),
            front: 0,
            kind: None,
            waiting: 0,
            turns: 0,
            owed: 0,
            knocked: false,
            is_served: false,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Newcomer: takes the last place.
    pub(super) fn enter(&mut self, place: Place<E>, knocks: bool) -> u64 {
        self.waiting += 1;
        self.knocked |= knocks;
        if self.places.is_empty() {
            self.kind = place.kind;
        } else if self.kind != place.kind {
            self.kind = None;
        }
        self.places.push(place)
    }

    /// Waiting task: takes its place out of the line, whatever its stage.
    #[inline]
    pub(super) fn leave(
        &mut self,
        number: u64,
        source: &impl Commit<Event = E>,
    ) -> Option<Place<E>> {
        let place = self.places.remove(number)?;
        match place.stage {
            Stage::Waiting(_) | Stage::Asked => self.waiting -= 1,
            Stage::Turn(_) | Stage::Trying => self.turns -= 1,
            Stage::Panicked(_) => {}
        }
        if self.places.is_empty() {
            source.disband();
        }
        Some(place)
    }

    /// Takes all out.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Place<E>> + use<E> {
        (self.waiting, self.turns) = (0, 0);
        self.places.drain()
    }

    /// Waiting task: what has become of it. Nothing if its place is gone.
    #[inline]
    pub(super) fn look(
        &mut self,
        number: u64,
        source: &impl Commit<Event = E>,
    ) -> Poll<Option<Called<E>>> {
        let Some(place) = self.places.get_mut(number) else {
            return Poll::Ready(None);
        };
        if let Stage::Panicked(_) = place.stage {
            let place = self.leave(number, source);
            return Poll::Ready(place.and_then(Place::panicked));
        }
        match replace(&mut place.stage, Stage::Trying) {
            Stage::Turn(predicate) => Poll::Ready(Some(Called::Turn(predicate))),
            waits => {
                place.stage = waits;
                Poll::Pending
            }
        }
    }

    pub(super) fn would_wake(&mut self, number: u64, cx: &Context<'_>) -> bool {
        let place = self.places.get_mut(number);
        let waker = place.and_then(|place| place.waker.as_ref());
        waker.is_some_and(|waker| waker.will_wake(cx.waker()))
    }

    /// Waiting task: parks. What it was to be woken by until now is not needed any more.
    pub(super) fn replace_waker(&mut self, number: u64, waker: Option<Waker>) -> Option<Waker> {
        match self.places.get_mut(number) {
            Some(place) => replace(&mut place.waker, waker),
            None => waker,
        }
    }

    /// Waiting task: Trying -> Waiting.
    pub(super) fn wait_again(
        &mut self,
        number: u64,
        predicate: Predicate<E>,
        waker: Option<Waker>,
    ) {
        if let Some(place) = self.places.get_mut(number) {
            (place.stage, place.waker) = (Stage::Waiting(predicate), waker);
            self.turns -= 1;
            self.waiting += 1;
            self.front = self.front.min(number);
        }
    }

    /// Whether there is a turn to be given, and somebody who may take it.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        if self.waiting == 0 {
            (self.owed, self.knocked) = (0, false);
        }
        self.owed > 0 || self.knocked && self.turns == 0
    }

    /// Whether the caller has to serve.
    #[inline]
    pub(super) fn is_to_be_served(&mut self) -> bool {
        !self.is_served && self.is_due()
    }

    /// Whether it is `known` already that nobody's condition holds now. Then nothing is due any more:
    /// this is a walk that has come to nothing.
    #[inline]
    pub(super) fn is_denied(&mut self, known: Known, source: &impl Commit<Event = E>) -> bool {
        let Some((kind, verdict)) = known else {
            return false;
        };
        // What has a destructor is not to be looked at under the lock.
        if verdict.holds || self.kind != Some(kind) || needs_drop::<E>() {
            return false;
        }
        let is_denied = source.look().identity() == verdict.identity;
        if is_denied {
            self.take_due();
        }
        is_denied
    }

    /// Server: how many turns are to be given, on a state that is looked at after this.
    #[inline]
    pub(super) fn take_due(&mut self) -> usize {
        self.knocked = false;
        replace(&mut self.owed, 0).max(1)
    }

    /// Server: the next who waits, at that place or behind it, if what is `known` of the conditions
    /// of a kind does not rule it out.
    #[inline]
    pub(super) fn next(&mut self, from: u64, known: Option<(Kind, bool)>) -> Next<E> {
        let end = self.places.next_number();
        let waits = |place: &Place<E>| matches!(place.stage, Stage::Waiting(_));
        let mut from = from;
        if from <= self.front {
            let first = self.places.first_from(self.front, waits);
            self.front = first.map_or(end, |(number, _)| number);
            from = self.front;
        }
        let denied = known.and_then(|(kind, holds)| (!holds).then_some(kind));
        if denied.is_some() && denied == self.kind {
            return Next::Nobody;
        }
        let is_next = |place: &Place<E>| waits(place) && (denied.is_none() || place.kind != denied);
        let Some((number, place)) = self.places.first_from(from, is_next) else {
            return Next::Nobody;
        };
        if known.is_some_and(|(kind, _)| place.kind == Some(kind)) {
            self.waiting -= 1;
            self.turns += 1;
            place.give(number)
        } else {
            place.ask(number)
        }
    }

    /// Server: lays a predicate down that was asked.
    #[inline]
    pub(super) fn answer(
        &mut self,
        number: u64,
        predicate: Predicate<E>,
        verdict: Result<bool, Payload>,
    ) -> Result<Answer, Orphan<E>> {
        let Some(place) = self.places.get_mut(number) else {
            return Err((predicate, verdict));
        };
        if let Ok(false) = verdict {
            place.stage = Stage::Waiting(predicate);
            return Ok(Answer::Denied(place.kind));
        }
        self.waiting -= 1;
        let waker = place.waker.take();
        Ok(match verdict {
            Ok(_) => {
                place.stage = Stage::Turn(predicate);
                self.turns += 1;
                Answer::Given(place.kind, waker)
            }
            Err(payload) => {
                place.stage = Stage::Panicked(Box::new(Panicked { payload, predicate }));
                Answer::Panicked(waker)
            }
        })
    }
}

impl<E> Place<E> {
    pub(super) fn new(kind: Option<Kind>, predicate: Predicate<E>) -> Self {
        Self {
            kind,
            stage: Stage::Waiting(predicate),
            waker: None,
        }
    }

    pub(super) fn has_turn(&self) -> bool {
        matches!(self.stage, Stage::Turn(_) | Stage::Trying)
    }

    /// Waiting -> Asked.
    #[inline]
    fn ask(&mut self, number: u64) -> Next<E> {
        match replace(&mut self.stage, Stage::Asked) {
            Stage::Waiting(predicate) => Next::Ask(number, predicate),
            _ => unreachable!("it was found waiting"),
        }
    }

    /// Waiting -> Turn.
    #[inline]
    fn give(&mut self, number: u64) -> Next<E> {
        match replace(&mut self.stage, Stage::Trying) {
            Stage::Waiting(predicate) => self.stage = Stage::Turn(predicate),
            _ => unreachable!("it was found waiting"),
        }
        Next::Given(number, self.waker.take())
    }

    fn panicked(self) -> Option<Called<E>> {
        match self.stage {
            Stage::Panicked(panicked) => Some(Called::Panicked(panicked)),
            _ => None,
        }
    }

    /// Drops what is in it, each on its own.
    pub(super) fn dismantle(self, panics: &mut Panics) {
        panics.catch(|| drop(self.waker));
        match self.stage {
            Stage::Waiting(predicate) | Stage::Turn(predicate) => {
                panics.catch(|| drop(predicate));
            }
            Stage::Panicked(panicked) => {
                let Panicked { payload, predicate } = *panicked;
                panics.catch(|| drop(payload));
                panics.catch(|| drop(predicate));
            }
            Stage::Asked | Stage::Trying => {}
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
