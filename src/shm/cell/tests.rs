//! What a look tells, and whom (G5, P5): looks made by hand, without the thread.

use std::{
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
    thread,
};

use tokio_test::{assert_pending, task::spawn};

use super::*;
use crate::{
    future::wait_for::WaitMap,
    shm::{
        asked::asked,
        helper::tests::{
            Folder, alone_in,
            forks::{assert_succeeds, dropped_in_a_fork, dropped_where_it_is_judged, exit, fork},
        },
    },
    wait::condition::Condition,
};

#[test]
fn g05_whoever_comes_is_asked_once_about_a_value() {
    let folder = Folder::new();
    let cell = folder.cell("cell");
    let inner = &*cell.inner;
    cell.set(7);
    let (mut first, of_first) = asked!(inner);
    assert_pending!(first.poll());
    Watched::look(inner);
    assert_eq!(of_first.try_iter().collect::<Vec<_>>(), [7]);
    // The value is known to all but this one, who sees it by himself.
    let (mut second, of_second) = asked!(inner);
    assert_pending!(second.poll());
    Watched::look(inner);
    assert_eq!(of_first.try_iter().count(), 0);
    assert_eq!(of_second.try_iter().collect::<Vec<_>>(), [7]);
    // This one comes between a change and the look.
    cell.set(8);
    let (mut third, of_third) = asked!(inner);
    assert_pending!(third.poll());
    (0..3).for_each(|_| Watched::look(inner));
    for others in [of_first, of_second] {
        assert_eq!(others.try_iter().collect::<Vec<_>>(), [8]);
    }
    assert!(of_third.try_iter().count() <= 2);
}

#[test]
fn g05_nobody_is_told_after_the_last_wait() {
    let folder = Folder::new();
    let cell = folder.cell("cell");
    let inner = &*cell.inner;
    let (mut wait, _asked) = asked!(inner);
    assert_pending!(wait.poll());
    assert!(inner.present.load(Ordering::SeqCst));
    drop(wait);
    cell.set(1);
    Watched::look(inner);
    assert!(!inner.present.load(Ordering::SeqCst));
}

/// A look may leave a value that it has read before a wait came. If that value is there again the wait is
/// told of it, and of the next one.
#[test]
fn g05_a_look_that_is_late_hides_no_value() {
    let folder = Folder::new();
    let cell = folder.cell("cell");
    let inner = &*cell.inner;
    cell.set(7);
    // A look that has read this, and goes on later.
    let found = Write {
        old: 7,
        new: 7,
        begun: inner.listeners.arrivals().so_far(),
    };
    cell.set(1);
    let (mut wait, asked) = asked!(inner);
    assert_pending!(wait.poll());
    cell.set(7);
    inner.listeners.tell(found, inner);
    cell.set(1);
    (0..2).for_each(|_| Watched::look(inner));
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), [1, 7, 1]);
}

// A thread that the child has not may hold it.
#[test]
fn a_wait_that_is_dropped_in_a_fork_takes_no_lock() {
    alone_in(
        "cell::tests",
        "a_wait_that_is_dropped_in_a_fork_takes_no_lock",
        || {
            let folder = Folder::new();
            let cell = folder.cell("cell");
            let mut waits: Vec<_> = (0..100).map(|_| spawn(cell.wait_at_least(1))).collect();
            for wait in &mut waits {
                assert_pending!(wait.poll());
            }
            dropped_in_a_fork(&cell.inner.listeners, 0, waits);
        },
    );
}

#[test]
fn a_wait_that_is_dropped_in_a_fork_while_it_is_judged_takes_no_lock() {
    let name = "a_wait_that_is_dropped_in_a_fork_while_it_is_judged_takes_no_lock";
    alone_in("cell::tests", name, || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        let mut wait = WaitMap::new(&*cell.inner, |_: &u64| None::<()>);
        assert!(
            pin!(&mut wait)
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        dropped_where_it_is_judged(wait);
    });
}

/// Holds the lock of the register from when it is asked to until it may let go.
struct Holds {
    is_held: mpsc::Sender<()>,
    let_go: mpsc::Receiver<()>,
}

impl Presence<u64> for Holds {
    fn look(&self) -> u64 {
        self.is_held.send(()).expect("somebody waits for it");
        self.let_go.recv().expect("it is let go");
        0
    }

    fn raise(&self) -> bool {
        false
    }

    fn lower(&self) {}
}

// The predicate forks, while another thread holds the lock, and accepts in the child.
#[test]
fn a_wait_that_ends_in_a_fork_takes_no_lock() {
    alone_in(
        "cell::tests",
        "a_wait_that_ends_in_a_fork_takes_no_lock",
        || {
            let folder = Folder::new();
            let cell = folder.cell("cell");
            let inner = &*cell.inner;
            let (hold, asked) = mpsc::channel();
            let (is_held, held) = mpsc::channel();
            let (release, let_go) = mpsc::channel();
            let (born, child) = mpsc::channel();
            thread::scope(|scope| {
                scope.spawn(move || {
                    asked.recv().expect("the predicate asks");
                    let observer = Observer::Condition(Arc::new(Condition::carried(false)));
                    inner
                        .listeners
                        .register(observer, &Holds { is_held, let_go });
                });
                let mut wait = WaitMap::new(inner, move |_: &u64| {
                    hold.send(()).expect("it is asked");
                    held.recv().expect("it is held");
                    match fork() {
                        None => Some(()),
                        Some(child) => {
                            release.send(()).expect("it lets go");
                            born.send(child).expect("it is waited for");
                            None
                        }
                    }
                });
                let polled = pin!(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
                if polled.is_ready() {
                    exit();
                }
                assert_succeeds(child.recv().expect("it was born"));
            });
        },
    );
}
