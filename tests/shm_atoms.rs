//! Atoms in files, through several handles of one process, each a participant like those of other
//! processes (P3, P4, and what G1 and G7 mean for them).
#![cfg(all(feature = "shm", not(loom)))]

mod support;

use std::os::unix::fs::PermissionsExt;

use atomos::{
    Atom, Snapshot,
    shm::{self, Options, ShmError},
};
use serde::{Deserialize, Serialize};
use support::{TempPath, caught, two_threads};

fn numbers(path: &TempPath) -> shm::Atom<Vec<u64>> {
    shm::Atom::open(path, "numbers", Vec::new).unwrap()
}

#[test]
fn the_first_makes_the_value_and_the_others_join_it() {
    let path = TempPath::new("atom");
    let first = shm::Atom::open(&path, "text", || "first".to_string()).unwrap();
    let second = shm::Atom::open(&path, "text", || -> String { panic!("not asked for") }).unwrap();
    assert_eq!(*second.load().unwrap(), "first");
    assert_eq!((first.version(), second.version()), (0, 0));
}

#[test]
fn p4_versions_rise_by_one_in_the_eyes_of_all() {
    let path = TempPath::new("atom");
    let handles = [numbers(&path), numbers(&path), numbers(&path)];
    for n in 0..300 {
        let writer = &handles[n as usize % 3];
        let pushed = writer.swap(|v| [v.as_slice(), &[n]].concat()).unwrap();
        assert_eq!(Snapshot::version(&pushed), n + 1);
        for handle in &handles {
            assert_eq!(handle.version(), n + 1);
            let loaded = handle.load().unwrap();
            assert_eq!(Snapshot::version(&loaded), n + 1);
            assert_eq!(loaded.last(), Some(&n));
        }
    }
}

#[test]
fn g01_no_commit_is_lost_between_threads_and_handles() {
    let path = TempPath::new("atom");
    let (a, b) = (numbers(&path), numbers(&path));
    let same = a.clone();
    let count = |atom: &shm::Atom<Vec<u64>>, who: u64| {
        for n in 0..500 {
            atom.swap(|v| [v.as_slice(), &[1000 * who + n]].concat())
                .unwrap();
        }
    };
    std::thread::scope(|s| {
        s.spawn(|| count(&same, 1));
        s.spawn(|| count(&b, 2));
        count(&a, 3);
    });
    let all = a.load().unwrap();
    assert_eq!(Snapshot::version(&all), 1500);
    for who in 1..4 {
        let own: Vec<_> = all.iter().filter(|n| *n / 1000 == who).collect();
        assert!(own.is_sorted() && own.len() == 500, "of {who}: {own:?}");
    }
}

#[test]
fn values_of_any_size_follow_each_other() {
    let path = TempPath::new("atom");
    let (a, b) = (numbers(&path), numbers(&path));
    for len in [0, 1, 100, 10_000, 3, 100_000, 100_000, 0, 50_000] {
        a.reset(vec![len; len as usize]).unwrap();
        assert_eq!(*b.load().unwrap(), vec![len; len as usize]);
        b.reset(vec![1; len as usize]).unwrap();
        assert_eq!(*a.load().unwrap(), vec![1; len as usize]);
    }
}

#[test]
fn a_load_of_an_unchanged_value_gives_the_same_snapshot() {
    let path = TempPath::new("atom");
    let (a, b) = (numbers(&path), numbers(&path));
    let first = a.load().unwrap();
    assert!(Snapshot::ptr_eq(&first, &a.clone().load().unwrap()));
    b.reset(vec![]).unwrap();
    assert!(!Snapshot::ptr_eq(&first, &a.load().unwrap()));
    // One's own commit is not decoded.
    let made = a.reset(vec![1]).unwrap();
    assert!(Snapshot::ptr_eq(&made, &a.load().unwrap()));
}

