//! P3: whatever is in a file, what reads it gives the right value or says what is wrong: no panic,
//! no endless loop, and what is not ours stays as it is. A table of damage.
#![cfg(all(feature = "shm", not(loom)))]
#![allow(unsafe_code)]

mod support;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    sync::mpsc,
    thread,
    time::Duration,
};

use atomos::{
    Snapshot,
    shm::{self, ShmError, Stored},
};
use support::{LIMIT, TempPath, open_numbers as open};

type Value = Vec<u64>;

/// Where what is mapped ends, with two participants: see `src/shm/head.rs`.
const MAPPED: usize = 1024 + 2 * 64 * 2;
const HEAD: usize = 64;

/// The last of the three versions of [`pristine`].
fn last() -> Value {
    (0..40).map(|n| n << n).collect()
}

/// The bytes of a file that is in order: three versions, of two participants.
fn pristine() -> Vec<u8> {
    let path = TempPath::new("damage");
    let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
    other.reset(vec![2; 7]).unwrap();
    one.reset(last()).unwrap();
    fs::read(&path).unwrap()
}

/// Makes the checksum of the header right.
fn mend(bytes: &mut [u8]) {
    let len = u32::from_ne_bytes(bytes[32..36].try_into().unwrap()) as usize;
    let sum = crc(&[&bytes[..36], &bytes[256..256 + len]]);
    bytes[36..40].copy_from_slice(&sum.to_ne_bytes());
}

/// CRC-32, bit by bit.
fn crc(parts: &[&[u8]]) -> u32 {
    !parts.concat().iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum: u32, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    })
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn set_word(bytes: &mut [u8], at: usize, word: u64) {
    bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
}

/// Where the slot of the current value begins.
fn slot_of(bytes: &[u8]) -> usize {
    1024 + 64 * (word(bytes, HEAD) & 0xfff) as usize
}

