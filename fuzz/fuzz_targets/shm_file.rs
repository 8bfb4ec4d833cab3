//! P3: no content of a file leads to a panic, an endless loop or an access out of bounds.
//!
//! A file that is in order, of two participants and three versions, is edited as the input says:
//! before it is opened, and while it is open. Then everything is done with it that can be.
//!
//! It is one file, put in order again for each input. Those few inputs that wait have one each: a thread
//! may have it mapped for a moment longer, which is no time to make it shorter.
#![no_main]

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use atomos::shm::{self, Options, ShmError};
use libfuzzer_sys::fuzz_target;

type Value = Vec<u64>;

/// What stands where: see `src/shm/head.rs` and `slot.rs`.
const MAPPED: u64 = 1024 + 2 * 64 * 2;

fuzz_target!(|input: &[u8]| {
    let Some((&mode, input)) = input.split_first() else {
        return;
    };
    let split = input.iter().position(|byte| *byte == 0xff);
    let edits = input.split_at(split.unwrap_or(input.len()));
    let is_cell = mode & 1 == 1;
    match mode >= 0xfc {
        true => {
            let place = Place::new();
            place.run(is_cell, edits, true);
            std::fs::remove_file(&place.path).expect("nobody else deletes it");
        }
        false => {
            static KEPT: OnceLock<Place> = OnceLock::new();
            KEPT.get_or_init(Place::new).run(is_cell, edits, false);
        }
    }
});

/// A file, and where it is.
struct Place {
    path: PathBuf,
    file: File,
}

impl Place {
    fn new() -> Self {
        let path = path();
        let mut options = File::options();
        let options = options.read(true).write(true).create(true);
        let file = options.truncate(true).open(&path);
        let file = file.expect("a file can be made");
        Self { path, file }
    }

    /// Puts the file in order, and edits it: before it is opened, and afterwards.
    fn run(&self, is_cell: bool, (before, during): (&[u8], &[u8]), is_waiting: bool) {
        let Self { path, file } = self;
        let bytes = pristine(is_cell);
        let written = file.set_len(bytes.len() as u64);
        written
            .and_then(|()| file.write_all_at(bytes, 0))
            .expect("it can be written");
        edit(file, before, 0);
        // What a look finds is an answer, whatever it is.
        let _ = shm::inspect(path);
        match is_cell {
            true => cell(path, file, during, is_waiting),
            false => atom(path, file, during, is_waiting),
        }
    }
}

fn atom(path: &Path, file: &File, edits: &[u8], is_waiting: bool) {
    let open = || shm::Atom::open_with(path, "fuzz", Value::new, &two());
    let Ok(one) = open() else { return };
    let _ = one.load();
    edit(file, edits, MAPPED);
    let _ = shm::inspect(path);
    let all = || -> Result<(), ShmError> {
        one.version();
        let loaded = one.load();
        let _ = one.swap(|value| value.iter().map(|n| n.wrapping_add(1)).collect());
        // A longer one needs more room.
        let _ = one.reset(vec![u64::MAX; 40]);
        let other = open()?;
        let _ = other.load();
        let _ = other.swap(|value| [value.as_slice(), &[7; 100]].concat());
        let _ = other.compare_exchange(&loaded?, vec![]);
        other.reset(vec![5])?;
        let _ = one.load();
        if is_waiting {
            let _ = other.blocking_wait_for_timeout(|v| *v == [1], Duration::ZERO);
        }
        Ok(())
    };
    let _ = all();
    let _ = shm::inspect(path);
}

fn cell(path: &Path, file: &File, edits: &[u8], is_waiting: bool) {
    let Ok(flag) = shm::Atomic::open(path, false) else {
        return;
    };
    edit(file, edits, 1024);
    let _ = shm::inspect(path);
    flag.get();
    flag.update_and_get(|set| !set);
    edit(file, edits, 1024);
    flag.toggle_and_get();
    flag.compare_and_set(true, false);
    if is_waiting {
        flag.blocking_wait_for_timeout(|set| set, Duration::ZERO);
    }
    flag.set(true);
    assert!(flag.get());
}

