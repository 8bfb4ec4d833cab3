//! Those who are offered every value that is written to a cell: conditions, and the line.
//!
//! An atom's commits are linked, so a deliverer finds them. The values of a cell are
//! overwritten, so each writer leaves its own before it calls the deliverer.
//!
//! # The protocol
//!
//! | step | writer                                 | registration (under the register's lock)    |
//! |------|----------------------------------------|---------------------------------------------|
//! | 1    | writes the value                       | announces news, raises *present*            |
//! | 2    | barrier                                | barrier                                     |
//! | 3    | reads *present*: nobody, done          | reads how many values were left: *since*    |
//! | 4    | leaves the value, which numbers it     | reads the value: *seen*                     |
//! | 5    | calls the deliverer                    | puts the observer into the register         |
//!
//! The deliverer, in rounds (see [`shift`](super::shift)): takes all that was left; takes over
//! newcomers; tells each value to those whose *since* is below its number.
//!
//! **No value is missed.** *Either* a writer reads *present* as raised by the registration: it
//! leaves its value, and calls. If that came before the registration's step 3 the write, which
//! came before that, is in *seen*, or was overwritten before; if it came after, the number
//! is above *since*, and the deliverer that takes the value sees the news, since it locks what
//! the registration locked in step 3. *Or* it does not: then the registration's step 4 reads
//! its value or a later one. So every value is judged that was current at or after step 4.
//!
//! **None is told that was overwritten before the wait began**, unless its writer was still
//! on its way from step 1 to 4 then, and raced the registration.
//!
//! **Lowering.** The deliverer that finds nobody left lowers *present* under the register's
//! lock, if the register is empty. Who reads it as raised nevertheless tells nobody.

use std::collections::VecDeque;

use super::{
    line::Line,
    mailbox::Event,
    roster::{self, Observer, Old, Roster},
    shift::{Shift, Shifts},
};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, full_barrier};

/// See the [module](self).
pub(crate) struct Listeners<E> {
    present: AtomicBool,
    left: Mutex<Left<E>>,
    roster: Roster<E>,
    shifts: Shifts<Desk<E>>,
    line: Arc<Line>,
}

/// Values that writers left.
struct Left<E> {
    /// How many there have been: the number of the last one.
    count: u64,
    /// Those that no deliverer has taken.
    values: VecDeque<E>,
}

/// What the deliverer has before him.
struct Desk<E> {
    observers: roster::Desk<E>,
    /// Values that were taken and not told yet.
    run: VecDeque<E>,
    /// The number of the last one that was told.
    told: u64,
}

/// Room for so many values is kept for the next ones.
const KEPT: usize = 64;

impl<E: Event> Listeners<E> {
    pub(crate) fn new() -> Self {
        Self {
            present: AtomicBool::new(false),
            left: Mutex::new(Left {
                count: 0,
                values: VecDeque::new(),
            }),
            roster: Roster::new(),
            shifts: Shifts::new(Desk {
                observers: roster::Desk::new(),
                run: VecDeque::new(),
                told: 0,
            }),
            line: Arc::new(Line::new()),
        }
    }

    /// Writer, after its write: whether there is anybody.
    #[inline]
    pub(crate) fn are_present(&self) -> bool {
        // SeqCst: step 3, behind a `barrier` that is there for loom alone. What follows takes a
        // lock, so nothing is acquired by it.
        self.present.load(Ordering::SeqCst)
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    #[cfg(not(loom))]
    pub(crate) fn is_deliverer(&self) -> bool {
        self.shifts.is_mine()
    }

    /// Writer, after its write of `value`: leaves it, and calls the deliverer.
    ///
    /// # Panics
    ///
    /// With the first panic of a waker or a destructor, when all is told.
    #[cold]
    pub(crate) fn tell(&self, value: E, look: impl Fn() -> E) {
        {
            let mut left = self.left.lock();
            left.count += 1;
            left.values.push_back(value);
        }
        self.deliver(look);
    }

    /// Registers an observer. Returns the state that it has to judge itself.
    pub(crate) fn register(&self, observer: Observer<E>, look: impl FnOnce() -> E) -> E {
        self.roster.register(|register| {
            // Relaxed: a writer that reads it as lowered has read that before the barrier, in the
            // one order of sequentially consistent steps, so step 4 sees what it wrote.
            self.present.store(true, Ordering::Relaxed);
            full_barrier();
            let since = self.left.lock().count;
            let seen = look();
            register.add(since, observer);
            seen
        })
    }

    /// Takes a registration back.
    pub(crate) fn unregister(&self, observer: &Observer<E>, look: impl Fn() -> E) {
        if self.roster.leave(observer) {
            self.deliver(look);
        }
    }

    /// Calls the deliverer, which may be the caller himself. `look` reads the value.
    pub(crate) fn deliver(&self, look: impl Fn() -> E) {
        self.shifts
            .call(|desk, shift| self.round(desk, shift, &look));
    }

    fn round(&self, desk: &mut Desk<E>, shift: &mut Shift, look: impl FnOnce() -> E) {
        if desk.run.is_empty() {
            std::mem::swap(&mut desk.run, &mut self.left.lock().values);
        }
        self.roster.adopt(&mut desk.observers);
        while let Some(value) = desk.run.pop_front() {
            desk.told += 1;
            let (number, panics) = (desk.told, &mut shift.panics);
            desk.observers
                .tell(number, Old::Lent(&value), &value, panics);
            panics.catch(|| drop(value));
            if shift.has_told() && !desk.run.is_empty() {
                return;
            }
        }
        desk.run.shrink_to(KEPT);
        let (observers, panics) = (&mut desk.observers, &mut shift.panics);
        self.roster
            .give_due_turns(&self.line, observers, look, panics);
        if self.roster.is_untidy() {
            self.roster.tidy(observers, panics);
        }
        if observers.is_empty() {
            self.lower();
        }
    }

    /// Lowers *present* if nobody is left to be told.
    fn lower(&self) {
        self.roster.with(|register| {
            if register.is_empty() {
                // Relaxed: the lock orders it with the registrations.
                self.present.store(false, Ordering::Relaxed);
            }
        });
    }
}
