//! A task that is polled again, cancelled or closed while its predicate is evaluated (G2, G8, G9).

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use atomos::Atom;
use loom::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::support::{Probe, crowd, model};

/// A waker that counts, different from every other one.
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    fn has_rung(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }
}

/// G2: a task that is polled with another waker while a deliverer evaluates is woken through
/// that one, or finds the outcome itself. Here the evaluation satisfies the wait.
#[test]
fn a_new_waker_is_woken_by_the_evaluation_under_way() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let (first, second) = (Bell::new(), Bell::new());
        let mut wait = pin!(atom.wait_for(|p| p.get() == 1));
        assert!(first.poll(wait.as_mut()).is_pending());
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        let polled = second.poll(wait.as_mut());
        writing.join().unwrap();
        match polled {
            Poll::Ready(snapshot) => assert_eq!(snapshot.get(), 1),
            Poll::Pending => {
                assert!(second.has_rung());
                assert!(second.poll(wait).is_ready());
            }
        }
    });
}

/// G2: the same where the evaluation under way does not satisfy the wait, but a later one does:
/// a new waker is taken along when the sleeper is laid down.
#[test]
fn a_new_waker_is_woken_by_a_later_evaluation() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let (first, second) = (Bell::new(), Bell::new());
        let mut wait = pin!(atom.wait_for(|p| p.get() == 2));
        assert!(first.poll(wait.as_mut()).is_pending());
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
            writer.reset(Probe::new(2));
        });
        let polled = second.poll(wait.as_mut());
        writing.join().unwrap();
        if polled.is_pending() {
            assert!(second.has_rung());
            assert!(second.poll(wait).is_ready());
        }
    });
}

/// G4: a task that is polled again carries the predicate for a moment: what is delivered
/// meanwhile is judged, also where it is overwritten at once.
#[test]
fn a_poll_in_between_misses_no_state() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let bell = Bell::new();
        let mut wait = pin!(atom.wait_for(|p| p.get() == 1));
        assert!(bell.poll(wait.as_mut()).is_pending());
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
            writer.reset(Probe::new(2));
        });
        let polled = bell.poll(wait.as_mut());
        writing.join().unwrap();
        if polled.is_pending() {
            assert!(bell.has_rung());
            assert!(bell.poll(wait).is_ready());
        }
    });
}

/// G8: when a wait returns, what its predicate captured is gone, whoever has evaluated it.
#[test]
fn a_predicate_dies_before_the_wait_returns() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let captured = loom::sync::Arc::new(());
        let (held, bell) = (captured.clone(), Bell::new());
        let mut wait = pin!(atom.wait_for(move |p| {
            let _ = &held;
            p.get() == 1
        }));
        assert!(bell.poll(wait.as_mut()).is_pending());
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        if bell.poll(wait.as_mut()).is_ready() {
            assert_eq!(loom::sync::Arc::strong_count(&captured), 1);
        }
        writing.join().unwrap();
    });
}

/// G8, G10: a wait that is cancelled while the evaluation satisfies it leaves nothing: the
/// predicate, the waker and the outcome are dropped, whoever has them.
#[test]
fn a_wait_cancelled_while_it_is_satisfied_leaves_nothing() {
    model(3, || {
        let atom = Atom::new(Probe::new(0));
        let captured = loom::sync::Arc::new(());
        let (held, bell) = (captured.clone(), Bell::new());
        let mut wait = Box::pin(atom.wait_for(move |p| {
            let _ = &held;
            p.get() == 1
        }));
        assert!(bell.poll(wait.as_mut()).is_pending());
        // Keeps the record of the wait at the desk from being tidied away by chance.
        let _crowd = crowd(&atom);
        let writer = atom.clone();
        let writing = thread::spawn(move || {
            writer.reset(Probe::new(1));
        });
        drop(wait);
        writing.join().unwrap();
        assert_eq!(loom::sync::Arc::strong_count(&captured), 1);
        assert_eq!(Arc::strong_count(&bell), 1);
    });
}

/// G2, G9: an atom that closes while its last value is evaluated, or while the task is polled
/// again with another waker, wakes it to the end.
#[test]
fn closing_reaches_a_task_that_is_polled_again() {
    model(2, || {
        let atom = Atom::new(Probe::new(0));
        let view = atom.view();
        let (first, second) = (Bell::new(), Bell::new());
        let mut wait = pin!(view.wait_for(|p| p.get() == 9));
        assert!(first.poll(wait.as_mut()).is_pending());
        let writing = thread::spawn(move || {
            atom.reset(Probe::new(1));
            drop(atom);
        });
        let polled = second.poll(wait.as_mut());
        writing.join().unwrap();
        match polled {
            Poll::Ready(answer) => assert!(answer.is_err()),
            Poll::Pending => {
                assert!(second.has_rung());
                assert!(matches!(second.poll(wait), Poll::Ready(Err(_))));
            }
        }
    });
}
