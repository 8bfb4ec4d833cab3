//! What a wait for a level waits for.

use super::gap::Gap;

/// A value, as the waits see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// In the order of the numbers: equal for those that are equal, -0.0 and 0.0 included.
    pub(crate) key: u64,
    /// Different for all that differ.
    pub(crate) bits: u64,
    /// False for NaN, which is neither equal to anything, nor more, nor less.
    pub(crate) is_ordered: bool,
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(Level),
    AtMost(Level),
    Equal(Level),
    /// Anything of which the bits are not these.
    Other(Level),
}

impl Goal {
    #[inline]
    pub(crate) fn is_met_by(&self, value: Level) -> bool {
        let (bound, met) = match self {
            Self::AtLeast(bound) => (bound, value.key >= bound.key),
            Self::AtMost(bound) => (bound, value.key <= bound.key),
            Self::Equal(bound) => (bound, value.key == bound.key),
            Self::Other(seen) => return value.bits != seen.bits,
        };
        met && value.is_ordered && bound.is_ordered
    }

    /// Whether nothing can meet it, because its bound is NaN.
    pub(super) fn is_hopeless(&self) -> bool {
        match self {
            Self::AtLeast(bound) | Self::AtMost(bound) | Self::Equal(bound) => !bound.is_ordered,
            Self::Other(_) => false,
        }
    }

    /// Whether no value in the gap meets it.
    pub(super) fn is_outside(&self, (least, greatest): Gap) -> bool {
        least > greatest
            || match self {
                Self::AtLeast(bound) => greatest < bound.key,
                Self::AtMost(bound) => least > bound.key,
                Self::Equal(bound) => bound.key < least || bound.key > greatest,
                Self::Other(_) => false,
            }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn level(key: u64) -> Level {
        Level {
            key,
            bits: key,
            is_ordered: true,
        }
    }

    #[test]
    fn g5_a_goal_is_outside_of_a_gap_without_a_value_that_meets_it() {
        const KEYS: u64 = 5;
        for (least, greatest, bound) in (0..KEYS.pow(3)).map(|n| (n % 5, n / 5 % 5, n / 25)) {
            let bound = level(bound);
            for goal in [
                Goal::AtLeast(bound),
                Goal::AtMost(bound),
                Goal::Equal(bound),
            ] {
                let is_met = (least..=greatest).any(|key| goal.is_met_by(level(key)));
                let gap = (least, greatest);
                assert_eq!(goal.is_outside(gap), !is_met, "{goal:?} {gap:?}");
            }
            // This one looks at no keys.
            assert_eq!(
                Goal::Other(bound).is_outside((least, greatest)),
                least > greatest
            );
        }
    }
}
