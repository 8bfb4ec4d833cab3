//! What the lock guards: the waits in the order of their levels, and the answers.

use std::task::Waker;

use super::{
    filter::{Filter, Upkeep},
    gap::{EMPTY, Gap},
    goal::{Goal, Level},
};
use crate::wait::levels::Levels;

/// Where a wait stands: by what it waits for, and its number.
#[derive(Clone, Copy)]
pub(super) struct Place {
    kind: Kind,
    /// A key, or bits.
    level: u64,
    number: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    AtLeast,
    AtMost,
    Equal,
    /// By the bits it does not want.
    Other,
}

impl Place {
    pub(super) fn new(goal: &Goal, number: u64) -> Self {
        let (kind, level) = match goal {
            Goal::AtLeast(bound) => (Kind::AtLeast, bound.key),
            Goal::AtMost(bound) => (Kind::AtMost, bound.key),
            Goal::Equal(bound) => (Kind::Equal, bound.key),
            Goal::Other(seen) => (Kind::Other, seen.bits),
        };
        Self {
            kind,
            level,
            number,
        }
    }

    fn among_its_kind(&self) -> (u64, u64) {
        (self.level, self.number)
    }
}

/// A parked task, once it has left its waker.
pub(super) type Sleeper = Option<Waker>;
type Waits = Levels<Sleeper>;

/// All waits that are parked, and what those that were answered have not fetched.
#[derive(Default)]
pub(super) struct Index {
    at_least: Waits,
    at_most: Waits,
    equal: Waits,
    other: Waits,
    /// The bits that met the goal, by the number of the wait.
    answers: Levels<u64>,
    upkeep: Upkeep,
}

impl Index {
    /// Whether nobody is parked.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            at_least,
            at_most,
            equal,
            other,
            answers: _,
            upkeep: _,
        } = self;
        [at_least, at_most, equal, other]
            .iter()
            .all(|waits| waits.is_empty())
    }

    fn waits(&mut self, place: &Place) -> &mut Waits {
        match place.kind {
            Kind::AtLeast => &mut self.at_least,
            Kind::AtMost => &mut self.at_most,
            Kind::Equal => &mut self.equal,
            Kind::Other => &mut self.other,
        }
    }

    pub(super) fn insert(&mut self, place: &Place, filter: &Filter) {
        self.waits(place).insert(place.among_its_kind(), None);
        if let Kind::Equal = place.kind {
            let Self { equal, upkeep, .. } = self;
            filter.enter(place.level, equal.len(), equal.levels(), upkeep);
        }
    }

    /// A wait that is parked.
    pub(super) fn sleeper(&mut self, place: &Place) -> Option<&mut Sleeper> {
        self.waits(place).get_mut(place.among_its_kind())
    }

    /// Ends a wait that is parked.
    pub(super) fn remove(&mut self, place: &Place) -> Option<Sleeper> {
        self.waits(place).remove(place.among_its_kind())
    }

    /// Fetches the answer of a wait that is not parked any more.
    pub(super) fn take_answer(&mut self, place: &Place) -> Option<u64> {
        self.answers.remove((place.number, 0))
    }

    /// Answers those up to number `last` whose goal `value` meets: O(log n) for each of them.
    pub(super) fn answer(&mut self, value: Level, last: u64, due: &mut Due) {
        let answers = &mut self.answers;
        let mut answer = |number, sleeper| {
            answers.insert((number, 0), value.bits);
            due.add(sleeper);
        };
        if value.is_ordered {
            self.at_least.take(0..=value.key, last, &mut answer);
            self.at_most.take(value.key..=u64::MAX, last, &mut answer);
            self.equal.take(value.key..=value.key, last, &mut answer);
        }
        if let Some(below) = value.bits.checked_sub(1) {
            self.other.take(0..=below, last, &mut answer);
        }
        if let Some(above) = value.bits.checked_add(1) {
            self.other.take(above..=u64::MAX, last, &mut answer);
        }
    }

    /// Takes out all that are parked.
    pub(super) fn clear(&mut self, left: &mut Due) {
        let Self {
            at_least,
            at_most,
            equal,
            other,
            ..
        } = self;
        for waits in [at_least, at_most, equal, other] {
            waits.take(0..=u64::MAX, u64::MAX, |_, sleeper| left.add(sleeper));
        }
    }

    /// A writer has found nobody whom it satisfies.
    pub(super) fn false_alarm(&mut self, filter: &Filter) {
        let Self { equal, upkeep, .. } = self;
        filter.false_alarm(equal.len(), equal.levels(), upkeep);
    }

    /// The widest range around `key` that satisfies nobody.
    pub(super) fn gap_around(&self, key: u64) -> Gap {
        let under = key.checked_sub(1);
        let below = under.and_then(|under| self.equal.last_to(under));
        let (least, greatest) = between(below, self.equal.first_from(key));
        let bounds = self.bounds();
        (least.max(bounds.0), greatest.min(bounds.1))
    }

    /// The widest range that satisfies nobody but those who wait for equality.
    pub(super) fn bounds(&self) -> Gap {
        if !self.other.is_empty() {
            return EMPTY;
        }
        let below = self.at_most.last_to(u64::MAX);
        between(below, self.at_least.first_from(0))
    }
}

/// The range between two levels that may be there.
fn between(below: Option<u64>, above: Option<u64>) -> Gap {
    match (
        below.map_or(Some(0), |level| level.checked_add(1)),
        above.map_or(Some(u64::MAX), |level| level.checked_sub(1)),
    ) {
        (Some(least), Some(greatest)) => (least, greatest),
        _ => EMPTY,
    }
}

/// The wakers of those who have been taken out; most often it is one, who has been answered.
#[derive(Default)]
pub(super) struct Due {
    /// Also of those who have not left a waker yet.
    count: usize,
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Due {
    fn add(&mut self, sleeper: Sleeper) {
        self.count += 1;
        if self.first.is_none() {
            self.first = sleeper;
        } else {
            self.others.extend(sleeper);
        }
    }

    /// Whether nobody has been answered.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order in which they were answered.
    pub(super) fn wakers(self) -> impl Iterator<Item = Waker> {
        self.first.into_iter().chain(self.others)
    }
}
