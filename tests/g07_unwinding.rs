//! G7: nothing aborts while unwinding. Each test runs in a process of its own,
//! so that an abort fails that test alone.
#![cfg(not(loom))]

mod support;

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::thread;

use atomos::{Atom, Atomic};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use support::{Hooked, OnDrop, Probe, caught, in_child, poll};
use tokio_test::{assert_pending, assert_ready, task};

fn bomb() {
    panic!("bomb");
}

/// Runs `f` in a destructor, while a panic unwinds; that panic must go on alone.
fn while_unwinding(f: impl FnMut()) {
    let result = caught(|| {
        let _guard = OnDrop(f);
        panic!("first");
    });
    assert_eq!(result.err().as_deref(), Some("first"));
}

#[test]
fn g7_a_write_while_unwinding_survives_a_panicking_watch() {
    in_child(
        "g7_a_write_while_unwinding_survives_a_panicking_watch",
        || {
            let (atom, calls) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
            let called = calls.clone();
            atom.add_watch("bomb", |_| bomb()).add_watch("w", move |_| {
                called.fetch_add(1, Ordering::SeqCst);
            });
            while_unwinding(|| drop(atom.reset(1)));
            assert_eq!((*atom.load(), calls.load(Ordering::SeqCst)), (1, 1));
            assert!(
                caught(|| atom.reset(2)).is_err(),
                "not unwinding: it resumes"
            );
        },
    );
}

#[test]
fn g7_a_write_while_unwinding_survives_a_panicking_waker() {
    in_child(
        "g7_a_write_while_unwinding_survives_a_panicking_waker",
        || {
            let (atom, broken) = (Atom::new(0_u64), Probe::new());
            broken.on_wake(bomb);
            let mut wait = Box::pin(atom.wait_for(|n| *n == 1));
            let mut sound = task::spawn(atom.wait_for(|n| *n == 1));
            assert_pending!(poll(&mut wait, &broken.waker()));
            assert_pending!(sound.poll());
            while_unwinding(|| drop(atom.reset(1)));
            assert!(sound.is_woken());
        },
    );
}

#[test]
fn g7_a_write_while_unwinding_survives_a_panicking_destructor() {
    in_child(
        "g7_a_write_while_unwinding_survives_a_panicking_destructor",
        || {
            let atom = Atom::new(Hooked::new(0, bomb));
            let mut wait = task::spawn(atom.wait_for(|value| value.number == 1));
            assert_pending!(wait.poll());
            while_unwinding(|| drop(atom.reset(Hooked::plain(1))));
            assert!(wait.is_woken());
            assert_eq!(assert_ready!(wait.poll()).number, 1);
        },
    );
}

#[test]
fn g7_a_write_while_unwinding_survives_a_panicking_predicate() {
    in_child(
        "g7_a_write_while_unwinding_survives_a_panicking_predicate",
        || {
            let atom = Atom::new(0_u64);
            let mut wait = task::spawn(atom.wait_for(|n| *n == 1 && panic!("bomb")));
            assert_pending!(wait.poll());
            while_unwinding(|| drop(atom.reset(1)));
            assert!(
                caught(|| wait.poll().is_ready()).is_err(),
                "it is the task's"
            );
        },
    );
}

#[test]
fn g7_closing_while_unwinding_survives_panicking_destructors_and_wakers() {
    let name = "g7_closing_while_unwinding_survives_panicking_destructors_and_wakers";
    in_child(name, || {
        let atom = Atom::new(0_u64);
        let (dropped, broken) = (OnDrop(bomb), Probe::new());
        atom.add_watch("w", move |_| {
            let _ = &dropped;
        });
        broken.on_wake(bomb);
        let (mut one, mut two) = (atom.changes(), task::spawn(atom.changes()));
        assert_pending!(poll(&mut one.next(), &broken.waker()));
        assert_pending!(two.poll_next());
        let mut last = Some(atom);
        while_unwinding(|| drop(last.take()));
        assert!(two.is_woken());
        assert!(one.next().now_or_never().expect("closed").is_none());
    });
}

