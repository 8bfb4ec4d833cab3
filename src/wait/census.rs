//! How many cells of one type somebody may wait for.
//!
//! The [marks](super::presence) of a cell stand beside its value, so threads that write the value
//! take away each other's view of the marks: to look at them after the write would cost a
//! writer, who has just had that cache line, to fetch it once more. So a writer looks first at
//! the *census* of his type, which stands elsewhere and hardly ever changes: if it is zero, nobody
//! waits for any cell of that type in the whole process.
//!
//! A cell is counted as long as it has a mark, once for each. The count goes with the cell when
//! that is moved, and ends with it.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicBool, AtomicUsize, Ordering, const_unless_loom};

/// See the [module](self).
#[derive(Debug)]
pub struct Census(CachePadded<AtomicUsize>);

impl Census {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self(CachePadded::new(AtomicUsize::new(0)))
        }
    }

    #[inline]
    pub(crate) fn is_zero(&self) -> bool {
        // SeqCst: one order with the writes of cells, and with `enter`.
        self.0.load(Ordering::SeqCst) == 0
    }
}

/// Whether a cell is counted because of one of its marks; changed under that mark's lock alone.
pub(crate) struct Counted(AtomicBool);

impl Counted {
    pub(crate) fn not_yet() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Counts a cell that is about to be marked, unless it is counted.
    #[inline]
    pub(crate) fn enter(&self, census: &Census) {
        // Relaxed: changed under the lock alone, here and below.
        if !self.0.load(Ordering::Relaxed) {
            self.0.store(true, Ordering::Relaxed);
            // SeqCst: precedes the registration's look at the value.
            census.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The mark has been cleared, or the cell ends: it is not counted any more.
    pub(crate) fn leave(&self, census: &Census) {
        if self.0.load(Ordering::Relaxed) {
            self.0.store(false, Ordering::Relaxed);
            // Relaxed: a writer who sees an older number looks at the marks.
            census.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The census of the type for which it is called.
macro_rules! census {
    () => {{
        #[cfg(not(loom))]
        static CENSUS: $crate::wait::census::Census = $crate::wait::census::Census::new();
        #[cfg(loom)]
        $crate::sync::lazy_static! {
            static ref CENSUS: $crate::wait::census::Census = $crate::wait::census::Census::new();
        }
        &CENSUS
    }};
}
pub(crate) use census;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A cell counts once for each mark that it has, and not any more without one.
    #[test]
    fn a_cell_is_counted_while_it_is_marked() {
        let (census, levels, listeners) = (Census::new(), Counted::not_yet(), Counted::not_yet());
        levels.leave(&census);
        assert!(census.is_zero(), "it was not counted");
        levels.enter(&census);
        levels.enter(&census);
        listeners.enter(&census);
        assert!(!census.is_zero());
        levels.leave(&census);
        assert!(!census.is_zero(), "it has the other mark");
        listeners.leave(&census);
        assert!(census.is_zero());
        levels.enter(&census);
        assert!(!census.is_zero(), "it is marked once more");
    }
}
