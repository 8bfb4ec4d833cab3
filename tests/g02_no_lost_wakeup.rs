//! G2: a wait never sleeps past a commit that satisfies it. The hooks inside
//! `Waker::clone`, where most lost wake-ups live, are in `peers_registration.rs`.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use atomos::Atom;
use support::{
    Boxed, LIMIT, Probe, Wait, every_wait, in_time, park_until_ready, poll, two_threads,
};
use tokio_test::{assert_pending, assert_ready_eq, task};

#[test]
fn g2_every_wait_is_woken_by_the_commit_it_waits_for() {
    for Wait { name, start, .. } in every_wait() {
        println!("{name}");
        let atom = Atom::new(0);
        let mut wait = task::spawn(start(&atom));
        assert_pending!(wait.poll());
        atom.reset(1);
        assert!(wait.is_woken(), "{name}");
        assert_ready_eq!(wait.poll(), 1);
    }
}

#[test]
fn g2_every_wait_wakes_the_task_that_polled_last() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, first, last) = (Atom::new(0), Probe::new(), Probe::new());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &first.waker()));
        assert_pending!(poll(&mut wait, &last.waker()));
        assert_eq!(first.alive(), 0, "{name}: the first task's waker is let go");
        atom.reset(1);
        assert_eq!((first.wakes(), last.wakes()), (0, 1), "{name}");
        assert_ready_eq!(poll(&mut wait, &last.waker()), 1);
    }
}

/// A task is polled for many reasons; that costs no wait a clone of a waker that it has already.
#[test]
fn g2_every_wait_clones_the_waker_of_one_task_once() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, probe) = (Atom::new(0), Probe::new());
        let (mut wait, waker) = (start(&atom), probe.waker());
        for _ in 0..3 {
            assert_pending!(poll(&mut wait, &waker));
        }
        atom.reset(1);
        assert_ready_eq!(poll(&mut wait, &waker), 1);
        assert_eq!(probe.clones(), 1, "{name}");
    }
}

#[test]
fn g2_every_wait_resolves_with_a_commit_made_before_its_second_poll() {
    for Wait { start, .. } in every_wait() {
        let (atom, waker) = (Atom::new(0), Probe::new().waker());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &waker));
        atom.reset(1);
        assert_ready_eq!(poll(&mut wait, &waker), 1);
    }
}

#[test]
fn g2_all_that_wait_for_one_commit_are_woken() {
    let atom = Atom::new(0);
    let mut waits: Vec<_> = (0..20)
        .flat_map(|_| every_wait())
        .filter(|wait| wait.name != "Atom::swap_when")
        .map(|wait| task::spawn((wait.start)(&atom)))
        .collect();
    for wait in &mut waits {
        assert_pending!(wait.poll());
    }
    atom.reset(1);
    assert!(waits.iter().all(|wait| wait.is_woken()));
    for wait in &mut waits {
        assert_ready_eq!(wait.poll(), 1);
    }
}

#[test]
fn g2_a_wait_that_is_cancelled_takes_no_wake_up_with_it() {
    for one in every_wait() {
        for other in every_wait() {
            let atom = Atom::new(0);
            let mut kept = task::spawn((one.start)(&atom));
            let mut dropped = task::spawn((other.start)(&atom));
            assert_pending!(dropped.poll());
            assert_pending!(kept.poll());
            drop(dropped);
            atom.reset(1);
            assert!(kept.is_woken(), "{} beside {}", one.name, other.name);
        }
    }
}

/// The wait races with the write, from the first poll to the wake.
#[test]
fn g2_every_wait_survives_a_race_with_the_write() {
    for Wait { name, start, .. } in every_wait().into_iter().filter(|wait| wait.from_call) {
        println!("{name}");
        in_time(move || {
            for _ in 0..300 {
                let atom = Atom::new(0);
                let wait = start(&atom);
                let (seen, _) = two_threads(|| park_until_ready(wait), || atom.reset(1));
                assert_eq!(seen, 1);
            }
        });
    }
}

#[test]
fn g2_changed_of_an_atom_survives_a_race_with_the_write() {
    in_time(|| {
        for _ in 0..300 {
            let atom = Atom::new(0);
            let changed = atom.changed();
            let (change, _) = two_threads(|| park_until_ready(changed), || atom.reset(1));
            assert_eq!((*change.old, *change.new), (0, 1));
        }
    });
}

