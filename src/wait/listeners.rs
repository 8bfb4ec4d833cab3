//! Those who are offered every value that is written to a cell.
//!
//! An atom's commits are linked, so a deliverer finds them. The values of a cell are
//! overwritten, so each writer leaves its own before it calls the deliverer. Whoever listens does so
//! with a condition: there are no mailboxes here.
//!
//! # The protocol
//!
//! | step | writer                                 | registration (under the register's lock)    |
//! |------|----------------------------------------|---------------------------------------------|
//! | 1    | reads how many waits have begun        | announces news, raises                      |
//! |      |                                        | [*present*](super::presence)                |
//! | 2    | writes the value                       | takes its number                            |
//! | 3    | barrier                                | barrier                                     |
//! | 4    | reads *present*: nobody, done          | reads the value: *seen*                     |
//! | 5    | leaves the value, with the last number | puts the observer into the register         |
//! |      | of those who are to be told of it      |                                             |
//! | 6    | calls the deliverer                    |                                             |
//!
//! The writer leaves the value under the register's lock. The last number of step 5 is that of step
//! 1; or the one that has been given out by now, if the value is still there after that was read. (Both
//! are read before the lock is taken: where the value is a reference, looking at it may run a destructor.)
//!
//! The deliverer, in rounds (see [`shift`](super::shift)): takes all that was left; takes over
//! newcomers; tells each value to those whose numbers it was left for.
//!
//! **No value is missed.** *Either* a writer reads *present* as raised by the registration, and
//! leaves its value. If it reads the last number, for that, before the registration's step 2, its write,
//! which came before, is in *seen*, or was overwritten before. If it does so after, the value is for the
//! newcomer if it is still there or the newcomer had its number in step 1; and who leaves it, or takes it,
//! sees the news, since they lock what the registration has locked. If neither is so the value was
//! overwritten, and who overwrote it leaves it once more: see [`arrivals`](super::arrivals). *Or*
//! it does not: then the registration's step 4 reads its value or a later one. So every value is
//! judged that was current at or after step 4.
//!
//! **Who is told twice.** A value is left once more by whoever overwrote it, for those who had begun
//! by then and are not known to know it. If its own writer has left it they are few or none; if he
//! is still on his way they are all, so that nobody has to wait for him. Then they are told again
//! when he comes. That is so of writers that race each other only; besides, who comes between a write and
//! its step 5 sees the value, and is told it.
//!
//! Values are known by what they are, so that of equal ones one may be taken for the other. That takes a
//! writer who comes with his value when it has been overwritten and told already, and a second one who
//! writes an equal value and is overwritten before he tells it: it may not be told to those who
//! began while he was on his way.
//!
//! **Lowering.** The deliverer that finds nobody left lowers *present* under the register's
//! lock, if the register is empty. Who reads it as raised nevertheless tells nobody.

use std::{
    collections::VecDeque,
    mem::{replace, swap},
};

use super::{
    arrivals::{Arrivals, Write},
    mailbox::{Event, KEPT},
    panics::Panics,
    presence::Presence,
    roster::{self, Name, Observer, Roster},
    shift::{Backlog, Shift, Shifts},
};
use crate::sync::barrier;

/// See the [module](self).
pub(crate) struct Listeners<E> {
    arrivals: Arrivals,
    roster: Roster<E, Left<E>>,
    shifts: Shifts<Desk<E>>,
}

/// What writers left.
struct Left<E> {
    /// That no deliverer has taken.
    values: VecDeque<Told<E>>,
    /// The values that were left or seen last, and who knows of them; the newest stands at `newest`,
    /// the others before it, around the end.
    known: [Known; RECENT],
    newest: usize,
    /// The number of the last registration.
    last: u64,
}

/// The observers after one number, up to another one, know of a value: they are told, or have seen
/// it themselves.
#[derive(Clone, Copy)]
struct Known {
    /// Its [identity](Event::identity).
    value: u64,
    after: u64,
    up_to: u64,
}

