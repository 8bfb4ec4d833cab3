//! [`Atom`]: a value that changes as a whole.

pub(crate) mod cell;
pub(crate) mod delivery;
pub(crate) mod node;
pub(crate) mod view;
pub(crate) mod watch;

// In the order in which the documentation is to show their methods, hence apart.
mod basics;

pub(crate) mod commit;

mod waits;

#[cfg(not(loom))]
mod threads;

#[cfg(all(feature = "tokio", not(loom)))]
mod spawn;

use std::{
    fmt, panic,
    sync::{Arc, Weak},
};

use self::{
    cell::Flags,
    view::{AtomView, Shared},
    watch::{WatchEvent, WatchKey},
};
use crate::sync::Ordering;

/// A shared value that changes as a whole, by compare-and-swap, and whose changes can be awaited.
///
/// Clones are handles to the same atom. Reading never waits and never fails; writing runs a
/// closure on the current value and tries again if somebody else was quicker. Every commit
/// raises the [version](crate::Snapshot::version) by one and is told to watches, streams and
/// waits in one order, the order of commits.
///
/// The atom *closes* when its last `Atom` handle is dropped. [Views](AtomView), streams and
/// readers do not keep it open.
///
/// Besides the value and its header (see [`Snapshot`](crate::Snapshot)) an atom takes 48 bytes,
/// and about 500 more from the first time that it is observed (on 64-bit targets).
///
/// # Reading on many cores
///
/// [`load`](Self::load) and [`with`](Self::with) count a reference in the atom's word. That
/// is one atomic addition (once in some ten thousand reads a few steps more), and another one when the
/// reference is dropped; and all cores that read at once share that word's cache line, as they do with
/// an `Arc` that everybody clones: reading does not get faster with more cores. A [`Reader`](crate::Reader) keeps its own snapshot and only compares,
/// so that reads of an unchanged value share nothing; use one per thread or task on hot paths.
///
/// # Panics of user code
///
/// A panic in an update closure leaves the atom as it was. A panic in a predicate surfaces in
/// the task that waits. A panic in a watch, a waker or a destructor that ran during delivery
/// surfaces in the thread that was delivering, when everybody else has been served. Nothing is
/// ever poisoned.
///
/// # Examples
///
/// ```
/// use atomos::Atom;
///
/// # futures::executor::block_on(async {
/// let queue = Atom::new(Vec::new());
///
/// let writer = queue.clone();
/// std::thread::spawn(move || {
///     for job in ["a", "b", "c"] {
///         writer.swap(|jobs| jobs.iter().copied().chain([job]).collect());
///     }
/// });
///
/// let full = queue.wait_for(|jobs| jobs.len() == 3).await;
/// assert_eq!(*full, ["a", "b", "c"]);
/// # });
/// ```
pub struct Atom<T>(pub(crate) AtomView<T>);

/// # Watching
impl<T> Atom<T> {
    /// Calls `f` with every commit from now on, in the thread that delivers it.
    ///
    /// The watches of a commit run one after another in registration order, the
    /// commits in commit order, never two calls at a time. Waits and streams are told
    /// of a commit before its watches run, so a task may go on while they do. A watch
    /// under a key that is taken replaces the other, in its place.
    ///
    /// A watch is called through `&`: state of its own goes into an atomic or a
    /// `Mutex`, in spite of the calls being one at a time.
    ///
    /// A watch may do anything with the atom, a commit included, which is delivered when the
    /// running one has been delivered to everyone. It may not block until a later commit is
    /// delivered, since it holds up that delivery: [`blocking_wait_for`](Self::blocking_wait_for)
    /// panics there. Nor should it capture an `Atom` of the same atom, which would then never
    /// close; a [`WeakAtom`] or the event's own view does not keep it open. When the atom closes its
    /// watches are dropped, after they have been called with the last commit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use atomos::Atom;
    ///
    /// let atom = Atom::new(1);
    /// let (log, lines) = mpsc::channel();
    /// atom.add_watch("log", move |e| log.send((**e.old, **e.new)).unwrap());
    /// atom.swap(|n| n * 2);
    /// atom.remove_watch("log");
    /// atom.swap(|n| n * 2);
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), [(1, 2)]);
    /// ```
    pub fn add_watch<K, F>(&self, key: K, f: F) -> &Self
    where
        K: Into<WatchKey>,
        F: Fn(&WatchEvent<'_, T>) + Send + Sync + 'static,
    {
        self.0.add_watch(key, f);
        self
    }

    /// Removes the watch under `key`; false if there is none.
    ///
    /// No call of it begins after this has returned. A call that is running goes on and is not waited
    /// for, so a watch may remove itself.
    pub fn remove_watch<K: Into<WatchKey>>(&self, key: K) -> bool {
        self.0.remove_watch(key)
    }

    /// The keys of the watches, in registration order.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// atom.add_watch("log", |_| {}).add_watch(7, |_| {});
    /// let keys: Vec<String> = atom.watch_keys().iter().map(|key| key.to_string()).collect();
    /// assert_eq!(keys, ["log", "7"]);
    /// ```
    pub fn watch_keys(&self) -> Vec<WatchKey> {
        self.0.watch_keys()
    }
}

