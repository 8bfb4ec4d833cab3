#![cfg_attr(docsrs, feature(doc_cfg))]
// The README's links, for rustdoc: the first definition of a link is the one that counts.
//! [`Accumulator`]: Accumulator
//! [`Adder`]: Adder
//! [`Atom`]: Atom
//! [`AtomView::is_closed`]: AtomView::is_closed
//! [`AtomicReference`]: AtomicReference
//! [`Atomic`]: Atomic
//! [`Reader`]: Reader
//! [`add_watch`]: Atom::add_watch
//! [`blocking_wait_for`]: Atom::blocking_wait_for
//! [`changed`]: Atom::changed
//! [`changed_since`]: Atom::changed_since
//! [`changes`]: Atom::changes
//! [`changes_bounded`]: Atom::changes_bounded
//! [`compare_and_set`]: Atom::compare_and_set
//! [`compare_exchange`]: Atom::compare_exchange
//! [`load`]: Atom::load
//! [`modify`]: Atom::modify
//! [`reset`]: Atom::reset
//! [`reset_vals`]: Atom::reset_vals
//! [`snapshots`]: Atom::snapshots
//! [`swap`]: Atom::swap
//! [`swap_if`]: Atom::swap_if
//! [`swap_vals`]: Atom::swap_vals
//! [`swap_when`]: Atom::swap_when
//! [`try_swap`]: Atom::try_swap
//! [`update_and_get`]: Atomic::update_and_get
//! [`update_if`]: Atomic::update_if
//! [`update_when`]: Atomic::update_when
//! [`values`]: Atomic::values
//! [`view`]: Atom::view
//! [`wait_at_least`]: Atomic::wait_at_least
//! [`wait_at_most`]: Atomic::wait_at_most
//! [`wait_equal`]: Atomic::wait_equal
//! [`wait_for`]: Atom::wait_for
//! [`wait_map`]: Atom::wait_map
//! [`with`]: Atom::with
//! [cell blocking_wait_for]: Atomic::blocking_wait_for
//! [cell wait_for]: Atomic::wait_for
//! [coming from]: docs::coming_from
#![cfg_attr(feature = "tokio", doc = "[`spawn_watch`]: Atom::spawn_watch")]
#![cfg_attr(feature = "shm", doc = "[`shm`]: shm\n[`shm::Atom`]: shm::Atom")]
#![cfg_attr(feature = "shm", doc = "[`shm::Atomic`]: shm::Atomic")]
//!
#![doc = include_str!("../README.md")]

mod atom;
mod atomic;
#[cfg(not(loom))]
mod blocking;
#[cfg(doc)]
pub mod docs;
mod error;
mod future;
mod reader;
mod reference;
#[cfg(all(feature = "shm", not(loom)))]
pub mod shm;
mod snapshot;
mod stream;
mod striped;
mod sync;
mod wait;

pub use crate::{
    atom::{
        Atom, WeakAtom,
        view::AtomView,
        watch::{WatchEvent, WatchKey},
    },
    atomic::{
        Atomic,
        names::*,
        primitive::{Bitwise, Number, Primitive},
        values::{Values, ValuesOwned},
    },
    error::{Closed, Lagged},
    reader::Reader,
    reference::{AtomicMarkableReference, AtomicReference, AtomicStampedReference},
    snapshot::{Change, Conflict, Snapshot},
    stream::{BoundedChanges, Changes, Snapshots},
    striped::{Accumulator, Adder},
};
