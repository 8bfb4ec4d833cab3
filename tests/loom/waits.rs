//! Registration against commits, and cancelling against waking (G2, G4, G8).

use std::pin::pin;

use atomos::Atom;
use futures::StreamExt;
use loom::{future::block_on, sync::Arc, thread};

use super::support::{Probe, cancel_while_judged, crowd, meanwhile, model, park};

/// G2: a wait that registers while the satisfying commit is made is woken or satisfied.
#[test]
fn a_wait_never_sleeps_past_its_commit() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let writing = meanwhile(&atom, |writer| {
            writer.reset(Probe::new(1));
        });
        assert_eq!(block_on(atom.wait_for(|p| p.get() == 1)).get(), 1);
        writing.join().unwrap();
    });
}

/// G4: a state that is overwritten at once still satisfies a wait polled before.
#[test]
fn a_transient_state_satisfies_a_parked_wait() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let mut wait = pin!(atom.wait_for(|p| p.get() == 1));
        park(wait.as_mut());
        let writing = meanwhile(&atom, |writer| {
            writer.reset(Probe::new(1));
            writer.reset(Probe::new(2));
        });
        assert_eq!(block_on(wait).get(), 1);
        writing.join().unwrap();
    });
}

/// G4: a wait that has more to judge than it judges in one poll lies there behind. Whoever judges
/// next, a writer or the task that is polled again, comes to the older state first.
#[test]
fn a_wait_that_is_behind_ends_with_the_first_state_it_accepts() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let mut catch_up = Some(atom.clone());
        let mut wait = pin!(atom.wait_for(move |p| {
            if let Some(atom) = catch_up.take() {
                (1..=2).for_each(|n| drop(atom.reset(Probe::new(n))));
            }
            p.get() >= 2
        }));
        park(wait.as_mut());
        let writing = meanwhile(&atom, |writer| {
            writer.reset(Probe::new(3));
        });
        assert_eq!(block_on(wait).get(), 2);
        writing.join().unwrap();
    });
}

/// G2: several waiters with different conditions, each woken by its own commit.
#[test]
fn several_waiters_are_all_woken() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let waiting = meanwhile(&atom, |waiter| {
            assert!(block_on(waiter.wait_for(|p| p.get() >= 2)).get() >= 2);
        });
        let writing = meanwhile(&atom, |writer| {
            writer.reset(Probe::new(1));
            writer.reset(Probe::new(2));
        });
        assert!(block_on(atom.wait_for(|p| p.get() >= 1)).get() >= 1);
        writing.join().unwrap();
        waiting.join().unwrap();
    });
}

/// G8: a wait that is cancelled while it is woken leaves nothing, and the other one is served.
#[test]
fn cancelling_while_being_woken() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let mut stays = pin!(atom.wait_for(|p| p.get() == 1));
        let mut goes = Box::pin(atom.wait_for(|p| p.get() == 1));
        park(goes.as_mut());
        park(stays.as_mut());
        let writing = meanwhile(&atom, |writer| {
            writer.reset(Probe::new(1));
        });
        drop(goes);
        assert_eq!(block_on(stays).get(), 1);
        writing.join().unwrap();
    });
}

/// A wait that is never satisfied, cancelled while its predicate is evaluated.
fn cancelled<O>(others: impl Fn(&Atom<Probe>) -> O + Send + Sync + 'static) {
    model(3, move || {
        let atom = Atom::new(Probe::new(0));
        let captured = Arc::new(());
        let held = captured.clone();
        let wait = Box::pin(atom.wait_for(move |p| {
            let _ = &held;
            p.get() == 9
        }));
        cancel_while_judged(&atom, wait, &captured, &others, |writer| {
            writer.reset(Probe::new(1));
        });
    });
}

/// G8: what a predicate captured is dropped once, whoever evaluates it at that moment.
#[test]
fn a_predicate_dies_once() {
    cancelled(|_| ());
}

/// G8: a predicate that is being evaluated while its wait is cancelled is dropped right after, not
/// when the record of the wait is tidied away.
#[test]
fn a_cancelled_predicate_is_dropped_by_its_carrier() {
    cancelled(crowd);
}

/// G3: a stream made between commits gets exactly what follows, from two writers.
#[test]
fn a_stream_has_no_gap() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let writing = meanwhile(&atom, |writer| {
            writer.swap(|p| Probe::new(p.get() + 1));
            writer.swap(|p| Probe::new(p.get() + 1));
        });
        let mut changes = atom.changes();
        atom.swap(|p| Probe::new(p.get() + 1));
        writing.join().unwrap();
        drop(atom);
        let mut last = None;
        while let Some(change) = block_on(changes.next()) {
            assert_eq!(change.old.get() + 1, change.new.get());
            assert!(last.is_none_or(|last| last == change.old.get()));
            last = Some(change.new.get());
        }
        assert_eq!(last, Some(3));
    });
}

/// G2: the conflating stream always comes to the last state.
#[test]
fn snapshots_come_to_the_last_state() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let mut snapshots = atom.snapshots();
        let writing = thread::spawn(move || {
            atom.reset(Probe::new(1));
            atom.reset(Probe::new(2));
        });
        let mut last = 0;
        while let Some(snapshot) = block_on(snapshots.next()) {
            last = snapshot.get();
        }
        assert_eq!(last, 2);
        writing.join().unwrap();
    });
}
