//! G10, G8, G4, G11: a wait that had more values to judge than it judges in one poll. It used to keep
//! every value that came before its next poll, however many, and for good if there was none.
#![cfg(not(loom))]

mod support;

use std::future::Future;
use std::mem::forget;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use atomos::{Atom, AtomicReference, AtomicU64};
use support::{Counted, Live, Probe, poll};

type Value = Counted<u64>;
type Wait = Pin<Box<dyn Future<Output = u64>>>;

/// More than is judged in one poll.
const MANY: u64 = 200;
const LATER: u64 = 10_000;

/// Writes the number to the value that is waited for.
type Write = Arc<dyn Fn(u64) + Send + Sync>;

/// Each kind of wait, for a number; its predicate begins by writing `MANY` smaller ones.
fn waits(live: &Live, number: u64) -> Vec<(&'static str, Write, Wait)> {
    let (first, second) = (atom(live), atom(live));
    let reference = Arc::new(AtomicReference::new(live.value(0)));
    let (live, cell) = (live.clone(), reference.clone());
    let cell_write: Write = Arc::new(move |n| cell.set(Arc::new(live.value(n))));
    let accepts = |write: &Write| {
        let mut catch_up = Some(write.clone());
        move |n: u64| {
            if let Some(write) = catch_up.take() {
                (1..=MANY).for_each(|n| write(n));
            }
            n >= number
        }
    };
    let mut one = accepts(&first.1);
    let mut two = accepts(&second.1);
    let mut three = accepts(&cell_write);
    let (atom, view) = (first.0, second.0.view());
    vec![
        (
            "wait_for",
            first.1,
            Box::pin(async move { **atom.wait_for(move |n| one(**n)).await }),
        ),
        (
            "wait_map of a view",
            second.1,
            Box::pin(async move {
                let _open = second.0;
                let found = view.wait_map(move |n| two(**n).then_some(**n)).await;
                found.expect("it is open")
            }),
        ),
        (
            "wait_for of a reference",
            cell_write,
            Box::pin(async move { **reference.wait_for(move |n| three(***n)).await }),
        ),
    ]
}

fn atom(live: &Live) -> (Atom<Value>, Write) {
    let atom = Atom::new(live.value(0));
    let (writer, live) = (atom.clone(), live.clone());
    let write = move |n| drop(writer.reset(live.value(n)));
    (atom, Arc::new(write))
}

/// Polls each wait once, so that it is behind, and passes it on with what writes to it.
fn each_behind(live: &Live, number: u64, f: impl Fn(&str, &Write, Wait, &Arc<Probe>)) {
    for (name, write, mut wait) in waits(live, number) {
        let probe = Probe::new();
        assert!(poll(&mut wait, &probe.waker()).is_pending(), "{name}");
        assert_eq!(probe.wakes(), 1, "{name}: it wants to be polled again");
        f(name, &write, wait, &probe);
    }
}

#[test]
fn g10_a_wait_that_is_behind_and_not_polled_keeps_no_later_values() {
    let live = Live::new();
    each_behind(&live, u64::MAX, |name, write, wait, probe| {
        let before = live.count();
        for n in 0..LATER {
            write(MANY + 1 + n);
            assert!(live.count() <= before, "{name} keeps what came later");
        }
        assert_eq!(probe.wakes(), 1, "{name}: nothing satisfied it");
        drop(wait);
    });
}

#[test]
fn g10_a_forgotten_wait_that_is_behind_keeps_no_later_values() {
    let live = Live::new();
    each_behind(&live, u64::MAX, |name, write, wait, _| {
        let before = live.count();
        forget(wait);
        for n in 0..LATER {
            write(MANY + 1 + n);
            assert!(live.count() <= before, "{name} keeps what came later");
        }
    });
}

#[test]
fn g8_a_dropped_wait_that_is_behind_leaves_nothing() {
    let live = Live::new();
    let captured = live.clone();
    each_behind(&live, u64::MAX, |name, write, wait, probe| {
        drop(wait);
        assert_eq!(probe.alive(), 0, "{name}");
        // What is waited for has its value, and the wait took with it what it had not judged.
        let before = live.count();
        assert!(before < MANY as usize / 2, "{name} left {before} values");
        (0..LATER).for_each(|n| write(MANY + 1 + n));
        assert!(live.count() <= before, "{name} keeps what came later");
    });
    drop(captured);
    assert_eq!(live.count(), 0);
}

/// A writer judges what it was behind with, until it is satisfied: the rest goes before it is polled.
#[test]
fn g10_a_wait_that_is_answered_from_behind_keeps_its_answer_alone() {
    let live = Live::new();
    each_behind(&live, MANY / 2, |name, write, mut wait, probe| {
        write(MANY + 1);
        let left = live.count();
        assert!(left < MANY as usize / 4, "{name} keeps {left} values");
        let answer = poll(&mut wait, &probe.waker());
        assert_eq!(answer, Poll::Ready(MANY / 2), "{name}");
    });
}

/// G4: whoever judges, it is the first state that satisfies the wait which ends it.
#[test]
fn g4_a_wait_that_is_behind_misses_nothing() {
    let live = Live::new();
    for number in [1, 60, 64, 65, 66, MANY - 1, MANY, MANY + 1, MANY + 5] {
        for (name, write, mut wait) in waits(&live, number) {
            let probe = Probe::new();
            let mut answer = poll(&mut wait, &probe.waker());
            if answer.is_pending() {
                (1..10).for_each(|n| write(MANY + n));
                assert!(probe.wakes() > 0, "{name}, {number}");
                answer = poll(&mut wait, &probe.waker());
            }
            assert_eq!(answer, Poll::Ready(number), "{name}");
        }
    }
}

/// The same where nothing is written any more: the task judges all of it, poll by poll.
#[test]
fn g4_a_wait_that_is_behind_catches_up_by_itself() {
    let live = Live::new();
    each_behind(&live, MANY, |name, _, mut wait, probe| {
        for wakes in 1.. {
            assert_eq!(probe.wakes(), wakes, "{name}");
            if let Poll::Ready(n) = poll(&mut wait, &probe.waker()) {
                assert_eq!(n, MANY, "{name}");
                assert!(wakes > 1, "{name}: a poll's work is bounded");
                break;
            }
        }
    });
}

/// G11: a predicate that writes whenever it is evaluated calls for the sleeper just before the task
/// lays it down behind. The poll's work is bounded all the same.
#[test]
fn g11_a_predicate_that_writes_does_not_keep_its_task() {
    let (atom, judged) = (Atom::new(0), Arc::new(AtomicU64::new(0)));
    let (writer, count) = (atom.clone(), judged.clone());
    let mut wait = Box::pin(atom.wait_for(move |n: &u64| {
        count.increment_and_get();
        if *n < LATER {
            writer.reset(n + 1);
        }
        *n == LATER
    }));
    let probe = Probe::new();
    for polls in 1.. {
        let answer = poll(&mut wait, &probe.waker());
        assert!(judged.get() <= polls * MANY, "a poll's work is bounded");
        if let Poll::Ready(last) = answer {
            assert_eq!(*last, LATER);
            break;
        }
        assert_eq!(probe.wakes() as u64, polls, "it wants to be polled again");
    }
    assert_eq!(judged.get(), LATER + 1);
}