/// What a mapped wait found, and nobody has fetched, goes with the wait.
#[test]
fn g7_a_mapped_wait_dropped_while_unwinding_survives_the_destructor_of_what_it_found() {
    let name = "g7_a_mapped_wait_dropped_while_unwinding_survives_the_destructor_of_what_it_found";
    in_child(name, || {
        let atom = Atom::new(0_u64);
        let mut wait = Some(task::spawn(
            atom.wait_map(|n| (*n == 1).then(|| OnDrop(bomb))),
        ));
        assert!(wait.as_mut().expect("there").poll().is_pending());
        atom.reset(1);
        while_unwinding(|| drop(wait.take()));
    });
}

/// The last value's destructor, dropped with its atom by the unwinding itself.
#[test]
fn g7_an_atom_dropped_by_unwinding_survives_its_values_destructor() {
    in_child(
        "g7_an_atom_dropped_by_unwinding_survives_its_values_destructor",
        || {
            let mut last = Some(Atom::new(Hooked::new(0, bomb)));
            while_unwinding(|| drop(last.take()));
            let snapshot = Atom::new(Hooked::new(0, bomb)).load();
            let mut last = Some(snapshot);
            while_unwinding(|| drop(last.take()));
        },
    );
}

#[test]
fn g7_a_wait_cancelled_by_unwinding_survives_its_wakers_drop() {
    in_child(
        "g7_a_wait_cancelled_by_unwinding_survives_its_wakers_drop",
        || {
            let (atom, broken) = (Atom::new(0_u64), Probe::new());
            let waker = broken.waker();
            let mut wait = Some(Box::pin(atom.wait_for(|n| *n == 1)));
            assert_pending!(poll(wait.as_mut().expect("made"), &waker));
            broken.on_drop(bomb);
            while_unwinding(|| drop(wait.take()));
            broken.calm();
            assert_eq!(*atom.reset(1), 1);
        },
    );
}

#[test]
fn g7_a_turn_handed_on_while_unwinding_survives_a_panicking_waker() {
    in_child(
        "g7_a_turn_handed_on_while_unwinding_survives_a_panicking_waker",
        || {
            let (atom, broken) = (Atom::new(0_u64), Probe::new());
            broken.on_wake(bomb);
            let mut first = task::spawn(Box::pin(atom.swap_when(|n| *n == 1, |n| *n)));
            let mut second = Box::pin(atom.swap_when(|n| *n == 1, |_| 5));
            assert_pending!(first.poll());
            assert_pending!(poll(&mut second, &broken.waker()));
            atom.reset(1);
            let mut first = Some(first);
            while_unwinding(|| drop(first.take()));
            assert_eq!(broken.wakes(), 1);
            assert_eq!(*assert_ready!(poll(&mut second, &Probe::new().waker())), 5);
        },
    );
}

/// Watch, waker, predicate's state and value, all in one commit.
#[test]
fn g7_many_panics_in_one_commit_resume_as_one() {
    in_child("g7_many_panics_in_one_commit_resume_as_one", || {
        let (atom, broken) = (Atom::new(Hooked::new(0, bomb)), Probe::new());
        broken.on_wake(bomb);
        atom.add_watch("one", |_| bomb())
            .add_watch("two", |_| bomb());
        let dropped = OnDrop(bomb);
        let mut waits: [BoxFuture<'_, ()>; 2] = [
            Box::pin(atom.wait_for(|value| value.number == 1).map(drop)),
            Box::pin(atom.wait_map(move |_| {
                let _ = &dropped;
                None
            })),
        ];
        for wait in &mut waits {
            assert_pending!(poll(wait, &broken.waker()));
        }
        let mut sound = task::spawn(atom.wait_for(|value| value.number == 1));
        assert_pending!(sound.poll());
        assert_eq!(
            caught(|| atom.reset(Hooked::plain(1))).err().as_deref(),
            Some("bomb")
        );
        assert!(sound.is_woken());
        atom.remove_watch("one");
        atom.remove_watch("two");
        broken.calm();
        let [_, second] = waits;
        assert!(
            caught(|| drop(second)).is_err(),
            "the state that panics when dropped"
        );
        assert_eq!(atom.reset(Hooked::plain(2)).number, 2);
    });
}

