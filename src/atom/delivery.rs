//! Telling observers of commits: in commit order, by one thread at a time, holding no lock.
//!
//! # The protocol
//!
//! The *word* is the atom's cell ([`super::cell`]): node and flags in one atomic state. The
//! *desk* is a [`Baton`](crate::wait::baton): whoever carries it delivers, for a
//! [`Shift`].
//!
//! | step | writer                                 | deliverer (carrier of the desk)            |
//! |------|----------------------------------------|--------------------------------------------|
//! | 1    | compare-and-swap of the word; under    | `answer`: clears *called* (getting the     |
//! |      | WATCHED the new node links its         | desk by `call` is an answer, too)          |
//! |      | predecessor                            |                                            |
//! | 2    | if it was WATCHED: `call` of the desk  | loads the word: the newest node            |
//! | 3    | gets the desk: becomes the deliverer   | takes over newcomers, if there is news     |
//! | 4    | else: returns                          | takes the links back to the last delivered |
//! |      |                                        | node; tells the commits, oldest first      |
//! | 5    |                                        | `rest`: refused if *called*, then step 1   |
//!
//! **No commit is left untold.** *Either* a writer's call precedes the deliverer's last
//! answer: then its commit precedes the load in step 2, which finds its node or one that
//! is linked to it. *Or* it follows: then `rest` is refused, or the writer gets the desk.
//! A writer that is suspended between 1 and 2 loses nothing either: its commit is linked, and the
//! next deliverer finds it.
//!
//! | step | registration (under the register's lock)    |
//! |------|---------------------------------------------|
//! | 1    | announces news                              |
//! | 2    | raises WATCHED and loads the word: *since*  |
//! | 3    | puts the observer into the register         |
//!
//! **An observer is told exactly what follows *since*.** Commits up to *since* are skipped by
//! comparing versions. Let a commit follow *since*. It was made under WATCHED, so it is
//! linked and delivered. *Either* the deliverer loads the word in step 2 after that commit:
//! every change of the word is a read-modify-write, so the load has acquired the registration's
//! step 1, sees the news, and waits in step 3 for the lock until the observer is in the
//! register; *or* it loads before: then this round does not reach the commit, and a later
//! one does.
//!
//! **Lowering.** The deliverer that finds nobody left clears WATCHED under the
//! register's lock and that of the [line](crate::wait::line), if both are empty and the word still
//! has the node it has just delivered. Registrations are thereby excluded; a commit in between
//! fails the comparison.
//! So WATCHED is never cleared while a commit made under it is undelivered, and no link survives.
//!
//! **Closing.** CLOSED is set in the word when the last handle is gone; no commit follows it.
//! A registration whose load says CLOSED is not made; one that loaded before is in the register
//! when the deliverer that acquired CLOSED takes over the newcomers. So everyone is told
//! all commits, then of the end.
//!
//! Handing over to another thread is the matter of [`shift`](crate::wait::shift).

#![allow(unsafe_code)]

#[cfg(all(test, not(loom)))]
mod tests;

use super::{
    cell::{Flags, Touched},
    view::AtomView,
    watch::{Watches, tell_watches},
};
use crate::{
    snapshot::Snapshot,
    sync::{AtomicBool, AtomicU64, Ordering},
    wait::{
        line::Line,
        mailbox::KEPT,
        roster::{self, Name, Observer, Old, Roster},
        shift::{Backlog, Shift, Shifts},
        source::{Registered, Source},
    },
};

/// Everything that has to do with an atom's observers.
pub(crate) struct Hub<T> {
    shifts: Shifts<Desk<T>>,
    /// The version of the last commit that was told.
    told: AtomicU64,
    pub(crate) roster: Roster<Snapshot<T>>,
    pub(crate) watches: Watches<T>,
    pub(crate) line: Line<Snapshot<T>>,
    /// Somebody is in line; changed under its lock.
    pub(crate) is_in_line: AtomicBool,
}

/// What the deliverer has before him.
struct Desk<T> {
    observers: roster::Desk<Snapshot<T>>,
    /// Commits taken from the cell and not told yet: a run of states, newest first, of
    /// which each is the predecessor of the one before it.
    run: Vec<Snapshot<T>>,
    /// The successor of the newest of the run, while a run is left over for others.
    end: Option<Snapshot<T>>,
}

