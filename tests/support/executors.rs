//! The executors of G12, and one async test on all of them.

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::threads::in_time;
use super::waits::Boxed;

/// A way to run one future to its end.
pub(crate) struct Executor {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Boxed<()>),
}

pub(crate) const EXECUTORS: [Executor; 5] = [
    Executor {
        name: "tokio, current thread",
        run: |task| tokio_runtime(false).block_on(task),
    },
    Executor {
        name: "tokio, multi thread",
        run: |task| {
            let runtime = tokio_runtime(true);
            let task = runtime.spawn(task);
            if let Err(error) = runtime.block_on(task) {
                resume_unwind(error.into_panic());
            }
        },
    },
    Executor {
        name: "smol",
        run: |task| smol::block_on(smol::spawn(task)),
    },
    Executor {
        name: "futures",
        run: |task| futures::executor::block_on(task),
    },
    Executor {
        name: "park and unpark",
        run: |task| park_until_ready(task),
    },
];

fn tokio_runtime(threads: bool) -> tokio::runtime::Runtime {
    let mut builder = if threads {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder
        .worker_threads(2)
        .build()
        .expect("a tokio runtime without drivers")
}

/// Runs the same test on every executor, each within the deadline.
#[track_caller]
pub(crate) fn everywhere<F>(test: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for executor in &EXECUTORS {
        println!("on {}", executor.name);
        let task = Box::pin(test());
        in_time(move || (executor.run)(task));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The `block_on` of a textbook.
pub(crate) fn park_until_ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
