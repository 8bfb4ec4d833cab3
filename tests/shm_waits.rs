//! Waits for atoms and cells in files, and their streams (P5, and what G2, G6, G7, G8, G11 and G12
//! mean for them), between handles of one process, which are like those of other ones.
#![cfg(all(feature = "shm", not(loom)))]

mod support;

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use atomos::{
    Snapshot,
    shm::{self, Options},
};
use futures::{FutureExt, StreamExt, executor::block_on, stream::FusedStream};
#[cfg(feature = "tokio")]
use support::in_time;
use support::{LIMIT, TempPath, caught, everywhere};
use tokio_test::{assert_pending, assert_ready, task::spawn};

fn two_cells(path: &TempPath) -> (shm::Atomic<u64>, shm::Atomic<u64>) {
    let open = || shm::Atomic::open(path, 0).unwrap();
    (open(), open())
}

fn two_atoms(path: &TempPath) -> (shm::Atom<Vec<u64>>, shm::Atom<Vec<u64>>) {
    let open = || shm::Atom::open(path, "numbers", Vec::new).unwrap();
    (open(), open())
}

/// Polls until it is woken, since another thread wakes it; the first poll must not be ready.
macro_rules! woken {
    ($task:expr) => {
        woken!($task, poll)
    };
    ($task:expr, $poll:ident) => {{
        let since = Instant::now();
        while !$task.is_woken() {
            assert!(since.elapsed() < LIMIT, "not woken");
            std::thread::yield_now();
        }
        $task.$poll()
    }};
}

#[test]
fn p5_every_wait_for_a_cell_ends_with_what_satisfied_it() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    macro_rules! ends {
        ($set:expr, $wait:expr, $answer:expr) => {{
            let mut wait = spawn($wait);
            assert_pending!(wait.poll());
            there.set($set);
            assert_eq!(assert_ready!(woken!(wait)), $answer);
            // And at once, where it holds already.
            assert_eq!($wait.now_or_never(), Some($answer));
        }};
    }
    ends!(5, here.wait_for(|n| n == 5), 5);
    ends!(6, here.wait_map(|n| (n == 6).then_some("six")), "six");
    ends!(10, here.wait_at_least(7), 10);
    ends!(3, here.wait_at_most(3), 3);
    ends!(4, here.wait_equal(4), 4);
    let mut wait = spawn(here.changed_from(4));
    assert_pending!(wait.poll());
    there.set(9);
    assert_eq!(assert_ready!(woken!(wait)), 9);
}

#[test]
fn p5_a_wait_for_an_atom_ends_with_what_satisfied_it() {
    let path = TempPath::new("atom");
    let (here, there) = two_atoms(&path);
    let mut wait = spawn(here.wait_for(|v| v.len() == 2));
    assert_pending!(wait.poll());
    there.reset(vec![1]).unwrap();
    there.reset(vec![1, 2]).unwrap();
    let seen = assert_ready!(woken!(wait)).unwrap();
    assert_eq!((&*seen, Snapshot::version(&seen)), (&vec![1, 2], 2));
    let mut wait = spawn(here.wait_map(|v| v.get(2).copied()));
    assert_pending!(wait.poll());
    there.reset(vec![1, 2, 3]).unwrap();
    assert_eq!(assert_ready!(woken!(wait)).unwrap(), 3);
}

// G5: the predicate is called where it waits; the task is not polled for nothing.
#[test]
fn g05_a_change_that_does_not_satisfy_wakes_no_task() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let (asked, questions) = mpsc::channel();
    let mut wait = spawn(here.wait_for(move |n| {
        let _ = asked.send(n);
        n == 100
    }));
    assert_pending!(wait.poll());
    there.set(1);
    while questions.recv_timeout(LIMIT).unwrap() != 1 {}
    assert!(!wait.is_woken());
    there.set(100);
    assert_eq!(assert_ready!(woken!(wait)), 100);
}