impl<T> Hub<T> {
    pub(crate) fn boxed() -> Box<Self> {
        Box::new(Self {
            shifts: Shifts::new(Desk {
                observers: roster::Desk::new(),
                run: Vec::new(),
                end: None,
            }),
            told: AtomicU64::new(0),
            roster: Roster::new(()),
            watches: Watches::new(),
            line: Line::new(),
            is_in_line: AtomicBool::new(false),
        })
    }

    /// What stands before that commit.
    fn backlog_before(&self, commit: &Snapshot<T>) -> Backlog {
        // Relaxed: an old number makes a writer give way for nothing.
        let told = self.told.load(Ordering::Relaxed);
        let untold = Snapshot::version(commit).saturating_sub(told);
        Backlog::of(usize::try_from(untold).unwrap_or(usize::MAX))
    }
}

impl<T> Source for AtomView<T> {
    type Event = Snapshot<T>;

    fn register(&self, observer: Observer<Snapshot<T>>) -> Registered<Snapshot<T>> {
        let mut touched = Touched::new();
        let node = self.hub().roster.register(|register| {
            let (node, state) = self.cell().raise(Flags::WATCHED, &mut touched);
            if state.flags().is_closed() {
                touched.push(node);
                return None;
            }
            register.add(node.version(), observer);
            Some(node)
        });
        match node {
            None => Registered::Closed,
            Some(node) => {
                let touched = touched.into_iter().map(Snapshot).collect();
                Registered::Since(Snapshot(node), touched)
            }
        }
    }

    fn withdraw(&self, observer: Name) -> bool {
        self.hub().roster.withdraw(observer)
    }

    fn tidy(&self) {
        if self.hub().roster.count_gone() {
            self.deliver();
        }
    }

    fn look(&self) -> Snapshot<T> {
        self.load()
    }

    #[cfg(not(loom))]
    fn is_deliverer(&self) -> bool {
        let hub = self.hub();
        hub.shifts.is_mine() || hub.line.is_served_here()
    }
}

impl<T> AtomView<T> {
    /// Calls the deliverer, which may be the caller himself.
    ///
    /// # Panics
    ///
    /// With the first panic of a watch, a waker or a destructor, when all is delivered.
    #[cold]
    pub(crate) fn deliver(&self) {
        let hub = self.hub();
        hub.shifts.call(
            |desk, shift| Round::new(self, hub, shift).work(desk, None),
            || Backlog::Short,
        );
    }

    /// Calls the deliverer after a commit, which is `mine`.
    #[inline(never)]
    pub(crate) fn deliver_mine(&self, mine: &Snapshot<T>) {
        let hub = self.hub();
        let mut first = Some(mine);
        hub.shifts.call(
            |desk, shift| Round::new(self, hub, shift).work(desk, first.take()),
            || hub.backlog_before(mine),
        );
    }
}

/// One look for commits, and the telling of them: steps 2 to 4 of the protocol.
struct Round<'a, T> {
    view: &'a AtomView<T>,
    hub: &'a Hub<T>,
    shift: &'a mut Shift,
}

impl<'a, T> Round<'a, T> {
    fn new(view: &'a AtomView<T>, hub: &'a Hub<T>, shift: &'a mut Shift) -> Self {
        Self { view, hub, shift }
    }

    /// `mine` is often the newest node, and then need not be counted again.
    fn work(&mut self, desk: &mut Desk<T>, mine: Option<&Snapshot<T>>) {
        // What an earlier deliverer left over comes first.
        if let Some(end) = desk.end.take() {
            self.hub.roster.adopt(&mut desk.observers);
            if !self.tell_run(desk, &end) {
                desk.end = Some(end);
                return;
            }
            self.shift.panics.catch(|| drop(end));
        }
        let current = mine.and_then(|mine| {
            // A look may end in a destructor, too, where the cell is the portable one.
            let state = self
                .shift
                .panics
                .catch(|| self.view.cell().peek(&mine.0))??;
            Some((mine, state))
        });
        if let Some((mine, state)) = current {
            return self.deliver_up_to(desk, mine, state.flags());
        }
        let (node, state) = self.shift.panics.insist(|| self.view.cell().load());
        let newest = Snapshot(node);
        self.deliver_up_to(desk, &newest, state.flags());
        self.shift.panics.catch(|| drop(newest));
    }

