//! What can be wrong with a file, or with what is to go into it.

use std::{error, fmt, io};

/// Why an atom or cell that processes share could not be opened, read or written.
///
/// Nothing is changed by an operation that fails: neither the value, nor a file that is not
/// one of this crate's. [`StaleBoot`](Self::StaleBoot), [`Truncated`](Self::Truncated) and
/// [`Corrupt`](Self::Corrupt) hold for everybody who opens the file; then the remedy is another path, or
/// to delete the file when nobody uses it any more.
#[non_exhaustive]
#[derive(Debug)]
pub enum ShmError {
    /// The file is something else: it does not begin as one of this crate's does.
    NotAtomos,
    /// The file ends before what it should contain does.
    Truncated,
    /// The file was made by a version of this crate, or on a machine, that lays it out in
    /// another way.
    Layout {
        /// The number of the layout in the file.
        found: u32,
        /// The only one that this version knows.
        expected: u32,
    },
    /// The file holds a value of another type, or of another revision of the type.
    TypeTag {
        /// What the file says.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The file was made before the machine last started, so it may have been written in part.
    StaleBoot,
    /// The file is damaged: something in it contradicts the rest.
    Corrupt {
        /// What does.
        what: &'static str,
    },
    /// As many processes as the file has places for have it open:
    /// see [`Options::max_participants`](super::Options::max_participants).
    ParticipantsFull,
    /// The value, or the tag, is longer than a file can hold.
    TooLarge {
        /// Its length when encoded, in bytes.
        len: u64,
        /// The greatest length, in bytes.
        max: u64,
    },
    /// The file system, a quota or a limit of the process leaves no room. (At the limit for the size of files,
    /// `RLIMIT_FSIZE`, the system ends a process that does not ignore `SIGXFSZ`, before it is told.)
    NoSpace,
    /// The file is on a file system that is reached over a network, or through another process.
    UnsupportedFileSystem,
    /// This process was forked from the one that opened the file. It has to open the file itself.
    Forked,
    /// The atom has been written so often (2^52 - 1 times) that there are no versions left.
    VersionExhausted,
    /// The value could not be encoded, or what was read is no encoding of the type.
    Codec(Box<dyn error::Error + Send + Sync>),
    /// The operating system refused something.
    Io(io::Error),
}

impl ShmError {
    /// What is wrong with an argument.
    pub(super) fn argument(text: &'static str) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

impl fmt::Display for ShmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAtomos => f.write_str("the file is not one of atomos"),
            Self::Truncated => f.write_str("the file is shorter than what it should contain"),
            Self::Layout { found, expected } => write!(
                f,
                "the file has layout {found}, and this version of atomos knows layout {expected}"
            ),
            Self::TypeTag { found, expected } => {
                write!(f, "the file holds {found}, not {expected}")
            }
            Self::StaleBoot => f.write_str(
                "the file was made before the machine last started; delete it to begin anew",
            ),
            Self::Corrupt { what } => write!(f, "the file is damaged: {what}"),
            Self::ParticipantsFull => {
                f.write_str("as many processes as the file has places for have it open")
            }
            Self::TooLarge { len, max } => {
                write!(f, "{len} bytes are too many: the limit is {max}")
            }
            Self::NoSpace => f.write_str("there is no room left for the file"),
            Self::UnsupportedFileSystem => f.write_str(
                "the file is on a network or user-space file system, which processes cannot share memory by",
            ),
            Self::Forked => {
                f.write_str("this process was forked from the one that opened the file")
            }
            Self::VersionExhausted => f.write_str("the atom has no versions left"),
            Self::Codec(error) => write!(f, "the value and its encoding do not fit: {error}"),
            Self::Io(error) => write!(f, "the operating system refused: {error}"),
        }
    }
}

impl error::Error for ShmError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Codec(error) => Some(&**error),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ShmError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoSpace,
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}
