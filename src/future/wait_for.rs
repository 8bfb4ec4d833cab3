//! Waiting for a predicate.

use std::{
    future::Future,
    ops::Deref,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    error::Closed,
    sync::{Arc, Exclusive, Mutex},
    wait::{
        budget::Budget,
        condition::{Condition, Fate, Judged, Outcome},
        panics::{self, Panics, Quiet},
        predicate::Predicate,
        roster::Observer,
        source::{Registered, Source},
    },
};

/// The wait behind `wait_for` and its kin. Registers at the first poll.
///
/// `P` is how it holds its source: by a reference, or by a handle of its own.
pub(crate) struct WaitFor<P: Deref<Target: Source>> {
    source: P,
    /// Whether the answer is the accepted state.
    keeps: bool,
    stage: Stage<EventOf<P>>,
    budget: Budget,
}

/// What a source that is held by a `P` tells.
pub(crate) type EventOf<P> = <<P as Deref>::Target as Source>::Event;

enum Stage<E> {
    /// Not polled yet, or the source had closed.
    Fresh(Exclusive<Predicate<E>>),
    /// Registered, but there was more to judge than one poll should.
    Judging(Parked<E>, Exclusive<Predicate<E>>),
    /// The predicate is with the condition, for deliverers to evaluate.
    Parked(Parked<E>),
    Done,
}

type Parked<E> = Arc<Condition<E>>;
/// The accepted state, where it is kept.
type Answer<E> = Result<Option<E>, Closed>;

impl<P: Deref<Target: Source>> WaitFor<P> {
    pub(crate) fn new(source: P, predicate: Predicate<EventOf<P>>, budget: Budget) -> Self {
        Self {
            source,
            keeps: true,
            stage: Stage::Fresh(Exclusive::new(predicate)),
            budget,
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<EventOf<P>>> {
        let mut budget = std::mem::replace(&mut self.budget, Budget::cooperative());
        let answer = if budget.must_yield(cx) {
            // What is committed from now on must not be missed all the same.
            self.register(cx);
            Poll::Pending
        } else {
            budget.charge(cx, |cx| self.step(cx))
        };
        self.budget = budget;
        answer
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Answer<EventOf<P>>> {
        match &self.stage {
            Stage::Parked(condition) if condition.is_over() => {}
            Stage::Parked(_) => self.repark(cx),
            Stage::Judging(..) => self.judge(cx),
            Stage::Fresh(_) | Stage::Done => self.register(cx),
        }
        match &self.stage {
            Stage::Parked(condition) => {
                let outcome = ready!(condition.poll());
                // Whoever ended the wait has emptied it, but for a waker of this task that came too
                // late. The answer, once taken, must not be lost with a panic of that.
                let spent = std::mem::replace(&mut self.stage, Stage::Done);
                if let Err(payload) = panics::run(|| drop(spent)) {
                    panics::discard(payload);
                }
                match outcome {
                    Outcome::Satisfied(state) => Poll::Ready(Ok(state)),
                    Outcome::Closed => Poll::Ready(Err(Closed)),
                    Outcome::Panicked(payload) => resume_unwind(payload),
                }
            }
            Stage::Judging(..) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Fresh(_) => Poll::Ready(self.judge_the_last()),
            Stage::Done => panic!("a wait was polled after it had ended"),
        }
    }

    /// First poll: registers, then judges the state it registered at. Stays fresh if the
    /// source has closed.
    fn register(&mut self, cx: &Context<'_>) {
        let Stage::Fresh(_) = &self.stage else {
            return;
        };
        let condition = Arc::new(Condition::carried(self.keeps));
        let observer = Observer::Condition(condition.clone());
        let Registered::Since(seen, _touched) = self.source.register(observer) else {
            return;
        };
        let seen = Quiet::new(seen);
        let parked = Stage::Parked(condition.clone());
        if let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, parked) {
            let mut panics = Panics::new();
            let judged = condition.start(predicate.into_inner(), seen.get(), cx, &mut panics);
            self.judged(condition, judged, panics);
        }
    }

    /// Goes on judging, where an earlier poll had to stop.
    fn judge(&mut self, cx: &Context<'_>) {
        let Stage::Judging(condition, _) = &self.stage else {
            return;
        };
        let condition = condition.clone();
        // In place first, so that a panic finds it registered.
        let parked = Stage::Parked(condition.clone());
        if let Stage::Judging(_, predicate) = std::mem::replace(&mut self.stage, parked) {
            let mut panics = Panics::new();
            let judged = condition.go_on(predicate.into_inner(), cx, &mut panics);
            self.judged(condition, judged, panics);
        }
    }

    /// Polled while parked: from now on another waker may be the right one.
    #[cold]
    fn repark(&mut self, cx: &Context<'_>) {
        if let Stage::Parked(condition) = &self.stage {
            let condition = condition.clone();
            let mut panics = Panics::new();
            let judged = condition.repark(cx, &mut panics);
            self.judged(condition, judged, panics);
        }
    }

    /// After judging: keeps the predicate if there is more to judge; ends a registration
    /// that no deliverer is going to end, because the wait was satisfied here.
    fn judged(
        &mut self,
        condition: Parked<EventOf<P>>,
        judged: Judged<EventOf<P>>,
        mut panics: Panics,
    ) {
        match judged {
            Ok(Fate::Stays) => {}
            Ok(Fate::Leaves) => {
                panics.catch(|| self.source.unregister(&Observer::Condition(condition)));
            }
            Err(predicate) => {
                self.stage = Stage::Judging(condition, Exclusive::new(predicate));
            }
        }
        panics.resume();
    }

    /// The source has closed: the last state decides.
    fn judge_the_last(&mut self) -> Answer<EventOf<P>> {
        let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Err(Closed);
        };
        let last = self.source.look();
        if predicate.into_inner().holds(&last) {
            Ok(self.keeps.then_some(last))
        } else {
            Err(Closed)
        }
    }

    /// Ends the registration, if there is one.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        let (condition, predicate) = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => {
                panics.catch(|| drop(predicate));
                return panics.resume();
            }
            Stage::Judging(condition, predicate) => (condition, Some(predicate)),
            Stage::Parked(condition) => (condition, None),
            Stage::Done => return,
        };
        panics.catch(|| drop(predicate));
        if condition.cancel(&mut panics) {
            panics.catch(|| self.source.unregister(&Observer::Condition(condition)));
        }
        panics.resume();
    }
}

