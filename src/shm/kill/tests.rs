//! Processes that are killed or stopped at every step (P1, P2, P5), and what they leave behind.
//!
//! The processes are this test program itself, which runs [`child`] alone, with its order in the
//! environment.

mod create;
mod dead_watcher;
mod killed;
mod order;
mod stopped;

#[allow(dead_code)]
#[path = "../../../tests/support/files.rs"]
mod files;
#[allow(dead_code)]
#[path = "../../../tests/support/threads.rs"]
mod threads;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process,
    time::{Duration, Instant},
};

use self::{
    files::TempPath,
    order::{Deed, Order},
    threads::{LIMIT, in_time},
};
use crate::{
    Snapshot,
    shm::{self, Options, ShmError, head::Head},
    sync::Ordering,
};

/// What others see after a death.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// Nothing has happened.
    Old,
    /// The operation has.
    New,
}
use After::{New, Old};

/// The points that whoever makes a file passes, and those who open it, in that order.
const OPENING: [(&str, After); 6] = [
    ("create: begun", Old),
    ("create: reserved", Old),
    ("create: half written", Old),
    ("create: written", Old),
    ("claimed", Old),
    ("create: published", New),
];

/// The points that a commit passes, in that order.
const WRITING: [(&str, After); 14] = [
    ("write: marked", Old),
    ("grow: begun", Old),
    ("grow: allocated", Old),
    ("grow: offset set", Old),
    ("grow: capacity set", Old),
    ("grow: done", Old),
    ("write: half written", Old),
    ("write: written", Old),
    ("write: recorded", Old),
    ("publish: before", Old),
    ("wake: begun", New),
    ("wake: disarmed", New),
    ("wake: epoch raised", New),
    ("wake: done", New),
];

/// The points of the lists above, of all the kinds.
fn listed() -> impl Iterator<Item = &'static str> {
    OPENING.iter().chain(&WRITING).map(|(point, _)| *point)
}

#[test]
fn every_point_of_the_sources_is_listed() {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shm")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name() != Some("kill".as_ref()) {
                folders.push(path);
            } else if path.is_file() {
                let text = fs::read_to_string(path).unwrap();
                let calls = text.split("point(\"").skip(1);
                found.extend(calls.map(|call| call.split('"').next().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(found, listed().map(str::to_owned).collect());
}

/// Does nothing, but in a process that another test has started.
#[test]
fn child() {
    if let Some(order) = Order::of_this_process() {
        order.carry_out();
        // At once: the test that waits wants to know that nothing went wrong.
        process::exit(order::DONE);
    }
}

/// Values: what they are is said by the first byte.
type Value = Vec<u8>;
const INIT: u8 = 0;
const CHILD: u8 = 2;
const PARENT: u8 = 3;

fn value(kind: u8, len: usize) -> Value {
    let mut value = vec![kind; len];
    // So that no part of it can be taken for another.
    for (i, byte) in value.iter_mut().enumerate().skip(1) {
        *byte = byte.wrapping_mul(89).wrapping_add((i * 7 + len) as u8);
    }
    value
}

/// In which time those who wait look by themselves.
const RECHECK: Duration = Duration::from_millis(300);

fn options(participants: u16) -> Options {
    let options = Options::new().recheck(RECHECK);
    options.max_participants(participants)
}

fn open(path: &Path, participants: u16) -> Result<shm::Atom<Value>, ShmError> {
    let init = || value(INIT, 10);
    shm::Atom::open_with(path, "killed", init, &options(participants))
}

fn open_cell(path: &Path) -> shm::Atomic<u64> {
    shm::Atomic::open_with(path, 0, &options(1)).unwrap()
}

/// What this atom holds: its version, and the value.
#[track_caller]
fn seen(atom: &shm::Atom<Value>) -> (u64, Value) {
    let snapshot = atom.load().unwrap();
    assert_eq!(Snapshot::version(&snapshot), atom.version());
    (atom.version(), snapshot.to_vec())
}

/// The words of a file, seen from outside.
struct Words(Head);

impl Words {
    fn of(path: &Path) -> Self {
        let file = fs::File::options().read(true).write(true).open(path);
        Self(Head::map(&file.unwrap(), 1024).unwrap())
    }

    fn are_armed(&self) -> bool {
        self.0.armed().load(Ordering::SeqCst) != 0
    }

    /// Until somebody is about to sleep, in whatever process.
    fn wait_until_armed(&self) {
        let since = Instant::now();
        while !self.are_armed() {
            assert!(since.elapsed() < LIMIT, "nobody has armed");
            std::thread::yield_now();
        }
    }
}
