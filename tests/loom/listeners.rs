//! Those who are offered every value of a cell: registration, rounds and lowering (G2, G4, G8).

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use atomos::{Atomic, AtomicU64};
use loom::{future::block_on, sync::Mutex, thread};

use super::support::{model, poll_once};

type Wait = Pin<Box<dyn Future<Output = u64>>>;

fn cell() -> Arc<AtomicU64> {
    Arc::new(Atomic::new(0))
}

/// A parked wait for what never comes.
fn bystander(cell: &Arc<AtomicU64>) -> Wait {
    let cell = cell.clone();
    let mut wait = Box::pin(async move { cell.wait_for(|n| n > 99).await });
    assert!(poll_once(wait.as_mut()).is_pending());
    wait
}

/// A wait that accepts nothing, and what it has judged.
fn recorder(cell: &Arc<AtomicU64>) -> (Wait, Arc<Mutex<Vec<u64>>>) {
    let judged = Arc::new(Mutex::new(Vec::new()));
    let (cell, log) = (cell.clone(), judged.clone());
    let judge = move |n| {
        log.lock().unwrap().push(n);
        false
    };
    (Box::pin(async move { cell.wait_for(judge).await }), judged)
}

/// G2: a wait registers while its value is written, be somebody there already or not.
#[test]
fn a_newcomer_against_a_writer() {
    model(3, || {
        let cell = cell();
        drop(bystander(&cell));
        cell.set(0); // nobody is present
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.wait_for(|n| n == 1)), 1);
        writing.join().unwrap();
    });
}

/// As above, beside one who is told already.
#[test]
fn a_newcomer_beside_another() {
    model(3, || {
        let cell = cell();
        let _other = bystander(&cell);
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.wait_for(|n| n == 1)), 1);
        writing.join().unwrap();
    });
}

/// G4: a newcomer judges the value of its first poll and every later one; each later one once.
#[test]
fn every_value_from_the_first_poll_on_is_judged() {
    model(3, || {
        let cell = cell();
        let writer = cell.clone();
        let writing = thread::spawn(move || {
            for _ in 0..3 {
                writer.increment_and_get();
            }
        });
        let judged = judged_by_a_newcomer(&cell, || writing.join().unwrap());
        for value in judged[0] + 1..=3 {
            assert_eq!(count(&judged, value), 1, "{value} in {judged:?}");
        }
    });
}

/// The same of two writers, who may both be on their way when it comes: then the one may overwrite
/// what the other cannot tell any more. The last value is judged in any case, and one that another
/// writer overwrote may be told by both.
#[test]
fn the_last_value_of_two_writers_is_judged() {
    model(2, || {
        let cell = cell();
        let (one, other) = (cell.clone(), cell.clone());
        let writing = thread::spawn(move || {
            one.increment_and_get();
            one.increment_and_get();
        });
        let also = thread::spawn(move || other.increment_and_get());
        let judged = judged_by_a_newcomer(&cell, || {
            writing.join().unwrap();
            also.join().unwrap();
        });
        for value in judged[0] + 1..=3 {
            let at_least = usize::from(value == 3);
            let times = count(&judged, value);
            assert!((at_least..=2).contains(&times), "{value} in {judged:?}");
        }
    });
}

