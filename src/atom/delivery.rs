//! Telling observers of commits: in commit order, by one thread at a time, holding no lock.
//!
//! # The protocol
//!
//! The *word* is the atom's cell ([`super::cell`]): node and flags in one atomic state. The
//! *desk* is a [`Baton`]: whoever carries it delivers.
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
//! register's lock, if the register is empty and the word still has the node it has just
//! delivered. Registrations are thereby excluded; a commit in between fails the comparison.
//! So WATCHED is never cleared while a commit made under it is undelivered, and no link survives.
//!
//! **Closing.** CLOSED is set in the word when the last handle is gone; no commit follows it.
//! A registration whose load says CLOSED is not made; one that loaded before is in the register
//! when the deliverer that acquired CLOSED takes over the newcomers. So everyone is told
//! all commits, then of the end.
//!
//! **Handing over.** A deliverer that has told `turn()` commits lays the desk down for anybody,
//! gives way once, and calls it like a writer: it goes on only if nobody took it, and offers it
//! again after every further commit. What it had not told yet stays on the desk. A writer takes
//! it if it comes by in that moment.
//!
//! *Certain* is that every commit past the turn gives the others one such moment, and that a
//! deliverer whom nobody overtakes returns when it has told what there is. *Not certain* is that
//! anybody comes: the moment is far shorter than a slow watch, so where others commit faster than
//! the watches run, how often a deliverer goes on is a matter of chance without an upper bound.
//! It cannot be otherwise while no writer waits: a backlog must be told even if no write follows,
//! and he who could take it over is outside of the crate, or comes by while a watch is running
//! and would have to wait for its end.

#![allow(unsafe_code)]

use super::{
    cell::{Flags, Touched},
    view::AtomView,
    watch::{Watches, tell_watches},
};
use crate::{
    snapshot::Snapshot,
    sync::{Arc, AtomicUsize, Ordering, yield_now},
    wait::{
        baton::{Baton, Refused},
        line::Line,
        panics::Panics,
        roster::{self, Observer, Old, Roster},
    },
};

/// Commits told before the desk is offered to others.
#[cfg(not(loom))]
const fn turn() -> usize {
    64
}

/// Models run with 1 and with 2: with 1 the desk is offered after every commit, which hides
/// what happens when it is not.
#[cfg(loom)]
fn turn() -> usize {
    static TURN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let given = || std::env::var("ATOMOS_TURN").ok()?.parse().ok();
    *TURN.get_or_init(|| given().unwrap_or(1))
}

/// Everything that has to do with an atom's observers.
pub(crate) struct Hub<T> {
    /// Boxed, for it is passed from hand to hand.
    desk: Baton<Box<Desk<T>>>,
    pub(crate) roster: Roster<Snapshot<T>>,
    pub(crate) watches: Watches<T>,
    pub(crate) line: Arc<Line>,
    /// The token of the delivering thread, 0 while there is none.
    deliverer: AtomicUsize,
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
            desk: Baton::resting(Box::new(Desk {
                observers: roster::Desk::new(),
                run: Vec::new(),
                end: None,
            })),
            roster: Roster::new(),
            watches: Watches::new(),
            line: Arc::new(Line::new()),
            deliverer: AtomicUsize::new(0),
        })
    }

    /// Whether the current thread is delivering this atom's commits, in an outer frame.
    #[cfg(not(loom))]
    pub(crate) fn is_deliverer(&self) -> bool {
        // Relaxed: only this thread stores its own token.
        self.deliverer.load(Ordering::Relaxed) == thread_token()
    }
}

/// An address that no other living thread has.
fn thread_token() -> usize {
    thread_local!(static TOKEN: u8 = const { 0 });
    // While the thread's locals are being destroyed there is no token: 1 is nobody's.
    TOKEN
        .try_with(|token| std::ptr::from_ref(token).addr())
        .unwrap_or(1)
}

