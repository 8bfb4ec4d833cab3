//! Writing and reading an atom that nobody waits for, beside arc-swap (which
//! nobody can wait for) and tokio's `watch`.

mod harness;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use atomos::Atom;
use harness::Harness;
use harness::clock::{summed, two_threads, wall};
use tokio::sync::watch;

fn main() -> ExitCode {
    Harness::run(&[
        ("swap", swap),
        ("swap, 64 bytes", swap_wide),
        ("swap, two threads", swap_two_threads),
        ("swap, watched", swap_watched),
        ("reset", reset),
        ("load", load),
        ("with", with),
        ("with, two threads", with_two_threads),
        ("reader", reader),
    ])
}

type Wide = [u64; 8];

fn next(value: &u64) -> u64 {
    value.wrapping_add(1)
}

fn next_wide(value: &Wide) -> Wide {
    value.map(|word| word.wrapping_add(1))
}

fn swap(harness: &mut Harness) {
    let (atom, cell, (sender, _receiver)) = (
        Atom::new(0),
        ArcSwap::from_pointee(0),
        watch::channel(0_u64),
    );
    harness
        .group("swap, u64, nobody waits")
        .ours("Atom::swap", wall(|| drop(black_box(atom.swap(next)))))
        .peer(
            "ArcSwap::rcu",
            0.5,
            wall(|| drop(black_box(cell.rcu(|value| next(value))))),
        )
        .peer(
            "watch::Sender::send_modify",
            0.5,
            wall(|| sender.send_modify(|value| *value = next(value))),
        )
        .report();
}

fn swap_wide(harness: &mut Harness) {
    let zero = Wide::default();
    let (atom, cell, (sender, _receiver)) = (
        Atom::new(zero),
        ArcSwap::from_pointee(zero),
        watch::channel(zero),
    );
    harness
        .group("swap, 64 bytes, nobody waits")
        .ours("Atom::swap", wall(|| drop(black_box(atom.swap(next_wide)))))
        .peer(
            "ArcSwap::rcu",
            0.5,
            wall(|| drop(black_box(cell.rcu(|value| next_wide(value))))),
        )
        .peer(
            "watch::Sender::send_modify",
            0.5,
            wall(|| sender.send_modify(|value| *value = next_wide(value))),
        )
        .report();
}

fn swap_two_threads(harness: &mut Harness) {
    let (atom, cell, (sender, _receiver)) = (
        Atom::new(0),
        ArcSwap::from_pointee(0),
        watch::channel(0_u64),
    );
    harness
        .group("swap, u64, two threads at once")
        .ours(
            "Atom::swap",
            two_threads(|| || drop(black_box(atom.swap(next)))),
        )
        .peer(
            "ArcSwap::rcu",
            0.5,
            two_threads(|| || drop(black_box(cell.rcu(|value| next(value))))),
        )
        .peer(
            "watch::Sender::send_modify",
            0.5,
            two_threads(|| || sender.send_modify(|value| *value = next(value))),
        )
        .report();
}

fn swap_watched(harness: &mut Harness) {
    let (watched, alone) = (Atom::new(0), Atom::new(0));
    watched.add_watch("bench", |event| {
        black_box(**event.new);
    });
    harness
        .group("swap, u64, one watch")
        .ours("Atom::swap", wall(|| drop(black_box(watched.swap(next)))))
        .beside(
            "Atom::swap, no watch",
            wall(|| drop(black_box(alone.swap(next)))),
        )
        .report();
}

fn reset(harness: &mut Harness) {
    let (atom, cell) = (Atom::new(0_u64), ArcSwap::from_pointee(0_u64));
    harness
        .group("reset, u64")
        .ours(
            "Atom::reset",
            wall(|| drop(black_box(atom.reset(black_box(7))))),
        )
        .peer(
            "ArcSwap::store",
            1.0,
            wall(|| cell.store(Arc::new(black_box(7)))),
        )
        .report();
}

fn load(harness: &mut Harness) {
    let (atom, cell) = (Atom::new(7_u64), ArcSwap::from_pointee(7_u64));
    harness
        .group("load, owned, with its drop")
        .ours("Atom::load", wall(|| drop(black_box(atom.load()))))
        .peer(
            "ArcSwap::load_full",
            0.7,
            wall(|| drop(black_box(cell.load_full()))),
        )
        .report();
}

fn with(harness: &mut Harness) {
    let (atom, cell, (_sender, receiver)) = (
        Atom::new(7_u64),
        ArcSwap::from_pointee(7_u64),
        watch::channel(7_u64),
    );
    harness
        .group("with")
        .ours("Atom::with", wall(|| _ = atom.with(|v| black_box(*v))))
        .peer(
            "ArcSwap::load (guard)",
            1.0,
            wall(|| _ = black_box(**cell.load())),
        )
        .peer(
            "watch::Receiver::borrow",
            0.9,
            wall(|| _ = black_box(*receiver.borrow())),
        )
        .report();
}

fn with_two_threads(harness: &mut Harness) {
    let (atom, cell, (_sender, receiver)) = (
        Atom::new(7_u64),
        ArcSwap::from_pointee(7_u64),
        watch::channel(7_u64),
    );
    harness
        .group("with, two threads at once")
        .ours(
            "Atom::with",
            two_threads(|| || _ = atom.with(|v| black_box(*v))),
        )
        .beside(
            "ArcSwap::load (guard)",
            two_threads(|| || _ = black_box(**cell.load())),
        )
        .peer(
            "watch::Receiver::borrow",
            0.6,
            two_threads(|| || _ = black_box(*receiver.borrow())),
        )
        // On two real cores: a read counts in two cache lines, the word's and the value's; there in one. Two
        // threads of one core do not show it.
        .known_loss(1.9)
        .report();
}

fn reader(harness: &mut Harness) {
    let (atom, cell, (_sender, receiver)) = (
        Atom::new(7_u64),
        ArcSwap::from_pointee(7_u64),
        watch::channel(7_u64),
    );
    let (mut reader, mut cache) = (atom.reader(), Cache::new(&cell));
    harness
        .group("reader, nothing has changed")
        .ours("Reader::get", summed(|| *reader.get()))
        .peer("arc_swap::Cache::load", 2.0, summed(|| **cache.load()))
        .peer(
            "watch::Receiver::borrow",
            0.1,
            summed(|| *receiver.borrow()),
        )
        .report();
}
