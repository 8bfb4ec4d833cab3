//! Waiting for a value: what a crowd that is not concerned costs a writer, how
//! fast those who are concerned get to know, and what a wait costs by itself.

mod harness;

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use atomos::Atom;
use harness::Harness;
use harness::clock::{cpu, wall};
use harness::tasks::{Rounds, Tally, idle, one_thread, settle, two_workers};
use tokio::runtime::Runtime;
use tokio::sync::watch;

fn main() -> ExitCode {
    Harness::run(&[
        ("crowd", crowd),
        ("wake 10", |harness| wake(harness, 10)),
        ("wake 1000", |harness| wake(harness, 1_000)),
        ("wait and wake", wait_and_wake),
        ("round trip", round_trip),
        ("register and cancel", register_and_cancel),
    ])
}

/// One commit while 10 000 tasks wait for another value: the CPU time of the
/// whole process until it is quiet again.
fn crowd(harness: &mut Harness) {
    let tasks = if harness.quick() { 100 } else { 10_000 };
    let runtime = two_workers();
    let (atom, (sender, receiver)) = (Atom::new(0_u64), watch::channel(0_u64));
    for _ in 0..tasks {
        let (atom, mut receiver) = (atom.clone(), receiver.clone());
        runtime.spawn(async move { atom.wait_for(|value| *value == u64::MAX).await });
        runtime.spawn(async move { receiver.wait_for(|value| *value == u64::MAX).await.is_ok() });
    }
    // Far longer than the slower of the two needs to become quiet.
    let quiet = Duration::from_millis(if harness.quick() { 5 } else { 25 });
    thread::sleep(quiet * 20);
    harness
        .group(format!("one write, {tasks} wait for another value (CPU)"))
        .rounds(15, 5)
        .ours(
            "Atom::reset",
            cpu(|| {
                drop(black_box(atom.reset(1)));
                thread::sleep(quiet);
            }),
        )
        .peer(
            "watch::Sender::send_replace",
            0.1,
            cpu(|| {
                black_box(sender.send_replace(1));
                thread::sleep(quiet);
            }),
        )
        .beside("nothing", cpu(|| thread::sleep(quiet)))
        .report();
}

/// One commit that everybody waits for, until all tasks have seen it.
fn wake(harness: &mut Harness, tasks: u64) {
    wake_on(harness, tasks, "one thread", &one_thread());
    wake_on(harness, tasks, "two workers", &two_workers());
}

fn wake_on(harness: &mut Harness, tasks: u64, place: &str, runtime: &Runtime) {
    let (atom, (sender, receiver)) = (Atom::new(0_u64), watch::channel(0_u64));
    let (ours, theirs) = (Rounds::new(), Rounds::new());
    for _ in 0..tasks {
        runtime.spawn(follow_atom(atom.clone(), ours.clone()));
        runtime.spawn(follow_watch(receiver.clone(), theirs.clone()));
    }
    let commit = || drop(black_box(atom.swap(|value| value + 1)));
    let send = || sender.send_modify(|value| *value += 1);
    harness
        .group(format!("wake {tasks} satisfied waits, {place}"))
        .rounds(301, if tasks < 100 { 20 } else { 2 })
        .ours(
            "Atom::wait_for",
            ours.until_reported(runtime, tasks, commit),
        )
        .peer(
            "watch::Receiver::wait_for",
            1.1,
            theirs.until_reported(runtime, tasks, send),
        )
        // On one thread: here the writer asks each wait, and then its task is woken; there tasks that
        // are woken ask for themselves.
        .known_loss(1.6)
        .report();
}

async fn follow_atom(atom: Atom<u64>, rounds: Rounds) {
    for goal in 1.. {
        rounds.line_up().await;
        black_box(atom.wait_for(move |value| *value >= goal).await);
        rounds.report();
    }
}

async fn follow_watch(mut receiver: watch::Receiver<u64>, rounds: Rounds) {
    for goal in 1.. {
        rounds.line_up().await;
        let Ok(value) = receiver.wait_for(|value| *value >= goal).await else {
            return;
        };
        black_box(*value);
        drop(value);
        rounds.report();
    }
}