    /// Steps 3 and 4, with what step 2 loaded.
    fn deliver_up_to(&mut self, desk: &mut Desk<T>, newest: &Snapshot<T>, flags: Flags) {
        self.hub.roster.adopt(&mut desk.observers);
        trace(newest, &mut desk.run);
        if !self.tell_run(desk, newest) {
            desk.end = Some(newest.clone());
            return;
        }
        desk.run.shrink_to(KEPT);
        if flags.is_closed() {
            self.close(desk);
        }
        if self.hub.roster.is_untidy(&desk.observers) {
            let panics = &mut self.shift.panics;
            self.hub.roster.tidy(&mut desk.observers, panics);
        }
        if desk.observers.is_empty() && !self.is_in_line() {
            self.lower(newest);
        }
    }

    /// Tells the commits of the run, oldest first; the last one made `end` current. False
    /// if the rest of it is to be left on the desk.
    fn tell_run(&mut self, desk: &mut Desk<T>, end: &Snapshot<T>) -> bool {
        let Desk { observers, run, .. } = desk;
        while let Some(old) = run.pop() {
            self.tell(observers, old, run.last().unwrap_or(end));
            if self.shift.has_told() && !run.is_empty() {
                return false;
            }
        }
        true
    }

    fn tell(
        &mut self,
        observers: &mut roster::Desk<Snapshot<T>>,
        old: Snapshot<T>,
        new: &Snapshot<T>,
    ) {
        let in_line = self.is_in_line();
        let (version, panics) = (Snapshot::version(new), &mut self.shift.panics);
        // Relaxed: see `backlog_before`.
        self.hub.told.store(version, Ordering::Relaxed);
        if in_line {
            self.hub.line.tell(1, self.view, panics);
        }
        if self.hub.watches.is_empty() {
            observers.tell(version, Old::Given(old), new, panics);
        } else {
            observers.tell(version, Old::Lent(&old), new, panics);
            tell_watches(self.view, &old, new, panics);
            panics.catch(|| drop(old));
        }
    }

    fn is_in_line(&self) -> bool {
        // Relaxed: who joined before the state that this deliverer has acquired released it with
        // that; those who joined later need not be told of it.
        self.hub.is_in_line.load(Ordering::Relaxed)
    }

    fn close(&mut self, desk: &mut Desk<T>) {
        let panics = &mut self.shift.panics;
        desk.observers.close(panics);
        // Who could still commit keeps the atom open: these were forgotten.
        self.hub.line.clear(panics);
        // Under the lock, for it excludes a watch being added.
        let watches = self.hub.roster.with(|_| self.hub.watches.clear());
        panics.catch(|| drop(watches));
    }

    /// Clears WATCHED if nobody is left to be told.
    fn lower(&mut self, head: &Snapshot<T>) {
        let mut touched = Touched::new();
        self.hub.roster.with(|register| {
            if register.is_empty() && self.hub.watches.is_empty() {
                let cell = self.view.cell();
                let lower = || {
                    cell.lower(&head.0, Flags::WATCHED, &mut touched);
                };
                self.hub.line.unless_occupied(lower);
            }
        });
        for node in touched {
            self.shift.panics.catch(|| drop(node));
        }
    }
}

/// Follows the links from `newest` back to the last delivered node, taking them.
fn trace<T>(newest: &Snapshot<T>, run: &mut Vec<Snapshot<T>>) {
    // SAFETY: (1) the caller carries the desk; (2) `newest` was read from the cell.
    let mut link = unsafe { newest.0.take_previous() };
    while let Some(node) = link {
        // SAFETY: (1) as above; (2) `node` was linked to its successor.
        link = unsafe { node.take_previous() };
        run.push(Snapshot(node));
    }
}
