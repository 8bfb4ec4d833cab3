//! G8, G10: what a cell and those who wait for it cost in memory, counted by the allocator:
//! nothing before somebody waits, bounded bytes for each that does (run with `--nocapture` to see the
//! figures), and nothing that is left behind by those who went.
#![cfg(not(loom))]
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};

use atomos::{Adder, Atomic, AtomicReference, AtomicU64};
use futures::Stream;

thread_local! {
    // By thread, so that the test's own harness does not disturb the count;
    // nothing here is freed by another thread than the one that allocated it.
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator, unchanged; the cells
// touched beside it are constants without a destructor, which neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        LIVE.set(LIVE.get().wrapping_add(layout.size()));
        PEAK.set(PEAK.get().max(LIVE.get()));
        // SAFETY: the caller's duties are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
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
fn g10_memory_of_cells() {
    unobserved_cells_allocate_nothing();
    bytes_each();
    writes_beside_levels_allocate_nothing();
    cancelling_leaves_nothing(false);
    cancelling_leaves_nothing(true);
    overlapping_leaves_nothing();
    overlapping_at_a_reference_leaves_nothing();
    answers_leave_nothing(true);
    answers_leave_nothing(false);
    references_are_dropped_at_once();
    for kind in CROWDS {
        a_crowd_is_linear(kind);
    }
}

fn allocations(f: impl FnOnce()) -> usize {
    let before = CALLS.get();
    f();
    CALLS.get() - before
}

fn every_verb(cell: &AtomicU64) {
    for n in 0..1_000 {
        cell.set(n);
        black_box(cell.get_and_set(cell.get() + 1));
        black_box(cell.compare_and_set(n, n + 1));
        black_box(cell.update_and_get(|n| n + 1));
        black_box(cell.increment_and_get());
        black_box(cell.max_and_get(n));
        black_box(cell.get_and_bitwise_or(1));
    }
}

fn unobserved_cells_allocate_nothing() {
    let made = allocations(|| {
        let cell = black_box(Atomic::new(0_u64));
        every_verb(&cell);
        // A wait that holds already finds nothing to wait for.
        assert!(pin!(cell.wait_at_least(1)).poll(&mut idle()).is_ready());
        assert!(pin!(cell.changed_from(0)).poll(&mut idle()).is_ready());
        drop(cell.wait_equal(7));
        drop(cell.values());
    });
    assert_eq!(made, 0, "nobody waits");
    // Also when somebody has waited, and is gone; the first write clears up.
    let cell = Atomic::new(0_u64);
    cancel(cell.wait_at_least(u64::MAX));
    cancel(cell.wait_for(|_| false));
    cell.set(0);
    assert_eq!(
        allocations(|| every_verb(&cell)),
        0,
        "nobody waits any more"
    );
    let adder = Adder::<u64>::new();
    assert_eq!(allocations(|| (0..1_000).for_each(|n| adder.add(n))), 0);
    let (reference, kept) = (AtomicReference::new(0), Arc::new(1));
    black_box(reference.get());
    let made = allocations(|| {
        for _ in 0..1_000 {
            reference.set(kept.clone());
            black_box(reference.get());
        }
    });
    assert!(made <= 16, "what a thread needs once for arc-swap: {made}");
}

/// Levels are compared with, not called: many of them ask for nothing, either.
fn writes_beside_levels_allocate_nothing() {
    let cell = Atomic::new(0_u64);
    let wait = |n: usize| parked(Box::pin(cell.wait_at_least(u64::MAX - n as u64)));
    let _waits: Vec<_> = (0..MANY).map(wait).collect();
    assert_eq!(allocations(|| every_verb(&cell)), 0);
    // Nor does a closure that a write has to call, once there is room for values.
    let _closure = parked(Box::pin(cell.wait_for(|n| n == u64::MAX)));
    every_verb(&cell);
    assert_eq!(allocations(|| every_verb(&cell)), 0);
}

/// The bytes that `make` leaves allocated, for each of `count` calls. The values are
/// kept in a vector that was there before.
fn bytes_per<V>(what: &str, most: f64, make: impl FnMut() -> V) {
    let mut kept = Vec::with_capacity(MANY);
    let before = LIVE.get();
    kept.extend(std::iter::repeat_with(make).take(MANY));
    let bytes = (LIVE.get() - before) as f64 / MANY as f64;
    println!(
        "{what:<48} {bytes:>8.1} bytes, and {} in the handle",
        size_of::<V>()
    );
    assert!(bytes <= most, "{what}: {bytes} bytes are more than {most}");
}

fn bytes_each() {
    bytes_per("a cell of u64", 0.0, || Atomic::new(7_u64));
    bytes_per("a cell of u64 that somebody waited for", 1_024.0, || {
        let cell = Atomic::new(7_u64);
        cancel(cell.wait_at_least(u64::MAX));
        cancel(cell.wait_for(|n| n == u64::MAX));
        cell
    });
    let cell = Atomic::new(0_u64);
    bytes_per("a parked wait_at_least of one level (boxed)", 256.0, || {
        parked(Box::pin(cell.wait_at_least(u64::MAX)))
    });
    let mut level = 0_u64;
    bytes_per(
        "a parked wait_equal of its own level (boxed)",
        256.0,
        || {
            level += 1;
            parked(Box::pin(
                cell.wait_equal(level.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            ))
        },
    );
    bytes_per("a parked changed_from (boxed)", 256.0, || {
        parked(Box::pin(cell.changed_from(0)))
    });
    bytes_per("a parked wait_for (boxed)", 320.0, || {
        parked(Box::pin(cell.wait_for(|n| n == u64::MAX)))
    });
    bytes_per("a parked update_when (boxed)", 320.0, || {
        parked(Box::pin(cell.update_when(|n| n == u64::MAX, |n| n)))
    });
    let shared = Arc::new(Atomic::new(0_u64));
    bytes_per("a parked stream of values (in place)", 256.0, || {
        let mut values = shared.clone().values_owned();
        assert!(poll_next(&mut values).is_ready(), "now");
        assert!(poll_next(&mut values).is_pending());
        values
    });
    let reference = AtomicReference::new(0_u64);
    bytes_per("a parked wait_for of a reference (boxed)", 320.0, || {
        parked(Box::pin(reference.wait_for(|n| **n == 1)))
    });
}

type Cycle = (&'static str, fn(&Arc<AtomicU64>, &AtomicReference<u64>));

/// Every way to wait for a cell that holds 0, registered and dropped.
const CYCLES_OF: &[Cycle] = &[
    ("wait_for", |cell, _| cancel(cell.wait_for(|_| false))),
    ("wait_map", |cell, _| cancel(cell.wait_map(|_| None::<u64>))),
    ("wait_equal", |cell, _| cancel(cell.wait_equal(7))),
    ("wait_at_least", |cell, _| cancel(cell.wait_at_least(7))),
    ("changed_from", |cell, _| cancel(cell.changed_from(0))),
    ("update_when", |cell, _| {
        cancel(cell.update_when(|_| false, |n| n))
    }),
    ("values", |cell, _| {
        let mut values = cell.values();
        assert!(poll_next(&mut values).is_ready(), "now");
        assert!(poll_next(&mut values).is_pending());
    }),
    ("values_owned", |cell, _| {
        let mut values = cell.clone().values_owned();
        assert!(poll_next(&mut values).is_ready(), "now");
        assert!(poll_next(&mut values).is_pending());
    }),
    ("wait_for of a reference", |_, cell| {
        cancel(cell.wait_for(|_| false))
    }),
    ("wait_map of a reference", |_, cell| {
        cancel(cell.wait_map(|_| None::<u64>))
    }),
    ("changed_from of a reference", |_, cell| {
        cancel(cell.changed_from(&cell.get()))
    }),
];

/// No registration is left behind, so a million of them need no more than a few.
fn cancelling_leaves_nothing(beside: bool) {
    for (name, cycle) in CYCLES_OF {
        let (cell, reference) = (Arc::new(Atomic::new(0_u64)), AtomicReference::new(0));
        let _parked = beside.then(|| {
            let closure = parked(Box::pin(cell.wait_for(|n| n == 99)));
            let level = parked(Box::pin(cell.wait_at_least(99)));
            (
                closure,
                level,
                parked(Box::pin(reference.wait_for(|n| **n == 99))),
            )
        });
        let (live, peak) = constant(|| cycle(&cell, &reference));
        let neighbour = if beside { "beside others" } else { "alone" };
        println!("{CYCLES} cancelled {name} {neighbour}: {live} bytes left, {peak} at most");
        assert!(peak <= 8 * 1024, "{name}: {peak} bytes");
        assert!(live <= 4 * 1024, "{name}: {live} bytes left");
    }
}

/// The same for registrations of which there is always another that is younger, and
/// with a write now and then.
fn overlapping_leaves_nothing() {
    type Parked<'a> = Pin<Box<dyn Future<Output = u64> + 'a>>;
    type Start = for<'a> fn(&'a AtomicU64) -> Parked<'a>;
    let starts: [(&str, Start); 4] = [
        ("wait_for", |cell| Box::pin(cell.wait_for(|_| false))),
        ("wait_at_least", |cell| Box::pin(cell.wait_at_least(99))),
        ("wait_equal", |cell| Box::pin(cell.wait_equal(99))),
        ("update_when", |cell| {
            Box::pin(cell.update_when(|_| false, |n| n))
        }),
    ];
    for (name, start) in starts {
        let cell = Atomic::new(0_u64);
        let mut window: VecDeque<Parked<'_>> = VecDeque::with_capacity(3);
        let mut cycles = 0_u64;
        let (live, peak) = constant(|| {
            let mut wait = start(&cell);
            assert!(wait.as_mut().poll(&mut idle()).is_pending());
            window.push_back(wait);
            if window.len() > 2 {
                drop(window.pop_front());
            }
            cycles += 1;
            if cycles % 1_000 == 0 {
                cell.set(cycles % 3);
            }
        });
        println!("{CYCLES} overlapping {name}: {live} bytes left, {peak} at most");
        assert!(peak <= 32 * 1024, "{name}: {peak} bytes");
        assert!(live <= 32 * 1024, "{name}: {live} bytes left");
    }
}

/// The same where nobody writes.
fn overlapping_at_a_reference_leaves_nothing() {
    let reference = AtomicReference::new(0);
    let mut before = None;
    let (live, peak) = constant(|| {
        let wait = parked(Box::pin(reference.wait_for(|_| false)));
        drop(before.replace(wait));
    });
    println!("{CYCLES} overlapping at a reference: {live} bytes left, {peak} at most");
    assert!(peak <= 32 * 1024, "{peak} bytes");
    assert!(live <= 32 * 1024, "{live} bytes left");
}

/// The same for waits that are answered, also where nobody fetches the answer.
fn answers_leave_nothing(fetched: bool) {
    let cell = Atomic::new(0_u64);
    let _parked = parked(Box::pin(cell.wait_for(|n| n == 99)));
    let (live, peak) = constant(|| {
        let mut waits = (
            parked(Box::pin(cell.wait_equal(1))),
            parked(Box::pin(cell.wait_for(|n| n == 1))),
            parked(Box::pin(cell.update_when(|n| n == 1, |_| 0))),
        );
        cell.set(1);
        if fetched {
            assert!(waits.0.as_mut().poll(&mut idle()).is_ready());
            assert!(waits.1.as_mut().poll(&mut idle()).is_ready());
        }
        assert!(waits.2.as_mut().poll(&mut idle()).is_ready());
    });
    let fate = if fetched { "fetched" } else { "left" };
    println!("{CYCLES} answers {fate}: {live} bytes left, {peak} at most");
    assert!(peak <= 8 * 1024, "{peak} bytes");
    assert!(live <= 4 * 1024, "{live} bytes left");
}

/// Parked waits keep no reference that the cell has let go of.
fn references_are_dropped_at_once() {
    let cell = AtomicReference::new([0_u8; 4_096]);
    let _waits: Vec<_> = (0..8)
        .map(|_| parked(Box::pin(cell.wait_for(|bytes| bytes[0] == 9))))
        .collect();
    let (live, peak) = constant(|| cell.set(Arc::new([1; 4_096])));
    println!("{CYCLES} references: {live} bytes left, {peak} at most");
    assert!(peak <= 3 * 4_096 && live <= 4_096, "{peak}, {live}");
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

type Parking = Pin<Box<dyn Future<Output = u64>>>;
type Start = (
    &'static str,
    &'static AtomicU64,
    fn(&'static AtomicU64, u64) -> Parking,
);

// In statics, since the waits are of any lifetime.
static CELLS: [AtomicU64; 3] = [const { Atomic::new(0) }; 3];
const CROWDS: [Start; 3] = [
    ("wait_at_least", &CELLS[0], |cell, n| {
        Box::pin(cell.wait_at_least(1_000 + n))
    }),
    ("wait_for", &CELLS[1], |cell, n| {
        Box::pin(cell.wait_for(move |m| m == 1_000 + n))
    }),
    ("update_when", &CELLS[2], |cell, n| {
        Box::pin(cell.update_when(move |m| m == 1_000 + n, |n| n))
    }),
];

/// Ten times as many waits cost ten times as much; once they are gone, so is their room.
fn a_crowd_is_linear((name, cell, start): Start) {
    let before = LIVE.get();
    let few = crowd(cell, name, start, CROWD / 10);
    let many = crowd(cell, name, start, CROWD);
    assert!(many <= few * 2.0, "{few} bytes each became {many}");
    let left = LIVE.get() - before;
    crowd(cell, name, start, CROWD);
    let again = LIVE.get() - before;
    println!("left when all of these {name} are cancelled: {left} bytes");
    assert!(left <= 32 * 1024, "{left} bytes left of {CROWD} waits");
    assert!(again <= left, "{left} bytes left became {again}");
}

/// The bytes that each of `count` waits takes while all are parked.
fn crowd(
    cell: &'static AtomicU64,
    name: &str,
    start: fn(&'static AtomicU64, u64) -> Parking,
    count: usize,
) -> f64 {
    let mut waits = Vec::with_capacity(count);
    let before = LIVE.get();
    waits.extend((0..count as u64).map(|n| {
        let mut wait = start(cell, n);
        assert!(wait.as_mut().poll(&mut idle()).is_pending());
        wait
    }));
    let each = (LIVE.get() - before) as f64 / count as f64;
    println!("{count:>7} parked {name}, each {each:>10.1} bytes");
    // A write that concerns none of them; then they leave, from the middle and both ends.
    cell.set(1);
    drop(waits.drain(count / 4..count / 2));
    waits.reverse();
    drop(waits);
    cell.set(2);
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
