//! Which levels may be waited for by equality: a set that writers ask without a lock, and that says
//! yes too often, but never no in error.
//!
//! It is a Bloom filter: a level has two bits in one word of a table. There are tables for few and
//! for many levels, each sixteen times as large as the one before, so that of the levels that nobody waits
//! for fewer than five in a hundred are taken for others, which is tested with up to sixty thousand.
//!
//! | step | under the lock                                   | writer, after its write        |
//! |------|--------------------------------------------------|--------------------------------|
//! | 1    | a level comes that needs a larger table: enters  | reads which table is in use    |
//! |      | all levels there, then takes that one in use     |                                |
//! | 2    | else enters the level in the one that is in use  | reads the level's word in it   |
//!
//! **A level that somebody waits for is in the table** that a writer reads, if the writer wrote after
//! the wait looked at the value: the wait had done its part by then, and what the writer reads
//! stood there at that moment, or later. From then on the level's bits are in the table that was in
//! use, and in each that was taken in use later, before it was: for they are in every word that is
//! written while the wait is parked. Tables are not used again when a larger one has been, and not
//! freed before the cell is.
//!
//! **A level that has gone stays entered.** That suits one that comes again, and whoever comes and
//! goes has nothing to do. A writer that was brought to the lock by it for nothing says so: when that
//! has happened as often as pays for it, the table is written anew.

use crate::sync::{AtomicU64, AtomicUsize, Ordering, late_box::LateBox};

type Word = AtomicU64;
type Table = Box<[Word]>;

const SMALL: usize = if cfg!(loom) { 1 } else { 4 };
const GROWTH: usize = if cfg!(loom) { 2 } else { 16 };
/// So many bits there are for each level, at least, until the last table is full.
const BITS: usize = if cfg!(loom) { 64 } else { 16 };
/// So many levels and words are written anew for one alarm that was false.
const REWRITTEN: usize = 32;

const LARGE: [fn() -> Table; 3] = [
    table::<{ SMALL * GROWTH }>,
    table::<{ SMALL * GROWTH * GROWTH }>,
    table::<{ SMALL * GROWTH * GROWTH * GROWTH }>,
];

fn table<const WORDS: usize>() -> Table {
    (0..WORDS).map(|_| Word::new(0)).collect()
}

/// See the [module](self). It is changed under the lock of the waits alone.
pub(super) struct Filter {
    /// Which table is in use; none of these is the small one.
    in_use: AtomicUsize,
    small: [Word; SMALL],
    large: [LateBox<Table>; LARGE.len()],
}

/// What the lock guards of it.
#[derive(Default)]
pub(super) struct Upkeep {
    /// Entered since the table was written anew, or then.
    entered: usize,
    /// So often a writer has found nobody since then.
    alarms: usize,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            small: std::array::from_fn(|_| Word::new(0)),
            large: LARGE.map(|_| LateBox::new()),
        }
    }

    fn table(&self, number: usize) -> &[Word] {
        match number.checked_sub(1) {
            None => &self.small,
            Some(i) => self.large[i].get_or_make(LARGE[i]),
        }
    }

    /// Writer, after its write: whether it may have the level `key`.
    #[inline]
    pub(super) fn may_have(&self, key: u64) -> bool {
        // SeqCst: step 1; it does not precede the write. Acquire: to see what was entered before.
        let words = self.table(self.in_use.load(Ordering::SeqCst));
        let (i, bits) = place(key, words.len());
        // SeqCst: step 2, likewise.
        words[i].load(Ordering::SeqCst) & bits == bits
    }

    /// Under the lock: enters `key`, which has come. All `levels` are `count`.
    pub(super) fn enter(
        &self,
        key: u64,
        count: usize,
        levels: impl Iterator<Item = u64>,
        upkeep: &mut Upkeep,
    ) {
        // Relaxed: changed under the lock alone.
        let number = self.in_use.load(Ordering::Relaxed);
        let words = self.table(number);
        if count > words.len() * 64 / BITS && number < LARGE.len() {
            self.rewrite(number + 1, levels, upkeep);
            // SeqCst: step 1; it precedes the look of the wait that has come. Release: the words come
            // with it.
            self.in_use.store(number + 1, Ordering::SeqCst);
            return;
        }
        upkeep.entered += 1;
        let (i, bits) = place(key, words.len());
        // Relaxed: changed under the lock alone.
        let word = words[i].load(Ordering::Relaxed);
        if word & bits != bits {
            // SeqCst: step 2; it precedes the look of the wait that has come.
            words[i].store(word | bits, Ordering::SeqCst);
        }
    }

    /// Under the lock: a writer has found nobody. All `levels` are `count`.
    pub(super) fn false_alarm(
        &self,
        count: usize,
        levels: impl Iterator<Item = u64>,
        upkeep: &mut Upkeep,
    ) {
        upkeep.alarms += 1;
        // Relaxed: changed under the lock alone.
        let number = self.in_use.load(Ordering::Relaxed);
        let cost = self.table(number).len() + count;
        if upkeep.entered > count && upkeep.alarms * REWRITTEN >= cost {
            self.rewrite(number, levels, upkeep);
        }
    }

    /// Makes `levels` what a table has.
    fn rewrite(&self, number: usize, levels: impl Iterator<Item = u64>, upkeep: &mut Upkeep) {
        *upkeep = Upkeep::default();
        let words = self.table(number);
        let mut new = vec![0; words.len()];
        for level in levels {
            let (i, bits) = place(level, words.len());
            new[i] |= bits;
            upkeep.entered += 1;
        }
        // In one step each, so that a writer does not miss a level that stays.
        for (word, new) in words.iter().zip(new) {
            // Relaxed: in a table that is in use it only takes bits away.
            word.store(new, Ordering::Relaxed);
        }
    }
}

