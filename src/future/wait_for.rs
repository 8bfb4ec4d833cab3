//! Waiting for a predicate.

use std::{
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    atom::view::AtomView,
    error::Closed,
    snapshot::Snapshot,
    sync::{Arc, Exclusive, Mutex},
    wait::{
        budget::Budget,
        condition::{Condition, Outcome, Predicate},
        panics::Panics,
        roster::Observer,
    },
};

/// The wait behind `wait_for` and its kin. Registers at the first poll.
pub(crate) struct WaitFor<'a, T> {
    view: &'a AtomView<T>,
    stage: Stage<T>,
    budget: Budget,
}

enum Stage<T> {
    /// Not polled yet.
    Fresh(Exclusive<Predicate<Snapshot<T>>>),
    /// Registered, but there was more to judge than one poll should.
    Judging(Registered<T>, Exclusive<Predicate<Snapshot<T>>>),
    /// The predicate is with the condition, for deliverers to evaluate.
    Parked(Registered<T>),
    Done,
}

type Registered<T> = Arc<Condition<Snapshot<T>>>;

impl<'a, T> WaitFor<'a, T> {
    pub(crate) fn new(
        view: &'a AtomView<T>,
        predicate: Predicate<Snapshot<T>>,
        budget: Budget,
    ) -> Self {
        Self {
            view,
            stage: Stage::Fresh(Exclusive::new(predicate)),
            budget,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Snapshot<T>, Closed>> {
        let condition = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => match self.register(predicate.into_inner()) {
                Ok(condition) => condition,
                Err(answer) => return Poll::Ready(answer),
            },
            Stage::Judging(condition, predicate) => {
                // In place first, so that a panic finds it registered.
                self.stage = Stage::Parked(condition.clone());
                let more = condition.go_on(predicate.into_inner());
                self.judged(&condition, more);
                condition
            }
            Stage::Parked(condition) => {
                self.stage = Stage::Parked(condition.clone());
                condition
            }
            Stage::Done => panic!("a wait was polled after it had ended"),
        };
        if let Stage::Judging(..) = self.stage {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let outcome = ready!(condition.poll(cx));
        self.leave();
        match outcome {
            Outcome::Satisfied(snapshot) => Poll::Ready(Ok(snapshot)),
            Outcome::Closed => Poll::Ready(Err(Closed)),
            Outcome::Panicked(payload) => resume_unwind(payload),
        }
    }

    /// Registers, then judges the state it registered at. The answer at once if the
    /// atom has closed.
    fn register(
        &mut self,
        mut predicate: Predicate<Snapshot<T>>,
    ) -> Result<Registered<T>, Result<Snapshot<T>, Closed>> {
        let condition = Arc::new(Condition::carried());
        let observer = Observer::Condition(condition.clone());
        let (seen, flags) = self.view.register(observer);
        if flags.is_closed() {
            return Err(if predicate(&seen) {
                Ok(seen)
            } else {
                Err(Closed)
            });
        }
        self.stage = Stage::Parked(condition.clone());
        let more = condition.start(predicate, &seen);
        self.judged(&condition, more);
        Ok(condition)
    }

    /// After judging: keeps the predicate if there is more to judge; ends a registration
    /// that no deliverer is going to end, because the wait was satisfied here.
    fn judged(&mut self, condition: &Registered<T>, more: Option<Predicate<Snapshot<T>>>) {
        if let Some(predicate) = more {
            self.stage = Stage::Judging(condition.clone(), Exclusive::new(predicate));
        } else if condition.is_over() {
            self.view
                .unregister(&Observer::Condition(condition.clone()));
        }
    }

    /// Ends the registration, if there is one.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        let (condition, predicate) = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => return drop(predicate),
            Stage::Judging(condition, predicate) => (condition, Some(predicate)),
            Stage::Parked(condition) => (condition, None),
            Stage::Done => return,
        };
        panics.catch(|| drop(predicate));
        if condition.cancel(&mut panics) {
            panics.catch(|| self.view.unregister(&Observer::Condition(condition)));
        }
        panics.resume();
    }
}

impl<T> Future for WaitFor<'_, T> {
    type Output = Result<Snapshot<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut budget = std::mem::replace(&mut this.budget, Budget::cooperative());
        let answer = budget.poll(cx, |cx| this.step(cx));
        this.budget = budget;
        answer
    }
}

impl<T> Drop for WaitFor<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The wait behind `wait_map`: a predicate that leaves what it found for the task.
pub(crate) struct WaitMap<'a, T, U> {
    wait: WaitFor<'a, T>,
    found: Arc<Mutex<Option<U>>>,
}

impl<'a, T, U: Send + 'static> WaitMap<'a, T, U> {
    pub(crate) fn new(
        view: &'a AtomView<T>,
        mut f: impl FnMut(&T) -> Option<U> + Send + 'static,
    ) -> Self {
        let found = Arc::new(Mutex::new(None));
        let place = found.clone();
        let predicate: Predicate<Snapshot<T>> = Box::new(move |snapshot| {
            let result = f(snapshot);
            let holds = result.is_some();
            // It is evaluated until it holds once, so there is nothing in its place.
            *place.lock() = result;
            holds
        });
        Self {
            wait: WaitFor::new(view, predicate, Budget::cooperative()),
            found,
        }
    }
}

impl<T, U> Unpin for WaitMap<'_, T, U> {}

impl<T, U> Future for WaitMap<'_, T, U> {
    type Output = Result<U, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(Pin::new(&mut self.wait).poll(cx))?;
        let found = self.found.lock().take();
        match found {
            Some(result) => Poll::Ready(Ok(result)),
            None => unreachable!("a mapped wait is satisfied by what it found"),
        }
    }
}
