//! The model: two atoms on one thread, in the terms of the guarantees.

use std::collections::HashSet;

use super::expected::{Expected, Verdict, Version, judge};
use super::observer::Said;
use super::program::{Action, By, Kind, Side, VALUES};

/// A call of a watch: the atom, the number of the watch, and the versions of the commit.
pub(crate) type Call = (Side, u64, Version, Version);

#[derive(Clone, Debug)]
struct Watch {
    key: u64,
    /// Of all that were ever added.
    number: u64,
    since: Version,
    action: Action,
}

#[derive(Default)]
pub(crate) struct Atom {
    /// Of each version.
    values: Vec<u8>,
    /// Up to which all has been told.
    told: Version,
    telling: bool,
    pub(crate) handles: usize,
    watches: Vec<Watch>,
}

impl Atom {
    pub(crate) fn version(&self) -> Version {
        self.values.len() as Version - 1
    }

    pub(crate) fn value(&self) -> u8 {
        self.value_of(self.version())
    }

    pub(crate) fn value_of(&self, version: Version) -> u8 {
        self.values[version as usize]
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handles == 0
    }

    pub(crate) fn keys(&self) -> Vec<u64> {
        self.watches.iter().map(|watch| watch.key).collect()
    }
}

pub(crate) struct Model {
    pub(crate) atoms: [Atom; 2],
    pub(crate) tasks: Vec<Expected>,
    pub(crate) calls: Vec<Call>,
    watches_added: u64,
    joined: usize,
}

impl Model {
    pub(crate) fn new() -> Self {
        let atom = || Atom {
            values: vec![0],
            handles: 1,
            ..Atom::default()
        };
        Self {
            atoms: [atom(), atom()],
            tasks: Vec::new(),
            calls: Vec::new(),
            watches_added: 0,
            joined: 0,
        }
    }

    /// Tells everybody, unless it is called from a watch of that atom. What of `said` a panic of
    /// a watch leaves.
    #[must_use]
    pub(crate) fn commit(&mut self, side: Side, value: u8, said: Said) -> Said {
        self.atoms[side].values.push(value);
        if self.deliver(side) {
            Said::Panicked
        } else {
            said
        }
    }

    /// True if a watch panicked.
    fn deliver(&mut self, side: Side) -> bool {
        if self.atoms[side].telling {
            return false;
        }
        self.atoms[side].telling = true;
        let mut panicked = false;
        while self.atoms[side].told < self.atoms[side].version() {
            self.atoms[side].told += 1;
            let version = self.atoms[side].told;
            let value = self.atoms[side].value_of(version);
            self.give_turn(side, value);
            for task in self.tasks.iter_mut().filter(|task| task.side == side) {
                task.tell(version, value);
            }
            panicked |= self.tell_watches(side, version, value);
        }
        self.atoms[side].telling = false;
        panicked
    }

    fn tell_watches(&mut self, side: Side, version: Version, value: u8) -> bool {
        let mut panicked = false;
        for watch in self.atoms[side].watches.clone() {
            let there = &self.atoms[side].watches;
            let active = there.iter().any(|other| other.number == watch.number);
            if watch.since < version && active {
                self.calls.push((side, watch.number, version - 1, version));
                panicked |= self.act(side, watch.action, value);
            }
        }
        panicked
    }

    fn act(&mut self, side: Side, action: Action, value: u8) -> bool {
        match action {
            Action::Log => {}
            Action::Raise(when) if when == value => {
                self.atoms[side].values.push(value + 1);
            }
            Action::Raise(_) => {}
            Action::Forward => {
                if side == 0 && !self.atoms[1].is_closed() {
                    return self.commit(1, value, Said::Nothing) == Said::Panicked;
                }
            }
            Action::Unwatch(key) => drop(self.unwatch(side, key)),
            Action::Watch(key) => self.watch(side, key, Action::Log),
            Action::Panic(when) => return when == value,
        }
        false
    }

    pub(crate) fn watch(&mut self, side: Side, key: u64, action: Action) {
        let atom = &mut self.atoms[side];
        self.watches_added += 1;
        if atom.is_closed() {
            return;
        }
        let watch = Watch {
            key,
            number: self.watches_added,
            since: atom.version(),
            action,
        };
        match atom.watches.iter_mut().find(|other| other.key == key) {
            Some(place) => *place = watch,
            None => atom.watches.push(watch),
        }
    }

    /// Of the watch that is added next.
    pub(crate) fn next_watch(&self) -> u64 {
        self.watches_added + 1
    }

    pub(crate) fn unwatch(&mut self, side: Side, key: u64) -> bool {
        let watches = &mut self.atoms[side].watches;
        let before = watches.len();
        watches.retain(|watch| watch.key != key);
        watches.len() < before
    }

