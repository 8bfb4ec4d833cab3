//! The line of `swap_when`: turns are used or handed on (G5, G8).

use std::{future::Future, pin::pin, task::Poll};

use atomos::Atom;
use loom::{future::block_on, sync::Arc};

use super::support::{cancel_while_judged, crowd, meanwhile, model, park, poll_once};

async fn acquire(permits: &Atom<usize>) {
    permits.swap_when(|n| *n > 0, |n| n - 1).await;
}

/// Two tasks, two permits that come one after the other: both are served.
#[test]
fn every_permit_finds_a_waiter() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let waiting = meanwhile(&permits, |other| block_on(acquire(other)));
        permits.swap(|n| n + 1);
        permits.swap(|n| n + 1);
        block_on(acquire(&permits));
        waiting.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// A wait that is cancelled while the turn is being given hands it on.
#[test]
fn a_cancelled_turn_is_handed_on() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut first = Box::pin(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        park(first.as_mut());
        park(second.as_mut());
        let writing = meanwhile(&permits, |writer| {
            writer.swap(|n| n + 1);
        });
        drop(first);
        block_on(second);
        writing.join().unwrap();
    });
}

/// A plain write takes away what a turn was given for: the loser waits on, and is served later.
#[test]
fn a_lost_turn_comes_back() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let stealing = meanwhile(&permits, |thief| {
            thief.swap(|n| n + 1);
            let stolen = thief.swap_if(|n| n.checked_sub(1)).is_some();
            if stolen {
                thief.swap(|n| n + 1);
            }
        });
        block_on(acquire(&permits));
        stealing.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// A newcomer queues behind a turn that is out, and is served after it.
#[test]
fn a_newcomer_is_served_after_the_turn() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut first = pin!(acquire(&permits));
        park(first.as_mut());
        permits.reset(2);
        let newcomer = meanwhile(&permits, |other| block_on(acquire(other)));
        match poll_once(first.as_mut()) {
            Poll::Ready(()) => {}
            Poll::Pending => panic!("the first in line has a turn and the condition holds"),
        }
        newcomer.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// The commit is made in the poll that returns, so that cancelling before commits nothing.
#[test]
fn cancelling_commits_nothing() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut wait = Box::pin(acquire(&permits));
        park(wait.as_mut());
        let writing = meanwhile(&permits, |writer| {
            writer.swap(|n| n + 1);
        });
        let served = poll_once(wait.as_mut()).is_ready();
        drop(wait);
        writing.join().unwrap();
        assert_eq!(permits.with(|n| *n), usize::from(!served));
    });
}

/// A newcomer whose condition came to hold while a deliverer was under way: its knock is
/// answered on a state that it has seen, not on the one that the deliverer had loaded before.
#[test]
fn a_knock_is_answered_on_a_state_as_new_as_the_newcomer() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut never = pin!(permits.swap_when(|n| *n > 9, |n| *n));
        park(never.as_mut());
        let joining = meanwhile(&permits, |other| {
            other.swap(|n| n + 1);
            block_on(acquire(other));
        });
        permits.swap(|n| *n);
        joining.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// G5: a newcomer waits behind a turn that is out, although its own condition holds.
#[test]
fn a_newcomer_does_not_overtake_a_turn() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut first = pin!(acquire(&permits));
        park(first.as_mut());
        permits.reset(1);
        let newcomer = meanwhile(&permits, |other| block_on(acquire(other)));
        assert!(poll_once(first.as_mut()).is_ready());
        permits.swap(|n| n + 1);
        newcomer.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// A turn that nobody takes when it is handed back is not out any more: the next
/// newcomer's knock is answered.
#[test]
fn a_turn_handed_back_to_nobody_is_forgotten() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut never = pin!(permits.swap_when(|n| *n > 9, |n| *n));
        let mut leaves = Box::pin(acquire(&permits));
        park(never.as_mut());
        park(leaves.as_mut());
        let writing = meanwhile(&permits, |writer| {
            writer.swap(|n| n + 1);
        });
        drop(leaves);
        writing.join().unwrap();
        assert!(poll_once(pin!(acquire(&permits))).is_ready());
    });
}

