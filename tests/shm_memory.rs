//! What atoms and cells in files cost in memory, counted by the allocator: waits that are cancelled
//! leave nothing (G8), what is there is taken without memory, buffers are used again, and a length
//! that is damaged takes none (P3).
#![cfg(all(feature = "shm", not(loom)))]
#![allow(unsafe_code)]

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::VecDeque,
    fs::File,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use atomos::{
    Snapshot,
    shm::{self, ShmError},
};
use futures::Stream;
use support::TempPath;

/// Of all threads: one that sleeps for the tasks may free what they have made.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How often this thread has asked for memory.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator, unchanged; the numbers beside it
// neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        TOTAL.fetch_add(layout.size(), Relaxed);
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's duties are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `memory` came from `alloc` above, that is from the system, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CYCLES: usize = 100_000;

// One function: the measurements must not run beside each other.
#[test]
fn g08_memory() {
    let (cell_path, atom_path) = (TempPath::new("memory"), TempPath::new("memory"));
    let cell = shm::Atomic::open(&cell_path, 0_u64).unwrap();
    let atom = shm::Atom::open(&atom_path, "n", || 0_u64).unwrap();
    // From here on the thread has told both values.
    cell.set(1);
    assert_eq!(cell.blocking_wait_for(|n| n == 1), 1);
    cancelling_leaves_nothing("cell", || parked(cell.wait_at_least(9)));
    cancelling_leaves_nothing("atom", || parked(atom.wait_for(|n| *n == 9)));
    overlapping_leaves_nothing("cell", || parked(cell.wait_at_least(9)));
    overlapping_leaves_nothing("atom", || parked(atom.wait_for(|n| *n == 9)));
    what_is_there_is_taken_without_memory(&cell, &atom);
    buffers_are_used_again();
    p3_a_damaged_length_takes_no_memory();
}

fn parked<F: Future>(wait: F) -> Pin<Box<F>> {
    let mut wait = Box::pin(wait);
    let mut context = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    wait
}

/// By how much the live bytes exceed, at most, what they were before `cycles`.
fn growth(cycles: usize, mut cycle: impl FnMut()) -> usize {
    (0..10).for_each(|_| cycle());
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    (0..cycles).for_each(|_| cycle());
    PEAK.load(Relaxed) - before
}

/// Who is the last to come, and leaves, takes his record with him.
fn cancelling_leaves_nothing<W>(name: &str, wait: impl Fn() -> W) {
    let peak = growth(CYCLES, || drop(wait()));
    println!("{CYCLES} cancelled, of a {name}: at most {peak} bytes");
    assert!(peak <= 3 * 1024, "{name}: {peak} bytes");
}

/// The records of others go when there are some of them.
fn overlapping_leaves_nothing<W>(name: &str, wait: impl Fn() -> W) {
    let mut window = VecDeque::with_capacity(3);
    let peak = growth(CYCLES, || {
        window.push_back(wait());
        if window.len() > 2 {
            drop(window.pop_front());
        }
    });
    println!("{CYCLES} overlapping, of a {name}: at most {peak} bytes");
    assert!(peak <= 32 * 1024, "{name}: {peak} bytes");
}

/// A stream that has something to give registers nobody.
fn what_is_there_is_taken_without_memory(cell: &shm::Atomic<u64>, atom: &shm::Atom<u64>) {
    let (mut values, mut snapshots) = (cell.values(), atom.snapshots());
    for n in 100..200 {
        cell.set(n);
        let current = atom.reset(n).unwrap();
        let before = CALLS.get();
        assert_eq!(next(&mut values), Some(n));
        let taken = next(&mut snapshots).unwrap().unwrap();
        assert_eq!(CALLS.get(), before);
        assert!(Snapshot::ptr_eq(&taken, &current));
    }
}

fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_next(&mut context) {
        Poll::Ready(item) => item,
        Poll::Pending => panic!("there is something"),
    }
}

fn buffers_are_used_again() {
    const LEN: usize = 256 << 10;
    let path = TempPath::new("memory");
    let open = || shm::Atom::open(&path, "text", String::new).unwrap();
    let (writer, reader) = (open(), open());
    let cycle = |n: usize| {
        let value = char::from(b'a' + n as u8 % 26).to_string().repeat(LEN);
        writer.reset(value).unwrap();
        assert_eq!(reader.load().unwrap().len(), LEN);
    };
    (0..4).for_each(cycle);
    let before = TOTAL.load(Relaxed);
    (0..100).for_each(cycle);
    let each = (TOTAL.load(Relaxed) - before) / 100;
    println!("a value of {LEN} bytes, written and read: {each} bytes are allocated");
    // The value itself, here and there.
    assert!(each <= 2 * LEN + 4096, "{each} bytes");
}

fn p3_a_damaged_length_takes_no_memory() {
    let path = TempPath::new("memory");
    let atom = shm::Atom::open(&path, "n", || 0_u64).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    for len in [1_u64 << 30, 1 << 24, (1 << 16) + 1] {
        // Of the first slot: see `src/shm/slot.rs`.
        file.write_all_at(&len.to_ne_bytes(), 1024 + 24).unwrap();
        assert!(matches!(atom.load(), Err(ShmError::Truncated)));
        let looked = shm::inspect(&path).unwrap().value;
        assert!(matches!(looked, Err(ShmError::Truncated)));
    }
    let peak = PEAK.load(Relaxed) - before;
    assert!(peak <= 64 * 1024, "{peak} bytes");
}
