//! A slot: where one value stands in the file.
//!
//! | bytes    | what                                                                              |
//! |----------|-----------------------------------------------------------------------------------|
//! | 0 .. 8   | the version of the value, plus one; 0 while it is being written, and if it is none |
//! | 8 .. 16  | where the room for it begins                                                      |
//! | 16 .. 24 | how many bytes there are                                                          |
//! | 24 .. 32 | how many of them are the value                                                    |
//! | 32 .. 36 | the checksum of version, length and value                                         |
//! | 36 .. 40 | the checksum of the room                                                          |
//!
//! A slot belongs to one participant, who writes it while it is not the head; everybody reads it.

use super::{
    error::ShmError,
    head::{Head, PREFIX, SLOT, corrupt, u32_at},
};
use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// One slot of a file that is mapped.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    head: &'a Head,
    at: usize,
}

/// What a slot says of its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) sum: u32,
}

/// Bytes of the file that are a slot's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Room {
    pub(super) offset: u64,
    pub(super) capacity: u64,
}

/// The longest value, in bytes.
pub(super) const MAX_VALUE: u64 = 1 << 30;
/// Where the last room may end.
pub(super) const MAX_END: u64 = 1 << 44;

impl<'a> Slot<'a> {
    /// The slot of that number, which the file has to have.
    pub(super) fn of(head: &'a Head, number: usize) -> Self {
        let at = Entry::at(number);
        Self { head, at }
    }

    pub(super) fn sequence(self) -> &'a AtomicU64 {
        self.head.word(self.at)
    }

    fn number(self, at: usize) -> &'a AtomicU64 {
        self.head.word(self.at + at)
    }

    fn sum(self, at: usize) -> &'a AtomicU32 {
        self.head.word(self.at + at)
    }

    /// Relaxed, as is all here: the sequence says whether it belongs together.
    pub(super) fn record(self) -> Record {
        Record {
            offset: self.number(8).load(Relaxed),
            len: self.number(24).load(Relaxed),
            sum: self.sum(32).load(Relaxed),
        }
    }

    /// Owner, while it is being written.
    pub(super) fn set_record(self, len: u64, sum: u32) {
        self.number(24).store(len, Relaxed);
        self.sum(32).store(sum, Relaxed);
    }

    /// Its room, if it has some. One that makes no sense, because of damage, or because its owner is
    /// changing it or was killed when it did, is none.
    pub(super) fn room(self, mapped: u64) -> Option<Room> {
        let room = Room {
            offset: self.number(8).load(Relaxed),
            capacity: self.number(16).load(Relaxed),
        };
        room.if_whole(self.sum(36).load(Relaxed), mapped)
    }

    /// Owner, while it is being written. If that is changed in part, the checksum does not fit.
    pub(super) fn set_room(self, room: Room) {
        self.number(8).store(room.offset, Relaxed);
        super::kill::point("grow: offset set");
        self.number(16).store(room.capacity, Relaxed);
        super::kill::point("grow: capacity set");
        self.sum(36).store(room.checksum(), Relaxed);
    }
}

impl Room {
    fn if_whole(self, sum: u32, mapped: u64) -> Option<Self> {
        let is_whole = sum == self.checksum();
        let can_be =
            (mapped..=MAX_END).contains(&self.offset) && (1..=MAX_VALUE).contains(&self.capacity);
        (is_whole && can_be).then_some(self)
    }

    pub(super) fn end(self) -> u64 {
        self.offset + self.capacity
    }

    fn checksum(self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.offset.to_ne_bytes());
        sum.update(&self.capacity.to_ne_bytes());
        sum.finalize()
    }
}

impl Record {
    /// Whether a value can stand there, in a file of which so much is mapped.
    pub(super) fn check(self, mapped: u64) -> Result<(), ShmError> {
        if self.len > MAX_VALUE {
            return Err(corrupt("the length of the value is impossible"));
        }
        if self.offset < mapped || self.offset > MAX_END {
            return Err(corrupt("the place of the value is impossible"));
        }
        Ok(())
    }
}

/// The bytes of a slot, as they were read from a file that is not mapped.
pub(super) struct Entry {
    sequence: u64,
    pub(super) record: Record,
    room: Room,
    room_sum: u32,
}

impl Entry {
    /// Where the slot of that number begins.
    pub(super) fn at(number: usize) -> usize {
        PREFIX + SLOT * number
    }

    pub(super) fn decode(bytes: &[u8; SLOT]) -> Self {
        let number = |at| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(number)
        };
        let (offset, capacity) = (number(8), number(16));
        Self {
            sequence: number(0),
            record: Record {
                offset,
                len: number(24),
                sum: u32_at(bytes, 32),
            },
            room: Room { offset, capacity },
            room_sum: u32_at(bytes, 36),
        }
    }

    /// The version of its value, if that is written.
    pub(super) fn version(&self) -> Option<u64> {
        self.sequence.checked_sub(1)
    }

    /// How many bytes it has.
    pub(super) fn room(&self, mapped: u64) -> u64 {
        let room = self.room.if_whole(self.room_sum, mapped);
        room.map_or(0, |room| room.capacity)
    }
}

/// Of a value with its version.
pub(super) fn checksum(version: u64, value: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&version.to_ne_bytes());
    sum.update(&(value.len() as u64).to_ne_bytes());
    sum.update(value);
    sum.finalize()
}

/// The first bytes of a new slot, of which `room` holds a value of version 0.
pub(super) fn first(room: Room, value: &[u8]) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(&1_u64.to_ne_bytes());
    bytes[8..16].copy_from_slice(&room.offset.to_ne_bytes());
    bytes[16..24].copy_from_slice(&room.capacity.to_ne_bytes());
    bytes[24..32].copy_from_slice(&(value.len() as u64).to_ne_bytes());
    bytes[32..36].copy_from_slice(&checksum(0, value).to_ne_bytes());
    bytes[36..40].copy_from_slice(&room.checksum().to_ne_bytes());
    bytes
}
