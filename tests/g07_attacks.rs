//! G7, G8: destructors that panic at the worst moments leave the desk, the answers and the
//! others unharmed.
#![cfg(not(loom))]

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
};

use atomos::Atom;
use futures::{FutureExt, StreamExt};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;
type Slot = Arc<Mutex<Option<Wait>>>;

/// Runs `f`; true if it panicked. A payload that is a `Bomb` is kept from being dropped.
fn panics(f: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        return false;
    };
    if payload.is::<Bomb>() {
        std::mem::forget(payload);
    }
    true
}

fn poll(wait: &mut Wait) -> bool {
    wait.poll_unpin(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

/// Commits while the wait in `slot`, whose predicate drops it and panics with a `Bomb`, is
/// parked: what is committed then and later still reaches a stream.
fn commits_reach_everyone(atom: &Atom<i32>, mut wait: Wait, slot: &Slot) {
    assert!(!poll(&mut wait));
    *slot.lock().unwrap() = Some(wait);
    let mut changes = atom.changes();
    panics(|| drop(atom.reset(1)));
    atom.reset(2);
    let mut next = || changes.next().now_or_never().flatten().map(|c| *c.new);
    assert_eq!((next(), next()), (Some(1), Some(2)));
}

fn leave_and_panic(slot: &Slot) -> impl FnMut(&i32) -> bool + Send + use<> {
    let slot = slot.clone();
    move |n| {
        if *n == 0 {
            return false;
        }
        drop(slot.lock().unwrap().take());
        panic_any(Bomb)
    }
}

#[test]
fn g7_a_predicate_that_leaves_and_panics_with_a_bomb_stops_nobody() {
    let (atom, slot) = (Atom::new(0), Slot::default());
    let (waiter, predicate) = (atom.clone(), leave_and_panic(&slot));
    let wait = async move { drop(waiter.wait_for(predicate).await) };
    commits_reach_everyone(&atom, Box::pin(wait), &slot);
}

#[test]
fn g7_the_same_in_the_line() {
    let (atom, slot) = (Atom::new(0), Slot::default());
    let (waiter, predicate) = (atom.clone(), leave_and_panic(&slot));
    let wait = async move { drop(waiter.swap_when(predicate, |n| *n).await) };
    commits_reach_everyone(&atom, Box::pin(wait), &slot);
}

/// Two forgotten waits whose predicates cannot be dropped in peace: closing goes on.
#[test]
fn g7_closing_survives_forgotten_places_with_panicking_destructors() {
    struct Gone(Arc<AtomicUsize>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (atom, dropped) = (Atom::new(0), Arc::new(AtomicUsize::new(0)));
    for _ in 0..2 {
        let bomb = Bomb;
        let never = move |n: &i32| {
            let _ = &bomb;
            *n == 7
        };
        let mut wait = Box::pin(atom.swap_when(never, |n| *n));
        assert!(wait.as_mut().now_or_never().is_none());
        std::mem::forget(wait);
    }
    let gone = Gone(dropped.clone());
    atom.add_watch("w", move |_| {
        let _ = &gone;
    });
    assert!(panics(|| drop(atom)));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// A wait that was never polled, dropped by unwinding, with a predicate whose destructor panics.
#[test]
fn g7_an_unpolled_wait_is_dropped_while_unwinding() {
    let atom = Atom::new(0);
    assert!(panics(|| {
        let bomb = Bomb;
        let _wait = atom.wait_for(move |_| {
            let _ = &bomb;
            true
        });
        panic!("the first panic");
    }));
}

/// The same for the update closure of a `swap_when`, and for what a `wait_map` has found.
#[test]
fn g7_what_a_wait_owns_is_dropped_while_unwinding() {
    let atom = Atom::new(0);
    assert!(panics(|| {
        let bomb = Bomb;
        let _wait = atom.swap_when(
            |_| true,
            move |n| {
                let _ = &bomb;
                *n
            },
        );
        panic!("the first panic");
    }));
    assert!(panics(|| {
        let mut wait = Box::pin(atom.wait_map(|n| (*n == 1).then_some(Bomb)));
        assert!(wait.as_mut().now_or_never().is_none());
        atom.reset(1);
        panic!("the first panic");
    }));
}

/// Registering touches nodes that a writer may replace at that moment, and so may drop their values. A
/// panic of such a destructor comes out of the call that registered; what was registered is left like
/// any other wait that is dropped.
mod registering {
    use std::{cell::Cell, thread};

    use super::*;

    thread_local!(static PANICS: Cell<bool> = const { Cell::new(false) });

    /// More rounds than it takes by far.
    const LAST: usize = 300_000;

    /// Panics when it is dropped by a thread that is registering; counted.
    struct Fuse(Arc<AtomicUsize>);

    impl Fuse {
        fn new(alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::SeqCst);
            Self(alive.clone())
        }
    }

    impl Drop for Fuse {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
            assert!(!PANICS.get(), "a destructor");
        }
    }

    /// Registers again and again while another thread makes a few commits each time, until that
    /// has panicked three times; then nothing keeps any value but the atom.
    fn leaves_nothing(register: fn(&Atom<Fuse>)) {
        let (alive, rounds) = (Arc::default(), AtomicUsize::new(0));
        let atom = Atom::new(Fuse::new(&alive));
        let mut panicked = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < LAST {
                    let round = rounds.load(Ordering::SeqCst);
                    if round == seen {
                        thread::yield_now();
                    } else {
                        (0..4).for_each(|_| drop(atom.reset(Fuse::new(&alive))));
                    }
                    seen = round;
                }
            });
            for round in 1..LAST {
                rounds.store(round, Ordering::SeqCst);
                PANICS.set(true);
                panicked += usize::from(panics(|| register(&atom)));
                PANICS.set(false);
                if panicked == 3 {
                    break;
                }
            }
            rounds.store(LAST, Ordering::SeqCst);
        });
        // With the packed cell it takes two commits in the few instructions that registering takes after
        // its look: with one processor that may not happen.
        assert!(
            panicked > 0 || cfg!(not(atomos_portable)),
            "the two never met"
        );
        (0..3).for_each(|_| drop(atom.reset(Fuse::new(&alive))));
        assert_eq!(alive.load(Ordering::SeqCst), 1);
    }

    // Its mailbox keeps the state that it started from, unless registering has touched others.
    #[cfg(atomos_portable)]
    #[test]
    fn g8_a_stream_leaves_nothing() {
        leaves_nothing(|atom| {
            let changes = atom.changes();
            PANICS.set(false);
            drop(changes);
        });
    }

    #[test]
    fn g8_a_bounded_stream_leaves_nothing() {
        leaves_nothing(|atom| {
            let changes = atom.changes_bounded(1);
            PANICS.set(false);
            drop(changes);
        });
    }

    #[test]
    fn g8_a_wait_leaves_nothing() {
        leaves_nothing(|atom| {
            let mut wait = Box::pin(atom.wait_for(|_| false));
            let _ = wait.as_mut().now_or_never();
            PANICS.set(false);
        });
    }

    #[test]
    fn g8_a_place_in_line_leaves_nothing() {
        leaves_nothing(|atom| {
            let alive = Arc::default();
            let mut wait = Box::pin(atom.swap_when(|_| false, move |_| Fuse::new(&alive)));
            let _ = wait.as_mut().now_or_never();
            PANICS.set(false);
        });
    }
}
