//! What a look tells, and whom (G2, G5, P5): looks made by hand, without the thread.

use tokio_test::{assert_pending, assert_ready, task::spawn};

use super::*;
use crate::{
    future::{Open, wait_for::WaitMap},
    shm::{
        asked::asked,
        helper::tests::{Folder, alone_in, forks::dropped_in_a_fork},
    },
};

fn atom(folder: &Folder) -> Atom<u64> {
    Atom::open(folder.path("atom"), "n", || 0).unwrap()
}

#[test]
fn g05_a_version_is_judged_again_at_the_first_look_at_most() {
    let folder = Folder::new();
    let atom = atom(&folder);
    let core = &*atom.inner.core;
    atom.reset(1).unwrap();
    let (mut wait, asked) = asked!(core);
    assert_pending!(wait.poll());
    Watched::look(core);
    assert!(asked.try_iter().count() <= 2);
    // One version later, and two.
    for version in [2, 4] {
        while atom.version() < version {
            atom.reset(version).unwrap();
        }
        (0..3).for_each(|_| Watched::look(core));
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), [version]);
    }
}

// It has looked before the commit, and the look that follows tells nothing new.
#[test]
fn g02_a_wait_that_comes_during_a_look_is_told() {
    let folder = Folder::new();
    let atom = atom(&folder);
    let core = &*atom.inner.core;
    (1..4).for_each(|n| drop(atom.reset(n).unwrap()));
    let begun = core.listeners.arrivals().so_far();
    let mut wait = spawn(Open(WaitMap::new(core, |n: &u64| (*n == 4).then_some(*n))));
    assert_pending!(wait.poll());
    atom.reset(4).unwrap();
    core.look_after(begun);
    assert!(wait.is_woken());
    assert_eq!(assert_ready!(wait.poll()), 4);
}

#[test]
fn g05_nobody_is_told_after_the_last_wait() {
    let folder = Folder::new();
    let atom = atom(&folder);
    let core = &*atom.inner.core;
    let (mut wait, _asked) = asked!(core);
    assert_pending!(wait.poll());
    assert!(core.present.load(Ordering::SeqCst));
    drop(wait);
    Watched::look(core);
    assert!(!core.present.load(Ordering::SeqCst));
}

// A thread that the child has not may hold it.
#[test]
fn a_wait_that_is_dropped_in_a_fork_takes_no_lock() {
    alone_in(
        "atom::tests",
        "a_wait_that_is_dropped_in_a_fork_takes_no_lock",
        || {
            let folder = Folder::new();
            let atom = atom(&folder);
            let core = &*atom.inner.core;
            let mut waits: Vec<_> = (0..100).map(|_| spawn(atom.wait_for(|_| false))).collect();
            for wait in &mut waits {
                assert_pending!(wait.poll());
            }
            dropped_in_a_fork(&core.listeners, atom.version(), waits);
        },
    );
}
