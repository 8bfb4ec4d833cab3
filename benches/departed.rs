//! What 512 threads leave behind that have used the crate and are gone: arc-swap
//! keeps a node for each, and every one of its writes walks them all.

mod harness;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::thread;

use arc_swap::ArcSwap;
use atomos::Atom;
use harness::clock::wall;
use harness::{Floor, Harness, median};

fn main() -> ExitCode {
    Harness::run(&[("departed threads", departed)])
}

const THREADS: usize = 512;
const FLOOR: Floor = Floor {
    wanted: 1.3,
    known: None,
};

fn departed(harness: &mut Harness) {
    let subjects = Subjects::new();
    let before = subjects.measure(harness, "before");
    subjects.used_by(if harness.quick() { 8 } else { THREADS });
    let after = subjects.measure(harness, "after");

    let ratio = |index: usize| after[index] / before[index];
    println!("after {THREADS} threads, compared with before:");
    let verdict = harness.judge("Atom::swap after/before", ratio(0), &FLOOR);
    println!("  Atom::swap             {:.2}x  {verdict}", ratio(0));
    println!("  Atom::swap, watched    {:.2}x", ratio(1));
    println!("  ArcSwap::store         {:.2}x", ratio(2));
}

struct Subjects {
    atom: Atom<u64>,
    watched: Atom<u64>,
    cell: ArcSwap<u64>,
}

impl Subjects {
    fn new() -> Self {
        let watched = Atom::new(0);
        watched.add_watch("bench", |event| {
            black_box(**event.new);
        });
        Subjects {
            atom: Atom::new(0),
            watched,
            cell: ArcSwap::from_pointee(0),
        }
    }

    /// Each contestant in units of a yardstick that no thread can slow down (an
    /// allocation and its release), so that the two measurements may be compared
    /// although they do not take turns.
    fn measure(&self, harness: &mut Harness, when: &str) -> [f64; 3] {
        let samples = harness
            .group(when)
            .ours("yardstick", wall(|| drop(black_box(Box::new(0_u64)))))
            .beside("swap", wall(|| swap(&self.atom)))
            .beside("watched", wall(|| swap(&self.watched)))
            .beside("store", wall(|| self.cell.store(Arc::new(black_box(7)))))
            .samples();
        let (yardstick, subjects) = samples.split_first().expect("four contestants");
        println!("{when}: ns/op of swap, watched swap, store, yardstick");
        println!(
            "  {:.1}, {:.1}, {:.1}, {:.1}",
            median(&subjects[0]),
            median(&subjects[1]),
            median(&subjects[2]),
            median(yardstick)
        );
        [0, 1, 2].map(|index| in_units_of(yardstick, &subjects[index]))
    }

    /// All threads are there at once, or a later one would inherit what an earlier left.
    fn used_by(&self, threads: usize) {
        let everybody = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                let thread = thread::Builder::new().stack_size(128 * 1024);
                thread
                    .spawn_scoped(scope, || self.use_everything(&everybody))
                    .expect("a thread more");
            }
        });
    }

    fn use_everything(&self, everybody: &Barrier) {
        for atom in [&self.atom, &self.watched] {
            drop(atom.load());
            swap(atom);
            black_box(*atom.reader().get());
        }
        self.cell.store(Arc::new(**self.cell.load()));
        everybody.wait();
    }
}

fn swap(atom: &Atom<u64>) {
    drop(black_box(atom.swap(|value| value.wrapping_add(1))));
}

fn in_units_of(yardstick: &[f64], samples: &[f64]) -> f64 {
    let ratios: Vec<f64> = samples.iter().zip(yardstick).map(|(s, y)| s / y).collect();
    median(&ratios)
}