/// # Handles
impl<T> Atom<T> {
    /// A read-only handle, which does not keep the atom open.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// let view = atom.view();
    /// atom.reset(2);
    /// assert_eq!(*view.load(), 2);
    /// ```
    pub fn view(&self) -> AtomView<T> {
        self.0.clone()
    }

    /// A handle that keeps nothing alive, and from which an `Atom` can be had as long as
    /// there is another one.
    pub fn downgrade(&self) -> WeakAtom<T> {
        WeakAtom(Arc::downgrade(&self.0.0))
    }

    /// Whether both are handles of the same atom.
    ///
    /// # Examples
    ///
    /// ```
    /// let atom = atomos::Atom::new(1);
    /// assert!(atom.ptr_eq(&atom.clone()));
    /// assert!(!atom.ptr_eq(&atomos::Atom::new(1)));
    /// ```
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T> Clone for Atom<T> {
    fn clone(&self) -> Self {
        // Relaxed: a handle is made from one that keeps the atom open.
        self.0.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl<T> Drop for Atom<T> {
    fn drop(&mut self) {
        // AcqRel: the commits made through all other handles precede the closing.
        if self.0.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl<T: Default> Default for Atom<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Atom<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Atom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("Atom", f)
    }
}

// A closure that panics changes nothing, and readers see values that were committed whole.
impl<T> panic::UnwindSafe for Atom<T> {}
impl<T> panic::RefUnwindSafe for Atom<T> {}

/// A handle that keeps neither the atom open nor its value alive.
///
/// # Examples
///
/// ```
/// use atomos::Atom;
///
/// let atom = Atom::new(1);
/// let weak = atom.downgrade();
/// assert_eq!(*weak.upgrade().unwrap().load(), 1);
///
/// drop(atom);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakAtom<T>(Weak<Shared<T>>);

impl<T> WeakAtom<T> {
    /// A handle like any other, unless the atom has closed.
    pub fn upgrade(&self) -> Option<Atom<T>> {
        let shared = self.0.upgrade()?;
        let mut handles = shared.handles.load(Ordering::Relaxed);
        while handles > 0 {
            // Relaxed: while one handle exists, what another makes of it needs no order;
            // the comparison makes sure that the last one was not dropped meanwhile.
            match shared.handles.compare_exchange_weak(
                handles,
                handles + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Atom(AtomView(shared))),
                Err(now) => handles = now,
            }
        }
        None
    }
}

impl<T> Clone for WeakAtom<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for WeakAtom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(WeakAtom)")
    }
}

impl<T> panic::UnwindSafe for WeakAtom<T> {}
impl<T> panic::RefUnwindSafe for WeakAtom<T> {}

/// The closing itself is part of the word, so that it follows the last commit.
impl<T> AtomView<T> {
    fn close(&self) {
        let (last, state) = self.cell().raise(Flags::CLOSED, &mut Vec::new());
        drop(last);
        if state.flags().is_watched() {
            self.deliver();
        }
    }
}
