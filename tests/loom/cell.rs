//! The packed word: counting, topping up and reclamation (G1, G10).

use atomos::{Atom, Snapshot};
use loom::thread;

use super::support::{Probe, model};

/// G1: two writers, no update lost, versions without a gap.
#[test]
fn two_writers_lose_no_update() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let other = atom.clone();
        let writer = thread::spawn(move || {
            other.swap(|p| Probe::new(p.get() + 1));
        });
        atom.swap(|p| Probe::new(p.get() + 1));
        writer.join().unwrap();
        let last = atom.load();
        assert_eq!((last.get(), Snapshot::version(&last)), (2, 2));
    });
}

/// G1: whoever exchanges by value is not refused because an equal value came in between.
#[test]
fn an_equal_value_in_between_refuses_no_exchange_by_value() {
    model(3, || {
        let atom = Atom::new(0);
        let other = atom.clone();
        let writer = thread::spawn(move || drop(other.swap(|n| *n)));
        assert!(atom.compare_and_set(&0, 1));
        writer.join().unwrap();
        let last = atom.load();
        assert_eq!((*last, Snapshot::version(&last)), (1, 2));
    });
}

/// G10: a reader's snapshot outlives the replacement, and nothing is freed early or never.
#[test]
fn a_reader_keeps_what_a_writer_replaces() {
    model(3, || {
        let atom = Atom::new(Probe::new(1));
        let reader = atom.clone();
        let reading = thread::spawn(move || {
            let first = reader.load();
            let second = reader.load();
            assert!(first.get() <= second.get());
            reader.with(|p| assert!(p.get() >= second.get()));
        });
        atom.reset(Probe::new(2));
        drop(atom);
        reading.join().unwrap();
    });
}

/// The count in the word is topped up (after two references under loom) while the node is
/// being replaced.
#[test]
fn topping_up_races_with_replacing() {
    model(3, || {
        let atom = Atom::new(Probe::new(1));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let atom = atom.clone();
                thread::spawn(move || {
                    let held = [atom.load(), atom.load()];
                    assert!(held.iter().all(|p| p.get() > 0));
                })
            })
            .collect();
        atom.reset(Probe::new(2));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// G1: a `Reader` that compares addresses is never fooled by a recycled one.
#[test]
fn a_reader_sees_the_latest() {
    model(3, || {
        let atom = Atom::new(Probe::new(1));
        let mut reader = atom.reader();
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(2));
            writer.reset(Probe::new(3));
        });
        let seen = reader.get().get();
        assert!(reader.get().get() >= seen);
        writing.join().unwrap();
        assert_eq!(reader.get().get(), 3);
    });
}

/// `compare_exchange` succeeds for exactly one of two that expect the same snapshot.
#[test]
fn one_of_two_exchanges_succeeds() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let seen = atom.load();
        let (other, same) = (atom.clone(), seen.clone());
        let rival = thread::spawn(move || other.compare_exchange(&same, Probe::new(1)).is_ok());
        let mine = atom.compare_exchange(&seen, Probe::new(2)).is_ok();
        assert!(mine ^ rival.join().unwrap());
        assert_eq!(atom.version(), 1);
    });
}
