//! Processes that read, write and wait, and are killed, stopped and started again at random (P1 to
//! P5): no value is torn, no commit lost or counted twice, and nobody stalls.
//!
//! The processes are this test program itself, told by the environment what they are. It takes two
//! seconds and a half, or `ATOMOS_STORM_SECONDS`; its dice are thrown as `ATOMOS_STORM_SEED` says.
#![cfg(all(feature = "shm", not(loom)))]

#[path = "shm_storm/body.rs"]
mod body;
#[path = "support/files.rs"]
mod files;
#[path = "shm_storm/parts.rs"]
mod parts;
#[path = "shm_storm/stage.rs"]
mod stage;

use std::{
    env,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use body::Dice;
use files::TempPath;
use parts::{DONE, PARTS, Part};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use stage::{Paths, Stage};

/// Who has not made a step for so long, though nobody stops him, has stalled.
const STALLED: Duration = Duration::from_secs(15);

#[test]
fn p1_p2_p3_p4_p5_a_storm() {
    let seconds = number("ATOMOS_STORM_SECONDS").unwrap_or(2.5);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = number("ATOMOS_STORM_SEED").unwrap_or(u64::from(now.unwrap().subsec_nanos()));
    println!("ATOMOS_STORM_SEED={seed}");

    let paths = ["atom", "cell", "board"].map(TempPath::new);
    let paths = Paths::new(paths.each_ref().map(TempPath::as_ref));
    let stage = Stage::open(&paths);
    let mut dice = Dice::new(seed);
    let mut cast: Vec<_> = (0..PARTS.len())
        .map(|me| Actor::enter(me, &paths, &mut dice))
        .collect();
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut kills = 0;
    while Instant::now() < until {
        thread::sleep(Duration::from_micros(dice.below(8_000)));
        let one = dice.below(cast.len() as u64) as usize;
        match dice.below(12) {
            0 => {
                kills += u64::from(matches!(PARTS[one], Part::Writer(_)));
                // The place that it had is free for the next.
                cast[one].leave();
                cast[one] = Actor::enter(one, &paths, &mut dice);
            }
            1..=4 if writers_at_large(&cast) > 1 => cast[one].stop(),
            _ => cast[one].go_on(),
        }
        cast.iter_mut().for_each(|actor| actor.check(&stage));
    }
    for actor in &mut cast {
        actor.go_on();
    }
    stage.announce_the_end();
    for actor in &mut cast {
        actor.succeed();
    }
    let version = stage.check_the_sums(kills);
    println!("{version} commits, {kills} writers killed");
    assert!(version > 0);
}

/// Does nothing, but in a process that the storm has started.
#[test]
fn part() {
    let Ok(me) = env::var("ATOMOS_STORM_PART") else {
        return;
    };
    // It does not go on when the test is ended from outside.
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    let seed = number("ATOMOS_STORM_SEED").unwrap();
    let stage = Stage::open(&Paths::of_this_process());
    parts::play(me.parse().unwrap(), &stage, Dice::new(seed));
    // A word that has more in it than an address hides the value from who looks for leaks.
    drop(stage);
    std::process::exit(DONE);
}

fn number<N: std::str::FromStr>(variable: &str) -> Option<N> {
    let text = env::var(variable).ok()?;
    Some(text.parse().ok().expect("a number"))
}

/// A process, as it is seen by the one that torments it.
struct Actor {
    me: usize,
    process: Child,
    is_stopped: bool,
    /// How far it was, and since when.
    progress: (u64, Instant),
}

fn writers_at_large(cast: &[Actor]) -> usize {
    let at_large = |actor: &&Actor| !actor.is_stopped && matches!(PARTS[actor.me], Part::Writer(_));
    cast.iter().filter(at_large).count()
}

impl Actor {
    fn enter(me: usize, paths: &Paths, dice: &mut Dice) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["part", "--exact", "--nocapture"])
            .env("ATOMOS_STORM_PART", me.to_string())
            .env("ATOMOS_STORM_SEED", dice.throw().to_string())
            .stdout(Stdio::null());
        paths.hand_to(&mut command);
        Self {
            me,
            process: command.spawn().unwrap(),
            is_stopped: false,
            progress: (0, Instant::now()),
        }
    }

    /// Killed, wherever it is.
    fn leave(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn stop(&mut self) {
        self.signal(Signal::STOP);
        self.is_stopped = true;
    }

    fn go_on(&mut self) {
        self.signal(Signal::CONT);
        self.is_stopped = false;
        self.progress.1 = Instant::now();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// It has not ended by itself, and goes on.
    fn check(&mut self, stage: &Stage) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "{:?}: {ended:?}", PARTS[self.me]);
        let now = stage.progress(self.me);
        if now != self.progress.0 || self.is_stopped {
            self.progress = (now, Instant::now());
        }
        let since = self.progress.1.elapsed();
        assert!(since < STALLED, "{:?} has stalled", PARTS[self.me]);
    }

    /// It ends, and has seen nothing that is wrong.
    fn succeed(&mut self) {
        let since = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return assert_eq!(status.code(), Some(DONE), "{:?}", PARTS[self.me]);
            }
            let is_late = since.elapsed() > STALLED;
            assert!(!is_late, "{:?} does not end", PARTS[self.me]);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.leave();
    }
}
