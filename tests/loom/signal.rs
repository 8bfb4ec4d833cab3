//! Waking across processes: a sleeper that arms, and writers that disarm (P5). The protocol is the
//! very file of `shm`; wrong orders of its steps stand beside it, and each has to be found out.
//!
//! The kernel is a lock and a condition variable. Nobody sleeps for ever in these models: who would,
//! because all writers are done, is told so, and has lost a wake-up if the value satisfies him.

use std::sync::atomic::{AtomicBool as Flag, Ordering::Relaxed};

use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering, fence},
    },
    thread,
};

use super::{signal::Signal, support::model, sync::barrier};

/// What processes share.
struct Shared {
    /// How many writes there were.
    value: AtomicU32,
    armed: AtomicU32,
    epoch: AtomicU32,
    kernel: Kernel,
}

/// `FUTEX_WAIT` and `FUTEX_WAKE` of one word.
struct Kernel {
    /// How often it was called to wake, and how many writers are not done.
    state: Mutex<(u32, usize)>,
    change: Condvar,
}

/// Nobody is left to wake the sleeper.
struct ForEver;

impl Kernel {
    fn sleep(&self, word: &AtomicU32, value: u32) -> Result<(), ForEver> {
        let mut state = self.state.lock().unwrap();
        let wakes = state.0;
        if word.load(Ordering::SeqCst) != value {
            return Ok(());
        }
        while state.0 == wakes {
            if state.1 == 0 {
                return Err(ForEver);
            }
            state = self.change.wait(state).unwrap();
        }
        Ok(())
    }

    fn wake(&self) {
        self.state.lock().unwrap().0 += 1;
        self.change.notify_all();
    }

    fn writer_is_done(&self) {
        self.state.lock().unwrap().1 -= 1;
        self.change.notify_all();
    }
}

/// An order of the steps.
#[derive(Clone, Copy)]
enum Steps {
    /// That of the file.
    AsTheyAre,
    ArmsBeforeItReadsTheEpoch,
    RaisesTheEpochBeforeItDisarms,
    ChecksBeforeItArms,
    WakesBeforeItWrites,
    SleepsWhateverTheEpochIs,
    WritesWithoutBarrier,
    ArmsWithoutBarrier,
}
use Steps::*;

impl Shared {
    fn new(armed: bool, writers: usize) -> Arc<Self> {
        Arc::new(Self {
            value: AtomicU32::new(0),
            armed: AtomicU32::new(armed.into()),
            epoch: AtomicU32::new(0),
            kernel: Kernel {
                state: Mutex::new((0, writers)),
                change: Condvar::new(),
            },
        })
    }

    fn signal(&self) -> Signal<'_> {
        Signal {
            armed: &self.armed,
            epoch: &self.epoch,
        }
    }

    fn write(&self, steps: Steps) {
        if let WakesBeforeItWrites = steps {
            self.raise(steps);
        }
        self.value.fetch_add(1, Ordering::SeqCst);
        if !matches!(steps, WakesBeforeItWrites) {
            self.raise(steps);
        }
        self.kernel.writer_is_done();
    }

    fn raise(&self, steps: Steps) {
        match steps {
            RaisesTheEpochBeforeItDisarms => {
                barrier();
                if self.armed.load(Ordering::SeqCst) != 0 {
                    self.epoch.fetch_add(1, Ordering::SeqCst);
                    if self.armed.swap(0, Ordering::SeqCst) != 0 {
                        self.kernel.wake();
                    }
                }
            }
            WritesWithoutBarrier => {
                if self.armed.load(Ordering::Relaxed) != 0
                    && self.armed.swap(0, Ordering::SeqCst) != 0
                {
                    self.epoch.fetch_add(1, Ordering::SeqCst);
                    self.kernel.wake();
                }
            }
            _ => self.signal().raise(|_| self.kernel.wake()),
        }
    }

    fn arm(&self, steps: Steps) -> u32 {
        match steps {
            ArmsBeforeItReadsTheEpoch => {
                self.armed.swap(1, Ordering::SeqCst);
                barrier();
                self.epoch.load(Ordering::SeqCst)
            }
            ArmsWithoutBarrier => {
                let epoch = self.epoch.load(Ordering::SeqCst);
                self.armed.store(1, Ordering::Relaxed);
                epoch
            }
            _ => self.signal().arm(),
        }
    }

    /// Sleeps until there were so many writes. False if it has lost a wake-up.
    fn sleep_until(&self, writes: u32, steps: Steps) -> bool {
        let is_served = || self.value.load(Ordering::SeqCst) >= writes;
        loop {
            let early = is_served();
            let epoch = self.arm(steps);
            let served = match steps {
                ChecksBeforeItArms => early,
                _ => is_served(),
            };
            if served {
                return true;
            }
            let epoch = match steps {
                SleepsWhateverTheEpochIs => self.epoch.load(Ordering::SeqCst),
                _ => epoch,
            };
            if self.kernel.sleep(&self.epoch, epoch).is_err() {
                // All writers are done, and this thread knows what they wrote.
                return !is_served();
            }
        }
    }
}

