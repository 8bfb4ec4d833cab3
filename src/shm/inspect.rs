//! A look at a file, from outside: nothing is mapped, claimed or written.
//!
//! All is read by system calls, so neither a file that is cut off meanwhile nor one that is damaged
//! can end the process; and who looks is no participant, so he takes nobody's place. The value of an
//! atom is read by the same steps as a participant reads it: see [`store`](super::store).

use std::{fmt, fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    error::ShmError,
    file::identity_of,
    head::{ARMED, END, EPOCH, Identity, Kind, LAYOUT, VALUE},
    os, participants,
    reading::{self, Reading},
    slot::{Entry, Record},
    store::Version,
};

/// Says what is in the file at `path`, without taking part: nothing is mapped, written or
/// claimed, and permission to read is enough.
///
/// What is said of a file that is in use was true at some moment during the call, each part for itself.
/// Only an atom's value and version belong together.
///
/// # Examples
///
/// ```
/// use atomos::shm::{self, Held, Stored};
///
/// # let folder = std::env::temp_dir();
/// # let [hits, team] = ["hits", "team"].map(|n| folder.join(format!("atomos-doc-inspect-{n}-{}", std::process::id())));
/// let cell = shm::Atomic::open(&hits, 42_u64)?;
/// let found = shm::inspect(&hits)?;
/// assert_eq!((found.holds, found.tag.as_str()), (Held::Cell, "u64"));
/// assert!(matches!(found.value, Ok(Stored::U64(42))));
///
/// let atom = shm::Atom::open(&team, "team 1", || vec!["ada".to_string()])?;
/// let found = shm::inspect(&team)?;
/// assert_eq!((found.holds, found.tag.as_str()), (Held::Atom, "team 1"));
/// assert_eq!((found.version, found.participants.len()), (Some(0), 1));
/// assert!(matches!(found.value, Ok(Stored::Encoded(bytes)) if bytes == *b"\x01\x03ada"));
/// # for n in [hits, team] { std::fs::remove_file(n)?; }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If there is nothing to be said: the file cannot be read, is something else
/// ([`NotAtomos`](ShmError::NotAtomos)), is laid out in another way ([`Layout`](ShmError::Layout)), ends
/// before its header does, or has a header that is damaged. A value that is damaged is an error
/// [in the answer](Inspection::value).
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection, ShmError> {
    let file = os::open_to_look(path.as_ref())?;
    let identity = identity_of(&file)?;
    Look { file, identity }.report()
}

/// What is in a file: the answer of [`inspect`].
#[non_exhaustive]
#[derive(Debug)]
pub struct Inspection {
    /// Whether it is a cell or an atom.
    pub holds: Held,
    /// What an atom was opened with; of a cell the name of its type.
    pub tag: String,
    /// The number of the layout.
    pub layout: u32,
    /// The number of the encoding: 1 is postcard's. 0 for a cell.
    pub codec: u8,
    /// Whether it was made since the machine last started. If not, nobody can open it.
    pub is_of_this_boot: bool,
    /// How many participants there can be. 0 for a cell, which anybody may open.
    pub places: u16,
    /// Those who have the atom open, and those whose slots have been used.
    pub participants: Vec<Participant>,
    /// How long the file is, in bytes.
    pub len: u64,
    /// How many of them are mapped when it is opened.
    pub mapped: u64,
    /// Where the part ends that has been given to values. It may be behind the end of the file.
    pub end: u64,
    /// Whether somebody sleeps, so that the next write will wake. One who was killed leaves it so.
    pub is_armed: bool,
    /// How many times a write has woken those who slept, modulo 2^32.
    pub epoch: u32,
    /// How many commits there were. `None` for a cell.
    pub version: Option<u64>,
    /// The value, or what is wrong with it.
    pub value: Result<Stored, ShmError>,
}

/// What kind of thing a file holds.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Held {
    /// A number or a flag: an [`Atomic`](super::Atomic).
    Cell,
    /// Any value: an [`Atom`](super::Atom).
    Atom,
}

/// A place in an atom's file that is taken, or has been.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Participant {
    /// Its number, from 0.
    pub index: u16,
    /// Whether a process has it now. If not the next to open the file may take it.
    pub is_alive: bool,
    /// Whether the current value is in one of its slots.
    pub has_value: bool,
    /// The latest version that stands whole in its slots.
    pub wrote: Option<u64>,
    /// How many bytes its slots have room for.
    pub room: u64,
}

/// A value as it stands in a file.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub enum Stored {
    /// Of a cell of `bool`.
    Bool(bool),
    /// Of a cell of `i32`.
    I32(i32),
    /// Of a cell of `u32`.
    U32(u32),
    /// Of a cell of `i64`.
    I64(i64),
    /// Of a cell of `u64`.
    U64(u64),
    /// Of a cell of `f32`.
    F32(f32),
    /// Of a cell of `f64`.
    F64(f64),
    /// Of an atom, as it was encoded.
    Encoded(Vec<u8>),
}

