//! Four processes share a counter and a configuration, and one of them is killed.
//!
//! ```text
//! cargo run --example processes --features shm
//! ```
//!
//! It starts three copies of itself. All count in one [`shm::Atomic`], enter what they have counted
//! into the list of one [`shm::Atom`], and wait for each other in tasks, whichever process makes
//! the change. When half is done one copy is killed with SIGKILL, in the midst of it.
//!
//! The list has a few versions more than entries: each process enters its name, too, when it comes.
//!
//! Look at the end: nobody had to notice. There is no lock that the dead process could hold, no
//! server to ask, nothing to repair; and its last confirmed count and entry are there, as all
//! the others are.

use std::{env, error::Error, fs, io::Read, path::PathBuf, process, thread};

use atomos::{Snapshot, shm};
use futures::{StreamExt, future::try_join_all};
use serde::{Deserialize, Serialize};
use tokio::{
    process::{Child, Command},
    task::yield_now,
    time::{Duration, timeout},
};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const PROCESSES: usize = 4;
const VICTIM: usize = 3;
const GOAL: u64 = 1_000_000;
/// Counted between two entries in the list.
const BATCH: u64 = 5_000;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Config {
    present: Vec<usize>,
    entries: Vec<Entry>,
    is_over: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    who: usize,
    counted: u64,
}

/// What the processes share: three kinds of files in one folder.
struct Shared {
    config: shm::Atom<Config>,
    count: shm::Atomic<u64>,
    /// What each of them knows that it has counted.
    confirmed: Vec<shm::Atomic<u64>>,
}

impl Shared {
    /// Whoever comes first makes the files.
    fn open(folder: &str) -> Result<Self> {
        let cell = |name: &str| shm::Atomic::open(format!("{folder}/{name}"), 0);
        let confirmed = (0..PROCESSES).map(|who| cell(&format!("confirmed-{who}")));
        Ok(Self {
            config: shm::Atom::open(format!("{folder}/config"), "config 1", Config::default)?,
            count: cell("count")?,
            confirmed: confirmed.collect::<std::result::Result<_, _>>()?,
        })
    }

    fn edit(&self, edit: impl Fn(&mut Config)) -> Result {
        self.config.swap(|old| {
            let mut new = old.clone();
            edit(&mut new);
            new
        })?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [folder, who] => {
            end_with_the_first();
            work(&Shared::open(folder)?, who.parse()?).await
        }
        _ => first().await,
    }
}

/// The process that starts the others, and counts as they do.
async fn first() -> Result {
    let folder = Folder::new()?;
    let shared = Shared::open(&folder.0)?;
    let mut copies = Vec::new();
    for who in 1..PROCESSES {
        copies.push(folder.start(who)?);
    }
    // Waiting for a child would close its input, and so end it.
    let _inputs: Vec<_> = copies.iter_mut().map(|copy| copy.stdin.take()).collect();
    let report = tokio::spawn(report(shared.config.clone()));
    let all = async { tokio::try_join!(work(&shared, 0), conduct(&shared, &mut copies)) };
    timeout(Duration::from_secs(60), all).await??;
    report.await??;
    check(&shared)
}

/// Counts, and enters what it has counted, until all is over. So do all processes.
async fn work(shared: &Shared, who: usize) -> Result {
    shared.edit(|config| config.present.push(who))?;
    let all_present = |config: &Config| config.present.len() == PROCESSES;
    shared.config.wait_for(all_present).await?;
    println!("process {who}: all are here");

    let confirmed = &shared.confirmed[who];
    // A load costs next to nothing while nobody has changed it.
    while !shared.config.load()?.is_over {
        for _ in 0..BATCH {
            shared.count.increment_and_get();
            confirmed.increment_and_get();
        }
        let counted = confirmed.get();
        shared.edit(|config| config.entries.push(Entry { who, counted }))?;
        yield_now().await;
    }
    println!("process {who}: {} counted", confirmed.get());
    Ok(())
}

/// Waits for what the processes count together, kills one of them, and ends it all.
async fn conduct(shared: &Shared, copies: &mut [Child]) -> Result {
    let half = shared.count.wait_at_least(GOAL / 2).await;
    let victim = &mut copies[VICTIM - 1];
    victim.kill().await?;
    println!("process {VICTIM}: killed, when all together had counted {half} or a little more");

    shared.count.wait_at_least(GOAL).await;
    shared.edit(|config| config.is_over = true)?;
    let survivors = copies.iter_mut().filter(|copy| copy.id().is_some());
    let ends = try_join_all(survivors.map(Child::wait)).await?;
    match ends.iter().all(|end| end.success()) {
        true => Ok(()),
        false => Err("one of the copies has failed".into()),
    }
}

/// Tells how the list grows, whoever adds to it.
async fn report(config: shm::Atom<Config>) -> std::result::Result<(), shm::ShmError> {
    let mut told = 0;
    let mut snapshots = config.snapshots();
    while let Some(config) = snapshots.next().await.transpose()? {
        if config.entries.len() >= told + 50 {
            told = config.entries.len();
            let version = Snapshot::version(&config);
            println!("version {version} of the list has {told} entries");
        }
        if config.is_over {
            break;
        }
    }
    Ok(())
}

/// All that was confirmed is there, and of the dead process at most one step more.
fn check(shared: &Shared) -> Result {
    let config = shared.config.load()?;
    let confirmed: u64 = shared.confirmed.iter().map(shm::Atomic::get).sum();
    let count = shared.count.get();
    let mut sound = count >= GOAL && (count == confirmed || count == confirmed + 1);
    for (who, confirmed) in shared.confirmed.iter().enumerate() {
        let entries = config.entries.iter().filter(|entry| entry.who == who);
        let entered: Vec<u64> = entries.map(|entry| entry.counted).collect();
        let whole = confirmed.get() / BATCH;
        let expected: Vec<u64> = (1..=whole).map(|n| n * BATCH).collect();
        // It may have died before it entered what it had just counted.
        let may_lack = usize::from(who == VICTIM && confirmed.get() % BATCH == 0);
        sound &= entered.len() + may_lack >= expected.len() && expected.starts_with(&entered);
    }
    let entries = config.entries.len();
    println!("counted together: {count}; confirmed by the processes, each its own: {confirmed}");
    println!("(the one that was killed may have counted without confirming it)");
    println!("entries of {BATCH} counts in the list: {entries}");
    if !sound {
        return Err("that is wrong".into());
    }
    println!("all that was confirmed is there");
    Ok(())
}

/// A copy ends when the first process does, whatever that dies of: then its input is closed.
fn end_with_the_first() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        process::exit(1)
    });
}

/// A folder in memory, if there is one, for as long as the first process lives.
struct Folder(String);

impl Folder {
    fn new() -> Result<Self> {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() {
            memory
        } else {
            env::temp_dir()
        };
        let folder = base.join(format!("atomos-processes-{}", process::id()));
        fs::create_dir(&folder)?;
        Ok(Self(folder.display().to_string()))
    }

    fn start(&self, who: usize) -> std::io::Result<Child> {
        let mut copy = Command::new(env::current_exe()?);
        copy.arg(&self.0).arg(who.to_string());
        copy.stdin(process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
