//! The defect that most peers have had: a commit between the check and the
//! registration, or between the registration and the park, is lost (G2, G4).
//! Code inside `Waker::clone` runs exactly there.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use atomos::Atom;
use support::{Boxed, Probe, Wait, every_wait, in_time, once, poll};
use tokio_test::assert_pending;

/// The answer of a wait into whose first or second poll `commit` was slipped.
fn answer(wait: &mut Boxed<u64>, probe: &Arc<Probe>, name: &str) -> u64 {
    match poll(wait, &probe.waker()) {
        Poll::Ready(seen) => seen,
        Poll::Pending => {
            assert!(probe.wakes() > 0, "{name} sleeps past the commit");
            match poll(wait, &probe.waker()) {
                Poll::Ready(seen) => seen,
                Poll::Pending => panic!("{name} was woken for nothing"),
            }
        }
    }
}

type Commit = fn(&Atom<u64>);

const PLAIN: Commit = |atom| drop(atom.reset(1));

const TRANSIENT: Commit = |atom| {
    atom.reset(1);
    atom.reset(2);
};

/// Commits inside `Waker::clone`, in the first poll or in a later one.
fn slipped_into_clone(commit: Commit, expected: fn(&Wait) -> u64, later: bool) {
    for wait in every_wait() {
        let (atom, probe) = (Atom::new(0), Probe::new());
        let mut future = (wait.start)(&atom);
        if later {
            assert_pending!(poll(&mut future, &Probe::new().waker()));
        }
        let writer = atom.clone();
        probe.on_clone(once(move || commit(&writer)));
        assert_eq!(
            answer(&mut future, &probe, wait.name),
            expected(&wait),
            "{}",
            wait.name
        );
        assert_ne!(*atom.load(), 0, "{}: the hook has not run", wait.name);
        probe.calm();
    }
}

/// G2: between the check and the registration, of every wait and stream.
#[test]
fn futures_signals_loses_a_wake_up_between_check_and_register() {
    in_time(|| slipped_into_clone(PLAIN, |_| 1, false));
}

/// G2: between the check and the registration of another waker.
#[test]
fn futures_signals_loses_a_wake_up_while_the_waker_is_replaced() {
    in_time(|| slipped_into_clone(PLAIN, |_| 1, true));
}

/// G4: a state that came and went between the check and the registration.
#[test]
fn futures_signals_loses_a_transient_state_between_check_and_register() {
    in_time(|| slipped_into_clone(TRANSIENT, |wait| if wait.lossless { 1 } else { 2 }, false));
}

/// G4: a state that came and went while the waker was replaced.
#[test]
fn futures_signals_loses_a_transient_state_while_the_waker_is_replaced() {
    in_time(|| slipped_into_clone(TRANSIENT, |wait| if wait.lossless { 1 } else { 2 }, true));
}

/// G4: a state that came and went inside the first evaluation of each predicate.
#[test]
fn see_loses_a_transient_state_inside_the_first_evaluation() {
    in_time(|| {
        for kind in 0..5 {
            let atom = Atom::new(0);
            let writer = atom.clone();
            let slip = once(move || TRANSIENT(&writer));
            let mut wait = slipped(&atom, kind, slip);
            let expected = if kind == 2 { 2 } else { 1 };
            assert_eq!(
                answer(&mut wait, &Probe::new(), "kind"),
                expected,
                "kind {kind}"
            );
        }
    });
}

/// Each wait that takes a predicate, with a hook that runs in it.
fn slipped(atom: &Atom<u64>, kind: usize, slip: impl Fn() + Send + Sync + 'static) -> Boxed<u64> {
    let (atom, view) = (atom.clone(), atom.view());
    let is_one = move |n: &u64| {
        slip();
        *n == 1
    };
    match kind {
        0 => Box::pin(async move { *atom.wait_for(is_one).await }),
        1 => Box::pin(async move { atom.wait_map(move |n| is_one(n).then_some(*n)).await }),
        // Its state is gone when its turn comes: it waits for "at least".
        2 => Box::pin(async move { *atom.swap_when(move |n| is_one(n) || *n > 1, |n| *n).await }),
        3 => Box::pin(async move { *view.wait_for(is_one).await.expect("open") }),
        _ => Box::pin(async move {
            let found = view.wait_map(move |n| is_one(n).then_some(*n)).await;
            found.expect("open")
        }),
    }
}

/// G2: a blocking wait, hooked in the predicate's first evaluation.
#[test]
fn a_blocking_wait_checks_again_after_it_has_registered() {
    in_time(|| {
        for _ in 0..100 {
            let atom = Atom::new(0);
            let slip = once({
                let atom = atom.clone();
                move || TRANSIENT(&atom)
            });
            let seen = atom.blocking_wait_for_timeout(
                |n| {
                    slip();
                    *n == 1
                },
                Duration::from_secs(5),
            );
            assert_eq!(*seen.expect("not missed"), 1);
        }
    });
}
