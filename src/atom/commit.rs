//! Writing: one compare-and-swap loop, and the endings that the public methods give it.

use std::{convert::Infallible, hint::spin_loop};

use super::{
    Atom,
    cell::{Cell, Flags, Published, Touched},
    view::AtomView,
};
use crate::{
    snapshot::{Change, Conflict, Snapshot},
    sync::Ordering,
    wait::{
        line::{Known, Line},
        panics::{Panics, Quiet},
        source::Commit,
    },
};

impl<T> AtomView<T> {
    /// Replaces the value by what `f` makes of it, without telling anybody yet.
    #[inline]
    pub(crate) fn commit<E>(
        &self,
        mut f: impl FnMut(&Snapshot<T>) -> Result<T, E>,
    ) -> Result<Published<T>, E> {
        let (published, ()) = self.commit_with(|current| Ok((f(current)?, ())))?;
        Ok(published)
    }

    /// The same with a result besides the new value: that of the attempt that was committed.
    #[inline]
    fn commit_with<R, E>(
        &self,
        mut f: impl FnMut(&Snapshot<T>) -> Result<(T, R), E>,
    ) -> Result<(Published<T>, R), E> {
        loop {
            let (current, state) = self.cell().load();
            let current = Snapshot(current);
            let (value, result) = f(&current)?;
            let result = Quiet::new(result);
            let draft = Cell::draft(value, Snapshot::version(&current) + 1);
            // What a lost attempt made is dropped before the next look: a destructor may commit.
            match self.cell().publish(current.0, state, draft) {
                Ok(published) => return Ok((published, result.into_inner())),
                Err(draft) => drop(draft),
            }
            drop(result);
            step_back();
        }
    }

    /// Tells the observers, if there are any. The replaced value is dropped after
    /// that, so that its destructor cannot come between a commit and its delivery.
    #[inline]
    pub(crate) fn conclude(&self, published: Published<T>) -> Snapshot<T> {
        let Published { new, flags, old } = published;
        let new = Snapshot(new);
        if flags.is_watched() {
            self.deliver_mine(&new);
        }
        drop(old);
        new
    }

    fn conclude_vals(&self, published: Published<T>) -> Change<T> {
        let old = Snapshot(published.old.node().clone());
        let new = self.conclude(published);
        Change { old, new }
    }
}

impl<T> Commit for AtomView<T> {
    type Value = T;
    type Committed = Published<T>;

    fn line(&self) -> &Line<Snapshot<T>> {
        &self.hub().line
    }

    fn has_no_line(&self) -> bool {
        // Relaxed: who knows that somebody has joined has thereby seen this, too.
        !self.hub().is_in_line.load(Ordering::Relaxed)
    }

    fn attend(&self) -> (Snapshot<T>, Vec<Snapshot<T>>) {
        // Relaxed: released by the raising, which a deliverer who has to know of it acquires.
        self.hub().is_in_line.store(true, Ordering::Relaxed);
        let mut touched = Touched::new();
        // Who could still commit keeps the atom open.
        let (node, _) = self.cell().raise(Flags::WATCHED, &mut touched);
        let touched = touched.into_iter().map(Snapshot).collect();
        (Snapshot(node), touched)
    }

    /// The flag in the cell is the deliverer's matter.
    fn disband(&self) {
        // Relaxed: a hint that is too old costs a look at the line.
        self.hub().is_in_line.store(false, Ordering::Relaxed);
    }

    fn try_commit(&self, mut f: impl FnMut(&Snapshot<T>) -> Option<T>) -> Option<Published<T>> {
        self.commit(|snapshot| f(snapshot).ok_or(())).ok()
    }

    fn made(committed: &Published<T>) -> Snapshot<T> {
        Snapshot(committed.new.clone())
    }

    fn conclude(&self, committed: Published<T>) {
        Self::conclude(self, committed);
    }

    /// The line is told of the commit when it is delivered, by whoever delivers it.
    fn conclude_turn(
        &self,
        place: u64,
        committed: Published<T>,
        _: impl FnOnce(&Snapshot<T>) -> Known,
    ) {
        let line = &self.hub().line;
        let has_knock = line.finish(place, self);
        let mut panics = Panics::new();
        panics.catch(|| Self::conclude(self, committed));
        if has_knock {
            line.tell(0, self, &mut panics);
        }
        panics.resume();
    }
}

/// A short pause after another commit was quicker. It waits for nobody: it lets the other
/// writer commit once or twice while the word is still in its cache, where the next attempt
/// at once would only take it away and make both of them lose in turn.
#[cold]
fn step_back() {
    const PAUSES: usize = 20;
    for _ in 0..PAUSES {
        spin_loop();
    }
}

/// Turns the outcome of a closure that cannot fail into its value.
#[inline]
fn always<R>(result: Result<R, Infallible>) -> R {
    match result {
        Ok(r) => r,
        Err(never) => match never {},
    }
}

/// # Committing
///
/// An update closure runs outside of any lock, and again when another commit was quicker; if it panics,
/// or returns `Err` or `None`, nothing changes.
///
/// A commit returns when everybody has been told of it, unless another thread, or an outer frame of this
/// one, is telling: then that one does it. Whoever reads a commit sees all that its writer did before.
impl<T> Atom<T> {
    /// Replaces the value with `value`, whatever it was. Returns the new snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// assert_eq!(*atom.reset(2), 2);
    /// assert_eq!(atom.version(), 1);
    /// ```
    pub fn reset(&self, value: T) -> Snapshot<T> {
        self.0.conclude(self.replace(value))
    }

