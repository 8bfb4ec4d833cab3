//! Opening a shared atom.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};

use super::{Atom, Core, Inner};
use crate::{
    shm::{
        codec,
        error::ShmError,
        file::{Shared, Wanted},
        head::{Identity, Kind},
        options::Options,
        spare::Spare,
        store::{self, Store},
        waiting::Keeper,
    },
    sync::{Arc, AtomicBool, AtomicU64},
    wait::listeners::Listeners,
};

/// # Opening
impl<T: Serialize + DeserializeOwned> Atom<T> {
    /// Opens the atom at `path`, or makes one with the value of `init`, at version 0.
    ///
    /// `tag` names the type and its revision, in 768 bytes at most.
    ///
    /// # Errors
    ///
    /// See [`ShmError`]. A file that is not an atom with this tag is left as it is. Whether the value
    /// in it is whole is seen when it is loaded.
    pub fn open(
        path: impl AsRef<Path>,
        tag: &str,
        init: impl FnOnce() -> T,
    ) -> Result<Self, ShmError> {
        Self::open_with(path, tag, init, &Options::new())
    }

    /// [`open`](Self::open) with options.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_with(
        path: impl AsRef<Path>,
        tag: &str,
        init: impl FnOnce() -> T,
        options: &Options,
    ) -> Result<Self, ShmError> {
        let wanted = Wanted {
            kind: Kind::Atom,
            codec: codec::POSTCARD,
            tag,
        };
        let contents = |identity: &Identity| {
            let mut bytes = Vec::new();
            codec::encode(&init(), &mut bytes)?;
            store::contents(identity.mapped(), &bytes)
        };
        let store = Shared::open(path.as_ref(), wanted, options, contents, Store::new)?;
        let core = Arc::new(Core {
            store,
            encoding: Spare::default(),
            decoding: Spare::default(),
            listeners: Listeners::new(),
            present: AtomicBool::new(false),
            told: AtomicU64::new(0),
        });
        let keeper = Arc::new(Keeper(core.clone()));
        let cache = crate::Atom::new(None);
        let inner = Arc::new(Inner { core, cache });
        Ok(Self { inner, keeper })
    }
}
