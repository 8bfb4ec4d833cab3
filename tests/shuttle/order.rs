//! G2, G3, G4: everybody is told of every commit, in one order, whatever comes and goes.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use atomos::{Atom, Snapshot};
use futures::StreamExt;
use shuttle::future::block_on;

use super::support::{below, join, poll_once, schedules, threads};

/// Three writers; a watch and a stream from the beginning, others that come and go.
#[test]
fn g3_watches_and_streams_see_one_order() {
    schedules(|| {
        let atom = Atom::new(0_u64);
        let watched: Arc<Mutex<Vec<u64>>> = Arc::default();
        let log = watched.clone();
        atom.add_watch("log", move |event| {
            assert_eq!(
                Snapshot::version(event.old) + 1,
                Snapshot::version(event.new)
            );
            log.lock().unwrap().push(Snapshot::version(event.new));
            // A commit of its own, told after this one.
            if **event.new == 2 {
                let mut snapshots = event.atom.snapshots();
                assert!(poll_once(pin!(snapshots.next())).is_ready());
            }
        });
        let changes = atom.changes();
        let shared = atom.clone();
        join(threads(3, move |_| come_and_go(&shared)));
        let last = atom.version();
        drop(atom);
        let changes = changes.map(|change| Snapshot::version(&change.new));
        let streamed: Vec<u64> = block_on(changes.collect());
        assert_eq!(streamed, (1..=last).collect::<Vec<_>>());
        assert_eq!(*watched.lock().unwrap(), streamed);
    });
}

fn come_and_go(atom: &Atom<u64>) {
    for _ in 0..3 {
        match below(6) {
            0 => {
                let mut changes = atom.changes();
                let new = atom.swap(|n| n + 1);
                // It has that commit at the latest, unless another thread is just telling it.
                let first = block_on(changes.next()).unwrap();
                assert!(Snapshot::version(&first.new) <= Snapshot::version(&new));
            }
            1 => {
                let mut bounded = atom.changes_bounded(1);
                atom.swap(|n| n + 1);
                atom.swap(|n| n + 1);
                let first = block_on(bounded.next()).unwrap();
                drop(first);
            }
            2 => {
                // The first state that satisfies, although others follow at once.
                let now = *atom.load();
                let mut wait = pin!(atom.wait_for(move |n| *n > now));
                if poll_once(wait.as_mut()).is_pending() {
                    atom.swap(|n| n + 1);
                    atom.swap(|n| n + 1);
                    assert_eq!(*block_on(wait), now + 1);
                }
            }
            3 => {
                let seen = atom.load();
                let mut wait = pin!(atom.changed_since(&seen));
                if poll_once(wait.as_mut()).is_pending() {
                    atom.swap(|n| n + 1);
                    block_on(wait);
                }
            }
            4 => {
                let changed = atom.changed();
                let before = atom.version();
                atom.swap(|n| n + 1);
                let change = block_on(changed);
                assert!(Snapshot::version(&change.new) <= before + 1);
            }
            _ => {
                atom.swap(|n| n + 1);
            }
        }
    }
}

/// Who waits for a number that others count up to is woken.
#[test]
fn g2_waits_are_woken_by_whoever_satisfies_them() {
    schedules(|| {
        let atom = Atom::new(0_u64);
        let shared = atom.clone();
        join(threads(4, move |n| {
            if n < 2 {
                count_to_four(&shared);
            } else {
                for _ in 0..2 {
                    shared.swap(|n| n + 1);
                }
            }
        }));
        assert_eq!(atom.version(), 4);
    });
}

/// Each way misses the last commit if it looks, and registers later without looking again.
fn count_to_four(atom: &Atom<u64>) {
    match below(3) {
        0 => {
            let goal = 1 + below(4) as u64;
            assert!(*block_on(atom.wait_for(move |n| *n >= goal)) >= goal);
        }
        1 => {
            let mut snapshots = atom.snapshots();
            while *block_on(snapshots.next()).unwrap() < 4 {}
        }
        _ => {
            let mut seen = atom.load();
            while *seen < 4 {
                seen = block_on(atom.changed_since(&seen));
            }
        }
    }
}
