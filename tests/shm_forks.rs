//! A process that was forked, without `exec`, from the one that opened a file (feature `shm`): it is
//! refused where it would share what belongs to its parent, and may open the file by itself.
#![cfg(all(feature = "shm", not(loom)))]
#![allow(unsafe_code)]

mod support;

use atomos::shm::{self, Options, ShmError};
use futures::FutureExt;
use support::{TempPath, caught};

/// Runs `f` in a forked child: whether it returned true.
fn in_fork(f: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs code that takes no lock which a thread of the parent may hold: the
    // parent has one thread that uses this crate, which is here.
    in_child(unsafe { libc::fork() }, f)
}

/// The same past the C library, which does not call those who want to know of forks.
fn in_unnoticed_fork(f: impl FnOnce() -> bool) -> bool {
    let (how, none) = (libc::SIGCHLD as libc::c_ulong, 0 as libc::c_ulong);
    // SAFETY: as above. It is a fork: nothing is shared, and the child goes on here, on its own copy of
    // this stack.
    let child = unsafe { libc::syscall(libc::SYS_clone, how, none, none, none, none) };
    in_child(child as libc::pid_t, f)
}

fn in_child(child: libc::pid_t, f: impl FnOnce() -> bool) -> bool {
    assert!(child >= 0, "cannot fork");
    if child == 0 {
        let passed = caught(f).unwrap_or(false);
        // SAFETY: it ends the process, without running what the parent has registered.
        unsafe { libc::_exit(i32::from(!passed)) };
    }
    let mut status = 0;
    // SAFETY: `status` is a place for an `int`.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(waited, child);
    status == 0
}

fn an_atom_is_refused_until_it_is_opened_again() {
    let path = TempPath::new("fork");
    let open = || shm::Atom::open(&path, "number", || 1_u32);
    let atom = open().unwrap();
    assert!(in_fork(|| {
        let refused = [
            atom.load().map(drop),
            atom.reset(2).map(drop),
            atom.swap(|n| n + 1).map(drop),
            atom.wait_for(|n| *n == 1).now_or_never().unwrap().map(drop),
            atom.blocking_wait_for(|n| *n == 1).map(drop),
        ];
        let refused = refused
            .iter()
            .all(|result| matches!(result, Err(ShmError::Forked)));
        let own = open().unwrap();
        refused && *own.swap(|n| n + 1).unwrap() == 2
    }));
    assert_eq!(*atom.load().unwrap(), 2);
    assert_eq!(*atom.reset(3).unwrap(), 3);
}

fn however_it_was_forked() {
    let path = TempPath::new("fork");
    let atom = shm::Atom::open(&path, "number", || 1_u32).unwrap();
    assert!(in_unnoticed_fork(|| {
        let refused = [atom.load().map(drop), atom.reset(2).map(drop)];
        (refused.iter()).all(|result| matches!(result, Err(ShmError::Forked)))
            && in_unnoticed_fork(|| matches!(atom.load(), Err(ShmError::Forked)))
    }));
    assert_eq!(*atom.load().unwrap(), 1);
}

/// Who is told of an error has made no file.
fn a_file_that_could_not_be_opened_is_not_made() {
    let (before, path) = (TempPath::new("fork"), TempPath::new("fork"));
    // What is looked up once is known.
    let _before = shm::Atom::open(&before, "number", || 1_u32).unwrap();
    assert!(in_fork(|| {
        let few = libc::rlimit {
            rlim_cur: 64,
            rlim_max: 64,
        };
        // SAFETY: it reads a `rlimit` from the pointer.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &few) }, 0);
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        (0..4).all(|_| {
            taken.pop();
            shm::Atom::open(&path, "number", || 1_u32).is_ok() || !path.as_ref().exists()
        })
    }));
}

fn a_cell_can_be_used_but_not_waited_for() {
    let path = TempPath::new("fork");
    let cell = shm::Atomic::open(&path, 1).unwrap();
    assert!(in_fork(|| {
        cell.add_and_get(1);
        let refused = caught(|| cell.wait_equal(2).now_or_never()).unwrap_err();
        let own = shm::Atomic::open(&path, 0).unwrap();
        refused.contains("was forked") && own.wait_equal(2).now_or_never() == Some(2)
    }));
    assert_eq!(cell.get(), 2);
}

fn the_place_of_the_parent_is_not_given_away() {
    let path = TempPath::new("fork");
    let one = Options::new().max_participants(1);
    let open = || shm::Atom::open_with(&path, "number", || 1_u32, &one);
    let mut atom = Some(open().unwrap());
    assert!(in_fork(|| {
        drop(atom.take());
        matches!(open(), Err(ShmError::ParticipantsFull))
    }));
    assert!(matches!(open(), Err(ShmError::ParticipantsFull)));
    drop(atom);
    assert_eq!(*open().unwrap().load().unwrap(), 1);
}

/// One test, so that no other thread of the process is in the middle of something.
#[test]
fn what_is_shared_with_a_fork_is_refused() {
    an_atom_is_refused_until_it_is_opened_again();
    however_it_was_forked();
    a_file_that_could_not_be_opened_is_not_made();
    a_cell_can_be_used_but_not_waited_for();
    the_place_of_the_parent_is_not_given_away();
}
