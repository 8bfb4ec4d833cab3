//! G5, G8: the line of `swap_when` and that of `update_when` against one model, over random
//! sequences of writes, newcomers, polls and cancellations.
#![cfg(not(loom))]

use std::pin::Pin;

use atomos::{Atom, Atomic};
use tokio_test::task;

const VALUES: u64 = 4;

/// A small generator (xorshift): the sequences are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

type Wait<'a> = Pin<Box<dyn Future<Output = u64> + Send + 'a>>;

/// What has a line: an atom, or a cell.
trait Line {
    fn value(&self) -> u64;
    fn write(&self, value: u64);
    /// Waits for one of the values whose bits are set in `accepts`, and writes `then`.
    fn wait(&self, accepts: u64, then: u64) -> Wait<'_>;
    /// The same by a closure that captures nothing, one of which speaks for all of its type.
    fn wait_alike(&self, accepts: u64, then: u64) -> Wait<'_>;
}

/// What `$wait` makes of the closure for `$accepts`, which knows it as a constant.
macro_rules! alike {
    ($accepts:expr, $wait:expr) => {
        alike!($accepts, $wait, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($accepts:expr, $wait:expr, $($mask:literal)*) => {
        match $accepts {
            $($mask => $wait(|n| $mask >> n & 1 == 1),)*
            other => panic!("{other} accepts no value, or one that there is not"),
        }
    };
}

impl Line for Atom<u64> {
    fn value(&self) -> u64 {
        *self.load()
    }

    fn write(&self, value: u64) {
        self.reset(value);
    }

    fn wait(&self, accepts: u64, then: u64) -> Wait<'_> {
        let wait = self.swap_when(move |n| accepts >> n & 1 == 1, move |_| then);
        Box::pin(async { *wait.await })
    }

    fn wait_alike(&self, accepts: u64, then: u64) -> Wait<'_> {
        fn start<'a>(
            atom: &'a Atom<u64>,
            then: u64,
            pred: impl Fn(u64) -> bool + Send + Copy + 'static,
        ) -> Wait<'a> {
            let wait = atom.swap_when(move |n| pred(*n), move |_| then);
            Box::pin(async { *wait.await })
        }
        alike!(accepts, |pred| start(self, then, pred))
    }
}

impl Line for Atomic<u64> {
    fn value(&self) -> u64 {
        self.get()
    }

    fn write(&self, value: u64) {
        self.set(value);
    }

    fn wait(&self, accepts: u64, then: u64) -> Wait<'_> {
        Box::pin(self.update_when(move |n| accepts >> n & 1 == 1, move |_| then))
    }

    fn wait_alike(&self, accepts: u64, then: u64) -> Wait<'_> {
        fn start<'a>(
            cell: &'a Atomic<u64>,
            then: u64,
            pred: impl Fn(u64) -> bool + Send + 'static,
        ) -> Wait<'a> {
            Box::pin(cell.update_when(pred, move |_| then))
        }
        alike!(accepts, |pred| start(self, then, pred))
    }
}

/// A wait in the line: the values that satisfy it, and what it writes.
struct Waiter<'a> {
    accepts: u64,
    then: u64,
    has_turn: bool,
    task: task::Spawn<Wait<'a>>,
}

impl<'a> Waiter<'a> {
    fn new(source: &'a dyn Line, accepts: u64, then: u64, alike: bool) -> Self {
        let wait = if alike {
            source.wait_alike(accepts, then)
        } else {
            source.wait(accepts, then)
        };
        Self {
            accepts,
            then,
            has_turn: false,
            task: task::spawn(wait),
        }
    }

    fn holds(&self, value: u64) -> bool {
        self.accepts >> value & 1 == 1
    }
}

/// The atom or cell, its line in order of the first polls, and the value the model expects.
struct Model<'a> {
    source: &'a dyn Line,
    line: Vec<Waiter<'a>>,
    value: u64,
    alike: Alike,
}

/// Which waits are made of closures that capture nothing.
#[derive(Clone, Copy, Debug)]
enum Alike {
    None,
    Some,
    All,
}

impl<'a> Model<'a> {
    fn step(&mut self, random: &mut Random) {
        let some = random.below(self.line.len().max(1) as u64) as usize;
        match random.below(8) {
            0 | 1 => self.write(random.below(VALUES)),
            2 | 3 if self.line.len() < 6 => self.newcomer(random),
            4 if some < self.line.len() => self.cancel(some),
            5 if some < self.line.len() => self.poll(some),
            _ => {
                if let Some(turn) = self.line.iter().position(|waiter| waiter.has_turn) {
                    self.poll(turn);
                }
            }
        }
        assert_eq!(self.source.value(), self.value);
    }