impl<T> AtomView<T> {
    /// Registers an observer, unless the atom has closed. Returns the state it starts from.
    ///
    /// What is returned besides is to be dropped when the registration is in its place: a
    /// destructor in it may panic, and whoever takes the registration back must know of it then.
    pub(crate) fn register(
        &self,
        observer: Observer<Snapshot<T>>,
    ) -> (Snapshot<T>, Flags, Touched<T>) {
        let mut touched = Touched::new();
        let (node, state) = self.hub().roster.register(|register| {
            let (node, state) = self.cell().raise(Flags::WATCHED, &mut touched);
            if !state.flags().is_closed() {
                register.add(node.version(), observer);
            }
            (node, state)
        });
        (Snapshot(node), state.flags(), touched)
    }

    /// Takes a registration back.
    pub(crate) fn unregister(&self, observer: &Observer<Snapshot<T>>) {
        if self.hub().roster.leave(observer) {
            self.deliver();
        }
    }

    /// Calls the deliverer, which may be the caller himself.
    ///
    /// # Panics
    ///
    /// With the first panic of a watch, a waker or a destructor, when all is delivered.
    #[cold]
    pub(crate) fn deliver(&self) {
        if let Some(desk) = self.hub().desk.call() {
            Delivery::new(self).run(desk, None);
        }
    }

    /// Calls the deliverer after a commit, which is `mine`.
    #[inline(never)]
    pub(crate) fn deliver_mine(&self, mine: &Snapshot<T>) {
        if let Some(desk) = self.hub().desk.call() {
            Delivery::new(self).run(desk, Some(mine));
        }
    }
}

/// One thread's spell at the desk.
struct Delivery<'a, T> {
    view: &'a AtomView<T>,
    hub: &'a Hub<T>,
    panics: Panics,
    told: usize,
}

/// What becomes of the desk after a step.
enum Step<T> {
    Again(Box<Desk<T>>),
    Done,
}

impl<'a, T> Delivery<'a, T> {
    fn new(view: &'a AtomView<T>) -> Self {
        let hub = view.hub();
        Self {
            view,
            hub,
            panics: Panics::new(),
            told: 0,
        }
    }

    fn run(mut self, desk: Box<Desk<T>>, mine: Option<&Snapshot<T>>) {
        self.sign(thread_token());
        let mut step = self.round(desk, mine);
        while let Step::Again(desk) = step {
            step = self.round(desk, None);
        }
        self.panics.resume();
    }

    fn sign(&self, token: usize) {
        // Relaxed: see `is_deliverer`.
        self.hub.deliverer.store(token, Ordering::Relaxed);
    }

    /// Steps 2 to 5 of the protocol; the first was taken with the desk, or when `rest` was
    /// refused. `mine` is often the newest node, and then need not be counted again.
    fn round(&mut self, mut desk: Box<Desk<T>>, mine: Option<&Snapshot<T>>) -> Step<T> {
        // What an earlier deliverer left over comes first, and is a round of its own.
        if let Some(end) = desk.end.take() {
            self.hub.roster.adopt(&mut desk.observers);
            if self.tell_run(&mut desk, &end) {
                self.panics.catch(|| drop(end));
                return Step::Again(desk);
            }
            desk.end = Some(end);
            return self.offer(desk);
        }
        let current = mine.and_then(|mine| {
            // A look may end in a destructor, too, where the cell is the portable one.
            let state = self.panics.catch(|| self.view.cell().peek(&mine.0))??;
            Some((mine, state))
        });
        if let Some((mine, state)) = current {
            return self.deliver_up_to(desk, mine, state.flags());
        }
        let (node, state) = self.view.cell().load();
        let newest = Snapshot(node);
        let step = self.deliver_up_to(desk, &newest, state.flags());
        self.panics.catch(|| drop(newest));
        step
    }

