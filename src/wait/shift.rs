//! The desk, and who works at it: one thread at a time, for a shift, then whoever comes by.
//!
//! The *desk* `D` holds what a deliverer has before him; it is a [`Baton`]. Whoever has left
//! something to deliver calls; one who gets the desk by that is on shift, and works in
//! rounds until nobody has called since he looked. So what is left before a call is delivered,
//! by the caller or by somebody else, and nobody ever waits for a delivery.
//!
//! **Handing over.** Who has told [`turn()`] events lays the desk down for anybody, gives way if
//! somebody has called since he last looked, and calls it like the others: he goes on only if
//! nobody took it, and offers it again after every further event. What he had not told yet stays on
//! the desk. A writer takes it if it comes by in that moment.
//!
//! *Certain* is that every event past the turn gives the others one such moment, and that a
//! deliverer whom nobody overtakes returns when it has told what there is. *Not certain* is that
//! anybody comes: the moment is far shorter than a slow watch, so where others write faster than
//! the watches run, how often a deliverer goes on is a matter of chance without an upper bound.
//! It cannot be otherwise while no writer waits: a backlog must be told even if no write follows,
//! and he who could take it over is outside of the crate, or comes by while a watch is running
//! and would have to wait for its end.
//!
//! **Giving way.** Writers that never rest leave more than one thread can tell, above all while the
//! system does not let that thread run. So a writer that leaves something behind a [long](Backlog)
//! backlog yields its processor, once. It waits for nothing: where nobody else wants to run it goes on
//! at once. Mostly that keeps a backlog about that long. It is no bound: on a busy machine the processor
//! may go to somebody else.

use super::{
    baton::{Baton, Refused},
    panics::Panics,
};
use crate::sync::{AtomicUsize, Ordering, threads::thread_token, yield_now};

/// Events told before the desk is offered to others.
#[cfg(not(loom))]
pub(crate) const fn turn() -> usize {
    64
}

/// Models run with 1 and with 2: with 1 the desk is offered after every event, which hides
/// what happens when it is not.
#[cfg(loom)]
pub(crate) fn turn() -> usize {
    static TURN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let given = || std::env::var("ATOMOS_TURN").ok()?.parse().ok();
    *TURN.get_or_init(|| given().unwrap_or(1))
}

/// The desk and the name of who works at it.
pub(crate) struct Shifts<D> {
    /// Boxed, for it is passed from hand to hand.
    desk: Baton<Box<D>>,
    /// The token of the thread on shift, 0 while there is none.
    deliverer: AtomicUsize,
}

/// What stands before an event that was left for a deliverer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Backlog {
    Short,
    /// So much that whoever left it should give way.
    Long,
}

impl Backlog {
    /// So many events are a short one.
    const SHORT: usize = 1_024;

    #[inline]
    pub(crate) fn of(events: usize) -> Self {
        if events > Self::SHORT {
            Self::Long
        } else {
            Self::Short
        }
    }
}

/// One thread's spell at the desk.
pub(crate) struct Shift {
    /// What user code threw, to be resumed when all is delivered.
    pub(crate) panics: Panics,
    told: usize,
}

impl Shift {
    /// One more event has been told. True if the rest should be left on the desk.
    #[inline]
    pub(crate) fn has_told(&mut self) -> bool {
        self.told += 1;
        self.is_over()
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.told >= turn()
    }
}

impl<D> Shifts<D> {
    pub(crate) fn new(desk: D) -> Self {
        Self {
            desk: Baton::resting(Box::new(desk)),
            deliverer: AtomicUsize::new(0),
        }
    }

    /// Whether the current thread is on shift, in an outer frame.
    #[cfg(not(loom))]
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: only this thread stores its own token.
        self.deliverer.load(Ordering::Relaxed) == thread_token()
    }

    /// Calls whoever is on shift, and gives way if the `backlog` is long; if there is nobody, the
    /// caller is, and works in `round`s.
    ///
    /// A round looks for what was left since the one before, and tells it, until there is no
    /// more or [`Shift::has_told`] says that it is enough.
    ///
    /// # Panics
    ///
    /// With the first panic of the user's code, when all is delivered.
    #[inline]
    pub(crate) fn call(
        &self,
        round: impl FnMut(&mut D, &mut Shift),
        backlog: impl FnOnce() -> Backlog,
    ) {
        if let Some(desk) = self.desk.call() {
            self.work(desk, round);
        } else if backlog() == Backlog::Long {
            self.give_way();
        }
    }

    /// Once, for he who delivers may be waiting for a processor.
    #[cold]
    fn give_way(&self) {
        // Relaxed: as `is_mine`. In an outer frame of this thread nobody waits.
        if self.deliverer.load(Ordering::Relaxed) != thread_token() {
            yield_now();
        }
    }

    fn work(&self, mut desk: Box<D>, mut round: impl FnMut(&mut D, &mut Shift)) {
        let mut shift = Shift {
            panics: Panics::new(),
            told: 0,
        };
        self.sign(thread_token());
        loop {
            round(&mut desk, &mut shift);
            match self.lay_down(desk, &mut shift) {
                Some(again) => desk = again,
                None => break,
            }
        }
        shift.panics.resume();
    }

    fn sign(&self, token: usize) {
        // Relaxed: see `is_mine`.
        self.deliverer.store(token, Ordering::Relaxed);
    }

    /// Lays the desk down; gives it back if there may be more to do.
    #[inline]
    fn lay_down(&self, desk: Box<D>, shift: &mut Shift) -> Option<Box<D>> {
        self.sign(0);
        if shift.is_over() {
            return self.offer(desk, shift);
        }
        match self.desk.rest(desk) {
            Ok(()) => None,
            Err(Refused::Called(desk) | Refused::Gone(desk)) => {
                self.desk.answer();
                self.sign(thread_token());
                Some(desk)
            }
        }
    }

    /// Lays the desk down for anybody to take, gives way, and goes on if nobody has.
    #[cold]
    fn offer(&self, desk: Box<D>, shift: &mut Shift) -> Option<Box<D>> {
        // Whoever goes on after this offers again after the next event.
        shift.told = turn() - 1;
        if self.desk.offer(desk) {
            // There is somebody who may come by. On a busy machine this can take long, so it is
            // not done for nobody.
            yield_now();
        }
        let desk = self.desk.call()?;
        self.sign(thread_token());
        Some(desk)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