/// As `a_cancelled_turn_is_handed_on`, but nothing else calls the deliverer.
#[test]
fn a_cancelled_turn_is_handed_on_by_its_own_call() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut first = Box::pin(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        park(first.as_mut());
        park(second.as_mut());
        let _crowd = crowd(&permits);
        let writing = meanwhile(&permits, |writer| {
            writer.swap(|n| n + 1);
        });
        drop(first);
        writing.join().unwrap();
        assert!(poll_once(second.as_mut()).is_ready());
    });
}

/// A turn that is lost is handed to the next whose condition holds, by the loser's own call.
#[test]
fn a_lost_turn_goes_to_the_next() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut three = pin!(permits.swap_when(|n| *n > 2, |n| n - 3));
        let mut first = pin!(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        park(three.as_mut());
        park(first.as_mut());
        park(second.as_mut());
        permits.reset(3);
        let stealing = meanwhile(&permits, |thief| {
            thief.reset(2);
        });
        if poll_once(three.as_mut()).is_ready() {
            return stealing.join().unwrap();
        }
        stealing.join().unwrap();
        // The theft was a commit, which gave a turn to one; what was lost goes to the other.
        assert!(poll_once(second.as_mut()).is_ready());
        assert!(poll_once(first.as_mut()).is_ready());
    });
}

/// A newcomer that knocks between the commit of a turn and its end is served by the
/// delivery of that commit, which finds the turn ended.
#[test]
fn a_knock_outlasts_the_turn() {
    model(1, || {
        let permits = Atom::new(0_usize);
        let mut first = pin!(acquire(&permits));
        park(first.as_mut());
        let _crowd = crowd(&permits);
        permits.reset(2);
        let newcomer = meanwhile(&permits, |other| block_on(acquire(other)));
        assert!(poll_once(first.as_mut()).is_ready());
        newcomer.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// G8: what a wait in line holds is dropped with it, be its predicate in use or not.
#[test]
fn a_cancelled_place_drops_its_predicate() {
    model(3, || {
        let permits = Atom::new(0_usize);
        let captured = Arc::new(());
        let held = captured.clone();
        let holds = move |n: &usize| {
            let _ = &held;
            *n > 9
        };
        let wait = Box::pin(permits.swap_when(holds, |n| *n));
        cancel_while_judged(&permits, wait, &captured, crowd, |writer| {
            writer.swap(|n| n + 1);
        });
    });
}

/// A knock that stands already is not answered in the name of a newcomer who has just repeated
/// it, and whom the deliverer does not see yet.
#[test]
fn a_knock_is_not_wiped_out() {
    model(3, || {
        let atom = Atom::new(0_usize);
        let mut holder = Box::pin(atom.swap_when(|n| *n >= 1, |_| 3));
        park(holder.as_mut());
        atom.reset(1); // the holder's turn is out
        let mut stale = Box::pin(atom.swap_when(|n| *n == 1, |_| 9));
        park(stale.as_mut()); // its knock stands
        atom.reset(2);
        let newcomer = meanwhile(&atom, |other| {
            block_on(other.swap_when(|n| *n >= 2, |n| n + 10));
        });
        assert!(poll_once(holder.as_mut()).is_ready());
        newcomer.join().unwrap();
        assert_eq!(atom.with(|n| *n), 13);
    });
}

/// A newcomer that knocks while a turn is out, of which the commit has been told by another
/// writer: who ends that turn answers.
#[test]
fn a_knock_is_answered_by_the_end_of_a_turn_whose_commit_was_told() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let mut first = pin!(acquire(&permits));
        park(first.as_mut());
        permits.reset(1);
        let joining = meanwhile(&permits, |other| {
            other.swap(|n| n + 1);
            block_on(acquire(other));
        });
        assert!(poll_once(first.as_mut()).is_ready());
        joining.join().unwrap();
        assert_eq!(permits.with(|n| *n), 0);
    });
}

/// Compiles only if the wait is a future like any other.
#[allow(dead_code)]
fn is_future(permits: &Atom<usize>) -> impl Future<Output = ()> + '_ {
    acquire(permits)
}
