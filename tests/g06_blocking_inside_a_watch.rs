//! G6: what a watch cannot do is block until a later commit of its own atom.
//! It is told so, instead of hanging.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use atomos::Atom;
use support::{LIMIT, Probe, caught, in_time, once, poll};
use tokio_test::{assert_pending, assert_ready, task};

type Blocking = fn(&Atom<u64>) -> Option<u64>;

/// The outcome of a blocking wait inside a watch of the commit that made it 1.
fn inside_a_watch(wait: Blocking) -> Result<Option<u64>, String> {
    in_time(move || {
        let atom = Atom::new(0);
        let (weak, outcome) = (atom.downgrade(), Arc::new(Mutex::new(None)));
        let slot = outcome.clone();
        atom.add_watch("w", move |_| {
            let atom = weak.upgrade().expect("open");
            *slot.lock().expect("not poisoned") = Some(caught(|| wait(&atom)));
        });
        atom.reset(1);
        atom.remove_watch("w");
        assert_eq!(*atom.reset(2), 2, "the atom goes on");
        let outcome = outcome.lock().expect("not poisoned").take();
        outcome.expect("the watch has run")
    })
}

#[test]
fn g6_a_blocking_wait_inside_a_watch_panics_with_a_clear_message() {
    let text = inside_a_watch(|atom| Some(*atom.blocking_wait_for(|n| *n == 99)));
    let text = text.expect_err("it would hang");
    assert!(
        text.contains("blocking_wait_for") && text.contains("watch"),
        "{text}"
    );
    let of_view: Blocking = |atom| atom.view().blocking_wait_for(|n| *n == 99).ok().map(|n| *n);
    let text = inside_a_watch(of_view).expect_err("it would hang");
    assert!(
        text.contains("blocking_wait_for") && text.contains("watch"),
        "{text}"
    );
}

#[test]
fn g6_a_blocking_wait_inside_a_watch_times_out() {
    let wait: Blocking = |atom| {
        let short = Duration::from_millis(2);
        atom.blocking_wait_for_timeout(|n| *n == 99, short)
            .map(|n| *n)
    };
    assert_eq!(inside_a_watch(wait), Ok(None));
}

#[test]
fn g6_a_blocking_wait_inside_a_watch_returns_what_holds_already() {
    assert_eq!(
        inside_a_watch(|atom| Some(*atom.blocking_wait_for(|n| *n == 1))),
        Ok(Some(1))
    );
    let timed: Blocking = |atom| {
        atom.blocking_wait_for_timeout(|n| *n == 1, LIMIT)
            .map(|n| *n)
    };
    assert_eq!(inside_a_watch(timed), Ok(Some(1)));
    // Committed by the watch itself and not delivered yet: it holds all the same.
    let own: Blocking = |atom| {
        atom.compare_and_set(&1, 5);
        Some(*atom.blocking_wait_for(|n| *n == 5))
    };
    assert_eq!(inside_a_watch(own), Ok(Some(5)));
}

/// An outer frame of the same thread delivers: a nested atom's watch is inside too.
#[test]
fn g6_a_blocking_wait_two_watches_deep_panics_too() {
    in_time(|| {
        let (outer, inner) = (Atom::new(0_u64), Atom::new(0_u64));
        let (waited, written) = (outer.downgrade(), inner.clone());
        inner.add_watch("w", move |_| {
            let outer = waited.upgrade().expect("open");
            outer.blocking_wait_for(|n| *n == 99);
        });
        outer.add_watch("w", move |_| drop(written.reset(1)));
        let text = caught(|| outer.reset(1)).expect_err("it would hang");
        assert!(text.contains("watch"), "{text}");
    });
}

/// Another atom's commits come from elsewhere: waiting for them is allowed.
#[test]
fn g6_a_watch_may_block_on_another_atom() {
    in_time(|| {
        let (atom, other) = (Atom::new(0_u64), Atom::new(0_u64));
        let waited = other.clone();
        atom.add_watch("w", move |_| drop(waited.blocking_wait_for(|n| *n == 1)));
        support::two_threads(|| atom.reset(1), || other.reset(1));
    });
}

/// Not only watches: whatever user code holds up the delivery must not hang.
#[test]
fn g6_a_blocking_wait_inside_other_user_code_does_not_hang() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let waited = atom.clone();
        let mut wait = task::spawn(atom.wait_for(move |n| {
            *n == 1 && caught(|| waited.blocking_wait_for(|n| *n == 99)).is_err()
        }));
        assert_pending!(wait.poll());
        atom.reset(1);
        assert_eq!(*assert_ready!(wait.poll()), 1);

        let (probe, waited) = (Probe::new(), atom.clone());
        probe.on_wake(once(move || {
            assert!(caught(|| waited.blocking_wait_for(|n| *n == 99)).is_err());
        }));
        let mut wait = Box::pin(atom.wait_for(|n| *n == 2));
        assert_pending!(poll(&mut wait, &probe.waker()));
        atom.reset(2);
        assert_eq!(probe.wakes(), 1);
        probe.calm();
    });
}

/// Nor may it hold up those who wait in line, when a turn is handed on by one who leaves.
#[test]
fn g6_a_blocking_wait_inside_the_line_does_not_hang() {
    in_time(|| {
        let (atom, probes) = (Atom::new(0_u64), [Probe::new(), Probe::new(), Probe::new()]);
        let mut waits = probes.each_ref().map(|probe| {
            let mut wait = Box::pin(atom.swap_when(|n| *n == 1, |n| *n));
            assert_pending!(poll(&mut wait, &probe.waker()));
            Some(wait)
        });
        atom.reset(1);
        let never = |atom: &Atom<u64>| drop(atom.blocking_wait_for(|n| *n == 99));
        let short = |atom: &Atom<u64>| {
            let waited = atom.blocking_wait_for_timeout(|n| *n == 99, Duration::from_millis(2));
            assert!(waited.is_none());
        };
        type Blocking = fn(&Atom<u64>);
        let blocking: [(Blocking, bool); 2] = [(never, true), (short, false)];
        for (leaver, (block, panics)) in blocking.into_iter().enumerate() {
            let next = &probes[leaver + 1];
            let waited = atom.clone();
            next.on_wake(move || assert_eq!(caught(|| block(&waited)).is_err(), panics));
            drop(waits[leaver].take());
            assert_eq!(next.wakes(), 1);
            next.calm();
        }
    });
}
