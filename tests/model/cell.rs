//! A program on a cell, and its model: what writers offer to waits, levels, the line, and streams.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use atomos::Atomic;
use futures::StreamExt;
use proptest::prelude::*;

use super::expected::{Verdict, judge};
use super::observer::panic_quietly;
use super::program::{Pred, VALUES, pred, value};
use super::support::Live;
use super::task::{Polled, Task};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write(Verb, u8),
    Start(Kind),
    Poll {
        task: usize,
        by_other_waker: bool,
    },
    /// Polls a task that has been woken, if there is one.
    PollWoken(usize),
    Drop(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Set,
    GetAndSet,
    UpdateAndGet,
    /// Writes unless the value is the operand.
    UpdateIf,
    Modify,
    /// Adds what makes the operand of it.
    AddAndGet,
    /// From the operand to its successor.
    CompareAndExchange,
    Accumulate,
    /// Panics in its closure.
    Panic,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    WaitFor(Pred),
    WaitMap(Pred),
    Equal(u8),
    AtLeast(u8),
    AtMost(u8),
    ChangedFrom(u8),
    /// Writes the value.
    UpdateWhen(Pred, u8),
    Values,
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let some = 0..64_usize;
    prop_oneof![
        12 => (verb(), value()).prop_map(|(verb, v)| Op::Write(verb, v)),
        12 => kind().prop_map(Op::Start),
        12 => (some.clone(), any::<bool>())
            .prop_map(|(task, by_other_waker)| Op::Poll { task, by_other_waker }),
        6 => some.clone().prop_map(Op::PollWoken),
        4 => some.prop_map(Op::Drop),
    ]
}

fn verb() -> impl Strategy<Value = Verb> {
    use Verb::*;
    let all = [
        Set,
        GetAndSet,
        UpdateAndGet,
        UpdateIf,
        Modify,
        AddAndGet,
        CompareAndExchange,
        Accumulate,
        Panic,
    ];
    proptest::sample::select(all.to_vec())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => pred().prop_map(Kind::WaitFor),
        1 => pred().prop_map(Kind::WaitMap),
        1 => value().prop_map(Kind::Equal),
        1 => value().prop_map(Kind::AtLeast),
        1 => value().prop_map(Kind::AtMost),
        1 => value().prop_map(Kind::ChangedFrom),
        4 => (pred(), value()).prop_map(|(pred, then)| Kind::UpdateWhen(pred, then)),
        1 => Just(Kind::Values),
    ]
}

/// What a verb or a poll gave; None is a panic.
type Said = Option<Result<u8, u8>>;

/// What the model expects of a wait or stream.
#[derive(Debug)]
struct Expected {
    kind: Kind,
    begun: bool,
    parked: bool,
    woken: bool,
    over: bool,
    answer: Option<Said>,
    /// What `Values` gave last, and whether there has been another since it parked.
    taken: Option<u8>,
    news: bool,
    /// Place in the line, by first polls, and whether it has a turn.
    place: Option<usize>,
    turn: bool,
}

impl Expected {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            begun: false,
            parked: false,
            woken: false,
            over: false,
            answer: None,
            taken: None,
            news: false,
            place: None,
            turn: false,
        }
    }

    fn wake(&mut self) {
        self.woken |= self.parked;
        self.parked = false;
    }

    /// What `value` makes of the wait, if it ends it.
    fn judged(&self, value: u8) -> Option<Said> {
        let met = match self.kind {
            Kind::WaitFor(pred) | Kind::WaitMap(pred) => match judge(pred, value) {
                Verdict::Panicked => return Some(None),
                Verdict::Accepted => true,
                Verdict::Rejected => false,
            },
            Kind::Equal(bound) => value == bound,
            Kind::AtLeast(bound) => value >= bound,
            Kind::AtMost(bound) => value <= bound,
            Kind::ChangedFrom(bound) => value != bound,
            Kind::UpdateWhen(..) | Kind::Values => false,
        };
        met.then_some(Some(Ok(value)))
    }

    fn tell(&mut self, value: u8) {
        if self.parked && self.answer.is_none() {
            self.answer = self.judged(value);
            if self.answer.is_some() {
                self.wake();
            }
        }
        if matches!(self.kind, Kind::Values) && self.parked && self.taken != Some(value) {
            self.news = true;
            self.wake();
        }
    }

    /// Its closure is alive. That of a wait goes before the task learns how it ended.
    fn has_closure(&self) -> bool {
        let with_closure = matches!(
            self.kind,
            Kind::WaitFor(_) | Kind::WaitMap(_) | Kind::UpdateWhen(..)
        );
        let in_line = matches!(self.kind, Kind::UpdateWhen(..));
        with_closure && !self.over && (in_line || self.answer.is_none())
    }
}

struct Model {
    value: u8,
    tasks: Vec<Expected>,
    joined: usize,
}

