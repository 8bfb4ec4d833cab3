//! What the process of a test is told to do, and at which point which signal ends or stops it.

use std::{
    env,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Instant,
};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid,
};

use super::{CHILD, LIMIT, Words, open, open_cell, value};
use crate::shm::kill::arm;

const VARIABLE: &str = "ATOMOS_TEST_ORDER";
/// What a process exits with that has done what it was told to.
pub(super) const DONE: i32 = 77;
/// Between commits and the value of the test.
const PREPARED: u8 = 1;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Opens an atom.
    Open,
    /// Makes the first commit of a new participant.
    WriteFirst,
    /// Makes a commit, after each of the slots has held smaller values.
    WriteLarger,
    /// Writes to a cell.
    WriteCell,
    /// Waits for a cell, for ever.
    WatchCell,
}

const DEEDS: [Deed; 5] = [
    Deed::Open,
    Deed::WriteFirst,
    Deed::WriteLarger,
    Deed::WriteCell,
    Deed::WatchCell,
];

impl Deed {
    /// So many commits precede that of the test.
    pub(super) fn prepared(self) -> u64 {
        if self == Self::WriteLarger { 4 } else { 0 }
    }
}

/// How long the child's value is.
pub(super) const LEN: usize = 5_000;

#[derive(Debug)]
pub(super) struct Order {
    deed: Deed,
    participants: u16,
    /// The empty one is never reached.
    point: String,
    signal: i32,
    path: PathBuf,
}

impl Order {
    pub(super) fn new(deed: Deed, participants: u16, path: &Path) -> Self {
        Self {
            deed,
            participants,
            point: String::new(),
            signal: 0,
            path: path.to_owned(),
        }
    }

    pub(super) fn killed_at(mut self, point: &str) -> Self {
        self.point = point.to_owned();
        self.signal = libc::SIGKILL;
        self
    }

    pub(super) fn stopped_at(mut self, point: &str) -> Self {
        self.point = point.to_owned();
        self.signal = libc::SIGSTOP;
        self
    }

    /// Starts a process that carries it out.
    pub(super) fn start(&self) -> Running {
        let words = [
            format!("{:?}", self.deed),
            self.participants.to_string(),
            self.point.clone(),
            self.signal.to_string(),
            self.path.to_str().unwrap().to_owned(),
        ];
        let program = env::current_exe().unwrap();
        let child = Command::new(program)
            .args(["shm::kill::tests::child", "--exact", "--nocapture"])
            .env(VARIABLE, words.join("|"))
            .stdout(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }

    /// That of this process, if it has one.
    pub(super) fn of_this_process() -> Option<Self> {
        let order = env::var(VARIABLE).ok()?;
        let words: Vec<_> = order.splitn(5, '|').collect();
        let deed = DEEDS.into_iter().find(|d| format!("{d:?}") == words[0]);
        Some(Self {
            deed: deed.unwrap(),
            participants: words[1].parse().unwrap(),
            point: words[2].to_owned(),
            signal: words[3].parse().unwrap(),
            path: words[4].into(),
        })
    }

    pub(super) fn carry_out(&self) {
        // It does not go on when the test is ended from outside.
        set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
        match self.deed {
            Deed::Open => {
                self.arm();
                drop(open(&self.path, self.participants).unwrap());
            }
            Deed::WriteFirst | Deed::WriteLarger => self.write(),
            Deed::WriteCell => {
                let cell = open_cell(&self.path);
                Words::of(&self.path).wait_until_armed();
                self.arm();
                cell.set(CHILD.into());
            }
            Deed::WatchCell => {
                open_cell(&self.path).blocking_wait_for(|n| n == u64::MAX);
            }
        }
    }

    fn write(&self) {
        let atom = open(&self.path, self.participants).unwrap();
        for i in 0..self.deed.prepared() {
            atom.reset(value(PREPARED, 20 + i as usize)).unwrap();
        }
        // Whoever waits has heard of it and sleeps again.
        Words::of(&self.path).wait_until_armed();
        self.arm();
        atom.reset(value(CHILD, LEN)).unwrap();
    }

    fn arm(&self) {
        arm(&self.point, self.signal);
    }
}

/// The process. It does not outlive the test.
pub(super) struct Running(Child);

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn wait(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < LIMIT, "the process does not end");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// It has come to its point, and died.
    #[track_caller]
    pub(super) fn dies(mut self) {
        assert_eq!(self.wait().signal(), Some(libc::SIGKILL));
    }

    /// It has done what it was told to.
    #[track_caller]
    pub(super) fn succeeds(mut self) {
        assert_eq!(self.wait().code(), Some(DONE));
    }

    /// Kills it wherever it is.
    pub(super) fn kill(mut self) {
        self.0.kill().unwrap();
        self.wait();
    }

    /// Returns when it has come to its point, and is stopped.
    #[track_caller]
    pub(super) fn stops(&self) {
        let since = Instant::now();
        loop {
            let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
            match waitpid(Some(self.pid()), options).unwrap() {
                Some((_, status)) => return assert!(status.stopped(), "{status:?}"),
                None => assert!(since.elapsed() < LIMIT, "it does not stop"),
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    pub(super) fn continues(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
