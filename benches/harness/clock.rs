//! Ways to time `n` repetitions of an operation.

use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Wall time of one thread. Returns a closure so that the operation is inlined
/// into its loop: some of what is measured here takes less than a call.
pub(crate) fn wall(mut op: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let start = Instant::now();
        for _ in 0..iterations {
            op();
        }
        start.elapsed()
    }
}

/// Wall time of a read so short that handing its result to `black_box` would take
/// longer: the results are added up in a register.
pub(crate) fn summed(mut read: impl FnMut() -> u64) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let mut sum = 0_u64;
        let start = Instant::now();
        for _ in 0..iterations {
            sum = sum.wrapping_add(read());
        }
        let took = start.elapsed();
        black_box(sum);
        took
    }
}

/// Wall time of two threads that each do all repetitions at once, with an
/// operation that `make` makes for each of them. On a busy machine both may get
/// one core, and then they run one after the other: such an attempt does not count.
pub(crate) fn two_threads<Op: FnMut()>(
    make: impl Fn() -> Op + Sync,
) -> impl FnMut(u64) -> Duration {
    const ATTEMPTS: usize = 30;
    move |iterations| {
        let mut took = Duration::ZERO;
        for _ in 0..ATTEMPTS {
            let both = at_once(&make, iterations);
            took = both
                .iter()
                .map(|(from, to)| *to - *from)
                .max()
                .expect("two");
            let from = both[0].0.max(both[1].0);
            let to = both[0].1.min(both[1].1);
            if to.saturating_duration_since(from) > took / 4 * 3 {
                break;
            }
        }
        took
    }
}

/// When each of two threads began and ended.
fn at_once<Op: FnMut()>(
    make: &(impl Fn() -> Op + Sync),
    iterations: u64,
) -> [(Instant, Instant); 2] {
    let arrived = AtomicUsize::new(0);
    let side = || {
        let mut op = make();
        // What a thread does once is no part of the operation.
        op();
        meet(&arrived);
        let start = Instant::now();
        wall(op)(iterations);
        (start, Instant::now())
    };
    thread::scope(|scope| {
        let other = scope.spawn(side);
        [
            side(),
            other.join().expect("the other thread does not panic"),
        ]
    })
}

/// Lets both threads start together: waking from a barrier takes as long as a round.
fn meet(arrived: &AtomicUsize) {
    arrived.fetch_add(1, Ordering::Relaxed);
    while arrived.load(Ordering::Relaxed) < 2 {
        std::hint::spin_loop();
    }
}

/// CPU time of the whole process. `op` returns when the process is quiet again.
pub(crate) fn cpu(mut op: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let start = process_cpu();
        for _ in 0..iterations {
            op();
        }
        process_cpu().saturating_sub(start)
    }
}

/// What all living threads of the process have run. Falls back to the clock on
/// the wall where the system does not tell.
fn process_cpu() -> Duration {
    // The figure of the running thread is brought up to date when it yields.
    thread::yield_now();
    threads_cpu().unwrap_or_else(|| {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    })
}

fn threads_cpu() -> Option<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanos += text.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}
