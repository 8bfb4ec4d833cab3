//! What a program on atoms consists of.

use proptest::prelude::*;

/// Values are below this.
pub(crate) const VALUES: u8 = 4;

/// Which of the two atoms.
pub(crate) type Side = usize;

/// Indices into what there is at that moment are taken modulo its number, so that a program
/// stays one when steps are left out.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write(Side, Verb, u8),
    /// `compare_exchange` with a snapshot that was kept.
    Exchange(Side, usize, u8),
    Keep(Side),
    LetGo(usize),
    Read(Side),
    Start(Side, By, Kind),
    Poll {
        task: usize,
        by_other_waker: bool,
    },
    /// Polls a task that has been woken, if there is one.
    PollWoken(usize),
    Drop(usize),
    Watch(Side, u64, Action),
    Unwatch(Side, u64),
    CloneHandle(Side),
    ReleaseHandle(Side),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verb {
    Reset,
    ResetVals,
    Swap,
    SwapVals,
    /// Commits unless the value is the operand.
    SwapIf,
    TrySwap,
    Modify,
    /// From the operand to its successor.
    CompareAndSet,
    /// Panics in its closure.
    Panic,
}

/// What a wait or stream is made from; an atom stays open for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Atom,
    View,
}

/// Which values satisfy, by their bits, and which one the predicate panics on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pred {
    pub(crate) accepts: u8,
    pub(crate) panics_on: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    WaitFor(Pred),
    WaitMap(Pred),
    /// Writes the value. Of an atom only.
    SwapWhen(Pred, u8),
    Changed,
    ChangedSince(usize),
    Changes,
    Bounded(usize),
    Snapshots,
}

/// What a watch does besides logging.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    Log,
    /// Writes the successor of this value, when it sees the value.
    Raise(u8),
    /// Writes what it sees to the other atom, if it is one of the first.
    Forward,
    Unwatch(u64),
    /// Adds a watch that logs.
    Watch(u64),
    /// Panics when it sees this value.
    Panic(u8),
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let some = 0..64_usize;
    prop_oneof![
        12 => (side(), verb(), value()).prop_map(|(s, verb, v)| Op::Write(s, verb, v)),
        2 => (side(), some.clone(), value()).prop_map(|(s, n, v)| Op::Exchange(s, n, v)),
        2 => side().prop_map(Op::Keep),
        1 => some.clone().prop_map(Op::LetGo),
        1 => side().prop_map(Op::Read),
        12 => (side(), by(), kind()).prop_map(|(s, by, kind)| Op::Start(s, by, kind)),
        14 => (some.clone(), any::<bool>())
            .prop_map(|(task, by_other_waker)| Op::Poll { task, by_other_waker }),
        6 => some.clone().prop_map(Op::PollWoken),
        4 => some.prop_map(Op::Drop),
        6 => (side(), key(), action()).prop_map(|(s, key, action)| Op::Watch(s, key, action)),
        1 => (side(), key()).prop_map(|(s, key)| Op::Unwatch(s, key)),
        1 => side().prop_map(Op::CloneHandle),
        1 => side().prop_map(Op::ReleaseHandle),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

pub(crate) fn value() -> impl Strategy<Value = u8> {
    0..VALUES
}

fn key() -> impl Strategy<Value = u64> {
    0..3_u64
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![Just(By::View), Just(By::Atom)]
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        2 => Just(Verb::Reset),
        1 => Just(Verb::ResetVals),
        1 => Just(Verb::Swap),
        1 => Just(Verb::SwapVals),
        1 => Just(Verb::SwapIf),
        1 => Just(Verb::TrySwap),
        1 => Just(Verb::Modify),
        1 => Just(Verb::CompareAndSet),
        1 => Just(Verb::Panic),
    ]
}

pub(crate) fn pred() -> impl Strategy<Value = Pred> {
    let panics_on = prop_oneof![8 => Just(None), 1 => value().prop_map(Some)];
    (0..1_u8 << VALUES, panics_on).prop_map(|(accepts, panics_on)| Pred { accepts, panics_on })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => pred().prop_map(Kind::WaitFor),
        1 => pred().prop_map(Kind::WaitMap),
        5 => (pred(), value()).prop_map(|(pred, then)| Kind::SwapWhen(pred, then)),
        1 => Just(Kind::Changed),
        1 => (0..8_usize).prop_map(Kind::ChangedSince),
        1 => Just(Kind::Changes),
        2 => (1..4_usize).prop_map(Kind::Bounded),
        1 => Just(Kind::Snapshots),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Log),
        3 => (0..VALUES - 1).prop_map(Action::Raise),
        1 => Just(Action::Forward),
        1 => key().prop_map(Action::Unwatch),
        2 => key().prop_map(Action::Watch),
        1 => value().prop_map(Action::Panic),
    ]
}
