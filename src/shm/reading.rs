//! Reading the value of an atom: the reader's steps of [`store`](super::store), for who takes part and for
//! who only looks.

use std::{fs::File, os::unix::fs::FileExt};

use super::{
    error::ShmError,
    head::{Identity, corrupt},
    slot::{self, Record},
    store::Version,
};
use crate::sync::{Ordering, fence};

/// What a reader needs: a participant reads words from the mapping, and who only looks at the file
/// by system calls.
pub(super) trait Reading {
    fn file(&self) -> &File;

    fn identity(&self) -> &Identity;

    /// The head.
    fn now(&self) -> Result<Version, ShmError>;

    /// Of a slot that exists. What is read later was written no earlier than the sequence.
    fn sequence(&self, slot: usize) -> Result<u64, ShmError>;

    fn record(&self, slot: usize) -> Result<Record, ShmError>;

    fn mapped(&self) -> u64 {
        self.identity().mapped() as u64
    }
}

/// Steps 2 to 6 of a reader. What is said to be wrong may be because a commit has overtaken it,
/// unless the head is the same afterwards. The value is the beginning of `buffer`: its length.
pub(super) fn read_once(
    from: &impl Reading,
    version: Version,
    buffer: &mut Vec<u8>,
) -> Result<usize, ShmError> {
    let (slot, sequence) = (version.slot(), version.number() + 1);
    if slot >= 2 * usize::from(from.identity().participants) {
        return Err(corrupt("the head names a slot that does not exist"));
    }
    if from.sequence(slot)? != sequence {
        return Err(corrupt("the head names a slot of another version"));
    }
    let record = from.record(slot)?;
    record.check(from.mapped())?;
    let value = bytes(from.file(), record, buffer)?;
    // Acquire: pairs with the writer's fence of step 2.
    fence(Ordering::Acquire);
    if from.sequence(slot)? != sequence {
        return Err(corrupt("the slot of the head is being written"));
    }
    if slot::checksum(version.number(), value) != record.sum {
        return Err(corrupt("the checksum of the value is wrong"));
    }
    Ok(value.len())
}

/// The bytes of a value. The length may be anything: memory for it is taken as it comes.
fn bytes<'b>(file: &File, record: Record, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], ShmError> {
    /// Memory for so much is taken without asking whether there is so much.
    const TRUSTED: u64 = 1 << 16;
    if record.len > TRUSTED && record.offset + record.len > file.metadata()?.len() {
        return Err(ShmError::Truncated);
    }
    let len = record.len as usize;
    if buffer.len() < len {
        // From the start: what it contains need not be kept.
        buffer.clear();
        buffer.resize(len, 0);
    }
    let value = &mut buffer[..len];
    file.read_exact_at(value, record.offset)?;
    Ok(value)
}
