//! What those who wait for a shared value know, so that they are not told of it again.
//!
//! The thread that looks at values does so for many reasons, and most often finds what all know who
//! wait: it was told, or they have seen it when they came. A *note* says so: all with numbers
//! up to this one, as long as they wait, have heard of this value last.
//!
//! | step | look                                   | registration (under the register's lock)     |
//! |------|----------------------------------------|----------------------------------------------|
//! | 1    | reads how many waits have begun        | is present; learns whether it is alone       |
//! | 2    | reads the value                        | takes its number                             |
//! | 3    | notes what it is about to tell; if     | reads the value                              |
//! |      | that was noted before: done            |                                              |
//! | 4    | tells all up to that number, at least  | notes that it knows, too, if those before do |
//!
//! **A look that is done has nothing to tell.** It reads the value and a number; all up to that
//! number have heard of that value last, if the note is true. It is true when a look makes it, since that
//! one tells them next. A registration changes it only if it is complete up to the number before its
//! own, and *either* is about the value that the registration has seen: then it is true of one
//! more; *or* nobody else waits: then it is true of the only one.
//!
//! It takes two things for that to hold of registrations that come at the same time. Each notes what
//! it has seen itself under *its own* number: that of the last one may belong to somebody who has seen
//! another value. And each asks whether it is alone *under the lock*: somebody may have come since,
//! and seen another value as well.
//!
//! **A note may be older than it could be**, since a look reads first and notes later. Then the next
//! look tells once more what is known.

use std::mem::replace;

use crate::sync::Mutex;

/// See the [module](self).
pub(crate) struct Told(Mutex<Note>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Note {
    /// The value, by its bits.
    bits: u64,
    /// The number of the last who knows it.
    up_to: u64,
}

impl Told {
    /// There is nobody yet who could know anything.
    pub(crate) fn nobody() -> Self {
        Self(Mutex::new(Note { bits: 0, up_to: 0 }))
    }

    /// Look, step 3: so many had begun, and then it read that. Whether it has to be told.
    pub(crate) fn is_news(&self, begun: u64, bits: u64) -> bool {
        let telling = Note { bits, up_to: begun };
        replace(&mut *self.0.lock(), telling) != telling
    }

    /// Registration, step 4.
    pub(crate) fn has_seen(&self, number: u64, bits: u64, is_alone: bool) {
        let mut note = self.0.lock();
        if note.up_to + 1 == number && (is_alone || note.bits == bits) {
            *note = Note {
                bits,
                up_to: number,
            };
        }
    }
}
