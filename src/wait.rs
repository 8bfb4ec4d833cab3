//! Who waits, and how they are told: the layer below everything that can be awaited.
//!
//! It knows nothing of atoms: an event `E` is any cheap handle that can be cloned.
//!
//! - [`baton`]: a thing one party at a time carries, and others call after;
//! - [`berth`]: one whose content stays in place;
//! - [`predicate`]: a closure that is moved from hand to hand;
//! - [`spot`]: where a task parks, with its waker;
//! - [`condition`], [`mailbox`], [`line`]: the three ways to wait: for a predicate, for
//!   every event, for one's turn to commit;
//! - [`source`]: what can be waited for, whatever holds the value;
//! - [`roster`]: all observers of one source, and how they come and go;
//! - [`shift`]: who tells them, one thread at a time;
//! - [`listeners`], [`threshold`]: those who wait for a cell, whose values are overwritten;
//! - [`presence`], [`census`]: whether there is anybody, for a writer to see at a glance;
//! - [`arrivals`]: which of them began before a write;
//! - [`levels`], [`queue`]: things in order, by what they want or by when they came;
//! - [`panics`], [`budget`]: what user code may do, and tokio's cooperative scheduling.

pub(crate) mod arrivals;
pub(crate) mod baton;
pub(crate) mod berth;
pub(crate) mod budget;
pub(crate) mod census;
pub(crate) mod condition;
pub(crate) mod levels;
pub(crate) mod line;
pub(crate) mod listeners;
pub(crate) mod mailbox;
pub(crate) mod panics;
pub(crate) mod predicate;
pub(crate) mod presence;
pub(crate) mod queue;
pub(crate) mod roster;
pub(crate) mod shift;
pub(crate) mod source;
pub(crate) mod spot;
pub(crate) mod threshold;
