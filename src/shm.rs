//! Atoms and cells that processes share, each in a file.
//!
//! To be written.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_has_atomic = "64"
)))]
compile_error!("the feature `shm` of atomos needs 64-bit Linux: build without it on this target");

mod atom;
mod cell;
mod codec;
mod error;
mod file;
mod head;
mod helper;
mod kill;
mod options;
mod os;
mod participants;
mod signal;
mod slot;
mod store;
mod waiting;

pub use self::{
    atom::{Atom, Snapshots},
    cell::{Atomic, ShmPrimitive, Values},
    error::ShmError,
    options::Options,
};
