//! Reading and writing cells that nobody waits for, beside std's atomics, and the
//! relatives of the cells: sums and references.

mod harness;

use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdU64, Ordering::Relaxed, Ordering::SeqCst};

use arc_swap::ArcSwap;
use atomos::{Adder, Atomic, AtomicReference, AtomicU64};
use harness::Harness;
use harness::clock::{summed, two_threads, wall};
use harness::tasks::idle;

fn main() -> ExitCode {
    Harness::run(&[
        ("get", get),
        ("set", set),
        ("add", add),
        ("add, two threads", add_two_threads),
        ("add, f64", add_float),
        ("update", update),
        ("adder", adder),
        ("adder, two threads", adder_two_threads),
        ("reference", reference),
    ])
}

/// A cell on which somebody has waited in every way, and has left again.
fn left() -> AtomicU64 {
    let cell = Atomic::new(0);
    poll_once(cell.wait_at_least(u64::MAX));
    poll_once(cell.changed_from(0));
    poll_once(cell.wait_for(|n| n == u64::MAX));
    // The next write is told, and finds nobody.
    cell.set(0);
    cell
}

fn poll_once(wait: impl Future) {
    assert!(pin!(wait).poll(&mut idle()).is_pending());
}

fn get(harness: &mut Harness) {
    let (cell, std) = (Atomic::new(7_u64), StdU64::new(7));
    harness
        .group("get")
        .ours("Atomic::get", summed(|| cell.get()))
        .peer("AtomicU64::load, SeqCst", 1.15, summed(|| std.load(SeqCst)))
        .report();
}

fn set(harness: &mut Harness) {
    let (cell, left, std) = (Atomic::new(7_u64), left(), StdU64::new(7));
    harness
        .group("set, nobody waits")
        .ours("Atomic::set", wall(|| cell.set(black_box(8))))
        .peer(
            "AtomicU64::store, SeqCst",
            1.5,
            wall(|| std.store(black_box(8), SeqCst)),
        )
        .report();
    harness
        .group("set, those who waited have left")
        .ours("Atomic::set", wall(|| left.set(black_box(8))))
        .peer(
            "AtomicU64::store, SeqCst",
            1.5,
            wall(|| std.store(black_box(8), SeqCst)),
        )
        .report();
}

fn add(harness: &mut Harness) {
    let (cell, left, std) = (Atomic::new(0_u64), left(), StdU64::new(0));
    harness
        .group("add_and_get, nobody waits")
        .ours(
            "Atomic::add_and_get",
            wall(|| _ = black_box(cell.add_and_get(black_box(1)))),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            1.35,
            wall(|| _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .report();
    harness
        .group("add_and_get, those who waited have left")
        .ours(
            "Atomic::add_and_get",
            wall(|| _ = black_box(left.add_and_get(black_box(1)))),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            1.35,
            wall(|| _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .report();
}

fn add_two_threads(harness: &mut Harness) {
    let (cell, left, std) = (Atomic::new(0_u64), left(), StdU64::new(0));
    harness
        .group("add_and_get, nobody waits, two threads")
        .ours(
            "Atomic::add_and_get",
            two_threads(|| || _ = black_box(cell.add_and_get(black_box(1)))),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            1.35,
            two_threads(|| || _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .report();
    harness
        .group("add_and_get, all have left, two threads")
        .ours(
            "Atomic::add_and_get",
            two_threads(|| || _ = black_box(left.add_and_get(black_box(1)))),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            1.35,
            two_threads(|| || _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .report();
}

/// What one writes by hand, for lack of an instruction.
fn add_by_hand(bits: &StdU64, x: f64) -> f64 {
    let mut current = bits.load(SeqCst);
    loop {
        let new = f64::from_bits(current) + x;
        match bits.compare_exchange_weak(current, new.to_bits(), SeqCst, SeqCst) {
            Ok(_) => return new,
            Err(now) => current = now,
        }
    }
}

fn add_float(harness: &mut Harness) {
    let (cell, std) = (Atomic::new(0.0_f64), StdU64::new(0));
    harness
        .group("add_and_get, f64, nobody waits")
        .ours(
            "Atomic::add_and_get",
            wall(|| _ = black_box(cell.add_and_get(black_box(1.0)))),
        )
        .beside(
            "compare_exchange_weak in a loop",
            wall(|| _ = black_box(add_by_hand(&std, black_box(1.0)))),
        )
        .report();
}

fn update(harness: &mut Harness) {
    let (cell, std) = (Atomic::new(0_u64), StdU64::new(0));
    let next = |n: u64| n.rotate_left(1) ^ 5;
    harness
        .group("update_and_get, nobody waits")
        .ours(
            "Atomic::update_and_get",
            wall(|| _ = black_box(cell.update_and_get(next))),
        )
        .beside(
            "AtomicU64::fetch_update, SeqCst",
            wall(|| _ = black_box(std.fetch_update(SeqCst, SeqCst, |n| Some(next(n))))),
        )
        .report();
}

fn adder(harness: &mut Harness) {
    let (alone, met, std) = (Adder::<u64>::new(), Adder::<u64>::new(), StdU64::new(0));
    // Two writers that meet make the stripes.
    two_threads(|| || met.add(1))(100_000);
    harness
        .group("Adder, one thread")
        .ours("Adder::add", wall(|| met.add(black_box(1))))
        .beside(
            "Adder::add, no writers have met",
            wall(|| alone.add(black_box(1))),
        )
        .beside(
            "AtomicU64::fetch_add, SeqCst",
            wall(|| _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .beside("Adder::sum", summed(|| met.sum()))
        .report();
}

fn adder_two_threads(harness: &mut Harness) {
    let (adder, cell, std) = (Adder::<u64>::new(), Atomic::new(0_u64), StdU64::new(0));
    harness
        .group("Adder, two threads")
        .ours("Adder::add", two_threads(|| || adder.add(black_box(1))))
        .peer(
            "Atomic::add_and_get",
            1.0,
            two_threads(|| || _ = black_box(cell.add_and_get(black_box(1)))),
        )
        .beside(
            "AtomicU64::fetch_add, SeqCst",
            two_threads(|| || _ = black_box(std.fetch_add(black_box(1), SeqCst))),
        )
        .beside(
            "AtomicU64::fetch_add, Relaxed",
            two_threads(|| || _ = black_box(std.fetch_add(black_box(1), Relaxed))),
        )
        .report();
}

fn reference(harness: &mut Harness) {
    let (ours, theirs) = (AtomicReference::new(7), ArcSwap::from_pointee(7));
    let value = Arc::new(8);
    harness
        .group("AtomicReference, get")
        .ours("AtomicReference::get", wall(|| drop(black_box(ours.get()))))
        .beside(
            "ArcSwap::load_full",
            wall(|| drop(black_box(theirs.load_full()))),
        )
        .report();
    harness
        .group("AtomicReference, set")
        .ours("AtomicReference::set", wall(|| ours.set(value.clone())))
        .beside("ArcSwap::store", wall(|| theirs.store(value.clone())))
        .report();
}
