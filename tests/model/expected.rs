//! What the model expects of one wait or stream.

use std::collections::VecDeque;

use super::observer::Said;
use super::program::{By, Kind, Pred, Side};

/// A version of one atom's value.
pub(crate) type Version = u64;

#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) side: Side,
    pub(crate) by: By,
    pub(crate) kind: Kind,
    /// It observes from here on: a wait from its first poll, a stream from its making.
    pub(crate) begun: bool,
    /// It holds a waker.
    pub(crate) parked: bool,
    /// It has been woken since its last poll.
    pub(crate) woken: bool,
    pub(crate) over: bool,
    /// How the wait has ended, for the next poll to say.
    pub(crate) answer: Option<Said>,
    /// The undelivered commits and the predecessor of the first; empty if there are none.
    pub(crate) run: VecDeque<Version>,
    pub(crate) missed: u64,
    /// What `Snapshots` gave last.
    pub(crate) taken: Option<Version>,
    /// What `ChangedSince` was made with.
    pub(crate) seen: Option<(Side, Version)>,
    /// Place in the line, by first polls, and whether it has a turn.
    pub(crate) place: Option<usize>,
    pub(crate) turn: bool,
}

pub(crate) enum Verdict {
    Accepted,
    Rejected,
    Panicked,
}

pub(crate) fn judge(pred: Pred, value: u8) -> Verdict {
    if pred.panics_on == Some(value) {
        Verdict::Panicked
    } else if pred.accepts >> value & 1 == 1 {
        Verdict::Accepted
    } else {
        Verdict::Rejected
    }
}

impl Expected {
    pub(crate) fn new(side: Side, by: By, kind: Kind, seen: Option<(Side, Version)>) -> Self {
        Self {
            side,
            by,
            kind,
            begun: false,
            parked: false,
            woken: false,
            over: false,
            answer: None,
            run: VecDeque::new(),
            missed: 0,
            taken: None,
            seen,
            place: None,
            turn: false,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(
            self.kind,
            Kind::Changes | Kind::Bounded(_) | Kind::Snapshots
        )
    }

    pub(crate) fn wake(&mut self) {
        self.woken |= self.parked;
        self.parked = false;
    }

    /// A commit is told; those in line are told apart from this.
    pub(crate) fn tell(&mut self, version: Version, value: u8) {
        if !self.begun || self.over || self.answer.is_some() {
            return;
        }
        match self.kind {
            Kind::WaitFor(pred) | Kind::WaitMap(pred) => {
                self.answer = self.judged(pred, version, value);
                if self.answer.is_some() {
                    self.wake();
                }
            }
            Kind::SwapWhen(..) => {}
            Kind::Changed if !self.run.is_empty() => {}
            Kind::Changed | Kind::Changes => {
                self.keep(version);
                self.wake();
            }
            Kind::Bounded(capacity) => {
                self.keep(version);
                if self.run.len() > capacity + 1 {
                    self.run.pop_front();
                    self.missed += 1;
                }
                self.wake();
            }
            Kind::ChangedSince(_) | Kind::Snapshots => self.wake(),
        }
    }

    fn keep(&mut self, version: Version) {
        if self.run.is_empty() {
            self.run.push_back(version - 1);
        }
        self.run.push_back(version);
    }

    /// What a predicate makes of a state, if it ends the wait.
    pub(crate) fn judged(&self, pred: Pred, version: Version, value: u8) -> Option<Said> {
        match (judge(pred, value), self.kind) {
            (Verdict::Rejected, _) => None,
            (Verdict::Panicked, _) => Some(Said::Panicked),
            (Verdict::Accepted, Kind::WaitMap(_)) => Some(Said::Mapped(value)),
            (Verdict::Accepted, _) => Some(Said::State(version)),
        }
    }

    pub(crate) fn close(&mut self) {
        if self.over || !self.begun || self.answer.is_some() {
            return;
        }
        if let Kind::WaitFor(_) | Kind::WaitMap(_) = self.kind {
            self.answer = Some(Said::End);
        }
        self.wake();
    }

    /// The next undelivered change.
    pub(crate) fn take_change(&mut self) -> Option<Said> {
        let old = self.run.pop_front()?;
        let new = *self.run.front()?;
        if self.run.len() == 1 {
            self.run.clear();
        }
        Some(Said::Change(old, new))
    }

    /// The versions that it keeps alive.
    pub(crate) fn keeps(&self) -> impl Iterator<Item = (Side, Version)> + '_ {
        let run = self.run.iter().map(|version| (self.side, *version));
        let answer = match self.answer {
            Some(Said::State(version)) => Some((self.side, version)),
            _ => None,
        };
        run.chain(answer).chain(self.seen)
    }
}
