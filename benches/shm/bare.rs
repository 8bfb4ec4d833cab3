//! The least that a wake can cost: threads of one process, each on a futex of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use rustix::thread::futex;

use crate::{children, latency, pin::Core};

/// Threads of which each wakes the next.
pub(crate) struct Bare {
    first: Arc<Sleeper>,
    last: Arc<Sleeper>,
}

#[derive(Default)]
struct Sleeper {
    word: AtomicU32,
    time: AtomicU64,
    took: AtomicU64,
    is_over: AtomicBool,
    next: Option<Arc<Sleeper>>,
}

impl Bare {
    pub(crate) fn start(threads: usize, core: Core) -> Self {
        let last = Sleeper::start(None, core);
        let mut first = last.clone();
        for _ in 1..threads {
            first = Sleeper::start(Some(first), core);
        }
        Self { first, last }
    }

    pub(crate) fn change(&self) -> impl FnMut(u64) -> Duration {
        latency(
            |now| self.first.wake(now),
            || self.last.took.swap(0, SeqCst),
        )
    }
}

impl Sleeper {
    fn start(next: Option<Arc<Self>>, core: Core) -> Arc<Self> {
        let this = Arc::new(Self {
            next,
            ..Self::default()
        });
        let same = this.clone();
        thread::spawn(move || {
            core.pin();
            same.run();
        });
        this
    }

    fn wake(&self, time: u64) {
        self.time.store(time, SeqCst);
        self.word.fetch_add(1, SeqCst);
        let _ = futex::wake(&self.word, futex::Flags::PRIVATE, 1);
    }

    fn run(&self) {
        let mut seen = 0;
        while !self.is_over.load(SeqCst) {
            let _ = futex::wait(&self.word, futex::Flags::PRIVATE, seen, None);
            let word = self.word.load(SeqCst);
            if word == seen {
                continue;
            }
            seen = word;
            let time = self.time.load(SeqCst);
            match &self.next {
                Some(next) => next.wake(time),
                None => self.took.store(children::now() - time, SeqCst),
            }
        }
    }

    fn end(&self) {
        self.is_over.store(true, SeqCst);
        self.wake(children::now());
        if let Some(next) = &self.next {
            next.end();
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.first.end();
    }
}
