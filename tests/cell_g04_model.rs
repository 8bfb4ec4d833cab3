//! G4, G5: waits for levels against a model, for every kind of number and its extremes: each is
//! answered with exactly the first value written that satisfies it, and no other write wakes it.
#![cfg(not(loom))]

use std::fmt::Debug;
use std::pin::Pin;

use atomos::{Atomic, Number, Primitive};
use tokio_test::{assert_ready, task};

/// A small generator (xorshift): the sequences are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    AtLeast,
    AtMost,
    Equal,
    Other,
    /// A closure that says the same as `Equal`.
    Closure,
}

type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a value is, bit by bit: a float's NaN and -0.0 are values like any other.
type Bits<T> = fn(T) -> u64;

fn start<T: Number>(cell: &Atomic<T>, goal: Goal, bound: T) -> Wait<'_, T> {
    match goal {
        Goal::AtLeast => Box::pin(cell.wait_at_least(bound)),
        Goal::AtMost => Box::pin(cell.wait_at_most(bound)),
        other => start_any(cell, other, bound),
    }
}

fn start_any<T: Primitive>(cell: &Atomic<T>, goal: Goal, bound: T) -> Wait<'_, T> {
    match goal {
        Goal::Other => Box::pin(cell.changed_from(bound)),
        Goal::Closure => Box::pin(cell.wait_for(move |value| value == bound)),
        _ => Box::pin(cell.wait_equal(bound)),
    }
}

fn is_met<T: Primitive>(goal: Goal, bound: T, value: T, bits: Bits<T>) -> bool {
    match goal {
        Goal::AtLeast => value >= bound,
        Goal::AtMost => value <= bound,
        Goal::Equal | Goal::Closure => value == bound,
        Goal::Other => bits(value) != bits(bound),
    }
}

/// A wait that is parked, and the value that the model has answered it with.
struct Waiter<'a, T> {
    goal: Goal,
    bound: T,
    answer: Option<T>,
    task: task::Spawn<Wait<'a, T>>,
}

impl<T: Primitive> Waiter<'_, T> {
    fn written(&mut self, value: T, bits: Bits<T>) {
        if self.answer.is_none() && is_met(self.goal, self.bound, value, bits) {
            self.answer = Some(value);
        }
        let name = (self.goal, self.bound, value);
        assert_eq!(self.task.is_woken(), self.answer.is_some(), "{name:?}");
    }

    fn poll(&mut self, bits: Bits<T>) {
        match self.answer {
            Some(expected) => {
                let seen = assert_ready!(self.task.poll());
                let name = (self.goal, self.bound, seen, expected);
                assert_eq!(bits(seen), bits(expected), "{name:?}");
            }
            None => assert!(self.task.poll().is_pending()),
        }
    }
}

/// The cell, those who wait for it, and what the model needs to know about the type.
struct Model<'a, T: Primitive> {
    cell: &'a Atomic<T>,
    values: &'a [T],
    goals: &'a [Goal],
    start: fn(&'a Atomic<T>, Goal, T) -> Wait<'a, T>,
    bits: Bits<T>,
    waiters: Vec<Waiter<'a, T>>,
}

