//! Waits that are parked while a program runs.

use std::future::Future;
use std::pin::Pin;

use atomos::{Atomic, Number, Primitive};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};

use crate::random::Random;

/// A parked wait and its condition, in words of its own.
pub(crate) struct Parked<'a, T> {
    pub(crate) name: String,
    condition: Box<dyn Fn(T) -> bool + 'a>,
    task: Spawn<Pin<Box<dyn Future<Output = T> + 'a>>>,
}

impl<'a, T: Primitive> Parked<'a, T> {
    /// Parks, unless the condition holds already: then the wait gives the value at once.
    fn new(
        cell: &'a Atomic<T>,
        name: String,
        condition: impl Fn(T) -> bool + 'a,
        wait: impl Future<Output = T> + 'a,
    ) -> Option<Self> {
        let wait: Pin<Box<dyn Future<Output = T> + 'a>> = Box::pin(wait);
        let mut task = task::spawn(wait);
        if condition(cell.get()) {
            let given = assert_ready!(task.poll(), "{name} on {cell:?}");
            assert!(condition(given), "{name} gave {given:?}");
            return None;
        }
        assert_pending!(task.poll(), "{name} on {cell:?}");
        Some(Self {
            name,
            condition: Box::new(condition),
            task,
        })
    }

    pub(crate) fn is_satisfied_by(&self, value: T) -> bool {
        (self.condition)(value)
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.task.is_woken()
    }

    /// What the wait gives, once it is woken.
    pub(crate) fn take(&mut self) -> T {
        assert_ready!(self.task.poll(), "{}", self.name)
    }
}

/// A wait that any type has. `bound` is taken until one has to be parked for.
pub(crate) fn for_any<'a, T: Primitive>(
    cell: &'a Atomic<T>,
    random: &mut Random,
    bits: fn(T) -> u64,
    bound: fn(&mut Random) -> T,
) -> Parked<'a, T> {
    loop {
        let (kind, x) = (random.below(4), bound(random));
        let called = |name| format!("{name} {x:?}");
        let parked = match kind {
            0 => Parked::new(cell, called("equal"), move |v| v == x, cell.wait_equal(x)),
            1 => {
                let other = move |v| bits(v) != bits(x);
                Parked::new(cell, called("changed from"), other, cell.changed_from(x))
            }
            2 => {
                let wait = cell.wait_for(move |v| v > x);
                Parked::new(cell, called("a closure: above"), move |v| v > x, wait)
            }
            _ => {
                let wait = cell.wait_map(move |v| (v < x).then_some(v));
                Parked::new(cell, called("a mapping: below"), move |v| v < x, wait)
            }
        };
        if let Some(parked) = parked {
            return parked;
        }
    }
}

/// A wait that numbers have.
pub(crate) fn for_number<'a, T: Number>(
    cell: &'a Atomic<T>,
    random: &mut Random,
    bits: fn(T) -> u64,
    bound: fn(&mut Random) -> T,
) -> Parked<'a, T> {
    let x = bound(random);
    let called = |name| format!("{name} {x:?}");
    let parked = match random.below(4) {
        0 => {
            let wait = cell.wait_at_least(x);
            Parked::new(cell, called("at least"), move |v| v >= x, wait)
        }
        1 => {
            let wait = cell.wait_at_most(x);
            Parked::new(cell, called("at most"), move |v| v <= x, wait)
        }
        _ => None,
    };
    parked.unwrap_or_else(|| for_any(cell, random, bits, bound))
}
