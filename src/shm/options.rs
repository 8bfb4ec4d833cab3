//! How a file is made, and how it is watched.

use std::time::Duration;

/// How to open an atom or a cell.
///
/// `mode` and `max_participants` matter only when the file is made; whoever joins takes it as it is.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use atomos::shm::Options;
///
/// let shared_with_the_group = Options::new().mode(0o660).recheck(Duration::from_millis(20));
/// # let _ = shared_with_the_group;
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) mode: u32,
    pub(super) max_participants: u16,
    pub(super) recheck: Duration,
}

impl Options {
    /// The defaults: for the user alone, 256 participants, a recheck every 100 ms.
    pub fn new() -> Self {
        Self {
            mode: 0o600,
            max_participants: 256,
            recheck: Duration::from_millis(100),
        }
    }

    /// Who may read and write the file, as in `chmod`; the process's `umask` takes nothing away, and
    /// only the nine bits of permissions count. Everybody who shares it needs both. 0o600 if not given.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// How many may have an atom open at the same time, from 1 to 2048: each process, or each
    /// [`open`](super::Atom::open) where a process does so more than once. 256 if not given.
    ///
    /// Each costs 128 bytes of the file. Cells have no such limit. With another number making an atom
    /// fails, with [`ShmError::Io`](super::ShmError::Io) of the kind `InvalidInput`; joining one does not
    /// ask.
    pub fn max_participants(mut self, participants: u16) -> Self {
        self.max_participants = participants;
        self
    }

    /// How long the waits of this handle sleep at most before they look by themselves: that late they may
    /// learn of a change if its writer, or another one that had begun to wake them, was killed or stopped
    /// before it did. 100 ms if not given; a millisecond at least.
    pub fn recheck(mut self, recheck: Duration) -> Self {
        self.recheck = recheck.max(Duration::from_millis(1));
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recheck_is_as_given_and_a_millisecond_at_least() {
        let recheck = |nanos| Options::new().recheck(Duration::from_nanos(nanos)).recheck;
        assert_eq!(recheck(3_000_000_001), Duration::from_nanos(3_000_000_001));
        for short in [0, 1, 999_999] {
            assert_eq!(recheck(short), Duration::from_millis(1));
        }
    }
}
