//! G1: reads and writes are linearizable, and a commit raises the version by one.
#![cfg(not(loom))]

mod support;

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use atomos::{Atom, Change, Conflict, Snapshot};
use support::caught;

const THREADS: u64 = 4;
const ROUNDS: u64 = if cfg!(miri) { 20 } else { 2_000 };
const LAST: u64 = if cfg!(miri) { 100 } else { 20_000 };

#[test]
fn g1_a_new_atom_has_version_zero() {
    let atom = Atom::new("first");
    assert_eq!(atom.version(), 0);
    assert_eq!(Snapshot::version(&atom.load()), 0);
    assert_eq!(atom.view().version(), 0);
}

#[test]
fn g1_every_commit_raises_the_version_by_one() {
    let atom = Atom::new(0);
    let commits: [fn(&Atom<i32>); 9] = [
        |atom| drop(atom.reset(1)),
        |atom| drop(atom.reset_vals(2)),
        |atom| drop(atom.swap(|n| n + 1)),
        |atom| drop(atom.swap_vals(|n| n + 1)),
        |atom| drop(atom.swap_if(|n| Some(n + 1))),
        |atom| drop(atom.try_swap(|n| Ok::<_, ()>(n + 1))),
        |atom| atom.modify(|n| (n + 1, ())),
        |atom| assert!(atom.compare_and_set(&7, 8)),
        |atom| drop(atom.compare_exchange(&atom.load(), 9).expect("current")),
    ];
    for (commit, version) in commits.into_iter().zip(1..) {
        commit(&atom);
        assert_eq!(atom.version(), version);
    }
    assert_eq!(
        *futures::executor::block_on(atom.swap_when(|_| true, |n| n + 1)),
        10
    );
    assert_eq!(atom.version(), 10);
}

type Attempt = fn(&Atom<i32>, &Snapshot<i32>);

#[test]
fn g1_what_does_not_commit_leaves_version_and_value() {
    let atom = Atom::new(7);
    let stale = atom.load();
    atom.reset(1);
    let attempts: [Attempt; 6] = [
        |atom, _| assert!(atom.swap_if(|_| None).is_none()),
        |atom, _| assert_eq!(atom.try_swap(|_| Err("no")).err(), Some("no")),
        |atom, _| assert!(!atom.compare_and_set(&2, 3)),
        |atom, stale| assert!(atom.compare_exchange(stale, 3).is_err()),
        |atom, _| assert!(caught(|| atom.swap(|_| panic!("no"))).is_err()),
        |atom, _| assert_eq!(atom.with(|n| *n), 1),
    ];
    for attempt in attempts {
        attempt(&atom, &stale);
        assert_eq!((atom.version(), *atom.load()), (1, 1));
    }
}

#[test]
fn g1_writes_report_their_own_commit() {
    let atom = Atom::new(1);
    let one = atom.reset(2);
    assert_eq!((*one, Snapshot::version(&one)), (2, 1));
    assert!(Snapshot::ptr_eq(&one, &atom.load()));

    let Change { old, new } = atom.reset_vals(3);
    assert!(Snapshot::ptr_eq(&old, &one));
    assert_eq!((*new, Snapshot::version(&new)), (3, 2));

    let Change { old, new } = atom.swap_vals(|n| n * 10);
    assert_eq!((*old, *new, Snapshot::version(&new)), (3, 30, 3));
    assert_eq!(*atom.swap_if(|n| Some(n + 1)).expect("committed"), 31);
    assert_eq!(
        *atom.try_swap(|n| Ok::<_, ()>(n + 1)).expect("committed"),
        32
    );
    assert_eq!(atom.modify(|n| (n + 1, *n)), 32);
    assert_eq!(*atom.load(), 33);
}

#[test]
fn g1_compare_exchange_is_by_identity_and_compare_and_set_by_value() {
    let atom = Atom::new(1);
    let seen = atom.load();
    atom.reset(2);
    atom.reset(1);
    let Conflict { current, rejected } = atom.compare_exchange(&seen, 5).expect_err("no ABA");
    assert_eq!(rejected, 5);
    assert!(Snapshot::ptr_eq(&current, &atom.load()));
    let new = atom.compare_exchange(&current, rejected).expect("current");
    assert_eq!((*new, Snapshot::version(&new)), (5, 3));
    assert!(atom.compare_and_set(&5, 1), "equal to what it holds");
    assert!(!atom.compare_and_set(&5, 1));
}

#[test]
fn g1_a_snapshot_of_another_atom_is_not_current() {
    let (atom, other) = (Atom::new(1), Atom::new(1));
    assert!(atom.compare_exchange(&other.load(), 2).is_err());
    assert_eq!((*atom.load(), atom.version()), (1, 0));
}

