//! The line of those who wait in order to commit: a turn is given, used, and handed on.
//!
//! A *place* in the line is in one of three states:
//!
//! | status  | meaning                                   | left by                               |
//! |---------|-------------------------------------------|---------------------------------------|
//! | WAITING | its condition did not hold when last seen | deliverer: its condition holds → TURN |
//! | TURN    | it may commit; its task has been woken    | its task: condition gone → WAITING    |
//! | LEFT    | committed, cancelled or panicked          | –                                     |
//!
//! Turns are given by the deliverer alone, in line order: at most one for every commit
//! delivered, one for every turn handed back, and one, while no turn is out, for newcomers who
//! *knocked* because their condition holds already. So nobody is overtaken by one whose
//! condition came to hold at the same time, and no turn is lost: *either* its holder
//! commits, and the delivery of that commit looks for the next one; *or* it leaves or
//! finds that its condition holds no more, hands the turn back, and calls the deliverer.

use std::{
    any::TypeId,
    task::{Context, Poll},
};

use super::{
    baton::{Baton, Refused},
    condition::Fate,
    panics::{self, Panics, Payload},
    predicate::Predicate,
    spot::Spot,
};
use crate::sync::{Arc, AtomicBool, AtomicU8, AtomicUsize, Ordering};

const WAITING: u8 = 0;
const TURN: u8 = 1;
const LEFT: u8 = 2;

/// What everybody in or near the line shares.
pub(crate) struct Line {
    /// Places whose status is not `LEFT`.
    places: AtomicUsize,
    /// Places whose status is `TURN`.
    turns: AtomicUsize,
    /// Turns handed back, for the deliverer to give to the next.
    returned: AtomicUsize,
    /// Somebody joined whose condition may hold already.
    knocked: AtomicBool,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            places: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
            knocked: AtomicBool::new(false),
        }
    }

    /// Whether a newcomer may try at once.
    pub(crate) fn is_empty(&self) -> bool {
        // SeqCst: who joined before this call in any order that threads can tell is seen.
        self.places.load(Ordering::SeqCst) == 0
    }

    /// A newcomer joins, about to be registered.
    pub(crate) fn join(&self) {
        self.places.fetch_add(1, Ordering::SeqCst);
    }

    /// The newcomer is registered: the deliverer, which is called next, looks at the line.
    pub(crate) fn knock(&self) {
        // AcqRel: whoever answers sees the registration, and those of earlier knocks: a swap
        // continues what they released.
        self.knocked.swap(true, Ordering::AcqRel);
    }

    /// Deliverer: how many more turns are due besides those of the commits.
    ///
    /// A knock is answered when no turn is out, and stands until then: the holder of
    /// a turn may have committed before the newcomer registered, so that the delivery of
    /// that commit passes the newcomer by, and not have reported its turn as used yet.
    ///
    /// What is due is given after taking over newcomers, and on a state loaded after this call:
    /// one at least as new as that at which the newcomer registered.
    pub(crate) fn due(&self) -> usize {
        if self.returned.load(Ordering::Relaxed) > 0 {
            // Acquire: pairs with `hand_back`, whose call may still be to come: the place it
            // was taken from must be seen waiting.
            return self.returned.swap(0, Ordering::Acquire);
        }
        // Acquire: pairs with `knock`, which may come before its call.
        let knocked = self.knocked.load(Ordering::Acquire);
        if !knocked || self.turns.load(Ordering::Relaxed) > 0 {
            return 0;
        }
        // Acquire: pairs with the knock that this wipes out, which may be a later one than
        // the load has seen.
        usize::from(self.knocked.swap(false, Ordering::AcqRel))
    }

    fn hand_back(&self) {
        self.turns.fetch_sub(1, Ordering::Relaxed);
        // Release: pairs with `due`.
        self.returned.fetch_add(1, Ordering::Release);
    }
}

/// Conditions of one kind are one function of the value: closures of the same type that have
/// captured nothing. If one of them does not hold on a value, none does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(TypeId);

impl Kind {
    pub(crate) fn of<P: 'static>(_: &P) -> Option<Self> {
        (size_of::<P>() == 0).then(|| Self(TypeId::of::<P>()))
    }
}

pub(crate) struct Place<E> {
    kind: Option<Kind>,
    status: AtomicU8,
    predicate: Baton<Predicate<E>>,
    spot: Spot<Option<Payload>>,
    line: Arc<Line>,
}

/// What a waiting task learns when it looks.
pub(crate) enum Called {
    /// It may commit if its condition holds.
    Turn,
    /// Its predicate panicked on the deliverer's thread.
    Panicked(Payload),
}

/// Whether giving a turn to a place came to something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Taken,
    Declined(Fate),
}

impl<E> Place<E> {
    /// A place whose predicate is with the newcomer.
    pub(crate) fn new(line: &Arc<Line>, kind: Option<Kind>) -> Self {
        line.join();
        Self {
            kind,
            status: AtomicU8::new(WAITING),
            predicate: Baton::carried(),
            spot: Spot::new(None),
            line: line.clone(),
        }
    }

