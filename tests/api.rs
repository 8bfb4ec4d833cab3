//! The names and signatures of atoms (G13). Most of it is
//! held by the compiler: what is missing does not build.
#![cfg(not(loom))]
#![allow(clippy::type_complexity)] // signatures are the matter here

use std::cmp::Ordering::{Equal, Less};
use std::collections::HashSet;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::mpsc::channel;
use std::time::Duration;

use atomos::{
    Atom, AtomView, BoundedChanges, Change, Changes, Closed, Conflict, Lagged, Reader, Snapshot,
    Snapshots, WatchEvent, WatchKey, WeakAtom,
};

/// A closure's type in a signature.
type Update = fn(&u8) -> u8;
type Test = fn(&u8) -> bool;

#[test]
fn g13_reads_and_writes_have_the_signatures_that_are_promised() {
    let _: fn(u8) -> Atom<u8> = Atom::new;
    let _: fn(&Atom<u8>) -> Snapshot<u8> = Atom::load;
    let _: fn(&Atom<u8>, fn(&u8) -> String) -> String = Atom::with;
    let _: fn(&Atom<u8>) -> u64 = Atom::version;
    let _: fn(&Atom<u8>) -> Reader<u8> = Atom::reader;

    let _: fn(&Atom<u8>, u8) -> Snapshot<u8> = Atom::reset;
    let _: fn(&Atom<u8>, u8) -> Change<u8> = Atom::reset_vals;
    let _: fn(&Atom<u8>, Update) -> Snapshot<u8> = Atom::swap;
    let _: fn(&Atom<u8>, Update) -> Change<u8> = Atom::swap_vals;
    let _: fn(&Atom<u8>, fn(&u8) -> Option<u8>) -> Option<Snapshot<u8>> = Atom::swap_if;
    let _: fn(&Atom<u8>, fn(&u8) -> Result<u8, char>) -> Result<Snapshot<u8>, char> =
        Atom::try_swap;
    let _: fn(&Atom<u8>, fn(&u8) -> (u8, String)) -> String = Atom::modify;
    let _: fn(&Atom<u8>, &u8, u8) -> bool = Atom::compare_and_set;
    let _: fn(&Atom<u8>, &Snapshot<u8>, u8) -> Result<Snapshot<u8>, Conflict<u8>> =
        Atom::compare_exchange;
}

#[test]
fn g13_waits_streams_and_handles_have_the_signatures_that_are_promised() {
    let _: fn(&Atom<u8>) -> Changes<u8> = Atom::changes;
    let _: fn(&Atom<u8>, usize) -> BoundedChanges<u8> = Atom::changes_bounded;
    let _: fn(&Atom<u8>) -> Snapshots<u8> = Atom::snapshots;
    let _: fn(&Atom<u8>, Test) -> Snapshot<u8> = Atom::blocking_wait_for;
    let _: fn(&Atom<u8>, Test, Duration) -> Option<Snapshot<u8>> = Atom::blocking_wait_for_timeout;

    let _: for<'a> fn(&'a Atom<u8>, &'static str, fn(&WatchEvent<'_, u8>)) -> &'a Atom<u8> =
        Atom::add_watch;
    let _: fn(&Atom<u8>, String) -> bool = Atom::remove_watch;
    let _: fn(&Atom<u8>, u64) -> bool = Atom::remove_watch;
    let _: fn(&Atom<u8>, WatchKey) -> bool = Atom::remove_watch;
    let _: fn(&Atom<u8>) -> Vec<WatchKey> = Atom::watch_keys;

    let _: fn(&Atom<u8>) -> AtomView<u8> = Atom::view;
    let _: fn(&Atom<u8>) -> WeakAtom<u8> = Atom::downgrade;
    let _: fn(&WeakAtom<u8>) -> Option<Atom<u8>> = WeakAtom::upgrade;
    let _: fn(&Atom<u8>, &Atom<u8>) -> bool = Atom::ptr_eq;

    let _: fn(&mut Reader<u8>) -> &u8 = Reader::get;
    let _: fn(&mut Reader<u8>) -> &Snapshot<u8> = Reader::snapshot;
    let _: fn(&Snapshot<u8>) -> u64 = Snapshot::version;
    let _: fn(&Snapshot<u8>, &Snapshot<u8>) -> bool = Snapshot::ptr_eq;
}

