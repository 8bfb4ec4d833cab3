//! What is in the file of a shared atom or cell, without taking part: who has it open, what the
//! value is, and what is wrong with it.
//!
//! ```text
//! cargo run --features shm --example shm_inspect -- /dev/shm/hits /dev/shm/team
//! cargo run --features shm --example shm_inspect -- --json --follow /dev/shm/hits
//! cargo run --features shm --example shm_inspect -- --demo
//! ```
//!
//! The number or flag of a cell is shown as it is. The value of an atom is encoded by `postcard`,
//! which says nothing of the type, so its bytes are shown; and a text, if it looks like one.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

use atomos::shm::{self, Held, Inspection, ShmError, Stored};

const USAGE: &str = "\
usage: shm_inspect [--json] [--follow] [--for SECONDS] PATH...
       shm_inspect [--json] --demo

Says what is in files of shared atoms and cells. It only reads them.

  --json         one JSON object a line
  --follow       then a line for each change that is seen (it looks every 20 ms), until interrupted
  --for SECONDS  follows for so long
  --demo         makes a cell and an atom in the folder for temporary files, looks at
                 them, and removes them

The value of an atom is encoded by postcard, which does not say of what type it is: its length and its
first bytes are shown, and the text if it is the encoding of one.

exit codes: 0 all is well, 1 a file is damaged or cannot be read, 2 wrong usage
";

/// How often it looks when it follows.
const PAUSE: Duration = Duration::from_millis(20);
/// How many bytes of a value are shown.
const SHOWN: usize = 32;