/// G4: who leaves a race's last value first does not make it forgotten that the one before the race
/// is known: that is judged once, by the task that saw it.
#[test]
fn what_was_there_before_a_race_is_not_told_again() {
    model(2, || {
        let cell = cell();
        let (mut wait, judged) = recorder(&cell);
        assert!(poll_once(wait.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.increment_and_get());
        cell.increment_and_get();
        writing.join().unwrap();
        // A poll judges a bounded part of what has come.
        for _ in 0..4 {
            assert!(poll_once(wait.as_mut()).is_pending());
        }
        let judged = judged.lock().unwrap();
        assert_eq!(count(&judged, 0), 1, "{judged:?}");
    });
}

/// Nor is anybody told what he saw himself because another one saw it, too.
#[test]
fn what_two_have_seen_is_not_told_again() {
    model(2, || {
        let cell = cell();
        let (mut first, judged) = recorder(&cell);
        assert!(poll_once(first.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.increment_and_get());
        let _second = bystander(&cell);
        writing.join().unwrap();
        // Nor does one who comes later, and sees it, make it unknown.
        let _third = bystander(&cell);
        cell.set(2);
        assert!(poll_once(first.as_mut()).is_pending());
        assert_eq!(*judged.lock().unwrap(), [0, 1, 2]);
    });
}

/// G4: of two writers of equal values each tells his own; who overwrites the other's does not tell it
/// for him as well.
#[test]
fn what_replaces_an_equal_value_is_told_once() {
    model(2, || {
        let cell = cell();
        let (mut wait, judged) = recorder(&cell);
        assert!(poll_once(wait.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        cell.set(1);
        writing.join().unwrap();
        // A poll judges a bounded part of what has come.
        for _ in 0..4 {
            assert!(poll_once(wait.as_mut()).is_pending());
        }
        assert_eq!(*judged.lock().unwrap(), [0, 1, 1]);
    });
}

/// G4: what a newcomer saw itself was current, so those before are told, too, although its writer
/// was on his way when they began, and it is overwritten before he tells it.
#[test]
fn what_a_newcomer_saw_is_told_those_before() {
    model(2, || {
        let cell = cell();
        let _other = bystander(&cell);
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        // These switches are free.
        thread::yield_now();
        let mut before = pin!(cell.wait_for(|n| n == 1));
        let at_once = poll_once(before.as_mut()).is_ready();
        thread::yield_now();
        let (mut newcomer, judged) = recorder(&cell);
        assert!(poll_once(newcomer.as_mut()).is_pending());
        let has_seen = judged.lock().unwrap()[0] == 1;
        cell.set(0);
        writing.join().unwrap();
        if has_seen && !at_once {
            // A poll judges a bounded part of what has come.
            assert!((0..4).any(|_| poll_once(before.as_mut()).is_ready()));
        }
    });
}

/// What a wait that is never satisfied is shown, which begins while others write.
fn judged_by_a_newcomer(cell: &Arc<Atomic<u64>>, writers_end: impl FnOnce()) -> Vec<u64> {
    let (mut wait, judged) = recorder(cell);
    assert!(poll_once(wait.as_mut()).is_pending());
    writers_end();
    // A poll judges a bounded part of what it has missed.
    for _ in 0..4 {
        assert!(poll_once(wait.as_mut()).is_pending());
    }
    let judged = judged.lock().unwrap();
    judged.clone()
}

fn count(judged: &[u64], value: u64) -> usize {
    judged.iter().filter(|n| **n == value).count()
}

/// G4: a value that is overwritten at once satisfies a parked wait, whatever others write.
#[test]
fn a_moment_is_not_missed() {
    model(2, || {
        let cell = cell();
        let mut wait = pin!(cell.wait_for(|n| n == 1));
        assert!(poll_once(wait.as_mut()).is_pending());
        let (writer, other) = (cell.clone(), cell.clone());
        let writing = thread::spawn(move || {
            writer.set(1);
            writer.set(0);
        });
        let disturbing = thread::spawn(move || other.set(2));
        assert_eq!(block_on(wait), 1);
        writing.join().unwrap();
        disturbing.join().unwrap();
    });
}

/// What a deliverer had not told when it offered the desk is told by whoever takes it, and so is what
/// that one left itself.
#[test]
fn a_backlog_is_handed_over() {
    model(2, || {
        let cell = cell();
        let (mut wait, judged) = recorder(&cell);
        assert!(poll_once(wait.as_mut()).is_pending());
        let writers = [3, 1].map(|times| {
            let cell = cell.clone();
            thread::spawn(move || {
                for _ in 0..times {
                    cell.increment_and_get();
                }
            })
        });
        cell.increment_and_get();
        for writing in writers {
            writing.join().unwrap();
        }
        let mut judged = judged.lock().unwrap().clone();
        judged.sort_unstable();
        // Whoever overwrites a value may tell it before its own writer does.
        judged.dedup();
        assert_eq!(judged, [0, 1, 2, 3, 4, 5]);
    });
}

/// *Present* is lowered when the last one has been served, while somebody registers and
/// another thread writes what that one waits for.
#[test]
fn lowering_against_a_newcomer() {
    model(2, || {
        let cell = cell();
        let mut first = pin!(cell.wait_for(|n| n >= 1));
        assert!(poll_once(first.as_mut()).is_pending());
        let (one, other) = (cell.clone(), cell.clone());
        let serving = thread::spawn(move || one.increment_and_get());
        let writing = thread::spawn(move || other.increment_and_get());
        assert_eq!(block_on(cell.wait_for(|n| n == 2)), 2);
        serving.join().unwrap();
        writing.join().unwrap();
        assert!(poll_once(first.as_mut()).is_ready());
    });
}

/// Newcomers are taken over after the values they have to be told were taken, not before: one
/// registers while another thread is at the desk, and writes.
#[test]
fn a_newcomer_during_a_delivery() {
    model(2, || {
        let cell = cell();
        let _other = bystander(&cell);
        let joining = cell.clone();
        let joining = thread::spawn(move || {
            let (mut wait, judged) = recorder(&joining);
            assert!(poll_once(wait.as_mut()).is_pending());
            let mine = joining.increment_and_get();
            (wait, judged, mine)
        });
        cell.increment_and_get();
        let (mut wait, judged, mine) = joining.join().unwrap();
        // A poll judges a bounded part of what has come.
        for _ in 0..4 {
            assert!(poll_once(wait.as_mut()).is_pending());
        }
        assert!(judged.lock().unwrap().contains(&mine));
    });
}

/// Nobody is told of a value that was left before he registered, although the deliverer comes
/// to it later.
#[test]
fn nobody_is_told_of_what_he_started_from() {
    model(2, || {
        let cell = cell();
        let _other = bystander(&cell);
        let joining = cell.clone();
        let joining = thread::spawn(move || {
            let mine = joining.increment_and_get();
            let (mut wait, judged) = recorder(&joining);
            assert!(poll_once(wait.as_mut()).is_pending());
            (wait, judged, mine)
        });
        cell.increment_and_get();
        let (_wait, judged, mine) = joining.join().unwrap();
        let judged = judged.lock().unwrap();
        let times = judged.iter().filter(|n| **n == mine).count();
        assert_eq!(
            times,
            usize::from(judged[0] == mine),
            "{mine} in {judged:?}"
        );
    });
}

/// G8: a wait is dropped while a write satisfies it and another one, which is served.
#[test]
fn leaving_while_being_answered() {
    model(3, || {
        let cell = cell();
        let mut goes = Box::pin(cell.wait_for(|n| n == 1));
        let mut stays = pin!(cell.wait_for(|n| n == 1));
        assert!(poll_once(goes.as_mut()).is_pending());
        assert!(poll_once(stays.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        drop(goes);
        assert_eq!(block_on(stays), 1);
        writing.join().unwrap();
    });
}

/// G8: what a predicate captured is dropped once, and with the wait, whoever evaluates it.
#[test]
fn a_predicate_dies_once() {
    model(3, || {
        let cell = cell();
        let captured = loom::sync::Arc::new(());
        let held = captured.clone();
        let mut wait = Box::pin(cell.wait_for(move |n| {
            let _ = &held;
            n == 9
        }));
        assert!(poll_once(wait.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        drop(wait);
        writing.join().unwrap();
        assert_eq!(loom::sync::Arc::strong_count(&captured), 1);
    });
}

/// G2: a write is told to those who wait for a level and to those who have a predicate.
#[test]
fn one_write_for_both_kinds() {
    model(2, || {
        let cell = cell();
        let mut level = pin!(cell.wait_at_least(1));
        assert!(poll_once(level.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(cell.wait_map(|n| n.checked_sub(1))), 0);
        writing.join().unwrap();
        assert_eq!(poll_once(level.as_mut()), Poll::Ready(1));
    });
}
