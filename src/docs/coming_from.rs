//! Coming from …: what the things you know are called here, and which of them are not here.
//!
//! | you know | page | its nearest relatives here |
//! |---|---|---|
//! | the original atomos, for Python | [`python`] | [`Atom`], [`Atomic`], [`AtomicReference`] |
//! | Clojure's atoms | [`clojure`] | [`Atom`] |
//! | `java.util.concurrent.atomic` | [`java`] | [`Atomic`], [`AtomicReference`], [`Adder`] |
//! | `std::sync::atomic` | [`std_atomic`] | [`Atomic`] |
//! | `tokio::sync::watch` | [`tokio_watch`] | [`Atom`], [`AtomView`] |
//! | `arc-swap` | [`arc_swap`] | [`Atom`], [`Reader`], [`AtomicReference`] |
//!
//! A row that says *none* also says why, and what to do instead.
//!
//! # Atom or cell?
//!
//! | | [`Atom<T>`](Atom) | [`Atomic<T>`](Atomic) | [`AtomicReference<T>`](AtomicReference) |
//! |---|---|---|---|
//! | holds | any `T` | a number or a flag | an `Arc<T>` |
//! | a handle is | cloned, like an `Arc` | borrowed: a `static`, a field, an `Arc` around it | as `Atomic` |
//! | a write costs | an allocation and a compare-and-swap | one instruction, if the hardware has it | what it costs in arc-swap |
//! | compares | by identity, or by value | by value (floats: by bits) | by identity |
//! | versions | yes | no | no |
//! | watches | yes | no | no |
//! | streams | every commit, or the latest | the latest | none |
//! | waits | every state is seen, in order | every write is seen, those of racing writers in any order | as `Atomic` |
//! | closes | with its last handle | never | never |

pub mod arc_swap;
pub mod clojure;
pub mod java;
pub mod python;
pub mod std_atomic;
pub mod tokio_watch;

use crate::*;
