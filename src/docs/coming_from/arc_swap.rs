//! Coming from `arc-swap`.
//!
//! An [`Atom`] is an `ArcSwap` whose changes can be awaited; it makes the counted allocation
//! itself, so there is no `Arc` in its methods. An [`AtomicReference`] is an `ArcSwap` (it
//! stands on one) for `Arc`s that come from elsewhere. What differs everywhere:
//!
//! - What is read has a version, which tells it apart from an equal one.
//! - [`load`](Atom::load) counts a reference in one shared word. With `arc-swap` readers share
//!   nothing, and writers pay for it. For reading all the time on many cores take a [`Reader`].
//!
//! # `ArcSwap`
//!
//! | arc-swap | [`Atom`] | [`AtomicReference`] |
//! |---|---|---|
//! | `new(arc)`, `From` | none: it owns its allocation. `Atom<Arc<T>>` holds one | `From<Arc<T>>` |
//! | `from_pointee(value)` | [`new`](Atom::new); not `const` either | [`new`](AtomicReference::new); not `const` either |
//! | `load` | [`with`](Atom::with), [`load`](Atom::load) | [`get`](AtomicReference::get) |
//! | `load_full` | [`load`](Atom::load) | [`get`](AtomicReference::get) |
//! | `store` | [`reset`](Atom::reset) | [`set`](AtomicReference::set) |
//! | `swap` | [`reset_vals`](Atom::reset_vals), of which `old` | [`get_and_set`](AtomicReference::get_and_set) |
//! | `compare_and_swap` | [`compare_exchange`](Atom::compare_exchange): a `Result`, no comparing of pointers; without ABA, since it expects a commit | [`compare_and_exchange`](AtomicReference::compare_and_exchange): a `Result` |
//! | `rcu`, which returns the old one | [`swap`](Atom::swap) returns the new one, [`swap_vals`](Atom::swap_vals) both | [`get_and_update`](AtomicReference::get_and_update) the old one, [`update_and_get`](AtomicReference::update_and_get) the new one |
//! | `rcu` that may find nothing to do | [`swap_if`](Atom::swap_if), [`try_swap`](Atom::try_swap) | none: a loop of `compare_and_exchange` |
//! | `into_inner` | none: others may have handles. [`load`](Atom::load) | [`into_inner`](AtomicReference::into_inner) |
//! | `map` | none: see `access` below | none |
//! | `with_strategy`, `IndependentStrategy` | none: a choice of its readers' and writers' costs | none |
//! | `Default`, `Debug` | `Default`, `Debug` | `Default`, `Debug` |
//!
//! | arc-swap | here |
//! |---|---|
//! | `ArcSwapOption` with `new`, `from_pointee`, `empty` | `Atom<Option<T>>`, `AtomicReference<Option<T>>` |
//! | `ArcSwapOption::const_empty` | none: a `LazyLock` of one |
//! | `ArcSwapWeak` | `Atom<Weak<T>>` |
//! | `IndependentArcSwap` | none |
//! | `RefCnt`, `AsRaw` | none: an atom holds any `T` |
//! | serde | none: serialise what you [`load`](Atom::load) |
//!
//! ```
//! use std::sync::LazyLock;
//! use atomos::Atom;
//!
//! static CONFIG: LazyLock<Atom<Option<String>>> = LazyLock::new(Atom::default);
//!
//! assert!(CONFIG.load().is_none());
//! CONFIG.reset(Some("debug".into()));
//! assert_eq!(CONFIG.load().as_deref(), Some("debug"));
//! ```
//!
//! # `Guard`
//!
//! A [`Snapshot`] is not limited in number, is `Send` when `T` is `Send + Sync`, and keeps no
//! other version alive: there is nothing to be careful about when one is kept for long.
//!
//! | arc-swap | here |
//! |---|---|
//! | `Guard`, as what it derefs to | [`Snapshot`], which derefs to the value itself |
//! | `Guard::into_inner` | none needed: a snapshot is owned, and `clone` counts a reference |
//! | `Guard::from_inner` | none: only an atom makes snapshots. To test a reader, make an atom |
//!
//! # `Cache`
//!
//! | arc-swap | here | what differs |
//! |---|---|---|
//! | `Cache::new`, `From` | [`Atom::reader`], [`AtomView::reader`] | borrows nothing |
//! | `Cache::load` | [`Reader::get`], [`Reader::snapshot`] | as fresh; both keep the old value until they look again |
//! | `Cache::arc_swap` | none: keep a [`view`](Atom::view) beside it | |
//! | `Cache::map`, `MapCache`, `cache::Access` | none: pick the part from [`Reader::get`] | |
//!
//! # `access`
//!
//! | arc-swap | here |
//! |---|---|
//! | `Access`, `DynAccess`, `DynGuard`, `AccessConvert`, `DirectDeref` | none: take an [`AtomView`], or a closure that reads |
//! | `Map`, `MapGuard` | none: a closure that picks the part |
//! | `Constant`, `ConstantDeref` | a view of an atom that nobody writes; it reads on after the atom has closed |
//!
//! ```
//! use atomos::Atom;
//!
//! struct Config { port: u16, name: String }
//!
//! fn serve(port: impl Fn() -> u16) -> String {
//!     format!("listening on {}", port())
//! }
//!
//! let config = Atom::new(Config { port: 80, name: "a".into() });
//! let view = config.view();
//! assert_eq!(serve(|| view.with(|c| c.port)), "listening on 80"); // access::Map
//! assert_eq!(serve(|| 8080), "listening on 8080"); // access::Constant
//! # assert_eq!(config.load().name, "a");
//! ```

use crate::*;
