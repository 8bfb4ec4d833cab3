//! The line of those who wait in order to commit: a turn is given, used, and handed on.
//!
//! A *place* in the line stands in one of five stages:
//!
//! | stage    | meaning                                   | left by                                  |
//! |----------|-------------------------------------------|------------------------------------------|
//! | Waiting  | its condition did not hold when last seen | server: asks it → Asked                  |
//! | Asked    | its predicate is with the server, who     | server: holds → Turn, not → Waiting,     |
//! |          | asks it about a state                     | panics → Panicked                        |
//! | Turn     | it may commit; its task has been woken    | its task, polled → Trying                |
//! | Trying   | its predicate is with its task, which     | its task: commits → gone; condition does |
//! |          | tries to commit                           | not hold → Waiting                       |
//! | Panicked | the panic of its predicate is here        | its task, polled → gone                  |
//!
//! From each of them it is gone when its task cancels. All that is in the line stands under one lock,
//! held for a few steps at a time. Predicates are asked, wakers called and destructors run outside of
//! it, by the *server*: one thread at a time, whoever finds that turns are due while nobody serves.
//!
//! # The protocol
//!
//! What counts for somebody who wants to commit is the current state. So a commit does not tell the
//! line what it has made: it says that one more turn is *owed*.
//!
//! | step | who commits                   | newcomer                     | server                     |
//! |------|-------------------------------|------------------------------|----------------------------|
//! | 1    | commits                       | asks its predicate about     | *lock:* what is owed is    |
//! |      |                               | some state                   | due; or one, if somebody   |
//! |      |                               |                              | knocked and no turn is out |
//! | 2    | looks whether somebody is in  | *lock:* announces presence,  | looks at the current state |
//! |      | line: nobody, done            | looks at the current state   |                            |
//! | 3    | *lock:* owes one more turn    | takes its place; knocks      | walks from the front, asks |
//! |      |                               | unless its predicate was     | those who wait; gives      |
//! |      |                               | asked about that very state, | turns to as many as are    |
//! |      |                               | and denied                   | due                        |
//! | 4    | serves, unless somebody does  | serves, unless somebody      | *lock:* from 1, until      |
//! |      |                               | does or nothing is due       | nothing is due             |
//!
//! A turn that is lost or cancelled is owed again, as step 3 of a commit. One that is used is a commit
//! like others, made by somebody who leaves the line before step 3.
//!
//! **Nobody sleeps who could go on:** while somebody waits whose condition holds, a turn is out or
//! due, or a commit is before its step 3. Take the last commit, which made the state current. *Either*
//! its step 2 finds somebody present, then a walk begins after its step 3, looks at that state or a
//! later one, and gives a turn to the first whose condition holds. Who holds that turn commits, loses
//! it or cancels, and each of them makes a turn due: the same holds from there on. A walk that gives
//! no turn has asked all who had a place when it began. *Or* it finds nobody, then the newcomers that
//! came since have announced themselves after that, and have looked at its state in their step 2: who
//! was not denied by it has knocked. A knock is answered by a walk that begins later; while a
//! turn is out it stands, and that turn makes one due.
//!
//! **Nobody is overtaken.** Every walk begins in front, and asks everybody on the same state.
//! Who comes while somebody is in line takes a place behind them, and gets a turn by such a walk only.
//! One who has lost a turn waits at the place that he had.
//!
//! **One commit, one turn at most.** Turns are given for what is owed: one for each commit, and one
//! again for each turn that is handed back; besides to one who knocked while no turn is out.
//!
//! **Serving** is given up after some walks to whoever comes by, as the desk is by a
//! [shift](super::shift): what is due stays due.

mod service;
mod state;

use std::{
    any::TypeId,
    panic::resume_unwind,
    task::{Context, Poll, Waker},
};

use self::{
    service::Service,
    state::{Place, State},
};
use super::{
    mailbox::Event,
    panics::{self, Panics, Payload},
    predicate::Predicate,
    source::Commit,
};
#[cfg(not(loom))]
use crate::sync::threads::is_busy_with;
use crate::sync::{Mutex, MutexGuard};

/// Conditions of one kind are one function of the value: closures of the same type that have
/// captured nothing. What one of them says of a value goes for all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(TypeId);

impl Kind {
    pub(crate) fn of<P: 'static>(_: &P) -> Option<Self> {
        (size_of::<P>() == 0).then(|| Self(TypeId::of::<P>()))
    }
}

/// What a predicate has said of the state of an [identity](Event::identity). No handle of that state
/// is kept, so the identity must not go to another one: it is a cell's value, or an atom's version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) identity: u64,
    pub(crate) holds: bool,
}

/// What is known of all conditions of a kind.
pub(crate) type Known = Option<(Kind, Verdict)>;

/// See the [module](self).
pub(crate) struct Line<E>(Mutex<State<E>>);

/// Somebody who is about to take a place.
pub(crate) struct Newcomer<E> {
    pub(crate) kind: Option<Kind>,
    pub(crate) predicate: Predicate<E>,
    /// What the predicate said, if it was asked.
    pub(crate) verdict: Option<Verdict>,
    /// None if the task is going to poll once more.
    pub(crate) waker: Option<Waker>,
}

/// What a waiting task learns when it looks.
pub(crate) enum Called<E> {
    /// It may commit if its condition holds.
    Turn(Predicate<E>),
    /// Its predicate panicked on another thread. The place is gone.
    Panicked(Box<Panicked<E>>),
}

/// A predicate and what it threw.
pub(crate) struct Panicked<E> {
    pub(crate) payload: Payload,
    pub(crate) predicate: Predicate<E>,
}

