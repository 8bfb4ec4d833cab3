//! Whether anybody waits for a cell: what every writer asks twice.
//!
//! The waits for a cell stand in two registers, that of the [levels](super::threshold) and that of
//! the [listeners](super::listeners), and each has a mark beside the cell's value. A writer loads
//! the marks before it writes and again afterwards, and has nothing more to do if there are none.
//! Nor has it if the [census](super::census) is zero, which saves it the look at the marks:
//!
//! | step | writer                              | registration (under its register's lock)    |
//! |------|-------------------------------------|---------------------------------------------|
//! | 1    | no mark: nobody has begun; else     | counts the cell and sets its mark, unless   |
//! |      | reads how many waits have begun     | that is done                                |
//! | 2    | writes the value                    | takes its number                            |
//! | 3    | barrier                             | barrier                                     |
//! | 4    | no mark: done; else goes to those   | reads the value; waits, unless that ends it |
//! |      | whose mark there is                 |                                             |
//!
//! Those who are in [line](super::line) have a third mark, by the same rules, under the lock of the
//! line; they need no number.
//!
//! A mark is cleared under its register's lock, when nobody is in that register; then the cell is
//! not counted any more on its account. To find a census of zero is to find no mark: a cell is
//! counted before it is marked, and as long as it is.
//!
//! **Nobody is overlooked.** As long as a wait is parked the mark that it set or found is not
//! cleared. All accesses are sequentially consistent: *either* step 4 of the writer sees that
//! mark, *or* it precedes the setting of it, and so the writer's step 2 precedes step 4 of the
//! registration, which sees what was written or something later.
//!
//! **Nobody has begun** who is still waiting when the writer finds no mark in step 1: for the same
//! reason its mark was set after that, and its number is taken after its mark was set. Of those who
//! are not waiting any more it does not matter.

/// A cell, as a register of those who wait for it sees it.
pub(crate) trait Presence<V> {
    /// The value. It is read sequentially consistently, as the mark is set, or after a fence.
    fn look(&self) -> V;

    /// Somebody is about to be in the register: sets the mark, unless it is set. True if it was not: then
    /// nobody is there yet.
    fn raise(&self) -> bool;

    /// Under the lock of the listeners: all up to that number are to be told that, after what they are
    /// to be told already.
    fn leaves(&self, _value: &V, _up_to: u64) {}

    /// Under the lock of the listeners: one of them has come, and has seen that. It is alone if nobody
    /// was there before.
    fn has_seen(&self, _value: &V, _number: u64, _is_alone: bool) {}

    /// Nobody is in the register.
    fn lower(&self);
}
