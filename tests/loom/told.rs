//! Who knows of a shared cell's value: looks that tell only what is news, against registrations (P5).
//! What is noted is the very file of `shm`; wrong ways to register and to look stand beside it, and
//! each has to be found out.
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

/// How a look notes what it is going to tell.
#[derive(Clone, Copy)]
enum Look {
    AsItShould,
    NotesBeforeTheLock,
}
use Look::*;

/// What happens at the same time.
#[derive(Clone, Copy)]
struct Play {
    initial: u64,
    /// Are written one after the other.
    values: &'static [u64],
    /// One wait that was there before, and then so many.
    is_somebody_there: bool,
    newcomers: usize,
    register: Registration,
    look: Option<Look>,
}

impl Cell {
    fn new(value: u64) -> Arc<Self> {
        Arc::new(Self {
            value: AtomicU64::new(value),
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

    fn look(&self, how: Look) {
        let begun = self.begun.load(Ordering::SeqCst);
        let now = self.value.load(Ordering::SeqCst);
        let is_known = self.told.is_known(begun, now);
        if let NotesBeforeTheLock = how {
            self.told.leaves(begun, now);
        }
        if !is_known && self.is_present.load(Ordering::SeqCst) {
            let all = self.begun.load(Ordering::SeqCst);
            let is_current = self.value.load(Ordering::SeqCst) == now;
            let up_to = if is_current { all } else { begun };
            let mut register = self.register.lock().unwrap();
            if let AsItShould = how {
                self.told.leaves(up_to, now);
            }
            let waits = register.iter_mut().filter(|wait| wait.number <= up_to);
            waits.for_each(|wait| wait.heard.push(now));
        }
    }

    /// Whether all know what the value is, after a last look.
    fn all_know(&self) -> bool {
        self.look(AsItShould);
        let register = self.register.lock().unwrap();
        let now = self.value.load(Ordering::SeqCst);
        register.iter().all(|wait| wait.heard.last() == Some(&now))
    }
}

fn spawn(cell: &Arc<Cell>, f: impl FnOnce(&Cell) + 'static) -> JoinHandle<()> {
    let cell = cell.clone();
    thread::spawn(move || f(&cell))
}

/// Whether somebody is passed over, in any execution.
fn passes_over(play: Play) -> bool {
    let passed_over = std::sync::Arc::new(Flag::new(false));
    let found = passed_over.clone();
    model(3, move || {
        let cell = Cell::new(play.initial);
        let register = move |cell: &Cell| cell.register(play.register);
        if play.is_somebody_there {
            register(&cell);
        }
        let mut others = vec![spawn(&cell, move |cell| {
            let values = play.values.iter();
            values.for_each(|value| cell.value.store(*value, Ordering::SeqCst));
        })];
        others.extend((1..play.newcomers).map(|_| spawn(&cell, register)));
        others.extend((play.look).map(|how| spawn(&cell, move |cell| cell.look(how))));
        register(&cell);
        others.into_iter().for_each(|other| other.join().unwrap());
        passed_over.fetch_or(!cell.all_know(), Relaxed);
    });
    found.load(Relaxed)
}

/// Two come while the value changes.
const TWO: Play = Play {
    initial: 0,
    values: &[1],
    is_somebody_there: false,
    newcomers: 2,
    register: AsItIs,
    look: None,
};
const TWO_AND_THERE_AND_BACK: Play = Play {
    values: &[1, 0],
    ..TWO
};

/// They come beside one who is there, and one who looks.
const BESIDE_A_LOOK: Play = Play {
    is_somebody_there: true,
    look: Some(AsItShould),
    ..TWO
};
const BESIDE_A_LOOK_AND_BACK: Play = Play {
    values: &[1, 0],
    ..BESIDE_A_LOOK
};

/// One comes, alone, while somebody looks for those who have been there. (The value is not the one
/// that a new note has.)
const ALONE_BESIDE_A_LOOK: Play = Play {
    initial: 1,
    values: &[2, 1, 2],
    newcomers: 1,
    look: Some(AsItShould),
    ..TWO
};

#[test]
fn p5_nobody_is_passed_over() {
    assert!(!passes_over(TWO));
    assert!(!passes_over(TWO_AND_THERE_AND_BACK));
}

#[test]
fn p5_nobody_is_passed_over_beside_one_who_looks() {
    assert!(!passes_over(BESIDE_A_LOOK));
    assert!(!passes_over(BESIDE_A_LOOK_AND_BACK));
    assert!(!passes_over(ALONE_BESIDE_A_LOOK));
}

#[test]
fn whether_it_is_alone_is_asked_under_the_lock() {
    let register = AsksBeforeWhetherItIsAlone;
    assert!(passes_over(Play { register, ..TWO }));
}

#[test]
fn what_it_has_seen_is_noted_under_its_own_number() {
    let register = TakesTheLastNumberForItsOwn;
    let play = BESIDE_A_LOOK_AND_BACK;
    assert!(passes_over(Play { register, ..play }));
}

#[test]
fn what_is_left_is_noted_under_the_lock() {
    let look = Some(NotesBeforeTheLock);
    let play = ALONE_BESIDE_A_LOOK;
    assert!(passes_over(Play { look, ..play }));
}

/// G5: what all have seen themselves is not told, be they alone or not; a look without that note
/// tells it.
#[test]
fn g5_what_all_have_seen_is_not_told() {
    for (how, times) in [(AsItIs, 1), (NotesNothing, 2)] {
        model(3, move || {
            let cell = Cell::new(7);
            let other = spawn(&cell, move |cell| cell.register(how));
            cell.register(how);
            other.join().unwrap();
            (0..2).for_each(|_| cell.look(AsItShould));
            let register = cell.register.lock().unwrap();
            assert!(register.iter().all(|wait| wait.heard == vec![7; times]));
        });
    }
}
