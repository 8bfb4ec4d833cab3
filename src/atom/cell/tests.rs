//! The two kinds of cell, side by side: the same steps have the same results (G1, G10).

use std::{
    env,
    process::{Command, exit},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
};

use super::{Flags, packed, portable};
use crate::atom::node::NodeRef;

/// A value that knows how many of its kind are alive.
struct Live {
    number: u64,
    alive: Arc<AtomicI64>,
}

impl Live {
    fn new(number: u64, alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, SeqCst);
        let alive = alive.clone();
        Self { number, alive }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

/// What a step of a cell showed.
#[derive(Debug, PartialEq)]
enum Seen {
    State(u64, u64, Flags),
    Published(u64, Flags, bool),
    Stale,
    Current(Option<Flags>),
    Lowered(bool),
    Released,
}

/// A cell with the references that a program holds.
struct Subject<C> {
    cell: C,
    held: Vec<NodeRef<Live>>,
    alive: Arc<AtomicI64>,
}

/// Written once for both: they have the same methods, and no trait.
macro_rules! subject {
    ($cell:ty) => {
        impl Subject<$cell> {
            fn new() -> Self {
                let alive = Arc::default();
                let cell = <$cell>::new(Live::new(0, &alive));
                let held = vec![cell.load().0];
                Self { cell, held, alive }
            }

            /// One step of a program, chosen by `verb`; `which` picks a held reference.
            fn step(&mut self, verb: u64, which: usize, number: u64) -> Seen {
                let held = self.held[which % self.held.len()].clone();
                match verb {
                    0 | 1 => self.keep(),
                    2 | 3 => self.publish(None, number),
                    4 => self.publish(Some(held), number),
                    5 => {
                        let (node, state) = self.cell.raise(Flags::WATCHED, &mut Vec::new());
                        Seen::State(node.version(), node.value().number, state.flags())
                    }
                    6 => Seen::Lowered(self.cell.lower(&held, Flags::WATCHED, &mut Vec::new())),
                    7 => Seen::Current(self.cell.peek(&held).map(|state| state.flags())),
                    _ => {
                        if self.held.len() > 1 {
                            drop(self.held.swap_remove(which % self.held.len()));
                        }
                        Seen::Released
                    }
                }
            }

            fn keep(&mut self) -> Seen {
                let (node, state) = self.cell.load();
                let seen = Seen::State(node.version(), node.value().number, state.flags());
                self.held.push(node);
                seen
            }

            /// Replaces the current node, or a stale one, which must not succeed.
            #[allow(unsafe_code)]
            fn publish(&mut self, expected: Option<NodeRef<Live>>, number: u64) -> Seen {
                let (current, state) = self.cell.load();
                let expected = expected.unwrap_or(current);
                let draft = <$cell>::draft(Live::new(number, &self.alive), expected.version() + 1);
                match self.cell.publish(expected, state, draft) {
                    Ok(published) => {
                        // SAFETY: one thread has the cell, and nobody delivers.
                        let previous = unsafe { published.new.take_previous() };
                        let linked = previous.is_some();
                        Seen::Published(published.new.version(), published.flags, linked)
                    }
                    Err(draft) => {
                        assert_eq!(draft.into_value().number, number, "it comes back");
                        Seen::Stale
                    }
                }
            }

            fn alive(&self) -> i64 {
                self.alive.load(SeqCst)
            }
        }
    };
}

subject!(packed::Cell<Live>);
subject!(portable::Cell<Live>);

/// A small generator of numbers, the same in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn g1_g10_both_cells_do_the_same() {
    for seed in 1..=200 {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed);
        let mut packed = Subject::<packed::Cell<Live>>::new();
        let mut portable = Subject::<portable::Cell<Live>>::new();
        for step in 0..200 {
            let verb = next(&mut random) % 10;
            let which = (next(&mut random) >> 8) as usize;
            let one = packed.step(verb, which, step);
            let other = portable.step(verb, which, step);
            assert_eq!(one, other, "seed {seed}, step {step}, verb {verb}");
            assert_eq!(packed.alive(), portable.alive(), "seed {seed}, step {step}");
        }
        let (one, other) = (packed.alive.clone(), portable.alive.clone());
        drop((packed, portable));
        assert_eq!((one.load(SeqCst), other.load(SeqCst)), (0, 0));
    }
}

/// G10: a node that is loaded so often that the word is topped up, by holders and in passing.
#[test]
fn g10_a_node_survives_more_references_than_the_word_counts() {
    let mut subject = Subject::<packed::Cell<Live>>::new();
    for _ in 0..100_000 {
        subject.keep();
    }
    (0..200_000).for_each(|_| drop(subject.cell.load()));
    assert!(matches!(subject.publish(None, 1), Seen::Published(1, ..)));
    assert_eq!(subject.alive(), 2);
    subject.held.clear();
    assert_eq!(subject.alive(), 1);
}

/// G6: a value that is replaced while its flags are edited, under the register's lock, is not
/// dropped there, whoever was its last owner.
#[test]
fn g6_an_edit_of_the_portable_cell_drops_no_value() {
    let mut subject = Subject::<portable::Cell<Live>>::new();
    subject.held.clear();
    let (mut touched, mut edits) = (Vec::new(), 0);
    let (cell, alive) = (&subject.cell, &subject.alive);
    cell.edit(&mut touched, |record| {
        edits += 1;
        if edits == 1 {
            // A writer is quicker, and lets go of what it replaced.
            let (current, state) = cell.load();
            let draft = portable::Cell::draft(Live::new(1, alive), 1);
            assert!(cell.publish(current, state, draft).is_ok());
        }
        Some(record.flags)
    });
    assert_eq!((edits, alive.load(SeqCst)), (2, 2), "both values are alive");
    touched.clear();
    assert_eq!(alive.load(SeqCst), 1);
}

/// References that are leaked in a loop, on a target whose counts they can exceed.
#[test]
fn too_many_references_end_the_process() {
    const CHILD: &str = "ATOMOS_TEST_CELL_CHILD";
    let name = "atom::cell::tests::too_many_references_end_the_process";
    if env::var_os(CHILD).is_none() {
        let mut child = Command::new(env::current_exe().expect("it has a path"));
        let child = child.args([name, "--exact"]).env(CHILD, "1").output();
        assert_eq!(child.expect("it runs").status.code(), None);
        return;
    }
    let cell = packed::Cell::new(0);
    let (node, _) = cell.load();
    node.prepay(isize::MAX as usize);
    node.prepay(1);
    exit(0);
}
