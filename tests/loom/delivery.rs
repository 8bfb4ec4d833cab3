//! Delivery: one thread at a time, in commit order, handed over between writers (G3).

use std::{pin::pin, sync::Arc, task::Poll};

use atomos::{Atom, Changes, Snapshot};
use futures::StreamExt;
use loom::{sync::Mutex, thread};

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

/// G3: a stream that is made while another thread is at the desk misses nothing: newcomers are
/// taken over after the word has been loaded, not before.
#[test]
fn a_stream_made_during_a_delivery_misses_nothing() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let _watched = atom.changes();
        let other = atom.clone();
        let joining = thread::spawn(move || {
            let changes = other.changes();
            let mine = Snapshot::version(&other.reset(Probe::new(1)));
            (changes, mine)
        });
        atom.reset(Probe::new(2));
        let (mut changes, mine) = joining.join().unwrap();
        let mut told = versions(&mut changes);
        told.retain(|version| *version == mine);
        assert_eq!(told, [mine]);
    });
}

/// G3: whoever registers at a commit that is made and not delivered yet is not told of it,
/// be it a stream, a watch or a wait, for all of them start from it.
#[test]
fn nobody_is_told_of_what_he_started_from() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let _watched = atom.changes();
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        let before = atom.version();
        let mut changes = atom.changes();
        let (log, judged) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
        let lines = log.clone();
        atom.add_watch("log", move |e| {
            lines.lock().unwrap().push(Snapshot::version(e.new));
        });
        let values = judged.clone();
        let mut wait = Box::pin(atom.wait_for(move |p| {
            values.lock().unwrap().push(p.get());
            false
        }));
        assert!(super::support::poll_once(wait.as_mut()).is_pending());
        writing.join().unwrap();
        let told = versions(&mut changes);
        assert!(told.iter().all(|version| *version > before), "{told:?}");
        assert!(log.lock().unwrap().iter().all(|version| *version > before));
        let mut judged = judged.lock().unwrap().clone();
        let calls = judged.len();
        judged.dedup();
        assert_eq!(judged.len(), calls, "a state was judged twice");
    });
}

/// G3: a call that had nothing to tell (somebody left) does not hide the commit that is made
/// while the deliverer answers it: the word is loaded after the answer.
#[test]
fn a_call_without_news_hides_no_commit() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let (mine, other) = (atom.changes(), atom.changes());
        let mut changes = atom.changes();
        let leaving = thread::spawn(move || drop(other));
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        drop(mine);
        leaving.join().unwrap();
        writing.join().unwrap();
        assert_eq!(versions(&mut changes), [1]);
    });
}

/// G10: WATCHED is not lowered over a commit that was made under it and is not delivered yet:
/// its link would stay, and a snapshot of it would keep its predecessor alive.
#[test]
fn lowering_leaves_no_link_behind() {
    model(2, || {
        let value = || loom::sync::Arc::new(());
        let atom = Atom::new(value());
        drop(atom.changes());
        let first = value();
        let (writer, last) = (atom.clone(), value());
        let writing = thread::spawn(move || writer.reset(last));
        atom.reset(first.clone());
        atom.reset(value());
        let held = writing.join().unwrap();
        assert_eq!(loom::sync::Arc::strong_count(&first), 1);
        drop(held);
    });
}

/// The versions that a stream holds.
fn versions(changes: &mut Changes<Probe>) -> Vec<u64> {
    let mut versions = vec![];
    while let Poll::Ready(Some(change)) = super::support::poll_once(pin!(changes.next())) {
        versions.push(Snapshot::version(&change.new));
    }
    versions
}
