//! Whether anybody is present: raised by those who come, lowered by a writer that finds nobody
//! (G2).

use std::{
    future::Future,
    pin::{Pin, pin},
    task::Poll,
};

use atomos::AtomicU64;
use loom::{future::block_on, sync::Arc, thread};

use super::support::{model, poll_once};

type Wait = Pin<Box<dyn Future<Output = u64>>>;

/// The two registers: that of the levels, and that of the listeners.
#[derive(Clone, Copy)]
enum By {
    Level,
    Closure,
}

impl By {
    /// A wait for `value`.
    fn equal(self, cell: &Arc<AtomicU64>, value: u64) -> Wait {
        let cell = cell.clone();
        match self {
            By::Level => Box::pin(async move { cell.wait_equal(value).await }),
            By::Closure => Box::pin(async move { cell.wait_for(move |n| n == value).await }),
        }
    }

    fn parked(self, cell: &Arc<AtomicU64>, value: u64) -> Wait {
        let mut wait = self.equal(cell, value);
        assert!(poll_once(wait.as_mut()).is_pending());
        wait
    }
}

/// A cell for which somebody has waited, and has gone; nobody has looked since.
fn left(by: By) -> Arc<AtomicU64> {
    let cell = Arc::new(AtomicU64::new(0));
    drop(by.parked(&cell, 9));
    cell
}

/// The same, after a look.
fn departed(by: By) -> Arc<AtomicU64> {
    let cell = left(by);
    cell.set(0);
    cell
}

macro_rules! both {
    ($($(#[$doc:meta])* $name:ident($by:ident, $preemptions:expr) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn of_levels() {
                let $by = By::Level;
                model($preemptions, move || $body);
            }

            #[test]
            fn of_listeners() {
                let $by = By::Closure;
                model($preemptions, move || $body);
            }
        }
    )*};
}

both! {
    /// Raising: a wait begins beside the write that it is for, and nobody was there.
    a_newcomer_where_nobody_is(by, 3) {
        let cell = departed(by);
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(1));
        assert_eq!(block_on(by.equal(&cell, 1)), 1);
        writing.join().unwrap();
    }

    /// Lowering: a writer finds that all have gone, while another wait begins, which the next
    /// write satisfies, whoever makes it.
    lowering_against_a_newcomer(by, 3) {
        let cell = left(by);
        let writer = cell.clone();
        let lowering = thread::spawn(move || writer.set(0));
        let mut wait = by.parked(&cell, 1);
        cell.set(1);
        lowering.join().unwrap();
        // Who overwrites it may be the one that answers.
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(1));
    }

    /// The same; the one that lowers makes the next write, too.
    lowering_and_writing_against_a_newcomer(by, 3) {
        let cell = left(by);
        let writer = cell.clone();
        let writing = thread::spawn(move || {
            writer.set(0);
            writer.set(1);
        });
        assert_eq!(block_on(by.equal(&cell, 1)), 1);
        writing.join().unwrap();
    }

    /// One goes and one comes, while a writer finds the one, or the other, or nobody.
    leaving_against_a_newcomer(by, 2) {
        let cell = Arc::new(AtomicU64::new(0));
        let goes = by.parked(&cell, 9);
        let writer = cell.clone();
        let writing = thread::spawn(move || {
            writer.set(0);
            writer.set(1);
        });
        drop(goes);
        assert_eq!(block_on(by.equal(&cell, 1)), 1);
        writing.join().unwrap();
    }

    /// The two marks stand in one word: one is lowered while the other one is raised.
    one_mark_beside_the_other(by, 3) {
        let (cell, other) = (left(by), match by {
            By::Level => By::Closure,
            By::Closure => By::Level,
        });
        let writer = cell.clone();
        let lowering = thread::spawn(move || writer.set(0));
        let mut wait = pin!(other.parked(&cell, 1));
        lowering.join().unwrap();
        cell.set(1);
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(1));
    }
}