#[test]
fn a_value_is_decoded_once() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static DECODED: AtomicUsize = AtomicUsize::new(0);
    #[derive(Serialize)]
    struct Counted(u64);
    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            DECODED.fetch_add(1, Relaxed);
            u64::deserialize(d).map(Counted)
        }
    }
    let path = TempPath::new("atom");
    let open = || shm::Atom::open(&path, "counted", || Counted(0)).unwrap();
    let (a, b) = (open(), open());
    for n in 1..4 {
        b.reset(Counted(n)).unwrap();
        assert_eq!(DECODED.load(Relaxed), n as usize - 1);
        for _ in 0..3 {
            assert_eq!(a.load().unwrap().0, n);
            assert!(a.swap_if(|_| None).unwrap().is_none());
            assert_eq!(b.load().unwrap().0, n);
        }
        assert_eq!(DECODED.load(Relaxed), n as usize);
    }
}

#[test]
fn g07_an_update_that_panics_or_declines_changes_nothing() {
    let path = TempPath::new("atom");
    let atom = numbers(&path);
    assert!(caught(|| atom.swap(|_| panic!("no"))).is_err());
    assert!(atom.swap_if(|_| None).unwrap().is_none());
    assert_eq!(atom.version(), 0);
    assert!(atom.swap_if(|_| Some(vec![1])).unwrap().is_some());
    assert_eq!(*atom.load().unwrap(), [1]);
}

#[test]
fn g06_an_update_may_use_the_atom() {
    let path = TempPath::new("atom");
    let atom = numbers(&path);
    let mut runs = 0;
    let result = atom.swap(|v| {
        runs += 1;
        if runs == 1 {
            atom.reset(vec![7]).unwrap();
        }
        [v.as_slice(), &[8]].concat()
    });
    assert_eq!(*result.unwrap(), [7, 8]);
    assert_eq!((runs, atom.version()), (2, 2));
}

#[test]
fn compare_exchange_succeeds_on_the_same_commit_only() {
    let path = TempPath::new("atom");
    let (a, b) = (numbers(&path), numbers(&path));
    let seen = a.load().unwrap();
    a.reset(vec![1]).unwrap();
    a.reset(vec![]).unwrap();
    // The same value again is not the same commit.
    let conflict = a.compare_exchange(&seen, vec![2]).unwrap().unwrap_err();
    assert_eq!((&*conflict.current, conflict.rejected), (&vec![], vec![2]));
    // A snapshot of another handle of the same file will do.
    let current = b.load().unwrap();
    assert_eq!(
        *a.compare_exchange(&current, vec![3]).unwrap().unwrap(),
        [3]
    );
    assert_eq!(*b.load().unwrap(), [3]);
}

#[test]
fn compare_exchange_refuses_a_snapshot_of_another_atom() {
    let (path, other_path) = (TempPath::new("atom"), TempPath::new("atom"));
    let atom = numbers(&path);
    let elsewhere = shm::Atom::open(&other_path, "numbers", || vec![5]).unwrap();
    let foreign = elsewhere.load().unwrap();
    assert!(atom.compare_exchange(&foreign, vec![1]).unwrap().is_err());
    let within = Atom::new(vec![5]).load();
    assert!(atom.compare_exchange(&within, vec![1]).unwrap().is_err());
    assert_eq!(atom.version(), 0);
}

#[test]
fn two_who_open_at_once_open_the_same() {
    for _ in 0..200 {
        let path = TempPath::new("atom");
        let open = |n: u64| shm::Atom::open(&path, "numbers", move || vec![n]).unwrap();
        let (a, b) = two_threads(|| open(1), || open(2));
        assert_eq!(*a.load().unwrap(), *b.load().unwrap());
        a.reset(vec![9]).unwrap();
        assert_eq!(*b.load().unwrap(), [9]);
    }
}

#[test]
fn what_is_not_what_was_asked_for_is_an_error() {
    let path = TempPath::new("atom");
    let atom = numbers(&path);
    let error = shm::Atom::open(&path, "numbers 2", Vec::<u64>::new).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ShmError::TypeTag { .. }), "{text}");
    assert!(
        text.contains("\"numbers\"") && text.contains("\"numbers 2\""),
        "{text}"
    );
    let error = shm::Atomic::open(&path, 1_u32).unwrap_err();
    assert!(matches!(error, ShmError::TypeTag { .. }), "{error}");
    // The same tag for another type is a mistake that the encoding may show.
    let wrong = shm::Atom::open(&path, "numbers", String::new).unwrap();
    atom.reset(vec![u64::MAX]).unwrap();
    assert!(matches!(wrong.load(), Err(ShmError::Codec(_))));
}