/// A task that waits for the next value, and the next: setting up a wait, waking, and
/// ending it.
fn wait_and_wake(harness: &mut Harness) {
    let runtime = one_thread();
    let (atom, (sender, receiver)) = (Atom::new(0_u64), watch::channel(0_u64));
    let (ours, theirs) = (Tally::new(), Tally::new());
    runtime.spawn(keep_up_with_atom(atom.clone(), ours.clone()));
    runtime.spawn(keep_up_with_watch(receiver, theirs.clone()));
    let commit = || drop(black_box(atom.swap(|value| value + 1)));
    let send = || sender.send_modify(|value| *value += 1);
    harness
        .group("wait_for again and again, one thread")
        .rounds(301, 500)
        .ours("Atom::wait_for", ours.until_reported(&runtime, 1, commit))
        .beside(
            "watch::Receiver::wait_for",
            theirs.until_reported(&runtime, 1, send),
        )
        .report();
}

async fn keep_up_with_atom(atom: Atom<u64>, tally: Tally) {
    for goal in 1.. {
        black_box(atom.wait_for(move |value| *value >= goal).await);
        tally.report();
    }
}

async fn keep_up_with_watch(mut receiver: watch::Receiver<u64>, tally: Tally) {
    for goal in 1.. {
        if receiver.wait_for(|value| *value >= goal).await.is_err() {
            return;
        }
        tally.report();
    }
}

/// A change, seen by a task that answers with another change.
fn round_trip(harness: &mut Harness) {
    round_trip_on(harness, "one thread", &one_thread());
    round_trip_on(harness, "two workers", &two_workers());
}

fn round_trip_on(harness: &mut Harness, place: &str, runtime: &Runtime) {
    let (ping, pong) = (Atom::new(0_u64), Atom::new(0_u64));
    let (ping_sender, mut ping_receiver) = watch::channel(0_u64);
    let (pong_sender, pong_receiver) = watch::channel(0_u64);
    let (ours, theirs) = (Tally::new(), Tally::new());
    runtime.spawn(answer_atom(ping.clone(), pong.clone()));
    runtime.spawn(report_atom(pong.clone(), ours.clone()));
    runtime.spawn(async move {
        while ping_receiver.changed().await.is_ok() {
            pong_sender.send_replace(*ping_receiver.borrow_and_update());
        }
    });
    runtime.spawn(report_watch(pong_receiver, theirs.clone()));
    // Everybody listens before the first change.
    settle(runtime);
    harness
        .group(format!("changed, there and back, {place}"))
        .rounds(301, 20)
        .ours(
            "Atom::changed",
            ours.until_reported(runtime, 1, || drop(black_box(ping.reset(1)))),
        )
        .beside(
            "watch::Receiver::changed",
            theirs.until_reported(runtime, 1, || _ = black_box(ping_sender.send_replace(1))),
        )
        .report();
}

async fn answer_atom(ping: Atom<u64>, pong: Atom<u64>) {
    let mut next = pin!(ping.changed());
    loop {
        let change = next.as_mut().await;
        next.set(ping.changed());
        pong.reset(*change.new);
    }
}

async fn report_atom(pong: Atom<u64>, tally: Tally) {
    let mut next = pin!(pong.changed());
    loop {
        black_box(next.as_mut().await);
        next.set(pong.changed());
        tally.report();
    }
}

async fn report_watch(mut pong: watch::Receiver<u64>, tally: Tally) {
    while pong.changed().await.is_ok() {
        black_box(*pong.borrow_and_update());
        tally.report();
    }
}

/// A wait that is polled once and dropped, as in a `select!` that took another branch.
fn register_and_cancel(harness: &mut Harness) {
    let (atom, (_sender, mut receiver)) = (Atom::new(0_u64), watch::channel(0_u64));
    harness
        .group("register and cancel")
        .ours(
            "Atom::wait_for",
            wall(|| poll_once(atom.wait_for(|value| *value == u64::MAX))),
        )
        .beside("Atom::changed", wall(|| poll_once(atom.changed())))
        .beside(
            "watch::Receiver::changed",
            wall(|| poll_once(receiver.changed())),
        )
        .report();
}

fn poll_once(future: impl Future) {
    assert!(pin!(future).poll(&mut idle()).is_pending());
}
