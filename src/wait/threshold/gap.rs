//! The gap: a range of values that satisfy nobody, which writers read without a lock.
//!
//! It is read whole. Its two ends are guarded by a count that is odd while they change, and is read
//! before and after them; a writer that finds it odd or changed goes to the lock, where the
//! waits themselves stand.

use crate::sync::{AtomicU64, Ordering};

/// The least and the greatest key of a gap. It is empty if they are the wrong way round.
pub(super) type Gap = (u64, u64);

/// Nobody waits.
pub(super) const FULL: Gap = (0, u64::MAX);
pub(super) const EMPTY: Gap = (1, 0);

/// See the [module](self). It is changed under the lock of the waits alone.
pub(super) struct SharedGap {
    /// Odd while the gap is being changed, and another number after each change.
    changes: AtomicU64,
    /// The two ends of the gap.
    least: AtomicU64,
    greatest: AtomicU64,
}

impl SharedGap {
    pub(super) fn new() -> Self {
        Self {
            changes: AtomicU64::new(0),
            least: AtomicU64::new(FULL.0),
            greatest: AtomicU64::new(FULL.1),
        }
    }

    /// Writer, after its write: whether both keys are certainly inside.
    #[inline]
    pub(super) fn holds(&self, old: u64, new: u64) -> bool {
        // SeqCst: the writer's step 4 in the protocol. Acquire: to see the ends that were set with it.
        let before = self.changes.load(Ordering::SeqCst);
        // Acquire: if one of them is newer than `before`, the second look sees that, too.
        let least = self.least.load(Ordering::Acquire);
        let greatest = self.greatest.load(Ordering::Acquire);
        let after = self.changes.load(Ordering::Relaxed);
        let is_inside = |key| key >= least && key <= greatest;
        is_inside(new) && is_inside(old) && before % 2 == 0 && before == after
    }

    /// Under the lock: the gap.
    pub(super) fn get(&self) -> Gap {
        // Relaxed: changed under the lock alone.
        let least = self.least.load(Ordering::Relaxed);
        (least, self.greatest.load(Ordering::Relaxed))
    }

    /// Under the lock: makes `gap` the gap.
    pub(super) fn publish(&self, gap: Gap) {
        if gap == self.get() {
            return;
        }
        let (least, greatest) = gap;
        // Relaxed: changed under the lock alone. The odd number is released by the ends.
        let changes = self.changes.load(Ordering::Relaxed);
        self.changes.store(changes + 1, Ordering::Relaxed);
        // Release: who reads one of them sees the odd number.
        self.least.store(least, Ordering::Release);
        self.greatest.store(greatest, Ordering::Release);
        // SeqCst: the newcomer's step 3 in the protocol. Release: the ends come with it.
        self.changes.store(changes + 2, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_change_has_a_number_of_its_own() {
        let gap = SharedGap::new();
        let mut numbers = Vec::new();
        for key in [5, 5, 7, 9] {
            gap.publish((key, key + 10));
            assert!(gap.holds(key, key + 10) && !gap.holds(key - 1, key));
            numbers.push(gap.changes.load(Ordering::Relaxed));
        }
        assert_eq!(
            numbers,
            [2, 2, 4, 6],
            "odd in between; one that is no change has none"
        );
    }
}