#[test]
fn g2_blocking_waits_survive_a_race_with_the_write() {
    in_time(|| {
        for round in 0..1_000 {
            let atom = Atom::new(0);
            let wait = || match round % 2 {
                0 => Some(atom.blocking_wait_for(|n| *n == 1)),
                _ => atom.blocking_wait_for_timeout(|n| *n == 1, LIMIT),
            };
            let (seen, _) = two_threads(wait, || atom.reset(1));
            assert_eq!(*seen.expect("no time-out"), 1);
        }
    });
}

/// Each side sleeps until the other has written: one lost wake-up ends it.
#[test]
fn g2_two_threads_take_turns() {
    in_time(|| {
        let atom = Atom::new(0_u32);
        let turns = |side: u32| {
            let atom = atom.clone();
            move || {
                for _ in 0..3_000 {
                    atom.blocking_wait_for(|n| n % 2 == side);
                    atom.swap(|n| n + 1);
                }
            }
        };
        two_threads(turns(0), turns(1));
        assert_eq!(*atom.load(), 6_000);
    });
}

#[test]
fn g2_many_threads_wait_for_one_writer() {
    in_time(|| {
        let atom = Atom::new(0_u32);
        thread::scope(|scope| {
            for n in 1..=16 {
                let atom = &atom;
                scope.spawn(move || {
                    for round in 0..50 {
                        atom.blocking_wait_for(|value| *value >= n + 16 * round);
                    }
                });
            }
            (0..16 * 50).for_each(|_| drop(atom.swap(|n| n + 1)));
        });
    });
}

#[test]
fn g2_a_time_out_is_kept_and_a_write_beats_it() {
    let atom = Atom::new(0);
    let short = Duration::from_millis(5);
    assert!(atom.blocking_wait_for_timeout(|n| *n == 1, short).is_none());
    assert!(
        atom.blocking_wait_for_timeout(|n| *n == 1, Duration::ZERO)
            .is_none()
    );
    atom.reset(1);
    let seen = atom.blocking_wait_for_timeout(|n| *n == 1, Duration::ZERO);
    assert_eq!(*seen.expect("it holds already"), 1);
    // A time-out too far away to be told is none.
    let seen = atom.blocking_wait_for_timeout(|n| *n == 1, Duration::MAX);
    assert_eq!(*seen.expect("it holds already"), 1);
}

#[test]
fn g2_the_longest_time_out_is_no_time_out() {
    in_time(|| {
        let atom = Atom::new(0);
        let wait = || atom.blocking_wait_for_timeout(|n| *n == 1, Duration::MAX);
        let (seen, _) = two_threads(wait, || atom.reset(1));
        assert_eq!(*seen.expect("no time-out"), 1);
    });
}

/// A blocking wait leaves a token that was meant for the caller's own parking,
/// and is not fooled by one.
#[test]
fn g2_a_blocking_wait_survives_foreign_unparks() {
    in_time(|| {
        let atom = Atom::new(0);
        thread::current().unpark();
        let missing = atom.blocking_wait_for_timeout(|n| *n == 1, Duration::from_millis(5));
        assert!(missing.is_none());
        let waiting = thread::current();
        let (seen, _) = two_threads(
            || atom.blocking_wait_for(|n| *n == 1),
            || {
                waiting.unpark();
                atom.reset(1)
            },
        );
        assert_eq!(*seen, 1);
    });
}

/// Replacing a waker runs the old one's destructor inside the poll.
#[test]
fn g2_no_wait_misses_a_commit_made_in_a_waker_drop() {
    for Wait { name, start, .. } in every_wait() {
        let (atom, hooked, last) = (Atom::new(0), Probe::new(), Probe::new());
        let mut wait = start(&atom);
        assert_pending!(poll(&mut wait, &hooked.waker()));
        let writer = atom.clone();
        hooked.on_drop(support::once(move || drop(writer.reset(1))));
        match poll(&mut wait, &last.waker()) {
            Poll::Ready(seen) => assert_eq!(seen, 1, "{name}"),
            Poll::Pending => {
                assert!(last.wakes() > 0, "{name} sleeps past the commit");
                assert_ready_eq!(poll(&mut wait, &last.waker()), 1);
            }
        }
        hooked.calm();
    }
}

