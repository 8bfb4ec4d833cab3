//! Who has an atom's file open: an index each, which nobody else has.
//!
//! An index is a byte, far behind the end of the file, that its holder has locked. The lock belongs to
//! the open file, so the kernel frees it whatever the holder dies of, and the next one who
//! comes takes over the index and its slots.

use std::fs::File;

use super::{error::ShmError, os};

/// The byte of index 0.
const FIRST: u64 = 1 << 60;

/// Takes the lowest index that is free. It is given back when `file` is closed, at the latest.
pub(super) fn claim(file: &File, places: u16) -> Result<u16, ShmError> {
    for index in 0..places {
        if os::lock(file, FIRST + u64::from(index))? {
            return Ok(index);
        }
    }
    Err(ShmError::ParticipantsFull)
}

/// Gives an index back, before the file is closed.
pub(super) fn release(file: &File, index: u16) {
    os::unlock(file, FIRST + u64::from(index));
}

/// Whether somebody who lives has that index. (Not he who asks.)
pub(super) fn is_claimed(file: &File, index: u16) -> Result<bool, ShmError> {
    Ok(os::is_locked(file, FIRST + u64::from(index))?)
}