#[test]
fn p5_streams_give_what_is_there_and_then_the_latest() {
    let (cell_path, atom_path) = (TempPath::new("cell"), TempPath::new("atom"));
    let (cell, other_cell) = two_cells(&cell_path);
    let mut values = spawn(cell.values());
    assert_eq!(assert_ready!(values.poll_next()), Some(0));
    assert_pending!(values.poll_next());
    other_cell.set(1);
    assert_eq!(assert_ready!(woken!(values, poll_next)), Some(1));
    // Overwritten between two polls: passed over.
    other_cell.set(2);
    other_cell.set(3);
    assert_eq!(assert_ready!(values.poll_next()), Some(3));
    assert_pending!(values.poll_next());

    let (atom, other_atom) = two_atoms(&atom_path);
    let mut snapshots = spawn(atom.snapshots());
    let first = assert_ready!(snapshots.poll_next()).unwrap().unwrap();
    assert_eq!(Snapshot::version(&first), 0);
    assert_pending!(snapshots.poll_next());
    // An equal value is a commit all the same.
    other_atom.reset(vec![]).unwrap();
    let second = assert_ready!(woken!(snapshots, poll_next))
        .unwrap()
        .unwrap();
    assert_eq!(Snapshot::version(&second), 1);
}

#[test]
fn p5_a_stream_has_ended_after_an_error_and_not_before() {
    use std::os::unix::fs::FileExt;
    let (cell_path, atom_path) = (TempPath::new("cell"), TempPath::new("atom"));
    let (cell, _) = two_cells(&cell_path);
    let mut values = spawn(cell.values());
    assert!(!values.is_terminated());
    assert_eq!(assert_ready!(values.poll_next()), Some(0));
    assert_pending!(values.poll_next());
    assert!(!values.is_terminated());

    let (atom, _) = two_atoms(&atom_path);
    let mut snapshots = spawn(atom.snapshots());
    assert!(!snapshots.is_terminated());
    assert!(assert_ready!(snapshots.poll_next()).unwrap().is_ok());
    assert_pending!(snapshots.poll_next());
    assert!(!snapshots.is_terminated());
    // A version that there is no slot for.
    let file = std::fs::File::options().write(true).open(&atom_path);
    file.unwrap().write_all_at(&[0xff; 8], 64).unwrap();
    assert!(
        assert_ready!(woken!(snapshots, poll_next))
            .unwrap()
            .is_err()
    );
    assert!(snapshots.is_terminated());
    assert!(assert_ready!(snapshots.poll_next()).is_none());
}

#[test]
fn streams_live_by_themselves() {
    let path = TempPath::new("cell");
    let (cell, other) = two_cells(&path);
    let mut values = cell.values();
    drop(cell);
    assert_eq!(values.next().now_or_never(), Some(Some(0)));
    let (done, answer) = mpsc::channel();
    std::thread::spawn(move || done.send(block_on(values.next())));
    other.set(8);
    assert_eq!(answer.recv_timeout(LIMIT), Ok(Some(8)));
}

#[test]
fn blocking_waits_may_borrow_and_give_up() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let mut seen = Vec::new();
    std::thread::scope(|s| {
        s.spawn(|| there.wait_until_somebody_looks());
        let answer = here.blocking_wait_for(|n| {
            seen.push(n);
            n == 1
        });
        assert_eq!(answer, 1);
    });
    assert_eq!(seen.last(), Some(&1));
    let soon = Duration::from_millis(1);
    assert_eq!(here.blocking_wait_for_timeout(|n| n == 2, soon), None);
    assert_eq!(here.blocking_wait_for_timeout(|n| n == 1, soon), Some(1));

    let path = TempPath::new("atom");
    let (here, there) = two_atoms(&path);
    std::thread::scope(|s| {
        s.spawn(|| there.reset(vec![1]).unwrap());
        assert_eq!(*here.blocking_wait_for(|v| !v.is_empty()).unwrap(), [1]);
    });
    let never = here.blocking_wait_for_timeout(|v| v.len() == 9, soon);
    assert!(never.unwrap().is_none());
}

trait WaitUntilSomebodyLooks {
    fn wait_until_somebody_looks(&self);
}

impl WaitUntilSomebodyLooks for shm::Atomic<u64> {
    /// Sets 1 after a moment in which the other thread most likely has gone to sleep.
    fn wait_until_somebody_looks(&self) {
        std::thread::sleep(Duration::from_millis(5));
        self.set(1);
    }
}

