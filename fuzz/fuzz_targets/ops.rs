//! G1, G3, G4, G5, G7, G8, G9, G10: bytes are programs of operations on two atoms, or on a cell, with
//! views, streams and waits that are polled by hand; each is run beside the model of `tests/model`,
//! with which everything has to agree after each step.
//!
//! An operation is a byte that says which, and a byte for each of its choices. Every program of
//! bytes is one, and stays one when bytes are left out or changed.
#![no_main]
// The model can draw programs by itself, too.
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/model/atom.rs"]
mod atom;
#[path = "../../tests/model/cell.rs"]
mod cell;
#[path = "../../tests/model/delivery.rs"]
mod delivery;
#[path = "../../tests/model/expected.rs"]
mod expected;
#[path = "../../tests/model/observer.rs"]
mod observer;
#[path = "../../tests/model/program.rs"]
mod program;
#[path = "../../tests/support/values.rs"]
mod support;
#[path = "../../tests/model/task.rs"]
mod task;

use program::{Action, By, Kind, Op, Pred, VALUES, Verb};

/// A longer program shows nothing that a shorter one does not.
const STEPS: usize = 64;

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let mut bytes = Bytes(rest);
    match kind % 2 {
        0 => atom::run(&program(|| bytes.on_atoms())),
        _ => cell::run(&program(|| bytes.on_a_cell())),
    }
});

fn program<O>(next: impl FnMut() -> Option<O>) -> Vec<O> {
    std::iter::from_fn(next).take(STEPS).collect()
}

/// What is left of the input.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn below(&mut self, n: u8) -> Option<u8> {
        Some(self.next()? % n)
    }

    fn index(&mut self) -> Option<usize> {
        self.next().map(usize::from)
    }

    fn value(&mut self) -> Option<u8> {
        self.below(VALUES)
    }

    fn pred(&mut self) -> Option<Pred> {
        let byte = self.next()?;
        Some(Pred {
            accepts: byte & 0xf,
            // One in four panics on something.
            panics_on: (byte >> 6 == 3).then_some(byte >> 4 & 3),
        })
    }

    fn on_atoms(&mut self) -> Option<Op> {
        let what = self.next()?;
        let side = usize::from(what >> 7);
        Some(match what & 0x0f {
            0..=2 => Op::Write(side, self.verb()?, self.value()?),
            3 => Op::Exchange(side, self.index()?, self.value()?),
            4 => Op::Keep(side),
            5 => Op::LetGo(self.index()?),
            6 => Op::Read(side),
            7..=9 => {
                let by = [By::Atom, By::View][usize::from(what >> 6 & 1)];
                Op::Start(side, by, self.kind()?)
            }
            10 => Op::Poll {
                task: self.index()?,
                by_other_waker: what >> 6 & 1 == 1,
            },
            11 => Op::PollWoken(self.index()?),
            12 => Op::Drop(self.index()?),
            13 => Op::Watch(side, u64::from(what >> 5 & 3), self.action()?),
            14 => Op::Unwatch(side, u64::from(what >> 5 & 3)),
            _ if what >> 6 & 1 == 0 => Op::CloneHandle(side),
            _ => Op::ReleaseHandle(side),
        })
    }

    fn verb(&mut self) -> Option<Verb> {
        Some(match self.below(9)? {
            0 => Verb::Reset,
            1 => Verb::ResetVals,
            2 => Verb::Swap,
            3 => Verb::SwapVals,
            4 => Verb::SwapIf,
            5 => Verb::TrySwap,
            6 => Verb::Modify,
            7 => Verb::CompareAndSet,
            _ => Verb::Panic,
        })
    }

    fn kind(&mut self) -> Option<Kind> {
        Some(match self.below(8)? {
            0 => Kind::WaitFor(self.pred()?),
            1 => Kind::WaitMap(self.pred()?),
            2 => Kind::SwapWhen(self.pred()?, self.value()?),
            3 => Kind::Changed,
            4 => Kind::ChangedSince(self.index()?),
            5 => Kind::Changes,
            6 => Kind::Bounded(1 + usize::from(self.below(3)?)),
            _ => Kind::Snapshots,
        })
    }

    fn action(&mut self) -> Option<Action> {
        Some(match self.below(6)? {
            0 => Action::Log,
            1 => Action::Raise(self.below(VALUES - 1)?),
            2 => Action::Forward,
            3 => Action::Unwatch(u64::from(self.below(4)?)),
            4 => Action::Watch(u64::from(self.below(4)?)),
            _ => Action::Panic(self.value()?),
        })
    }

    fn on_a_cell(&mut self) -> Option<cell::Op> {
        let what = self.next()?;
        Some(match what & 7 {
            0..=2 => cell::Op::Write(self.cell_verb()?, self.value()?),
            3 | 4 => cell::Op::Start(self.cell_kind()?),
            5 => cell::Op::Poll {
                task: self.index()?,
                by_other_waker: what & 8 != 0,
            },
            6 => cell::Op::PollWoken(self.index()?),
            _ => cell::Op::Drop(self.index()?),
        })
    }

    fn cell_verb(&mut self) -> Option<cell::Verb> {
        Some(match self.below(9)? {
            0 => cell::Verb::Set,
            1 => cell::Verb::GetAndSet,
            2 => cell::Verb::UpdateAndGet,
            3 => cell::Verb::UpdateIf,
            4 => cell::Verb::Modify,
            5 => cell::Verb::AddAndGet,
            6 => cell::Verb::CompareAndExchange,
            7 => cell::Verb::Accumulate,
            _ => cell::Verb::Panic,
        })
    }

    fn cell_kind(&mut self) -> Option<cell::Kind> {
        Some(match self.below(8)? {
            0 => cell::Kind::WaitFor(self.pred()?),
            1 => cell::Kind::WaitMap(self.pred()?),
            2 => cell::Kind::Equal(self.value()?),
            3 => cell::Kind::AtLeast(self.value()?),
            4 => cell::Kind::AtMost(self.value()?),
            5 => cell::Kind::ChangedFrom(self.value()?),
            6 => cell::Kind::UpdateWhen(self.pred()?, self.value()?),
            _ => cell::Kind::Values,
        })
    }
}
