//! P3: who may not read, write or make a file is told so; who may join one is up to its mode.
#![cfg(all(feature = "shm", not(loom)))]
#![allow(unsafe_code)]

mod support;

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use atomos::shm::{self, Options, ShmError};
use support::{TempPath, in_child};

fn open(path: impl AsRef<Path>) -> Result<shm::Atom<Vec<u64>>, ShmError> {
    let two = Options::new().max_participants(2);
    shm::Atom::open_with(path, "numbers", || vec![1], &two)
}

/// Runs `case` as somebody whom permissions bind: in a forked child that is nobody, if this is root.
fn as_a_user(case: fn()) {
    // SAFETY: it has no conditions.
    if unsafe { libc::geteuid() } != 0 {
        return case();
    }
    // SAFETY: the child runs in a process that `in_child` has started, where one thread uses this crate.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "cannot fork");
    if child == 0 {
        let passed = support::caught(|| {
            become_nobody();
            case();
        });
        if let Err(text) = &passed {
            eprintln!("as nobody: {text}");
        }
        // SAFETY: it ends the process, without running what the parent has registered.
        unsafe { libc::_exit(i32::from(passed.is_err())) };
    }
    let mut status = 0;
    // SAFETY: `status` is a place for an `int`.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "see above");
}

/// Groups first: who is no longer root may not change them.
fn become_nobody() {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: a list of no groups is read from nowhere.
    assert_eq!(unsafe { libc::setgroups(0, std::ptr::null()) }, 0);
    // SAFETY: it has no conditions.
    assert_eq!(unsafe { libc::setgid(NOBODY) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setuid(NOBODY) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::geteuid() }, NOBODY);
}

fn is_refusal(error: &ShmError) -> bool {
    matches!(error, ShmError::Io(e) if e.kind() == io::ErrorKind::PermissionDenied)
}

fn set_mode(path: &TempPath, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn p3_without_permission_nothing_is_opened() {
    in_child("p3_without_permission_nothing_is_opened", || {
        as_a_user(|| {
            let path = TempPath::new("permissions");
            open(&path).unwrap();
            set_mode(&path, 0o000);
            assert!(is_refusal(&open(&path).unwrap_err()));
            assert!(is_refusal(&shm::Atomic::open(&path, 1).unwrap_err()));
            assert!(is_refusal(&shm::inspect(&path).unwrap_err()));
            // To look at it one needs to read, to join it to write as well.
            set_mode(&path, 0o400);
            assert!(is_refusal(&open(&path).unwrap_err()));
            assert!(is_refusal(&shm::Atomic::open(&path, 1).unwrap_err()));
            assert!(shm::inspect(&path).unwrap().value.is_ok());
            set_mode(&path, 0o200);
            assert!(is_refusal(&open(&path).unwrap_err()));
            assert!(is_refusal(&shm::inspect(&path).unwrap_err()));
        });
    });
}

/// Nor in a folder that one may not write to is anything made, or left.
#[test]
fn p3_where_nothing_may_be_made_nothing_is() {
    in_child("p3_where_nothing_may_be_made_nothing_is", || {
        as_a_user(|| {
            let folder = TempPath::new("permissions");
            fs::create_dir(&folder).unwrap();
            let path = folder.as_ref().join("file");
            for mode in [0o500, 0o600] {
                set_mode(&folder, mode);
                assert!(is_refusal(&open(&path).unwrap_err()));
                assert!(is_refusal(&shm::Atomic::open(&path, 1).unwrap_err()));
            }
            set_mode(&folder, 0o700);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
            fs::remove_dir(&folder).unwrap();
        });
    });
}

/// Whoever else the mode lets in takes part, and nobody else.
#[test]
fn the_mode_says_who_may_join() {
    in_child("the_mode_says_who_may_join", || {
        // SAFETY: it has no conditions.
        if unsafe { libc::geteuid() } != 0 {
            eprintln!("!!!! SKIPPED: only root has a second user");
            return;
        }
        static PATHS: std::sync::OnceLock<[TempPath; 2]> = std::sync::OnceLock::new();
        let paths =
            PATHS.get_or_init(|| [TempPath::new("permissions"), TempPath::new("permissions")]);
        let mode = |path, mode| {
            let options = Options::new().mode(mode).max_participants(2);
            shm::Atom::open_with(path, "numbers", || vec![1_u64], &options).unwrap()
        };
        let (_own, shared) = (mode(&paths[0], 0o600), mode(&paths[1], 0o666));
        as_a_user(|| {
            let [own, shared] = PATHS.get().unwrap();
            assert!(is_refusal(&open(own).unwrap_err()));
            let shared = open(shared).unwrap();
            assert_eq!(*shared.load().unwrap(), [1]);
            shared.reset(vec![2]).unwrap();
        });
        assert_eq!(*shared.load().unwrap(), [2]);
        for path in paths {
            fs::remove_file(path).unwrap();
        }
    });
}