fn main() -> ExitCode {
    let order = match Order::parse(std::env::args_os().skip(1)) {
        Ok(order) => order,
        Err(wrong) => {
            eprintln!("shm_inspect: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = if order.is_help {
        print!("{USAGE}");
        Ok(true)
    } else if order.is_demo {
        demo(&order)
    } else {
        watch(&order, &order.paths)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Who read the output has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shm_inspect: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
#[derive(Default)]
struct Order {
    paths: Vec<PathBuf>,
    is_json: bool,
    is_demo: bool,
    is_help: bool,
    is_following: bool,
    until: Option<Instant>,
}

impl Order {
    fn parse(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Self, String> {
        let mut order = Self::default();
        let mut are_paths = false;
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--json") if !are_paths => order.is_json = true,
                Some("--follow") if !are_paths => order.is_following = true,
                Some("--demo") if !are_paths => order.is_demo = true,
                Some("--help" | "-h") if !are_paths => order.is_help = true,
                Some("--for") if !are_paths => {
                    let seconds = words.next().and_then(|word| word.to_str()?.parse().ok());
                    let time = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                    let until = time.and_then(|time| Instant::now().checked_add(time));
                    order.until = Some(until.ok_or("--for needs a number of seconds")?);
                    order.is_following = true;
                }
                Some("--") if !are_paths => are_paths = true,
                Some(option) if option.starts_with('-') && !are_paths => {
                    return Err(format!("there is no option {option}"));
                }
                _ => order.paths.push(word.into()),
            }
        }
        match order.paths.is_empty() == (order.is_demo || order.is_help) {
            true => Ok(order),
            false if order.is_demo || order.is_help => Err("no path is wanted here".into()),
            false => Err("which file?".into()),
        }
    }
}

/// Looks at the files, once or until the time is over: whether all is well.
fn watch(order: &Order, paths: &[PathBuf]) -> io::Result<bool> {
    let mut last = vec![String::new(); paths.len()];
    loop {
        let mut is_well = true;
        for (path, last) in paths.iter().zip(&mut last) {
            let found = shm::inspect(path);
            is_well &= matches!(&found, Ok(found) if found.value.is_ok() && found.is_of_this_boot);
            let text = match (order.is_json, last.is_empty() || !order.is_following) {
                (true, _) => json(path, &found),
                (false, true) => report(path, &found),
                (false, false) => line(path, &found),
            };
            // What is compared does not depend on how it is shown.
            let state = json(path, &found);
            if state != *last {
                writeln!(io::stdout(), "{text}")?;
                *last = state;
            }
        }
        let is_over = order.until.is_some_and(|until| Instant::now() >= until);
        if !order.is_following || is_over {
            return Ok(is_well);
        }
        sleep(PAUSE);
    }
}

/// All that there is to say, for people.
fn report(path: &Path, found: &Result<Inspection, ShmError>) -> String {
    let found = match found {
        Ok(found) => found,
        Err(error) => return format!("{}: {error}", path.display()),
    };
    let mut text = format!("{}: {}\n", path.display(), type_of(found));
    let mut row = |name, value: String| {
        let _ = writeln!(text, "  {name:<13}{value}");
    };
    if !found.is_of_this_boot {
        row("stale", ShmError::StaleBoot.to_string());
    }
    row(
        "layout",
        match found.holds {
            Held::Atom => format!("{}, values as postcard has them", found.layout),
            _ => found.layout.to_string(),
        },
    );
    if let Some(version) = found.version {
        row("version", version.to_string());
    }
    row("value", value(found));
    let mut bytes = format!("{} in the file, {} of them mapped", found.len, found.mapped);
    if found.holds == Held::Atom {
        let _ = write!(bytes, "; values may use it up to byte {}", found.end);
    }
    row("bytes", bytes);
    let sleeper = if found.is_armed { "somebody" } else { "nobody" };
    row("waiting", format!("{sleeper}; woken {} times", found.epoch));
    if found.holds == Held::Atom {
        row(
            "participants",
            format!("{} of {}", alive(found), found.places),
        );
    }
    for one in &found.participants {
        let state = if one.is_alive { "alive" } else { "gone" };
        let wrote = one
            .wrote
            .map_or("no value".into(), |version| format!("version {version}"));
        let current = if one.has_value {
            ", the current one"
        } else {
            ""
        };
        let who = format!(
            "{}: {state}, {wrote}{current}, room for {} bytes",
            one.index, one.room
        );
        row("", who);
    }
    text.trim_end().to_owned()
}

/// What has changed, for people.
fn line(path: &Path, found: &Result<Inspection, ShmError>) -> String {
    let path = path.display();
    match found {
        Err(error) => format!("{path}: {error}"),
        Ok(found) => match found.version {
            None => format!("{path}: {}", value(found)),
            Some(version) => {
                let alive = alive(found);
                format!("{path}: version {version}, {alive} alive, {}", value(found))
            }
        },
    }
}

fn alive(found: &Inspection) -> usize {
    found.participants.iter().filter(|one| one.is_alive).count()
}

fn type_of(found: &Inspection) -> String {
    match found.holds {
        Held::Cell => format!("a cell of {}", found.tag),
        _ => format!("an atom with the tag {:?}", found.tag),
    }
}

fn value(found: &Inspection) -> String {
    match &found.value {
        Ok(Stored::Encoded(bytes)) => {
            let more = if bytes.len() > SHOWN { "..." } else { "" };
            let text = text_of(bytes).map_or(String::new(), |text| format!(", the text {text:?}"));
            format!("{} bytes: {}{more}{text}", bytes.len(), hex(bytes))
        }
        Ok(number) => number.to_string(),
        Err(error) => error.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    shown.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of which these bytes are the encoding: its length, seven bits a byte, and itself.
/// Bytes that mean something else can look the same.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let digits = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (len, text) = bytes.split_at(digits);
    let len = len.iter().rev().try_fold(0_usize, |len, byte| {
        Some(len.checked_mul(128)? + usize::from(byte & 0x7f))
    });
    let text = std::str::from_utf8(text).ok()?;
    let is_text = len == Some(text.len()) && !text.is_empty();
    (is_text && !text.contains(|c: char| c.is_control() && !c.is_whitespace())).then_some(text)
}

/// The same, for programs.
fn json(path: &Path, found: &Result<Inspection, ShmError>) -> String {
    let path = quoted(&path.to_string_lossy());
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            return format!(
                "{{\"path\":{path},\"error\":{}}}",
                quoted(&error.to_string())
            );
        }
    };
    let holds = match found.holds {
        Held::Cell => "cell",
        _ => "atom",
    };
    let participants: Vec<_> = found.participants.iter().map(json_participant).collect();
    format!(
        "{{\"path\":{path},\"holds\":\"{holds}\",\"tag\":{},\"layout\":{},\"codec\":{},\
         \"this_boot\":{},\"version\":{},{},\"places\":{},\"participants\":[{}],\
         \"len\":{},\"mapped\":{},\"end\":{},\"armed\":{},\"epoch\":{}}}",
        quoted(&found.tag),
        found.layout,
        found.codec,
        found.is_of_this_boot,
        or_null(found.version),
        json_value(&found.value),
        found.places,
        participants.join(","),
        found.len,
        found.mapped,
        found.end,
        found.is_armed,
        found.epoch,
    )
}

fn json_participant(one: &shm::Participant) -> String {
    format!(
        "{{\"index\":{},\"alive\":{},\"has_value\":{},\"wrote\":{},\"room\":{}}}",
        one.index,
        one.is_alive,
        one.has_value,
        or_null(one.wrote),
        one.room
    )
}

fn json_value(value: &Result<Stored, ShmError>) -> String {
    match value {
        Err(error) => format!("\"error\":{}", quoted(&error.to_string())),
        Ok(Stored::Encoded(bytes)) => {
            let text = text_of(bytes).map_or("null".into(), quoted);
            let (len, hex) = (bytes.len(), hex(bytes));
            format!("\"value\":{{\"len\":{len},\"hex\":\"{hex}\",\"text\":{text}}}")
        }
        // JSON has no words for these.
        Ok(Stored::F32(x)) if !x.is_finite() => format!("\"value\":\"{x}\""),
        Ok(Stored::F64(x)) if !x.is_finite() => format!("\"value\":\"{x}\""),
        Ok(number) => format!("\"value\":{number}"),
    }
}

fn or_null(number: Option<u64>) -> String {
    number.map_or("null".into(), |number| number.to_string())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Shows itself on a cell and an atom of its own.
fn demo(order: &Order) -> io::Result<bool> {
    let name = |what| format!("shm_inspect-demo-{what}-{}", std::process::id());
    let paths = ["cell", "atom"].map(|what| std::env::temp_dir().join(name(what)));
    let made = make(&paths).map_err(io::Error::other);
    let is_well = made.and_then(|_open| watch(order, &paths));
    for path in &paths {
        // It may not have been made.
        let _ = std::fs::remove_file(path);
    }
    is_well
}

fn make([cell, atom]: &[PathBuf; 2]) -> Result<(shm::Atomic<u64>, shm::Atom<String>), ShmError> {
    let cell = shm::Atomic::open(cell, 41)?;
    cell.increment_and_get();
    let atom = shm::Atom::open(atom, "greeting 1", String::new)?;
    atom.reset("good morning".into())?;
    Ok((cell, atom))
}
