//! Cells and atoms that processes share: beside what one process has for itself, and beside
//! the way with a server that holds the value. The other processes are this benchmark, started again.
//!
//! `benches/peers` compares with a database that processes map.

#[path = "../harness/mod.rs"]
mod harness;

mod bare;
mod children;
mod pin;
mod server;
mod value;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use atomos::{Atomic, shm};
use bare::Bare;
use children::{Folder, Role};
use harness::Harness;
use harness::clock::wall;
use pin::Core;
use server::Client;
use value::{Bytes, Fixed, filled};

fn main() -> ExitCode {
    if children::play() {
        return ExitCode::SUCCESS;
    }
    Harness::run(&[
        ("add", add),
        ("add, watched", add_watched),
        ("wake, another core", |harness| {
            wake(harness, Core::First, Core::Second)
        }),
        ("wake, the same core", |harness| {
            wake(harness, Core::First, Core::First)
        }),
        ("wake, any core", |harness| {
            wake(harness, Core::Any, Core::Any)
        }),
        ("wake, many files", wake_many),
        ("wait", wait),
        ("64 B", small),
        ("64 KiB", |harness| large(harness, "64 KiB", 1 << 16)),
        ("1 MiB", |harness| large(harness, "1 MiB", 1 << 20)),
    ])
}

fn add(harness: &mut Harness) {
    let folder = Folder::new();
    let (cell, local, std) = (folder.cell("count"), Atomic::new(0_u64), AtomicU64::new(0));
    harness
        .group("increment_and_get, nobody waits")
        .ours(
            "shm::Atomic::increment_and_get",
            wall(|| _ = black_box(cell.increment_and_get())),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            1.3,
            wall(|| _ = black_box(std.fetch_add(1, SeqCst))),
        )
        .beside(
            "Atomic::increment_and_get",
            wall(|| _ = black_box(local.increment_and_get())),
        )
        .report();
}

/// Another process looks at every value that it can get hold of.
fn add_watched(harness: &mut Harness) {
    let folder = Folder::new();
    let (cell, seen, std) = (folder.cell("count"), folder.cell("seen"), AtomicU64::new(0));
    let _watcher = folder.start(Role::Watcher);
    seen.blocking_wait_for(|looks| looks > 0);
    let (looks, writes) = (seen.get(), cell.get());
    harness
        .group("increment_and_get, another process watches")
        .ours(
            "shm::Atomic::increment_and_get",
            wall(|| _ = black_box(cell.increment_and_get())),
        )
        .peer(
            "AtomicU64::fetch_add, SeqCst",
            4.0,
            wall(|| _ = black_box(std.fetch_add(1, SeqCst))),
        )
        .report();
    // After few writes it is on its way.
    let looks = seen.blocking_wait_for(|now| now > looks) - looks;
    let writes = cell.get() - writes;
    println!("  the other process has looked {looks} times at {writes} writes");
}

/// From the change to the task that waited for it, one change in a millisecond. The writers of all
/// contestants are on one core, and their sleepers on one.
fn wake(harness: &mut Harness, writer: Core, sleeper: Core) {
    let folder = Folder::new();
    let roles = [Role::Task(sleeper), Role::Thread(sleeper)];
    let _children = roles.map(|role| folder.start(role));
    pin::on(writer, || {
        let to = |name: &str| change(folder.cell(name), folder.cell(&format!("{name} took")));
        let (task, thread) = (to("task"), to("thread"));
        let (bare, relayed) = (Bare::start(1, sleeper), Bare::start(2, sleeper));
        let title = "from a change to whom it concerns";
        let group = harness.group(title).rounds(501, 1);
        let group = group.ours("a task in another process", task);
        let name = "a thread in this one, on a bare futex";
        let group = match writer {
            // It is now this core and now that one, for each of them.
            Core::Any => group.beside(name, bare.change()),
            _ => group.peer(name, 4.0, bare.change()),
        };
        group
            .beside(
                "a thread in this one, woken by such a thread",
                relayed.change(),
            )
            .beside("a plain thread in another process", thread)
            .report();
    });
}

/// The same, while tasks of that process wait for a hundred other files.
fn wake_many(harness: &mut Harness) {
    let folder = Folder::new();
    let roles = [Role::Task(Core::Second), Role::TaskAmongMany(Core::Second)];
    let _children = roles.map(|role| folder.start(role));
    pin::on(Core::First, || {
        let to = |name: &str| change(folder.cell(name), folder.cell(&format!("{name} took")));
        let (one, many) = (to("task"), to("many"));
        harness
            .group("the same, where others wait for 100 more files")
            .rounds(501, 1)
            .ours("a task in another process", many)
            .beside("where nobody else waits", one)
            .report();
    });
}

fn change(cell: shm::Atomic<u64>, took: shm::Atomic<u64>) -> impl FnMut(u64) -> Duration + use<> {
    let mut once = latency(move |now| cell.set(now), move || took.get_and_set(0));
    // The other process may have to start first; and caches have to fill.
    once(30);
    once
}

