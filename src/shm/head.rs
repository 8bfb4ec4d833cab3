//! What stands where in a file, and the part of it that is mapped.
//!
//! | bytes        | what                                                                          |
//! |--------------|-------------------------------------------------------------------------------|
//! | 0 .. 8       | `atomos`, 0, 26                                                               |
//! | 8 .. 12      | the number of this layout, in the byte order of the machine                   |
//! | 12, 13       | what the file holds; how it is encoded                                        |
//! | 14 .. 16     | places for participants                                                       |
//! | 16 .. 32     | the boot id                                                                   |
//! | 32 .. 36     | the length of the tag                                                         |
//! | 36 .. 40     | the checksum of all above and the tag                                         |
//! | 64 .. 72     | a cell's value; an atom's [`Version`](super::store)                              |
//! | 72 .. 76     | armed: see [`signal`](super::signal)                                          |
//! | 128 .. 132   | epoch                                                                         |
//! | 192 .. 200   | where the free part of the file begins                                        |
//! | 256 .. 1024  | the tag                                                                       |
//! | 1024 ..      | two slots of 64 bytes for each participant; see [`slot`](super::slot)         |
//! | then         | values                                                                        |
//!
//! What stands before byte 64 and the tag is written once, before the file has a name. The rest
//! changes, and stands on cache lines of its own.

#![allow(unsafe_code)]

use std::fs::File;

use memmap2::{MmapOptions, MmapRaw};

use super::error::ShmError;
use crate::sync::{AtomicU32, AtomicU64};

const MAGIC: [u8; 8] = *b"atomos\0\x1a";
pub(super) const LAYOUT: u32 = 1;
/// The bytes before the first slot.
pub(super) const PREFIX: usize = 1024;
const TAG: usize = 256;
/// The longest tag, in bytes.
pub(super) const MAX_TAG: usize = PREFIX - TAG;
/// The bytes of a slot.
pub(super) const SLOT: usize = 64;
pub(super) const MAX_PARTICIPANTS: u16 = 2048;

pub(super) const VALUE: usize = 64;
pub(super) const ARMED: usize = 72;
pub(super) const EPOCH: usize = 128;
pub(super) const END: usize = 192;

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Cell,
    Atom,
}

/// What is written once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) kind: Kind,
    pub(super) codec: u8,
    /// 0 for a cell.
    pub(super) participants: u16,
    pub(super) boot: [u8; 16],
    pub(super) tag: String,
}

impl Identity {
    /// The first bytes of the file.
    pub(super) fn encode(&self) -> [u8; PREFIX] {
        let mut bytes = [0; PREFIX];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&LAYOUT.to_ne_bytes());
        bytes[12] = match self.kind {
            Kind::Cell => 1,
            Kind::Atom => 2,
        };
        bytes[13] = self.codec;
        bytes[14..16].copy_from_slice(&self.participants.to_ne_bytes());
        bytes[16..32].copy_from_slice(&self.boot);
        bytes[32..36].copy_from_slice(&(self.tag.len() as u32).to_ne_bytes());
        bytes[TAG..][..self.tag.len()].copy_from_slice(self.tag.as_bytes());
        let sum = checksum(&bytes, self.tag.len());
        bytes[36..40].copy_from_slice(&sum.to_ne_bytes());
        bytes
    }

    /// Reads what [`encode`](Self::encode) has written. `bytes` are the first of the file, or all.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ShmError> {
        if bytes.get(..8) != Some(&MAGIC) {
            return Err(ShmError::NotAtomos);
        }
        if bytes.len() < PREFIX {
            return Err(ShmError::Truncated);
        }
        let layout = u32_at(bytes, 8);
        if layout != LAYOUT {
            return Err(ShmError::Layout {
                found: layout,
                expected: LAYOUT,
            });
        }
        let tag_len = u32_at(bytes, 32) as usize;
        let Some(tag) = bytes[TAG..PREFIX].get(..tag_len) else {
            return Err(corrupt("the length of the tag is impossible"));
        };
        if checksum(bytes, tag_len) != u32_at(bytes, 36) {
            return Err(corrupt("the checksum of the header is wrong"));
        }
        let kind = match bytes[12] {
            1 => Kind::Cell,
            2 => Kind::Atom,
            _ => return Err(corrupt("it is neither a cell nor an atom")),
        };
        let participants = u16::from_ne_bytes([bytes[14], bytes[15]]);
        let range = match kind {
            Kind::Cell => 0..=0,
            Kind::Atom => 1..=MAX_PARTICIPANTS,
        };
        if !range.contains(&participants) {
            return Err(corrupt("the number of participants is impossible"));
        }
        let Ok(tag) = String::from_utf8(tag.to_vec()) else {
            return Err(corrupt("the tag is no text"));
        };
        let mut boot = [0; 16];
        boot.copy_from_slice(&bytes[16..32]);
        Ok(Self {
            kind,
            codec: bytes[13],
            participants,
            boot,
            tag,
        })
    }

    /// How many bytes are mapped: all before the values.
    pub(super) fn mapped(&self) -> usize {
        PREFIX + 2 * SLOT * usize::from(self.participants)
    }

    /// The type, as errors name it.
    pub(super) fn type_name(&self) -> String {
        match self.kind {
            Kind::Cell => format!("a cell of {}", self.tag),
            Kind::Atom => format!("an atom of {:?}", self.tag),
        }
    }
}

