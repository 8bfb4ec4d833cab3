//! Why a wait or a stream could not give what was asked.

use std::{error, fmt};

/// The atom has closed: its last [`Atom`](crate::Atom) handle is gone, and nothing that
/// was waited for can come any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the atom has closed: its last handle was dropped")
    }
}

impl error::Error for Closed {}

/// A bounded stream was not polled in time: so many changes were dropped to make room.
///
/// The stream goes on with the oldest change that it kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lagged {
    /// How many changes are missing before the next one.
    pub missed: u64,
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the stream lagged behind and missed {} changes",
            self.missed
        )
    }
}

impl error::Error for Lagged {}
