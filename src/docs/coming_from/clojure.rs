//! Coming from Clojure.
//!
//! An [`Atom`] is Clojure's atom: a value that is never changed in place, replaced by
//! compare-and-swap. What it holds should be cheap to copy with a change, as Clojure's
//! collections are: `rpds` and `imbl` have such.
//!
//! | Clojure | here | what differs |
//! |---|---|---|
//! | `(atom x)` | [`Atom::new`] | clones of the handle are the same atom |
//! | `(atom x :meta m :validator f)` | none | see `alter-meta!` and `set-validator!` |
//! | `@a`, `(deref a)` | [`load`](Atom::load), [`with`](Atom::with); very often: a [`Reader`] | a [`Snapshot`] has a version besides the value |
//! | `(swap! a f x y)` | [`swap`](Atom::swap) | `x` and `y` are captured |
//! | `(swap-vals! a f)` | [`swap_vals`](Atom::swap_vals) | a [`Change`] with `old` and `new` |
//! | `(reset! a x)` | [`reset`](Atom::reset) | |
//! | `(reset-vals! a x)` | [`reset_vals`](Atom::reset_vals) | a [`Change`] with `old` and `new` |
//! | `(compare-and-set! a old new)` | [`compare_exchange`](Atom::compare_exchange) | both by identity. [`compare_and_set`](Atom::compare_and_set) is by value: `(= @a old)` |
//! | `(add-watch a key f)` | [`add_watch`](Atom::add_watch) | see below |
//! | `(remove-watch a key)` | [`remove_watch`](Atom::remove_watch) | says whether there was one |
//! | `(.getWatches a)` | [`watch_keys`](Atom::watch_keys) | the keys, in registration order |
//! | `(set-validator! a f)`, `(get-validator a)` | none: [`try_swap`](Atom::try_swap), or a type | see below |
//! | `meta`, `alter-meta!`, `reset-meta!` | none | a value beside the atom, or a field of what it holds |
//! | `IDeref`, `IAtom`, `IAtom2` | none | take an [`AtomView`] where one only reads, else an `Atom` |
//!
//! # Watches
//!
//! A watch gets one [`WatchEvent`] with `key`, `atom`, `old` and `new`. In Clojure a watch runs in
//! the thread that changed the atom, so two changes at once may be told in any order, or at
//! the same time. Here every watch is told every commit in commit order, one call at a
//! time; a thread that finds another one telling leaves its commit to that one. A watch that
//! throws keeps Clojure from calling the others; here all others are served first. A key is a
//! text or a `u64`; a watch under a taken key replaces the other, as in Clojure.
//!
//! To let a task wait for a state, a watch is not needed: [`wait_for`](Atom::wait_for).
//!
//! # Validators
//!
//! An atom accepts every `T`. A rule that always holds is best put into the type, whose
//! constructor checks it; a rule for one change goes into the change:
//!
//! ```
//! use atomos::Atom;
//!
//! let account = Atom::new(100_i64);
//! let withdraw = |amount| {
//!     account.try_swap(|balance| {
//!         let rest = balance - amount;
//!         if rest < 0 { Err("overdrawn") } else { Ok(rest) }
//!     })
//! };
//! assert_eq!(*withdraw(70).unwrap(), 30);
//! assert_eq!(withdraw(70), Err("overdrawn"));
//! assert_eq!(*account.load(), 30);
//! ```
//!
//! # The other references
//!
//! | Clojure | here |
//! |---|---|
//! | `(promise)`, `deliver` | an `Atom<Option<T>>`; deliver with [`swap_if`](Atom::swap_if), so that only the first counts |
//! | `@p` on a promise | [`wait_map`](Atom::wait_map); in a plain thread [`blocking_wait_for`](Atom::blocking_wait_for) |
//! | `(deref p ms default)` | [`blocking_wait_for_timeout`](Atom::blocking_wait_for_timeout) |
//! | `(realized? p)` | [`with`](Atom::with) and `Option::is_some` |
//! | `ref`, `dosync`, `alter`, `commute`, `ensure` | none: there are no transactions. What has to change together goes into one atom |
//! | `agent`, `send`, `send-off`, `await` | none: a commit is made by its caller. A task that owns its state and takes messages from a channel is an agent |
//! | an agent that reacts to an atom | [`changes`](Atom::changes), or [`spawn_watch`] |
//! | `volatile!`, `vswap!`, `vreset!` | none: `std::cell::Cell` |
//! | `var`, `binding` | none: `thread_local!`, or `tokio::task_local!` |
//! | `delay`, `force` | none: `std::sync::LazyLock` |
//! | `future` | none: a thread or a task |
//!
//! ```
//! use atomos::Atom;
//!
//! # futures::executor::block_on(async {
//! let promise = Atom::new(None);
//! let deliver = |x| promise.swap_if(|now| now.is_none().then_some(Some(x))).is_some();
//!
//! assert!(deliver(42));
//! assert!(!deliver(43));
//! assert_eq!(promise.wait_map(|p| *p).await, 42);
//! # });
//! ```
#![cfg_attr(feature = "tokio", doc = "\n[`spawn_watch`]: crate::Atom::spawn_watch")]
#![cfg_attr(
    not(feature = "tokio"),
    doc = "\n[`spawn_watch`]: https://docs.rs/atomos/latest/atomos/struct.Atom.html#method.spawn_watch"
)]

use crate::*;
