//! Values whose decoding or dropping panics, on the thread that sleeps for all waits of a process.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Waker,
    thread,
};

use atomos::shm;
use serde::{Deserialize, Serialize};

use crate::{
    others_are_served, soon,
    support::{Probe, TempPath, caught, in_time, poll},
};

/// A number that cannot be read while it is 13, and whose destructor may panic.
#[derive(Serialize, Debug)]
struct Unlucky(u64);

static DROPS: AtomicUsize = AtomicUsize::new(0);

impl<'de> Deserialize<'de> for Unlucky {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(d)?;
        assert_ne!(number, 13, "bad luck");
        Ok(Self(number))
    }
}

impl Drop for Unlucky {
    fn drop(&mut self) {
        if self.0 == 7 && !thread::panicking() {
            DROPS.fetch_add(1, SeqCst);
            panic!("seven");
        }
    }
}

fn unlucky(path: &TempPath) -> shm::Atom<Unlucky> {
    shm::Atom::open(path, "unlucky", || Unlucky(0)).unwrap()
}

/// Values are decoded by the thread, for whom it looks.
#[test]
fn g07_a_decoder_that_panics_fails_those_who_wait_for_its_value() {
    in_time(|| {
        let path = TempPath::new("adversity");
        let (here, there) = (unlucky(&path), unlucky(&path));
        let probe = Probe::new();
        let mut wait = Box::pin(here.wait_for(|n| n.0 == 1));
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        there.reset(Unlucky(13)).unwrap();
        soon("it is woken", || probe.wakes() > 0);
        let text = caught(|| poll(&mut wait, Waker::noop()).is_ready()).unwrap_err();
        assert!(text.contains("bad luck"), "{text}");
        assert!(caught(|| here.load().map(drop)).is_err());
        // Nothing is poisoned.
        there.reset(Unlucky(1)).unwrap();
        assert_eq!(here.load().unwrap().0, 1);
        others_are_served();
    });
}

/// The thread is the last to hold a value that is replaced, and drops it.
#[test]
fn g07_a_destructor_that_panics_on_the_thread_disturbs_nobody() {
    in_time(|| {
        let path = TempPath::new("adversity");
        let (here, there) = (unlucky(&path), atom_of_the_same(&path));
        let probe = Probe::new();
        let mut wait = Box::pin(here.wait_for(|n| n.0 == 1));
        assert!(poll(&mut wait, &probe.waker()).is_pending());
        let seen = DROPS.load(SeqCst);
        there.reset(7).unwrap();
        soon("the thread has decoded it", || {
            there.reset(8).unwrap();
            there.reset(7).unwrap();
            DROPS.load(SeqCst) > seen
        });
        there.reset(1).unwrap();
        soon("it is woken", || probe.wakes() > 0);
        // The wait ends: with the value, or with the panic that its look has met.
        let ended = caught(|| poll(&mut wait, Waker::noop()).is_ready());
        assert!(matches!(ended, Ok(true) | Err(_)), "{ended:?}");
        let _ = caught(|| drop(wait));
        let _ = caught(|| drop(here));
        others_are_served();
    });
}

/// The same file, of a type without a destructor.
fn atom_of_the_same(path: &TempPath) -> shm::Atom<u64> {
    shm::Atom::open(path, "unlucky", || 0).unwrap()
}