/// Each thread commits with another verb; none of the increments may be lost.
#[test]
fn g1_no_update_is_lost_between_threads() {
    let verbs: [fn(&Atom<u64>); 6] = [
        |atom| drop(atom.swap(|n| n + 1)),
        |atom| drop(atom.swap_if(|n| Some(n + 1))),
        |atom| drop(atom.try_swap(|n| Ok::<_, ()>(n + 1))),
        |atom| atom.modify(|n| (n + 1, ())),
        |atom| while !compare_and_set_once(atom) {},
        |atom| {
            let mut seen = atom.load();
            while let Err(conflict) = atom.compare_exchange(&seen, *seen + 1) {
                seen = conflict.current;
            }
        },
    ];
    let atom = Atom::new(0);
    thread::scope(|scope| {
        for verb in verbs {
            let atom = &atom;
            scope.spawn(move || (0..ROUNDS).for_each(|_| verb(atom)));
        }
    });
    let total = verbs.len() as u64 * ROUNDS;
    assert_eq!((*atom.load(), atom.version()), (total, total));
}

fn compare_and_set_once(atom: &Atom<u64>) -> bool {
    let seen = *atom.load();
    atom.compare_and_set(&seen, seen + 1)
}

#[test]
fn g1_modify_gives_the_result_of_the_attempt_that_won() {
    let atom = Atom::new(0_u64);
    let tickets: Vec<u64> = thread::scope(|scope| {
        let draw = || (0..ROUNDS).map(|_| atom.modify(|n| (n + 1, *n))).collect();
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(draw)).collect();
        let drawn = threads.into_iter().map(|t| t.join().expect("no panic"));
        drawn.flat_map(|tickets: Vec<u64>| tickets).collect()
    });
    let different: HashSet<u64> = tickets.iter().copied().collect();
    assert_eq!(different.len() as u64, THREADS * ROUNDS);
    assert!(different.iter().all(|ticket| *ticket < THREADS * ROUNDS));
}

#[test]
fn g1_of_two_exchanges_from_one_snapshot_one_wins() {
    for _ in 0..500 {
        let atom = Atom::new(0);
        let seen = atom.load();
        let won = support::two_threads(
            || atom.compare_exchange(&seen, 1).is_ok(),
            || atom.compare_exchange(&seen, 2).is_ok(),
        );
        assert!(won.0 ^ won.1);
        assert_eq!(
            (atom.version(), *atom.load()),
            (1, if won.0 { 1 } else { 2 })
        );
    }
}

/// Every way to read gives value and version of one commit, never an older
/// one than a write that has returned before, never going back.
#[test]
fn g1_reads_see_every_write_that_returned_before() {
    let atom = Atom::new(0_u64);
    let (returned, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut reader = atom.reader();
                    let mut last = 0;
                    while !done.load(Ordering::Acquire) {
                        last = read_every_way(&atom, &mut reader, &returned, last);
                    }
                    last
                })
            })
            .collect();
        for _ in 0..LAST {
            let new = atom.swap(|n| n + 1);
            returned.store(Snapshot::version(&new), Ordering::Release);
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            reader.join().expect("no panic");
        }
    });
    assert_eq!(*atom.reader().get(), LAST);
}

fn read_every_way(
    atom: &Atom<u64>,
    reader: &mut atomos::Reader<u64>,
    returned: &AtomicU64,
    last: u64,
) -> u64 {
    let floor = returned.load(Ordering::Acquire).max(last);
    let loaded = atom.load();
    assert_eq!(*loaded, Snapshot::version(&loaded));
    let version = atom.version();
    let read = reader.snapshot().clone();
    assert_eq!(*read, Snapshot::version(&read));
    let (borrowed, got) = (atom.with(|n| *n), *reader.get());
    let order = [floor, *loaded, version, *read, borrowed, got];
    assert!(order.is_sorted(), "a read went back: {order:?}");
    got
}

/// What one operation did and when: the version it wrote, or read.
struct Step {
    begin: Instant,
    end: Instant,
    version: u64,
    wrote: bool,
}

fn step(operation: impl FnOnce() -> (u64, bool)) -> Step {
    let begin = Instant::now();
    let (version, wrote) = operation();
    let end = Instant::now();
    Step {
        begin,
        end,
        version,
        wrote,
    }
}