/// Of two payloads one resumes; dropping the other must not abort either.
#[test]
fn g7_a_payload_that_panics_when_dropped_does_not_abort() {
    in_child(
        "g7_a_payload_that_panics_when_dropped_does_not_abort",
        || {
            let atom = Atom::new(0_u64);
            for key in 0..2_u64 {
                atom.add_watch(key, |_| panic::panic_any(OnDrop(bomb)));
            }
            let result = catch_unwind(AssertUnwindSafe(|| atom.reset(1)));
            std::mem::forget(result.expect_err("both watches panicked"));
            assert_eq!(*atom.load(), 1);
        },
    );
}

/// More than one destructor panics in a row: watches that go with their atom.
#[test]
fn g7_closing_survives_many_panicking_destructors_of_watches() {
    let name = "g7_closing_survives_many_panicking_destructors_of_watches";
    in_child(name, || {
        let (atom, gone) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
        for key in 0..3_u64 {
            let gone = gone.clone();
            let dropped = OnDrop(move || {
                gone.fetch_add(1, Ordering::SeqCst);
                panic!("bomb");
            });
            atom.add_watch(key, move |_| {
                let _ = &dropped;
            });
        }
        assert!(caught(|| drop(atom)).is_err());
        assert_eq!(gone.load(Ordering::SeqCst), 3);
    });
}

/// The same with the values of a backlog, of a change, and of a lag.
#[test]
fn g7_dropping_many_values_survives_their_panicking_destructors() {
    let name = "g7_dropping_many_values_survives_their_panicking_destructors";
    in_child(name, || {
        let gone = Arc::new(AtomicUsize::new(0));
        let value = |n| {
            let gone = gone.clone();
            Hooked::new(n, move || {
                gone.fetch_add(1, Ordering::SeqCst);
                panic!("bomb");
            })
        };
        let atom = Atom::new(value(0));
        let changes = atom.changes();
        (1..=5).for_each(|n| drop(atom.reset(value(n))));
        assert!(caught(|| drop(changes)).is_err());
        assert_eq!(gone.load(Ordering::SeqCst), 5);

        let change = atom.reset_vals(value(6));
        drop(caught(|| atom.reset(value(7))));
        assert!(caught(|| drop(change)).is_err());
        assert_eq!(gone.load(Ordering::SeqCst), 7);

        let bounded = atom.changes_bounded(1);
        for n in 8..=10 {
            // The first of them lags behind nothing yet.
            drop(caught(|| atom.reset(value(n))));
        }
        assert_eq!(gone.load(Ordering::SeqCst), 9);
        assert!(caught(|| drop(bounded)).is_err());
        assert!(caught(|| drop(atom)).is_err());
        assert_eq!(gone.load(Ordering::SeqCst), 11);
    });
}

/// The newcomer brings a turn to another one, whose waker panics; so its first poll panics, and what
/// it would have been woken by is dropped then.
#[test]
fn g7_a_waker_is_dropped_while_the_poll_that_cloned_it_unwinds() {
    in_child(
        "g7_a_waker_is_dropped_while_the_poll_that_cloned_it_unwinds",
        || {
            let (atom, is_open) = (Atom::new(0_u64), Arc::new(AtomicUsize::new(0)));
            let (other, newcomer) = (Probe::new(), Probe::new());
            let opened = is_open.clone();
            let mut first =
                Box::pin(atom.swap_when(move |_| opened.load(Ordering::SeqCst) == 1, |n| n + 1));
            assert_pending!(poll(&mut first, &other.waker()));
            other.on_wake(bomb);
            is_open.store(1, Ordering::SeqCst);

            let waker = newcomer.waker();
            newcomer.on_drop(bomb);
            let mut second = Box::pin(atom.swap_when(|_| true, |n| n + 10));
            let polled = caught(|| poll(&mut second, &waker).is_ready());
            assert_eq!(polled.err().as_deref(), Some("bomb"));
            for probe in [&other, &newcomer] {
                probe.calm();
            }
            assert_eq!(*assert_ready!(poll(&mut first, &other.waker())), 1);
            assert_eq!(*assert_ready!(poll(&mut second, &waker)), 11);
        },
    );
}

