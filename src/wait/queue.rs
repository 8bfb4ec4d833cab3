//! Things in the order in which they came, found by the numbers they were given, taken out anywhere.
//!
//! They stand in one ring, sorted by number. What is taken out of the middle leaves a gap, which goes
//! when it comes to an end of the ring, or when there are more gaps than things. So all is O(1), but
//! for the look-up of a number behind a gap that is gone already: O(log n). The room is bounded by
//! the things that are there, and kept for a few.

use std::collections::VecDeque;

/// See the [module](self).
pub(crate) struct Queue<X> {
    /// First and last are no gaps.
    ring: VecDeque<(u64, Option<X>)>,
    gaps: usize,
    /// The number of the next one.
    next: u64,
}

/// So many gaps, or so much room, are not worth the tidying.
const TOLERATED: usize = if cfg!(loom) { 1 } else { 16 };

impl<X> Queue<X> {
    pub(crate) fn new() -> Self {
        Self {
            ring: VecDeque::new(),
            gaps: 0,
            next: 0,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The number that the next one will get; higher than all others.
    #[inline]
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    #[inline]
    pub(crate) fn push(&mut self, x: X) -> u64 {
        let number = self.next;
        self.next += 1;
        self.ring.push_back((number, Some(x)));
        number
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut X> {
        let i = self.find(number).ok()?;
        self.ring[i].1.as_mut()
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u64) -> Option<X> {
        let i = self.find(number).ok()?;
        let x = self.ring[i].1.take()?;
        self.gaps += 1;
        while let Some((_, None)) = self.ring.front() {
            self.ring.pop_front();
            self.gaps -= 1;
        }
        while let Some((_, None)) = self.ring.back() {
            self.ring.pop_back();
            self.gaps -= 1;
        }
        self.tidy();
        Some(x)
    }

    /// The first one whose number is not lower than `number` and of which `is_meant` is true.
    #[inline]
    pub(crate) fn first_from(
        &mut self,
        number: u64,
        mut is_meant: impl FnMut(&X) -> bool,
    ) -> Option<(u64, &mut X)> {
        let (Ok(mut i) | Err(mut i)) = self.find(number);
        loop {
            match self.ring.get(i)? {
                (_, Some(x)) if is_meant(x) => break,
                _ => i += 1,
            }
        }
        let (number, x) = &mut self.ring[i];
        Some((*number, x.as_mut()?))
    }

    /// Takes all out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = X> + use<X> {
        self.gaps = 0;
        let ring = std::mem::take(&mut self.ring);
        ring.into_iter().filter_map(|(_, x)| x)
    }

    /// Where that number is, or would be.
    #[inline]
    fn find(&self, number: u64) -> Result<usize, usize> {
        // Numbers are given in a row: as long as no gap has gone, the distance to the first tells.
        let first = self.ring.front().map_or(self.next, |(first, _)| *first);
        let guess = number.saturating_sub(first) as usize;
        match self.ring.get(guess) {
            Some((there, _)) if *there == number => Ok(guess),
            _ => self.search(number),
        }
    }

    #[cold]
    fn search(&self, number: u64) -> Result<usize, usize> {
        self.ring.binary_search_by_key(&number, |(there, _)| *there)
    }

    #[inline]
    fn tidy(&mut self) {
        let is_gappy = self.gaps > TOLERATED && self.gaps > self.ring.len() / 2;
        if is_gappy || self.ring.capacity() > 4 * (self.ring.len() + TOLERATED) {
            self.tidy_up();
        }
    }

    #[cold]
    fn tidy_up(&mut self) {
        self.ring.retain(|(_, x)| x.is_some());
        self.gaps = 0;
        self.ring.shrink_to(2 * self.ring.len() + TOLERATED);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Random pushes and removals beside a map.
    #[test]
    fn a_queue_is_a_sorted_map_that_gives_the_numbers() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut below = |bound: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % bound
        };
        let (mut queue, mut map) = (Queue::new(), BTreeMap::new());
        let mut pushed = 0;
        for step in 0..20_000_u64 {
            // It grows and shrinks in turns.
            let grows = step / 1_000 % 2 == 0;
            if below(10) < if grows { 7 } else { 3 } {
                map.insert(queue.push(step), step);
                pushed += 1;
            } else {
                // One that is there, one that has gone, or one that is to come.
                let any = below(queue.next_number() + 1);
                let there = map.keys().nth(below(map.len() as u64 + 1) as usize);
                let number = *there.unwrap_or(&any);
                assert_eq!(queue.remove(number), map.remove(&number));
            }
            let number = below(queue.next_number() + 1);
            assert_eq!(queue.get_mut(number), map.get_mut(&number));
            let even = queue.first_from(number, |x| x % 2 == 0);
            let mut rest = map.range_mut(number..).map(|(n, x)| (*n, x));
            assert_eq!(even, rest.find(|(_, x)| **x % 2 == 0));
            assert_eq!(queue.is_empty(), map.is_empty());
            assert_eq!(queue.next_number(), pushed);
            assert_eq!(queue.ring.len() - queue.gaps, map.len());
            assert!(queue.gaps <= TOLERATED.max(map.len()));
            assert!(queue.ring.capacity() <= 4 * (map.len() + TOLERATED) * 2);
        }
        assert!(queue.drain().eq(map.into_values()));
        assert!(queue.is_empty() && queue.drain().next().is_none());
    }

    /// Gaps stay until they are as many as the things: so each of these pays for one step of tidying.
    #[test]
    fn few_gaps_among_many_things_are_left_where_they_are() {
        let mut queue = Queue::new();
        for n in 0..200 {
            queue.push(n);
        }
        for n in (50..150).step_by(2).chain((51..149).step_by(2)) {
            assert_eq!(queue.remove(n), Some(n));
        }
        assert_eq!((queue.ring.len(), queue.gaps), (200, 99));
        assert_eq!(queue.remove(20), Some(20));
        assert_eq!((queue.ring.len(), queue.gaps), (200, 100));
        assert_eq!(queue.remove(180), Some(180));
        assert_eq!((queue.ring.len(), queue.gaps), (99, 0));
        assert!(
            queue
                .first_from(50, |_| true)
                .is_some_and(|(n, _)| n == 149)
        );
    }

    /// Few gaps are no reason, however few the things are.
    #[test]
    fn so_many_gaps_are_tolerated() {
        for gaps in [TOLERATED as u64, TOLERATED as u64 + 1] {
            let mut queue = Queue::new();
            for n in 0..gaps + 2 {
                queue.push(n);
            }
            for n in 1..=gaps {
                queue.remove(n);
            }
            assert_eq!(
                queue.gaps,
                if gaps == TOLERATED as u64 {
                    TOLERATED
                } else {
                    0
                }
            );
        }
    }

    /// A queue that shrinks gives room back, but not all: it may grow again.
    #[test]
    fn room_is_kept_for_as_many_again() {
        let mut queue = Queue::new();
        for n in 0..1_000 {
            queue.push(n);
        }
        let room = queue.ring.capacity();
        let mut left = 1_000;
        while queue.ring.capacity() == room {
            queue.remove(1_000 - left);
            left -= 1;
        }
        assert!(room > 4 * (left as usize + TOLERATED));
        assert!(room <= 4 * (left as usize + 1 + TOLERATED));
        assert!(queue.ring.capacity() >= 2 * left as usize);
    }
}
