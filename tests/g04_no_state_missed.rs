//! G4: a wait resolves with the first committed state, from its first poll on,
//! that satisfies it, even if the next commit overwrites it at once.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;

use atomos::{Atom, Snapshot};
use support::{Probe, Wait, every_wait, in_time, park_until_ready, poll, two_threads};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

/// Logs what a predicate is shown, and accepts one value.
fn logging(log: &Arc<Mutex<Vec<u64>>>, accepted: u64) -> impl FnMut(&u64) -> bool + Send + 'static {
    let log = log.clone();
    move |n| {
        log.lock().expect("not poisoned").push(*n);
        *n == accepted
    }
}

fn shown(log: &Mutex<Vec<u64>>) -> Vec<u64> {
    log.lock().expect("not poisoned").clone()
}

#[test]
fn g4_a_lossless_wait_sees_a_state_that_is_overwritten_at_once() {
    for Wait {
        name,
        lossless,
        start,
        ..
    } in every_wait()
    {
        let atom = Atom::new(0);
        let mut wait = task::spawn(start(&atom));
        assert_pending!(wait.poll());
        atom.reset(1);
        atom.reset(2);
        assert!(wait.is_woken(), "{name}");
        assert_ready_eq!(wait.poll(), if lossless { 1 } else { 2 });
    }
}

#[test]
fn g4_the_snapshot_is_the_one_the_predicate_accepted() {
    let atom = Atom::new(0_u64);
    let mut wait = task::spawn(atom.wait_for(|n| *n == 1));
    assert_pending!(wait.poll());
    let accepted = atom.reset(1);
    atom.reset(2);
    atom.reset(1);
    assert!(Snapshot::ptr_eq(&assert_ready!(wait.poll()), &accepted));
}

#[test]
fn g4_the_state_at_the_first_poll_counts() {
    let atom = Atom::new(1_u64);
    assert_eq!(
        *assert_ready!(task::spawn(atom.wait_for(|n| *n == 1)).poll()),
        1
    );
    assert_ready_eq!(task::spawn(atom.wait_map(|n| Some(n + 1))).poll(), 2);
    let view = atom.view();
    let mut wait = task::spawn(view.wait_for(|n| *n == 1));
    assert_eq!(*assert_ready!(wait.poll()).expect("open"), 1);
    assert_eq!(*atom.blocking_wait_for(|n| *n == 1), 1);
}

#[test]
fn g4_states_before_the_first_poll_do_not_count() {
    let (atom, log) = (Atom::new(0_u64), Arc::default());
    let mut wait = task::spawn(atom.wait_for(logging(&log, 1)));
    atom.reset(1);
    atom.reset(2);
    assert_pending!(wait.poll());
    assert_eq!(shown(&log), [2]);
    atom.reset(1);
    assert_eq!(*assert_ready!(wait.poll()), 1);
}

#[test]
fn g4_a_predicate_sees_every_state_once_in_order_and_none_after_its_own() {
    let (atom, log) = (Atom::new(0_u64), Arc::default());
    let mut wait = task::spawn(atom.wait_for(logging(&log, 3)));
    assert_pending!(wait.poll());
    atom.reset(1);
    assert_pending!(wait.poll());
    assert_pending!(wait.poll());
    atom.reset(2);
    atom.reset(3);
    atom.reset(4);
    assert_eq!(*assert_ready!(wait.poll()), 3);
    atom.reset(3);
    assert_eq!(shown(&log), [0, 1, 2, 3]);
}

#[test]
fn g4_equal_states_are_shown_each() {
    let (atom, log) = (Atom::new(7_u64), Arc::default());
    let mut wait = task::spawn(atom.wait_for(logging(&log, 1)));
    assert_pending!(wait.poll());
    atom.reset(7);
    atom.reset(7);
    assert_eq!(shown(&log), [7, 7, 7]);
}