    /// Makes `value` current and says what it replaced: exactly that, also when several reset at
    /// once.
    ///
    /// # Examples
    ///
    /// ```
    /// let change = atomos::Atom::new("a").reset_vals("b");
    /// assert_eq!((*change.old, *change.new), ("a", "b"));
    /// ```
    pub fn reset_vals(&self, value: T) -> Change<T> {
        self.0.conclude_vals(self.replace(value))
    }

    /// A compare-and-swap loop that needs one value only.
    #[inline]
    fn replace(&self, value: T) -> Published<T> {
        let (mut current, mut state) = self.0.cell().load();
        let mut draft = Cell::draft(value, current.version() + 1);
        loop {
            match self.0.cell().publish(current, state, draft) {
                Ok(published) => return published,
                Err(again) => draft = again,
            }
            step_back();
            (current, state) = self.0.cell().load();
            draft.set_version(current.version() + 1);
        }
    }

    /// Replaces the value with what `f` returns for it. Returns the new snapshot.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(20);
    /// assert_eq!(*atom.swap(|n| n + 1), 21);
    /// ```
    pub fn swap(&self, mut f: impl FnMut(&T) -> T) -> Snapshot<T> {
        self.0.conclude(always(self.0.commit(|value| Ok(f(value)))))
    }

    /// As [`swap`](Self::swap); returns the value it replaced, too.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(20);
    /// let change = atom.swap_vals(|n| n + 1);
    /// assert_eq!((*change.old, *change.new), (20, 21));
    /// ```
    pub fn swap_vals(&self, mut f: impl FnMut(&T) -> T) -> Change<T> {
        self.0
            .conclude_vals(always(self.0.commit(|value| Ok(f(value)))))
    }

    /// As [`swap`](Self::swap), unless `f` returns `None`: then nothing is committed.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let stock = atomos::Atom::new(1_u32);
    /// let take = || stock.swap_if(|n| n.checked_sub(1));
    /// assert!(take().is_some());
    /// assert!(take().is_none());
    /// assert_eq!(stock.version(), 1);
    /// ```
    pub fn swap_if(&self, mut f: impl FnMut(&T) -> Option<T>) -> Option<Snapshot<T>> {
        self.try_swap(|value| f(value).ok_or(())).ok()
    }

    /// As [`swap`](Self::swap), unless `f` returns an error.
    ///
    /// # Errors
    ///
    /// Those of `f`; then nothing is committed.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let names = atomos::Atom::new(vec!["ada"]);
    /// let join = |name| {
    ///     names.try_swap(|taken| {
    ///         if taken.contains(&name) {
    ///             return Err(format!("{name} is taken"));
    ///         }
    ///         Ok(taken.iter().copied().chain([name]).collect())
    ///     })
    /// };
    /// assert!(join("alan").is_ok());
    /// assert_eq!(join("ada").unwrap_err(), "ada is taken");
    /// ```
    pub fn try_swap<E>(&self, mut f: impl FnMut(&T) -> Result<T, E>) -> Result<Snapshot<T>, E> {
        self.0
            .commit(|value| f(value))
            .map(|published| self.0.conclude(published))
    }

    /// As [`swap`](Self::swap), with a result besides the new value: that of the
    /// attempt that was committed.
    ///
    /// # Panics
    ///
    /// With the panic of `f`; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let stack = atomos::Atom::new(vec![1, 2, 3]);
    /// let top = stack.modify(|v| {
    ///     let mut rest = v.clone();
    ///     let top = rest.pop();
    ///     (rest, top)
    /// });
    /// assert_eq!(top, Some(3));
    /// assert_eq!(*stack.load(), [1, 2]);
    /// ```
    pub fn modify<R>(&self, mut f: impl FnMut(&T) -> (T, R)) -> R {
        let (published, result) = always(self.0.commit_with(|value| Ok(f(value))));
        let result = Quiet::new(result);
        self.0.conclude(published);
        result.into_inner()
    }

    /// Commits `new` if the current value equals `expected`. False if it does not.
    ///
    /// # Panics
    ///
    /// With a panic of the comparison; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// assert!(atom.compare_and_set(&1, 2));
    /// assert!(!atom.compare_and_set(&1, 3));
    /// ```
    pub fn compare_and_set(&self, expected: &T, new: T) -> bool
    where
        T: PartialEq,
    {
        let new = Quiet::new(new);
        let (mut current, mut state) = self.0.cell().load();
        if current.value() != expected {
            return false;
        }
        let mut draft = Cell::draft(new.into_inner(), current.version() + 1);
        loop {
            match self.0.cell().publish(current, state, draft) {
                Ok(published) => {
                    self.0.conclude(published);
                    return true;
                }
                Err(again) => draft = again,
            }
            step_back();
            (current, state) = self.0.cell().load();
            if current.value() != expected {
                return false;
            }
            draft.set_version(current.version() + 1);
        }
    }

    /// Commits `new` if `current` is still the current snapshot: that very commit, not an
    /// equal value.
    ///
    /// # Errors
    ///
    /// [`Conflict`] if it is not, or belongs to another atom; `new` is in there.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// let seen = atom.load();
    /// assert!(atom.compare_exchange(&seen, 2).is_ok());
    /// assert_eq!(atom.compare_exchange(&seen, 3).unwrap_err().rejected, 3);
    /// ```
    pub fn compare_exchange(
        &self,
        current: &Snapshot<T>,
        new: T,
    ) -> Result<Snapshot<T>, Conflict<T>> {
        let (now, state) = self.0.cell().load();
        if now.address() != current.0.address() {
            return Err(Conflict {
                current: Snapshot(now),
                rejected: new,
            });
        }
        let draft = Cell::draft(new, now.version() + 1);
        match self.0.cell().publish(now, state, draft) {
            Ok(published) => Ok(self.0.conclude(published)),
            Err(draft) => Err(Conflict {
                current: self.load(),
                rejected: draft.into_value(),
            }),
        }
    }
}