    /// Steps 3 to 5, with what step 2 loaded.
    fn deliver_up_to(
        &mut self,
        mut desk: Box<Desk<T>>,
        newest: &Snapshot<T>,
        flags: Flags,
    ) -> Step<T> {
        self.hub.roster.adopt(&mut desk.observers);
        trace(newest, &mut desk.run);
        if !self.tell_run(&mut desk, newest) {
            desk.end = Some(newest.clone());
            return self.offer(desk);
        }
        self.give_due_turns(&mut desk);
        if flags.is_closed() {
            self.close(&mut desk);
        }
        if self.hub.roster.is_untidy() {
            self.hub.roster.tidy(&mut desk.observers, &mut self.panics);
        }
        if desk.observers.is_empty() {
            self.lower(newest);
        }
        self.lay_down(desk)
    }

    /// Tells the commits of the run, oldest first; the last one made `end` current. False
    /// if the rest of it is to be offered to others.
    fn tell_run(&mut self, desk: &mut Desk<T>, end: &Snapshot<T>) -> bool {
        let Desk { observers, run, .. } = desk;
        while let Some(old) = run.pop() {
            self.tell(observers, old, run.last().unwrap_or(end));
            self.told += 1;
            if self.told >= turn() && !run.is_empty() {
                return false;
            }
        }
        true
    }

    /// Turns that are due besides those of the commits, on the state that is current now.
    fn give_due_turns(&mut self, desk: &mut Desk<T>) {
        let due = self.hub.line.due();
        if due == 0 {
            return;
        }
        self.hub.roster.adopt(&mut desk.observers);
        let current = self.view.load();
        for _ in 0..due {
            desk.observers
                .give_turn(u64::MAX, &current, &mut self.panics);
        }
        self.panics.catch(|| drop(current));
    }

    fn tell(
        &mut self,
        observers: &mut roster::Desk<Snapshot<T>>,
        old: Snapshot<T>,
        new: &Snapshot<T>,
    ) {
        let (version, panics) = (Snapshot::version(new), &mut self.panics);
        if self.hub.watches.is_empty() {
            observers.tell(version, Old::Given(old), new, panics);
        } else {
            observers.tell(version, Old::Lent(&old), new, panics);
            tell_watches(self.view, &old, new, panics);
            panics.catch(|| drop(old));
        }
    }

    fn close(&mut self, desk: &mut Desk<T>) {
        desk.observers.close(&mut self.panics);
        // Under the lock, for it excludes a watch being added.
        let watches = self.hub.roster.with(|_| self.hub.watches.clear());
        self.panics.catch(|| drop(watches));
    }

    /// Clears WATCHED if nobody is left to be told.
    fn lower(&mut self, head: &Snapshot<T>) {
        let mut touched = Touched::new();
        self.hub.roster.with(|register| {
            if register.is_empty() && self.hub.watches.is_empty() {
                let cell = self.view.cell();
                cell.lower(&head.0, Flags::WATCHED, &mut touched);
            }
        });
        for node in touched {
            self.panics.catch(|| drop(node));
        }
    }

    fn lay_down(&mut self, desk: Box<Desk<T>>) -> Step<T> {
        if self.told >= turn() {
            return self.offer(desk);
        }
        self.sign(0);
        match self.hub.desk.rest(desk) {
            Ok(()) => Step::Done,
            Err(Refused::Called(desk) | Refused::Gone(desk)) => {
                self.hub.desk.answer();
                self.sign(thread_token());
                Step::Again(desk)
            }
        }
    }

    /// Lays the desk down for anybody to take, gives way, and goes on if nobody has.
    #[cold]
    fn offer(&mut self, desk: Box<Desk<T>>) -> Step<T> {
        self.sign(0);
        // Whoever goes on after this offers again after the next commit.
        self.told = turn() - 1;
        self.hub.desk.offer(desk);
        yield_now();
        match self.hub.desk.call() {
            Some(desk) => {
                self.sign(thread_token());
                Step::Again(desk)
            }
            None => Step::Done,
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
