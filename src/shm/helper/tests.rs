//! P5, and that the thread is a good neighbour (G10, G11): it comes and goes with those who wait.
//!
//! Each test runs in a process of its own, where nobody else has such a thread, and most of them
//! once more as on a kernel that cannot sleep on many words.

pub(in crate::shm) mod forks;
mod sleep;

use std::{
    env, fs,
    future::Future,
    path::PathBuf,
    pin::{Pin, pin},
    process::{self, Command},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use futures_core::Stream;

use super::{
    LINGER, Watched, attend, forget, groups,
    os::{self, NOT_ON_MANY},
};
use crate::{
    shm::{Atom, Atomic, Options, ShmError, Values, signal::Signal},
    sync::AtomicU32,
};

const LIMIT: Duration = Duration::from_secs(20);
const CHILD: &str = "ATOMOS_TEST_HELPER_CHILD";

/// Runs `body`, of the test with that name, in a process of its own.
fn alone(name: &str, body: impl Fn()) {
    alone_in("helper::tests", name, body);
}

/// The same for a test of another module.
pub(in crate::shm) fn alone_in(module: &str, name: &str, body: impl Fn()) {
    if is_child() {
        return body();
    }
    in_child(&format!("{module}::{name}"), false);
}

/// And once more without `futex_waitv`.
fn alone_on_every_kernel(name: &str, body: impl Fn()) {
    if is_child() {
        return body();
    }
    let name = format!("helper::tests::{name}");
    in_child(&name, false);
    in_child(&name, true);
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

fn in_child(name: &str, is_old: bool) {
    let name = format!("shm::{name}");
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, "1");
    if is_old {
        command.env(NOT_ON_MANY, "1");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "old kernel: {is_old}\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A folder that goes when the test does.
pub(in crate::shm) struct Folder(PathBuf);

impl Folder {
    pub(in crate::shm) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (process::id(), NUMBER.fetch_add(1, SeqCst));
        let folder = env::temp_dir().join(format!("atomos-helper-{process}-{number}"));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(in crate::shm) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(in crate::shm) fn cell(&self, name: impl ToString) -> Atomic<u64> {
        self.cell_with(name, &Options::new())
    }

    fn cell_with(&self, name: impl ToString, options: &Options) -> Atomic<u64> {
        Atomic::open_with(self.0.join(name.to_string()), 0, options).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The ids of this crate's threads.
fn threads() -> Vec<String> {
    let is_ours = |id: &String| {
        let name = fs::read_to_string(format!("/proc/self/task/{id}/comm"));
        name.is_ok_and(|name| name.trim() == "atomos-shm")
    };
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let ids = tasks.map(|task| task.unwrap().file_name().into_string().unwrap());
    let mut ours: Vec<_> = ids.filter(is_ours).collect();
    ours.sort();
    ours
}

/// How often files of that folder are mapped.
fn mappings(folder: &Folder) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path = folder.0.to_str().unwrap();
    maps.lines().filter(|line| line.contains(path)).count()
}

#[track_caller]
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LIMIT, "{what}: not so");
        thread::sleep(Duration::from_millis(1));
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + Unpin>(wait: &mut F, wakes: &Arc<Wakes>) -> bool {
    let waker = Waker::from(wakes.clone());
    pin!(wait).poll(&mut Context::from_waker(&waker)).is_ready()
}

fn is_pending<F: Future + Unpin>(wait: &mut F) -> bool {
    !poll(wait, &Arc::default())
}

#[test]
fn waits_that_begin_and_end_quickly_share_one_thread() {
    alone_on_every_kernel("waits_that_begin_and_end_quickly_share_one_thread", || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        assert!(threads().is_empty());
        assert!(is_pending(&mut Box::pin(cell.wait_at_least(1))));
        soon("a thread has got its name", || threads().len() == 1);
        let first = threads();
        for _ in 0..1_000 {
            let since = Instant::now();
            assert!(is_pending(&mut Box::pin(cell.wait_at_least(1))));
            // Unless this process was held up for longer than the thread stays.
            if since.elapsed() < Duration::from_millis(50) {
                assert_eq!(threads(), first);
            }
        }
    });
}

#[test]
fn the_thread_ends_after_the_last_wait_and_another_starts_with_the_next() {
    let name = "the_thread_ends_after_the_last_wait_and_another_starts_with_the_next";
    alone_on_every_kernel(name, || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        for _ in 0..3 {
            let mut wait = Box::pin(cell.wait_at_least(1));
            assert!(is_pending(&mut wait));
            // It stays as long as somebody waits.
            thread::sleep(Duration::from_millis(250));
            assert_eq!(threads().len(), 1);
            drop(wait);
            soon("the thread ends", || threads().is_empty());
        }
    });
}

// Else all would end only after the recheck.
#[test]
fn the_thread_ends_soon_however_long_the_recheck() {
    alone_on_every_kernel("the_thread_ends_soon_however_long_the_recheck", || {
        let folder = Folder::new();
        let options = Options::new().recheck(Duration::from_secs(3_600));
        let cell = folder.cell_with("cell", &options);
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(is_pending(&mut wait));
        // It most likely sleeps now.
        thread::sleep(Duration::from_millis(50));
        drop(wait);
        soon("the thread ends", || threads().is_empty());

        // The wait outlives the handle.
        let mut values = cell.values();
        drop(cell);
        let next = |values: &mut Values<u64>| {
            let mut context = Context::from_waker(Waker::noop());
            Pin::new(values).poll_next(&mut context).is_ready()
        };
        assert!(next(&mut values) && !next(&mut values));
        thread::sleep(Duration::from_millis(50));
        drop(values);
        soon("the file is let go of", || mappings(&folder) == 0);
        soon("the thread ends", || threads().is_empty());
    });
}

#[test]
fn a_wait_that_is_over_keeps_nothing() {
    alone("a_wait_that_is_over_keeps_nothing", || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        let wakes = Arc::new(Wakes::default());
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(!poll(&mut wait, &wakes));
        cell.set(1);
        soon("it is woken", || wakes.0.load(SeqCst) > 0);
        assert!(poll(&mut wait, &wakes));
        soon("the thread ends", || threads().is_empty());
        drop(wait);
    });
}

