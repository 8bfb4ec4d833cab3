//! Opening a shared cell.

use std::path::Path;

use super::{Atomic, Inner, ShmPrimitive, no_value, primitive::InFile};
use crate::{
    shm::{
        error::ShmError,
        file::{Shared, Wanted},
        head::{Identity, Kind, VALUE},
        options::Options,
        told::Told,
        waiting::Keeper,
    },
    sync::{Arc, AtomicBool},
    wait::listeners::Listeners,
};

/// # Opening
impl<T: ShmPrimitive> Atomic<T> {
    /// Opens the cell at `path`, or makes one with the value `init`.
    ///
    /// # Errors
    ///
    /// See [`ShmError`]. A file that is not a cell of this type is left as it is.
    pub fn open(path: impl AsRef<Path>, init: T) -> Result<Self, ShmError> {
        Self::open_with(path, init, &Options::new())
    }

    /// [`open`](Self::open) with options.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_with(path: impl AsRef<Path>, init: T, options: &Options) -> Result<Self, ShmError> {
        let wanted = Wanted {
            kind: Kind::Cell,
            codec: 0,
            tag: T::Verbs::TAG,
        };
        let contents = |_: &Identity| Ok(vec![(VALUE, T::Verbs::bytes(init))]);
        let shared = Shared::open(path.as_ref(), wanted, options, contents, Ok)?;
        if !T::Verbs::is_valid(shared.head.word(VALUE)) {
            return Err(no_value());
        }
        let inner = Arc::new(Inner {
            shared,
            listeners: Listeners::new(),
            present: AtomicBool::new(false),
            told: Told::nobody(),
        });
        let keeper = Arc::new(Keeper(inner.clone()));
        Ok(Self { inner, keeper })
    }
}
