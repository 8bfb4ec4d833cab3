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
}

/// A wait in the line: the values that satisfy it, and what it writes.
struct Waiter<'a> {
    accepts: u64,
    then: u64,
    has_turn: bool,
    task: task::Spawn<Wait<'a>>,
}

impl<'a> Waiter<'a> {
    fn new(source: &'a dyn Line, accepts: u64, then: u64) -> Self {
        Self {
            accepts,
            then,
            has_turn: false,
            task: task::spawn(source.wait(accepts, then)),
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
        let accepts = 1 + random.below((1 << VALUES) - 1);
        let mut waiter = Waiter::new(self.source, accepts, random.below(VALUES));
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
    for seed in 1..=400 {
        let source = make();
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let (line, value) = (Vec::new(), 0);
        let mut model = Model {
            source: &source,
            line,
            value,
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
