//! Histories of what real threads did to one object, and whether they are linearizable.
//!
//! Operations are stamped by the clock before and after. A counter that all threads raise would be
//! a barrier between their operations, and hide what the hardware reorders; reading the clock
//! orders no stores.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One operation, with its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<O> {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
    pub(crate) did: O,
}

/// What one thread did, in order.
pub(crate) struct Recorder<O>(Vec<Event<O>>);

impl<O> Recorder<O> {
    pub(crate) fn record(&mut self, operation: impl FnOnce() -> O) {
        let begin = Instant::now();
        let did = operation();
        let end = Instant::now();
        self.0.push(Event { begin, end, did });
    }
}

/// Whether one order of all operations explains every answer, and no operation comes in it before
/// one that had ended when it began. `step` gives the state after an operation, or None if on that
/// state the answer would have been another.
///
/// This is the search of Wing and Gong with the memory of Lowe: what has been done, as a set of
/// bits, and the state that this has led to, are tried once.
pub(crate) fn is_linearizable<S: Clone + Eq + Hash, O>(
    start: S,
    history: &[Event<O>],
    step: impl Fn(&S, &O) -> Option<S>,
) -> bool {
    assert!(history.len() <= 64, "a set is one word");
    let all = u64::MAX >> (64 - history.len());
    let mut tried = HashSet::new();
    let mut next = vec![(0_u64, start)];
    while let Some((done, state)) = next.pop() {
        if done == all {
            return true;
        }
        let pending = |n: &usize| done >> n & 1 == 0;
        let first_end = (0..history.len())
            .filter(pending)
            .map(|n| history[n].end)
            .min();
        for n in (0..history.len()).filter(pending) {
            if Some(history[n].begin) <= first_end {
                if let Some(after) = step(&state, &history[n].did) {
                    let configuration = (done | 1 << n, after);
                    if tried.insert(configuration.clone()) {
                        next.push(configuration);
                    }
                }
            }
        }
    }
    false
}

/// How many of a history's operations overlapped one of another thread.
fn overlaps<O>(threads: &[Vec<Event<O>>]) -> usize {
    let all = threads.iter().enumerate();
    let all = all.flat_map(|(n, events)| events.iter().map(move |event| (n, event)));
    let all: Vec<_> = all.collect();
    let overlap = |(n, a): &(usize, &Event<O>)| {
        (all.iter()).any(|(m, b)| n != m && a.begin < b.end && b.begin < a.end)
    };
    all.iter().filter(|event| overlap(event)).count()
}

/// What became of the histories of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdicts {
    pub(crate) histories: usize,
    pub(crate) rejected: usize,
    /// Histories in which at least two operations overlapped.
    pub(crate) overlapped: usize,
}

impl Verdicts {
    /// All were accepted, and enough of them tried anything.
    #[track_caller]
    pub(crate) fn assert_linearizable(self) {
        assert_eq!(self.rejected, 0, "not linearizable: {self:?}");
        println!("{self:?}");
        let enough = self.overlapped * 20 >= self.histories;
        assert!(enough, "the threads ran one after the other: {self:?}");
    }
}

/// Each thread's history of one object.
pub(crate) type Threads<O> = Vec<Vec<Event<O>>>;

/// How many objects are made at a time.
const BATCH: usize = 100;

/// How long all of them may take, for each thousand: where others keep the cores busy, threads
/// meet late. One batch is always done.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets `threads` threads `work` on one object after the other, all at once on each, and `judges`
/// what they did. `work` is given the number of the history and of the thread.
pub(crate) fn histories<S: Sync, O: Send>(
    total: usize,
    threads: usize,
    make: impl Fn() -> S,
    work: impl Fn(&S, u64, usize, &mut Recorder<O>) + Sync,
    judge: impl Fn(S, &Threads<O>) -> bool,
) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let end = Instant::now() + PATIENCE * total.div_ceil(1_000) as u32;
    while verdicts.histories < total && (verdicts.histories == 0 || Instant::now() < end) {
        let objects: Vec<S> = (0..BATCH).map(|_| make()).collect();
        let first = verdicts.histories as u64;
        let mut did = all_at_once(&objects, first, threads, &work);
        for object in objects.into_iter().rev() {
            let history: Threads<O> = did.iter_mut().filter_map(Vec::pop).collect();
            verdicts.histories += 1;
            verdicts.overlapped += usize::from(overlaps(&history) >= 2);
            verdicts.rejected += usize::from(!judge(object, &history));
        }
    }
    verdicts
}

/// For each thread, what it did to each object.
fn all_at_once<S: Sync, O: Send>(
    objects: &[S],
    first: u64,
    threads: usize,
    work: &(impl Fn(&S, u64, usize, &mut Recorder<O>) + Sync),
) -> Vec<Threads<O>> {
    let (start, arrived) = (Barrier::new(threads), AtomicUsize::new(0));
    let run = |thread: usize| {
        let one = |(n, object): (usize, &S)| {
            meet(&start, &arrived, (n + 1) * threads);
            let mut recorder = Recorder(Vec::with_capacity(16));
            work(object, first + n as u64, thread, &mut recorder);
            recorder.0
        };
        objects.iter().enumerate().map(one).collect()
    };
    let run = &run;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n))).collect();
        let did = running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        did.collect()
    })
}

/// Waits until so many have arrived: asleep, where others keep the cores busy, and then hot for a
/// moment, so that all leave together.
fn meet(start: &Barrier, arrived: &AtomicUsize, all: usize) {
    start.wait();
    arrived.fetch_add(1, Ordering::SeqCst);
    let late = Instant::now() + Duration::from_micros(200);
    while arrived.load(Ordering::SeqCst) < all && Instant::now() < late {
        std::hint::spin_loop();
    }
}

/// All of one history, whoever did it.
pub(crate) fn flat<O: Copy>(threads: &Threads<O>) -> Vec<Event<O>> {
    threads.iter().flatten().copied().collect()
}