/// The number or the flag; of an atom how many bytes it is encoded in.
impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::I32(value) => value.fmt(f),
            Self::U32(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::U64(value) => value.fmt(f),
            Self::F32(value) => value.fmt(f),
            Self::F64(value) => value.fmt(f),
            Self::Encoded(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// A file that is open to be looked at.
struct Look {
    file: File,
    identity: Identity,
}

/// So often a value is tried to be read while commits overtake it.
const ATTEMPTS: u32 = 10_000;

impl Look {
    fn report(self) -> Result<Inspection, ShmError> {
        let identity = &self.identity;
        let mapped = identity.mapped() as u64;
        let (holds, end, version, value) = match identity.kind {
            Kind::Cell => (Held::Cell, mapped, None, self.number()),
            Kind::Atom => {
                let (version, value) = self.value()?;
                let value = value.map(Stored::Encoded);
                (Held::Atom, self.word(END)?, Some(version), value)
            }
        };
        let current = version.map(Version::number);
        Ok(Inspection {
            holds,
            tag: identity.tag.clone(),
            layout: LAYOUT,
            codec: identity.codec,
            is_of_this_boot: identity.boot == os::boot_id()?,
            places: identity.participants,
            participants: self.participants(version)?,
            len: self.file.metadata()?.len(),
            mapped,
            end,
            is_armed: u32::from_ne_bytes(self.bytes(ARMED)?) != 0,
            epoch: u32::from_ne_bytes(self.bytes(EPOCH)?),
            version: current,
            value,
        })
    }

    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], ShmError> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at as u64)?;
        Ok(bytes)
    }

    /// A word that others may be changing. The kernel copies it whole, but does not promise to; so
    /// it is read until it is the same twice, unless it is changed without a pause.
    fn word(&self, at: usize) -> Result<u64, ShmError> {
        let mut word = self.bytes(at)?;
        for _ in 0..8 {
            let again = self.bytes(at)?;
            if again == word {
                break;
            }
            word = again;
        }
        Ok(u64::from_ne_bytes(word))
    }

    /// The value of a cell.
    fn number(&self) -> Result<Stored, ShmError> {
        let bytes = self.word(VALUE)?.to_ne_bytes();
        let [a, b, c, d, ..] = bytes;
        let half = [a, b, c, d];
        match self.identity.tag.as_str() {
            "bool" if a < 2 => Ok(Stored::Bool(a == 1)),
            "bool" => Err(super::cell::no_value()),
            "i32" => Ok(Stored::I32(i32::from_ne_bytes(half))),
            "u32" => Ok(Stored::U32(u32::from_ne_bytes(half))),
            "f32" => Ok(Stored::F32(f32::from_ne_bytes(half))),
            "i64" => Ok(Stored::I64(i64::from_ne_bytes(bytes))),
            "u64" => Ok(Stored::U64(u64::from_ne_bytes(bytes))),
            "f64" => Ok(Stored::F64(f64::from_ne_bytes(bytes))),
            _ => Err(ShmError::TypeTag {
                found: self.identity.type_name(),
                expected: "a cell of a type that this version of atomos knows".into(),
            }),
        }
    }

    /// The value of an atom, and the version that it, or the damage, belongs to.
    fn value(&self) -> Result<(Version, Result<Vec<u8>, ShmError>), ShmError> {
        for _ in 0..ATTEMPTS {
            let version = self.now()?;
            let mut buffer = Vec::new();
            let read = reading::read_once(self, version, &mut buffer);
            let value = read.map(|len| {
                buffer.truncate(len);
                buffer
            });
            if value.is_ok() || self.now()? == version {
                return Ok((version, value));
            }
        }
        let text = "commits follow each other too quickly for the value to be read";
        let error = io::Error::new(io::ErrorKind::WouldBlock, text);
        Ok((self.now()?, Err(ShmError::Io(error))))
    }

    fn participants(&self, version: Option<Version>) -> Result<Vec<Participant>, ShmError> {
        let mut found = Vec::new();
        for index in 0..self.identity.participants {
            let first = 2 * usize::from(index);
            let is_alive = participants::is_claimed(&self.file, index)?;
            let slots = [self.slot(first)?, self.slot(first + 1)?];
            let room: u64 = slots.iter().map(|slot| slot.room(self.mapped())).sum();
            if !is_alive && room == 0 {
                continue;
            }
            found.push(Participant {
                index,
                is_alive,
                has_value: version.is_some_and(|version| version.slot() / 2 == first / 2),
                wrote: slots.iter().filter_map(Entry::version).max(),
                room,
            });
        }
        Ok(found)
    }

    fn slot(&self, number: usize) -> Result<Entry, ShmError> {
        Ok(Entry::decode(&self.bytes(Entry::at(number))?))
    }
}

impl Reading for Look {
    fn file(&self) -> &File {
        &self.file
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    /// One call, not two as for a word: a mixture of two heads does not pass what follows.
    fn now(&self) -> Result<Version, ShmError> {
        Ok(Version::of(u64::from_ne_bytes(self.bytes(VALUE)?)))
    }

    fn sequence(&self, slot: usize) -> Result<u64, ShmError> {
        Ok(u64::from_ne_bytes(self.bytes(Entry::at(slot))?))
    }

    fn record(&self, slot: usize) -> Result<Record, ShmError> {
        Ok(self.slot(slot)?.record)
    }
}
