//! Removing a watch against a delivery (G3, and the promise of `remove_watch`).
//!
//! The list of watches is arc-swap's, which loom cannot see into: in these models a load or a
//! swap of it is one step that gives the newest list and orders nothing. What they see are the
//! flags beside it (`active` of each watch, `any` of the list) and the register's lock. That
//! is enough here: the promise is for deliverers that have loaded the list before the watch
//! was taken out of it, and it is the flag alone that stops those.
//!
//! A call *begins* with the deliverer's look at the flag: between that and the closure's first
//! instruction nobody can tell it from one that is running, which goes on. So the look is
//! placed by the watch that is called just before it.

use atomos::{Atom, Snapshot};
use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::support::{Probe, model};

type Log = Arc<Mutex<Vec<u64>>>;

/// Adds a watch that runs `look`, then writes down the version it is called with.
fn log(atom: &Atom<Probe>, key: &'static str, look: impl Fn() + Send + Sync + 'static) -> Log {
    let log = Log::default();
    let lines = log.clone();
    atom.add_watch(key, move |e| {
        look();
        lines.lock().unwrap().push(Snapshot::version(e.new));
    });
    log
}

/// While another thread commits, `silence` ends the watch "goes": no call of it begins after
/// that has returned, the watches around it are called once with every commit, and the closure is
/// dropped.
fn ended_by(silence: fn(&Atom<Probe>)) {
    model(2, move || {
        let atom = Atom::new(Probe::new(0));
        let [silenced, known] = [0; 2].map(|_| Arc::new(AtomicBool::new(false)));
        let (ended, knows) = (silenced.clone(), known.clone());
        let first = log(&atom, "first", move || {
            // Acquire: pairs with the store behind `silence`. What is seen here was returned
            // before the deliverer comes to the next watch.
            knows.store(ended.load(Ordering::Acquire), Ordering::Relaxed);
        });
        let goes = log(&atom, "goes", move || {
            assert!(!known.load(Ordering::Relaxed), "a call begins too late");
        });
        let last = log(&atom, "last", || {});
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
            writer.reset(Probe::new(2));
        });
        silence(&atom);
        silenced.store(true, Ordering::Release);
        writing.join().unwrap();
        assert_eq!(*first.lock().unwrap(), [1, 2]);
        assert_eq!(*last.lock().unwrap(), [1, 2]);
        assert!([1, 2].starts_with(&goes.lock().unwrap()));
        assert_eq!(Arc::strong_count(&goes), 1, "the closure is gone");
    });
}

#[test]
fn no_call_of_a_removed_watch_begins() {
    ended_by(|atom| assert!(atom.remove_watch("goes")));
}

#[test]
fn no_call_of_a_replaced_watch_begins() {
    ended_by(|atom| {
        atom.add_watch("goes", |_| {});
    });
}

/// The only watch is removed, and another one added: neither the commits of that time nor
/// the flag that says whether there is any watch keeps the new one from what follows.
#[test]
fn a_watch_takes_over_from_the_last_one() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let before = log(&atom, "before", || {});
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        assert!(atom.remove_watch("before"));
        let after = log(&atom, "after", || {});
        atom.reset(Probe::new(2));
        writing.join().unwrap();
        let (before, after) = (before.lock().unwrap(), after.lock().unwrap());
        assert!([&[][..], &[1]].contains(&&before[..]), "{before:?}");
        assert!([&[1, 2][..], &[2]].contains(&&after[..]), "{after:?}");
    });
}