/// Each edit is four bytes: what, where (two bytes), and with what. The file stays as long as
/// `least`, since an open one that is cut off there ends the process, as is documented.
fn edit(file: &File, edits: &[u8], least: u64) {
    for edit in edits.chunks_exact(4) {
        let at = u64::from(u16::from_le_bytes([edit[1], edit[2]])) % 4096;
        let (with, word) = (edit[3], at & !7);
        let done = match edit[0] % 8 {
            0 | 1 => file.write_all_at(&[with], at),
            2 => {
                let mut byte = [0];
                let _ = file.read_exact_at(&mut byte, at);
                file.write_all_at(&[byte[0] ^ 1 << (with % 8)], at)
            }
            3 => file.write_all_at(&interesting(with).to_ne_bytes(), word),
            4 => file.set_len(at.max(least)),
            5 => mend_header(file),
            6 => mend_slot(file, 1024 + 64 * u64::from(with % 4)),
            _ => file.write_all_at(&interesting(with).to_ne_bytes(), 64 + 8 * (at % 2) * 16),
        };
        done.expect("a file in memory can be edited");
    }
}

/// Numbers beside which something changes.
fn interesting(which: u8) -> u64 {
    let power = 1_u64 << (which % 64);
    match which / 64 {
        0 => power,
        1 => power - 1,
        2 => power.wrapping_neg(),
        _ => u64::from(which % 64),
    }
}

/// Makes the checksum of the header right.
fn mend_header(file: &File) -> std::io::Result<()> {
    let mut bytes = [0; 1024];
    let _ = file.read_at(&mut bytes, 0)?;
    let len = u32::from_ne_bytes(bytes[32..36].try_into().expect("four bytes"));
    let len = (len as usize).min(768);
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..36]);
    sum.update(&bytes[256..256 + len]);
    file.write_all_at(&sum.finalize().to_ne_bytes(), 36)
}

/// Makes the checksums of a slot right, its room's and, if the value can be read, its value's.
fn mend_slot(file: &File, at: u64) -> std::io::Result<()> {
    let mut bytes = [0; 64];
    let _ = file.read_at(&mut bytes, at)?;
    let room = crc32fast::hash(&bytes[8..24]);
    file.write_all_at(&room.to_ne_bytes(), at + 36)?;
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let mut value = vec![0; word(24).min(4096) as usize];
    if word(8) > 4096 || file.read_exact_at(&mut value, word(8)).is_err() {
        return Ok(());
    }
    let mut sum = crc32fast::Hasher::new();
    sum.update(&word(0).wrapping_sub(1).to_ne_bytes());
    sum.update(&word(24).to_ne_bytes());
    sum.update(&value);
    file.write_all_at(&sum.finalize().to_ne_bytes(), at + 32)
}

fn two() -> Options {
    Options::new().max_participants(2)
}

/// The bytes of a file that is in order.
fn pristine(is_cell: bool) -> &'static [u8] {
    static FILES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let path = path();
        let bytes = || {
            let bytes = std::fs::read(&path).expect("it was made");
            std::fs::remove_file(&path).expect("and is there");
            bytes
        };
        let open = || shm::Atom::open_with(&path, "fuzz", || vec![1], &two());
        let (one, other) = (open().expect("first"), open().expect("second"));
        other.swap(|_| vec![1, 2]).expect("version 1");
        one.swap(|_| vec![1, 2, 3]).expect("version 2");
        let atom = bytes();
        shm::Atomic::open(&path, true).expect("a cell");
        [atom, bytes()]
    });
    &files[usize::from(is_cell)]
}

/// One that there was not yet in this process.
fn path() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Relaxed));
    PathBuf::from(format!("/dev/shm/atomos-fuzz-{process}-{number}"))
}
