//! What can be waited for: the seam between waits and the types that hold a value.

use super::{
    line::{Known, Line},
    mailbox::Event,
    roster::{Name, Observer},
};

/// A value that changes, and tells its observers.
pub(crate) trait Source {
    /// A handle of one state of it.
    type Event: Event;

    /// Registers an observer, which is told all that follows the state returned.
    fn register(&self, observer: Observer<Self::Event>) -> Registered<Self::Event>;

    /// Takes a registration back, if no deliverer has come for it yet: then nobody else has a
    /// handle of the observer. True if so.
    fn withdraw(&self, observer: Name) -> bool;

    /// An observer that could not be withdrawn has left: its record can go.
    fn tidy(&self);

    /// Ends a registration.
    fn unregister(&self, observer: &Observer<Self::Event>) {
        if self.is_foreign() {
            // A predicate has forked.
            return;
        }
        if !self.withdraw(observer.name()) {
            self.tidy();
        }
    }

    /// The current state.
    fn look(&self) -> Self::Event;

    /// Whether this process was forked from the one that made it. Then threads that are not here may hold
    /// its locks, and the only thing to be done with a wait is to drop it.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Whether the current thread is telling the observers, or serving those in line, in an outer
    /// frame.
    #[cfg(not(loom))]
    fn is_deliverer(&self) -> bool;
}

/// What came of a registration.
pub(crate) enum Registered<E> {
    /// It was made at this state. The other ones are to be dropped when the registration is in its
    /// place: a destructor in them may panic, and whoever takes it back must know of it then.
    Since(E, Vec<E>),
    /// It was not: nothing more will come.
    Closed,
}

/// A source with a line of those who wait in order to commit.
pub(crate) trait Commit: Source {
    /// What is committed.
    type Value;
    /// A commit that nobody has been told of yet.
    type Committed;

    fn line(&self) -> &Line<Self::Event>;

    /// Whether nobody is in line, so that a newcomer may try at once.
    fn has_no_line(&self) -> bool;

    /// Somebody is about to be in line, under whose lock this runs: what is committed from now on is
    /// told. Returns the state that is current after that; the others are to be dropped outside.
    fn attend(&self) -> (Self::Event, Vec<Self::Event>);

    /// Nobody is in line, under whose lock this runs.
    fn disband(&self);

    /// Commits what `f` makes of the current state, unless that is nothing.
    fn try_commit(
        &self,
        f: impl FnMut(&Self::Event) -> Option<Self::Value>,
    ) -> Option<Self::Committed>;

    /// The state that a commit has made current.
    fn made(committed: &Self::Committed) -> Self::Event;

    /// Tells the observers, and those in line, of a commit that was made from outside.
    fn conclude(&self, committed: Self::Committed);

    /// The same for one that was made with the turn of that place, which is left by this. What the
    /// conditions of its kind say of the new state, if it has one, `ask` finds out.
    fn conclude_turn(
        &self,
        place: u64,
        committed: Self::Committed,
        ask: impl FnOnce(&Self::Event) -> Known,
    );
}
