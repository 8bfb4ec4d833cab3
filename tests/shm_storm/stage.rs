//! What the processes share: an atom, a cell, and a plain file in which they say how far they are.

use std::{
    env,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use atomos::{
    Snapshot,
    shm::{self, Options},
};

use super::body::Body;
use super::parts::{PARTS, Part};

pub(crate) struct Paths([PathBuf; 3]);

const VARIABLES: [&str; 3] = [
    "ATOMOS_STORM_ATOM",
    "ATOMOS_STORM_CELL",
    "ATOMOS_STORM_BOARD",
];

impl Paths {
    pub(crate) fn new(paths: [&Path; 3]) -> Self {
        Self(paths.map(Path::to_owned))
    }

    pub(crate) fn of_this_process() -> Self {
        Self(VARIABLES.map(|name| env::var_os(name).unwrap().into()))
    }

    pub(crate) fn hand_to(&self, command: &mut Command) {
        command.envs(VARIABLES.into_iter().zip(&self.0));
    }
}

pub(crate) struct Stage {
    pub(crate) atom: shm::Atom<Body>,
    /// Each writer raises it after each commit: so it is never more than the version.
    pub(crate) cell: shm::Atomic<u64>,
    /// A number for the end, and one for each process.
    board: File,
}

impl Stage {
    pub(crate) fn open(paths: &Paths) -> Self {
        let [atom, cell, board] = &paths.0;
        // A place for each process and not one more: none may be lost by a death.
        let options = Options::new()
            .max_participants(PARTS.len() as u16 + 1)
            .recheck(Duration::from_millis(50));
        let board = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(board);
        Self {
            atom: shm::Atom::open_with(atom, "storm", Body::first, &options).unwrap(),
            cell: shm::Atomic::open_with(cell, 0, &options).unwrap(),
            board: board.unwrap(),
        }
    }

    fn board(&self, place: usize) -> u64 {
        let mut bytes = [0; 8];
        // Zeros, if nobody has written there.
        let _ = self.board.read_at(&mut bytes, 8 * place as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn post(&self, place: usize, number: u64) {
        let bytes = number.to_ne_bytes();
        self.board.write_all_at(&bytes, 8 * place as u64).unwrap();
    }

    pub(crate) fn announce_the_end(&self) {
        self.post(0, 1);
    }

    pub(crate) fn is_at_the_end(&self) -> bool {
        self.board(0) != 0
    }

    /// How far a process is: a writer, how many commits of its kind there are.
    pub(crate) fn progress(&self, me: usize) -> u64 {
        self.board(1 + me)
    }

    pub(crate) fn post_progress(&self, me: usize, number: u64) {
        self.post(1 + me, number);
    }

    /// The value, which is whole, and not older than `seen`; that is raised.
    pub(crate) fn load(&self, seen: &mut u64) -> Snapshot<Body> {
        let snapshot = self.atom.load().unwrap();
        checked(&snapshot, seen);
        snapshot
    }

    /// All that was reported adds up; so many writers were killed, each in one commit. The version.
    pub(crate) fn check_the_sums(&self, kills: u64) -> u64 {
        let last = self.load(&mut 0);
        for (me, part) in PARTS.iter().enumerate() {
            if let Part::Writer(writer) = *part {
                assert_eq!(last.commits[writer], self.progress(me), "{part:?}");
            }
        }
        let missing = last.version - self.cell.get();
        assert!(missing <= kills, "{missing} are missing of {kills}");
        last.version
    }
}

/// See [`Stage::load`].
#[track_caller]
pub(crate) fn checked(snapshot: &Snapshot<Body>, seen: &mut u64) {
    let version = Snapshot::version(snapshot);
    snapshot.check(version);
    assert!(version >= *seen, "version {version} after {seen}");
    *seen = version;
}
