//! Cells and atoms in files: each thread has a handle of its own, as a process would have.

use atomos::{Snapshot, shm};

use super::atoms::{self, State, Versioned};
use super::cells::{self, Register, same_verbs};
use super::support::{Recorder, TempPath, Threads, flat, histories, is_linearizable};
use super::total;

impl Register for shm::Atomic<i64> {
    same_verbs!();

    /// There is no line between processes.
    fn update_when_even(&self) -> Option<i64> {
        self.update_if(|n| (n % 2 == 0).then_some(n + 1)).ok()
    }
}

impl Versioned for shm::Atom<u64> {
    type Seen = Snapshot<u64>;

    fn told(seen: &Self::Seen) -> State {
        (Snapshot::version(seen), **seen)
    }
    fn load(&self) -> Self::Seen {
        self.load().unwrap()
    }
    fn version(&self) -> u64 {
        self.version()
    }
    fn reset(&self, value: u64) -> Self::Seen {
        self.reset(value).unwrap()
    }
    fn swap(&self, mut f: impl FnMut(u64) -> u64) -> Self::Seen {
        self.swap(|n| f(*n)).unwrap()
    }
    fn swap_if(&self, mut f: impl FnMut(u64) -> Option<u64>) -> Option<Self::Seen> {
        self.swap_if(|n| f(*n)).unwrap()
    }
    fn exchange(&self, seen: &Self::Seen, value: u64) -> Result<Self::Seen, Self::Seen> {
        let exchanged = self.compare_exchange(seen, value).unwrap();
        exchanged.map_err(|conflict| conflict.current)
    }
    /// There is no line between processes.
    fn swap_when_even(&self) -> Option<Self::Seen> {
        Versioned::swap_if(self, |n| (n % 2 == 0).then_some(n + 1))
    }
}

const THREADS: usize = 3;

/// A file is dearer than an allocation.
fn few() -> usize {
    total() / 4
}

/// Two handles of one file, for the threads in turn.
type Handles<H> = ([H; 2], TempPath);

#[test]
fn g1_histories_of_a_shared_cell_are_linearizable() {
    let make = || -> Handles<shm::Atomic<i64>> {
        let path = TempPath::new("history");
        let open = || shm::Atomic::open(&path, 0).unwrap();
        ([open(), open()], path)
    };
    let work = |shared: &Handles<_>, history, thread, to: &mut Recorder<_>| {
        cells::work::<shm::Atomic<i64>>(&shared.0[thread % 2], history, thread, to);
    };
    let judge = |_, did: &Threads<_>| is_linearizable(0, &flat(did), cells::step);
    histories(few(), THREADS, make, work, judge).assert_linearizable();
}

#[test]
fn p4_histories_of_a_shared_atom_are_linearizable() {
    let make = || -> Handles<shm::Atom<u64>> {
        let path = TempPath::new("history");
        let open = || shm::Atom::open(&path, "history", || 0).unwrap();
        ([open(), open()], path)
    };
    let work = |shared: &Handles<_>, history, thread, to: &mut Recorder<_>| {
        atoms::work::<shm::Atom<u64>>(&shared.0[thread % 2], history, thread, to);
    };
    let judge = |_, did: &Threads<_>| is_linearizable((0, 0), &flat(did), atoms::step);
    histories(few(), THREADS, make, work, judge).assert_linearizable();
}