    fn write(&mut self, value: u64) {
        self.value = value;
        self.source.write(value);
        self.at_most_one_more_turn();
    }

    /// Commits at once if it is satisfied and nobody is in front, else queues.
    fn newcomer(&mut self, random: &mut Random) {
        let accepts = match self.alike {
            // Some of few kinds, among which a line of one kind is not rare.
            Alike::Some | Alike::All => [2, 2, 2, 6, 15][random.below(5) as usize],
            Alike::None => 1 + random.below((1 << VALUES) - 1),
        };
        let alike = match self.alike {
            Alike::None => false,
            Alike::Some => random.below(3) > 0,
            Alike::All => true,
        };
        let then = random.below(VALUES);
        let mut waiter = Waiter::new(self.source, accepts, then, alike);
        let free = !self.line.iter().any(|other| other.has_turn);
        let ready = free && waiter.holds(self.value);
        assert_eq!(waiter.task.poll().is_ready(), ready, "a newcomer");
        if ready {
            self.value = waiter.then;
            self.at_most_one_more_turn();
        } else {
            self.line.push(waiter);
            self.no_more_turns();
        }
    }

    fn poll(&mut self, n: usize) {
        let value = self.value;
        let waiter = &mut self.line[n];
        let (had_turn, ready) = (waiter.has_turn, waiter.has_turn && waiter.holds(value));
        assert_eq!(
            waiter.task.poll().is_ready(),
            ready,
            "with a turn: {had_turn}"
        );
        waiter.has_turn = false;
        if ready {
            self.value = waiter.then;
            self.line.remove(n);
        }
        self.hands_on(had_turn);
    }

    fn cancel(&mut self, n: usize) {
        let had_turn = self.line.remove(n).has_turn;
        self.hands_on(had_turn);
    }

    /// A turn that was used, no longer holds, or was cancelled goes to the next.
    fn hands_on(&mut self, turn: bool) {
        if turn {
            let given = self.at_most_one_more_turn();
            let mut left = self.line.iter().filter(|waiter| !waiter.has_turn);
            assert!(
                given || left.all(|waiter| !waiter.holds(self.value)),
                "a turn is lost"
            );
        } else {
            self.no_more_turns();
        }
    }

    fn no_more_turns(&self) {
        let mut waiting = self.line.iter().filter(|waiter| !waiter.has_turn);
        assert!(
            waiting.all(|waiter| !waiter.task.is_woken()),
            "woken without a reason"
        );
    }

    /// One more at most, the first of those whose condition holds; and one at
    /// least is out while somebody could go on. True if there was one more.
    fn at_most_one_more_turn(&mut self) -> bool {
        let value = self.value;
        let mut waiting = self.line.iter_mut().filter(|waiter| !waiter.has_turn);
        let first = waiting.find(|waiter| waiter.holds(value));
        let given = first.is_some_and(|first| {
            first.has_turn = first.task.is_woken();
            first.has_turn
        });
        self.no_more_turns();
        let satisfied = self.line.iter().any(|waiter| waiter.holds(value));
        let out = self.line.iter().any(|waiter| waiter.has_turn);
        assert!(
            out || !satisfied,
            "somebody is satisfied and nobody has a turn"
        );
        given
    }
}

fn follows_the_model<L: Line>(make: impl Fn() -> L) {
    for alike in [Alike::None, Alike::Some, Alike::All] {
        println!("{alike:?}");
        follows_the_model_with(alike, &make);
    }
}

fn follows_the_model_with<L: Line>(alike: Alike, make: &impl Fn() -> L) {
    for seed in 1..=400 {
        let source = make();
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let (line, value) = (Vec::new(), 0);
        let mut model = Model {
            source: &source,
            line,
            value,
            alike,
        };
        println!("seed {seed}");
        (0..80).for_each(|_| model.step(&mut random));
    }
}

#[test]
fn g5_the_line_of_swap_when_follows_its_model() {
    follows_the_model(|| Atom::new(0));
}

#[test]
fn g5_the_line_of_update_when_follows_its_model() {
    follows_the_model(|| Atomic::new(0));
}
