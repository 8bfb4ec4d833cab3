//! Keyed watches: closures that are called with every commit.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    cell::{Flags, Touched},
    view::AtomView,
};
use crate::{
    snapshot::Snapshot,
    sync::{AtomicBool, Ordering},
    wait::panics::Panics,
};

/// The name of a watch: a text or a number.
///
/// Keys made of the same text are equal, whether from `&'static str` or `String`; a number
/// never equals a text. Cloning one counts a reference at most.
///
/// # Examples
///
/// ```
/// use atomos::WatchKey;
///
/// assert_eq!(WatchKey::from("log"), WatchKey::from(String::from("log")));
/// assert_ne!(WatchKey::from("1"), WatchKey::from(1));
/// assert_eq!(WatchKey::from(7).to_string(), "7");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchKey(Key);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Number(u64),
    Text(Arc<str>),
}

impl From<&'static str> for WatchKey {
    fn from(text: &'static str) -> Self {
        Self(Key::Text(text.into()))
    }
}

impl From<String> for WatchKey {
    fn from(text: String) -> Self {
        Self(Key::Text(text.into()))
    }
}

impl From<u64> for WatchKey {
    fn from(number: u64) -> Self {
        Self(Key::Number(number))
    }
}

impl fmt::Display for WatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::Number(number) => fmt::Display::fmt(number, f),
            Key::Text(text) => fmt::Display::fmt(text, f),
        }
    }
}

impl fmt::Debug for WatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::Number(number) => write!(f, "WatchKey({number})"),
            Key::Text(text) => write!(f, "WatchKey({text:?})"),
        }
    }
}

/// What a watch is called with: one commit of one atom. The values themselves are `**e.old` and
/// `**e.new`.
pub struct WatchEvent<'a, T> {
    /// The key that the watch was added under.
    pub key: &'a WatchKey,
    /// The atom. It may have moved on: the commit is `old` and `new`.
    pub atom: &'a AtomView<T>,
    /// The value that the commit replaced.
    pub old: &'a Snapshot<T>,
    /// The value that the commit made current.
    pub new: &'a Snapshot<T>,
}

impl<T> Clone for WatchEvent<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for WatchEvent<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for WatchEvent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchEvent")
            .field("key", self.key)
            .field("old", self.old)
            .field("new", self.new)
            .finish_non_exhaustive()
    }
}

type Callback<T> = Box<dyn Fn(&WatchEvent<'_, T>) + Send + Sync>;

pub(crate) struct Watch<T> {
    key: WatchKey,
    /// Called with the commits after this version.
    since: u64,
    /// Cleared when it is removed or replaced: no call begins after that.
    active: AtomicBool,
    call: Callback<T>,
}

type List<T> = Vec<Arc<Watch<T>>>;

/// The watches of one atom, in registration order: a list that is read at every delivery
/// and copied when it changes. Changes are made under the register's lock.
pub(crate) struct Watches<T> {
    list: ArcSwap<List<T>>,
    /// Whether the list has an entry: cheaper to ask than the list.
    any: AtomicBool,
}

/// A list in use, or one that was replaced; never to be dropped under a lock.
///
/// It may be the last owner of several closures, whose destructors may panic: each is dropped
/// on its own.
pub(crate) struct Shelf<T>(Option<Arc<List<T>>>);

impl<T> Shelf<T> {
    fn new(list: Arc<List<T>>) -> Self {
        Self(Some(list))
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Watch<T>>> {
        self.0.iter().flat_map(|list| list.iter())
    }
}

impl<T> Drop for Shelf<T> {
    fn drop(&mut self) {
        let Some(watches) = self.0.take().and_then(Arc::into_inner) else {
            return;
        };
        let mut panics = Panics::new();
        for watch in watches {
            panics.catch(|| drop(watch));
        }
        panics.resume();
    }
}

impl<T> Watches<T> {
    pub(crate) fn new() -> Self {
        Self {
            list: ArcSwap::from_pointee(Vec::new()),
            any: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a deliverer that has to tell a watch has been in the section in which it was
        // added (see `Roster::adopt`).
        !self.any.load(Ordering::Relaxed)
    }

    pub(crate) fn keys(&self) -> Vec<WatchKey> {
        let list = Shelf::new(self.list.load_full());
        list.iter().map(|watch| watch.key.clone()).collect()
    }

    pub(crate) fn clear(&self) -> Shelf<T> {
        self.replace(Vec::new())
    }

    fn replace(&self, list: List<T>) -> Shelf<T> {
        self.any.store(!list.is_empty(), Ordering::Relaxed);
        Shelf::new(self.list.swap(Arc::new(list)))
    }

    /// Adds a watch, in the place of one that has its key.
    fn put(&self, watch: Watch<T>) -> Shelf<T> {
        let mut list = self.list.load().to_vec();
        let watch = Arc::new(watch);
        match list.iter_mut().find(|other| other.key == watch.key) {
            Some(place) => {
                place.active.store(false, Ordering::SeqCst);
                *place = watch;
            }
            None => list.push(watch),
        }
        self.replace(list)
    }

    fn take(&self, key: &WatchKey) -> Option<Shelf<T>> {
        let mut list = self.list.load().to_vec();
        let place = list.iter().position(|watch| watch.key == *key)?;
        list.remove(place).active.store(false, Ordering::SeqCst);
        Some(self.replace(list))
    }
}

/// Deliverer: calls every watch that was there before the commit.
pub(crate) fn tell_watches<T>(
    view: &AtomView<T>,
    old: &Snapshot<T>,
    new: &Snapshot<T>,
    panics: &mut Panics,
) {
    let watches = &view.hub().watches;
    if watches.is_empty() {
        return;
    }
    // A full reference, since a guard may not be held while code of the user runs.
    let list = Shelf::new(panics.insist(|| watches.list.load_full()));
    for watch in list.iter() {
        // SeqCst: a removal that has returned is seen, in any order that threads can tell.
        if watch.since < Snapshot::version(new) && watch.active.load(Ordering::SeqCst) {
            let event = WatchEvent {
                key: &watch.key,
                atom: view,
                old,
                new,
            };
            panics.catch(|| (watch.call)(&event));
        }
    }
    panics.catch(|| drop(list));
}

impl<T> AtomView<T> {
    /// See [`Atom::add_watch`](crate::Atom::add_watch). Ignored when the atom has closed.
    pub fn add_watch<K, F>(&self, key: K, f: F) -> &Self
    where
        K: Into<WatchKey>,
        F: Fn(&WatchEvent<'_, T>) + Send + Sync + 'static,
    {
        let (key, call): (_, Callback<T>) = (key.into(), Box::new(f));
        let hub = self.hub();
        let mut touched = Touched::new();
        let garbage = hub.roster.register(|_| {
            let (node, state) = self.cell().raise(Flags::WATCHED, &mut touched);
            if state.flags().is_closed() {
                return (node, Err(call));
            }
            let watch = Watch {
                key,
                since: node.version(),
                active: AtomicBool::new(true),
                call,
            };
            (node, Ok(hub.watches.put(watch)))
        });
        drop((garbage, touched));
        self
    }

    /// See [`Atom::remove_watch`](crate::Atom::remove_watch).
    pub fn remove_watch<K: Into<WatchKey>>(&self, key: K) -> bool {
        let key = key.into();
        let removed = self.hub().roster.with(|_| self.hub().watches.take(&key));
        removed.is_some()
    }

    /// The keys of the watches, in registration order.
    pub fn watch_keys(&self) -> Vec<WatchKey> {
        self.hub().watches.keys()
    }
}
