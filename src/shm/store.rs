//! A value of any size that processes change as a whole: the bytes of an atom.
//!
//! The *head* is one word: the version of the current value, and the number of the slot that says
//! where it stands. Each participant owns two slots. At most one of them is the head, so the
//! other one is free: there is no allocator, and nothing to repair.
//!
//! # The protocol
//!
//! | step | writer (one thread of a participant)         | reader                                |
//! |------|----------------------------------------------|---------------------------------------|
//! | 1    | reads the head: *v*; takes its slot that     | reads the head: *v* and its slot      |
//! |      | is not the head                              |                                       |
//! | 2    | sequence = 0; fence                          | the sequence is *v* + 1               |
//! | 3    | gives it more room, if it needs it           | reads length and checksum             |
//! | 4    | writes the value, length, checksum           | reads the value; fence                |
//! | 5    | sequence = *v* + 2                           | the sequence is still *v* + 1         |
//! | 6    | head: from *v* to *v* + 1 and its slot, by   | the checksum fits                     |
//! |      | compare-and-swap. If that fails: sequence    |                                       |
//! |      | = 0, and it is tried with the next value     |                                       |
//! | 7    | [wakes](super::signal)                       |                                       |
//!
//! **The value is whole.** A slot is written while it is not the head, and by its owner alone; a
//! version is made once. *Either* the reader's step 5 finds the sequence as in step 2: then no step
//! 2 of a writer was before the end of step 4 (else the fences show the reader that 0, or what
//! followed it), and what it read is what version *v* is. *Or* it does not: then it begins again,
//! and somebody has committed meanwhile, since a slot is written only when it is the head no more.
//!
//! **Damage is found.** If the head is the same before and after an attempt then no slot that it
//! named was written meanwhile, because a version that is past does not come back: what does
//! not fit then is not a race. (Who reads what a writer has put into a slot sees the head that this
//! writer had read: step 2 is a release both before and after it, and the reader's second look at the head
//! follows an acquire fence.)
//!
//! **A damaged head** is replaced by who writes without reading. What follows it gets a version beyond
//! all that the slots know of: else one that others have seen could be made once more, and they would take
//! the new value for the old one. (Damage that makes the head an older value, which still stands whole, is
//! not noticed; it takes several bits.)
//!
//! **A writer that dies** at any step leaves the head as it was, or the new one with all that it needs;
//! its index is freed by the kernel, and who claims it writes over the slot that is not the head.
//! One that is stopped holds up nobody: others have slots of their own.
//!
//! The value is read and written by system calls, not through the mapping. They cost less than a
//! page fault, there is no data race, and a file that is too short is an error and no signal.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

use super::{
    error::ShmError,
    file::{Contents, Shared},
    head::{END, Identity, VALUE, corrupt},
    kill::point,
    os, participants,
    reading::{Reading, read_once},
    slot::{self, MAX_END, MAX_VALUE, Record, Room, Slot},
};
use crate::sync::{AtomicU64, Mutex, Ordering, fence};

/// The head: a version, and the slot of its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Version(u64);

const SLOT_BITS: u32 = 12;
const LAST: u64 = u64::MAX >> SLOT_BITS;

impl Version {
    fn new(number: u64, slot: usize) -> Self {
        Self(number << SLOT_BITS | slot as u64)
    }

    /// What the word says.
    pub(super) fn of(word: u64) -> Self {
        Self(word)
    }