#[test]
fn g4_a_predicate_may_count() {
    let atom = Atom::new(0_u64);
    let mut even = 0;
    let mut third = task::spawn(atom.wait_map(move |n| {
        even += u64::from(n % 2 == 0);
        (even == 3).then_some(*n)
    }));
    assert_pending!(third.poll());
    (0..10).for_each(|_| drop(atom.swap(|n| n + 1)));
    assert_ready_eq!(third.poll(), 4);
}

#[test]
fn g4_wait_map_gives_what_it_made_of_the_state_that_was_overwritten() {
    let atom = Atom::new(vec![0]);
    let found = |list: &Vec<u64>| list.contains(&1).then_some(list.len());
    let view = atom.view();
    let mut wait = task::spawn(atom.wait_map(found));
    let mut of_view = task::spawn(view.wait_map(found));
    assert_pending!(wait.poll());
    assert_pending!(of_view.poll());
    atom.reset(vec![1, 2, 3]);
    atom.reset(vec![]);
    assert_ready_eq!(wait.poll(), 3);
    assert_ready_eq!(of_view.poll(), Ok(3));
}

/// Committed while the first state is being evaluated: neither missed nor shown twice.
#[test]
fn g4_a_commit_inside_the_first_evaluation_is_shown_next() {
    let (atom, log) = (Atom::new(0_u64), Arc::default());
    let (writer, mut accept) = (atom.clone(), logging(&log, 1));
    let mut wait = task::spawn(atom.wait_for(move |n| {
        if *n == 0 {
            writer.reset(1);
            writer.reset(2);
        }
        accept(n)
    }));
    let seen = match wait.poll() {
        Poll::Ready(seen) => seen,
        Poll::Pending => {
            assert!(wait.is_woken());
            assert_ready!(wait.poll())
        }
    };
    assert_eq!(*seen, 1);
    assert_eq!(shown(&log), [0, 1]);
}

#[test]
fn g4_a_blocking_wait_sees_a_state_that_is_overwritten_at_once() {
    in_time(|| {
        for _ in 0..300 {
            let atom = Atom::new(0_u64);
            let (looked, first_look) = mpsc::channel();
            let writer = atom.clone();
            let mut accept = logging(&Arc::default(), 1);
            let wait = || {
                atom.blocking_wait_for(move |n| {
                    // Only the first look is awaited; the receiver is gone later.
                    let _ = looked.send(());
                    accept(n)
                })
            };
            let write = move || {
                first_look.recv().expect("it looks");
                writer.reset(1);
                writer.reset(2);
            };
            let (seen, ()) = two_threads(wait, write);
            assert_eq!((*seen, Snapshot::version(&seen)), (1, 1));
        }
    });
}

/// Registered while two writers run: a gap-free run of states, whatever the moment.
#[test]
fn g4_predicates_see_every_state_in_order_under_contention() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        beside_two_writers(&atom, || (0..100).for_each(|_| twenty_states(&atom)));
    });
}

fn twenty_states(atom: &Atom<u64>) {
    let log: Arc<Mutex<Vec<u64>>> = Arc::default();
    let states = log.clone();
    let wait = atom.wait_for(move |n| {
        let mut states = states.lock().expect("not poisoned");
        states.push(*n);
        states.len() == 20
    });
    let seen = park_until_ready(wait);
    let log = shown(&log);
    assert!(log.iter().copied().eq(log[0]..log[0] + 20), "{log:?}");
    assert_eq!((*seen, Snapshot::version(&seen)), (log[19], log[19]));
}

/// Runs `body` beside two threads that count the atom up.
fn beside_two_writers(atom: &Atom<u64>, body: impl FnOnce()) {
    let done = &AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    atom.swap(|n| n + 1);
                    // On a machine that does not let the one who delivers run, the others would
                    // pile up commits in front of what is waited for here.
                    thread::yield_now();
                }
            });
        }
        // Also when `body` panics: the scope waits for its threads.
        let _stop = support::OnDrop(|| done.store(true, Ordering::Relaxed));
        body();
    });
}