// G7: the panic of a predicate is its task's.
#[test]
fn g07_a_panic_in_a_predicate_reaches_the_task() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let mut wait = spawn(here.wait_for(|n| if n == 1 { panic!("one") } else { false }));
    let mut other = spawn(here.wait_for(|n| n == 1));
    assert_pending!(wait.poll());
    assert_pending!(other.poll());
    there.set(1);
    assert_eq!(assert_ready!(woken!(other)), 1);
    let panicked = caught(|| woken!(wait).is_ready());
    assert_eq!(panicked, Err("one".into()));
    // The thread that called it goes on.
    let mut wait = spawn(here.wait_at_least(2));
    assert_pending!(wait.poll());
    there.set(2);
    assert_eq!(assert_ready!(woken!(wait)), 2);
}

// G6: a predicate may use what it waits for.
#[test]
fn g06_a_predicate_may_write_and_wait() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let inside = here.clone();
    let mut wait = spawn(here.wait_for(move |n| {
        if n == 1 {
            inside.set(2);
            assert_eq!(inside.wait_at_least(2).now_or_never(), Some(2));
        }
        n == 2
    }));
    assert_pending!(wait.poll());
    there.set(1);
    assert_eq!(assert_ready!(woken!(wait)), 2);
}

// G6: it holds up the look that it would wait for, and says so instead of hanging.
#[test]
fn g06_a_blocking_wait_in_a_predicate_panics() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let inside = here.clone();
    let mut wait =
        spawn(here.wait_for(move |n| n == 1 && inside.blocking_wait_for(|n| n == 2) == 2));
    assert_pending!(wait.poll());
    there.set(1);
    let text = caught(|| woken!(wait).is_ready()).unwrap_err();
    assert!(
        text.contains("blocking_wait_for would never return"),
        "{text}"
    );
}

// G8: dropped at any time, and nothing is left: 10 000 waits do not add up.
#[test]
fn g08_a_wait_that_is_dropped_leaves_nothing() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    let witness = Arc::new(());
    for _ in 0..10_000 {
        let held = witness.clone();
        let mut wait = spawn(here.wait_for(move |n| {
            let _ = &held;
            n == 1
        }));
        assert_pending!(wait.poll());
        drop(wait);
    }
    assert_eq!(Arc::strong_count(&witness), 1);
    there.set(1);
    assert_eq!(block_on(here.wait_equal(1)), 1);
}

// G11: a stream that is always ready lets other tasks run.
#[cfg(feature = "tokio")]
#[test]
fn g11_a_busy_stream_lets_others_run() {
    let path = TempPath::new("cell");
    let (here, there) = two_cells(&path);
    in_time(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let busy = tokio::spawn(async move {
                let mut values = here.values();
                loop {
                    there.increment_and_get();
                    values.next().await;
                }
            });
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            busy.abort();
        });
    });
}

#[test]
fn g12_any_executor_will_do() {
    everywhere(|| {
        Box::pin(async {
            let path = TempPath::new("both");
            let (here, there) = two_cells(&path);
            let writer = std::thread::spawn(move || there.set(3));
            assert_eq!(here.wait_at_least(3).await, 3);
            writer.join().unwrap();
        })
    });
}

#[test]
fn a_recheck_of_no_time_is_a_millisecond() {
    let path = TempPath::new("cell");
    let options = Options::new().recheck(Duration::ZERO);
    let cell = shm::Atomic::open_with(&path, 0, &options).unwrap();
    let never = cell.blocking_wait_for_timeout(|n| n == 1, Duration::from_millis(20));
    assert_eq!(never, None);
}

/// G5: a value of a cell is judged once by a wait that stays parked.
#[test]
fn g5_a_value_of_a_shared_cell_is_judged_once() {
    let path = TempPath::new("judged-once");
    let (cell, writer) = two_cells(&path);
    let (judged, judging) = mpsc::channel();
    let mut wait = spawn(cell.wait_for(move |n| {
        judged.send(n).expect("it is kept");
        n == 2
    }));
    assert_pending!(wait.poll());
    assert_eq!(judging.recv_timeout(LIMIT), Ok(0));
    // The thread looks twice meanwhile.
    assert!(judging.recv_timeout(Duration::from_millis(250)).is_err());
    writer.set(1);
    assert_eq!(judging.recv_timeout(LIMIT), Ok(1));
    writer.set(2);
    assert_eq!(judging.recv_timeout(LIMIT), Ok(2));
}