/// Runs the cases on a thread of its own, and names the one that takes too long, or panics.
#[track_caller]
fn each<C: Send + 'static>(
    cases: impl Iterator<Item = (String, C)> + Send + 'static,
    run: impl Fn(C) + Send + 'static,
) {
    let (begin, begun) = mpsc::channel();
    let worker = thread::spawn(move || {
        for (name, case) in cases {
            begin.send(name).unwrap();
            run(case);
        }
    });
    let mut current = String::from("the first");
    let mut count = 0;
    loop {
        match begun.recv_timeout(LIMIT) {
            Ok(name) => (current, count) = (name, count + 1),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{current}: hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.join().is_ok(), "{current}: panics, see above");
    assert!(count > 0, "no cases");
}

/// What a value may be after damage: the right one, or an error.
#[track_caller]
fn check(loaded: Result<Snapshot<Value>, ShmError>, right: &Value) -> Option<Snapshot<Value>> {
    match loaded {
        Ok(value) => {
            assert_eq!(*value, *right);
            Some(value)
        }
        Err(ShmError::Corrupt { .. } | ShmError::Truncated | ShmError::NoSpace) => None,
        Err(error) => panic!("an error that is not about the damage: {error:?}"),
    }
}

/// Everything is done with a file that contains `bytes`: whether loading gave the value.
fn use_all(bytes: &[u8], is_waiting: bool) -> bool {
    let path = TempPath::new("damage");
    fs::write(&path, bytes).unwrap();
    let inspected = shm::inspect(&path);
    if let Ok(Ok(value)) = inspected.as_ref().map(|found| &found.value) {
        let Stored::Encoded(encoded) = value else {
            panic!("{value:?} in an atom");
        };
        assert_eq!(postcard_numbers(encoded), last());
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "a look has written");
    let atom = match open(&path) {
        Ok(atom) => atom,
        Err(error) => {
            assert!(!matches!(error, ShmError::Io(_)), "{error:?}");
            assert_eq!(
                fs::read(&path).unwrap(),
                bytes,
                "{error}: it was written to"
            );
            return false;
        }
    };
    let is_good = use_open(&atom, &path, is_waiting);
    assert_eq!(inspected.unwrap().value.is_ok(), is_good);
    is_good
}

fn use_open(atom: &shm::Atom<Value>, path: &TempPath, is_waiting: bool) -> bool {
    let loaded = check(atom.load(), &last());
    if is_waiting {
        let waited = atom.blocking_wait_for_timeout(|_| true, Duration::ZERO);
        let waited = waited.map(|value| value.expect("every value is waited for"));
        assert_eq!(check(waited, &last()), loaded);
    }
    let current = atom.version();
    if let Some(loaded) = &loaded {
        assert_eq!((current, Snapshot::version(loaded)), (2, 2));
    }
    let mut expected = last();
    expected.push(9);
    let swapped = atom.swap(|value| [value.as_slice(), &[9]].concat());
    if check(swapped, &expected).is_some() {
        assert_eq!(*open(path).unwrap().load().unwrap(), expected);
    }
    // What is damaged is replaced; a longer value needs room as well.
    let longer = vec![3; 1000];
    match atom.reset(longer.clone()) {
        Ok(_) => assert_eq!(*open(path).unwrap().load().unwrap(), longer),
        Err(ShmError::VersionExhausted) => assert_eq!(current, (1 << 52) - 1),
        Err(error) => assert!(check(Err(error), &longer).is_none()),
    }
    loaded.is_some()
}

fn postcard_numbers(bytes: &[u8]) -> Value {
    let mut numbers = vec![];
    let (mut number, mut shift) = (0, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    let len = numbers.remove(0);
    assert_eq!(len as usize, numbers.len());
    numbers
}

#[test]
fn p3_a_file_that_is_in_order_is_read() {
    assert!(use_all(&pristine(), true));
}

#[test]
fn p3_every_flipped_bit_is_harmless_or_found() {
    let bytes = pristine();
    let bits = 0..bytes.len() * 8;
    let cases = bits.map(|bit| (format!("bit {} of byte {}", bit % 8, bit / 8), bit));
    each(cases, move |bit| {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let is_good = use_all(&flipped, bit % 8 == 0);
        let is_header = bit / 8 < 40 || (256..256 + "numbers".len()).contains(&(bit / 8));
        assert!(!(is_header && is_good), "not found");
    });
}

#[test]
fn p3_every_flipped_bit_of_an_open_file_is_harmless_or_found() {
    let bytes = pristine();
    let bits = (0..bytes.len() * 8).step_by(3);
    let cases = bits.map(|bit| (format!("bit {} of byte {}", bit % 8, bit / 8), bit));
    each(cases, move |bit| {
        let path = TempPath::new("damage");
        fs::write(&path, &bytes).unwrap();
        let atom = open(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let at = bit / 8;
        file.write_all_at(&[bytes[at] ^ 1 << (bit % 8)], at as u64)
            .unwrap();
        check(atom.load(), &last());
        let _ = atom.swap(|value| value.clone());
        match atom.reset(vec![4; 500]) {
            Ok(made) => assert_eq!(*atom.load().unwrap(), *made),
            Err(ShmError::VersionExhausted) => {}
            Err(error) => assert!(check(Err(error), &vec![]).is_none()),
        }
    });
}

#[test]
fn p3_a_file_that_is_cut_off_is_found() {
    let bytes = pristine();
    let slot = slot_of(&bytes);
    let end = (word(&bytes, slot + 8) + word(&bytes, slot + 24)) as usize;
    assert!((MAPPED..bytes.len()).contains(&end));
    let cuts = (0..bytes.len()).filter(|cut| cut % 64 == 0 || *cut < 64);
    each(
        cuts.map(|cut| (format!("cut at {cut}"), cut))
            .collect::<Vec<_>>()
            .into_iter(),
        move |cut| {
            let cut_off = &bytes[..cut];
            let is_good = use_all(cut_off, true);
            let path = TempPath::new("damage");
            fs::write(&path, cut_off).unwrap();
            match open(&path) {
                Err(ShmError::NotAtomos) => assert!(cut < 8),
                Err(ShmError::Truncated) => assert!((8..MAPPED).contains(&cut)),
                Err(error) => panic!("{error:?}"),
                Ok(_) => assert!(cut >= MAPPED),
            }
            assert_eq!(is_good, cut >= end);
        },
    );
}

/// Bytes that cannot be opened, and what is said of them.
#[track_caller]
fn refused(bytes: &[u8], is_it: impl Fn(&ShmError) -> bool) {
    assert!(!use_all(bytes, true));
    let path = TempPath::new("damage");
    fs::write(&path, bytes).unwrap();
    let error = open(&path).unwrap_err();
    assert!(is_it(&error), "{error:?}");
}

#[test]
fn p3_a_header_that_is_another_is_named() {
    let changed = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = pristine();
        change(&mut bytes);
        mend(&mut bytes);
        bytes
    };
    refused(
        &changed(&|b| b[8..12].copy_from_slice(&2_u32.to_ne_bytes())),
        |error| {
            matches!(
                error,
                ShmError::Layout {
                    found: 2,
                    expected: 1
                }
            )
        },
    );
    refused(&changed(&|b| b[16] ^= 1), |error| {
        matches!(error, ShmError::StaleBoot)
    });
    refused(
        &changed(&|b| b[256] = b'c'),
        |error| matches!(error, ShmError::TypeTag { found, .. } if found.contains("cumbers")),
    );
    refused(&changed(&|b| b[256] = 0xff), |error| {
        matches!(error, ShmError::Corrupt { .. })
    });
    refused(&changed(&|b| b[12] = 3), |error| {
        matches!(error, ShmError::Corrupt { .. })
    });
    refused(&changed(&|b| b[13] = 9), |error| {
        matches!(error, ShmError::Codec(_))
    });
    for places in [0_u16, 2049, u16::MAX] {
        let places = places.to_ne_bytes();
        refused(&changed(&|b| b[14..16].copy_from_slice(&places)), |error| {
            matches!(error, ShmError::Corrupt { .. })
        });
    }
    refused(
        &changed(&|b| b[14..16].copy_from_slice(&2000_u16.to_ne_bytes())),
        |error| matches!(error, ShmError::Truncated),
    );
    // A cell has no participants, so that is a contradiction; and one without is another type.
    refused(&changed(&|b| b[12] = 1), |error| {
        matches!(error, ShmError::Corrupt { .. })
    });
    refused(
        &changed(&|b| b[12..16].copy_from_slice(&[1, 1, 0, 0])),
        |error| matches!(error, ShmError::TypeTag { .. }),
    );
    let mut long = pristine();
    long[32..36].copy_from_slice(&769_u32.to_ne_bytes());
    refused(&long, |error| matches!(error, ShmError::Corrupt { .. }));
}

#[test]
fn p3_a_cell_of_another_type_is_named() {
    let path = TempPath::new("damage");
    shm::Atomic::open(&path, 7_u32).unwrap();
    let before = fs::read(&path).unwrap();
    let error = shm::Atomic::open(&path, 7_i32).unwrap_err();
    assert!(matches!(error, ShmError::TypeTag { .. }), "{error:?}");
    let error = shm::Atomic::open(&path, 7_f64).unwrap_err();
    assert!(matches!(error, ShmError::TypeTag { .. }), "{error:?}");
    assert!(matches!(open(&path), Err(ShmError::TypeTag { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn p3_every_flipped_bit_of_a_cell_is_harmless_or_found() {
    let path = TempPath::new("damage");
    shm::Atomic::open(&path, true).unwrap();
    let bytes = fs::read(&path).unwrap();
    let bits = 0..bytes.len() * 8;
    let cases = bits.map(|bit| (format!("bit {} of byte {}", bit % 8, bit / 8), bit));
    each(cases, move |bit| {
        let path = TempPath::new("damage");
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let inspected = shm::inspect(&path);
        match shm::Atomic::open(&path, false) {
            Ok(flag) => {
                let value = inspected.unwrap().value.unwrap();
                assert_eq!(value, Stored::Bool(flag.get()));
                assert_eq!(
                    flag.get(),
                    bit != HEAD * 8,
                    "of the value itself nothing is known"
                );
                assert_eq!(flag.get_and_toggle(), bit != HEAD * 8);
                flag.set(true);
                assert!(flag.blocking_wait_for(|set| set));
            }
            Err(error) => {
                assert!(!matches!(error, ShmError::Io(_)), "{error:?}");
                assert_eq!(fs::read(&path).unwrap(), flipped);
                assert!(inspected.map_or(true, |found| {
                    found.value.is_err() || !found.is_of_this_boot
                }));
            }
        }
    });
}

#[test]
fn p3_a_file_that_is_something_else_stays_as_it_is() {
    let noise: Vec<_> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    for bytes in [
        &b""[..],
        b"a",
        b"atomos",
        b"atomos\0\x1b and more",
        b"#!/bin/sh\n",
        &noise,
    ] {
        refused(bytes, |error| matches!(error, ShmError::NotAtomos));
        let path = TempPath::new("damage");
        fs::write(&path, bytes).unwrap();
        let cell = shm::Atomic::open(&path, 1_u64);
        assert!(matches!(cell, Err(ShmError::NotAtomos)));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

/// A handle that knows a version does not take for it what others make of a damaged head.
#[test]
fn p3_what_replaces_a_damaged_head_is_no_version_that_was_there() {
    let set_head = |path: &TempPath, head: u64| {
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(&head.to_ne_bytes(), HEAD as u64).unwrap();
    };
    // Bits of the version, and of the number of its slot.
    for flip in [
        1 << 14,
        1 << 13,
        1 << 20,
        1 << 63,
        1,
        1 << 1,
        1 << 11,
        u64::MAX,
    ] {
        let path = TempPath::new("damage");
        let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
        one.reset(vec![1]).unwrap();
        other.reset(vec![2]).unwrap();
        one.reset(vec![3]).unwrap();
        one.reset(vec![4]).unwrap();
        assert_eq!(*other.load().unwrap(), [4]);
        let head = word(&fs::read(&path).unwrap(), HEAD);
        set_head(&path, head ^ flip);
        for handle in [&one, &other] {
            assert!(
                matches!(handle.load(), Err(ShmError::Corrupt { .. })),
                "{flip:x}"
            );
        }
        for n in 5..20 {
            let made = one.reset(vec![n]).unwrap();
            assert_eq!(*made, [n], "{flip:x}");
            for handle in [&one, &other] {
                assert_eq!(*handle.load().unwrap(), [n], "{flip:x}");
            }
        }
        assert_eq!(
            *other.swap(|v| [&v[..], &[20]].concat()).unwrap(),
            [19, 20],
            "{flip:x}"
        );
    }
}

/// Where it is the slot that is damaged the head's own version counts.
#[test]
fn p4_what_replaces_a_damaged_slot_is_the_next_version() {
    let path = TempPath::new("damage");
    let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
    for n in 1..=4 {
        one.reset(vec![n]).unwrap();
    }
    let slot = slot_of(&fs::read(&path).unwrap());
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 8], slot as u64).unwrap();
    assert!(matches!(other.load(), Err(ShmError::Corrupt { .. })));
    assert_eq!(Snapshot::version(&other.reset(vec![5]).unwrap()), 5);
    assert_eq!(*one.load().unwrap(), [5]);
    // It stands in one of his own two slots: the first participant has 0 and 1.
    let head = word(&fs::read(&path).unwrap(), HEAD);
    assert!([2, 3].contains(&(head & 0xfff)), "slot {}", head & 0xfff);
}

#[test]
fn p4_after_the_last_version_there_is_none() {
    const LAST: u64 = (1 << 52) - 1;
    let path = TempPath::new("damage");
    let mut bytes = pristine();
    let slot = slot_of(&bytes);
    let (offset, len) = (word(&bytes, slot + 8) as usize, word(&bytes, slot + 24));
    // First the one before the last: it can be followed.
    for version in [LAST - 1, LAST] {
        let head = version << 12 | word(&bytes, HEAD) & 0xfff;
        set_word(&mut bytes, HEAD, head);
        set_word(&mut bytes, slot, version + 1);
        let value = &bytes[offset..][..len as usize];
        let sum = crc(&[&version.to_ne_bytes(), &len.to_ne_bytes(), value]);
        bytes[slot + 32..slot + 36].copy_from_slice(&sum.to_ne_bytes());
        fs::write(&path, &bytes).unwrap();
        let atom = open(&path).unwrap();
        let current = atom.load().unwrap();
        assert_eq!((Snapshot::version(&current), &*current), (version, &last()));
        if version < LAST {
            assert_eq!(Snapshot::version(&atom.reset(vec![]).unwrap()), LAST);
        }
        let right = atom.load().unwrap();
        let attempts = [
            atom.reset(vec![1]).map(drop),
            atom.swap(|_| vec![1]).map(drop),
            atom.compare_exchange(&right, vec![1]).map(drop),
        ];
        for attempt in &attempts {
            assert!(
                matches!(attempt, Err(ShmError::VersionExhausted)),
                "{attempt:?}"
            );
        }
        assert_eq!(atom.version(), LAST);
        assert_eq!(*open(&path).unwrap().load().unwrap(), *right);
    }
}