impl<T: Primitive> Model<'_, T> {
    fn step(&mut self, random: &mut Random) {
        let some = random.below(self.waiters.len().max(1) as u64) as usize;
        match random.below(10) {
            0..=3 => self.write(random),
            4..=6 if self.waiters.len() < 24 => self.newcomer(random),
            7 if some < self.waiters.len() => drop(self.waiters.swap_remove(some)),
            _ if some < self.waiters.len() => {
                self.waiters[some].poll(self.bits);
                if self.waiters[some].answer.is_some() {
                    self.waiters.swap_remove(some);
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, random: &mut Random) {
        let value = random.pick(self.values);
        match random.below(3) {
            0 => self.cell.set(value),
            1 => {
                self.cell.get_and_set(value);
            }
            _ => {
                self.cell.update_and_get(|_| value);
            }
        }
        for waiter in &mut self.waiters {
            waiter.written(value, self.bits);
        }
    }

    fn newcomer(&mut self, random: &mut Random) {
        let (goal, bound) = (random.pick(self.goals), random.pick(self.values));
        let mut task = task::spawn((self.start)(self.cell, goal, bound));
        let now = self.cell.get();
        if is_met(goal, bound, now, self.bits) {
            let seen = assert_ready!(task.poll());
            assert_eq!((self.bits)(seen), (self.bits)(now));
        } else {
            let name = (goal, bound, now);
            assert!(task.poll().is_pending(), "{name:?}");
            let answer = None;
            self.waiters.push(Waiter {
                goal,
                bound,
                answer,
                task,
            });
        }
    }
}

const ALL: [Goal; 5] = [
    Goal::AtLeast,
    Goal::AtMost,
    Goal::Equal,
    Goal::Other,
    Goal::Closure,
];

fn run<T: Primitive>(
    values: &[T],
    goals: &[Goal],
    start: for<'a> fn(&'a Atomic<T>, Goal, T) -> Wait<'a, T>,
    bits: Bits<T>,
) {
    for seed in 1..=150 {
        let cell = Atomic::new(values[0]);
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        println!("seed {seed}");
        let mut model = Model {
            cell: &cell,
            values,
            goals,
            start,
            bits,
            waiters: Vec::new(),
        };
        (0..300).for_each(|_| model.step(&mut random));
        for mut waiter in model.waiters {
            waiter.poll(bits);
        }
    }
}

/// A test for each: all goals mixed, then those that keep a gap open.
macro_rules! numbers {
    ($($name:ident: $values:expr, $bits:expr;)*) => {$(
        #[test]
        fn $name() {
            run(&$values, &ALL, start, $bits);
            run(&$values, &ALL[..3], start, $bits);
        }
    )*};
}

numbers! {
    g4_waits_for_i8_follow_the_model:
        [0, 1, -1, 2, 63, 64, -64, i8::MIN, i8::MIN + 1, i8::MAX, i8::MAX - 1], |n: i8| n as u64;
    g4_waits_for_u64_follow_the_model:
        [0, 1, 2, 1 << 63, (1 << 63) - 1, (1 << 63) + 1, u64::MAX, u64::MAX - 1], |n: u64| n;
    g4_waits_for_i64_follow_the_model:
        [0, 1, -1, 5, i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1], |n: i64| n as u64;
    g4_waits_for_u8_follow_the_model:
        [0, 1, 2, 127, 128, 129, 254, 255], |n: u8| n.into();
    g4_waits_for_isize_follow_the_model:
        [0, 1, -1, isize::MIN, isize::MAX], |n: isize| n as u64;
    g4_waits_for_f64_follow_the_model: [
        0.0, -0.0, 1.0, -1.0, f64::MIN_POSITIVE, -f64::from_bits(1), f64::from_bits(1), f64::MAX, f64::MIN,
        f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, f64::from_bits(f64::NAN.to_bits() | 1),
    ], f64::to_bits;
    g4_waits_for_f32_follow_the_model: [
        0.0, -0.0, 1.0, -1.0, f32::from_bits(1), -f32::from_bits(1), f32::MAX, f32::MIN, f32::INFINITY,
        f32::NEG_INFINITY, f32::NAN, -f32::NAN,
    ], |n: f32| n.to_bits().into();
}

#[test]
fn g4_waits_for_bool_follow_the_model() {
    run(&[false, true], &ALL[2..], start_any, |n| n.into());
    run(&[false, true], &ALL[2..3], start_any, |n| n.into());
}

/// Many bounds far apart, and writes that jump over most of them.
#[test]
fn g4_waits_for_many_levels_follow_the_model() {
    let mut random = Random(7);
    let values: Vec<_> = (0..400).map(|_| random.below(1 << 40) as i64).collect();
    run(&values, &ALL[..3], start, |n| n as u64);
}
