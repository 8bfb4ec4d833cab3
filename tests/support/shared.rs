//! Atoms that are shared by processes.

use std::{path::Path, thread, time::Instant};

use atomos::shm::{self, Options, ShmError};

use super::LIMIT;

/// A shared atom of numbers, at first `[1]`, with two participants.
pub(crate) fn open_numbers(path: impl AsRef<Path>) -> Result<shm::Atom<Vec<u64>>, ShmError> {
    let two = Options::new().max_participants(2);
    let deadline = Instant::now() + LIMIT;
    loop {
        let opened = shm::Atom::open_with(&path, "numbers", || vec![1], &two);
        match opened {
            // A test beside this one starts a process, which has the files until it is another program.
            Err(ShmError::ParticipantsFull) if Instant::now() < deadline => thread::yield_now(),
            opened => return opened,
        }
    }
}