    /// How many commits preceded it.
    pub(super) fn number(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    pub(super) fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

/// That version in that slot, if there are so many.
fn version(number: u64, slot: usize) -> Result<Version, ShmError> {
    match number <= LAST {
        true => Ok(Version::new(number, slot)),
        false => Err(ShmError::VersionExhausted),
    }
}

/// See the [module](self).
pub(super) struct Store {
    pub(super) shared: Shared,
    /// Which participant this is.
    index: u16,
    /// One thread writes at a time. No code of the user runs under it.
    writing: Mutex<()>,
}

/// The contents of a new file, whose head is version 0 in slot 0.
pub(super) fn contents(mapped: usize, value: &[u8]) -> Result<Contents, ShmError> {
    let room = Room {
        offset: mapped as u64,
        capacity: capacity_for(value.len() as u64)?,
    };
    Ok(vec![
        (VALUE, Version::new(0, 0).0.to_ne_bytes().to_vec()),
        (END, room.end().to_ne_bytes().to_vec()),
        (super::head::PREFIX, slot::first(room, value).to_vec()),
        (mapped, value.to_vec()),
    ])
}

/// Room for values that grow: a power of two.
fn capacity_for(len: u64) -> Result<u64, ShmError> {
    if len > MAX_VALUE {
        let max = MAX_VALUE;
        return Err(ShmError::TooLarge { len, max });
    }
    Ok(len.next_power_of_two().max(256))
}

impl Store {
    pub(super) fn new(shared: Shared) -> Result<Self, ShmError> {
        let index = participants::claim(&shared.file, shared.identity.participants)?;
        point("claimed");
        Ok(Self {
            shared,
            index,
            writing: Mutex::new(()),
        })
    }

    /// Gives the index back. From now on nobody may commit with this.
    pub(super) fn leave(&self) {
        participants::release(&self.shared.file, self.index);
    }

    #[inline]
    fn head(&self) -> &AtomicU64 {
        self.shared.head.word(VALUE)
    }

    /// The head.
    #[inline]
    pub(super) fn now(&self) -> Version {
        // SeqCst: Acquire for the slot; in one order with the commits, the arming and the looks.
        Version(self.head().load(Ordering::SeqCst))
    }

    /// The current value, which is read into `buffer`.
    pub(super) fn read<'b>(
        &self,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(Version, &'b [u8]), ShmError> {
        loop {
            let version = self.now();
            let read = read_once(self, version, buffer);
            match read {
                Ok(len) => return Ok((version, &buffer[..len])),
                Err(error) => {
                    // Acquire: pairs with the writer's fence of step 2, whatever was read since.
                    fence(Ordering::Acquire);
                    if self.now() == version {
                        return Err(error);
                    }
                    // Overtaken by a commit: its value is there.
                }
            }
        }
    }

    /// Makes `value` the value, if `expected` is the head still; then that of the new one. `None` if
    /// it is not.
    pub(super) fn commit(
        &self,
        expected: Version,
        value: &[u8],
    ) -> Result<Option<Version>, ShmError> {
        self.shared.check_own()?;
        let capacity = capacity_for(value.len() as u64)?;
        let committed = {
            let _writing = self.writing.lock();
            self.try_commit(expected, value, capacity)?
        };
        if committed.is_some() {
            self.shared.wake();
        }
        Ok(committed)
    }

    /// Steps 1 to 6 of a writer.
    fn try_commit(
        &self,
        expected: Version,
        value: &[u8],
        capacity: u64,
    ) -> Result<Option<Version>, ShmError> {
        // Whether a slot of one's own is the head changes under the lock alone.
        if self.now() != expected {
            return Ok(None);
        }
        let Some(next) = self.after(expected)? else {
            return Ok(None);
        };
        let slot = Slot::of(&self.shared.head, next.slot());
        // Release: after the look at the head. The fence makes it precede what is written next, for whoever
        // sees that.
        slot.sequence().store(0, Ordering::Release);
        fence(Ordering::Release);
        point("write: marked");
        let room = self.room(slot, capacity)?;
        if let Err(error) = self.write(value, room.offset) {
            // What was written of it takes memory that others may need.
            os::discard(&self.shared.file, room.offset, room.capacity);
            return Err(error.into());
        }
        point("write: written");
        slot.set_record(value.len() as u64, slot::checksum(next.number(), value));
        point("write: recorded");
        // Release: pairs with the reader's step 2.
        slot.sequence().store(next.number() + 1, Ordering::Release);
        point("publish: before");
        // SeqCst: Release for the slot; in one order with the arming.
        let swapped =
            self.head()
                .compare_exchange(expected.0, next.0, Ordering::SeqCst, Ordering::SeqCst);
        if swapped.is_err() {
            // Else the slot would claim a version that another one is. Release: after the look at the head.
            slot.sequence().store(0, Ordering::Release);
        }
        Ok(swapped.is_ok().then_some(next))
    }

    /// What follows `expected`, and the slot for it: that of one's own which is not the head. `None` if
    /// `expected` is not the head any more.
    fn after(&self, expected: Version) -> Result<Option<Version>, ShmError> {
        let first = 2 * usize::from(self.index);
        let (following, slots) = (expected.number() + 1, self.slots());
        if slots.contains(&expected.slot()) && self.sequence_of(expected.slot()) == following {
            let slot = first + usize::from(expected.slot() == first);
            return version(following, slot).map(Some);
        }
        if self.now() != expected {
            return Ok(None);
        }
        // The head is damaged. The sequence of a slot is the version that follows its own; one that could
        // be no such number is damaged, too.
        let sequence = |slot: &usize| Some(self.sequence_of(*slot)).filter(|n| *n <= LAST + 1);
        let known = slots.filter_map(|slot| sequence(&slot)).max().unwrap_or(0);
        // If it is the slot that is damaged the head's own version counts; not one that few could follow.
        let number = known.max(if following <= LAST / 2 { following } else { 0 });
        // Of one's own two the newer one stays, which may be all that is left of the newest version.
        let slot = first + usize::from(sequence(&first) >= sequence(&(first + 1)));
        version(number, slot).map(Some)
    }

    fn slots(&self) -> Range<usize> {
        0..2 * usize::from(self.shared.identity.participants)
    }

    fn sequence_of(&self, slot: usize) -> u64 {
        // Acquire: pairs with step 5 of the writer, when it is step 2 of a reader.
        let slot = Slot::of(&self.shared.head, slot);
        slot.sequence().load(Ordering::Acquire)
    }

    /// In two steps where a test may want to kill it in between.
    fn write(&self, value: &[u8], offset: u64) -> io::Result<()> {
        let half = if cfg!(test) { value.len() / 2 } else { 0 };
        let (first, rest) = value.split_at(half);
        // Nothing is written by no call.
        self.shared.file.write_all_at(first, offset)?;
        point("write: half written");
        self.shared.file.write_all_at(rest, offset + half as u64)
    }

    /// Step 3: the slot's room, which is as large at least.
    fn room(&self, slot: Slot<'_>, capacity: u64) -> Result<Room, ShmError> {
        let old = slot.room(self.mapped());
        if let Some(room) = old.filter(|room| room.capacity >= capacity) {
            return Ok(room);
        }
        point("grow: begun");
        let room = Room {
            offset: self.allocate(capacity)?,
            capacity,
        };
        point("grow: allocated");
        slot.set_room(room);
        point("grow: done");
        if let Some(old) = old {
            os::discard(&self.shared.file, old.offset, old.capacity);
        }
        Ok(room)
    }

    /// So many bytes of the file that nobody has had.
    fn allocate(&self, bytes: u64) -> Result<u64, ShmError> {
        let end: &AtomicU64 = self.shared.head.word(END);
        // A damaged end gives nobody what is another's.
        let free = self.taken()?.next_multiple_of(64);
        // Relaxed, twice: only the number matters.
        end.fetch_max(free, Ordering::Relaxed);
        let offset = end.fetch_add(bytes, Ordering::Relaxed);
        // Less if it has gone round since.
        if offset < free || offset % 64 != 0 || offset > MAX_END {
            return Err(corrupt("the end of the file is impossible"));
        }
        Ok(offset)
    }

    /// Where that ends which somebody has: the file, and the room of each slot, which may reach beyond
    /// it.
    fn taken(&self) -> io::Result<u64> {
        let rooms = self
            .slots()
            .filter_map(|n| Slot::of(&self.shared.head, n).room(self.mapped()));
        let len = self.shared.file.metadata()?.len();
        Ok(rooms.fold(len, |taken, room| taken.max(room.end())))
    }
}

impl Reading for Store {
    fn file(&self) -> &File {
        &self.shared.file
    }

    fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    #[inline]
    fn now(&self) -> Result<Version, ShmError> {
        Ok(Store::now(self))
    }

    fn sequence(&self, slot: usize) -> Result<u64, ShmError> {
        Ok(self.sequence_of(slot))
    }

    fn record(&self, slot: usize) -> Result<Record, ShmError> {
        Ok(Slot::of(&self.shared.head, slot).record())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_room_is_made_for_values_that_can_be() {
        for (len, capacity) in [(0, 256), (256, 256), (257, 512), (MAX_VALUE, MAX_VALUE)] {
            assert_eq!(capacity_for(len).unwrap(), capacity);
        }
        for len in [MAX_VALUE + 1, u64::MAX] {
            let refused = capacity_for(len).unwrap_err();
            assert!(matches!(refused, ShmError::TooLarge { max: MAX_VALUE, .. }));
        }
    }
}
