//! Coming from the original atomos, for Python.
//!
//! The names are the same where the things are. What differs everywhere:
//!
//! - An update function cannot spoil the current value, since it gets a `&T`; arguments for it
//!   (`*args`, `**kwargs`) are what the closure captures.
//! - No lock is held, neither while reading nor while your code runs.
//! - All of it can be awaited. The original can only call watches.
//! - A value of the wrong type does not compile, instead of raising `TypeError`.
//!
//! # `atomos.atom`
//!
//! | Python | here | what differs |
//! |---|---|---|
//! | `Atom(state)` | [`Atom::new`] | clones of the handle are the same atom |
//! | `atom.deref()` | [`load`](Atom::load), [`with`](Atom::with) | a [`Snapshot`] has a version besides the value |
//! | `atom.swap(fn, *args, **kwargs)` | [`swap`](Atom::swap) | compares by identity, where the original compares with `==` |
//! | `atom.reset(newval)` | [`reset`](Atom::reset) | the old value that watches are told is the one that was replaced, also when several reset at once |
//! | `atom.compare_and_set(oldval, newval)` | [`compare_and_set`](Atom::compare_and_set) | `==` as there; by identity it is [`compare_exchange`](Atom::compare_exchange) |
//! | `repr(atom)` | `Debug` | |
//! | `ARef()`, to be subclassed | none: every [`Atom`] and [`AtomView`] has watches | a type of your own holds an atom |
//! | `add_watch(key, fn)` | [`add_watch`](Atom::add_watch) | called in commit order, one at a time; a key is a text or a `u64` |
//! | `fn(key, ref, old, new)` | `Fn(&WatchEvent<T>)` with the fields of [`WatchEvent`] | `ref` is `atom`, which a watch only reads |
//! | `remove_watch(key)` | [`remove_watch`](Atom::remove_watch) | says whether there was one; after it no call begins |
//! | `get_watches()` | [`watch_keys`](Atom::watch_keys) | the keys, in registration order; closures are not handed out |
//! | `notify_watches(oldval, newval)` | none | the atom tells each commit exactly once, and nothing that was not committed. Call the function itself |
//!
//! The example of the original, which logs new clients:
//!
//! ```
//! use std::{collections::BTreeSet, sync::mpsc};
//! use atomos::Atom;
//!
//! let clients = Atom::new(BTreeSet::new());
//! let (log, lines) = mpsc::channel();
//! clients.add_watch("log_new_clients", move |e| {
//!     for client in e.new.difference(e.old) {
//!         log.send(format!("new client {client}")).unwrap();
//!     }
//! });
//!
//! clients.swap(|now| now.iter().copied().chain(["foo"]).collect());
//! assert_eq!(lines.recv().unwrap(), "new client foo");
//! ```
//!
//! # `atomos.atomic`
//!
//! The methods of [`Atomic`] are those of all its widths.
//!
//! | Python | here | what differs |
//! |---|---|---|
//! | `AtomicBoolean(value=False)` | [`AtomicBoolean`], which is [`AtomicBool`] | |
//! | `AtomicInteger(value=0)` | [`AtomicInteger`], which is [`AtomicI32`] | 32 bits that wrap; Python's never overflow |
//! | `AtomicLong(value=0)` | [`AtomicLong`], which is [`AtomicI64`] | 64 bits that wrap. Beyond: an [`Atom`] of a big integer |
//! | `AtomicFloat(value=0.0)` | [`AtomicFloat`], which is [`AtomicF64`] | |
//! | `AtomicNumber`, their base | `Atomic<T>` with `T:` [`Number`] | |
//! | `get()` | [`get`](Atomic::get) | |
//! | `set(value)` | [`set`](Atomic::set) | returns nothing; the original returns `value` |
//! | `get_and_set(value)` | [`get_and_set`](Atomic::get_and_set) | |
//! | `compare_and_set(expect, update)` | [`compare_and_set`](Atomic::compare_and_set) | floats compare bits: NaN equals itself, -0.0 is not 0.0 |
//! | `add_and_get(delta)` | [`add_and_get`](Atomic::add_and_get) | |
//! | `get_and_add(delta)` | [`get_and_add`](Atomic::get_and_add) | |
//! | `subtract_and_get(delta)` | [`subtract_and_get`](Atomic::subtract_and_get) | |
//! | `get_and_subtract(delta)` | [`get_and_subtract`](Atomic::get_and_subtract) | |
//! | `repr(cell)` | `Debug` | |
//!
//! ## `AtomicReference`
//!
//! | Python | here | what differs |
//! |---|---|---|
//! | `AtomicReference(value=None)` | [`AtomicReference::new`], or `From<Arc<T>>` | holds an `Arc<T>`; where `None` is wanted, `T` is an `Option` |
//! | `get()` | [`get`](AtomicReference::get) | |
//! | `set(value)` | [`set`](AtomicReference::set) | takes an `Arc`, returns nothing |
//! | `get_and_set(value)` | [`get_and_set`](AtomicReference::get_and_set) | |
//! | `compare_and_set(expect, update)` | [`compare_and_set`](AtomicReference::compare_and_set) | **by identity**; the original compares with `==`, as [`Atom::compare_and_set`] does |
//!
//! # `atomos.multiprocessing`
//!
//! The feature `shm`, in the module [`shm`][shm]. There is no manager process and no lock: the value is
//! in a file that the processes map, named by its path, so they need not descend from one
//! another.
//!
//! | Python | here | what differs |
//! |---|---|---|
//! | `atom.Atom` | [`shm::Atom`][shm] | values are encoded with `postcard`, through `serde`, instead of pickled; no watches: [`snapshots`][shm] and waits |
//! | `atomic.AtomicReference`, and `AtomicManager`, which serves it | [`shm::Atom`][shm] | a value, not a reference; `compare_exchange` by version and encoding |
//! | `atomic.AtomicCtypesReference` with `get`, `set`, `get_and_set`, `compare_and_set` | [`shm::Atomic`][shm] | the same verbs |
//! | `atomic.AtomicBoolean` (`c_bool`) | `shm::Atomic<bool>` | |
//! | `atomic.AtomicNumber` and its four methods | `shm::Atomic<T>` with `T:` [`Number`] | the same verbs, and those of [`Atomic`] |
//! | `atomic.AtomicInteger` (`c_int`) | `shm::Atomic<i32>` | wraps |
//! | `atomic.AtomicLong` (`c_long`) | `shm::Atomic<i64>` | wraps |
//! | `atomic.AtomicFloat` (`c_float`, 32 bits) | `shm::Atomic<f32>` | |
//!
//! # `atomos.util`
//!
//! | Python | here |
//! |---|---|
//! | `repr(module, instance, value)` | `Debug` |
//! | `synchronized(fn)` | none: nothing here needs a lock of yours. Elsewhere [`std::sync::Mutex`] |
//! | `ReadersWriterLock` with `shared` and `exclusive` | none. [`std::sync::RwLock`] with `read` and `write` |
//! | `ReadersWriterLockMultiprocessing` | none: nothing here needs one |
//!
#![cfg_attr(feature = "shm", doc = "[shm]: crate::shm")]
#![cfg_attr(
    not(feature = "shm"),
    doc = "[shm]: https://docs.rs/atomos/latest/atomos/shm/index.html"
)]

use crate::*;