/// A value that exists for one version only: whoever was parked before gets it.
#[test]
fn g4_a_state_of_one_version_is_never_missed_by_a_parked_wait() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        for n in 0..3_000_u64 {
            let mut wait = task::spawn(atom.wait_for(move |m| *m == 2 * n + 1));
            assert_pending!(wait.poll());
            let write = |m| drop(atom.reset(m));
            two_threads(|| write(2 * n + 1), || write(0));
            assert!(wait.is_woken());
            assert_eq!(*assert_ready!(wait.poll()), 2 * n + 1);
        }
    });
}

#[test]
fn g4_swap_when_commits_on_a_state_that_satisfies_it() {
    let atom = Atom::new(0_u64);
    let mut seen = Vec::new();
    let mut wait = task::spawn(atom.swap_when(
        |n| n % 2 == 1,
        |n| {
            seen.push(*n);
            n + 10
        },
    ));
    assert_pending!(wait.poll());
    atom.reset(1);
    atom.reset(2);
    // The turn's state is gone: it keeps its place instead of committing on 2.
    assert_pending!(wait.poll());
    assert_eq!(*atom.load(), 2);
    atom.reset(3);
    let new = assert_ready!(wait.poll());
    assert_eq!((*new, Snapshot::version(&new), *atom.load()), (13, 4, 13));
    drop(wait);
    assert_eq!(seen, [3]);
}

#[test]
fn g4_swap_when_never_updates_a_state_its_predicate_has_not_accepted() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        let taker = atom.clone();
        let take = move || {
            for _ in 0..500 {
                let positive = |n: &u64| *n > 0;
                let less = |n: &u64| n.checked_sub(1).expect("accepted by the predicate");
                park_until_ready(taker.swap_when(positive, less));
            }
        };
        let other = take.clone();
        let give = || (0..1_000).for_each(|_| drop(atom.swap(|n| n + 1)));
        thread::scope(|scope| {
            scope.spawn(give);
            scope.spawn(take);
            scope.spawn(other);
        });
        assert_eq!((*atom.load(), atom.version()), (0, 2_000));
    });
}

#[test]
fn g4_changed_since_answers_at_once_when_it_has_changed() {
    let atom = Atom::new(0_u64);
    let seen = atom.load();
    atom.reset(1);
    atom.reset(2);
    let latest = assert_ready!(task::spawn(atom.changed_since(&seen)).poll());
    assert_eq!((*latest, Snapshot::version(&latest)), (2, 2));
    let mut next = task::spawn(atom.changed_since(&latest));
    assert_pending!(next.poll());
    // An equal value is another version.
    atom.reset(2);
    assert!(next.is_woken());
    assert_eq!(Snapshot::version(&assert_ready!(next.poll())), 3);
}

#[test]
fn g4_changed_gives_old_and_new_of_the_next_commit() {
    let atom = Atom::new(0_u64);
    let mut changed = task::spawn(atom.changed());
    assert_pending!(changed.poll());
    atom.reset(1);
    atom.reset(2);
    let change = assert_ready!(changed.poll());
    assert_eq!((*change.old, *change.new), (0, 1));
    assert_eq!(Snapshot::version(&change.new), 1);
}

/// The first poll races with the commits: whatever it saw first, the rest follows.
#[test]
fn g4_the_first_poll_loses_nothing_to_a_racing_writer() {
    for _ in 0..500 {
        let (atom, log) = (Atom::new(0_u64), Arc::default());
        let mut wait = Box::pin(atom.wait_for(logging(&log, 99)));
        let waker = Probe::new().waker();
        let first = || assert_pending!(poll(&mut wait, &waker));
        two_threads(first, || (1..=5).for_each(|n| drop(atom.reset(n))));
        let log = shown(&log);
        assert!(log.iter().copied().eq(log[0]..=5), "{log:?}");
    }
}