/// Versions are the linearization: all writes have different ones, and no
/// operation may come before one that had ended when it began.
fn assert_linearizable(mut history: Vec<Step>) {
    let mut written: Vec<u64> = history
        .iter()
        .filter(|s| s.wrote)
        .map(|s| s.version)
        .collect();
    written.sort_unstable();
    assert!(written.iter().copied().eq(1..=written.len() as u64));

    let mut ends: Vec<(Instant, u64)> = history.iter().map(|s| (s.end, s.version)).collect();
    ends.sort_unstable();
    history.sort_unstable_by_key(|s| s.begin);
    let (mut ended, mut floor) = (ends.into_iter().peekable(), 0);
    for step in &history {
        while let Some((_, version)) = ended.next_if(|(end, _)| *end < step.begin) {
            floor = floor.max(version);
        }
        assert!(
            step.version >= floor + u64::from(step.wrote),
            "not in real-time order"
        );
    }
}

/// Whether any two operations overlapped: else nothing was tried.
fn overlapped(history: &mut [Step]) -> bool {
    history.sort_unstable_by_key(|step| step.begin);
    history.windows(2).any(|pair| pair[1].begin < pair[0].end)
}

#[test]
fn g1_histories_of_three_threads_are_linearizable() {
    let mut tried = 0;
    for round in 1..=20 {
        let mut history = history_of_three_threads(round);
        tried += usize::from(overlapped(&mut history));
        assert_linearizable(history);
    }
    assert!(tried > 0, "the threads ran one after the other");
}

fn history_of_three_threads(round: u64) -> Vec<Step> {
    let (atom, start) = (Atom::new(0_u64), Barrier::new(3));
    thread::scope(|scope| {
        let work = |seed: u64| {
            let (atom, start) = (&atom, &start);
            move || {
                start.wait();
                let steps = (0..500).map(|n| random_step(atom, seed.wrapping_mul(n + 7)));
                steps.collect::<Vec<_>>()
            }
        };
        let seeds = (1..=3).map(|n| (round * 3 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let threads: Vec<_> = seeds.map(|seed| scope.spawn(work(seed))).collect();
        let steps = threads.into_iter().map(|t| t.join().expect("no panic"));
        steps.flatten().collect()
    })
}

fn random_step(atom: &Atom<u64>, random: u64) -> Step {
    let version = Snapshot::version;
    match (random >> 32) % 6 {
        0 => step(|| (version(&atom.load()), false)),
        1 => step(|| (atom.version(), false)),
        2 => step(|| (version(&atom.reset(random)), true)),
        3 => step(|| (version(&atom.swap(|n| n ^ random)), true)),
        4 => step(|| {
            let change = atom.swap_vals(|n| {
                // In the middle of it, so that operations overlap on one core too.
                thread::yield_now();
                n ^ random
            });
            (version(&change.new), true)
        }),
        _ => {
            let seen = atom.load();
            step(|| match atom.compare_exchange(&seen, random) {
                Ok(new) => (version(&new), true),
                Err(conflict) => (version(&conflict.current), false),
            })
        }
    }
}

/// Four threads: every commit has its own predecessor, and they form one chain.
fn assert_one_chain(mut changes: Vec<Change<u64>>) {
    changes.sort_unstable_by_key(|change| Snapshot::version(&change.new));
    assert_eq!(Snapshot::version(&changes[0].old), 0);
    for pair in changes.windows(2) {
        assert!(Snapshot::ptr_eq(&pair[0].new, &pair[1].old));
        assert_eq!(
            Snapshot::version(&pair[1].new),
            Snapshot::version(&pair[1].old) + 1
        );
    }
}

fn chain_of(write: impl Fn(&Atom<u64>, u64) -> Change<u64> + Sync) {
    let atom = Atom::new(0);
    let changes: Vec<Change<u64>> = thread::scope(|scope| {
        let (atom, write) = (&atom, &write);
        let work = |n| move || (0..ROUNDS).map(|m| write(atom, n * ROUNDS + m)).collect();
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(work(n))).collect();
        let changes = threads.into_iter().map(|t| t.join().expect("no panic"));
        changes
            .flat_map(|changes: Vec<Change<u64>>| changes)
            .collect()
    });
    assert_eq!(changes.len() as u64, atom.version());
    assert_one_chain(changes);
}

#[test]
fn g1_reset_reports_the_true_predecessor_under_contention() {
    chain_of(|atom, n| atom.reset_vals(n));
}

#[test]
fn g1_swap_reports_the_true_predecessor_under_contention() {
    chain_of(|atom, n| atom.swap_vals(|_| n));
}

#[test]
fn g1_mixed_writers_share_no_predecessor() {
    chain_of(|atom, n| match n % 2 {
        0 => atom.reset_vals(n),
        _ => atom.swap_vals(|old| old + n),
    });
}
