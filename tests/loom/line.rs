//! The line of `swap_when`: turns are used or handed on (G5, G8).

use std::{future::Future, pin::pin, task::Poll};

use atomos::Atom;
use loom::{future::block_on, thread};

use super::support::{model, poll_once};

async fn acquire(permits: &Atom<usize>) {
    permits.swap_when(|n| *n > 0, |n| n - 1).await;
}

/// Two tasks, two permits that come one after the other: both are served.
#[test]
fn every_permit_finds_a_waiter() {
    model(2, || {
        let permits = Atom::new(0_usize);
        let other = permits.clone();
        let waiting = thread::spawn(move || block_on(acquire(&other)));
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
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let writer = permits.clone();
        let writing = thread::spawn(move || {
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
        let thief = permits.clone();
        let stealing = thread::spawn(move || {
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
        assert!(poll_once(first.as_mut()).is_pending());
        permits.reset(2);
        let other = permits.clone();
        let newcomer = thread::spawn(move || block_on(acquire(&other)));
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
        assert!(poll_once(wait.as_mut()).is_pending());
        let writer = permits.clone();
        let writing = thread::spawn(move || {
            writer.swap(|n| n + 1);
        });
        let served = poll_once(wait.as_mut()).is_ready();
        drop(wait);
        writing.join().unwrap();
        assert_eq!(permits.with(|n| *n), usize::from(!served));
    });
}

/// Compiles only if the wait is a future like any other.
#[allow(dead_code)]
fn is_future(permits: &Atom<usize>) -> impl Future<Output = ()> + '_ {
    acquire(permits)
}
