//! Waiting in line, to commit when a condition holds.

use std::{
    future::Future,
    mem::replace,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use super::polled_after_end;
use crate::{
    sync::Exclusive,
    wait::{
        budget::Budget,
        line::{Called, Kind, Known, Newcomer, Verdict},
        mailbox::Event,
        panics::{self, Panics, Payload, Quiet},
        predicate::Predicate,
        source::Commit,
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
    /// At the place of that number.
    InLine(u64),
    Done,
}

/// What a first look came to: a commit, or what the predicate said, if it was asked.
enum Looked<S: Commit> {
    Committed(S::Committed),
    Asked(Option<Verdict>),
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
        let called = match &self.stage {
            Stage::Fresh(_) => match self.look() {
                Looked::Committed(committed) => return Poll::Ready(self.committed(committed)),
                Looked::Asked(verdict) => ready!(self.join(verdict, cx)),
            },
            Stage::InLine(place) => ready!(self.source.line().poll(*place, cx, self.source)),
            Stage::Done => polled_after_end(),
        };
        match called {
            Some(Called::Turn(predicate)) => self.take_turn(predicate, cx),
            Some(Called::Panicked(panicked)) => {
                self.stage = Stage::Done;
                panicked.resume()
            }
            None => unreachable!("a place is left by its own task alone"),
        }
    }

    /// First poll: tries to commit if nobody is in line, else looks whether the condition holds.
    fn look(&mut self) -> Looked<S> {
        let mut verdict = None;
        if let (Stage::Fresh(predicate), Some(update)) = (&mut self.stage, &mut self.update) {
            let (predicate, update) = (predicate.get_mut(), update.get_mut());
            let mut asked = |state: &S::Event| asked(predicate, state, &mut verdict);
            if self.source.has_no_line() {
                let attempt = |state: &S::Event| asked(state).then(|| update(state));
                if let Some(committed) = self.source.try_commit(attempt) {
                    return Looked::Committed(committed);
                }
            } else {
                asked(Quiet::new(self.source.look()).get());
            }
        }
        Looked::Asked(verdict)
    }

    /// The commit was made at once, by somebody who never was in line.
    fn committed(&mut self, committed: S::Committed) -> S::Event {
        let mut panics = Panics::new();
        let spent = replace(&mut self.stage, Stage::Done);
        panics.catch(|| drop(spent));
        let state = S::made(&committed);
        panics.catch(|| self.source.conclude(committed));
        panics.resume();
        state
    }

    /// First poll: joins the line. It may have a turn at once.
    fn join(
        &mut self,
        verdict: Option<Verdict>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Called<S::Event>>> {
        // Before anything has happened.
        let waker = cx.waker().clone();
        let line = self.source.line();
        match self.enter(verdict, Some(waker)) {
            (place, Some(waker)) => line.park(place, waker, self.source),
            (_, None) => Poll::Pending,
        }
    }

    /// Fresh -> in line.
    fn enter(&mut self, verdict: Option<Verdict>, waker: Option<Waker>) -> (u64, Option<Waker>) {
        let Stage::Fresh(predicate) = replace(&mut self.stage, Stage::Done) else {
            unreachable!("the first poll is the first");
        };
        let newcomer = Newcomer {
            kind: self.kind,
            predicate: predicate.into_inner(),
            verdict,
            waker,
        };
        let mut panics = Panics::new();
        let (place, waker) = (self.source.line()).join(newcomer, self.source, &mut panics);
        self.stage = Stage::InLine(place);
        let waker = Quiet::new(waker);
        panics.resume();
        (place, waker.into_inner())
    }

    /// Commits if the condition holds still; else keeps the place and hands the turn on.
    fn take_turn(
        &mut self,
        mut predicate: Predicate<S::Event>,
        cx: &mut Context<'_>,
    ) -> Poll<S::Event> {
        let mut verdict = None;
        let attempt = panics::run(|| {
            let update = self.update.as_mut()?.get_mut();
            self.source.try_commit(|state| {
                asked(&mut predicate, state, &mut verdict).then(|| update(state))
            })
        });
        match attempt {
            Ok(Some(committed)) => Poll::Ready(self.committed_by_turn(predicate, committed)),
            Ok(None) => {
                self.lose_turn(predicate, verdict, cx);
                Poll::Pending
            }
            Err(payload) => self.fail(predicate, payload),
        }
    }

    fn lose_turn(
        &mut self,
        predicate: Predicate<S::Event>,
        verdict: Option<Verdict>,
        cx: &mut Context<'_>,
    ) {
        let Stage::InLine(place) = self.stage else {
            return;
        };
        let mut panics = Panics::new();
        // Without one it learns of the next turn when it is polled again.
        let waker = panics.catch(|| cx.waker().clone());
        let known = self.kind.zip(verdict);
        let line = self.source.line();
        line.lose(place, predicate, waker, known, self.source, &mut panics);
        panics.resume();
    }

    fn committed_by_turn(
        &mut self,
        mut predicate: Predicate<S::Event>,
        committed: S::Committed,
    ) -> S::Event {
        let state = S::made(&committed);
        let mut panics = Panics::new();
        if let Stage::InLine(place) = replace(&mut self.stage, Stage::Done) {
            let kind = self.kind;
            let ask = |state: &S::Event| known(kind?, &mut predicate, state);
            panics.catch(|| self.source.conclude_turn(place, committed, ask));
        }
        panics.catch(|| drop(predicate));
        panics.resume();
        state
    }

    /// A closure has panicked: leaves the line, and lets the panic go on.
    fn fail(&mut self, predicate: Predicate<S::Event>, payload: Payload) -> ! {
        let mut panics = Panics::new();
        panics.catch(|| drop(predicate));
        panics.catch(|| self.leave());
        panics.discard();
        resume_unwind(payload)
    }
}

/// Asks the predicate, and notes what it says.
fn asked<E: Event>(predicate: &mut Predicate<E>, state: &E, said: &mut Option<Verdict>) -> bool {
    let holds = predicate.holds(state);
    let identity = state.identity();
    *said = Some(Verdict { identity, holds });
    holds
}

/// What one of a kind says for all of them. A panic is for those whom it would be told to.
fn known<E: Event>(kind: Kind, predicate: &mut Predicate<E>, state: &E) -> Known {
    let mut said = None;
    if let Err(payload) = panics::run(|| asked(predicate, state, &mut said)) {
        panics::discard(payload);
    }
    said.map(|verdict| (kind, verdict))
}

impl<S: Commit, F> CommitWhen<'_, S, F> {
    /// Leaves the line, if it is in it.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        match replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => {
                panics.catch(|| drop(predicate));
            }
            Stage::InLine(place) => {
                let line = self.source.line();
                line.cancel(place, self.source, &mut panics);
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
        let mut budget = replace(&mut this.budget, Budget::cooperative());
        let answer = if budget.must_yield(cx) {
            // First polled, first served: the place is taken all the same.
            if let Stage::Fresh(_) = this.stage {
                this.enter(None, None);
            }
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
