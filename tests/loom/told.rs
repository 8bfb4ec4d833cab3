//! Who knows of a shared cell's value: looks that tell only what is news, against registrations (P5).
//! What is noted is the very file of `shm`; wrong ways to register stand beside it, and each has
//! to be found out.
//!
//! That a look follows the last write is a matter of the [signals](super::signals): here it
//! is made by the model, when all threads are done.

use std::sync::atomic::{AtomicBool as Flag, Ordering::Relaxed};

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::{support::model, told::Told};

struct Cell {
    value: AtomicU64,
    is_present: AtomicBool,
    /// How many waits have begun.
    begun: AtomicU64,
    told: Told,
    register: Mutex<Vec<Wait>>,
}

/// A wait that stays, whatever it hears.
struct Wait {
    number: u64,
    /// The values that it has seen or was told, in order.
    heard: Vec<u64>,
}

/// How a registration notes what it has seen.
#[derive(Clone, Copy)]
enum Registration {
    AsItIs,
    AsksBeforeWhetherItIsAlone,
    TakesTheLastNumberForItsOwn,
    NotesNothing,
}
use Registration::*;

impl Cell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            value: AtomicU64::new(0),
            is_present: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            told: Told::nobody(),
            register: Mutex::new(Vec::new()),
        })
    }

    fn register(&self, how: Registration) {
        let nobody_was_there = !self.is_present.load(Ordering::SeqCst);
        let mut register = self.register.lock().unwrap();
        let is_alone = !self.is_present.swap(true, Ordering::SeqCst);
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let seen = self.value.load(Ordering::SeqCst);
        let heard = vec![seen];
        register.push(Wait { number, heard });
        match how {
            AsItIs => self.told.has_seen(number, seen, is_alone),
            AsksBeforeWhetherItIsAlone => self.told.has_seen(number, seen, nobody_was_there),
            TakesTheLastNumberForItsOwn => {
                drop(register);
                let last = self.begun.load(Ordering::SeqCst);
                self.told.has_seen(last, seen, is_alone);
            }
            NotesNothing => {}
        }
    }

    fn look(&self) {
        let begun = self.begun.load(Ordering::SeqCst);
        let now = self.value.load(Ordering::SeqCst);
        if self.told.is_news(begun, now) && self.is_present.load(Ordering::SeqCst) {
            let mut register = self.register.lock().unwrap();
            let is_current = self.value.load(Ordering::SeqCst) == now;
            let up_to = if is_current { u64::MAX } else { begun };
            let waits = register.iter_mut().filter(|wait| wait.number <= up_to);
            waits.for_each(|wait| wait.heard.push(now));
        }
    }

    /// Whether all know what the value is, after a last look.
    fn all_know(&self) -> bool {
        self.look();
        let register = self.register.lock().unwrap();
        let now = self.value.load(Ordering::SeqCst);
        register.iter().all(|wait| wait.heard.last() == Some(&now))
    }
}

fn spawn(cell: &Arc<Cell>, f: impl FnOnce(&Cell) + 'static) -> JoinHandle<()> {
    let cell = cell.clone();
    thread::spawn(move || f(&cell))
}

/// Whether somebody is passed over, in any execution: two register while a writer writes these
/// `values`, and so does one that is there before, if there is a thread that looks meanwhile.
fn passes_over(values: &'static [u64], looks: bool, how: Registration) -> bool {
    let passed_over = std::sync::Arc::new(Flag::new(false));
    let found = passed_over.clone();
    model(3, move || {
        let cell = Cell::new();
        if looks {
            cell.register(how);
        }
        let mut others = vec![
            spawn(&cell, move |cell| {
                (values.iter()).for_each(|value| cell.value.store(*value, Ordering::SeqCst));
            }),
            spawn(&cell, move |cell| cell.register(how)),
        ];
        if looks {
            others.push(spawn(&cell, Cell::look));
        }
        cell.register(how);
        others.into_iter().for_each(|other| other.join().unwrap());
        passed_over.fetch_or(!cell.all_know(), Relaxed);
    });
    found.load(Relaxed)
}

#[test]
fn p5_nobody_is_passed_over() {
    assert!(!passes_over(&[1], false, AsItIs));
    assert!(!passes_over(&[1, 0], false, AsItIs));
}

#[test]
fn p5_nobody_is_passed_over_beside_one_who_looks() {
    assert!(!passes_over(&[1], true, AsItIs));
    assert!(!passes_over(&[1, 0], true, AsItIs));
}

#[test]
fn whether_it_is_alone_is_asked_under_the_lock() {
    assert!(passes_over(&[1], false, AsksBeforeWhetherItIsAlone));
}

#[test]
fn what_it_has_seen_is_noted_under_its_own_number() {
    assert!(passes_over(&[1, 0], true, TakesTheLastNumberForItsOwn));
}

/// G5: what all have seen themselves is not told, be they alone or not; a look without that note
/// tells it.
#[test]
fn g5_what_all_have_seen_is_not_told() {
    for (how, times) in [(AsItIs, 1), (NotesNothing, 2)] {
        model(3, move || {
            let cell = Cell::new();
            cell.value.store(7, Ordering::SeqCst);
            let other = spawn(&cell, move |cell| cell.register(how));
            cell.register(how);
            other.join().unwrap();
            cell.look();
            cell.look();
            let register = cell.register.lock().unwrap();
            assert!(register.iter().all(|wait| wait.heard == vec![7; times]));
        });
    }
}
