//! Delivery: one thread at a time, in commit order, handed over between writers (G3).

use atomos::{Atom, Snapshot};
use loom::{sync::Mutex, thread};
use std::sync::Arc;

use super::support::{Probe, model};

/// G3: two writers and a watch: every commit once, in order, whoever delivers. Under loom the
/// desk is offered after every commit told.
#[test]
fn two_writers_deliver_in_order() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        atom.add_watch("log", move |e| {
            assert_eq!(Snapshot::version(e.old) + 1, Snapshot::version(e.new));
            lines.lock().unwrap().push(Snapshot::version(e.new));
        });
        let other = atom.clone();
        let writer = thread::spawn(move || {
            other.reset(Probe::new(1));
            other.reset(Probe::new(2));
        });
        atom.reset(Probe::new(3));
        writer.join().unwrap();
        assert_eq!(*log.lock().unwrap(), [1, 2, 3]);
    });
}

/// G3: a watch added while another thread commits is called with exactly what follows.
#[test]
fn a_watch_starts_where_it_was_added() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let other = atom.clone();
        let writer = thread::spawn(move || {
            other.reset(Probe::new(1));
            other.reset(Probe::new(2));
        });
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        atom.add_watch("log", move |e| {
            lines.lock().unwrap().push(Snapshot::version(e.new));
        });
        writer.join().unwrap();
        let seen = log.lock().unwrap().clone();
        assert!([&[1, 2][..], &[2], &[]].contains(&&seen[..]), "{seen:?}");
    });
}

/// Unobserved again after the last observer has left: the flag is lowered under a race with a new
/// registration, which must not be missed.
#[test]
fn lowering_races_with_registering() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        drop(atom.changes());
        let other = atom.clone();
        let writer = thread::spawn(move || {
            other.reset(Probe::new(1));
        });
        let mut changed = Box::pin(atom.changed());
        writer.join().unwrap();
        atom.reset(Probe::new(2));
        let std::task::Poll::Ready(change) = super::support::poll_once(changed.as_mut()) else {
            panic!("a commit after the registration was not delivered");
        };
        assert_eq!(
            Snapshot::version(&change.old) + 1,
            Snapshot::version(&change.new)
        );
    });
}