/// Hands the time over, and is told how long that has taken, once a millisecond or so.
pub(crate) fn latency(
    mut hand_over: impl FnMut(u64),
    mut take_answer: impl FnMut() -> u64,
) -> impl FnMut(u64) -> Duration {
    let mut once = move || {
        thread::sleep(Duration::from_millis(1));
        hand_over(children::now());
        loop {
            thread::sleep(Duration::from_micros(500));
            match take_answer() {
                0 => {}
                nanos => return Duration::from_nanos(nanos),
            }
        }
    };
    move |iterations| (0..iterations).map(|_| once()).sum()
}

/// What a wait costs by itself: it begins, is not over, and is dropped.
fn wait(harness: &mut Harness) {
    let folder = Folder::new();
    let (cell, local) = (folder.cell("cell"), Atomic::new(0_u64));
    let mut context = harness::tasks::idle();
    // Keeps the thread, as the second of two waits finds it.
    let mut kept = std::pin::pin!(cell.wait_at_least(u64::MAX));
    assert!(kept.as_mut().poll(&mut context).is_pending());
    macro_rules! begin_and_drop {
        ($cell:expr) => {
            wall(|| {
                let mut wait = std::pin::pin!($cell.wait_for(|n| n == u64::MAX));
                let mut context = harness::tasks::idle();
                assert!(wait.as_mut().poll(&mut context).is_pending());
            })
        };
    }
    harness
        .group("a wait begins, and is dropped")
        .ours("shm::Atomic::wait_for", begin_and_drop!(cell))
        .beside("Atomic::wait_for", begin_and_drop!(local))
        .report();
}

/// A value of 64 bytes: the way of the original is a server with a lock.
fn small(harness: &mut Harness) {
    let folder = Folder::new();
    let _server = folder.start(Role::Server(64));
    let client = Client::connect(&folder, 64);
    let atom = folder.atom(Fixed::default);
    harness
        .group("swap, 64 B")
        .ours(
            "shm::Atom::swap",
            wall(|| _ = black_box(atom.swap(Fixed::next).unwrap())),
        )
        .peer(
            "a server with a lock, Unix socket",
            0.5,
            wall(|| client.borrow_mut().swap(|value| value[0] ^= 1)),
        )
        .report();
    let writer = folder.atom(Fixed::default);
    harness
        .group("load, 64 B, after a change")
        .ours(
            "shm::Atom::load",
            each(
                || _ = writer.swap(Fixed::next).unwrap(),
                || _ = black_box(atom.load().unwrap()),
            ),
        )
        .peer(
            "a server with a lock, Unix socket",
            0.5,
            wall(|| _ = black_box(client.borrow_mut().load())),
        )
        .beside(
            "shm::Atom::load, unchanged",
            wall(|| _ = black_box(atom.load().unwrap())),
        )
        .report();
}

/// Values of which most of the cost is to copy them.
fn large(harness: &mut Harness, name: &str, len: usize) {
    // The server keeps one copy, a file several: such values push each other out of the caches.
    let beyond_caches = len >= 1 << 20;
    let folder = Folder::new();
    let _server = folder.start(Role::Server(len));
    let client = Client::connect(&folder, len);
    let atom = folder.atom(|| Bytes(filled(len)));
    let file = folder.file(&filled(len));
    let mut buffer = filled(len);
    harness
        .group(format!("swap, {name}"))
        .rounds(101, 8)
        .ours(
            "shm::Atom::swap",
            wall(|| _ = black_box(atom.swap(Bytes::next).unwrap())),
        )
        .peer(
            "a server with a lock, Unix socket",
            1.0,
            wall(|| client.borrow_mut().swap(|value| value[0] ^= 1)),
        )
        .known_loss(beyond_caches.then_some(1.3))
        .beside(
            "to write a file",
            wall(|| file.write_all_at(&buffer, 0).unwrap()),
        )
        .report();
    let writer = folder.atom(|| Bytes(filled(len)));
    harness
        .group(format!("load, {name}, after a change"))
        .rounds(101, 8)
        .ours(
            "shm::Atom::load",
            each(
                || _ = writer.swap(Bytes::next).unwrap(),
                || _ = black_box(atom.load().unwrap()),
            ),
        )
        .peer(
            "a server with a lock, Unix socket",
            1.0,
            wall(|| _ = black_box(client.borrow_mut().load())),
        )
        .known_loss(beyond_caches.then_some(1.7))
        .beside(
            "to read a file",
            wall(|| file.read_exact_at(&mut buffer, 0).unwrap()),
        )
        .beside(
            "shm::Atom::load, unchanged",
            wall(|| _ = black_box(atom.load().unwrap())),
        )
        .report();
}

/// The time of `op` alone, each time after `before`.
fn each(mut before: impl FnMut(), mut op: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let once = |_| {
            before();
            let start = Instant::now();
            op();
            start.elapsed()
        };
        (0..iterations).map(once).sum()
    }
}

impl Folder {
    fn file(&self, contents: &[u8]) -> File {
        let path = self.path("file");
        std::fs::write(&path, contents).unwrap();
        let mut options = File::options();
        options.read(true).write(true).open(path).unwrap()
    }
}