/// The four bytes at `at`, which have to be there.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Of what comes before the checksum itself, and the tag.
fn checksum(bytes: &[u8], tag_len: usize) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..36]);
    sum.update(&bytes[TAG..][..tag_len]);
    sum.finalize()
}

pub(super) fn corrupt(what: &'static str) -> ShmError {
    ShmError::Corrupt { what }
}

/// An atomic of which every bit pattern is valid, and which has no other content.
///
/// # Safety
///
/// All that is said above holds, and its size is its alignment.
pub unsafe trait Word {}
// SAFETY: std documents that its atomics have the bit validity, the size and, for these, the
// alignment of the integer they are named for, or the size as alignment.
unsafe impl Word for AtomicU32 {}
// SAFETY: as above.
unsafe impl Word for AtomicU64 {}
// SAFETY: as above.
unsafe impl Word for crate::sync::AtomicU8 {}
// SAFETY: as above.
unsafe impl Word for crate::sync::AtomicI32 {}
// SAFETY: as above.
unsafe impl Word for crate::sync::AtomicI64 {}

/// The part of a file that is mapped, and reached as atomics alone.
///
/// If the file is made shorter while it is mapped, access to it raises SIGBUS: that is no
/// undefined behaviour, but the end of the process.
pub(super) struct Head(MmapRaw);

impl Head {
    /// Maps the first `len` bytes, which the file has to have.
    pub(super) fn map(file: &File, len: usize) -> Result<Self, ShmError> {
        Ok(Self(MmapOptions::new().len(len).map_raw(file)?))
    }

    /// The word that begins at byte `at`.
    ///
    /// # Panics
    ///
    /// If the word is not whole within the mapped part, or not aligned.
    #[inline]
    pub(super) fn word<W: Word>(&self, at: usize) -> &W {
        let end = at + size_of::<W>();
        assert!(end <= self.0.len() && at % size_of::<W>() == 0);
        // Bounds were checked, so this does not leave the mapping, nor wrap.
        let word = self.0.as_mut_ptr().wrapping_add(at).cast::<W>();
        // SAFETY: the bytes are mapped for reading and writing as long as `self` lives; the mapping
        // begins on a page, so the word is aligned; it is valid whatever it contains
        // (`Word`), and processes share it as an atomic, as the operating system does with a futex.
        unsafe { &*word }
    }

    pub(super) fn armed(&self) -> &AtomicU32 {
        self.word(ARMED)
    }

    pub(super) fn epoch(&self) -> &AtomicU32 {
        self.word(EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::panics;

    // Else a damaged number would lead out of the mapping.
    #[test]
    fn a_word_beyond_what_is_mapped_is_refused() {
        let path = std::env::temp_dir().join(format!("atomos-head-{}", std::process::id()));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path);
        let file = file.unwrap();
        std::fs::remove_file(&path).unwrap();
        file.set_len(PREFIX as u64).unwrap();
        let head = Head::map(&file, PREFIX).unwrap();
        let is_refused = |at| panics::run(|| _ = head.word::<AtomicU64>(at)).is_err();
        assert!(!is_refused(0) && !is_refused(PREFIX - 8));
        for at in [4, PREFIX - 4, PREFIX, PREFIX + 8, 4096] {
            assert!(is_refused(at), "{at}");
        }
    }
}
