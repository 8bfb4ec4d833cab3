//! G13: nothing is asked of the value but where a method compares, creates or
//! moves one to another thread; and equal writes are commits.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use atomos::{Atom, AtomView, Snapshot, WatchEvent};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use tokio_test::{assert_ready, assert_ready_eq, task};

/// Everything on an atom of any value; compiled without a single bound.
fn everything<T>(make: impl Fn() -> T) {
    let atom = Atom::new(make());
    reads(&atom);
    writes(&atom, &make);
    waits(&atom, &make);
    streams(atom, &make);
}

fn reads<T>(atom: &Atom<T>) {
    let snapshot = atom.load();
    let same = atom.with(|value| std::ptr::eq(value, &*snapshot));
    assert!(same, "one allocation");
    let mut reader = atom.reader();
    assert!(std::ptr::eq(reader.get(), &*snapshot));
    assert!(Snapshot::ptr_eq(reader.clone().snapshot(), &snapshot));
    assert!(Snapshot::ptr_eq(&atom.view().load(), &snapshot));
    assert!(atom.downgrade().upgrade().expect("open").ptr_eq(atom));
}

fn writes<T>(atom: &Atom<T>, make: &impl Fn() -> T) {
    let version = atom.version();
    atom.reset(make());
    atom.reset_vals(make());
    atom.swap(|_| make());
    atom.swap_vals(|_| make());
    assert!(atom.swap_if(|_| None).is_none());
    assert!(atom.swap_if(|_| Some(make())).is_some());
    assert!(atom.try_swap(|_| Ok::<_, T>(make())).is_ok());
    atom.modify(|_| (make(), ()));
    let current = atom.load();
    assert!(atom.compare_exchange(&current, make()).is_ok());
    assert!(atom.compare_exchange(&current, make()).is_err());
    assert_eq!(atom.version(), version + 8);
}

fn waits<T>(atom: &Atom<T>, make: &impl Fn() -> T) {
    let seen = atom.load();
    let changed = atom.changed();
    let of_view = atom.view().changed();
    atom.reset(make());
    assert!(Snapshot::ptr_eq(&block_on(changed).old, &seen));
    assert!(block_on(of_view).is_ok());
    assert!(!Snapshot::ptr_eq(
        &block_on(atom.changed_since(&seen)),
        &seen
    ));
    let newer = atom.blocking_wait_for(|_| true);
    assert!(
        atom.blocking_wait_for_timeout(|_| false, Duration::ZERO)
            .is_none()
    );
    assert!(Snapshot::ptr_eq(&atom.load(), &newer));
}

fn streams<T>(atom: Atom<T>, make: &impl Fn() -> T) {
    let (changes, bounded, snapshots) = (atom.changes(), atom.changes_bounded(1), atom.snapshots());
    let view = atom.view();
    atom.reset(make());
    atom.reset(make());
    assert!(!view.remove_watch("none") && view.watch_keys().is_empty());
    drop(atom);
    assert_eq!(block_on(changes.count()), 2);
    assert_eq!(block_on(bounded.count()), 2, "a lag and a change");
    assert_eq!(block_on(snapshots.count()), 1);
    assert!(view.is_closed());
}

/// No trait at all.
struct Bare;

#[test]
fn g13_a_value_without_any_trait() {
    everything(|| Bare);
}

#[test]
fn g13_a_value_that_stays_on_its_thread() {
    everything(|| Rc::new(1));
    everything(|| Cell::new(1));
    everything(|| RefCell::new(Rc::new(1)));
}

#[test]
fn g13_a_value_that_borrows() {
    let text = String::from("local");
    everything(|| text.as_str());
    everything(|| &text);
    everything(|| Box::new(|| text.len()));
}

#[test]
fn g13_a_value_without_size_or_with_much() {
    everything(|| ());
    everything(|| [0_u8; 10_000]);
    everything(|| Align([1]));
}

