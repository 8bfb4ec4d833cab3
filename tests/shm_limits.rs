//! P3 at the edges: numbers in an atom's file that are just possible, and those that just are not.
#![cfg(all(feature = "shm", not(loom)))]

mod support;

use std::{fs::File, os::unix::fs::FileExt};

use atomos::shm::{self, Options, ShmError};
use support::TempPath;

// Where what stands: see `src/shm/head.rs` and `src/shm/slot.rs`.
const HEAD: u64 = 64;
const END: u64 = 192;
const SLOTS: u64 = 1024;
const OFFSET: u64 = SLOTS + 8;
const CAPACITY: u64 = SLOTS + 16;
const LEN: u64 = SLOTS + 24;
const ROOM_SUM: u64 = SLOTS + 36;
const MAX_VALUE: u64 = 1 << 30;
const MAX_END: u64 = 1 << 44;

type Opened = (TempPath, shm::Atom<String>, File);

fn open(participants: u16) -> Opened {
    let path = TempPath::new("limits");
    let options = Options::new().max_participants(participants);
    let atom = shm::Atom::open_with(&path, "text", || "first".into(), &options).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    (path, atom, file)
}

fn set(file: &File, at: u64, word: u64) {
    file.write_all_at(&word.to_ne_bytes(), at).unwrap();
}

fn get(file: &File, at: u64) -> u64 {
    let mut word = [0; 8];
    file.read_exact_at(&mut word, at).unwrap();
    u64::from_ne_bytes(word)
}

/// What a load and a look say, which have to agree: `None` if the value is read.
#[track_caller]
fn damage((path, atom, _): &Opened) -> Option<String> {
    let loaded = atom.load().map(drop).err();
    let looked = shm::inspect(path).unwrap().value.err();
    let said = |error: ShmError| error.to_string();
    let (loaded, looked) = (loaded.map(said), looked.map(said));
    assert_eq!(loaded, looked);
    loaded
}

const CUT_OFF: &str = "the file is shorter than what it should contain";

#[test]
fn p3_a_place_that_cannot_be_is_damage() {
    let opened = open(3);
    let mapped = SLOTS + 3 * 2 * 64;
    let impossible = "the file is damaged: the place of the value is impossible";
    for offset in [0, mapped - 1, MAX_END + 1, u64::MAX] {
        set(&opened.2, OFFSET, offset);
        assert_eq!(damage(&opened).as_deref(), Some(impossible), "{offset}");
    }
    set(&opened.2, OFFSET, MAX_END);
    assert_eq!(damage(&opened).as_deref(), Some(CUT_OFF));
    set(&opened.2, OFFSET, mapped);
    assert_eq!(damage(&opened), None);
}

#[test]
fn p3_a_length_that_cannot_be_is_damage() {
    let opened = open(3);
    let impossible = "the file is damaged: the length of the value is impossible";
    for len in [MAX_VALUE + 1, u64::MAX] {
        set(&opened.2, LEN, len);
        assert_eq!(damage(&opened).as_deref(), Some(impossible), "{len}");
    }
    for len in [MAX_VALUE, 1 << 17, 7] {
        set(&opened.2, LEN, len);
        assert_eq!(damage(&opened).as_deref(), Some(CUT_OFF), "{len}");
    }
    set(&opened.2, LEN, 6);
    assert_eq!(damage(&opened), None);
}

#[test]
fn p3_a_slot_that_does_not_exist_is_damage() {
    let none = "the file is damaged: the head names a slot that does not exist";
    for participants in [1, 2, 3, 500] {
        let opened = open(participants);
        let slots = 2 * u64::from(participants);
        for slot in [slots, slots + 1, 4095] {
            set(&opened.2, HEAD, slot);
            assert_eq!(damage(&opened).as_deref(), Some(none), "{slot} of {slots}");
        }
        // It exists, and has nothing.
        set(&opened.2, HEAD, slots - 1);
        let other = "the file is damaged: the head names a slot of another version";
        assert_eq!(damage(&opened).as_deref(), Some(other), "{slots}");
        set(&opened.2, HEAD, 0);
        assert_eq!(damage(&opened), None);
    }
}

#[test]
fn p3_an_end_that_cannot_be_is_damage() {
    let far = 1 << 30;
    for (end, can_be) in [
        (0, true),
        (far, true),
        (far + 1, false),
        (far + 63, false),
        (MAX_END - 64, true),
        (MAX_END, true),
        (MAX_END + 64, false),
        (u64::MAX - 63, false),
    ] {
        let opened = open(1);
        set(&opened.2, END, end);
        let grown = opened.1.reset("x".repeat(1000));
        let is_damaged = matches!(grown, Err(ShmError::Corrupt { .. }));
        // Of a file that large the system may say that there is no room for it.
        assert_eq!(is_damaged, !can_be, "{end}: {grown:?}");
        let expected = if grown.is_ok() { 1000 } else { 5 };
        assert_eq!(opened.1.load().unwrap().len(), expected);
    }
}

// The room of the first value ends beyond the end of the file.
#[test]
fn p1_a_damaged_end_gives_nobody_the_room_of_another() {
    let opened = open(1);
    set(&opened.2, END, 0);
    opened.1.reset("x".repeat(1000)).unwrap();
    let [first, second] = [0, 64].map(|slot| {
        let offset = get(&opened.2, OFFSET + slot);
        offset..offset + get(&opened.2, CAPACITY + slot)
    });
    assert!(first.end <= second.start, "{first:?} {second:?}");
}

// Who takes a place over believes what its slots say of their rooms only if it is whole and possible:
// else it would write over what is another's.
#[test]
fn p1_a_room_that_is_not_whole_or_cannot_be_is_none() {
    let mapped = SLOTS + 2 * 2 * 64;
    let sum = |offset: u64, capacity: u64| {
        let bytes = [offset.to_ne_bytes(), capacity.to_ne_bytes()].concat();
        crc(&bytes)
    };
    // Of the slot that is written next.
    let next = 64;
    for (offset, capacity, spoils, is_used) in [
        (mapped + 4096, 4096, 0, true),
        (mapped + 4096, 4096, 1, false),
        (mapped, MAX_VALUE, 0, true),
        (mapped - 64, 4096, 0, false),
        (0, 4096, 0, false),
        (MAX_END + 1, 4096, 0, false),
        (mapped + 4096, 0, 0, false),
        (mapped + 4096, MAX_VALUE + 1, 0, false),
    ] {
        let opened = open(2);
        let (_, atom, file) = &opened;
        set(file, OFFSET + next, offset);
        set(file, CAPACITY + next, capacity);
        let sum = sum(offset, capacity) ^ spoils;
        file.write_all_at(&sum.to_ne_bytes(), ROOM_SUM + next)
            .unwrap();
        // A room of no value does not say so to who looks.
        atom.reset("second".into()).unwrap();
        assert_eq!(*atom.load().unwrap(), "second");
        assert_eq!(damage(&opened), None);
        let is_there = get(file, OFFSET + next) == offset;
        assert_eq!(is_there, is_used, "{offset} {capacity} {spoils}");
    }
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum: u32, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    })
}