impl<E: Event> Line<E> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::new()))
    }

    /// Whether the current thread serves, in an outer frame.
    #[cfg(not(loom))]
    pub(crate) fn is_served_here(&self) -> bool {
        is_busy_with(self)
    }

    /// Runs `f` if nobody is in line; nobody comes meanwhile.
    pub(crate) fn unless_occupied(&self, f: impl FnOnce()) {
        let state = self.0.lock();
        if state.is_empty() {
            f();
        }
    }

    /// Newcomer: takes the last place, and knocks if its condition may hold. The number of the place;
    /// and the waker, if the newcomer may have a turn by now, and has to [`park`](Self::park) if not.
    pub(crate) fn join(
        &self,
        newcomer: Newcomer<E>,
        source: &impl Commit<Event = E>,
        panics: &mut Panics,
    ) -> (u64, Option<Waker>) {
        let Newcomer {
            kind,
            predicate,
            verdict,
            mut waker,
        } = newcomer;
        let mut state = self.0.lock();
        let (seen, touched) = source.attend();
        let identity = seen.identity();
        let denied = Verdict {
            identity,
            holds: false,
        };
        let number = state.enter(Place::new(kind, predicate), verdict != Some(denied));
        if !state.is_to_be_served() {
            // Whoever gives it a turn wakes it.
            state.replace_waker(number, waker.take());
        }
        self.serve(state, kind.zip(verdict), source, panics);
        panics.catch(|| drop(seen));
        for other in touched {
            panics.catch(|| drop(other));
        }
        (number, waker)
    }

    /// Somebody has committed, or the line is to be [settled](Self::finish).
    #[inline]
    pub(crate) fn tell(&self, owed: usize, source: &impl Commit<Event = E>, panics: &mut Panics) {
        let mut state = self.0.lock();
        state.owed += owed;
        self.serve(state, None, source, panics);
    }

    /// Waiting task: its turn, or parks. Nothing if the place is gone.
    pub(crate) fn poll(
        &self,
        number: u64,
        cx: &Context<'_>,
        source: &impl Commit<Event = E>,
    ) -> Poll<Option<Called<E>>> {
        {
            let mut state = self.0.lock();
            let called = state.look(number, source);
            if called.is_ready() || state.would_wake(number, cx) {
                return called;
            }
        }
        self.park(number, cx.waker().clone(), source)
    }

    /// The last step of parking: its turn, or leaves the waker.
    pub(crate) fn park(
        &self,
        number: u64,
        waker: Waker,
        source: &impl Commit<Event = E>,
    ) -> Poll<Option<Called<E>>> {
        let (called, spent) = {
            let mut state = self.0.lock();
            let called = state.look(number, source);
            let spent = match called {
                Poll::Pending => state.replace_waker(number, Some(waker)),
                Poll::Ready(_) => Some(waker),
            };
            (called, spent)
        };
        if called.is_pending() {
            drop(spent);
        } else if let Err(payload) = panics::run(|| drop(spent)) {
            // A turn that was taken must not be lost with a panic of the waker.
            panics::discard(payload);
        }
        called
    }

    /// Waiting task with a turn: the condition holds no more. Keeps the place, where it is woken by
    /// `waker`, and hands the turn on.
    pub(crate) fn lose(
        &self,
        number: u64,
        predicate: Predicate<E>,
        waker: Option<Waker>,
        known: Known,
        source: &impl Commit<Event = E>,
        panics: &mut Panics,
    ) {
        let mut state = self.0.lock();
        state.wait_again(number, predicate, waker);
        state.owed += 1;
        self.serve(state, known, source, panics);
    }

    /// Waiting task with a turn: has committed, leaves, and tells those in line of it.
    pub(crate) fn hand_on(
        &self,
        number: u64,
        known: Known,
        source: &impl Commit<Event = E>,
        panics: &mut Panics,
    ) {
        let mut state = self.0.lock();
        state.leave(number, source);
        state.owed += 1;
        self.serve(state, known, source, panics);
    }

    /// As [`hand_on`](Self::hand_on), but those in line are told by other means. True if a turn
    /// is due that no commit owes: then [`tell`](Self::tell) has to follow, which owes none.
    pub(crate) fn finish(&self, number: u64, source: &impl Commit<Event = E>) -> bool {
        let mut state = self.0.lock();
        state.leave(number, source);
        state.is_due()
    }

    /// Waiting task: leaves without a commit, drops what it held, and hands on a turn that it had.
    pub(crate) fn cancel(&self, number: u64, source: &impl Commit<Event = E>, panics: &mut Panics) {
        let place = self.0.lock().leave(number, source);
        let Some(place) = place else {
            return;
        };
        let had_turn = place.has_turn();
        place.dismantle(panics);
        if had_turn {
            self.tell(1, source, panics);
        }
    }

    /// Nobody will commit any more: drops what is in line.
    pub(crate) fn clear(&self, panics: &mut Panics) {
        let places = self.0.lock().clear();
        for place in places {
            place.dismantle(panics);
        }
    }

    /// Serves until nothing is due, unless somebody does that already.
    #[inline]
    fn serve(
        &self,
        mut state: MutexGuard<'_, State<E>>,
        known: Known,
        source: &impl Commit<Event = E>,
        panics: &mut Panics,
    ) {
        if state.is_to_be_served() && !state.is_denied(known, source) {
            state.is_served = true;
            Service::new(self, source, panics).work(state, known);
        }
    }
}

impl<E> Panicked<E> {
    /// Drops the predicate, and lets the panic go on.
    pub(crate) fn resume(self) -> ! {
        let Self { payload, predicate } = self;
        if let Err(other) = panics::run(|| drop(predicate)) {
            panics::discard(other);
        }
        resume_unwind(payload)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