    /// The first in line, of those without a turn, that accepts `value` gets one. Those whose
    /// predicates panic on the way are out.
    fn give_turn(&mut self, side: Side, value: u8) {
        let in_line =
            |task: &&mut Expected| task.side == side && task.place.is_some() && !task.turn;
        let mut line: Vec<_> = self.tasks.iter_mut().filter(in_line).collect();
        line.sort_by_key(|task| task.place);
        for task in line {
            let Kind::SwapWhen(pred, _) = task.kind else {
                continue;
            };
            match judge(pred, value) {
                Verdict::Rejected => {}
                Verdict::Accepted => {
                    task.turn = true;
                    return task.wake();
                }
                Verdict::Panicked => {
                    task.place = None;
                    task.answer = Some(Said::Panicked);
                    task.wake();
                }
            }
        }
    }

    pub(crate) fn release_handle(&mut self, side: Side) {
        let atom = &mut self.atoms[side];
        atom.handles -= 1;
        if atom.is_closed() {
            atom.watches.clear();
            for task in self.tasks.iter_mut().filter(|task| task.side == side) {
                task.close();
            }
        }
    }

    /// A wait or stream is made.
    pub(crate) fn start(&mut self, mut task: Expected) {
        let atom = &mut self.atoms[task.side];
        task.begun =
            task.is_stream() || (matches!(task.kind, Kind::Changed) && task.by == By::View);
        // A stream of an atom does not keep it open.
        if task.by == By::Atom && !task.is_stream() {
            atom.handles += 1;
        }
        self.tasks.push(task);
    }

    /// It is dropped, or over: what it held is given up.
    pub(crate) fn end(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        if task.over {
            return;
        }
        let (side, had_turn) = (task.side, task.turn);
        task.over = true;
        (task.turn, task.parked, task.place) = (false, false, None);
        (task.answer, task.seen) = (None, None);
        task.run.clear();
        if had_turn {
            self.give_turn(side, self.atoms[side].value());
        }
        let task = &self.tasks[n];
        if task.by == By::Atom && !task.is_stream() {
            self.release_handle(side);
        }
    }

    /// None: pending.
    pub(crate) fn poll(&mut self, n: usize) -> Option<Said> {
        self.tasks[n].woken = false;
        let said = match self.tasks[n].kind {
            Kind::SwapWhen(..) => self.poll_in_line(n),
            _ => self.poll_observer(n),
        };
        let task = &mut self.tasks[n];
        let stream_goes_on = task.is_stream() && said != Some(Said::End);
        task.parked = said.is_none();
        if said.is_some() && !stream_goes_on {
            self.end(n);
        }
        said
    }

    fn poll_observer(&mut self, n: usize) -> Option<Said> {
        let task = &mut self.tasks[n];
        let atom = &self.atoms[task.side];
        let (now, closed) = (atom.version(), atom.is_closed());
        let first = !task.begun;
        task.begun = true;
        let said = match task.kind {
            Kind::WaitFor(pred) | Kind::WaitMap(pred) if first => {
                task.judged(pred, now, atom.value())
            }
            Kind::WaitFor(_) | Kind::WaitMap(_) => task.answer.take(),
            Kind::ChangedSince(_) => {
                (task.seen != Some((task.side, now))).then_some(Said::State(now))
            }
            Kind::Snapshots => {
                let is_new = task.taken != Some(now);
                task.taken = Some(now);
                is_new.then_some(Said::State(now))
            }
            Kind::Bounded(_) if task.missed > 0 => {
                Some(Said::Missed(std::mem::take(&mut task.missed)))
            }
            Kind::Changed | Kind::Changes | Kind::Bounded(_) => task.take_change(),
            Kind::SwapWhen(..) => unreachable!("it stands in line"),
        };
        said.or(closed.then_some(Said::End))
    }

    fn poll_in_line(&mut self, n: usize) -> Option<Said> {
        let task = &mut self.tasks[n];
        if let Some(panicked) = task.answer.take() {
            return Some(panicked);
        }
        let Kind::SwapWhen(pred, then) = task.kind else {
            unreachable!("only these stand in line");
        };
        let side = task.side;
        let value = self.atoms[side].value();
        if !self.tasks[n].begun {
            let mut others = self.tasks.iter().filter(|task| task.side == side);
            let may_try = others.all(|task| !task.turn);
            let task = &mut self.tasks[n];
            task.begun = true;
            self.joined += 1;
            task.place = Some(self.joined);
            // It looks at its condition in any case.
            task.turn = may_try && !matches!(judge(pred, value), Verdict::Rejected);
            if matches!(judge(pred, value), Verdict::Panicked) {
                return Some(Said::Panicked);
            }
        }
        if !self.tasks[n].turn {
            return None;
        }
        match judge(pred, value) {
            Verdict::Panicked => Some(Said::Panicked),
            Verdict::Accepted => {
                let task = &mut self.tasks[n];
                (task.turn, task.place) = (false, None);
                let new = self.atoms[side].version() + 1;
                Some(self.commit(side, then % VALUES, Said::State(new)))
            }
            Verdict::Rejected => {
                let task = &mut self.tasks[n];
                (task.turn, task.parked) = (false, true);
                self.give_turn(side, value);
                None
            }
        }
    }

    /// The values that something keeps alive besides the atoms themselves.
    pub(crate) fn kept(&self) -> HashSet<(Side, Version)> {
        self.tasks.iter().flat_map(Expected::keeps).collect()
    }
}