impl Model {
    fn write(&mut self, verb: Verb, operand: u8) -> Said {
        let old = self.value;
        let (new, said) = match verb {
            Verb::Set => (operand, Ok(operand)),
            Verb::GetAndSet | Verb::Modify | Verb::Accumulate => (operand, Ok(old)),
            Verb::UpdateAndGet | Verb::AddAndGet => (operand, Ok(operand)),
            Verb::UpdateIf if old == operand => return Some(Err(old)),
            Verb::UpdateIf => (operand, Ok(operand)),
            Verb::CompareAndExchange if old != operand => return Some(Err(old)),
            Verb::CompareAndExchange => ((operand + 1) % VALUES, Ok(old)),
            Verb::Panic => return None,
        };
        self.written(new);
        Some(said)
    }

    fn written(&mut self, value: u8) {
        self.value = value;
        self.give_turn();
        self.tasks.iter_mut().for_each(|task| task.tell(value));
    }

    /// The first in line, of those without a turn, that accepts the value gets one. Those whose
    /// predicates panic on the way are out.
    fn give_turn(&mut self) {
        let in_line = |task: &&mut Expected| task.place.is_some() && !task.turn;
        let mut line: Vec<_> = self.tasks.iter_mut().filter(in_line).collect();
        line.sort_by_key(|task| task.place);
        for task in line {
            let Kind::UpdateWhen(pred, _) = task.kind else {
                continue;
            };
            match judge(pred, self.value) {
                Verdict::Rejected => {}
                Verdict::Accepted => {
                    task.turn = true;
                    return task.wake();
                }
                Verdict::Panicked => {
                    task.place = None;
                    task.answer = Some(None);
                    task.wake();
                }
            }
        }
    }

    /// It is dropped, or over.
    fn end(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        let had_turn = task.turn;
        task.over = true;
        (task.turn, task.parked, task.place) = (false, false, None);
        if had_turn {
            self.give_turn();
        }
    }

    fn poll(&mut self, n: usize) -> Poll<Said> {
        let task = &mut self.tasks[n];
        (task.woken, task.parked) = (false, false);
        let answer = match task.kind {
            Kind::UpdateWhen(pred, then) => self.poll_in_line(n, pred, then),
            Kind::Values => {
                return self.poll_values(n);
            }
            _ if task.begun => task.answer.take(),
            _ => task.judged(self.value),
        };
        self.tasks[n].begun = true;
        match answer {
            Some(said) => {
                self.end(n);
                Poll::Ready(said)
            }
            None => {
                self.tasks[n].parked = true;
                Poll::Pending
            }
        }
    }

    fn poll_values(&mut self, n: usize) -> Poll<Said> {
        let task = &mut self.tasks[n];
        let had_news = std::mem::take(&mut task.news);
        if task.taken != Some(self.value) {
            task.taken = Some(self.value);
            return Poll::Ready(Some(Ok(self.value)));
        }
        // Back at the old value: it asks to be polled again.
        (task.woken, task.parked) = (had_news, !had_news);
        Poll::Pending
    }

    fn poll_in_line(&mut self, n: usize, pred: Pred, then: u8) -> Option<Said> {
        let verdict = judge(pred, self.value);
        if let Some(panicked) = self.tasks[n].answer.take() {
            return Some(panicked);
        }
        if !self.tasks[n].begun {
            let may_try = self.tasks.iter().all(|task| !task.turn);
            self.joined += 1;
            self.tasks[n].place = Some(self.joined);
            if let Verdict::Panicked = verdict {
                return Some(None);
            }
            self.tasks[n].turn = may_try && matches!(verdict, Verdict::Accepted);
        }
        if !self.tasks[n].turn {
            return None;
        }
        match verdict {
            Verdict::Panicked => Some(None),
            Verdict::Accepted => {
                (self.tasks[n].turn, self.tasks[n].place) = (false, None);
                self.written(then);
                Some(Some(Ok(then)))
            }
            Verdict::Rejected => {
                self.tasks[n].turn = false;
                self.give_turn();
                None
            }
        }
    }
}

struct World {
    cell: Arc<Atomic<u8>>,
    closures: Live,
    tasks: Vec<Task<Said>>,
    model: Model,
}

pub(crate) fn run(program: &[Op]) {
    let mut world = World {
        cell: Arc::new(Atomic::new(0)),
        closures: Live::new(),
        tasks: Vec::new(),
        model: Model {
            value: 0,
            tasks: Vec::new(),
            joined: 0,
        },
    };
    for (n, op) in program.iter().enumerate() {
        world.step(op, &format!("step {n}: {op:?}"));
        world.check(&format!("step {n}: {op:?}"));
    }
    world.tasks.clear();
    assert_eq!(world.closures.count(), 0, "closures at the end");
    assert_eq!(Arc::strong_count(&world.cell), 1);
}