/// A panic that is told to nobody, because there is another one, may have a destructor.
#[test]
fn g7_a_closure_panics_and_what_it_leaves_has_a_payload_that_panics_when_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            bomb();
        }
    }
    in_child(
        "g7_a_closure_panics_and_what_it_leaves_has_a_payload_that_panics_when_dropped",
        || {
            let atom = Atom::new(0_u64);
            let captured = OnDrop(|| panic::panic_any(Bomb));
            let mut wait = Box::pin(atom.swap_when(
                move |n| {
                    let _ = &captured;
                    *n == 1
                },
                |_| panic!("update"),
            ));
            let waker = Probe::new().waker();
            assert_pending!(poll(&mut wait, &waker));
            atom.reset(1);
            let polled = caught(|| poll(&mut wait, &waker).is_ready());
            assert_eq!(polled.err().as_deref(), Some("update"));
        },
    );
}

/// The last state of an atom that has closed is judged like any other.
#[test]
fn g7_a_predicate_that_judges_the_last_state_panics_and_so_does_what_it_captured() {
    in_child(
        "g7_a_predicate_that_judges_the_last_state_panics_and_so_does_what_it_captured",
        || {
            let atom = Atom::new(7_u64);
            let view = atom.view();
            drop(atom);
            let captured = OnDrop(bomb as fn());
            let mut wait = Box::pin(view.wait_for(move |_| {
                let _ = &captured;
                panic!("first")
            }));
            let polled = caught(|| poll(&mut wait, Waker::noop()).is_ready());
            assert_eq!(polled.err().as_deref(), Some("first"));
            // An answer is not lost with it.
            let captured = OnDrop(bomb as fn());
            let mut wait = Box::pin(view.wait_for(move |value| {
                let _ = &captured;
                *value == 7
            }));
            assert_eq!(*assert_ready!(poll(&mut wait, Waker::noop())).unwrap(), 7);
        },
    );
}

/// What is found for a mapped wait after that has begun to leave.
#[test]
fn g7_a_mapped_wait_dropped_while_unwinding_survives_what_is_found_meanwhile() {
    in_child(
        "g7_a_mapped_wait_dropped_while_unwinding_survives_what_is_found_meanwhile",
        || {
            let cell = Arc::new(Atomic::new(0_u64));
            let (enter, entered) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let find = move |value| {
                if value == 0 {
                    return None;
                }
                enter.send(()).unwrap();
                released.recv().unwrap();
                Some(OnDrop(bomb as fn()))
            };
            let waited_for = cell.clone();
            let mut wait = Box::pin(async move { waited_for.wait_map(find).await });
            assert!(poll(&mut wait, Waker::noop()).is_pending());
            let writing = thread::spawn(move || cell.set(1));
            entered.recv().unwrap();
            // Its waker is left for the writer, and dropped when the wait leaves.
            let probe = Probe::new();
            assert!(poll(&mut wait, &probe.waker()).is_pending());
            let writing = Mutex::new(Some(writing));
            probe.on_drop(move || {
                let writing = writing.lock().unwrap().take();
                if let Some(writing) = writing {
                    release.send(()).unwrap();
                    writing.join().unwrap();
                }
            });
            let left = caught(|| {
                let _wait = wait;
                panic!("first");
            });
            assert_eq!(left.err().as_deref(), Some("first"));
        },
    );
}

#[test]
fn g7_a_comparison_panics_and_so_does_what_was_to_be_committed() {
    struct Incomparable(Option<OnDrop<fn()>>);
    impl PartialEq for Incomparable {
        fn eq(&self, _: &Self) -> bool {
            panic!("first")
        }
    }
    in_child(
        "g7_a_comparison_panics_and_so_does_what_was_to_be_committed",
        || {
            let atom = Atom::new(Incomparable(None));
            let new = Incomparable(Some(OnDrop(bomb)));
            let compared = caught(|| atom.compare_and_set(&Incomparable(None), new));
            assert_eq!(compared.err().as_deref(), Some("first"));
            assert!(atom.load().0.is_none());
        },
    );
}