impl Known {
    const NOBODY: Self = Self {
        value: 0,
        after: 0,
        up_to: 0,
    };
}

/// Writers that race each other come to leave their values in another order than that of their
/// writes. One that comes later than by so many places has been forgotten; then somebody is told
/// twice.
const RECENT: usize = 8;

/// A value, and the numbers of those who are to be told of it.
struct Told<E> {
    value: E,
    after: u64,
    up_to: u64,
}

/// What the deliverer has before him.
struct Desk<E> {
    observers: roster::Desk<E>,
    /// What was taken and not told yet.
    run: VecDeque<Told<E>>,
}

impl<E: Event> Left<E> {
    /// Files a write whose value is to be told to all up to that number: to all there were, if it
    /// `is_current`.
    fn put(&mut self, write: Write<E>, up_to: u64, is_current: bool) {
        let Write { old, new, begun } = write;
        // An equal one is told in its successor. So is what a look at a shared cell finds, which does not
        // know what that has replaced.
        if old.identity() != new.identity() {
            self.put_past(old, begun);
        }
        // Who has come since then has seen it, or what was written later.
        let seen = self.known_by(new.identity());
        let is_it = is_current && seen.after <= up_to;
        let known_up_to = if is_it { seen.up_to.max(up_to) } else { up_to };
        self.know(new.identity(), 0, known_up_to);
        self.values.push_back(Told {
            value: new,
            after: 0,
            up_to,
        });
    }

    /// What was replaced may not have been for all who had begun by then: its writer did not know. Or
    /// he has not left it yet.
    fn put_past(&mut self, old: E, begun: u64) {
        // It is overwritten once: what is known of it must not be taken for what is known of an equal one
        // that is written later.
        let known = self.forget(old.identity());
        for (after, up_to) in [(0, known.after.min(begun)), (known.up_to, begun)] {
            if after < up_to {
                self.values.push_back(Told {
                    value: old.clone(),
                    after,
                    up_to,
                });
            }
        }
    }

    /// A newcomer has seen `value`; `alone` if there is no other observer.
    fn saw(&mut self, value: u64, number: u64, alone: bool) {
        let known = self.known_by(value);
        let after = if alone {
            0
        } else if known.up_to >= self.last {
            known.after
        } else {
            // Those before may have to be told yet.
            number - 1
        };
        self.know(value, after, number);
        self.last = number;
    }

    fn know(&mut self, value: u64, after: u64, up_to: u64) {
        // What was heard of the same value before does not count any more.
        let newest = self.known[self.newest];
        if newest.value != value || newest.up_to == 0 {
            self.forget(value);
            self.newest = (self.newest + 1) % RECENT;
        }
        self.known[self.newest] = Known {
            value,
            after,
            up_to,
        };
    }

    /// Who knows of that value.
    fn known_by(&self, value: u64) -> Known {
        // It stands there once.
        let is_it = |known: &&Known| known.value == value && known.up_to > 0;
        self.known
            .iter()
            .find(is_it)
            .map_or(Known::NOBODY, |it| *it)
    }

    /// The same; from now on that is not known.
    fn forget(&mut self, value: u64) -> Known {
        let is_it = |known: &&mut Known| known.value == value && known.up_to > 0;
        let it = self.known.iter_mut().find(is_it);
        it.map_or(Known::NOBODY, |it| replace(it, Known::NOBODY))
    }
}

impl<E: Event> Listeners<E> {
    pub(crate) fn new() -> Self {
        Self {
            arrivals: Arrivals::new(),
            roster: Roster::new(Left {
                values: VecDeque::new(),
                known: [Known::NOBODY; RECENT],
                newest: 0,
                last: 0,
            }),
            shifts: Shifts::new(Desk {
                observers: roster::Desk::new(),
                run: VecDeque::new(),
            }),
        }
    }