impl<P: Deref<Target: Source>> Future for WaitFor<P> {
    type Output = Result<EventOf<P>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.poll_answer(cx))? {
            Some(state) => Poll::Ready(Ok(state)),
            None => unreachable!("this wait keeps what it accepted"),
        }
    }
}

// Nothing in it is pinned.
impl<P: Deref<Target: Source>> Unpin for WaitFor<P> {}

impl<P: Deref<Target: Source>> Drop for WaitFor<P> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The wait behind `wait_map`: a predicate that leaves what it found for the task.
pub(crate) struct WaitMap<P: Deref<Target: Source>, U> {
    wait: WaitFor<P>,
    found: Arc<Mutex<Option<U>>>,
}

impl<P: Deref<Target: Source>, U: Send + 'static> WaitMap<P, U> {
    pub(crate) fn new(
        source: P,
        mut f: impl FnMut(&EventOf<P>) -> Option<U> + Send + 'static,
    ) -> Self {
        let found = Arc::new(Mutex::new(None));
        let place = found.clone();
        let predicate = Predicate::new(move |state: &EventOf<P>| {
            let result = f(state);
            let holds = result.is_some();
            // It is evaluated until it holds once, so there is nothing in its place.
            *place.lock() = result;
            holds
        });
        let mut wait = WaitFor::new(source, predicate, Budget::cooperative());
        wait.keeps = false;
        Self { wait, found }
    }
}

impl<P: Deref<Target: Source>, U> Unpin for WaitMap<P, U> {}

impl<P: Deref<Target: Source>, U> Drop for WaitMap<P, U> {
    fn drop(&mut self) {
        // Outside of the lock; while the thread unwinds, its panic must not abort.
        let found = self.found.lock().take();
        panics::drop_quietly(found);
    }
}

impl<P: Deref<Target: Source>, U> Future for WaitMap<P, U> {
    type Output = Result<U, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.wait.poll_answer(cx))?;
        let found = self.found.lock().take();
        match found {
            Some(result) => Poll::Ready(Ok(result)),
            None => unreachable!("a mapped wait is satisfied by what it found"),
        }
    }
}