/// Who takes part in a model.
#[derive(Clone, Copy)]
struct Cast {
    writers: usize,
    /// How many writes each sleeper waits for.
    sleepers: &'static [u32],
    /// Whether somebody armed before, and was killed.
    armed: bool,
}

/// Whether a sleeper loses a wake-up, in any execution.
fn loses(cast: Cast, steps: Steps) -> bool {
    let lost = std::sync::Arc::new(Flag::new(false));
    let found = lost.clone();
    model(3, move || {
        let shared = Shared::new(cast.armed, cast.writers);
        // This thread does nothing, so that no switch is spent on letting another one begin.
        let mut others: Vec<_> = (0..cast.writers)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || shared.write(steps))
            })
            .collect();
        others.extend(cast.sleepers.iter().map(|&writes| {
            let (shared, lost) = (shared.clone(), lost.clone());
            thread::spawn(move || {
                let served = shared.sleep_until(writes, steps);
                lost.fetch_or(!served, Relaxed);
            })
        }));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    found.load(Relaxed)
}

const ONE_WRITER: Cast = Cast {
    writers: 1,
    sleepers: &[1],
    armed: false,
};
const TWO_WRITERS: Cast = Cast {
    writers: 2,
    sleepers: &[2],
    armed: false,
};
const AFTER_A_DEATH: Cast = Cast {
    armed: true,
    ..TWO_WRITERS
};
const TWO_SLEEPERS: Cast = Cast {
    sleepers: &[1, 1],
    ..ONE_WRITER
};
#[test]
fn p5_one_writer_and_a_sleeper() {
    assert!(!loses(ONE_WRITER, AsTheyAre));
    assert!(!loses(
        Cast {
            armed: true,
            ..ONE_WRITER
        },
        AsTheyAre
    ));
}

#[test]
fn p5_two_writers_and_a_sleeper() {
    assert!(!loses(TWO_WRITERS, AsTheyAre));
    assert!(!loses(AFTER_A_DEATH, AsTheyAre));
}

#[test]
fn p5_one_writer_and_two_sleepers() {
    assert!(!loses(TWO_SLEEPERS, AsTheyAre));
    assert!(!loses(
        Cast {
            armed: true,
            ..TWO_SLEEPERS
        },
        AsTheyAre
    ));
}

#[test]
fn the_epoch_is_read_before_arming() {
    assert!(loses(TWO_WRITERS, ArmsBeforeItReadsTheEpoch));
}

#[test]
fn the_epoch_is_raised_after_disarming() {
    assert!(loses(AFTER_A_DEATH, RaisesTheEpochBeforeItDisarms));
}

#[test]
fn the_value_is_checked_after_arming() {
    assert!(loses(ONE_WRITER, ChecksBeforeItArms));
}