    #[inline]
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    #[cfg(not(loom))]
    pub(crate) fn is_deliverer(&self) -> bool {
        self.shifts.is_mine()
    }

    /// Writer, after its write, if anybody is present: leaves the value. He calls the deliverer next.
    #[cold]
    pub(crate) fn leave(
        &self,
        write: Write<E>,
        cell: &impl Presence<E>,
        panics: &mut Panics,
    ) -> Backlog {
        let all = self.arrivals.so_far();
        // Before the lock: to look at a reference, and to let go of it, may be to drop the last one.
        let now = panics.insist(|| cell.look());
        let is_current = now.identity() == write.new.identity();
        panics.catch(|| drop(now));
        let up_to = if is_current { all } else { write.begun };
        self.roster.with(|register| {
            cell.leaves(&write.new, up_to);
            register.beside.put(write, up_to, is_current);
            Backlog::of(register.beside.values.len())
        })
    }

    /// Writer, after its write, if anybody is present: leaves the value, and calls the deliverer.
    ///
    /// # Panics
    ///
    /// With the first panic of a waker or a destructor, when all is told.
    #[cold]
    pub(crate) fn tell(&self, write: Write<E>, cell: &impl Presence<E>) {
        let mut panics = Panics::new();
        let backlog = self.leave(write, cell, &mut panics);
        panics.catch(|| self.deliver_left(cell, backlog));
        panics.resume();
    }

    /// Registers an observer. Returns the state that it has to judge itself.
    pub(crate) fn register(&self, observer: Observer<E>, cell: &impl Presence<E>) -> E {
        self.roster.register(|register| {
            let alone = cell.raise();
            let number = self.arrivals.next();
            barrier();
            let seen = cell.look();
            register.beside.saw(seen.identity(), number, alone);
            cell.has_seen(&seen, number, alone);
            register.add(number, observer);
            seen
        })
    }

    /// Takes a registration back, if no deliverer has come for it yet. True if so.
    pub(crate) fn withdraw(&self, observer: Name) -> bool {
        self.roster.withdraw(observer)
    }

    /// An observer that could not be withdrawn has left.
    pub(crate) fn tidy(&self, cell: &impl Presence<E>) {
        if self.roster.count_gone() {
            self.deliver(cell);
        }
    }

    /// Calls the deliverer, which may be the caller himself.
    pub(crate) fn deliver(&self, cell: &impl Presence<E>) {
        self.deliver_left(cell, Backlog::Short);
    }

    /// The same for a writer that has left a value at the end of a `backlog`.
    pub(crate) fn deliver_left(&self, cell: &impl Presence<E>, backlog: Backlog) {
        self.shifts
            .call(|desk, shift| self.round(desk, shift, cell), || backlog);
    }

    fn round(&self, desk: &mut Desk<E>, shift: &mut Shift, cell: &impl Presence<E>) {
        if desk.run.is_empty() {
            (self.roster).with(|register| swap(&mut desk.run, &mut register.beside.values));
        }
        self.roster.adopt(&mut desk.observers);
        while let Some(told) = desk.run.pop_front() {
            let (observers, panics) = (&mut desk.observers, &mut shift.panics);
            observers.offer(told.after, told.up_to, &told.value, panics);
            panics.catch(|| drop(told));
            if shift.has_told() && !desk.run.is_empty() {
                return;
            }
        }
        desk.run.shrink_to(KEPT);
        let (observers, panics) = (&mut desk.observers, &mut shift.panics);
        if self.roster.is_untidy(observers) {
            self.roster.tidy(observers, panics);
        }
        if observers.is_empty() {
            self.lower(cell);
        }
    }

    /// Lowers *present* if nobody is left to be told.
    fn lower(&self, cell: &impl Presence<E>) {
        self.roster.with(|register| {
            if register.is_empty() {
                cell.lower();
            }
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
