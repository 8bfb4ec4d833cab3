//! Closing against registration, commits and other handles (G9).

use atomos::{Atom, Closed};
use futures::StreamExt;
use std::pin::pin;

use loom::{future::block_on, thread};

use super::support::{Probe, beside, model, poll_once};

/// G9: a wait that registers while the atom closes is told, and a last commit that
/// satisfies it wins.
#[test]
fn closing_races_with_registering() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let view = atom.view();
        let closing = thread::spawn(move || {
            atom.reset(Probe::new(1));
            drop(atom);
        });
        assert_eq!(block_on(view.wait_for(|p| p.get() == 1)).unwrap().get(), 1);
        assert!(matches!(
            block_on(view.wait_for(|p| p.get() == 2)),
            Err(Closed)
        ));
        closing.join().unwrap();
    });
}

/// G9: whoever is told of the closing sees what all owners did, also those that committed nothing.
#[test]
fn what_owners_did_precedes_the_end() {
    model(3, || {
        let atom = Atom::new(());
        let (other, view) = (atom.clone(), atom.view());
        let (write, read) = beside();
        let mut wait = pin!(view.wait_for(|()| false));
        assert!(poll_once(wait.as_mut()).is_pending());
        let leaving = thread::spawn(move || {
            write();
            drop(other);
        });
        drop(atom);
        assert_eq!(block_on(wait), Err(Closed));
        assert_eq!(read(), 1);
        leaving.join().unwrap();
    });
}

/// G9: and so does whoever asks.
#[test]
fn what_owners_did_precedes_the_answer_that_it_has_closed() {
    model(3, || {
        let atom = Atom::new(());
        let view = atom.view();
        let (write, read) = beside();
        let leaving = thread::spawn(move || {
            write();
            drop(atom);
        });
        if view.is_closed() {
            assert_eq!(read(), 1);
        }
        leaving.join().unwrap();
    });
}

/// G9: two handles dropped at once close the atom exactly once, after both last commits.
#[test]
fn two_handles_are_dropped_at_once() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let mut changes = atom.changes();
        let other = atom.clone();
        let closing = thread::spawn(move || {
            other.swap(|p| Probe::new(p.get() + 1));
        });
        atom.swap(|p| Probe::new(p.get() + 1));
        drop(atom);
        let mut seen = 0;
        while let Some(change) = block_on(changes.next()) {
            seen += 1;
            assert_eq!(change.new.get(), seen);
        }
        assert_eq!(seen, 2);
        closing.join().unwrap();
    });
}

/// G9: a weak handle is upgraded, or the atom is closed: never both.
#[test]
fn upgrading_races_with_closing() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let weak = atom.downgrade();
        let view = atom.view();
        let closing = thread::spawn(move || drop(atom));
        if let Some(again) = weak.upgrade() {
            assert!(!view.is_closed());
            again.reset(Probe::new(1));
        }
        closing.join().unwrap();
        assert!(view.is_closed());
    });
}
