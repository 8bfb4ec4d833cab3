//! Waiting in line, to commit when a condition holds.

use std::{
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    atom::{cell::Published, view::AtomView},
    snapshot::Snapshot,
    sync::{Arc, Exclusive},
    wait::{
        budget::Budget,
        condition::Predicate,
        line::{Called, Place},
        panics::{self, Panics, Payload},
        roster::Observer,
    },
};

/// The wait behind `swap_when`. Joins the line at the first poll.
///
/// It commits in the poll that returns `Ready`, and in no other: what the line gives it is a
/// turn to try, not a commit made for it.
pub(crate) struct SwapWhen<'a, T, F> {
    view: &'a AtomView<T>,
    /// Until it is dropped.
    update: Option<Exclusive<F>>,
    stage: Stage<T>,
    budget: Budget,
}

enum Stage<T> {
    Fresh(Exclusive<Predicate<Snapshot<T>>>),
    InLine(Arc<Place<Snapshot<T>>>),
    Done,
}

impl<'a, T, F: FnMut(&T) -> T> SwapWhen<'a, T, F> {
    pub(crate) fn new(view: &'a AtomView<T>, predicate: Predicate<Snapshot<T>>, update: F) -> Self {
        Self {
            view,
            update: Some(Exclusive::new(update)),
            stage: Stage::Fresh(Exclusive::new(predicate)),
            budget: Budget::cooperative(),
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Snapshot<T>> {
        if let Some(snapshot) = self.try_at_once() {
            return Poll::Ready(snapshot);
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
    fn try_at_once(&mut self) -> Option<Snapshot<T>> {
        let Stage::Fresh(predicate) = &mut self.stage else {
            return None;
        };
        if !self.view.hub().line.is_empty() {
            return None;
        }
        let update = self.update.as_mut()?.get_mut();
        let published = try_commit(self.view, predicate.get_mut(), update)?;
        let spent = std::mem::replace(&mut self.stage, Stage::Done);
        let mut panics = Panics::new();
        panics.catch(|| drop(spent));
        let snapshot = Snapshot(published.new.clone());
        panics.catch(|| self.view.conclude(published));
        panics.resume();
        Some(snapshot)
    }

    /// First poll: joins the line, and knocks if its condition holds already.
    fn join(&mut self) {
        let Stage::Fresh(_) = &self.stage else {
            return;
        };
        let line = &self.view.hub().line;
        let place = Arc::new(Place::new(line));
        let in_line = Stage::InLine(place.clone());
        let Stage::Fresh(predicate) = std::mem::replace(&mut self.stage, in_line) else {
            return;
        };
        let mut predicate = predicate.into_inner();
        let (seen, _, _touched) = self.view.register(Observer::Place(place.clone()));
        match panics::run(|| predicate(&seen)) {
            Ok(holds) => {
                let undisturbed = place.settle_down(predicate);
                if holds || !undisturbed {
                    line.knock();
                    self.view.deliver();
                }
            }
            Err(payload) => self.fail(predicate, payload),
        }
    }

    /// A closure has panicked: leaves the line, and lets the panic go on.
    fn fail(&mut self, predicate: Predicate<Snapshot<T>>, payload: Payload) -> ! {
        let mut panics = Panics::new();
        panics.catch(|| drop(predicate));
        panics.catch(|| self.leave());
        resume_unwind(payload)
    }

    /// Commits if the condition holds still; else keeps the place and hands the turn on.
    fn take_turn(
        &mut self,
        place: &Arc<Place<Snapshot<T>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Snapshot<T>> {
        let Some(mut predicate) = place.begin() else {
            panic!("a wait was polled after its closure had panicked");
        };
        let attempt = panics::run(|| {
            let update = self.update.as_mut()?.get_mut();
            try_commit(self.view, &mut predicate, update)
        });
        match attempt {
            Ok(Some(published)) => Poll::Ready(self.committed(place, predicate, published)),
            Ok(None) => {
                // Parked first: the turn may come back as soon as it is handed on.
                place.park(cx);
                place.lose(predicate);
                self.view.deliver();
                Poll::Pending
            }
            Err(payload) => self.fail(predicate, payload),
        }
    }

    fn committed(
        &mut self,
        place: &Place<Snapshot<T>>,
        predicate: Predicate<Snapshot<T>>,
        published: Published<T>,
    ) -> Snapshot<T> {
        // Out of the line before the delivery looks for the next one in it.
        place.finish();
        let snapshot = Snapshot(published.new.clone());
        let mut panics = Panics::new();
        panics.catch(|| drop(predicate));
        panics.catch(|| self.leave());
        panics.catch(|| self.view.conclude(published));
        panics.resume();
        snapshot
    }
}

/// One attempt: evaluates the predicate on the current value, and commits if it holds.
fn try_commit<T>(
    view: &AtomView<T>,
    predicate: &mut Predicate<Snapshot<T>>,
    update: &mut impl FnMut(&T) -> T,
) -> Option<Published<T>> {
    view.commit(|snapshot| {
        if predicate(snapshot) {
            Ok(update(snapshot))
        } else {
            Err(())
        }
    })
    .ok()
}

impl<T, F> SwapWhen<'_, T, F> {
    /// Leaves the line, if it is in it.
    fn leave(&mut self) {
        let mut panics = Panics::new();
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Fresh(predicate) => {
                panics.catch(|| drop(predicate));
            }
            Stage::InLine(place) => {
                let had_turn = place.cancel(&mut panics);
                panics.catch(|| self.view.unregister(&Observer::Place(place)));
                if had_turn {
                    panics.catch(|| self.view.deliver());
                }
            }
            Stage::Done => {}
        }
        panics.resume();
    }
}

impl<T, F> Unpin for SwapWhen<'_, T, F> {}

impl<T, F: FnMut(&T) -> T> Future for SwapWhen<'_, T, F> {
    type Output = Snapshot<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Snapshot<T>> {
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

impl<T, F> Drop for SwapWhen<'_, T, F> {
    fn drop(&mut self) {
        let mut panics = Panics::new();
        panics.catch(|| self.leave());
        panics.catch(|| drop(self.update.take()));
        panics.resume();
    }
}
