//! What those who wait for a shared value know, so that they are not told of it again.
//!
//! The thread that looks at values does so for many reasons, and most often finds what all know who
//! wait: it was told, or they have seen it when they came. A *note* says so: all with numbers
//! up to this one, as long as they wait, hear of this value last.
//!
//! | step | look                                   | registration (under the register's lock)     |
//! |------|----------------------------------------|----------------------------------------------|
//! | 1    | reads how many waits have begun        | is present; learns whether it is alone       |
//! | 2    | reads the value                        | takes its number                             |
//! | 3    | is that noted, or nobody present: done | reads the value                              |
//! | 4    | under the register's lock: leaves the  | notes that it has seen it, if it is alone,   |
//! |      | value, to be told to all up to that    | or if all before it hear of that value last  |
//! |      | number or a later one, and notes that  |                                              |
//!
//! **A look that is done has nothing to tell.** It reads the value and a number; all up to that
//! number hear of that value last, if the note is true. What is left is told in the order in which it
//! was left, to nobody who came after that; so the note is true when a look makes it, and no
//! registration after it is overtaken by what it speaks of. A registration changes it only if *either*
//! nobody else waits: then it is true of the only one; *or* it speaks of all who came before,
//! and of the value that the registration has seen: then it is true of one more.
//!
//! It takes three things for that to hold of looks and registrations that come at the same time. A
//! look notes what it leaves *under the lock under which it leaves it*: noted before, somebody who
//! comes alone could note another value, and then be told this one. Each registration notes what it
//! has seen itself under *its own* number: that of the last one may belong to somebody who has seen
//! another value. And each asks whether it is alone *under the lock*: somebody may have come since,
//! and seen another value as well.
//!
//! **A note may be older than it could be**, since a look reads first and notes later. Then the next
//! look tells once more what is known.

use crate::sync::Mutex;

/// See the [module](self).
pub(crate) struct Told(Mutex<Note>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Note {
    /// The value, by its bits.
    bits: u64,
    /// The number of the last who hears of it last.
    up_to: u64,
}

impl Told {
    /// There is nobody yet who could know anything.
    pub(crate) fn nobody() -> Self {
        Self(Mutex::new(Note { bits: 0, up_to: 0 }))
    }

    /// Look, step 3: so many had begun, and then it read that. Whether all of them know.
    pub(crate) fn is_known(&self, begun: u64, bits: u64) -> bool {
        let note = *self.0.lock();
        note == Note { bits, up_to: begun }
    }

    /// Look, step 4: all up to that number are about to be told.
    pub(crate) fn leaves(&self, up_to: u64, bits: u64) {
        *self.0.lock() = Note { bits, up_to };
    }

    /// Registration, step 4.
    pub(crate) fn has_seen(&self, number: u64, bits: u64, is_alone: bool) {
        let mut note = self.0.lock();
        if is_alone || note.up_to + 1 == number && note.bits == bits {
            *note = Note {
                bits,
                up_to: number,
            };
        }
    }
}
