//! `shm::inspect`, and the example program that shows what it says.
#![cfg(all(feature = "shm", not(loom)))]

mod support;

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use atomos::shm::{self, Held, Options, ShmError, Stored};
use support::{TempPath, in_time};

fn team(path: &TempPath) -> shm::Atom<Vec<String>> {
    let four = Options::new().max_participants(4);
    shm::Atom::open_with(path, "team 1", || vec!["ada".into()], &four).unwrap()
}

#[test]
fn a_cell_of_every_type_is_shown() {
    macro_rules! each {
        ($($value:expr => $stored:ident),*) => {$(
            let path = TempPath::new("inspect");
            let _cell = shm::Atomic::open(&path, $value).unwrap();
            let found = shm::inspect(&path).unwrap();
            assert_eq!(found.value.unwrap(), Stored::$stored($value));
            assert_eq!((found.holds, found.version, found.places), (Held::Cell, None, 0));
            assert_eq!((found.len, found.mapped, found.end), (1024, 1024, 1024));
            assert!(found.is_of_this_boot && !found.is_armed && found.participants.is_empty());
        )*};
    }
    each!(true => Bool, -5_i32 => I32, u32::MAX => U32, i64::MIN => I64, u64::MAX => U64);
    each!(0.1_f32 => F32, -1e300_f64 => F64);
}

#[test]
fn a_value_is_printed_as_the_number_that_it_is() {
    use Stored::*;
    let shown = |value: Stored| value.to_string();
    assert_eq!(shown(Bool(true)), "true");
    assert_eq!([I32(-5), I64(-5)].map(shown), ["-5", "-5"]);
    assert_eq!([U32(7), U64(7)].map(shown), ["7", "7"]);
    assert_eq!([F32(0.5), F64(0.5)].map(shown), ["0.5", "0.5"]);
    assert_eq!(shown(Encoded(vec![1, 2, 3])), "3 bytes");
}

#[test]
fn p3_a_flag_that_is_none_is_shown_as_damage() {
    let path = TempPath::new("inspect");
    let _flag = shm::Atomic::open(&path, true).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for byte in [2, 3, 0x80, 0xff] {
        file.write_all_at(&[byte], 64).unwrap();
        let found = shm::inspect(&path).unwrap().value;
        assert!(matches!(found, Err(ShmError::Corrupt { .. })), "{found:?}");
    }
}

#[test]
fn an_atom_is_shown_with_those_who_have_it_open_and_had() {
    let path = TempPath::new("inspect");
    let (one, other) = (team(&path), team(&path));
    other.reset(vec!["bob".into()]).unwrap();
    let found = shm::inspect(&path).unwrap();
    assert_eq!(
        (found.holds, found.tag.as_str(), found.codec),
        (Held::Atom, "team 1", 1)
    );
    assert_eq!((found.version, found.places), (Some(1), 4));
    assert_eq!(
        found.value.unwrap(),
        Stored::Encoded(b"\x01\x03bob".to_vec())
    );
    let shown = |found: &shm::Inspection| -> Vec<_> {
        let of = |p: &shm::Participant| (p.index, p.is_alive, p.has_value, p.wrote, p.room);
        found.participants.iter().map(of).collect()
    };
    let found = shm::inspect(&path).unwrap();
    let both = [
        (0, true, false, Some(0), 256),
        (1, true, true, Some(1), 256),
    ];
    assert_eq!(shown(&found), both);
    drop(other);
    let found = shm::inspect(&path).unwrap();
    assert_eq!(shown(&found), [both[0], (1, false, true, Some(1), 256)]);
    drop(one);
    assert!(
        shm::inspect(&path)
            .unwrap()
            .participants
            .iter()
            .all(|p| !p.is_alive)
    );
}

