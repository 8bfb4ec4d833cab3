//! G3, G4: two writers, eight observers of all kinds, a hundred thousand
//! commits: every observer tells the same story without a gap.
#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use atomos::{Atom, Change, Snapshot};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use support::{in_time, park_until_ready, two_threads};

const COMMITS: u64 = if cfg!(miri) { 200 } else { 100_000 };

/// What an observer has seen: the new value of each commit, which is its version.
type Story = Arc<Mutex<Vec<u64>>>;

fn tell(story: &Story, change: &Change<u64>) {
    tell_of(story, &change.old, &change.new);
}

fn tell_of(story: &Story, old: &Snapshot<u64>, new: &Snapshot<u64>) {
    assert_eq!(**old + 1, **new);
    assert_eq!(**new, Snapshot::version(new));
    story.lock().expect("not poisoned").push(**new);
}

fn watch(atom: &Atom<u64>, key: u64) -> Story {
    let story = Story::default();
    let log = story.clone();
    atom.add_watch(key, move |event| tell_of(&log, event.old, event.new));
    story
}

/// A wait for the last value whose predicate logs each state it is shown.
fn waiting(atom: &Atom<u64>, started: &Arc<Barrier>) -> thread::JoinHandle<Vec<u64>> {
    let (view, story, started) = (atom.view(), Story::default(), started.clone());
    thread::spawn(move || {
        let log = story.clone();
        let mut wait = Box::pin(view.wait_for(move |n| {
            log.lock().expect("not poisoned").push(*n);
            *n == COMMITS
        }));
        // The first poll shows the state before all commits.
        assert!(FutureExt::now_or_never(&mut wait).is_none());
        started.wait();
        let seen = park_until_ready(wait).expect("it holds for the last value");
        assert_eq!(Snapshot::version(&seen), COMMITS);
        story.lock().expect("not poisoned").split_off(1)
    })
}

fn streaming(
    mut changes: impl futures::Stream<Item = Change<u64>> + Send + Unpin + 'static,
    started: &Arc<Barrier>,
) -> thread::JoinHandle<Vec<u64>> {
    let started = started.clone();
    thread::spawn(move || {
        started.wait();
        let story = Story::default();
        while let Some(change) = block_on(changes.next()) {
            tell(&story, &change);
        }
        std::mem::take(&mut *story.lock().expect("not poisoned"))
    })
}

/// The latest of each look: later than the one before, and the last one in the end.
fn conflating(atom: &Atom<u64>, started: &Arc<Barrier>) -> thread::JoinHandle<()> {
    let (mut snapshots, started) = (atom.snapshots(), started.clone());
    thread::spawn(move || {
        started.wait();
        let mut last = None;
        while let Some(snapshot) = block_on(snapshots.next()) {
            assert_eq!(*snapshot, Snapshot::version(&snapshot));
            assert!(last < Some(*snapshot), "an old one again");
            last = Some(*snapshot);
        }
        assert_eq!(last, Some(COMMITS));
    })
}

/// A value that exists for one version only: each of these waits is parked
/// before it comes, and resolves with it.
fn transient(atom: &Atom<u64>, started: &Arc<Barrier>) -> thread::JoinHandle<()> {
    let (view, started) = (atom.view(), started.clone());
    thread::spawn(move || {
        let mut waits: Vec<_> = (1..=100)
            .map(|n| (n * (COMMITS / 100), view.clone()))
            .map(|(n, view)| {
                (
                    n,
                    Box::pin(async move { view.wait_for(move |m| *m == n).await }),
                )
            })
            .collect();
        for (_, wait) in &mut waits {
            assert!(FutureExt::now_or_never(wait).is_none());
        }
        started.wait();
        for (n, wait) in waits {
            let seen = park_until_ready(wait).expect("it was there");
            assert_eq!((*seen, Snapshot::version(&seen)), (n, n));
        }
    })
}

fn write_from_two_threads(atom: &Atom<u64>) {
    let write = || (0..COMMITS / 2).for_each(|_| drop(atom.swap(|n| n + 1)));
    two_threads(write, write);
}

fn assert_whole(name: &str, story: &[u64]) {
    assert_eq!(story.len() as u64, COMMITS, "{name}");
    assert!(
        story.iter().copied().eq(1..=COMMITS),
        "{name}: not in order"
    );
}

#[test]
fn g3_all_observers_tell_the_same_story() {
    in_time(|| {
        let (atom, started) = (Atom::new(0), Arc::new(Barrier::new(7)));
        let watched = [watch(&atom, 1), watch(&atom, 2)];
        let bounded = atom.changes_bounded(COMMITS as usize);
        let bounded = bounded.map(|item| item.expect("room for all"));
        let told = [
            streaming(atom.changes(), &started),
            streaming(atom.view().changes(), &started),
            streaming(bounded, &started),
            waiting(&atom, &started),
        ];
        let others = [conflating(&atom, &started), transient(&atom, &started)];
        started.wait();
        write_from_two_threads(&atom);
        drop(atom);
        for (n, story) in watched.iter().enumerate() {
            assert_whole(&format!("watch {n}"), &story.lock().expect("not poisoned"));
        }
        for (n, thread) in told.into_iter().enumerate() {
            assert_whole(&format!("thread {n}"), &thread.join().expect("no panic"));
        }
        for thread in others {
            thread.join().expect("no panic");
        }
    });
}

#[cfg(feature = "tokio")]
#[test]
fn g3_asynchronous_watches_tell_the_same_story() {
    in_time(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let atom = Atom::new(0);
        let stories = [Story::default(), Story::default()];
        let _entered = runtime.enter();
        let watches = stories.each_ref().map(|story| {
            let log = story.clone();
            atom.spawn_watch(move |change| {
                let log = log.clone();
                async move { tell(&log, &change) }
            })
        });
        write_from_two_threads(&atom);
        drop(atom);
        for watch in watches {
            block_on(watch).expect("no panic");
        }
        for story in &stories {
            assert_whole("spawn_watch", &story.lock().expect("not poisoned"));
        }
    });
}