/// A task that is polled inside `wake`, as a naive executor may do it.
struct OnTheSpot {
    wait: Mutex<Boxed<u64>>,
    probe: Arc<Probe>,
    woken: AtomicBool,
    seen: Mutex<Option<u64>>,
}

impl OnTheSpot {
    fn run(&self) {
        self.woken.store(true, Ordering::SeqCst);
        // Woken while it is being polled: the outer call goes around once more.
        let Ok(mut wait) = self.wait.try_lock() else {
            return;
        };
        while self.woken.swap(false, Ordering::SeqCst) {
            if let Poll::Ready(value) = poll(&mut *wait, &self.probe.waker()) {
                *self.seen.lock().expect("not poisoned") = Some(value);
                return;
            }
        }
    }
}

#[test]
fn g2_a_waker_may_poll_its_task_on_the_spot() {
    for Wait { name, start, .. } in every_wait() {
        let atom = Atom::new(0);
        let task = Arc::new(OnTheSpot {
            wait: Mutex::new(start(&atom)),
            probe: Probe::new(),
            woken: AtomicBool::new(false),
            seen: Mutex::new(None),
        });
        let woken = Arc::downgrade(&task);
        task.probe.on_wake(move || {
            if let Some(task) = woken.upgrade() {
                task.run();
            }
        });
        task.run();
        in_time(move || drop(atom.reset(1)));
        assert_eq!(*task.seen.lock().expect("not poisoned"), Some(1), "{name}");
    }
}

/// A timeout beyond what the clock can say is a long one, not a panic and not none.
#[test]
fn g2_a_timeout_beyond_the_clock_waits() {
    let atom = Atom::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| drop(atom.reset(1)));
        let seen = atom.blocking_wait_for_timeout(|n| *n == 1, std::time::Duration::MAX);
        assert_eq!(seen.map(|n| *n), Some(1));
    });
}

/// Commits `values` in the first clone of the waker from now on.
fn commit_in_a_clone(probe: &Arc<Probe>, atom: &Atom<u64>, values: Vec<u64>) {
    let (weak, atom) = (Arc::downgrade(probe), atom.clone());
    probe.on_clone(move || {
        if let Some(probe) = weak.upgrade() {
            probe.calm();
        }
        for value in &values {
            atom.reset(*value);
        }
    });
}

/// A state is not the one that a newcomer was asked about because it stands where that one stood:
/// the allocator gives the room of a value that has gone to one of the next.
#[test]
fn g2_a_newcomer_takes_no_later_state_for_the_one_it_has_judged() {
    for values in [vec![2], vec![1, 2], vec![1, 1, 2], vec![1, 1, 1, 2]] {
        let (atom, probe) = (Atom::new(0), Probe::new());
        commit_in_a_clone(&probe, &atom, values.clone());
        let mut wait = Box::pin(atom.swap_when(|n| *n == 2, |n| n + 8));
        let first = poll(&mut wait, &probe.waker());
        assert!(first.is_ready() || probe.wakes() > 0, "{values:?}");
        if first.is_pending() {
            assert_ready_eq!(poll(&mut wait, &probe.waker()).map(|s| *s), 10);
        }
    }
}

/// The same for one who has lost a turn.
#[test]
fn g2_a_loser_takes_no_later_state_for_the_one_it_has_judged() {
    for values in [vec![2], vec![1, 2], vec![1, 1, 2], vec![1, 1, 1, 2]] {
        let (atom, probe) = (Atom::new(0), Probe::new());
        let mut wait = Box::pin(atom.swap_when(|n| *n == 2, |n| n + 8));
        assert_pending!(poll(&mut wait, &probe.waker()));
        atom.reset(2);
        assert_eq!(probe.wakes(), 1);
        atom.reset(0);
        commit_in_a_clone(&probe, &atom, values.clone());
        assert_pending!(poll(&mut wait, &probe.waker()));
        assert_eq!(probe.wakes(), 2, "{values:?}");
        assert_ready_eq!(poll(&mut wait, &probe.waker()).map(|s| *s), 10);
    }
}