#[test]
fn a_look_writes_nothing_and_takes_no_place() {
    let path = TempPath::new("inspect");
    let one = Options::new().max_participants(1);
    shm::Atom::open_with(&path, "n", || 1, &one).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let before = fs::read(&path).unwrap();
    let found = shm::inspect(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let again = shm::Atom::open_with(&path, "n", || 1, &one);
    assert!(again.is_ok() && found.participants.iter().all(|p| !p.is_alive));
}

#[test]
fn p3_a_value_that_is_overwritten_all_the_time_is_shown_whole() {
    in_time(|| {
        let path = TempPath::new("inspect");
        let open = || shm::Atom::open(&path, "pairs", || vec![0_u8; 3000]).unwrap();
        let (writer, done) = (open(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    writer
                        .swap(|v| vec![v[0].wrapping_add(1); v.len()])
                        .unwrap();
                }
            });
            for _ in 0..300 {
                let found = shm::inspect(&path).unwrap();
                let Ok(Stored::Encoded(bytes)) = found.value else {
                    done.store(true, Ordering::Relaxed);
                    panic!("{found:?}");
                };
                let version = found.version.unwrap();
                let whole = bytes[2..].iter().all(|byte| *byte == version as u8);
                assert!(whole && bytes.len() == 3002, "version {version}: {bytes:?}");
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}

/// The example program, built by the cargo that built this test.
mod program {
    use std::{
        fs::{self, File},
        io::{BufRead, BufReader},
        os::unix::fs::FileExt,
        path::{Path, PathBuf},
        process::{Command, Output, Stdio},
        sync::OnceLock,
    };

    use atomos::shm::{self, ShmError};

    use super::{
        support::{TempPath, in_time},
        team,
    };

    /// As for the chat server: where cargo put this test says how it was asked to build.
    fn executable() -> &'static Path {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        BUILT.get_or_init(|| {
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
            let test = std::env::current_exe().unwrap();
            let folders = test.strip_prefix(target).unwrap();
            let folders = folders.ancestors().nth(2).unwrap();
            let profile = folders.file_name().unwrap().to_str().unwrap();
            let profile = if profile == "debug" { "dev" } else { profile };
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
            cargo.args(["build", "--offline", "--quiet", "--features", "shm"]);
            cargo.args(["--example", "shm_inspect", "--profile", profile]);
            if !cfg!(feature = "tokio") {
                cargo.arg("--no-default-features");
            }
            cargo.arg("--target-dir").arg(target);
            if let Some(triple) = folders.parent().filter(|triple| *triple != Path::new("")) {
                cargo.arg("--target").arg(triple);
            }
            assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
            target.join(folders).join("examples/shm_inspect")
        })
    }

    fn run(arguments: &[&str], paths: &[&TempPath]) -> (i32, String) {
        let mut program = Command::new(executable());
        program
            .args(arguments)
            .args(paths.iter().map(|path| path.as_ref()));
        let output = in_time(move || program.output().unwrap());
        (output.status.code().unwrap(), text(output))
    }

    fn text(output: Output) -> String {
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    #[test]
    fn it_shows_an_atom_and_a_cell() {
        let (atom, cell) = (TempPath::new("inspect"), TempPath::new("inspect"));
        let _open = shm::Atom::open(&atom, "say \"hi\"", || "hi\t\u{e9}".to_string()).unwrap();
        shm::Atomic::open(&cell, f64::NAN).unwrap();
        let (code, text) = run(&[], &[&atom, &cell]);
        assert_eq!(code, 0, "{text}");
        for part in [
            "an atom with the tag \"say",
            "version 0",
            "hi\\té",
            "1 of 256",
            "a cell of f64",
            "NaN",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let (code, text) = run(&["--json"], &[&atom, &cell]);
        assert_eq!((code, text.lines().count()), (0, 2), "{text}");
        for part in [
            r#""tag":"say \"hi\"","#,
            r#""value":{"len":6,"hex":"05686909c3a9","text":"hi\u0009é"}"#,
            r#""participants":[{"index":0,"alive":true,"has_value":true,"wrote":0,"room":256}]"#,
            r#""value":"NaN""#,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn it_says_what_is_wrong() {
        let (atom, foreign) = (TempPath::new("inspect"), TempPath::new("inspect"));
        team(&atom);
        let file = File::options().write(true).open(&atom).unwrap();
        // The value begins behind the slots of four.
        file.write_all_at(b"x", 1024 + 2 * 64 * 4).unwrap();
        fs::write(&foreign, "#!/bin/sh").unwrap();
        let (code, text) = run(&[], &[&atom, &foreign]);
        assert_eq!(code, 1);
        // The header is shown nevertheless.
        for part in [
            "team 1",
            "the checksum of the value is wrong",
            "not one of atomos",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let (code, text) = run(&["--json"], &[&atom]);
        assert!(
            code == 1 && text.contains("\"error\":\"the file is damaged"),
            "{text}"
        );
        assert!(matches!(shm::inspect(&foreign), Err(ShmError::NotAtomos)));
    }

    #[test]
    fn it_follows_changes() {
        let path = TempPath::new("inspect");
        let cell = shm::Atomic::open(&path, 1).unwrap();
        let mut program = Command::new(executable());
        program
            .args(["--for", "15"])
            .arg(path.as_ref())
            .stdout(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = in_time(move || {
            let mut until = |part: &str| lines.by_ref().any(|line| line.unwrap().contains(part));
            let first = until("value        1");
            cell.set(2);
            let second = until(": 2");
            cell.set(3);
            (first, second, until(": 3"))
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen, (true, true, true));
    }

    #[test]
    fn it_explains_itself() {
        for wrong in [
            &["--what"][..],
            &[],
            &["--for"],
            &["--for", "x", "p"],
            &["--demo", "p"],
        ] {
            let (code, text) = run(wrong, &[]);
            assert!(code == 2 && text.contains("usage:"), "{wrong:?}: {text}");
        }
        let (code, text) = run(&["--help"], &[]);
        assert!(
            code == 0 && text.starts_with("usage:") && text.contains("exit codes"),
            "{text}"
        );
        let (code, text) = run(&["--demo"], &[]);
        assert!(code == 0 && text.contains("good morning"), "{text}");
    }
}
