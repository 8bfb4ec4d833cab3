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
        panics::{self, Panics},
        roster::Observer,
    },
};

/// The wait behind `wait_for` and its kin. Registers at the first poll.
pub(crate) struct WaitFor<'a, T> {
    view: &'a AtomView<T>,
    /// Whether the answer is the accepted snapshot.
    keeps: bool,
    stage: Stage<T>,
    budget: Budget,
}

enum Stage<T> {
    /// Not polled yet, or the atom had closed.
    Fresh(Exclusive<Judge<T>>),
    /// Registered, but there was more to judge than one poll should.
    Judging(Registered<T>, Exclusive<Judge<T>>),
    /// The predicate is with the condition, for deliverers to evaluate.
    Parked(Registered<T>),
    Done,
}

type Judge<T> = Predicate<Snapshot<T>>;
type Registered<T> = Arc<Condition<Snapshot<T>>>;
/// The accepted snapshot, where it is kept.
type Answer<T> = Result<Option<Snapshot<T>>, Closed>;

impl<'a, T> WaitFor<'a, T> {
    pub(crate) fn new(view: &'a AtomView<T>, predicate: Judge<T>, budget: Budget) -> Self {
        Self {
            view,
            keeps: true,
            stage: Stage::Fresh(Exclusive::new(predicate)),
            budget,
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        let mut budget = std::mem::replace(&mut self.budget, Budget::cooperative());
        let answer = if budget.must_yield(cx) {
            // What is committed from now on must not be missed all the same.
            self.register();
            Poll::Pending
        } else {
            budget.charge(cx, |cx| self.step(cx))
        };
        self.budget = budget;
        answer
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        let first = matches!(self.stage, Stage::Fresh(_));
        self.register();
        self.judge();
        match &self.stage {
            Stage::Parked(condition) => {
                let outcome = ready!(if first && !condition.is_over() {
                    condition.first_poll(cx)
                } else {
                    condition.poll(cx)
                });
                // Whoever ended the wait has emptied it.
                self.stage = Stage::Done;
                match outcome {
                    Outcome::Satisfied(snapshot) => Poll::Ready(Ok(snapshot)),
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
    /// atom has closed.
    fn register(&mut self) {
        let Stage::Fresh(_) = &self.stage else {
            return;
        };
        let condition = Arc::new(Condition::carried(self.keeps));
        let observer = Observer::Condition(condition.clone());
        let (seen, flags, _touched) = self.view.register(observer);
        if flags.is_closed() {
            return;
        }
        let parked = Stage::Parked(condition.clone());
        if let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, parked) {
            let more = condition.start(predicate.into_inner(), &seen);
            self.judged(condition, more);
        }
    }

    /// Goes on judging, where an earlier poll had to stop.
    fn judge(&mut self) {
        let Stage::Judging(condition, _) = &self.stage else {
            return;
        };
        let condition = condition.clone();
        // In place first, so that a panic finds it registered.
        let parked = Stage::Parked(condition.clone());
        if let Stage::Judging(_, predicate) = std::mem::replace(&mut self.stage, parked) {
            let more = condition.go_on(predicate.into_inner());
            self.judged(condition, more);
        }
    }

    /// After judging: keeps the predicate if there is more to judge; ends a registration
    /// that no deliverer is going to end, because the wait was satisfied here.
    fn judged(&mut self, condition: Registered<T>, more: Option<Judge<T>>) {
        if let Some(predicate) = more {
            self.stage = Stage::Judging(condition, Exclusive::new(predicate));
        } else if condition.is_over() {
            self.view.unregister(&Observer::Condition(condition));
        }
    }

    /// The atom has closed: the last value decides.
    fn judge_the_last(&mut self) -> Answer<T> {
        let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Err(Closed);
        };
        let last = self.view.load();
        if (predicate.into_inner())(&last) {
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
            panics.catch(|| self.view.unregister(&Observer::Condition(condition)));
        }
        panics.resume();
    }
}

impl<T> Future for WaitFor<'_, T> {
    type Output = Result<Snapshot<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.poll_answer(cx))? {
            Some(snapshot) => Poll::Ready(Ok(snapshot)),
            None => unreachable!("this wait keeps what it accepted"),
        }
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
        let predicate: Judge<T> = Box::new(move |snapshot| {
            let result = f(snapshot);
            let holds = result.is_some();
            // It is evaluated until it holds once, so there is nothing in its place.
            *place.lock() = result;
            holds
        });
        let mut wait = WaitFor::new(view, predicate, Budget::cooperative());
        wait.keeps = false;
        Self { wait, found }
    }
}

impl<T, U> Unpin for WaitMap<'_, T, U> {}

impl<T, U> Drop for WaitMap<'_, T, U> {
    fn drop(&mut self) {
        // Outside of the lock; while the thread unwinds, its panic must not abort.
        let found = self.found.lock().take();
        panics::drop_quietly(found);
    }
}

impl<T, U> Future for WaitMap<'_, T, U> {
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