// G10: the index of a participant is free at once, and the file is closed soon.
#[test]
fn a_file_is_let_go_of_soon_after_the_last_handle() {
    alone_on_every_kernel("a_file_is_let_go_of_soon_after_the_last_handle", || {
        let folder = Folder::new();
        let open = || {
            let options = Options::new().max_participants(1);
            Atom::open_with(folder.0.join("atom"), "n", || 0_u64, &options)
        };
        for round in 0..3 {
            let atom = open().unwrap();
            assert!(matches!(open(), Err(ShmError::ParticipantsFull)));
            let mut wait = Box::pin(atom.wait_for(|n| *n == u64::MAX));
            assert!(is_pending(&mut wait));
            // Both while it sleeps, and while it most likely has not got so far.
            thread::sleep(Duration::from_millis(20 * round));
            drop(wait);
            drop(atom);
            open().unwrap();
            soon("the file is let go of", || mappings(&folder) == 0);
        }
    });
}

/// More files than one thread can sleep for.
#[test]
fn p5_waits_for_300_files_end() {
    alone_on_every_kernel("p5_waits_for_300_files_end", || {
        const FILES: usize = 300;
        let folder = Folder::new();
        let options = Options::new().recheck(Duration::from_secs(3_600));
        let cells: Vec<_> = (0..FILES).map(|n| folder.cell_with(n, &options)).collect();
        let wakes: Vec<_> = (0..FILES).map(|_| Arc::new(Wakes::default())).collect();
        let mut waits: Vec<_> = cells
            .iter()
            .map(|cell| Box::pin(cell.wait_at_least(1)))
            .collect();
        for (wait, wakes) in waits.iter_mut().zip(&wakes) {
            assert!(!poll(wait, wakes));
        }
        let is_old = env::var_os(NOT_ON_MANY).is_some();
        let expected = if os::can_sleep_on_many() && !is_old {
            3
        } else {
            FILES
        };
        soon("so many threads", || threads().len() == expected);
        // All threads are most likely asleep now.
        thread::sleep(Duration::from_millis(50));
        for n in (0..FILES).rev() {
            assert_eq!(wakes[n].0.load(SeqCst), 0);
            // By another handle, as another process would.
            folder.cell(n).set(1);
            soon("it is woken", || wakes[n].0.load(SeqCst) > 0);
            assert!(poll(&mut waits[n], &wakes[n]));
        }
        drop(waits);
        soon("the threads end", || threads().is_empty());
    });
}

/// Nothing that anybody writes.
#[derive(Default)]
struct Still {
    armed: AtomicU32,
    epoch: AtomicU32,
}