#[test]
fn a_value_that_cannot_be_encoded_changes_nothing() {
    #[derive(Debug)]
    struct Picky(bool);
    impl Serialize for Picky {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                true => s.serialize_bool(true),
                false => Err(serde::ser::Error::custom("never")),
            }
        }
    }
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            bool::deserialize(d).map(Picky)
        }
    }
    let path = TempPath::new("atom");
    let error = shm::Atom::open(&path, "picky", || Picky(false)).unwrap_err();
    assert!(matches!(error, ShmError::Codec(_)), "{error}");
    assert!(!path.as_ref().exists());
    let atom = shm::Atom::open(&path, "picky", || Picky(true)).unwrap();
    assert!(matches!(atom.reset(Picky(false)), Err(ShmError::Codec(_))));
    assert!(atom.load().unwrap().0);
    assert_eq!(atom.version(), 0);
}

#[test]
fn participants_are_limited_and_come_back() {
    let path = TempPath::new("atom");
    let two = Options::new().max_participants(2);
    let open = || shm::Atom::open_with(&path, "number", || 1, &two);
    let (a, b) = (open().unwrap(), open().unwrap());
    assert!(matches!(open(), Err(ShmError::ParticipantsFull)));
    drop(a.clone());
    assert!(matches!(open(), Err(ShmError::ParticipantsFull)));
    drop(a);
    let c = open().unwrap();
    assert_eq!(*c.reset(2).unwrap(), *b.load().unwrap());
}

#[test]
fn a_number_of_participants_that_is_no_number_is_an_error() {
    let path = TempPath::new("atom");
    for participants in [0, 2049, u16::MAX] {
        let options = Options::new().max_participants(participants);
        let error = shm::Atom::open_with(&path, "number", || 1, &options).unwrap_err();
        assert!(matches!(error, ShmError::Io(_)), "{error}");
        assert!(!path.as_ref().exists());
    }
}

#[test]
fn the_mode_is_the_one_asked_for() {
    for mode in [0o600, 0o660, 0o666] {
        let path = TempPath::new("atom");
        let options = Options::new().mode(mode);
        let _atom = shm::Atom::open_with(&path, "number", || 1, &options).unwrap();
        let permissions = std::fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
    }
}

#[test]
fn who_has_a_file_open_that_is_deleted_goes_on_with_it() {
    let path = TempPath::new("atom");
    let (a, b) = (numbers(&path), numbers(&path));
    std::fs::remove_file(&path).unwrap();
    a.reset(vec![4]).unwrap();
    assert_eq!(*b.load().unwrap(), [4]);
    let new = numbers(&path);
    assert_eq!(*new.load().unwrap(), []);
}

#[test]
fn a_place_is_free_as_soon_as_who_waited_has_dropped_the_atom() {
    let path = TempPath::new("atom");
    let three = Options::new().max_participants(3);
    let open = || shm::Atom::open_with(&path, "number", || 1, &three).unwrap();
    let _others = [open(), open()];
    for _ in 0..200 {
        let atom = open();
        assert_eq!(*atom.blocking_wait_for(|n| *n == 1).unwrap(), 1);
        drop(atom);
    }
}

#[test]
fn an_atom_a_cell_and_their_streams_say_what_they_are() {
    let (atom_path, cell_path) = (TempPath::new("atom"), TempPath::new("cell"));
    let atom = numbers(&atom_path);
    atom.reset(vec![1, 2, 3]).unwrap();
    assert_eq!(format!("{atom:?}"), "Atom { version: 1, .. }");
    assert_eq!(format!("{:?}", atom.snapshots()), "Snapshots { .. }");
    let cell = shm::Atomic::open(&cell_path, 1.5).unwrap();
    assert_eq!(format!("{cell:?}"), "1.5");
    assert_eq!(format!("{:?}", cell.values()), "Values { .. }");
}
