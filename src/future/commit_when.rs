//! Waiting in line, to commit when a condition holds.

use std::{
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    sync::{Arc, Exclusive},
    wait::{
        budget::Budget,
        line::{Called, Kind, Place},
        panics::{self, Panics, Payload},
        predicate::Predicate,
        roster::Observer,
        source::{Commit, Registered},
    },
};

/// The wait behind `swap_when` and `update_when`. Joins the line at the first poll.
///
/// It commits in the poll that returns `Ready`, and in no other: what the line gives it is a
/// turn to try, not a commit made for it.
pub(crate) struct CommitWhen<'a, S: Commit, F> {
    source: &'a S,
    kind: Option<Kind>,
    /// Until it is dropped.
    update: Option<Exclusive<F>>,
    stage: Stage<S::Event>,
    budget: Budget,
}

enum Stage<E> {
    Fresh(Exclusive<Predicate<E>>),
    InLine(Arc<Place<E>>),
    Done,
}

impl<'a, S: Commit, F: FnMut(&S::Event) -> S::Value> CommitWhen<'a, S, F> {
    pub(crate) fn new(
        source: &'a S,
        kind: Option<Kind>,
        predicate: Predicate<S::Event>,
        update: F,
    ) -> Self {
        Self {
            source,
            kind,
            update: Some(Exclusive::new(update)),
            stage: Stage::Fresh(Exclusive::new(predicate)),
            budget: Budget::cooperative(),
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<S::Event> {
        if let Some(state) = self.try_at_once() {
            return Poll::Ready(state);
        }
        self.join();
        let Stage::InLine(place) = &self.stage else {
            panic!("a wait was polled after it had ended");
        };
        let place = place.clone();
        let called = match place.try_turn() {
            Some(called) => called,
            None => ready!(place.poll(cx)),
        };
        match called {
            Called::Turn => self.take_turn(&place, cx),
            Called::Panicked(payload) => {
                self.leave();
                resume_unwind(payload)
            }
        }
    }

    /// First poll: commits if nobody is in line and the condition holds.
    fn try_at_once(&mut self) -> Option<S::Event> {
        let Stage::Fresh(predicate) = &mut self.stage else {
            return None;
        };
        if !self.source.line().is_empty() {
            return None;
        }
        let update = self.update.as_mut()?.get_mut();
        let committed = try_commit(self.source, predicate.get_mut(), update)?;
        let spent = std::mem::replace(&mut self.stage, Stage::Done);
        let mut panics = Panics::new();
        panics.catch(|| drop(spent));
        let state = S::made(&committed);
        panics.catch(|| self.source.conclude(committed));
        panics.resume();
        Some(state)
    }

    /// First poll: joins the line, and knocks if its condition holds already.
    fn join(&mut self) {
        let Stage::Fresh(_) = &self.stage else {
            return;
        };
        let line = self.source.line();
        let place = Arc::new(Place::new(line, self.kind));
        let in_line = Stage::InLine(place.clone());
        let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, in_line) else {
            return;
        };
        let mut predicate = predicate.into_inner();
        // Who could still commit keeps the source open.
        let observer = Observer::Place(place.clone());
        let Registered::Since(seen, _touched) = self.source.register(observer) else {
            return;
        };
        match panics::run(|| predicate.holds(&seen)) {
            Ok(holds) => {
                let undisturbed = place.settle_down(predicate);
                if holds || !undisturbed {
                    line.knock();
                    self.source.deliver();
                }
            }
            Err(payload) => self.fail(predicate, payload),
        }
    }

    /// A closure has panicked: leaves the line, and lets the panic go on.
    fn fail(&mut self, predicate: Predicate<S::Event>, payload: Payload) -> ! {
        let mut panics = Panics::new();
        panics.catch(|| drop(predicate));
        panics.catch(|| self.leave());
        resume_unwind(payload)
    }

    /// Commits if the condition holds still; else keeps the place and hands the turn on.
    fn take_turn(&mut self, place: &Arc<Place<S::Event>>, cx: &mut Context<'_>) -> Poll<S::Event> {
        let Some(mut predicate) = place.begin() else {
            panic!("a wait was polled after its closure had panicked");
        };
        let attempt = panics::run(|| {
            let update = self.update.as_mut()?.get_mut();
            try_commit(self.source, &mut predicate, update)
        });
        match attempt {
            Ok(Some(committed)) => Poll::Ready(self.committed(place, predicate, committed)),
            Ok(None) => {
                // Parked first: the turn may come back as soon as it is handed on.
                place.park(cx);
                place.lose(predicate);
                self.source.deliver();
                Poll::Pending
            }
            Err(payload) => self.fail(predicate, payload),
        }
    }

    fn committed(
        &mut self,
        place: &Place<S::Event>,
        predicate: Predicate<S::Event>,
        committed: S::Committed,
    ) -> S::Event {
        // Out of the line before the delivery looks for the next one in it.
        place.finish();
        let state = S::made(&committed);
        let mut panics = Panics::new();
        panics.catch(|| drop(predicate));
        panics.catch(|| self.leave());
        panics.catch(|| self.source.conclude(committed));
        panics.resume();
        state
    }
}

/// One attempt: evaluates the predicate on the current state, and commits if it holds.
fn try_commit<S: Commit>(
    source: &S,
    predicate: &mut Predicate<S::Event>,
    update: &mut impl FnMut(&S::Event) -> S::Value,
) -> Option<S::Committed> {
    source.try_commit(|state| predicate.holds(state).then(|| update(state)))
}

impl<S: Commit, F> CommitWhen<'_, S, F> {
    /// Leaves the line, if it is in it.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => {
                panics.catch(|| drop(predicate));
            }
            Stage::InLine(place) => {
                let had_turn = place.cancel(&mut panics);
                panics.catch(|| self.source.unregister(&Observer::Place(place)));
                if had_turn {
                    panics.catch(|| self.source.deliver());
                }
            }
            Stage::Done => {}
        }
        panics.resume();
    }
}

impl<S: Commit, F> Unpin for CommitWhen<'_, S, F> {}

impl<S: Commit, F: FnMut(&S::Event) -> S::Value> Future for CommitWhen<'_, S, F> {
    type Output = S::Event;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Event> {
        let this = &mut *self;
        let mut budget = std::mem::replace(&mut this.budget, Budget::cooperative());
        let answer = if budget.must_yield(cx) {
            // First polled, first served: the place is taken all the same.
            this.join();
            Poll::Pending
        } else {
            budget.charge(cx, |cx| this.step(cx))
        };
        this.budget = budget;
        answer
    }
}

impl<S: Commit, F> Drop for CommitWhen<'_, S, F> {
    fn drop(&mut self) {
        let mut panics = Panics::new();
        panics.catch(|| self.leave());
        panics.catch(|| drop(self.update.take()));
        panics.resume();
    }
}
