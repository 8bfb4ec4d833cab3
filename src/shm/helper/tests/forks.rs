//! A child that was forked has none of the threads of its parent, and any of these may have held any
//! lock.

#![allow(unsafe_code)]

use std::{cell::RefCell, ops::Deref};

use super::*;
use crate::{
    future::wait_for::WaitMap,
    wait::{
        condition::Condition, listeners::Listeners, mailbox::Event, presence::Presence,
        roster::Observer, source::Source,
    },
};

// A thread of the parent may have been in any of its locks when the child was forked.
#[test]
fn a_fork_waits_for_no_lock_of_its_parent() {
    let name = "a_fork_waits_for_no_lock_of_its_parent";
    alone_in("helper::tests::forks", name, || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(is_pending(&mut wait));
        let all = groups().lock();
        let lists: Vec<_> = all.iter().map(|group| group.list.lock()).collect();
        let Some(child) = fork() else {
            let own = folder.cell("cell");
            let mut own_wait = Box::pin(own.wait_at_least(1));
            assert!(is_pending(&mut own_wait));
            drop(wait);
            drop(cell);
            exit();
        };
        assert_succeeds(child);
        drop(lists);
        drop(all);
    });
}

/// Forks. `None` in the child, which has ten seconds.
pub(in crate::shm) fn fork() -> Option<libc::pid_t> {
    // SAFETY: the child takes no lock that a thread of the parent may hold: this is the test.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child > 0 {
        return Some(child);
    }
    // SAFETY: it has no conditions. It ends a child that hangs.
    unsafe { libc::alarm(10) };
    None
}

/// Ends a child: it has succeeded.
pub(in crate::shm) fn exit() -> ! {
    // SAFETY: it ends the process, without running what the parent has registered.
    unsafe { libc::_exit(0) }
}

pub(in crate::shm) fn assert_succeeds(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: `status` is a place for an `int`.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
}

/// Forks while this thread holds the lock of the register, and drops `waits` in the child.
pub(in crate::shm) fn dropped_in_a_fork<E: Event>(
    listeners: &Listeners<E>,
    seen: E,
    waits: impl Sized,
) {
    let looks = ForksInALook {
        seen,
        waits: RefCell::new(Some(waits)),
    };
    let observer = Observer::Condition(Arc::new(Condition::carried(false)));
    drop(listeners.register(observer, &looks));
}

/// Forks while this thread holds the locks of `wait`, and drops it in the child.
pub(in crate::shm) fn dropped_where_it_is_judged<P, U>(wait: WaitMap<P, U>)
where
    P: Deref<Target: Source>,
{
    let mut child = None;
    let wait = wait.while_locked(|wait| {
        child = fork();
        if child.is_none() {
            drop(wait);
            exit();
        }
        wait
    });
    child.into_iter().for_each(assert_succeeds);
    drop(wait);
}

struct ForksInALook<E, W> {
    seen: E,
    waits: RefCell<Option<W>>,
}

impl<E: Clone, W> Presence<E> for ForksInALook<E, W> {
    fn look(&self) -> E {
        match fork() {
            Some(child) => assert_succeeds(child),
            None => {
                drop(self.waits.take());
                exit();
            }
        }
        self.seen.clone()
    }

    fn raise(&self) -> bool {
        false
    }

    fn lower(&self) {}
}