impl Watched for Still {
    fn signal(&self) -> Signal<'_> {
        let (armed, epoch) = (&self.armed, &self.epoch);
        Signal { armed, epoch }
    }

    fn is_foreign(&self) -> bool {
        false
    }

    fn recheck(&self) -> Duration {
        LIMIT
    }

    fn look(&self) {}
}

// A group with a value too many could not sleep at all, and would turn for ever; a value in two
// groups would be looked at by two threads.
#[test]
fn values_that_come_at_once_get_one_place_each() {
    const THREADS: usize = 4;
    alone("values_that_come_at_once_get_one_place_each", || {
        let most = os::MOST_WORDS - 1;
        for _ in 0..100 {
            let new = || Arc::new(Still::default()) as Arc<dyn Watched>;
            let values: Vec<_> = (0..most + 60).map(|_| new()).collect();
            let start = Barrier::new(THREADS);
            // Two come with each value, and most often with different ones at the same time.
            let come = |n: usize| {
                start.wait();
                let part = values.iter().skip(n / 2).step_by(THREADS / 2);
                let tickets = part.map(|value| attend(value.clone()).unwrap());
                tickets.collect::<Vec<_>>()
            };
            let tickets: Vec<_> = thread::scope(|scope| {
                let come = &come;
                let comers = (0..THREADS).map(|n| scope.spawn(move || come(n)));
                let comers: Vec<_> = comers.collect();
                comers.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let lens = lens();
            assert!(lens.iter().all(|len| *len <= most), "{lens:?}");
            assert_eq!(lens.iter().sum::<usize>(), values.len());
            drop(tickets);
            values.iter().for_each(forget);
        }
    });
}

/// How many values each group has.
fn lens() -> Vec<usize> {
    let groups = groups().lock();
    let lens = groups.iter();
    lens.map(|group| group.list.lock().entries.len()).collect()
}

// A thread that sleeps for a value that has gone would not hear of the next one.
#[test]
fn p5_a_value_that_follows_another_is_looked_at_at_once() {
    alone_on_every_kernel(
        "p5_a_value_that_follows_another_is_looked_at_at_once",
        || {
            let folder = Folder::new();
            let options = Options::new().recheck(Duration::from_secs(3_600));
            for n in 0..20 {
                let cell = folder.cell_with(n, &options);
                let other = folder.cell(n);
                let wakes = Arc::new(Wakes::default());
                let mut wait = Box::pin(cell.wait_at_least(1));
                assert!(!poll(&mut wait, &wakes));
                let since = Instant::now();
                other.set(1);
                soon("it is woken", || wakes.0.load(SeqCst) > 0);
                assert!(since.elapsed() < LIMIT);
                drop(wait);
            }
        },
    );
}

// It would be started for nothing.
#[test]
fn a_wait_that_is_over_at_once_starts_no_thread() {
    alone("a_wait_that_is_over_at_once_starts_no_thread", || {
        let folder = Folder::new();
        let cell = folder.cell("cell");
        // Whatever their names: one that has just been started has not got its own.
        let count = || fs::read_dir("/proc/self/task").unwrap().count();
        let before = count();
        for _ in 0..100 {
            assert!(!is_pending(&mut Box::pin(cell.wait_at_most(0))));
            assert!(!is_pending(&mut Box::pin(cell.wait_map(Some))));
            cell.blocking_wait_for(|value| value == 0);
        }
        assert_eq!(count(), before);
    });
}

// G10: who forgets a wait keeps its memory, and no thread.
#[test]
fn a_wait_that_was_forgotten_keeps_no_thread() {
    alone_on_every_kernel("a_wait_that_was_forgotten_keeps_no_thread", || {
        let folder = Folder::new();
        let options = Options::new().recheck(Duration::from_secs(3_600));
        let (cell, other) = (
            folder.cell_with("cell", &options),
            folder.cell_with("other", &options),
        );
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(is_pending(&mut wait));
        std::mem::forget(wait);
        let wakes = Arc::new(Wakes::default());
        let mut good = Box::pin(other.wait_at_least(1));
        assert!(!poll(&mut good, &wakes));
        drop(cell);
        folder.cell("other").set(1);
        soon("it is woken", || wakes.0.load(SeqCst) > 0);
        assert!(poll(&mut good, &wakes));
        soon("the thread ends", || threads().is_empty());
    });
}
