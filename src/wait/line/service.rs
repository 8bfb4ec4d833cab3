//! Serving a [line](super): asking those who wait, and giving them turns.

use std::{mem::needs_drop, task::Waker};

use super::{
    Known, Line, Verdict,
    state::{Answer, Next, Orphan, State},
};
use crate::{
    sync::{MutexGuard, threads::busy_with, yield_now},
    wait::{
        mailbox::Event,
        panics::{self, Panics},
        shift::turn,
        source::Commit,
    },
};

/// One thread's spell of serving.
pub(super) struct Service<'a, E, S> {
    line: &'a Line<E>,
    source: &'a S,
    panics: &'a mut Panics,
    /// Whom to wake when the lock is open next.
    called: Option<Waker>,
}

type Guard<'a, E> = MutexGuard<'a, State<E>>;

impl<'a, E: Event, S: Commit<Event = E>> Service<'a, E, S> {
    pub(super) fn new(line: &'a Line<E>, source: &'a S, panics: &'a mut Panics) -> Self {
        Self {
            line,
            source,
            panics,
            called: None,
        }
    }

    /// Walks until nothing is due, or somebody else serves.
    #[inline]
    pub(super) fn work(mut self, mut state: Guard<'a, E>, mut known: Known) {
        let mut walks = 0;
        loop {
            while state.is_due() {
                if walks == turn() {
                    // Whoever goes on offers it again after the next walk.
                    walks -= 1;
                    match self.offer(state) {
                        Some(again) => state = again,
                        None => return,
                    }
                }
                walks += 1;
                state = self.walk(state, known.take());
            }
            if self.called.is_none() {
                break;
            }
            state = self.wake_last(state);
        }
        state.is_served = false;
    }

    /// Wakes the last one called, while this thread serves: what a waker commits on the spot is due
    /// then, and served here. Else each would be served in a frame on top of the one before.
    #[inline]
    fn wake_last(&mut self, state: Guard<'a, E>) -> Guard<'a, E> {
        drop(state);
        self.wake();
        self.line.0.lock()
    }

    /// Lets anybody serve who comes by; goes on if nobody has.
    #[cold]
    fn offer(&mut self, state: Guard<'a, E>) -> Option<Guard<'a, E>> {
        let mut state = self.wake_last(state);
        state.is_served = false;
        let (mut state, ()) = self.outside(state, |_| yield_now());
        if state.is_served || !state.is_due() {
            return None;
        }
        state.is_served = true;
        Some(state)
    }

    /// From the front: gives as many turns as are due.
    #[inline]
    fn walk(&mut self, mut state: Guard<'a, E>, known: Known) -> Guard<'a, E> {
        let mut due = state.take_due();
        let event;
        (state, event) = self.look(state);
        let is_of_it = |(_, verdict): &(_, Verdict)| verdict.identity == event.identity();
        let mut known = (known.filter(is_of_it)).map(|(kind, verdict)| (kind, verdict.holds));
        let mut from = 0;
        while due > 0 {
            let (number, mut predicate) = match state.next(from, known) {
                Next::Ask(number, predicate) => (number, predicate),
                Next::Given(number, waker) => {
                    from = number + 1;
                    due -= 1;
                    state = self.call(state, waker);
                    continue;
                }
                Next::Nobody => break,
            };
            from = number + 1;
            let said;
            (state, said) = self.outside(state, |_| panics::run(|| predicate.holds(&event)));
            match state.answer(number, predicate, said) {
                Ok(Answer::Denied(kind)) => known = kind.map(|kind| (kind, false)).or(known),
                Ok(Answer::Given(kind, waker)) => {
                    known = kind.map(|kind| (kind, true)).or(known);
                    due -= 1;
                    self.called = waker;
                }
                Ok(Answer::Panicked(waker)) => self.called = waker,
                Err(orphan) => state = self.dispose(state, orphan),
            }
        }
        if needs_drop::<E>() {
            (state, _) = self.outside(state, |panics| panics.catch(|| drop(event)));
        }
        state
    }

    /// One more to be woken when the lock is open next; it is opened for one who is already.
    #[inline]
    fn call(&mut self, state: Guard<'a, E>, waker: Option<Waker>) -> Guard<'a, E> {
        let state = match self.called {
            Some(_) => self.wake_last(state),
            None => state,
        };
        self.called = waker;
        state
    }

    /// The current state, which must not be dropped under the lock if that runs code of the user's;
    /// looking at it may do that as well then.
    #[inline]
    fn look(&mut self, state: Guard<'a, E>) -> (Guard<'a, E>, E) {
        let source = self.source;
        if !needs_drop::<E>() {
            return (state, source.look());
        }
        self.outside(state, |panics| {
            loop {
                if let Some(event) = panics.catch(|| source.look()) {
                    return event;
                }
            }
        })
    }

    /// Its place was left while it was asked.
    #[cold]
    fn dispose(&mut self, state: Guard<'a, E>, orphan: Orphan<E>) -> Guard<'a, E> {
        let (predicate, verdict) = orphan;
        let (state, ()) = self.outside(state, |panics| {
            panics.catch(|| drop(predicate));
            panics.catch(|| drop(verdict));
        });
        state
    }

    /// Opens the lock for `f`, which runs code of the user's.
    #[inline]
    fn outside<R>(
        &mut self,
        state: Guard<'a, E>,
        f: impl FnOnce(&mut Panics) -> R,
    ) -> (Guard<'a, E>, R) {
        drop(state);
        self.wake();
        let result = busy_with(self.line, || f(self.panics));
        (self.line.0.lock(), result)
    }

    #[inline]
    fn wake(&mut self) {
        if let Some(waker) = self.called.take() {
            // While it is woken those behind it may be held up.
            busy_with(self.line, || self.panics.catch(|| waker.wake()));
        }
    }
}
