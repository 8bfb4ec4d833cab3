//! A task that is polled by hand, by either of two wakers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A future or stream, behind a closure that polls it.
pub(crate) type Polled<A> = Box<dyn FnMut(&mut Context<'_>) -> Poll<A>>;

pub(crate) struct Task<A> {
    /// None when it has been dropped.
    polled: Option<Polled<A>>,
    bells: [Arc<Bell>; 2],
    /// Which of them the last poll was made with.
    last: usize,
}

impl<A> Task<A> {
    pub(crate) fn new(polled: Polled<A>) -> Self {
        Self {
            polled: Some(polled),
            bells: Default::default(),
            last: 0,
        }
    }

    /// What was woken before is forgotten.
    pub(crate) fn poll(&mut self, by_other: bool) -> Poll<A> {
        self.last ^= usize::from(by_other);
        for bell in &self.bells {
            bell.0.store(false, Ordering::SeqCst);
        }
        let waker = Waker::from(self.bells[self.last].clone());
        let polled = self
            .polled
            .as_mut()
            .expect("a task that is over is left alone");
        polled(&mut Context::from_waker(&waker))
    }

    pub(crate) fn drop_future(&mut self) {
        self.polled = None;
    }

    /// Whether the waker of the last poll was used. The other never may be.
    pub(crate) fn is_woken(&self) -> bool {
        assert!(
            !self.rang(1 - self.last),
            "woken by a waker of an earlier poll"
        );
        self.rang(self.last)
    }

    fn rang(&self, n: usize) -> bool {
        self.bells[n].0.load(Ordering::SeqCst)
    }

    /// How many wakers are held on to: of the last poll, and of earlier ones.
    pub(crate) fn wakers_kept(&self) -> (usize, usize) {
        let kept = |n: usize| Arc::strong_count(&self.bells[n]) - 1;
        (kept(self.last), kept(1 - self.last))
    }
}
