//! Running tasks and knowing when all of them have got as far as they should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// One thread: the cost of the machinery itself, with little noise.
pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
}

/// Two workers beside the measuring thread: what a server does.
pub(crate) fn two_workers() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime without drivers")
}

/// Counts what the tasks report and lets the measuring thread wait for it.
#[derive(Clone)]
pub(crate) struct Tally(Arc<Counted>);

struct Counted {
    reports: AtomicU64,
    expected: AtomicU64,
    measuring: Thread,
}

impl Tally {
    /// Made on the thread that measures.
    pub(crate) fn new() -> Self {
        Tally(Arc::new(Counted {
            reports: AtomicU64::new(0),
            expected: AtomicU64::new(0),
            measuring: thread::current(),
        }))
    }

    /// A task has got one step further.
    pub(crate) fn report(&self) {
        let reports = self.0.reports.fetch_add(1, Ordering::AcqRel) + 1;
        if reports == self.0.expected.load(Ordering::Acquire) {
            self.0.measuring.unpark();
        }
    }

    /// Before an operation that lets the tasks report so many times more.
    pub(crate) fn expect(&self, more: u64) {
        self.0.expected.fetch_add(more, Ordering::AcqRel);
    }

    fn complete(&self) -> bool {
        self.0.reports.load(Ordering::Acquire) >= self.0.expected.load(Ordering::Acquire)
    }

    /// Times `op` together with the `reports` it leads to.
    pub(crate) fn until_reported<'a>(
        &'a self,
        runtime: &'a Runtime,
        reports: u64,
        mut op: impl FnMut() + 'a,
    ) -> Box<dyn FnMut(u64) -> Duration + 'a> {
        let threaded = runtime.metrics().num_workers() > 1;
        Box::new(move |iterations| {
            if threaded {
                self.outside_the_runtime(iterations, reports, &mut op)
            } else {
                runtime.block_on(self.beside_the_tasks(iterations, reports, &mut op))
            }
        })
    }

    /// `op` is another task of the same thread.
    async fn beside_the_tasks(
        &self,
        iterations: u64,
        reports: u64,
        op: &mut impl FnMut(),
    ) -> Duration {
        let start = Instant::now();
        for _ in 0..iterations {
            self.expect(reports);
            op();
            self.yield_until_complete().await;
        }
        start.elapsed()
    }

    /// `op` is a thread beside the workers; these get time, not counted, to park again.
    fn outside_the_runtime(
        &self,
        iterations: u64,
        reports: u64,
        op: &mut impl FnMut(),
    ) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..iterations {
            self.expect(reports);
            let start = Instant::now();
            op();
            self.park();
            took += start.elapsed();
            thread::sleep(Duration::from_micros(200 + reports.min(1_000)));
        }
        took
    }

    fn park(&self) {
        while !self.complete() {
            thread::park();
        }
    }

    async fn yield_until_complete(&self) {
        while !self.complete() {
            tokio::task::yield_now().await;
        }
    }
}

/// Rounds in which tasks first line up, then wait for one operation, and report. Only
/// from the operation to the last report is timed, not what a wait costs to set up.
#[derive(Clone)]
pub(crate) struct Rounds {
    lined_up: Tally,
    reported: Tally,
    gate: Arc<Semaphore>,
}

impl Rounds {
    /// Made on the thread that measures.
    pub(crate) fn new() -> Self {
        Rounds {
            lined_up: Tally::new(),
            reported: Tally::new(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// A task may wait for the operation now, and does so before it yields.
    pub(crate) async fn line_up(&self) {
        let pass = self.gate.acquire().await;
        pass.expect("the gate is never closed").forget();
        self.lined_up.report();
    }

    pub(crate) fn report(&self) {
        self.reported.report();
    }

    /// Times `op` together with the reports of all `tasks`.
    pub(crate) fn until_reported<'a>(
        &'a self,
        runtime: &'a Runtime,
        tasks: u64,
        mut op: impl FnMut() + 'a,
    ) -> Box<dyn FnMut(u64) -> Duration + 'a> {
        let threaded = runtime.metrics().num_workers() > 1;
        let mut round = move || {
            self.open(tasks);
            if threaded {
                self.lined_up.park();
                // The last may have lined up without waiting yet.
                thread::sleep(Duration::from_micros(200));
                let start = Instant::now();
                op();
                self.reported.park();
                return start.elapsed();
            }
            runtime.block_on(async {
                self.lined_up.yield_until_complete().await;
                let start = Instant::now();
                op();
                self.reported.yield_until_complete().await;
                start.elapsed()
            })
        };
        Box::new(move |iterations| (0..iterations).map(|_| round()).sum())
    }

    fn open(&self, tasks: u64) {
        self.lined_up.expect(tasks);
        self.reported.expect(tasks);
        self.gate.add_permits(tasks as usize);
    }
}

/// Lets freshly spawned tasks run until they wait.
pub(crate) fn settle(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    thread::sleep(Duration::from_millis(5));
}

/// Polls a future that must be ready.
pub(crate) fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the contestant was expected to be ready"),
    }
}

/// A context that wakes nobody.
pub(crate) fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
