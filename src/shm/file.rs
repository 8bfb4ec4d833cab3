//! Opening a file, or making it.
//!
//! A file is made whole before it gets its name, and getting a name is one step that fails if
//! there is something already. So nobody ever finds half a file; of several who make it one
//! succeeds, and the others join what it has made; and what is killed meanwhile leaves nothing. (Where
//! the file system has no files without a name, as `tmpfs` and the usual ones have, it leaves a
//! hidden `.draft` beside the path, which nobody opens.)

use std::{fs::File, io, os::unix::fs::FileExt, path::Path, time::Duration};

use super::{
    error::ShmError,
    head::{Head, Identity, PREFIX},
    kill::point,
    options::Options,
    os::{self, Draft},
    signal::Signal,
};

/// A file that is open.
pub(super) struct Shared {
    pub(super) file: File,
    pub(super) head: Head,
    pub(super) identity: Identity,
    pub(super) recheck: Duration,
    generation: u64,
}

/// What a new file contains besides its identity: bytes, and where they begin.
pub(super) type Contents = Vec<(usize, Vec<u8>)>;

impl Shared {
    /// Opens the file at `path`, or makes it with `contents`, and returns what `made_of` makes of it. It must
    /// hold what `wanted` says, or will.
    pub(super) fn open<M>(
        path: &Path,
        wanted: Wanted<'_>,
        options: &Options,
        contents: impl FnOnce(&Identity) -> Result<Contents, ShmError>,
        made_of: impl Fn(Self) -> Result<M, ShmError>,
    ) -> Result<M, ShmError> {
        if let Some(file) = os::open(path)? {
            return made_of(Self::join(file, wanted, options)?);
        }
        let identity = wanted.identity(options)?;
        let contents = contents(&identity)?;
        // More than once if it is deleted as soon as it is there.
        for _ in 0..16 {
            let draft = Draft::beside(path, options.mode)?;
            fill(&draft.file, &identity, &contents)?;
            point("create: written");
            // Before others see it: who is told of an error has made no file.
            let file = draft.file.try_clone()?;
            let made = made_of(Self::map(file, identity.clone(), options)?)?;
            if draft.publish(path)? {
                point("create: published");
                return Ok(made);
            }
            drop((draft, made));
            if let Some(file) = os::open(path)? {
                return made_of(Self::join(file, wanted, options)?);
            }
        }
        Err(ShmError::Io(io::Error::new(
            io::ErrorKind::NotFound,
            "there is something at this path, but it cannot be opened: a link to nowhere?",
        )))
    }

    fn join(file: File, wanted: Wanted<'_>, options: &Options) -> Result<Self, ShmError> {
        let identity = identity_of(&file)?;
        wanted.check(&identity)?;
        if identity.boot != os::boot_id()? {
            return Err(ShmError::StaleBoot);
        }
        Self::map(file, identity, options)
    }

    fn map(file: File, identity: Identity, options: &Options) -> Result<Self, ShmError> {
        Ok(Self {
            head: Head::map(&file, identity.mapped())?,
            file,
            identity,
            recheck: options.recheck,
            generation: os::generation(),
        })
    }

    #[inline]
    pub(super) fn signal(&self) -> Signal<'_> {
        Signal {
            armed: self.head.armed(),
            epoch: self.head.epoch(),
        }
    }

    /// After a write: wakes those who wait, in every process.
    #[inline]
    pub(super) fn wake(&self) {
        point("wake: begun");
        self.signal().raise(|epoch| {
            point("wake: epoch raised");
            os::wake(epoch);
            point("wake: done");
        });
    }

    /// Whether it was opened by a process from which this one was forked.
    pub(super) fn is_foreign(&self) -> bool {
        self.generation != os::generation()
    }

    /// Comes before any lock: in a fork it may be held by a thread that is not there.
    pub(super) fn check_own(&self) -> Result<(), ShmError> {
        match self.is_foreign() {
            true => Err(ShmError::Forked),
            false => Ok(()),
        }
    }
}

/// What a file has to hold.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) kind: super::head::Kind,
    pub(super) codec: u8,
    pub(super) tag: &'a str,
}

impl Wanted<'_> {
    fn identity(self, options: &Options) -> Result<Identity, ShmError> {
        use super::head::{Kind, MAX_PARTICIPANTS, MAX_TAG};
        if self.tag.len() > MAX_TAG {
            return Err(ShmError::TooLarge {
                len: self.tag.len() as u64,
                max: MAX_TAG as u64,
            });
        }
        let participants = match self.kind {
            Kind::Cell => 0,
            Kind::Atom => options.max_participants,
        };
        if self.kind == Kind::Atom && !(1..=MAX_PARTICIPANTS).contains(&participants) {
            return Err(ShmError::argument(
                "an atom has room for at least one participant, and for 2048 at most",
            ));
        }
        Ok(Identity {
            kind: self.kind,
            codec: self.codec,
            participants,
            boot: os::boot_id()?,
            tag: self.tag.to_owned(),
        })
    }

    fn check(self, found: &Identity) -> Result<(), ShmError> {
        let name = |kind, tag: &str| {
            let tag = tag.to_owned();
            Identity {
                kind,
                tag,
                ..found.clone()
            }
            .type_name()
        };
        if (found.kind, found.tag.as_str()) != (self.kind, self.tag) {
            return Err(ShmError::TypeTag {
                found: found.type_name(),
                expected: name(self.kind, self.tag),
            });
        }
        if found.codec != self.codec {
            return Err(ShmError::Codec("the file has another encoding".into()));
        }
        Ok(())
    }
}

/// What an open file says of itself.
pub(super) fn identity_of(file: &File) -> Result<Identity, ShmError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(ShmError::NotAtomos);
    }
    if os::is_remote(file)? {
        return Err(ShmError::UnsupportedFileSystem);
    }
    let mut bytes = [0; PREFIX];
    let read = read_up_to(file, &mut bytes, 0)?;
    let identity = Identity::decode(&bytes[..read])?;
    if metadata.len() < identity.mapped() as u64 {
        return Err(ShmError::Truncated);
    }
    Ok(identity)
}

/// Reads until `bytes` are full or the file ends: how many bytes it were.
fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn fill(file: &File, identity: &Identity, contents: &Contents) -> Result<(), ShmError> {
    if os::is_remote(file)? {
        return Err(ShmError::UnsupportedFileSystem);
    }
    point("create: begun");
    // Without room of its own, writing to the mapped part could end the process.
    os::reserve(file, identity.mapped() as u64)?;
    point("create: reserved");
    file.write_all_at(&identity.encode(), 0)?;
    point("create: half written");
    for (offset, bytes) in contents {
        file.write_all_at(bytes, *offset as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Not tried for ever, as after a signal.
    #[test]
    fn a_read_that_the_system_refuses_is_an_error() {
        let path = std::env::temp_dir().join(format!("atomos-file-{}", std::process::id()));
        let unreadable = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let error = read_up_to(&unreadable, &mut [0; 8], 0).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::Interrupted);
    }
}