#[repr(align(128))]
struct Align([u8; 1]);

#[test]
fn g13_a_value_keeps_its_alignment() {
    let atom = Atom::new(Align([7]));
    let snapshot = atom.load();
    assert_eq!(std::ptr::from_ref(&*snapshot).addr() % 128, 0);
    assert_eq!(snapshot.0, [7]);
}

/// Predicates, watches and the line on a value that is neither Send nor Sync.
#[test]
fn g13_waits_and_watches_of_a_value_that_stays_on_its_thread() {
    let atom = Atom::new(Rc::new(Cell::new(0)));
    atom.add_watch("w", |event: &WatchEvent<'_, Rc<Cell<i32>>>| {
        event.new.set(event.new.get() + 100);
    });
    let mut wait = task::spawn(atom.wait_for(|n| n.get() % 10 == 1));
    let mut turn =
        task::spawn(atom.swap_when(|n| n.get() % 10 == 2, |n| Rc::new(Cell::new(n.get() + 5))));
    assert!(wait.poll().is_pending() && turn.poll().is_pending());
    atom.reset(Rc::new(Cell::new(1)));
    assert!(wait.is_woken() && !turn.is_woken());
    assert!(wait.poll().is_ready());
    atom.reset(Rc::new(Cell::new(2)));
    assert!(turn.poll().is_ready());
    assert_eq!(atom.load().get(), 207, "102 and 5 and 100");
}

#[test]
fn g13_waits_on_a_value_that_borrows() {
    let (first, second) = (String::from("first"), String::from("second"));
    let atom = Atom::new(first.as_str());
    let view: AtomView<&str> = atom.view();
    let mut wait = task::spawn(view.wait_for(|text| text.len() == 6));
    let mut map = task::spawn(atom.wait_map(|text| text.strip_prefix("sec").map(str::len)));
    assert!(wait.poll().is_pending() && map.poll().is_pending());
    atom.reset(&second);
    let seen = assert_ready!(wait.poll()).expect("open");
    assert_eq!(*seen, "second");
    assert_ready_eq!(map.poll(), 3);
}

#[test]
fn g13_equal_writes_count_as_commits() {
    let atom = Atom::new(1);
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = calls.clone();
    atom.add_watch("w", move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let (changed, changes, seen) = (atom.changed(), atom.changes(), atom.load());
    let mut snapshots = atom.snapshots();
    assert!(snapshots.next().now_or_never().is_some());
    atom.reset(1);
    atom.swap(|n| *n);
    assert!(atom.compare_and_set(&1, 1));
    assert_eq!(
        (
            atom.version(),
            calls.load(std::sync::atomic::Ordering::SeqCst)
        ),
        (3, 3)
    );
    assert_eq!(
        Snapshot::version(&changed.now_or_never().expect("committed").new),
        1
    );
    assert!(atom.changed_since(&seen).now_or_never().is_some());
    assert!(snapshots.next().now_or_never().is_some());
    drop(atom);
    assert_eq!(changes.count().now_or_never(), Some(3));
}

#[test]
fn g13_compare_and_set_compares_as_the_value_does() {
    let atom = Atom::new(f64::NAN);
    assert!(!atom.compare_and_set(&f64::NAN, 1.0), "not equal to itself");
    atom.reset(0.0);
    assert!(atom.compare_and_set(&-0.0, 2.0), "equal as numbers");
}

/// `catch_unwind` takes atoms and views as they are.
#[test]
fn g13_atoms_and_views_cross_catch_unwind() {
    let atom = Atom::new(Cell::new(1));
    let view = atom.view();
    let result = catch_unwind(|| {
        view.with(Cell::get);
        atom.reset(Cell::new(2));
        panic!("after the write");
    });
    assert!(result.is_err());
    assert_eq!(atom.with(Cell::get), 2);
    drop(catch_unwind(AssertUnwindSafe(|| drop(atom))));
}
