//! G1, G3: the cases of the original library's `tests/test_atom.py` and `tests/test_aref.py`
//! (Python's `atomos`, by Max Countryman), for threads, and the examples of its README and
//! documentation.
//!
//! | original | here |
//! |---|---|
//! | test_atom_deref | load_gives_the_value |
//! | test_atom_swap | swap_updates_by_a_function |
//! | test_atom_reset | reset_gives_the_new_value |
//! | test_atom_compare_and_set | compare_and_set_succeeds_once |
//! | test_concurrent_swap | ten_threads_swap_without_losing_one |
//! | test_concurrent_compare_and_set | ten_threads_compare_and_set_as_often_as_they_are_told |
//! | test_aref_get_watches | a_new_atom_has_no_watches |
//! | test_aref_add_watch | an_added_watch_is_listed |
//! | test_aref_remove_watch | a_removed_watch_is_not_listed |
//! | test_aref_notify_watches | every_watch_is_told_key_atom_old_and_new |
//! | README: chat clients; documentation of Atom: log_new_clients | the_clients_of_the_readme |
//!
//! Without counterpart:
//!
//! - an ARef that holds no value, and `notify_watches` without a commit: a commit notifies.
//! - a value of another type in `reset`: an atom has one type.
//!
//! Not covered here, since they share between processes: the same cases with
//! `multiprocessing.Process` and the Atom of `atomos.multiprocessing.atom` (in older versions
//! `tests/test_multiprocessing_atom.py` with test_parallel_swap).
#![cfg(not(loom))]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use atomos::{Atom, WatchKey};

const THREADS: usize = 10;
const LOOPS: usize = 1_000;

type Dict = BTreeMap<&'static str, &'static str>;

fn in_ten_threads(f: impl Fn() + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                (0..LOOPS).for_each(|_| f());
            });
        }
    });
}

#[test]
fn load_gives_the_value() {
    assert_eq!(*Atom::new(Dict::new()).load(), Dict::new());
}

#[test]
fn swap_updates_by_a_function() {
    let atom = Atom::new(Dict::new());
    let update = |state: &Dict, key, value| {
        let mut state = state.clone();
        state.insert(key, value);
        state
    };
    let new = atom.swap(|state| update(state, "foo", "bar"));
    assert_eq!(*new, Dict::from([("foo", "bar")]));
    assert_eq!(atom.load(), new);
}

#[test]
fn reset_gives_the_new_value() {
    let atom = Atom::new("");
    assert_eq!(*atom.reset("foo"), "foo");
    assert_eq!(*atom.load(), "foo");
}

#[test]
fn compare_and_set_succeeds_once() {
    let atom = Atom::new("");
    atom.reset("foo");
    assert!(atom.compare_and_set(&"foo", "bar"));
    assert!(!atom.compare_and_set(&"foo", "bar"));
    assert_eq!(*atom.load(), "bar");
}

#[test]
fn ten_threads_swap_without_losing_one() {
    let atom = Atom::new(0);
    in_ten_threads(|| drop(atom.swap(|n| n + 1)));
    assert_eq!(*atom.load(), THREADS * LOOPS);
}

#[test]
fn ten_threads_compare_and_set_as_often_as_they_are_told() {
    let (atom, successes) = (Atom::new(0), AtomicUsize::new(0));
    in_ten_threads(|| {
        let old = *atom.load();
        if atom.compare_and_set(&old, old + 1) {
            successes.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(*atom.load(), successes.into_inner());
    assert_eq!(atom.version(), *atom.load() as u64);
}

#[test]
fn a_new_atom_has_no_watches() {
    assert!(Atom::new(()).watch_keys().is_empty());
}

#[test]
fn an_added_watch_is_listed() {
    let atom = Atom::new(0);
    atom.add_watch("foo", |_| {});
    assert_eq!(atom.watch_keys(), [WatchKey::from("foo")]);
}

#[test]
fn a_removed_watch_is_not_listed() {
    let (atom, calls) = (Atom::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    atom.add_watch("foo", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    atom.reset(1);
    assert!(atom.remove_watch("foo"));
    assert!(!atom.remove_watch("foo"), "it is gone");
    atom.reset(2);
    assert!(atom.watch_keys().is_empty());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn every_watch_is_told_key_atom_old_and_new() {
    let (atom, told) = (Atom::new("a"), Arc::new(Mutex::new(Vec::new())));
    let view = atom.view();
    for key in ["foo", "bar", "baz"] {
        let (told, view) = (told.clone(), view.clone());
        atom.add_watch(key, move |event| {
            assert!(event.atom.ptr_eq(&view));
            let seen = (event.key.to_string(), **event.old, **event.new);
            told.lock().expect("not poisoned").push(seen);
        });
    }
    atom.reset("b");
    let told = told.lock().expect("not poisoned");
    let expected = ["foo", "bar", "baz"].map(|key| (key.to_owned(), "a", "b"));
    assert_eq!(*told, expected);
}

#[test]
fn the_clients_of_the_readme() {
    #[derive(Clone, Default)]
    struct State {
        active_conns: u32,
        clients: BTreeSet<&'static str>,
    }
    fn new_client(state: &State, client: &'static str) -> State {
        let mut state = state.clone();
        state.clients.insert(client);
        state.active_conns += 1;
        state
    }
    let (state, log) = (
        Atom::new(State::default()),
        Arc::new(Mutex::new(Vec::new())),
    );
    let lines = log.clone();
    state.add_watch("log_new_clients", move |event| {
        if event.new.active_conns > event.old.active_conns {
            let new = event.new.clients.difference(&event.old.clients);
            lines.lock().expect("not poisoned").extend(new.copied());
        }
    });
    state.swap(|state| new_client(state, "foo"));
    state.swap(|state| State {
        active_conns: state.active_conns - 1,
        ..state.clone()
    });
    state.swap(|state| new_client(state, "bar"));
    assert_eq!(state.load().active_conns, 1);
    assert_eq!(*log.lock().expect("not poisoned"), ["foo", "bar"]);
}
