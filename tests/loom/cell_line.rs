//! The line of `update_when`: the turns of a cell, whose values are left, not linked (G5, G8).

use std::{future::Future, pin::Pin, pin::pin, sync::Arc};

use atomos::{Atomic, AtomicU64};
use loom::{future::block_on, thread};

use super::support::{model, poll_once};

fn permits() -> Arc<AtomicU64> {
    Arc::new(Atomic::new(0))
}

async fn acquire(permits: &AtomicU64) {
    permits.update_when(|n| n > 0, |n| n - 1).await;
}

/// So many parked waits that one who leaves does not make the desk be tidied by that alone.
fn crowd(permits: &AtomicU64) -> [Pin<Box<dyn Future<Output = u64> + '_>>; 4] {
    let bystander = || -> Pin<Box<dyn Future<Output = u64> + '_>> {
        let mut wait = Box::pin(permits.wait_for(|n| n > 99));
        assert!(poll_once(wait.as_mut()).is_pending());
        wait
    };
    let first = bystander();
    let crowd = [0; 4].map(|_| bystander());
    // Taken over, then tidied and counted.
    permits.set(permits.get());
    drop(first);
    permits.set(permits.get());
    crowd
}

/// Two tasks, two permits: both are served.
#[test]
fn every_permit_finds_a_waiter() {
    model(2, || {
        let permits = permits();
        let other = permits.clone();
        let waiting = thread::spawn(move || block_on(acquire(&other)));
        permits.increment_and_get();
        permits.increment_and_get();
        block_on(acquire(&permits));
        waiting.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}

/// Two in line, two releases at once, of two threads: both have a turn.
#[test]
fn two_releases_serve_two() {
    model(2, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let release = || {
            let permits = permits.clone();
            thread::spawn(move || permits.increment_and_get())
        };
        for releasing in [release(), release()] {
            releasing.join().unwrap();
        }
        assert!(poll_once(second.as_mut()).is_ready());
        assert!(poll_once(first.as_mut()).is_ready());
        assert_eq!(permits.get(), 0);
    });
}

/// As above, and the second one joins only now.
#[test]
fn two_releases_serve_one_in_line_and_a_newcomer() {
    model(2, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        let (joining, releaser) = (permits.clone(), permits.clone());
        let joining = thread::spawn(move || {
            let mut wait = Box::pin(async move { acquire(&joining).await });
            let served = poll_once(wait.as_mut()).is_ready();
            (wait, served)
        });
        let releasing = thread::spawn(move || {
            releaser.increment_and_get();
            releaser.increment_and_get();
        });
        let served = poll_once(first.as_mut()).is_ready();
        let (mut second, second_served) = joining.join().unwrap();
        releasing.join().unwrap();
        assert!(served || poll_once(first.as_mut()).is_ready());
        assert!(second_served || poll_once(second.as_mut()).is_ready());
        assert_eq!(permits.get(), 0);
    });
}

/// A wait that is cancelled while the turn is being given hands it on.
#[test]
fn a_cancelled_turn_is_handed_on() {
    model(2, || {
        let permits = permits();
        let mut first = Box::pin(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let releaser = permits.clone();
        let releasing = thread::spawn(move || releaser.increment_and_get());
        drop(first);
        block_on(second);
        releasing.join().unwrap();
    });
}

/// As above, and nothing else calls the deliverer.
#[test]
fn a_cancelled_turn_is_handed_on_by_its_own_call() {
    model(2, || {
        let permits = permits();
        let mut first = Box::pin(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let _crowd = crowd(&permits);
        let releaser = permits.clone();
        let releasing = thread::spawn(move || releaser.increment_and_get());
        drop(first);
        releasing.join().unwrap();
        assert!(poll_once(second.as_mut()).is_ready());
    });
}

/// A newcomer and a release: the newcomer finds the permit, or the release finds it.
#[test]
fn a_newcomer_against_a_release() {
    model(3, || {
        let permits = permits();
        let _crowd = crowd(&permits);
        let releaser = permits.clone();
        let releasing = thread::spawn(move || releaser.increment_and_get());
        block_on(acquire(&permits));
        releasing.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}

/// The same behind one whose condition does not hold, so that it cannot try at once.
#[test]
fn a_newcomer_in_line_against_a_release() {
    model(2, || {
        let permits = permits();
        let mut never = pin!(permits.update_when(|n| n > 9, |n| n));
        assert!(poll_once(never.as_mut()).is_pending());
        let releaser = permits.clone();
        let releasing = thread::spawn(move || releaser.increment_and_get());
        block_on(acquire(&permits));
        releasing.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}

/// A newcomer that knocks between the commit of a turn and its end is served nevertheless.
#[test]
fn a_knock_outlasts_the_turn() {
    model(2, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        let _crowd = crowd(&permits);
        permits.set(2);
        let other = permits.clone();
        let newcomer = thread::spawn(move || block_on(acquire(&other)));
        assert!(poll_once(first.as_mut()).is_ready());
        newcomer.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}

/// A plain write takes away what a turn was given for: the loser waits on, and is served later.
#[test]
fn a_lost_turn_comes_back() {
    model(2, || {
        let permits = permits();
        let thief = permits.clone();
        let stealing = thread::spawn(move || {
            thief.increment_and_get();
            if thief.update_if(|n| n.checked_sub(1)).is_ok() {
                thief.increment_and_get();
            }
        });
        block_on(acquire(&permits));
        stealing.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}
