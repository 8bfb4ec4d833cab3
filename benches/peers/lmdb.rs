//! An atom that processes share, beside one entry of an LMDB database in memory. One process: what
//! is compared is the price of an operation, not how writers get on with each other.

#[path = "../harness/mod.rs"]
mod harness;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use atomos::shm;
use harness::Harness;
use harness::clock::wall;
use heed::types::{Bytes, Str};
use heed::{Database, Env, EnvFlags, EnvOpenOptions};
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    Harness::run(&[("64 B", small)])
}

/// 64 bytes, encoded too.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Fixed([[u8; 32]; 2]);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let path = base.join(format!("atomos-peers-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn database(&self) -> (Env, Database<Str, Bytes>) {
        let mut options = EnvOpenOptions::new();
        let quick = EnvFlags::NO_SYNC | EnvFlags::NO_META_SYNC | EnvFlags::WRITE_MAP;
        // SAFETY: it need not outlast a crash of the machine.
        unsafe { options.flags(quick) };
        // SAFETY: nobody else opens the files, or changes them.
        let env = unsafe { options.open(&self.0) };
        let env = env.expect("a database");
        let mut writing = env.write_txn().expect("a transaction");
        let database = env.create_database(&mut writing, None).expect("a table");
        database
            .put(&mut writing, "key", &[0_u8; 64][..])
            .expect("room");
        writing.commit().expect("a commit");
        (env, database)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn small(harness: &mut Harness) {
    let folder = Folder::new();
    let open = || shm::Atom::open(folder.0.join("atom"), "fixed 1", Fixed::default);
    let atom = open().expect("an atom");
    let (env, database) = folder.database();
    let get = || {
        let reading = env.read_txn().expect("a transaction");
        let value = database.get(&reading, "key").expect("a value");
        Fixed::from(value.expect("a value"))
    };
    let put = || {
        let mut writing = env.write_txn().expect("a transaction");
        let value = database.get(&writing, "key").expect("a value");
        let next = Fixed::from(value.expect("a value")).next();
        let bytes = next.0.as_flattened();
        database.put(&mut writing, "key", bytes).expect("room");
        writing.commit().expect("a commit");
    };
    harness
        .group("swap, 64 B")
        .ours(
            "shm::Atom::swap",
            wall(|| _ = black_box(atom.swap(Fixed::next).expect("a commit"))),
        )
        // It has one writer at a time, so it can write through the mapping, without a system call; and
        // one that is stopped holds up all the others.
        .peer("LMDB, without a disk to wait for", 3.0, wall(put))
        .report();
    let writer = open().expect("an atom");
    harness
        .group("load, 64 B")
        .ours(
            "shm::Atom::load, unchanged",
            wall(|| _ = black_box(atom.load().expect("a value"))),
        )
        .peer("LMDB", 1.0, wall(|| _ = black_box(get())))
        .beside(
            "shm::Atom: another handle's swap, and load",
            wall(|| {
                writer.swap(Fixed::next).expect("a commit");
                _ = black_box(atom.load().expect("a value"));
            }),
        )
        .report();
}

impl Fixed {
    fn next(&self) -> Self {
        let mut next = self.clone();
        next.0[0][0] ^= 1;
        next
    }

    fn from(bytes: &[u8]) -> Self {
        let mut fixed = Self::default();
        fixed.0.as_flattened_mut().copy_from_slice(bytes);
        fixed
    }
}
