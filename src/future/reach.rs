//! Waiting for a cell to reach a value, or to leave one.

use std::{
    future::Future,
    mem::replace,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::polled_after_end;
use crate::{
    atomic::{
        Atomic,
        primitive::{Access, Primitive, level},
    },
    wait::{
        budget::Budget,
        panics::Panics,
        threshold::{Goal, Parked},
    },
};

/// A goal of one task, on its way: what a wait and a stream of a cell have in common.
pub(crate) enum Reaching {
    /// Not asked for yet.
    Idle,
    Parked(Parked),
    /// The bits of the value that met it, for which there was no budget.
    Met(u64),
}

impl Reaching {
    /// Registers if it has not yet; what is written from now on is not missed.
    fn start<T: Primitive>(&mut self, cell: &Atomic<T>, goal: Goal) {
        if let Self::Idle = self {
            *self = match cell.park(goal) {
                Ok(parked) => Self::Parked(parked),
                Err(bits) => Self::Met(bits),
            };
        }
    }

    /// The value that met `goal`, after which it is idle again.
    pub(crate) fn poll<T: Primitive>(
        &mut self,
        cell: &Atomic<T>,
        goal: Goal,
        cx: &mut Context<'_>,
    ) -> Poll<T> {
        let is_first = matches!(self, Self::Idle);
        if is_first {
            let now = level(cell.get());
            if goal.is_met_by(now) {
                return Poll::Ready(T::Verbs::from_bits(now.bits));
            }
            // Before the waker is cloned: what that writes must not be missed.
            self.start(cell, goal);
        }
        let bits = match self {
            Self::Parked(parked) if is_first => ready!(cell.thresholds().first_poll(parked, cx)),
            Self::Parked(parked) => ready!(cell.thresholds().poll(parked, cx)),
            Self::Met(bits) => *bits,
            Self::Idle => unreachable!("it has been started"),
        };
        *self = Self::Idle;
        Poll::Ready(T::Verbs::from_bits(bits))
    }

    /// Ends it, wherever it stands.
    pub(crate) fn end<T: Primitive>(&mut self, cell: &Atomic<T>) {
        if let Self::Parked(parked) = replace(self, Self::Idle) {
            let mut panics = Panics::new();
            cell.thresholds().leave(parked, &mut panics);
            panics.resume();
        }
    }
}

/// The wait behind `wait_at_least` and its kin. Parks at the first poll.
pub(crate) struct Reach<'a, T: Primitive> {
    cell: &'a Atomic<T>,
    goal: Goal,
    reaching: Reaching,
    has_ended: bool,
    budget: Budget,
}

impl<'a, T: Primitive> Reach<'a, T> {
    pub(crate) fn new(cell: &'a Atomic<T>, goal: Goal) -> Self {
        Self {
            cell,
            goal,
            reaching: Reaching::Idle,
            has_ended: false,
            budget: Budget::cooperative(),
        }
    }
}

impl<T: Primitive> Future for Reach<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if this.has_ended {
            polled_after_end();
        }
        if this.budget.must_yield(cx) {
            // What is written from now on must not be missed all the same.
            this.reaching.start(this.cell, this.goal);
            return Poll::Pending;
        }
        let (reaching, cell, goal) = (&mut this.reaching, this.cell, this.goal);
        let answer = this.budget.charge(cx, |cx| reaching.poll(cell, goal, cx));
        this.has_ended = answer.is_ready();
        answer
    }
}

impl<T: Primitive> Drop for Reach<'_, T> {
    fn drop(&mut self) {
        self.reaching.end(self.cell);
    }
}
