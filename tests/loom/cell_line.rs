//! The line of `update_when`: the turns of a cell, whose values are left, not linked (G5, G8).

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake},
};

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

/// G5: a newcomer waits behind a turn that is out, although its own condition holds.
#[test]
fn a_newcomer_does_not_overtake_a_turn() {
    model(2, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        permits.set(1);
        let other = permits.clone();
        let newcomer = thread::spawn(move || block_on(acquire(&other)));
        assert!(poll_once(first.as_mut()).is_ready());
        permits.increment_and_get();
        newcomer.join().unwrap();
        assert_eq!(permits.get(), 0);
    });
}

/// The line is left by all while somebody serves it, so that a writer sees nobody; a newcomer
/// comes, who must not be judged by the older state that is being served.
#[test]
fn a_newcomer_while_somebody_serves_is_asked_about_its_own_state() {
    model(3, || {
        let cell = permits();
        let leaving = cell.clone();
        let mut leaves = Box::pin(async move { leaving.update_when(|n| n > 9, |n| n).await });
        assert!(poll_once(leaves.as_mut()).is_pending());
        let (serving, writing) = (cell.clone(), cell.clone());
        let serving = thread::spawn(move || serving.set(1));
        let writing = thread::spawn(move || {
            drop(leaves);
            writing.set(2);
        });
        // It is there at once, or it comes by one of the two.
        block_on(cell.update_when(|n| n == 2 || n == 1, |_| 0));
        serving.join().unwrap();
        writing.join().unwrap();
    });
}

/// As above; the state that the newcomer waits for is the last one.
#[test]
fn a_newcomer_is_not_overlooked_by_who_serves_those_before_it() {
    model(3, || {
        let cell = permits();
        let leaving = cell.clone();
        let mut leaves = Box::pin(async move { leaving.update_when(|n| n > 9, |n| n).await });
        assert!(poll_once(leaves.as_mut()).is_pending());
        let (serving, joining) = (cell.clone(), cell.clone());
        let serving = thread::spawn(move || serving.update_if(|n| (n == 0).then_some(1)));
        let joining = thread::spawn(move || block_on(joining.update_when(|n| n == 2, |n| n)));
        drop(leaves);
        cell.set(2);
        let _ = serving.join().unwrap();
        joining.join().unwrap();
    });
}

/// What one of a kind said of its own state is not taken for what it says of a later one.
#[test]
fn a_turn_is_handed_on_by_the_current_state() {
    model(3, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        let mut second = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        permits.set(1);
        let releaser = permits.clone();
        let releasing = thread::spawn(move || releaser.increment_and_get());
        assert!(poll_once(first.as_mut()).is_ready());
        releasing.join().unwrap();
        assert!(poll_once(second.as_mut()).is_ready());
        assert_eq!(permits.get(), 0);
    });
}

/// What a turn has written is told to those who begin to wait beside the line.
#[test]
fn a_commit_by_a_turn_is_told_beside_the_line() {
    model(2, || {
        let permits = permits();
        let mut first = pin!(acquire(&permits));
        assert!(poll_once(first.as_mut()).is_pending());
        permits.set(1);
        let other = permits.clone();
        let waiting = thread::spawn(move || block_on(other.wait_at_most(0)));
        assert!(poll_once(first.as_mut()).is_ready());
        waiting.join().unwrap();
    });
}

/// Who offered to be relieved leaves the line to whoever serves it by then: two who serve at once
/// would each pass over those whom the other one asks.
#[test]
fn a_server_who_was_relieved_does_not_go_on() {
    model(2, || {
        let cell = permits();
        let inside = cell.clone();
        let three = move |n| {
            match n {
                // There is another turn to be given by whoever asks about 1.
                1 => inside.set(10),
                // Whoever asks about 2 is to ask about 3 next.
                2 => inside.set(3),
                _ => {}
            }
            n == 3
        };
        let mut three = pin!(cell.update_when(three, |n| n));
        assert!(poll_once(three.as_mut()).is_pending());
        let relieving = cell.clone();
        let relieving = thread::spawn(move || relieving.set(2));
        cell.set(1);
        relieving.join().unwrap();
        if cell.get() == 3 {
            assert!(poll_once(three.as_mut()).is_ready());
        }
    });
}

/// Counts how often it is called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        // Relaxed: read when all threads have been joined.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Three writes give three turns, however many of those who wait are satisfied, and whoever serves.
#[test]
fn a_write_gives_one_turn_whoever_serves() {
    model(2, || {
        let permits = permits();
        let calls = Arc::<Calls>::default();
        let waker = calls.clone().into();
        let waits = [0; 4].map(|_| {
            let permits = permits.clone();
            let mut wait = Box::pin(async move { acquire(&permits).await });
            let first = wait.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(first.is_pending());
            wait
        });
        let other = permits.clone();
        let writing = thread::spawn(move || {
            other.set(8);
            other.set(9);
        });
        permits.set(7);
        writing.join().unwrap();
        // Relaxed: see above.
        assert_eq!(calls.0.load(Ordering::Relaxed), 3);
        drop(waits);
    });
}
