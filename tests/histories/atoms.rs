//! An atom: value and version travel together, and what is delivered is what was committed.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use atomos::{Atom, Changes, Snapshot};
use futures::{FutureExt, StreamExt};

use super::random::Random;
use super::support::{Recorder, Threads, Verdicts, flat, histories, is_linearizable};
use super::total;

/// A version and the value that was committed with it.
pub(crate) type State = (u64, u64);

/// An atom of whatever make; a snapshot says its version and value.
pub(crate) trait Versioned: Sync {
    type Seen;

    fn told(seen: &Self::Seen) -> State;
    fn load(&self) -> Self::Seen;
    fn version(&self) -> u64;
    fn reset(&self, value: u64) -> Self::Seen;
    fn swap(&self, f: impl FnMut(u64) -> u64) -> Self::Seen;
    fn swap_if(&self, f: impl FnMut(u64) -> Option<u64>) -> Option<Self::Seen>;
    fn exchange(&self, seen: &Self::Seen, value: u64) -> Result<Self::Seen, Self::Seen>;
    /// Adds 1 once the value is even. None if it was not, and the wait was given up.
    fn swap_when_even(&self) -> Option<Self::Seen>;
}

impl Versioned for Atom<u64> {
    type Seen = Snapshot<u64>;

    fn told(seen: &Self::Seen) -> State {
        (Snapshot::version(seen), **seen)
    }
    fn load(&self) -> Self::Seen {
        self.load()
    }
    fn version(&self) -> u64 {
        self.version()
    }
    fn reset(&self, value: u64) -> Self::Seen {
        self.reset(value)
    }
    fn swap(&self, mut f: impl FnMut(u64) -> u64) -> Self::Seen {
        self.swap(|n| f(*n))
    }
    fn swap_if(&self, mut f: impl FnMut(u64) -> Option<u64>) -> Option<Self::Seen> {
        self.swap_if(|n| f(*n))
    }
    fn exchange(&self, seen: &Self::Seen, value: u64) -> Result<Self::Seen, Self::Seen> {
        let exchanged = self.compare_exchange(seen, value);
        exchanged.map_err(|conflict| conflict.current)
    }
    fn swap_when_even(&self) -> Option<Self::Seen> {
        let mut wait = std::pin::pin!(self.swap_when(|n| n % 2 == 0, |n| n + 1));
        for _ in 0..3 {
            let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(new) = polled {
                return Some(new);
            }
            std::thread::yield_now();
        }
        None
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Did {
    Load(State),
    Version(u64),
    Reset(State),
    /// Adds so much, and what came of it.
    Swap(u64, State),
    /// Doubles an even number, else nothing.
    SwapIf(Option<State>),
    /// From this version.
    Exchange(u64, Result<State, State>),
    SwapWhen(Option<State>),
}

pub(crate) fn step(now: &State, did: &Did) -> Option<State> {
    let (version, value) = *now;
    let follows = |new: State| new.0 == version + 1;
    let even = value % 2 == 0;
    let (right, after) = match *did {
        Did::Load(seen) => (seen == *now, *now),
        Did::Version(seen) => (seen == version, *now),
        Did::Reset(new) => (follows(new), new),
        Did::Swap(x, new) => (follows(new) && new.1 == value + x, new),
        Did::SwapIf(Some(new)) => (follows(new) && even && new.1 == value * 2, new),
        Did::SwapIf(None) => (!even, *now),
        Did::Exchange(expected, Ok(new)) => (follows(new) && expected == version, new),
        Did::Exchange(expected, Err(actual)) => (expected != version && actual == *now, *now),
        Did::SwapWhen(Some(new)) => (follows(new) && even && new.1 == value + 1, new),
        // Somebody else may have had the turn.
        Did::SwapWhen(None) => (true, *now),
    };
    right.then_some(after)
}

/// What one thread does to it: six operations. Values are few, so that one comes again.
pub(crate) fn work<A: Versioned>(atom: &A, history: u64, thread: usize, to: &mut Recorder<Did>) {
    let mut random = Random::new(history, thread);
    let told = |seen: A::Seen| A::told(&seen);
    for _ in 0..6 {
        random.pause();
        let x = random.below(3);
        match random.below(7) {
            0 => to.record(|| Did::Load(told(atom.load()))),
            1 => to.record(|| Did::Version(atom.version())),
            2 => to.record(|| Did::Reset(told(atom.reset(x)))),
            3 => to.record(|| {
                let add = |n| {
                    random.pause();
                    n + x
                };
                Did::Swap(x, told(atom.swap(add)))
            }),
            4 => to.record(|| {
                let double = |n| {
                    random.pause();
                    (n % 2 == 0).then_some(n * 2)
                };
                Did::SwapIf(atom.swap_if(double).map(told))
            }),
            5 => {
                let seen = atom.load();
                random.pause();
                to.record(|| {
                    let exchanged = atom.exchange(&seen, x);
                    Did::Exchange(A::told(&seen).0, exchanged.map(told).map_err(told))
                });
            }
            _ => to.record(|| Did::SwapWhen(atom.swap_when_even().map(told))),
        }
    }
}

pub(crate) fn run<A: Versioned>(total: usize, threads: usize, make: impl Fn() -> A) -> Verdicts {
    let judge = |_: A, did: &Threads<Did>| is_linearizable((0, 0), &flat(did), step);
    histories(total, threads, make, work, judge)
}

#[test]
fn g1_histories_of_an_atom_are_linearizable() {
    for threads in 2..=4 {
        run(total(), threads, || Atom::new(0)).assert_linearizable();
    }
}

/// An atom, and what watches and streams were told of it.
struct Observed {
    atom: Atom<u64>,
    watched: Arc<Mutex<Vec<(State, State)>>>,
    changes: Mutex<Changes<u64>>,
}

impl Observed {
    fn new() -> Self {
        let atom = Atom::new(0);
        let watched: Arc<Mutex<Vec<_>>> = Arc::default();
        let log = watched.clone();
        atom.add_watch("log", move |event| {
            let told = <Atom<u64> as Versioned>::told;
            let entry = (told(event.old), told(event.new));
            log.lock().expect("no panic").push(entry);
        });
        let changes = Mutex::new(atom.changes());
        Self {
            atom,
            watched,
            changes,
        }
    }

    /// Every commit was told once and in order, to both alike; and it is what its writer was told.
    fn was_told_in_order(self, did: &Threads<Did>) -> bool {
        let told = <Atom<u64> as Versioned>::told;
        let mut changes = self.changes.into_inner().expect("no panic");
        let mut streamed = Vec::new();
        while let Some(Some(change)) = changes.next().now_or_never() {
            streamed.push((told(&change.old), told(&change.new)));
        }
        let watched = std::mem::take(&mut *self.watched.lock().expect("no panic"));
        let starts = std::iter::once((0, 0)).chain(streamed.iter().map(|(_, new)| *new));
        let linked = streamed
            .iter()
            .zip(starts)
            .all(|((old, _), before)| *old == before);
        let counted = (streamed.iter().zip(1..)).all(|((_, new), version)| new.0 == version);
        let mut written = flat(did).into_iter().filter_map(|event| written(event.did));
        let reported = written.all(|new| streamed[new.0 as usize - 1].1 == new);
        watched == streamed
            && linked
            && counted
            && reported
            && streamed.len() as u64 == self.atom.version()
    }
}

/// The commit that it made.
fn written(did: Did) -> Option<State> {
    match did {
        Did::Reset(new) | Did::Swap(_, new) | Did::Exchange(_, Ok(new)) => Some(new),
        Did::SwapIf(new) | Did::SwapWhen(new) => new,
        Did::Load(_) | Did::Version(_) | Did::Exchange(_, Err(_)) => None,
    }
}

#[test]
fn g3_what_is_delivered_is_what_was_committed() {
    for threads in 2..=4 {
        let judge = |observed: Observed, did: &Threads<Did>| {
            is_linearizable((0, 0), &flat(did), step) && observed.was_told_in_order(did)
        };
        let work = |observed: &Observed, history, thread, to: &mut Recorder<Did>| {
            work(&observed.atom, history, thread, to);
        };
        histories(total(), threads, Observed::new, work, judge).assert_linearizable();
    }
}

/// A value and a version that are two.
struct Split(Mutex<State>, std::sync::atomic::AtomicU64);

impl Versioned for Split {
    type Seen = State;

    fn told(seen: &State) -> State {
        *seen
    }
    fn load(&self) -> State {
        let version = self.version();
        std::thread::yield_now();
        (version, self.0.lock().expect("no panic").1)
    }
    fn version(&self) -> u64 {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }
    fn reset(&self, value: u64) -> State {
        self.swap(|_| value)
    }
    fn swap(&self, mut f: impl FnMut(u64) -> u64) -> State {
        let new = {
            let mut state = self.0.lock().expect("no panic");
            *state = (state.0 + 1, f(state.1));
            *state
        };
        self.1.fetch_max(new.0, std::sync::atomic::Ordering::SeqCst);
        new
    }
    fn swap_if(&self, mut f: impl FnMut(u64) -> Option<u64>) -> Option<State> {
        let mut state = self.0.lock().expect("no panic");
        let new = f(state.1)?;
        *state = (state.0 + 1, new);
        let new = *state;
        drop(state);
        self.1.fetch_max(new.0, std::sync::atomic::Ordering::SeqCst);
        Some(new)
    }
    /// By value: a value that has come back is taken for the one that was seen.
    fn exchange(&self, seen: &State, value: u64) -> Result<State, State> {
        let swapped = self.swap_if(|now| (now == seen.1).then_some(value));
        swapped.ok_or_else(|| self.load())
    }
    fn swap_when_even(&self) -> Option<State> {
        self.swap_if(|n| (n % 2 == 0).then_some(n + 1))
    }
}

#[test]
fn the_search_rejects_an_atom_that_is_broken() {
    let make = || Split(Mutex::new((0, 0)), Default::default());
    assert!(run(total() / 3, 3, make).rejected > 0);
}
