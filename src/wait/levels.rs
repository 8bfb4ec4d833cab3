//! Things in the order of a level each, those of one level in the order of their arrival.
//!
//! Few of them stand in a vector, whose room is kept: then one that comes and goes allocates
//! nothing. A crowd stands in a tree, until the last one has gone.

use std::{collections::BTreeMap, mem::take, ops::RangeInclusive};

/// Level and number.
pub(crate) type Place = (u64, u64);

/// So many are still few.
const FEW: usize = if cfg!(loom) { 1 } else { 8 };

/// See the [module](self).
pub(crate) enum Levels<X> {
    Few(Vec<(Place, X)>),
    Crowd(BTreeMap<Place, X>),
}

impl<X> Default for Levels<X> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<X> Levels<X> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(list) => list.is_empty(),
            // Left by the last one.
            Self::Crowd(_) => false,
        }
    }

    pub(crate) fn insert(&mut self, place: Place, x: X) {
        match self {
            Self::Few(list) if list.len() < FEW => {
                let i = list.partition_point(|(other, _)| *other < place);
                list.insert(i, (place, x));
            }
            Self::Few(list) => {
                let mut tree: BTreeMap<_, _> = take(list).into_iter().collect();
                tree.insert(place, x);
                *self = Self::Crowd(tree);
            }
            Self::Crowd(tree) => {
                tree.insert(place, x);
            }
        }
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<X> {
        match self {
            Self::Few(list) => {
                let i = list.iter().position(|(other, _)| *other == place)?;
                Some(list.remove(i).1)
            }
            Self::Crowd(tree) => {
                let x = tree.remove(&place);
                self.settle();
                x
            }
        }
    }

    /// Takes out all of these levels that came up to number `last`, in order: O(log n) for each.
    #[inline]
    pub(crate) fn take(&mut self, levels: RangeInclusive<u64>, last: u64, to: impl FnMut(X)) {
        if !self.is_empty() {
            self.take_some(levels, last, to);
        }
    }

    fn take_some(&mut self, levels: RangeInclusive<u64>, last: u64, mut to: impl FnMut(X)) {
        match self {
            Self::Few(list) => {
                let is_meant = |(level, n): &Place| levels.contains(level) && *n <= last;
                let mut i = 0;
                while let Some((place, _)) = list.get(i) {
                    if is_meant(place) {
                        to(list.remove(i).1);
                    } else {
                        i += 1;
                    }
                }
            }
            Self::Crowd(tree) => {
                let (mut from, end) = ((*levels.start(), 0), (*levels.end(), u64::MAX));
                while let Some((&place, _)) = tree.range(from..=end).next() {
                    if place.1 <= last {
                        tree.remove(&place).map(&mut to);
                    }
                    // Numbers are not as large as this.
                    from = (place.0, place.1 + 1);
                }
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        if matches!(self, Self::Crowd(tree) if tree.is_empty()) {
            *self = Self::default();
        }
    }

    /// The lowest level that is not under `level`.
    #[inline]
    pub(crate) fn first_from(&self, level: u64) -> Option<u64> {
        let place = match self {
            Self::Few(list) => list.iter().map(|(p, _)| p).find(|p| p.0 >= level),
            Self::Crowd(tree) => tree.range((level, 0)..).next().map(|(p, _)| p),
        };
        place.map(|p| p.0)
    }

    /// The highest level that is not over `level`.
    #[inline]
    pub(crate) fn last_to(&self, level: u64) -> Option<u64> {
        let place = match self {
            Self::Few(list) => list.iter().map(|(p, _)| p).rfind(|p| p.0 <= level),
            Self::Crowd(tree) => (tree.range(..=(level, u64::MAX)).next_back()).map(|(p, _)| p),
        };
        place.map(|p| p.0)
    }
}