#[test]
fn the_value_is_written_before_waking() {
    assert!(loses(ONE_WRITER, WakesBeforeItWrites));
}

#[test]
fn the_kernel_compares_the_epoch_that_was_read_first() {
    assert!(loses(TWO_WRITERS, SleepsWhateverTheEpochIs));
}

#[test]
fn the_orderings_are_needed() {
    assert!(loses(ONE_WRITER, WritesWithoutBarrier));
    assert!(loses(ONE_WRITER, ArmsWithoutBarrier));
}

/// A thread that sleeps for the waits of its process, and a wait that registers meanwhile.
mod registering {
    use super::*;

    /// What the thread and the wait share, besides the words.
    struct Process {
        is_present: loom::sync::atomic::AtomicBool,
        /// The wait: whether it is parked, and whether it was told what satisfied it.
        wait: Mutex<(bool, bool)>,
    }

    /// How a registration goes.
    #[derive(Clone, Copy)]
    enum Registration {
        AsItIs,
        ReadsBeforeItIsPresent,
        DoesNotArm,
    }

    impl Process {
        /// Registers, and reads the value. True if it is satisfied at once.
        fn register(&self, shared: &Shared, how: Registration) -> bool {
            let early = shared.value.load(Ordering::SeqCst);
            let mut wait = self.wait.lock().unwrap();
            self.is_present.store(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if !matches!(how, Registration::DoesNotArm) {
                shared.signal().arm();
            }
            let seen = match how {
                Registration::ReadsBeforeItIsPresent => early,
                _ => shared.value.load(Ordering::SeqCst),
            };
            wait.0 = seen == 0;
            seen != 0
        }

        /// What the thread does until nobody can wake it any more.
        fn run(&self, shared: &Shared) {
            loop {
                let epoch = shared.signal().arm();
                let now = shared.value.load(Ordering::SeqCst);
                fence(Ordering::SeqCst);
                if now != 0 && self.is_present.load(Ordering::SeqCst) {
                    let mut wait = self.wait.lock().unwrap();
                    wait.1 |= wait.0;
                }
                if shared.kernel.sleep(&shared.epoch, epoch).is_err() {
                    return;
                }
            }
        }
    }

    /// Whether a wait that registers while the thread sleeps, or is about to, is never told.
    fn loses(writers: usize, how: Registration) -> bool {
        let lost = std::sync::Arc::new(Flag::new(false));
        let found = lost.clone();
        model(3, move || {
            let shared = Shared::new(false, writers);
            let process = Arc::new(Process {
                is_present: loom::sync::atomic::AtomicBool::new(false),
                wait: Mutex::new((false, false)),
            });
            let mut others: Vec<_> = (0..writers)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || shared.write(AsTheyAre))
                })
                .collect();
            others.push({
                let (shared, process) = (shared.clone(), process.clone());
                thread::spawn(move || process.run(&shared))
            });
            let is_satisfied = process.register(&shared, how);
            others.into_iter().for_each(|other| other.join().unwrap());
            let (is_parked, is_told) = *process.wait.lock().unwrap();
            assert_eq!(is_parked, !is_satisfied);
            lost.fetch_or(is_parked && !is_told, Relaxed);
        });
        found.load(Relaxed)
    }

    #[test]
    fn p5_a_wait_that_registers_while_the_thread_sleeps() {
        assert!(!loses(1, Registration::AsItIs));
        assert!(!loses(2, Registration::AsItIs));
    }

    #[test]
    fn the_value_is_read_after_registering() {
        assert!(loses(1, Registration::ReadsBeforeItIsPresent));
    }

    /// No wake-up depends on it, since the thread arms before each look.
    #[test]
    fn p5_a_registration_need_not_arm() {
        assert!(!loses(1, Registration::DoesNotArm));
        assert!(!loses(2, Registration::DoesNotArm));
    }
}