impl World {
    fn step(&mut self, op: &Op, at: &str) {
        match *op {
            Op::Write(verb, operand) => {
                let got = catch_unwind(AssertUnwindSafe(|| write(&self.cell, verb, operand))).ok();
                assert_eq!(got, self.model.write(verb, operand), "{at}");
            }
            Op::Start(kind) if self.tasks.len() < 12 => {
                let polled = start(self.cell.clone(), kind, &self.closures);
                self.tasks.push(Task::new(polled));
                self.model.tasks.push(Expected::new(kind));
            }
            Op::Start(_) => {}
            Op::Poll {
                task,
                by_other_waker,
            } => self.poll(task, by_other_waker, |task| !task.over, at),
            Op::PollWoken(task) => self.poll(task, false, |task| task.woken, at),
            Op::Drop(n) => {
                if !self.tasks.is_empty() {
                    let n = n % self.tasks.len();
                    self.tasks[n].drop_future();
                    self.model.end(n);
                    self.tasks.remove(n);
                    self.model.tasks.remove(n);
                }
            }
        }
    }

    /// Polls one of those that are `due`.
    fn poll(&mut self, n: usize, by_other_waker: bool, due: fn(&Expected) -> bool, at: &str) {
        let due: Vec<usize> = (0..self.tasks.len())
            .filter(|n| due(&self.model.tasks[*n]))
            .collect();
        if due.is_empty() {
            return;
        }
        let n = due[n % due.len()];
        let got = self.tasks[n].poll(by_other_waker);
        let expected = self.model.poll(n);
        assert_eq!(got, expected, "{at}: {:?}", self.model.tasks[n]);
        if self.model.tasks[n].over {
            self.tasks[n].drop_future();
        }
    }

    fn check(&self, at: &str) {
        assert_eq!(self.cell.get(), self.model.value, "{at}");
        for (task, expected) in self.tasks.iter().zip(&self.model.tasks) {
            if !expected.over {
                assert_eq!(task.is_woken(), expected.woken, "{at}: woken: {expected:?}");
            }
            let kept = (usize::from(expected.parked), 0);
            assert_eq!(task.wakers_kept(), kept, "{at}: wakers: {expected:?}");
        }
        let closures = self.model.tasks.iter().filter(|task| task.has_closure());
        assert_eq!(self.closures.count(), closures.count(), "{at}: closures");
    }
}

fn write(cell: &Atomic<u8>, verb: Verb, operand: u8) -> Result<u8, u8> {
    match verb {
        Verb::Set => {
            cell.set(operand);
            Ok(operand)
        }
        Verb::GetAndSet => Ok(cell.get_and_set(operand)),
        Verb::UpdateAndGet => Ok(cell.update_and_get(|_| operand)),
        Verb::UpdateIf => cell.update_if(|value| (value != operand).then_some(operand)),
        Verb::Modify => Ok(cell.modify(|value| (operand, value))),
        Verb::AddAndGet => Ok(cell.add_and_get(operand.wrapping_sub(cell.get()))),
        Verb::CompareAndExchange => cell.compare_and_exchange(operand, (operand + 1) % VALUES),
        Verb::Accumulate => Ok(cell.get_and_accumulate(operand, |_, x| x)),
        Verb::Panic => Ok(cell.update_and_get(|_| panic_quietly())),
    }
}

fn start(cell: Arc<Atomic<u8>>, kind: Kind, closures: &Live) -> Polled<Said> {
    let token = closures.value(());
    let holds = move |pred: Pred, value: u8| match judge(pred, value) {
        Verdict::Panicked => panic_quietly(),
        verdict => {
            let _ = &token;
            matches!(verdict, Verdict::Accepted)
        }
    };
    match kind {
        Kind::WaitFor(pred) => future(async move { cell.wait_for(move |v| holds(pred, v)).await }),
        Kind::WaitMap(pred) => future(async move {
            let wait = cell.wait_map(move |v| holds(pred, v).then_some(v));
            wait.await
        }),
        Kind::Equal(bound) => future(async move { cell.wait_equal(bound).await }),
        Kind::AtLeast(bound) => future(async move { cell.wait_at_least(bound).await }),
        Kind::AtMost(bound) => future(async move { cell.wait_at_most(bound).await }),
        Kind::ChangedFrom(bound) => future(async move { cell.changed_from(bound).await }),
        Kind::UpdateWhen(pred, then) => future(async move {
            let wait = cell.update_when(move |v| holds(pred, v), move |_| then);
            wait.await
        }),
        Kind::Values => {
            let mut values = cell.values_owned();
            Box::new(move |cx| values.poll_next_unpin(cx).map(|next| next.map(Ok)))
        }
    }
}

fn future(future: impl Future<Output = u8> + 'static) -> Polled<Said> {
    let mut future = Box::pin(future);
    Box::new(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(|value| Some(Ok(value))),
            Err(_) => Poll::Ready(None),
        }
    })
}
