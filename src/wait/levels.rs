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

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Crowd(tree) => tree.len(),
        }
    }

    /// The levels, in order; one of which there are several as often.
    pub(crate) fn levels(&self) -> impl Iterator<Item = u64> {
        let (few, crowd) = match self {
            Self::Few(list) => (Some(list), None),
            Self::Crowd(tree) => (None, Some(tree)),
        };
        let few = few.into_iter().flatten().map(|(place, _)| place.0);
        few.chain(crowd.into_iter().flatten().map(|(place, _)| place.0))
    }

    pub(crate) fn insert(&mut self, place: Place, x: X) {
        match self {
            Self::Few(list) if list.len() < FEW => {
                if list.capacity() == 0 {
                    // Most often it is one.
                    list.reserve_exact(1);
                }
                let (Ok(i) | Err(i)) = list.binary_search_by_key(&place, |(other, _)| *other);
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

    #[inline]
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut X> {
        match self {
            Self::Few(list) => {
                let found = list.iter_mut().find(|(other, _)| *other == place);
                found.map(|(_, x)| x)
            }
            Self::Crowd(tree) => tree.get_mut(&place),
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

    /// Takes out all of these levels that came up to number `last`, in order, with their numbers:
    /// O(log n) for each.
    #[inline]
    pub(crate) fn take(&mut self, levels: RangeInclusive<u64>, last: u64, to: impl FnMut(u64, X)) {
        if !self.is_empty() {
            self.take_some(levels, last, to);
        }
    }

    fn take_some(&mut self, levels: RangeInclusive<u64>, last: u64, mut to: impl FnMut(u64, X)) {
        match self {
            Self::Few(list) => {
                let is_meant = |(level, n): &Place| levels.contains(level) && *n <= last;
                let mut i = 0;
                while let Some((place, _)) = list.get(i) {
                    if is_meant(place) {
                        let ((_, number), x) = list.remove(i);
                        to(number, x);
                    } else {
                        i += 1;
                    }
                }
            }
            Self::Crowd(tree) => {
                let (mut from, end) = ((*levels.start(), 0), (*levels.end(), u64::MAX));
                while let Some((&place, _)) = tree.range(from..=end).next() {
                    if place.1 <= last {
                        if let Some(x) = tree.remove(&place) {
                            to(place.1, x);
                        }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Few and many answer as a sorted list does, whatever comes and goes.
    #[test]
    fn agrees_with_a_sorted_list() {
        let (mut levels, mut model) = (Levels::default(), BTreeMap::new());
        let mut random = 1_u64;
        for arrival in 1..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (dice, level) = (
                random >> 60,
                [0, 1, 2, 3, 4, u64::MAX][(random >> 33) as usize % 6],
            );
            assert_eq!(
                levels.get_mut((level, arrival / 2)).copied(),
                model.get(&(level, arrival / 2)).copied()
            );
            // Now more come than go, now fewer.
            if dice < if arrival / 100 % 2 == 0 { 12 } else { 4 } {
                levels.insert((level, arrival), arrival);
                model.insert((level, arrival), arrival);
            } else if let (true, Some(place)) =
                (dice > 4, model.keys().nth(dice as usize % 5).copied())
            {
                assert_eq!(levels.remove(place), model.remove(&place));
                assert_eq!(levels.remove(place), None);
            } else {
                // All of them, or those that came before one of the latest.
                let last =
                    [u64::MAX, arrival.saturating_sub(random >> 40 & 63)][(dice & 1) as usize];
                let mut taken = Vec::new();
                levels.take(level..=level.saturating_add(1), last, |number, x| {
                    assert_eq!(number, x);
                    taken.push(x);
                });
                let is_due = |place: &Place| {
                    let is_meant = place.0 == level || Some(place.0) == level.checked_add(1);
                    is_meant && place.1 <= last
                };
                let due = model.keys().copied().filter(is_due).collect::<Vec<_>>();
                assert_eq!(
                    taken,
                    due.iter()
                        .filter_map(|p| model.remove(p))
                        .collect::<Vec<_>>()
                );
            }
            let first = model.keys().map(|p| p.0).find(|l| *l >= level);
            let last = model.keys().map(|p| p.0).rfind(|l| *l <= level);
            assert_eq!(
                (levels.first_from(level), levels.last_to(level)),
                (first, last)
            );
            assert_eq!(levels.is_empty(), model.is_empty());
            assert_eq!(levels.len(), model.len());
            assert!(levels.levels().eq(model.keys().map(|p| p.0)));
        }
    }

    fn room(levels: &Levels<u64>) -> Option<usize> {
        match levels {
            Levels::Few(list) => Some(list.capacity()),
            Levels::Crowd(_) => None,
        }
    }

    #[test]
    fn few_have_room_that_is_kept_and_a_crowd_stands_in_a_tree() {
        let mut levels = Levels::default();
        assert_eq!(room(&levels), Some(0));
        for number in 1..=3 {
            levels.insert((0, number), number);
            assert_eq!(room(&levels), Some(1));
            assert_eq!(levels.remove((0, number)), Some(number));
        }
        let few = FEW as u64;
        (0..few).for_each(|number| levels.insert((0, number), number));
        let kept = room(&levels).expect("they are few");
        assert_eq!(levels.remove((0, 0)), Some(0));
        levels.insert((0, few), few);
        assert_eq!(room(&levels), Some(kept));
        levels.insert((0, few + 1), few + 1);
        assert_eq!(room(&levels), None, "one too many");
        for number in 1..=few + 1 {
            assert_eq!(room(&levels), None, "until the last one has gone");
            assert_eq!(levels.remove((0, number)), Some(number));
        }
        assert_eq!(room(&levels), Some(0));
    }
}
