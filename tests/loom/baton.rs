//! The baton by itself: a word that is left where nothing but the baton orders it, as its protocol
//! promises. (What the library leaves stands behind locks and in words that order more than that.) The
//! file is that of the library.

use std::sync::Arc;

use loom::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use super::{
    baton::{Baton, Refused},
    support::model,
};

/// What is carried: the last word that a carrier has found.
type Found = u64;

struct Desk {
    word: AtomicU64,
    baton: Baton<Found>,
}

impl Desk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: AtomicU64::new(0),
            baton: Baton::resting(0),
        })
    }

    /// Caller.
    fn leave(&self, word: u64) {
        self.word.store(word, Relaxed);
        if let Some(found) = self.baton.call() {
            self.carry(found);
        }
    }

    /// Carrier, who has answered.
    fn carry(&self, mut found: Found) {
        loop {
            found = found.max(self.word.load(Relaxed));
            match self.baton.rest(found) {
                Ok(()) => return,
                Err(Refused::Called(again)) => found = again,
                Err(Refused::Gone(_)) => unreachable!("nobody removes it"),
            }
            self.baton.answer();
        }
    }

    /// Carrier who lays it down although somebody may have called, and then calls himself.
    fn offer(&self, found: Found) {
        let found = found.max(self.word.load(Relaxed));
        if self.baton.offer(found) {
            self.baton
                .call()
                .into_iter()
                .for_each(|found| self.carry(found));
        }
    }
}

/// Somebody carries while a word is left, and lays it down in that way.
fn no_word_is_lost(lay_down: fn(&Desk, Found)) {
    model(3, move || {
        let desk = Desk::new();
        let caller = desk.clone();
        let calling = thread::spawn(move || caller.leave(1));
        if let Some(found) = desk.baton.take() {
            lay_down(&desk, found);
        }
        calling.join().unwrap();
        assert_eq!(desk.baton.take(), Some(1));
    });
}

#[test]
fn no_word_is_lost_when_it_is_laid_down() {
    no_word_is_lost(Desk::carry);
}

#[test]
fn no_word_is_lost_when_it_is_offered() {
    no_word_is_lost(Desk::offer);
}

/// Two leave words, one after the other; whoever carries last has found the second.
#[test]
fn no_word_is_lost_of_two_callers() {
    model(2, || {
        let desk = Desk::new();
        let caller = desk.clone();
        let calling = thread::spawn(move || {
            caller.leave(1);
            caller.leave(2);
        });
        if let Some(found) = desk.baton.call() {
            desk.carry(found);
        }
        calling.join().unwrap();
        assert_eq!(desk.baton.take(), Some(2));
    });
}