    /// Deliverer: a turn for this place if it waits and its condition holds on `event`, which
    /// those of the kind `refuted` do not.
    pub(crate) fn give(&self, event: &E, refuted: &mut Option<Kind>, panics: &mut Panics) -> Given {
        // Acquire: pairs with the Release of `lose`, which laid the predicate down before.
        match self.status.load(Ordering::Acquire) {
            WAITING => {}
            TURN => return Given::Declined(Fate::Stays),
            _ => return Given::Declined(Fate::Leaves),
        }
        if self.kind.is_some() && self.kind == *refuted {
            return Given::Declined(Fate::Stays);
        }
        // A newcomer that still carries it is called, and will knock.
        let Some(mut predicate) = self.predicate.call() else {
            return Given::Declined(Fate::Stays);
        };
        let verdict = panics::run(|| predicate.holds(event));
        if let Err(Refused::Called(spent) | Refused::Gone(spent)) = self.predicate.rest(predicate) {
            panics.catch(|| drop(spent));
            panics.catch(|| drop(verdict));
            return Given::Declined(Fate::Leaves);
        }
        match verdict {
            Ok(false) => {
                *refuted = self.kind.or(*refuted);
                Given::Declined(Fate::Stays)
            }
            Ok(true) if self.promote() => {
                self.wake(panics);
                Given::Taken
            }
            Ok(true) => Given::Declined(Fate::Leaves),
            Err(payload) => {
                self.expel(payload, panics);
                Given::Declined(Fate::Leaves)
            }
        }
    }

    /// WAITING → TURN, unless the task has left meanwhile.
    fn promote(&self) -> bool {
        self.line.turns.fetch_add(1, Ordering::Relaxed);
        // AcqRel: hands the predicate, at rest, to the task that sees the turn.
        let given = self
            .status
            .compare_exchange(WAITING, TURN, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if !given {
            self.line.turns.fetch_sub(1, Ordering::Relaxed);
        }
        given
    }

    fn wake(&self, panics: &mut Panics) {
        let ((), waker) = self.spot.change(|_| ());
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
    }

    /// The predicate panicked: out of the line, and the panic to the task.
    fn expel(&self, payload: Payload, panics: &mut Panics) {
        self.leave();
        let (before, waker) = self.spot.change(|panicked| panicked.replace(payload));
        panics.catch(|| drop(before));
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
    }

    /// Newcomer, registered: lays its predicate down. False if events came meanwhile, which it
    /// has not been judged by.
    pub(crate) fn settle_down(&self, predicate: Predicate<E>) -> bool {
        match self.predicate.rest(predicate) {
            Ok(()) => true,
            Err(Refused::Called(predicate) | Refused::Gone(predicate)) => {
                self.predicate.offer(predicate);
                false
            }
        }
    }

    /// Waiting task: its turn, or parks.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Called> {
        self.spot.poll(cx, |panicked| self.look(panicked))
    }

    /// Waiting task with a turn that it is about to lose: parks for the next one.
    pub(crate) fn park(&self, cx: &mut Context<'_>) {
        let _: Poll<()> = self.spot.poll(cx, |_| None);
    }

    /// Waiting task: its turn, if it has been given one already.
    pub(crate) fn try_turn(&self) -> Option<Called> {
        self.spot.with(|panicked| self.look(panicked))
    }

    fn look(&self, panicked: &mut Option<Payload>) -> Option<Called> {
        // Acquire: pairs with `promote`.
        if self.status.load(Ordering::Acquire) == TURN {
            return Some(Called::Turn);
        }
        panicked.take().map(Called::Panicked)
    }

    /// Waiting task with a turn: the predicate, to try it on the current state.
    pub(crate) fn begin(&self) -> Option<Predicate<E>> {
        self.predicate.take()
    }

    /// Waiting task with a turn: the condition holds no more. Keeps the place, hands the
    /// turn back; the caller calls the deliverer.
    pub(crate) fn lose(&self, predicate: Predicate<E>) {
        // Nobody calls or removes the predicate while its own task carries it.
        let _ = self.predicate.rest(predicate);
        // Release: pairs with the load in `give`.
        self.status.store(WAITING, Ordering::Release);
        self.line.hand_back();
    }

    /// Waiting task: the commit is made, the turn used up by it.
    pub(crate) fn finish(&self) {
        if self.leave() {
            self.line.turns.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Waiting task, about to leave without a commit: drops what it holds. True if the
    /// deliverer has to be called, for a turn was handed back.
    pub(crate) fn cancel(&self, panics: &mut Panics) -> bool {
        let had_turn = self.leave();
        if had_turn {
            self.line.hand_back();
        }
        let (predicate, _) = self.predicate.remove();
        let (panicked, waker) = self.spot.change(Option::take);
        panics.catch(|| drop(predicate));
        panics.catch(|| drop(panicked));
        panics.catch(|| drop(waker));
        had_turn
    }

    /// Any → LEFT; true if it was a turn.
    fn leave(&self) -> bool {
        // AcqRel: pairs with `promote`, whichever of the two comes first.
        let before = self.status.swap(LEFT, Ordering::AcqRel);
        if before != LEFT {
            self.line.places.fetch_sub(1, Ordering::SeqCst);
        }
        before == TURN
    }

    pub(crate) fn is_over(&self) -> bool {
        self.status.load(Ordering::Relaxed) == LEFT
    }
}
