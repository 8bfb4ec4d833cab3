//! What an atom and those who wait for it cost in memory, counted by the allocator:
//! bytes per atom, commit, wait and undelivered change (run with `--nocapture` to
//! see the figures), reads that allocate nothing, and cancellation that leaves
//! nothing behind (G8), however often and beside whomever.

#![cfg(not(loom))]
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::mem::size_of;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use atomos::{Atom, Change, Snapshot};
use futures::Stream;

thread_local! {
    // By thread, so that the test's own harness does not disturb the count;
    // nothing here is freed by another thread than the one that allocated it.
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

impl Counting {
    fn add(size: usize) {
        CALLS.set(CALLS.get() + 1);
        LIVE.set(LIVE.get().wrapping_add(size));
        PEAK.set(PEAK.get().max(LIVE.get()));
    }

    fn remove(size: usize) {
        LIVE.set(LIVE.get().wrapping_sub(size));
    }
}

// SAFETY: every call is passed on to the system's allocator, unchanged; the cells
// touched beside it are constants without a destructor, which neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size());
        // SAFETY: the caller's duties are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Counting::remove(layout.size());
        // SAFETY: `memory` came from `alloc` above, that is from the system, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Without optimisation a cycle costs twenty times as much.
const CYCLES: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
const MANY: usize = 10_000;
const CROWD: usize = 100_000;

// One function: the measurements must not run beside each other.
#[test]
fn g8_memory() {
    bytes_each();
    reading_allocates_nothing();
    cancelling_leaves_nothing(None);
    cancelling_leaves_nothing(Some("beside a parked wait"));
    overlapping_leaves_nothing();
    commits_leave_nothing();
    a_crowd_is_linear();
    a_backlog_leaves_no_room_behind();
}

/// The bytes that `make` leaves allocated, for each of `count` calls. The values are
/// kept in a vector that was there before.
fn bytes_per<V>(what: &str, count: usize, make: impl FnMut() -> V) -> f64 {
    let mut kept = Vec::with_capacity(count);
    let before = LIVE.get();
    kept.extend(std::iter::repeat_with(make).take(count));
    let bytes = (LIVE.get() - before) as f64 / count as f64;
    println!(
        "{what:<44} {bytes:>8.1} bytes, and {} in the handle",
        size_of::<V>()
    );
    bytes
}

fn bytes_each() {
    let new = bytes_per("an atom of u64", MANY, || Atom::new(7_u64));
    assert!(new <= 256.0, "an atom is small before anybody waits: {new}");

    let used = bytes_per("an atom of u64 that somebody waited for", MANY, || {
        let atom = Atom::new(7_u64);
        cancel(atom.wait_for(|value| *value == u64::MAX));
        atom
    });
    assert!(
        used <= 768.0,
        "and what it needs for that is bounded: {used}"
    );

    let atom = Atom::new(0_u64);
    let commit = bytes_per("a snapshot of u64 that is held", MANY, || atom.reset(7));
    assert!(
        commit <= 64.0,
        "the value, its version and its bookkeeping: {commit}"
    );

    let wide = Atom::new([0_u64; 32]);
    let commit = bytes_per("a snapshot of 256 bytes that is held", MANY, || {
        wide.reset([7; 32])
    });
    assert!(commit <= 256.0 + 40.0, "the value is there once: {commit}");

    let wait = bytes_per("a wait_for that is parked (boxed)", MANY, || {
        parked(Box::pin(atom.wait_for(|value| *value == u64::MAX)))
    });
    assert!(
        wait <= 320.0,
        "a wait is its future and one registration: {wait}"
    );

    let change = bytes_per("a parked changed (boxed)", MANY, || {
        parked(Box::pin(atom.changed()))
    });
    assert!(
        change <= 256.0,
        "a wait is its future and one registration: {change}"
    );

    let backlog = Atom::new(0_u64);
    let mut unpolled = backlog.changes();
    let undelivered = bytes_per("an undelivered change of a lossless stream", MANY, || {
        drop(backlog.reset(7));
    });
    assert!(undelivered <= 72.0, "a node of the history: {undelivered}");
    let before = LIVE.get();
    let mut other = backlog.changes();
    let stream = LIVE.get() - before;
    println!(
        "{:<44} {stream:>8} bytes, and {} in the handle",
        "a stream of changes",
        size_of_val(&other)
    );
    assert!(stream <= 256, "streams share the history: {stream}");
    assert!(poll_next(&mut other).is_pending());
    assert!(poll_next(&mut unpolled).is_ready());
}

fn reading_allocates_nothing() {
    let atom = Atom::new(7_u64);
    let mut reader = atom.reader();
    // What a thread allocates once.
    read_once(&atom);
    black_box(*reader.get());
    let before = CALLS.get();
    for _ in 0..1_000 {
        read_once(&atom);
        black_box(*reader.get());
    }
    assert_eq!(
        CALLS.get(),
        before,
        "load, with, version and reader allocate nothing"
    );

    // Nor does a reader that has to follow, nor a load of what was just committed.
    for value in 0..1_000 {
        atom.reset(value);
        let before = CALLS.get();
        assert_eq!(*reader.get(), value);
        read_once(&atom);
        assert_eq!(CALLS.get(), before, "nor after a commit");
    }
}

fn read_once(atom: &Atom<u64>) {
    black_box(atom.load());
    atom.with(|value| black_box(*value));
    black_box(atom.version());
}

type Cycle = (&'static str, fn(&Atom<u64>, &Snapshot<u64>));

/// Every way to wait, registered (polled once, without success) and dropped.
const CYCLES_OF: &[Cycle] = &[
    ("wait_for", |atom, _| cancel(atom.wait_for(|_| false))),
    ("wait_map", |atom, _| cancel(atom.wait_map(|_| None::<u64>))),
    ("swap_when", |atom, _| {
        cancel(atom.swap_when(|_| false, |value| *value))
    }),
    ("changed", |atom, _| cancel(atom.changed())),
    ("changed, never polled", |atom, _| drop(atom.changed())),
    ("changed_since", |atom, now| cancel(atom.changed_since(now))),
    ("changes", |atom, _| {
        assert!(poll_next(&mut atom.changes()).is_pending())
    }),
    ("changes, never polled", |atom, _| drop(atom.changes())),
    ("changes_bounded", |atom, _| {
        assert!(poll_next(&mut atom.changes_bounded(4)).is_pending());
    }),
    ("snapshots", |atom, _| {
        let mut snapshots = atom.snapshots();
        assert!(poll_next(&mut snapshots).is_ready(), "now");
        assert!(poll_next(&mut snapshots).is_pending());
    }),
    ("view.wait_for", |atom, _| {
        cancel(atom.view().wait_for(|_| false))
    }),
    ("view.changed", |atom, _| cancel(atom.view().changed())),
    ("watch", |atom, _| {
        atom.add_watch("cycle", |_| {});
        assert!(atom.remove_watch("cycle"));
    }),
];

/// G8: no registration is left behind, so a million of them need no more than a few.
fn cancelling_leaves_nothing(neighbour: Option<&str>) {
    for (name, cycle) in CYCLES_OF {
        let atom = Atom::new(0_u64);
        let now = atom.load();
        let _parked =
            neighbour.map(|_| parked(Box::pin(atom.wait_for(|value| *value == u64::MAX))));
        let (live, peak) = constant(|| cycle(&atom, &now));
        println!(
            "{CYCLES} cancelled {name} {}: {live} bytes left, at most {peak} in between",
            neighbour.unwrap_or("alone"),
        );
        assert!(peak <= 8 * 1024, "{name}: {peak} bytes");
        assert!(live <= 4 * 1024, "{name}: {live} bytes left");
    }
}

/// The same for registrations of which there is always another that is younger, and
/// with a commit now and then.
fn overlapping_leaves_nothing() {
    slide("wait_for", |atom| {
        parked(Box::pin(async move { atom.wait_for(|_| false).await }))
    });
    slide("swap_when", |atom| {
        parked(Box::pin(async move {
            atom.swap_when(|_| false, |value| *value).await
        }))
    });
    slide("changed", |atom| Box::pin(atom.view().changed()));
    slide("changes", |atom| atom.changes());
    slide("snapshots", |atom| {
        let mut snapshots = atom.snapshots();
        assert!(poll_next(&mut snapshots).is_ready(), "now");
        assert!(poll_next(&mut snapshots).is_pending());
        snapshots
    });
}

fn slide<W>(name: &str, register: impl Fn(Atom<u64>) -> W) {
    let atom = Atom::new(0_u64);
    let mut window = VecDeque::with_capacity(3);
    let mut cycles = 0_u64;
    let (live, peak) = constant(|| {
        window.push_back(register(atom.clone()));
        if window.len() > 2 {
            drop(window.pop_front());
        }
        cycles += 1;
        if cycles % 1_000 == 0 {
            drop(atom.reset(cycles));
        }
    });
    println!("{CYCLES} overlapping {name}: {live} bytes left, at most {peak} in between");
    assert!(peak <= 32 * 1024, "{name}: {peak} bytes");
    assert!(live <= 32 * 1024, "{name}: {live} bytes left");
}

/// The same with commits in between, whose history nobody needs any more (G10).
fn commits_leave_nothing() {
    let atom = Atom::new(0_u64);
    let _parked = parked(Box::pin(atom.wait_for(|value| *value == u64::MAX)));
    let (live, peak) = constant(|| {
        let mut seen = atom.changes();
        cancel(atom.wait_for(|_| false));
        let mut waiting = parked(Box::pin(atom.changed()));
        drop(atom.reset(7));
        let Change { new, .. } = ready(waiting.as_mut().poll(&mut idle()));
        assert_eq!(*new, 7);
        assert!(poll_next(&mut seen).is_ready());
    });
    println!("{CYCLES} commits, each seen: {live} bytes left, at most {peak} in between");
    assert!(peak <= 8 * 1024, "{peak} bytes");
    assert!(live <= 4 * 1024, "{live} bytes left");
}

/// Runs a cycle a few times, then very often: by how much the live bytes, at the end
/// and in between, then exceed what was there before.
fn constant(mut cycle: impl FnMut()) -> (usize, usize) {
    (0..10).for_each(|_| cycle());
    let before = LIVE.get();
    PEAK.set(before);
    (0..CYCLES).for_each(|_| cycle());
    (LIVE.get().saturating_sub(before), PEAK.get() - before)
}

/// Ten times as many waits cost ten times as much; once they are gone, so is their room.
fn a_crowd_is_linear() {
    let atom = Atom::new(0_u64);
    let before = LIVE.get();
    let few = crowd(&atom, CROWD / 10);
    let many = crowd(&atom, CROWD);
    assert!(many <= few * 2.0, "{few} bytes each became {many}");

    let left = LIVE.get() - before;
    crowd(&atom, CROWD);
    let again = LIVE.get() - before;
    println!(
        "{:<44} {left:>8} bytes",
        "left when all of them are cancelled"
    );
    assert!(left <= 32 * 1024, "{left} bytes left of {CROWD} waits");
    assert!(again <= left, "{left} bytes left became {again}");

    let mut waits = Vec::with_capacity(CROWD);
    let wait = || parked(Box::pin(atom.wait_for(|value| *value == 9)));
    waits.extend(std::iter::repeat_with(wait).take(CROWD));
    drop(atom.reset(9));
    drop(waits);
    let answered = LIVE.get() - before;
    println!("{:<44} {answered:>8} bytes", "left when all are answered");
    assert!(answered <= left, "{answered} bytes left of {CROWD} waits");
}

/// Room that a backlog has taken is given back once it has been told, and once it has been taken.
fn a_backlog_leaves_no_room_behind() {
    let atom = Atom::new(0_u64);
    let mut changes = atom.changes();
    let before = LIVE.get();
    // All but the first are told when this has returned, as one run.
    let (writer, count) = (atom.view(), CROWD as u64);
    let again = atom.downgrade();
    atom.add_watch("backlog", move |e| {
        if let (1, Some(atom)) = (**e.new, again.upgrade()) {
            (2..count).for_each(|n| drop(atom.reset(n)));
        }
    });
    drop(atom.reset(1));
    assert_eq!(*writer.load(), count - 1);
    atom.remove_watch("backlog");
    while poll_next(&mut changes).is_ready() {}
    let left = LIVE.get().saturating_sub(before);
    println!("{:<44} {left:>8} bytes", "left of a backlog of 100000");
    assert!(left <= 16 * 1024, "{left} bytes left");
}

/// The bytes that each of `count` waits takes while all are parked.
fn crowd(atom: &Atom<u64>, count: usize) -> f64 {
    let mut waits = Vec::with_capacity(count);
    let before = LIVE.get();
    let wait = || parked(Box::pin(atom.wait_for(|value| *value == u64::MAX)));
    waits.extend(std::iter::repeat_with(wait).take(count));
    let each = (LIVE.get() - before) as f64 / count as f64;
    println!("{count:>7} parked waits, each {each:>23.1} bytes");

    // A commit that concerns none of them; then they leave, from the middle and both ends.
    drop(atom.reset(1));
    drop(waits.drain(count / 4..count / 2));
    waits.reverse();
    drop(waits);
    drop(atom.reset(2));
    each
}

fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Polled once, and waiting.
fn parked<F: Future>(mut future: Pin<Box<F>>) -> Pin<Box<F>> {
    assert!(future.as_mut().poll(&mut idle()).is_pending());
    future
}

fn cancel(future: impl Future) {
    assert!(pin!(future).poll(&mut idle()).is_pending());
}

fn poll_next<S: Stream + Unpin>(stream: &mut S) -> std::task::Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut idle())
}

fn ready<T>(poll: std::task::Poll<T>) -> T {
    match poll {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it should have been ready"),
    }
}
