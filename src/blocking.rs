//! The waits of plain threads: the same conditions, with a thread in place of a task.

#![allow(unsafe_code)]

use std::{
    future::Future,
    pin::pin,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use event_listener::{Event, Listener};

use crate::{
    error::Closed,
    future::wait_for::WaitFor,
    sync::{AtomicBool, Ordering},
    wait::{budget::Budget, predicate::Predicate, source::Source},
};

/// Something that happens once, and that a thread can sleep for.
#[derive(Default)]
struct Signal {
    event: Event,
    raised: AtomicBool,
}

impl Signal {
    fn raise(&self) {
        // SeqCst, and so below: either the sleeper's second look sees it, or `notify` comes
        // after its `listen` and finds the listener.
        self.raised.store(true, Ordering::SeqCst);
        self.event.notify(usize::MAX);
    }

    /// Sleeps until it is raised, and lowers it. False if the deadline came first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        loop {
            if self.raised.swap(false, Ordering::SeqCst) {
                return true;
            }
            let listener = self.event.listen();
            if self.raised.swap(false, Ordering::SeqCst) {
                return true;
            }
            match deadline {
                None => listener.wait(),
                Some(deadline) => {
                    if listener.wait_deadline(deadline).is_none() {
                        return self.raised.swap(false, Ordering::SeqCst);
                    }
                }
            }
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.raise();
    }
}

/// A closure on the stack of a thread that sleeps, lent to whoever delivers.
///
/// The deliverer gets a [`Borrowed`], which points to the closure. The lender does not let go of
/// the closure before the `Borrowed` has been dropped, wherever that is.
struct Loan {
    returned: Arc<Signal>,
}

struct Borrowed<F> {
    closure: NonNull<F>,
    returned: Arc<Signal>,
}

// SAFETY: `Borrowed` is the only way to the closure while the loan lasts: sending it sends
// exclusive access to an `F`.
unsafe impl<F: Send> Send for Borrowed<F> {}

impl<F> Borrowed<F> {
    fn call<E>(&mut self, state: &E) -> bool
    where
        F: FnMut(&E) -> bool,
    {
        // SAFETY: the closure is alive, since its owner waits in `Loan::drop` for this
        // `Borrowed` to be dropped; `&mut self` makes the access exclusive.
        let closure = unsafe { self.closure.as_mut() };
        closure(state)
    }
}

impl<F> Drop for Borrowed<F> {
    fn drop(&mut self) {
        self.returned.raise();
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.returned.wait(None);
    }
}

/// Lends `f` as a predicate of unlimited lifetime.
///
/// # Safety
///
/// 1. The returned `Loan` is dropped before `f` goes out of scope or is used again.
/// 2. What `f` borrows outlives that.
unsafe fn lend<E, F>(f: &mut F) -> (Predicate<E>, Loan)
where
    F: FnMut(&E) -> bool + Send,
{
    let returned = Arc::<Signal>::default();
    let mut borrowed = Borrowed {
        closure: NonNull::from(f),
        returned: returned.clone(),
    };
    // SAFETY: nothing of `F` is reached through the predicate once `borrowed` is dropped,
    // and that happens before the borrows of `f` end (1, 2).
    let predicate = unsafe { Predicate::lent(move |state: &E| borrowed.call(state)) };
    (predicate, Loan { returned })
}

/// How a blocking wait ended.
pub(crate) enum Waited<E> {
    Held(E),
    Closed,
    TimedOut,
}

/// The wait behind the `blocking_` methods.
pub(crate) fn block_until<S: Source>(
    source: &S,
    predicate: impl FnMut(&S::Event) -> bool + Send,
    deadline: Option<Instant>,
) -> Waited<S::Event> {
    match block_within(source, predicate, deadline, |wait| wait) {
        Some(Ok(state)) => Waited::Held(state),
        Some(Err(Closed)) => Waited::Closed,
        None => Waited::TimedOut,
    }
}

/// The same for a future that is made of the wait. `None` if the deadline came first.
///
/// `make` keeps the wait nowhere else, nor does the output: what was lent would never be returned.
pub(crate) fn block_within<'s, S: Source, F: Future>(
    source: &'s S,
    mut predicate: impl FnMut(&S::Event) -> bool + Send,
    deadline: Option<Instant>,
    make: impl FnOnce(WaitFor<&'s S>) -> F,
) -> Option<F::Output> {
    // SAFETY: (1) `loan` is declared after the closure and dropped before it, also when
    // unwinding; nobody names the closure again. (2) The closure is borrowed until then.
    let (predicate, loan) = unsafe { lend(&mut predicate) };
    let answer = {
        // Declared after the loan: the wait, which owns the predicate or has
        // it registered, is gone when the loan waits for the return.
        let wait = WaitFor::new(source, predicate, Budget::unlimited());
        block_on(source, make(wait), deadline)
    };
    drop(loan);
    answer
}

fn block_on<F: Future>(
    source: &impl Source,
    wait: F,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    let signal = Arc::<Signal>::default();
    let waker = Waker::from(signal.clone());
    let mut cx = Context::from_waker(&waker);
    let mut wait = pin!(wait);
    loop {
        if let Poll::Ready(answer) = wait.as_mut().poll(&mut cx) {
            return Some(answer);
        }
        assert!(
            deadline.is_some() || !source.is_deliverer(),
            "blocking_wait_for would never return: it was called while this thread delivers \
             changes (in a watch, a predicate or a waker), and holds up those that it waits for"
        );
        if !signal.wait(deadline) {
            // One more look: the answer may have come with the deadline.
            return match wait.as_mut().poll(&mut cx) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            };
        }
    }
}

/// When a timeout that starts now is over: in thirty years if it is beyond what a clock can say.
pub(crate) fn deadline_after(timeout: Duration) -> Option<Instant> {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).or_else(|| now.checked_add(FAR))
}
