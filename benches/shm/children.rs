//! The other processes, and the folder that they share with this one.

use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io::Read, thread};

use atomos::shm;
use rustix::time::{ClockId, clock_gettime};
use serde::{Serialize, de::DeserializeOwned};

use crate::{pin::Core, server};

/// What a process is there for.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// Waits for every change of `count`.
    Watcher,
    /// A task that tells how long the time in a cell has taken to come here; all of its process is on
    /// that core.
    Task(Core),
    /// The same, while others wait for a hundred cells more.
    TaskAmongMany(Core),
    /// A plain thread instead of a task.
    Thread(Core),
    /// Holds a value of so many bytes.
    Server(usize),
}

const VARIABLE: &str = "ATOMOS_BENCH_ROLE";

impl Role {
    fn name(self) -> String {
        match self {
            Role::Watcher => "watcher".into(),
            Role::Task(core) => format!("task {}", core.name()),
            Role::TaskAmongMany(core) => format!("many {}", core.name()),
            Role::Thread(core) => format!("thread {}", core.name()),
            Role::Server(len) => format!("server {len}"),
        }
    }
}

/// If this process is a child: plays its role, and is true, should that end.
pub(crate) fn play() -> bool {
    let Ok(role) = env::var(VARIABLE) else {
        return false;
    };
    let role: Vec<_> = role.split(' ').collect();
    if let ["task" | "many" | "thread", core] = role[..] {
        Core::of_name(core).pin();
    }
    // The input is closed when the parent ends, whatever it dies of.
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        process::exit(0)
    });
    let folder = Folder {
        path: env::args_os().nth(1).expect("a folder").into(),
        is_own: false,
    };
    match role[..] {
        ["watcher"] => folder.watch(),
        ["task", _] => block_on(folder.tell("task")),
        ["many", _] => block_on(folder.tell_among_many()),
        ["thread", _] => folder.tell_from_a_thread(),
        ["server", len] => server::serve(&folder, len.parse().expect("a length")),
        _ => panic!("no such role: {role:?}"),
    }
    true
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers").block_on(future);
}

/// Nanoseconds, by a clock that all processes have in common.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl Folder {
    fn watch(&self) {
        let (count, looks) = (self.cell("count"), self.cell("seen"));
        block_on(async {
            let mut seen = count.get();
            looks.increment_and_get();
            loop {
                seen = count.changed_from(seen).await;
                looks.increment_and_get();
            }
        });
    }

    async fn tell(&self, name: &str) {
        let (cell, took) = (self.cell(name), self.cell(&format!("{name} took")));
        let mut seen = 0;
        loop {
            seen = cell.changed_from(seen).await;
            took.set(now() - seen);
        }
    }

    async fn tell_among_many(&self) {
        let cells: Vec<_> = (0..100).map(|n| self.cell(&format!("other-{n}"))).collect();
        let others = cells.iter().map(|cell| cell.wait_at_least(1));
        let others = futures::future::join_all(others);
        futures::join!(self.tell("many"), others);
    }

    fn tell_from_a_thread(&self) {
        let (cell, took) = (self.cell("thread"), self.cell("thread took"));
        let mut seen = 0;
        loop {
            seen = cell.blocking_wait_for(|value| value != seen);
            took.set(now() - seen);
        }
    }
}

/// Where the files are; the one who made it deletes it.
pub(crate) struct Folder {
    path: PathBuf,
    is_own: bool,
}

impl Folder {
    /// In memory, if there is some.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_owned(),
            false => env::temp_dir(),
        };
        let path = base.join(format!("atomos-bench-{}", process::id()));
        fs::create_dir(&path).expect("a folder");
        let is_own = true;
        Self { path, is_own }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn cell(&self, name: &str) -> shm::Atomic<u64> {
        shm::Atomic::open(self.path(name), 0).expect("a cell")
    }

    pub(crate) fn atom<T: Serialize + DeserializeOwned>(
        &self,
        init: impl FnOnce() -> T,
    ) -> shm::Atom<T> {
        shm::Atom::open(self.path("atom"), "value 1", init).expect("an atom")
    }

    pub(crate) fn start(&self, role: Role) -> Running {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.arg(&self.path).env(VARIABLE, role.name());
        let child = command.stdin(Stdio::piped()).spawn();
        Running(child.expect("a process"))
    }

    /// What becomes `Some` soon.
    pub(crate) fn soon<T>(&self, mut attempt: impl FnMut(&Self) -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(done) = attempt(self) {
                return done;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the other process does not come");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_own {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// A process that ends with its handle.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
