//! [`Adder`] and [`Accumulator`]: many writers, each with a stripe of its own.
//!
//! The idea is that of Java's `LongAdder` (Doug Lea, after Dice, Lev and Moir): as long as no two
//! writers meet there is one value, the *base*. The first write that loses a compare-and-swap on it
//! makes the stripes, each on its own cache line, and from then on every thread writes to
//! one of them.

mod accumulator;
mod adder;

pub use self::{accumulator::Accumulator, adder::Adder};

use std::{sync::OnceLock, thread};

use crossbeam_utils::CachePadded;

use crate::{
    atomic::primitive::{Placed, Primitive, Raw},
    sync::{const_unless_loom, late_box::LateBox, threads::thread_number},
};

type Stripe<T> = CachePadded<Placed<T>>;

struct Striped<T: Primitive> {
    base: Stripe<T>,
    stripes: LateBox<Box<[Stripe<T>]>>,
}

impl<T: Primitive> Striped<T> {
    const_unless_loom! {
        fn new(value: T) -> Self {
            Self {
                base: CachePadded::new(Placed::new(value)),
                stripes: LateBox::new(),
            }
        }
    }

    /// Where the current thread writes, once there are stripes.
    #[inline]
    fn mine(&self) -> Option<&Raw<T>> {
        let stripes = self.stripes.get()?;
        Some(own(stripes))
    }

    /// The same after a meeting of two writers: makes the stripes, each with `empty`.
    #[cold]
    fn spread(&self, empty: T) -> &Raw<T> {
        let stripes = self.stripes.get_or_make(|| {
            let stripe = || CachePadded::new(Placed::new(empty));
            std::iter::repeat_with(stripe).take(width()).collect()
        });
        own(stripes)
    }

    /// All values, one after the other.
    fn all(&self) -> impl Iterator<Item = &Raw<T>> {
        let stripes = self.stripes.get().map_or(&[][..], |stripes| stripes);
        std::iter::once(&self.base).chain(stripes).map(|x| x.get())
    }
}

/// The one of the current thread.
#[inline]
fn own<T: Primitive>(stripes: &[Stripe<T>]) -> &Raw<T> {
    // Their number is a power of two.
    stripes[thread_number() & (stripes.len() - 1)].get()
}

/// How many stripes there are: a power of two, and enough for as many writers as there can be at a
/// time. Where that is few they are four times as many, so that two threads whose numbers are not
/// in a row hardly ever share one.
fn width() -> usize {
    const MANY: usize = 64;
    static WIDTH: OnceLock<usize> = OnceLock::new();
    *WIDTH.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let enough = processors.next_power_of_two();
        (4 * enough).min(MANY).max(enough)
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::atomic::primitive::{Access, Arithmetic};

    /// However many threads there have been, and they do not all write to one.
    #[test]
    fn every_thread_has_one_of_the_stripes() {
        type Verbs = <u64 as crate::atomic::primitive::Sealed>::Verbs;
        let striped = Striped::<u64>::new(0);
        assert!(striped.mine().is_none());
        striped.spread(0);
        for _ in 0..200 {
            thread::scope(|scope| {
                scope.spawn(|| Verbs::add_to(striped.mine().expect("spread"), 1));
            });
        }
        let counts: Vec<u64> = striped.all().map(Verbs::load).collect();
        assert_eq!(counts.iter().sum::<u64>(), 200);
        assert!(counts.iter().filter(|count| **count > 0).count() > 1);
        assert!(width().is_power_of_two() && counts.len() == 1 + width());
    }
}
