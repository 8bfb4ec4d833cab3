//! P3: paths at which there is no file of ours, files for which there is no room, and what is said of
//! that.
#![cfg(all(feature = "shm", not(loom)))]
#![allow(unsafe_code)]

mod support;

use std::{
    fs::{self, File},
    io,
    os::unix::{fs::symlink, process::ExitStatusExt},
    path::Path,
    process::Command,
};

use atomos::shm::{self, Options, ShmError};
use support::{TempPath, in_child, in_time, open_numbers as open};

/// What all three say of a path.
fn all_three(path: impl AsRef<Path> + Send + 'static) -> [ShmError; 3] {
    in_time(move || {
        [
            open(&path).unwrap_err(),
            shm::Atomic::open(&path, 1).unwrap_err(),
            shm::inspect(&path).unwrap_err(),
        ]
    })
}

#[test]
fn p3_what_is_no_file_is_refused() {
    let folder = TempPath::new("damage");
    fs::create_dir(&folder).unwrap();
    let errors = all_three(folder.as_ref().to_owned());
    fs::remove_dir(&folder).unwrap();
    let is_folder =
        |e: &ShmError| matches!(e, ShmError::Io(e) if e.kind() == io::ErrorKind::IsADirectory);
    assert!(is_folder(&errors[0]) && is_folder(&errors[1]), "{errors:?}");
    assert!(matches!(errors[2], ShmError::NotAtomos), "{errors:?}");

    let pipe = TempPath::new("damage");
    let made = Command::new("mkfifo").arg(pipe.as_ref()).status().unwrap();
    assert!(made.success());
    let errors = all_three(pipe.as_ref().to_owned());
    assert!(
        errors.iter().all(|e| matches!(e, ShmError::NotAtomos)),
        "{errors:?}"
    );

    let errors = all_three("/dev/null");
    assert!(
        errors.iter().all(|e| matches!(e, ShmError::NotAtomos)),
        "{errors:?}"
    );
}

#[test]
fn p3_a_link_to_nowhere_is_refused() {
    let (target, link) = (TempPath::new("damage"), TempPath::new("damage"));
    symlink(&target, &link).unwrap();
    let errors = all_three(link.as_ref().to_owned());
    assert!(
        errors.iter().all(|e| matches!(e, ShmError::Io(_))),
        "{errors:?}"
    );
    assert!(!target.as_ref().exists());
    // One to a file is followed.
    open(&target).unwrap().reset(vec![8]).unwrap();
    assert_eq!(*open(&link).unwrap().load().unwrap(), [8]);

    let circle = TempPath::new("damage");
    symlink(&circle, &circle).unwrap();
    let errors = all_three(circle.as_ref().to_owned());
    assert!(
        errors.iter().all(|e| matches!(e, ShmError::Io(_))),
        "{errors:?}"
    );
    let errors = all_three("/dev/shm/there is/no such folder");
    assert!(
        errors.iter().all(|e| matches!(e, ShmError::Io(_))),
        "{errors:?}"
    );
}

#[test]
fn p3_without_room_the_value_stays() {
    in_child("p3_without_room_the_value_stays", || {
        let (path, other) = (TempPath::new("damage"), TempPath::new("damage"));
        let atom = open(&path).unwrap();
        let limit = libc::rlimit {
            rlim_cur: 8192,
            rlim_max: 8192,
        };
        // SAFETY: no handler is installed: the signal is ignored.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // SAFETY: the limit is read from a struct that lives.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
        for _ in 0..3 {
            let full = atom.reset(vec![u64::MAX; 100_000]);
            assert!(matches!(full, Err(ShmError::NoSpace)), "{full:?}");
            assert_eq!(
                (atom.version(), &*open(&path).unwrap().load().unwrap()),
                (0, &vec![1])
            );
        }
        // What there is room for is written. (The room that was not there is skipped.)
        let _ = atom.reset(vec![2]);
        let many = Options::new().max_participants(1000);
        let made = shm::Atom::open_with(&other, "numbers", || vec![1_u64], &many);
        assert!(matches!(made, Err(ShmError::NoSpace)), "{made:?}");
        assert!(!other.as_ref().exists());
    });
}

#[test]
fn p3_a_tag_that_is_too_long_is_an_error() {
    let path = TempPath::new("damage");
    let opened = |len| shm::Atom::open(&path, &"t".repeat(len), || 1);
    let error = opened(769).unwrap_err();
    assert!(
        matches!(error, ShmError::TooLarge { len: 769, max: 768 }),
        "{error:?}"
    );
    assert!(!path.as_ref().exists());
    assert_eq!(*opened(768).unwrap().load().unwrap(), 1);
}

/// What is documented, and cannot be otherwise: the missing page is noticed by the processor.
#[test]
fn a_header_that_is_cut_off_while_it_is_mapped_ends_the_process() {
    const MARK: &str = "ATOMOS_TEST_CUT_OFF";
    if std::env::var_os(MARK).is_some() {
        let path = TempPath::new("damage");
        let atom = open(&path).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        // To look at it is safe, and so is to find that it is damaged.
        assert!(matches!(shm::inspect(&path), Err(ShmError::NotAtomos)));
        fs::remove_file(&path).unwrap();
        println!("version {}", atom.version());
        return;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "a_header_that_is_cut_off_while_it_is_mapped_ends_the_process",
            "--exact",
        ])
        .env(MARK, "1")
        .output()
        .unwrap()
        .status;
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
}

/// What was written of a value that there is no room for takes memory that others need.
#[test]
fn p3_a_value_that_there_is_no_room_for_takes_none() {
    use std::os::unix::fs::MetadataExt;
    in_child("p3_a_value_that_there_is_no_room_for_takes_none", || {
        let path = TempPath::new("damage");
        let atom = open(&path).unwrap();
        let limit = libc::rlimit {
            rlim_cur: 1 << 20,
            rlim_max: 1 << 20,
        };
        // SAFETY: no handler is installed: the signal is ignored.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // SAFETY: the limit is read from a struct that lives.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
        for _ in 0..3 {
            let full = atom.reset(vec![u64::MAX; 200_000]);
            assert!(matches!(full, Err(ShmError::NoSpace)), "{full:?}");
            let blocks = fs::metadata(&path).unwrap().blocks();
            assert!(blocks * 512 < 100_000, "{blocks} blocks are taken");
        }
        assert_eq!(*atom.load().unwrap(), [1]);
    });
}

#[test]
fn what_others_have_said_is_the_source_of_an_error() {
    use std::error::Error;
    let path = TempPath::new("damage");
    let nowhere = shm::inspect(&path).unwrap_err();
    let source = nowhere.source().expect("of the operating system");
    let source = source.downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert!(nowhere.to_string().contains(&source.to_string()));

    let atom = shm::Atom::open(&path, "text", || vec![u64::MAX]).unwrap();
    let text = shm::Atom::open(&path, "text", String::new).unwrap();
    let undecoded = text.load().unwrap_err();
    let source = undecoded.source().expect("of the decoder");
    assert!(undecoded.to_string().contains(&source.to_string()));
    drop(atom);

    assert!(ShmError::NotAtomos.source().is_none());
}
