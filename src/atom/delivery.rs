//! Telling observers of commits: in commit order, by one thread at a time, holding no lock.
//!
//! # The protocol
//!
//! The *word* is the atom's cell ([`super::cell`]): node and flags in one atomic state. The
//! *desk* is a [`Baton`]: whoever carries it delivers.
//!
//! | step | writer                                      | deliverer (carrier of the desk)            |
//! |------|---------------------------------------------|--------------------------------------------|
//! | 1    | compare-and-swap of the word; under WATCHED | `answer`: clears *called* (getting the     |
//! |      |                                             | desk by `call` is an answer, too)          |
//! |      | the new node links its predecessor          |                                            |
//! | 2    | if it was WATCHED: `call` of the desk       | loads the word: the newest node            |
//! | 3    | gets the desk: becomes the deliverer        | takes over newcomers, if there is news     |
//! | 4    | else: returns                               | takes the links back to the last delivered |
//! |      |                                             | node; tells the commits, oldest first      |
//! | 5    |                                             | `rest`: refused if *called*, then step 1   |
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
//! **Handing over.** A deliverer that has told `TURN` commits lays the desk down for anybody,
//! gives way once, and calls it like a writer: it goes on only if nobody took it. What it had
//! not told yet stays on the desk.

#![allow(unsafe_code)]

use super::{
    cell::Flags,
    node::NodeRef,
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
const TURN: usize = if cfg!(loom) { 1 } else { 64 };

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
    /// Commits taken from the cell and not told yet: a run of nodes, newest first, of
    /// which each is the predecessor of the one before it.
    run: Vec<NodeRef<T>>,
}

impl<T> Hub<T> {
    pub(crate) fn boxed() -> Box<Self> {
        Box::new(Self {
            desk: Baton::resting(Box::new(Desk {
                observers: roster::Desk::new(),
                run: Vec::new(),
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
    pub(crate) fn register(&self, observer: Observer<Snapshot<T>>) -> (Snapshot<T>, Flags) {
        self.hub().roster.register(|register| {
            let (node, state) = self.cell().raise(Flags::WATCHED);
            if !state.flags().is_closed() {
                register.add(node.version(), observer);
            }
            (Snapshot(node), state.flags())
        })
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
            Delivery::new(self).run(desk);
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

    fn run(mut self, mut desk: Box<Desk<T>>) {
        self.sign(thread_token());
        while let Step::Again(next) = self.round(desk) {
            desk = next;
        }
        self.panics.resume();
    }

    fn sign(&self, token: usize) {
        // Relaxed: see `is_deliverer`.
        self.hub.deliverer.store(token, Ordering::Relaxed);
    }

    /// Steps 2 to 5 of the protocol; the first was taken with the desk, or when `rest` was
    /// refused.
    fn round(&mut self, mut desk: Box<Desk<T>>) -> Step<T> {
        let (head, state) = self.view.cell().load();
        self.hub.roster.adopt(&mut desk.observers);
        // What an earlier deliverer left over comes first, and ends the round.
        let leftover = !desk.run.is_empty();
        if leftover {
            self.panics.catch(|| drop(head));
        } else {
            trace(head, &mut desk.run);
        }
        let Some(latest) = self.tell_run(&mut desk) else {
            return self.offer(desk);
        };
        if leftover {
            self.panics.catch(|| drop(latest));
            return Step::Again(desk);
        }
        self.give_due_turns(&mut desk);
        if state.flags().is_closed() {
            self.close(&mut desk);
        }
        if self.hub.roster.is_untidy() {
            self.hub.roster.tidy(&mut desk.observers, &mut self.panics);
        }
        if desk.observers.is_empty() {
            self.lower(&latest);
        }
        self.panics.catch(|| drop(latest));
        self.lay_down(desk)
    }

    /// Tells the commits of the run, oldest first, and returns the latest state. None
    /// if the rest of it is to be offered to others.
    fn tell_run(&mut self, desk: &mut Desk<T>) -> Option<Snapshot<T>> {
        let mut old = desk.run.pop().map(Snapshot)?;
        while let Some(new) = desk.run.pop().map(Snapshot) {
            let told = std::mem::replace(&mut old, new);
            self.tell(desk, told, &old);
            self.told += 1;
            if self.told >= TURN && !desk.run.is_empty() {
                desk.run.push(old.0);
                return None;
            }
        }
        Some(old)
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

    fn tell(&mut self, desk: &mut Desk<T>, old: Snapshot<T>, new: &Snapshot<T>) {
        let version = Snapshot::version(new);
        let (observers, panics) = (&mut desk.observers, &mut self.panics);
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
    fn lower(&self, head: &Snapshot<T>) {
        self.hub.roster.with(|register| {
            if register.is_empty() && self.hub.watches.is_empty() {
                self.view.cell().lower(&head.0, Flags::WATCHED);
            }
        });
    }

    fn lay_down(&mut self, desk: Box<Desk<T>>) -> Step<T> {
        if self.told >= TURN {
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
        self.told = 0;
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

/// Follows the links from `head` back to the last delivered node, taking them. The run has
/// at least one node then: what is current, if nothing is undelivered.
fn trace<T>(head: NodeRef<T>, run: &mut Vec<NodeRef<T>>) {
    let mut node = head;
    loop {
        // SAFETY: (1) the caller carries the desk; (2) `head` was loaded from the cell, and
        // every further node was linked to its successor.
        let previous = unsafe { node.take_previous() };
        run.push(node);
        match previous {
            Some(previous) => node = previous,
            None => break,
        }
    }
}
