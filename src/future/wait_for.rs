//! Waiting for a predicate.

use std::{
    future::Future,
    ops::Deref,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::polled_after_end;
use crate::{
    error::Closed,
    sync::{Arc, Exclusive, Mutex},
    wait::{
        budget::Budget,
        condition::{Condition, Judged, Outcome},
        panics::{self, Panics, Quiet},
        predicate::Predicate,
        roster::{Name, Observer},
        source::{Registered, Source},
    },
};

/// The wait behind `wait_for` and its kin. Registers at the first poll.
///
/// `P` is how it holds its source: by a reference, or by a handle of its own.
pub(crate) struct WaitFor<P: Deref<Target: Source>> {
    wait: Wait<P>,
    budget: Budget,
}

/// The same, but for the budget.
struct Wait<P: Deref<Target: Source>> {
    source: P,
    /// Whether the answer is the accepted state.
    keeps: bool,
    stage: Stage<EventOf<P>>,
}

/// What a source that is held by a `P` tells.
pub(crate) type EventOf<P> = <<P as Deref>::Target as Source>::Event;

enum Stage<E> {
    /// Not polled yet, or the source had closed.
    Fresh(Exclusive<Predicate<E>>),
    /// Registered: the predicate is with the condition, for deliverers to evaluate.
    Parked(Arc<Condition<E>>),
    Done,
}

/// The accepted state, where it is kept.
type Answer<E> = Result<Option<E>, Closed>;

impl<P: Deref<Target: Source>> WaitFor<P> {
    pub(crate) fn new(source: P, predicate: Predicate<EventOf<P>>, budget: Budget) -> Self {
        let stage = Stage::Fresh(Exclusive::new(predicate));
        let wait = Wait {
            source,
            keeps: true,
            stage,
        };
        Self { wait, budget }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<EventOf<P>>> {
        let Self { wait, budget } = self;
        if budget.must_yield(cx) {
            // What is committed from now on must not be missed all the same.
            wait.register(cx);
            return Poll::Pending;
        }
        budget.charge(cx, |cx| wait.step(cx))
    }
}

impl<P: Deref<Target: Source>> Wait<P> {
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Answer<EventOf<P>>> {
        match &self.stage {
            Stage::Parked(condition) if condition.is_over() => {}
            Stage::Parked(_) => self.repark(cx),
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
            Stage::Fresh(_) => Poll::Ready(self.judge_the_last()),
            Stage::Done => polled_after_end(),
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
        let fresh = std::mem::replace(&mut self.stage, Stage::Parked(condition));
        if let (Stage::Fresh(predicate), Stage::Parked(condition)) = (fresh, &self.stage) {
            let mut panics = Panics::new();
            let predicate = predicate.into_inner();
            #[allow(unsafe_code)]
            // SAFETY: it was made here, and the stage is not fresh any more, so that this is not
            // reached again.
            let judged = unsafe { condition.start(predicate, seen.get(), cx, &mut panics) };
            self.judged(condition, judged, cx, panics);
        }
    }

    /// Polled while parked: there may be more to judge, and from now on another waker may be the
    /// right one.
    #[cold]
    fn repark(&self, cx: &Context<'_>) {
        if let Stage::Parked(condition) = &self.stage {
            let mut panics = Panics::new();
            let judged = condition.repark(cx, &mut panics);
            self.judged(condition, judged, cx, panics);
        }
    }

    /// After judging: ends a registration that no deliverer is going to end, because the wait was
    /// satisfied here; or asks for another poll.
    #[inline]
    fn judged(
        &self,
        condition: &Arc<Condition<EventOf<P>>>,
        judged: Judged,
        cx: &Context<'_>,
        mut panics: Panics,
    ) {
        match judged {
            Judged::Parked => {}
            Judged::Over => {
                let observer = Observer::Condition(condition.clone());
                panics.catch(|| self.source.unregister(&observer));
            }
            Judged::Behind => {
                panics.catch(|| cx.waker().wake_by_ref());
            }
        }
        panics.resume();
    }

    /// The source has closed: the last state decides.
    fn judge_the_last(&mut self) -> Answer<EventOf<P>> {
        let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Err(Closed);
        };
        let last = Quiet::new(self.source.look());
        let mut predicate = Quiet::new(predicate.into_inner());
        let holds = predicate.get_mut().holds(last.get());
        // As where a deliverer ends the wait: an answer must not be lost with what the predicate held.
        if let Err(payload) = panics::run(|| drop(predicate)) {
            panics::discard(payload);
        }
        if holds {
            let last = last.into_inner();
            Ok(self.keeps.then_some(last))
        } else {
            Err(Closed)
        }
    }

    /// Ends the registration, if there is one.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => {
                panics.catch(|| drop(predicate));
            }
            Stage::Parked(condition) => self.withdraw(&condition, &mut panics),
            Stage::Done => {}
        }
        panics.resume();
    }

    fn withdraw(&self, condition: &Arc<Condition<EventOf<P>>>, panics: &mut Panics) {
        if self.source.is_foreign() {
            // What is in the slot goes with the condition.
            condition.cancel_lock_free(panics);
        } else if condition.is_over() {
            // Who ended it has ended the registration.
            condition.cancel(panics);
        } else if self.source.withdraw(Name::of(condition)) {
            condition.cancel_lock_free(panics);
        } else {
            condition.cancel(panics);
            panics.catch(|| self.source.tidy());
        }
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

impl<P: Deref<Target: Source>> Drop for Wait<P> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The wait behind `wait_map`: a predicate that leaves what it found for the task.
pub(crate) struct WaitMap<P: Deref<Target: Source>, U> {
    wait: WaitFor<P>,
    /// Dropped after the wait: until that has ended something may be found. No lock is taken for it.
    found: Quiet<Arc<Mutex<Option<U>>>>,
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
        wait.wait.keeps = false;
        let found = Quiet::new(found);
        Self { wait, found }
    }
}

impl<P: Deref<Target: Source>, U> Unpin for WaitMap<P, U> {}

impl<P: Deref<Target: Source>, U> Future for WaitMap<P, U> {
    type Output = Result<U, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.wait.poll_answer(cx))?;
        let found = self.found.get().lock().take();
        match found {
            Some(result) => Poll::Ready(Ok(result)),
            None => unreachable!("a mapped wait is satisfied by what it found"),
        }
    }
}

#[cfg(all(test, feature = "shm", not(loom)))]
impl<P: Deref<Target: Source>, U> WaitMap<P, U> {
    /// Runs `f` while all locks of the wait are held, as by whoever judges a value.
    pub(crate) fn while_locked(self, f: impl FnOnce(Self) -> Self) -> Self {
        let found = self.found.get().clone();
        let _found = found.lock();
        match &self.wait.wait.stage {
            Stage::Parked(condition) => {
                let condition = condition.clone();
                condition.while_locked(|| f(self))
            }
            Stage::Fresh(_) | Stage::Done => f(self),
        }
    }
}
