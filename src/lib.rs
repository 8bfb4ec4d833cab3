#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod atom;
#[cfg(not(loom))]
mod blocking;
mod error;
mod future;
mod reader;
mod snapshot;
mod stream;
mod sync;
mod wait;

pub use crate::{
    atom::{
        Atom, WeakAtom,
        view::AtomView,
        watch::{WatchEvent, WatchKey},
    },
    error::{Closed, Lagged},
    reader::Reader,
    snapshot::{Change, Conflict, Snapshot},
    stream::{BoundedChanges, Changes, Snapshots},
};