#[test]
fn g13_a_view_has_everything_that_does_not_write() {
    let _: fn(&AtomView<u8>) -> Snapshot<u8> = AtomView::load;
    let _: fn(&AtomView<u8>, fn(&u8) -> String) -> String = AtomView::with;
    let _: fn(&AtomView<u8>) -> u64 = AtomView::version;
    let _: fn(&AtomView<u8>) -> Reader<u8> = AtomView::reader;
    let _: fn(&AtomView<u8>) -> bool = AtomView::is_closed;
    let _: fn(&AtomView<u8>, &AtomView<u8>) -> bool = AtomView::ptr_eq;

    let _: fn(&AtomView<u8>) -> Changes<u8> = AtomView::changes;
    let _: fn(&AtomView<u8>, usize) -> BoundedChanges<u8> = AtomView::changes_bounded;
    let _: fn(&AtomView<u8>) -> Snapshots<u8> = AtomView::snapshots;
    let _: fn(&AtomView<u8>, Test) -> Result<Snapshot<u8>, Closed> = AtomView::blocking_wait_for;
    let _: fn(&AtomView<u8>, Test, Duration) -> Result<Option<Snapshot<u8>>, Closed> =
        AtomView::blocking_wait_for_timeout;

    let _: for<'a> fn(&'a AtomView<u8>, u64, fn(&WatchEvent<'_, u8>)) -> &'a AtomView<u8> =
        AtomView::add_watch;
    let _: fn(&AtomView<u8>, &'static str) -> bool = AtomView::remove_watch;
    let _: fn(&AtomView<u8>) -> Vec<WatchKey> = AtomView::watch_keys;
}

fn gives<R>(future: impl Future<Output = R>) -> impl Future<Output = R> {
    future
}

fn lasting<R>(future: impl Future<Output = R> + 'static) -> impl Future<Output = R> + 'static {
    future
}

#[test]
fn g13_futures_give_the_types_that_are_promised() {
    let atom = Atom::new(1_u8);
    let seen = atom.load();
    drop(gives::<Snapshot<u8>>(atom.wait_for(|n| *n == 1)));
    drop(gives::<String>(atom.wait_map(|n| Some(n.to_string()))));
    drop(gives::<Snapshot<u8>>(atom.swap_when(|n| *n == 1, |n| *n)));
    drop(gives::<Change<u8>>(atom.changed()));
    drop(gives::<Snapshot<u8>>(atom.changed_since(&seen)));

    let view = atom.view();
    drop(gives::<Result<Snapshot<u8>, Closed>>(
        view.wait_for(|n| *n == 1),
    ));
    drop(gives::<Result<u8, Closed>>(view.wait_map(|n| Some(*n))));
    drop(gives::<Result<Snapshot<u8>, Closed>>(
        view.changed_since(&seen),
    ));
    drop(lasting::<Result<Change<u8>, Closed>>(view.changed()));
}

#[test]
fn g13_the_closures_may_keep_state_and_borrow_where_no_task_waits() {
    let atom = Atom::new(1_u8);
    let (mut calls, bound) = (0, 1_u8);
    atom.swap(|n| {
        calls += 1;
        n + bound
    });
    assert_eq!(*atom.blocking_wait_for(|n| *n > bound), 2);
    let found = atom.blocking_wait_for_timeout(|n| *n < bound, Duration::ZERO);
    assert!(found.is_none());

    // The update of `swap_when` runs in its own poll, so that it may borrow too.
    let wait = atom.swap_when(
        |n| *n == 2,
        |n| {
            calls += 1;
            n + bound
        },
    );
    assert_eq!(*futures::executor::block_on(wait), 3);
    assert_eq!(calls, 2);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn g13_spawn_watch_gives_a_join_handle() {
    let atom = Atom::new(1_u8);
    let one: tokio::task::JoinHandle<()> = atom.spawn_watch(|_change: Change<u8>| async {});
    let view = atom.view();
    let two: tokio::task::JoinHandle<()> = view.spawn_watch(|change| async move { drop(change) });
    one.abort();
    two.abort();
}

fn is_error<E: Error + Debug + Display>(_: &E) {}

/// Without any trait of its own.
struct Bare;

#[test]
fn g13_conflict_is_debug_and_an_error_without_bounds() {
    let atom = Atom::new(Bare);
    let old = atom.load();
    atom.reset(Bare);
    let conflict = atom.compare_exchange(&old, Bare).err().expect("stale");
    is_error(&conflict);
    assert!(!format!("{conflict}").is_empty());
    assert!(!format!("{conflict:?}").is_empty());
    let Conflict { current, rejected } = conflict;
    let _: (Snapshot<Bare>, Bare) = (current, rejected);
}

#[test]
fn g13_lagged_and_closed_are_errors() {
    let lagged = Lagged { missed: 3 };
    is_error(&lagged);
    assert_eq!(lagged.missed, 3);
    assert!(lagged.to_string().contains('3'));
    is_error(&Closed);
    assert!(!Closed.to_string().is_empty());
}

#[test]
fn g13_snapshots_compare_print_and_hash_as_their_value() {
    fn through_value<T: Clone + Debug + Display + Eq + Hash>(_: &T) {}
    let one = Atom::new("text").load();
    let two = Atom::new("text").load();
    through_value(&one);
    assert_eq!(one, two);
    assert!(!Snapshot::ptr_eq(&one, &two));
    assert_eq!(one.to_string(), "text");
    assert_eq!(format!("{one:?}"), "\"text\"");
    assert!(HashSet::from([one.clone()]).contains(&two));
    assert_eq!(two.len(), 4, "the methods of the value are at hand");

    let other = Atom::new("uext").load();
    assert_ne!(one, other);
    assert!(one < other && other > two);
    assert_eq!((one.cmp(&other), one.cmp(&two)), (Less, Equal));
    let hasher = RandomState::new();
    assert_eq!(hasher.hash_one(&one), hasher.hash_one("text"));
}

#[test]
fn g13_handles_streams_and_events_say_what_they_are() {
    let atom = Atom::new("shown");
    let (view, changes) = (atom.view(), atom.changes());
    let (bounded, snapshots) = (atom.changes_bounded(1), atom.snapshots());
    let (weak, reader) = (atom.downgrade(), atom.reader());
    let (said, event) = channel();
    atom.add_watch("key", move |e| drop(said.send(format!("{e:?}"))));
    atom.reset("new");
    let event = event.recv().expect("the watch was called");
    for part in ["WatchEvent", "key", "shown", "new"] {
        assert!(event.contains(part), "{part} in {event}");
    }
    let [number, text] = [WatchKey::from(7), "seven".into()].map(|key| format!("{key:?}"));
    assert!(number.contains('7') && text.contains("\"seven\""));
    assert!(format!("{view:?}").contains("AtomView"));
    assert!(format!("{view:?}").contains("\"new\""));
    assert!(format!("{weak:?}").contains("WeakAtom"));
    assert!(format!("{reader:?}").contains("Reader"));
    assert!(format!("{changes:?}").contains("Changes"));
    assert!(format!("{bounded:?}").contains("BoundedChanges"));
    assert!(format!("{snapshots:?}").contains("Snapshots"));
}

#[test]
fn g13_formatting_options_reach_the_value() {
    let number = Atom::new(7_u8).load();
    assert_eq!(format!("{number:>4}"), "   7");
    assert_eq!(format!("{number:02?}"), "07");
}

#[test]
fn g13_atoms_are_made_from_values_and_defaults() {
    assert_eq!(*Atom::<Vec<u8>>::default().load(), Vec::<u8>::new());
    assert_eq!(*Atom::from(7).load(), 7);
    assert!(format!("{:?}", Atom::new("shown")).contains("shown"));
    let change = Atom::new(1).reset_vals(2);
    assert!(format!("{:?}", change.clone()).contains('2'));
    let Change { old, new } = change;
    assert_eq!((*old, *new), (1, 2));
}

#[test]
fn g13_clones_are_the_same_atom() {
    let (atom, other) = (Atom::new(1), Atom::new(1));
    let clone = atom.clone();
    clone.reset(2);
    assert_eq!(*atom.load(), 2);
    assert!(atom.ptr_eq(&clone) && !atom.ptr_eq(&other));
    assert!(atom.view().ptr_eq(&clone.view().clone()));
    assert!(!atom.view().ptr_eq(&other.view()));
    let back = atom.downgrade().upgrade().expect("open");
    assert!(back.ptr_eq(&atom));
}

#[test]
fn g13_watch_keys_differ_by_kind_and_compare_by_text() {
    fn key<K: Into<WatchKey>>(key: K) -> WatchKey {
        key.into()
    }
    fn usable<K: Clone + Debug + Display + Eq + Hash>(_: &K) {}
    usable(&key("1"));
    assert_ne!(key("1"), key(1_u64));
    assert_eq!(key("name"), key(String::from("name")));
    assert_eq!(key(1_u64), key(1_u64));
    assert_ne!(key("a"), key("b"));
    assert_eq!(key("name").to_string(), "name");
    assert_eq!(key(12_u64).to_string(), "12");
    let set = HashSet::from([key("name")]);
    assert!(set.contains(&key(String::from("name"))));
    assert!(!set.contains(&key(1_u64)));
}

#[test]
#[should_panic(expected = "capacity")]
fn g13_a_bounded_stream_refuses_capacity_zero() {
    drop(Atom::new(1).changes_bounded(0));
}