/// Which word of so many a level has, and which of its bits.
#[inline]
fn place(key: u64, words: usize) -> (usize, u64) {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    // The two halves of the product, together, depend on all bits of the key: those of floats that are
    // whole numbers differ in the high ones alone.
    let wide = u128::from(key) * u128::from(MULTIPLIER);
    let hash = (wide >> 64) as u64 ^ wide as u64;
    let bits = 1 << (hash >> 58) | 1 << (hash >> 52 & 63);
    (hash as usize & (words - 1), bits)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Enters all of them, one by one.
    fn filter_of(levels: &[u64]) -> (Filter, Upkeep) {
        let (filter, mut upkeep) = (Filter::new(), Upkeep::default());
        for (i, level) in levels.iter().enumerate() {
            let so_far = levels[..=i].iter().copied();
            filter.enter(*level, i + 1, so_far, &mut upkeep);
        }
        (filter, upkeep)
    }

    fn false_yes(filter: &Filter, others: impl Iterator<Item = u64>) -> f64 {
        let answers: Vec<bool> = others.map(|key| filter.may_have(key)).collect();
        answers.iter().filter(|yes| **yes).count() as f64 / answers.len() as f64
    }

    /// It never says no in error, and rarely yes, for numbers and for floats.
    #[test]
    fn g5_few_levels_are_taken_for_others() {
        let kinds: [fn(u64) -> u64; 4] = [
            |n| n,
            |n| n << 12,
            |n| (n as f64).to_bits(),
            |n| f64::from(n as f32 * 0.37).to_bits(),
        ];
        for (kind, key) in kinds.iter().enumerate() {
            for count in [1, 10, 16, 17, 300, 4_096, 60_000] {
                let levels: Vec<u64> = (0..count).map(|n| key(2 * n + 1)).collect();
                let (filter, _) = filter_of(&levels);
                assert!(levels.iter().all(|level| filter.may_have(*level)));
                let share = false_yes(&filter, (0..count.max(1_000)).map(|n| key(2 * n)));
                assert!(share < 0.05, "{share} of {count} in kind {kind}");
            }
        }
    }

    /// Those that have gone are forgotten when enough writers have come for nothing.
    #[test]
    fn g5_levels_that_have_gone_are_forgotten() {
        let levels: Vec<u64> = (0..1_000).collect();
        let (filter, mut upkeep) = filter_of(&levels);
        let (stay, gone) = levels.split_at(10);
        for _ in 0..1_000 {
            filter.false_alarm(stay.len(), stay.iter().copied(), &mut upkeep);
        }
        assert!(stay.iter().all(|level| filter.may_have(*level)));
        assert!(false_yes(&filter, gone.iter().copied()) < 0.01);
        assert_eq!(upkeep.entered, stay.len());
    }

    fn in_use(filter: &Filter) -> usize {
        filter.in_use.load(Ordering::Relaxed)
    }

    /// The tables, and how many levels each has room for; the last one takes all the others.
    #[test]
    fn a_larger_table_is_taken_when_one_is_full() {
        let levels: Vec<u64> = (0..65_538).collect();
        for (count, number) in [(16, 0), (17, 1), (256, 1), (257, 2), (4_096, 2), (4_097, 3)] {
            let (filter, upkeep) = filter_of(&levels[..count]);
            assert_eq!((in_use(&filter), upkeep.entered), (number, count));
        }
        let (filter, upkeep) = filter_of(&levels);
        assert_eq!((in_use(&filter), upkeep.entered), (3, levels.len()));
        assert!(levels.iter().all(|level| filter.may_have(*level)));
    }

    /// So many false alarms pay for writing a table anew, and only if that changes it.
    #[test]
    fn a_table_is_written_anew_when_it_pays() {
        let levels: Vec<u64> = (0..300).collect();
        let (filter, mut upkeep) = filter_of(&levels);
        for alarms in 1..=100 {
            filter.false_alarm(300, levels.iter().copied(), &mut upkeep);
            assert_eq!(
                (upkeep.entered, upkeep.alarms),
                (300, alarms),
                "all are there"
            );
        }
        let (filter, mut upkeep) = filter_of(&levels);
        let cost = filter.table(in_use(&filter)).len() + 299;
        for alarms in 1..cost.div_ceil(REWRITTEN) {
            filter.false_alarm(299, levels[1..].iter().copied(), &mut upkeep);
            assert_eq!((upkeep.entered, upkeep.alarms), (300, alarms));
        }
        filter.false_alarm(299, levels[1..].iter().copied(), &mut upkeep);
        assert_eq!((upkeep.entered, upkeep.alarms), (299, 0));
    }

    /// One that had none would be taken for one that is waited for by everybody.
    #[test]
    fn each_level_has_two_bits_or_one() {
        let bits: Vec<u32> = (0..10_000)
            .map(|key| place(key, SMALL).1.count_ones())
            .collect();
        assert!(bits.iter().all(|bits| (1..=2).contains(bits)));
        assert!(bits.contains(&1), "both are the same now and then");
    }
}
