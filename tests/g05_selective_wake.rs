//! G5: a commit wakes whom it concerns and nobody else, and `swap_when` is
//! served in the order of the first polls. The line as a whole is held against
//! a model in `g05_line_model.rs`.
#![cfg(not(loom))]

mod support;

use std::pin::Pin;

use atomos::{Atom, Snapshot};
use support::{Probe, caught, poll};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

type Turn<'a> = task::Spawn<Pin<Box<dyn Future<Output = Snapshot<u64>> + Send + 'a>>>;

/// Waits for `n` and sets it to `then`.
fn when(atom: &Atom<u64>, n: u64, then: u64) -> Turn<'_> {
    task::spawn(Box::pin(atom.swap_when(move |m| *m == n, move |_| then)))
}

/// Takes one of what there is.
fn taker(atom: &Atom<u64>) -> Turn<'_> {
    task::spawn(Box::pin(atom.swap_when(|n| *n > 0, |n| n - 1)))
}

fn woken(turns: &[Turn<'_>]) -> Vec<usize> {
    let woken = turns.iter().enumerate().filter(|(_, turn)| turn.is_woken());
    woken.map(|(n, _)| n).collect()
}

/// That many takers, parked in this order.
fn parked(atom: &Atom<u64>, count: usize) -> Vec<Turn<'_>> {
    let mut turns: Vec<_> = (0..count).map(|_| taker(atom)).collect();
    for turn in &mut turns {
        assert_pending!(turn.poll());
    }
    turns
}

#[test]
fn g5_a_wait_is_not_woken_by_commits_that_do_not_satisfy_it() {
    let atom = Atom::new(0_u64);
    let view = atom.view();
    let mut waits: [Pin<Box<dyn Future<Output = u64> + Send>>; 5] = [
        Box::pin(async { *atom.wait_for(|n| *n == 99).await }),
        Box::pin(atom.wait_map(|n| (*n == 99).then_some(99))),
        Box::pin(async { *atom.swap_when(|n| *n == 99, |n| *n).await }),
        Box::pin(async { *view.wait_for(|n| *n == 99).await.expect("open") }),
        Box::pin(async {
            view.wait_map(|n| (*n == 99).then_some(99))
                .await
                .expect("open")
        }),
    ];
    let probes: Vec<_> = waits.iter().map(|_| Probe::new()).collect();
    for (wait, probe) in waits.iter_mut().zip(&probes) {
        assert_pending!(poll(wait, &probe.waker()));
    }
    (1..99).for_each(|n| drop(atom.reset(n)));
    assert!(probes.iter().all(|probe| probe.wakes() == 0));
    atom.reset(99);
    assert!(probes.iter().all(|probe| probe.wakes() == 1));
    for (wait, probe) in waits.iter_mut().zip(&probes) {
        assert_ready_eq!(poll(wait, &probe.waker()), 99);
    }
    atom.reset(99);
    assert!(probes.iter().all(|probe| probe.wakes() == 1));
}

#[test]
fn g5_of_many_waits_only_those_concerned_are_woken() {
    let atom = Atom::new(0_u64);
    let mut waits: Vec<_> = (1..=500)
        .map(|n| task::spawn(Box::pin(atom.wait_for(move |m| *m >= n))))
        .collect();
    for wait in &mut waits {
        assert_pending!(wait.poll());
    }
    atom.reset(200);
    let woken: Vec<bool> = waits.iter().map(|wait| wait.is_woken()).collect();
    assert!(woken[..200].iter().all(|woken| *woken));
    assert!(!woken[200..].iter().any(|woken| *woken));
}

#[test]
fn g5_swap_when_serves_by_first_poll_not_by_creation() {
    let atom = Atom::new(0);
    let (mut made_first, mut polled_first) = (taker(&atom), taker(&atom));
    assert_pending!(polled_first.poll());
    assert_pending!(made_first.poll());
    atom.reset(1);
    assert!(polled_first.is_woken() && !made_first.is_woken());
    assert_eq!(*assert_ready!(polled_first.poll()), 0);
    assert!(!made_first.is_woken(), "nothing is left for it");
}

#[test]
fn g5_one_commit_gives_one_turn_and_a_used_turn_goes_on() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 4);
    atom.reset(3);
    for n in 0..3 {
        assert_eq!(woken(&line), [n], "one at a time");
        assert_eq!(*assert_ready!(line[n].poll()), 2 - n as u64);
    }
    assert_eq!(woken(&line), [], "nothing is left for the fourth");
    assert_eq!((*atom.load(), atom.version()), (0, 4));
}

#[test]
fn g5_each_commit_from_outside_gives_at_most_one_more_turn() {
    let atom = Atom::new(0);
    let line = parked(&atom, 4);
    for count in 1..=3 {
        atom.reset(9);
        let out = woken(&line).len();
        assert!(
            (1..=count).contains(&out),
            "{out} turns after {count} commits"
        );
    }
}

#[test]
fn g5_swap_when_commits_in_the_poll_that_is_ready_and_not_before() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 1);
    atom.reset(5);
    assert!(line[0].is_woken());
    assert_eq!((*atom.load(), atom.version()), (5, 1));
    let new = assert_ready!(line[0].poll());
    assert_eq!((*new, Snapshot::version(&new), atom.version()), (4, 2, 2));
}

#[test]
fn g5_a_turn_skips_those_whose_condition_does_not_hold() {
    let atom = Atom::new(0);
    let mut line = [when(&atom, 10, 0), when(&atom, 1, 0), when(&atom, 1, 0)];
    for turn in &mut line {
        assert_pending!(turn.poll());
    }
    atom.reset(1);
    assert_eq!(woken(&line), [1]);
    assert_eq!(*assert_ready!(line[1].poll()), 0);
    assert_eq!(woken(&line), []);
    atom.reset(10);
    assert_eq!(woken(&line), [0], "the first has kept its place");
}

#[test]
fn g5_a_loser_keeps_its_place() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 2);
    atom.reset(1);
    atom.reset(0);
    assert_eq!(woken(&line), [0]);
    assert_pending!(line[0].poll());
    assert_eq!(woken(&line), []);
    atom.reset(1);
    assert_eq!(woken(&line), [0], "still the first");
    assert_eq!(*assert_ready!(line[0].poll()), 0);
}

#[test]
fn g5_a_turn_that_no_longer_holds_goes_to_the_next() {
    let atom = Atom::new(0);
    let mut line = [when(&atom, 1, 0), when(&atom, 2, 2), when(&atom, 2, 3)];
    for turn in &mut line {
        assert_pending!(turn.poll());
    }
    atom.reset(1);
    atom.reset(2);
    // The second commit may have given one more turn, to the second in line.
    let out = woken(&line);
    assert!(out == [0] || out == [0, 1]);
    assert_pending!(line[0].poll());
    assert_eq!(
        woken(&line),
        [1, 2][..out.len()],
        "the first one's has gone on"
    );
    assert_eq!(*assert_ready!(line[1].poll()), 2);
    assert!(line[2].is_woken());
    assert_eq!(*assert_ready!(line[2].poll()), 3);
}

#[test]
fn g5_a_cancelled_turn_goes_to_the_next() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 3);
    atom.reset(1);
    drop(line.remove(0));
    assert_eq!(woken(&line), [0]);
    drop(line.remove(0));
    assert_eq!(woken(&line), [0]);
    assert_eq!(*assert_ready!(line[0].poll()), 0);
}

#[test]
fn g5_a_wait_cancelled_without_a_turn_wakes_nobody() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 3);
    drop(line.remove(1));
    assert_eq!(woken(&line), []);
    atom.reset(1);
    drop(line.remove(1));
    assert_eq!(woken(&line), [0]);
}

#[test]
fn g5_a_newcomer_queues_behind_a_turn_that_is_out() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 1);
    atom.reset(1);
    let mut newcomer = taker(&atom);
    assert_pending!(newcomer.poll());
    assert_eq!(*assert_ready!(line[0].poll()), 0);
    assert!(!newcomer.is_woken());
    atom.reset(1);
    assert!(newcomer.is_woken());
    assert_eq!(*assert_ready!(newcomer.poll()), 0);
}

#[test]
fn g5_a_newcomer_behind_a_turn_gets_what_is_left() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 1);
    atom.reset(2);
    let mut newcomer = taker(&atom);
    assert_pending!(newcomer.poll());
    assert_eq!(*assert_ready!(line[0].poll()), 1);
    assert!(newcomer.is_woken());
    assert_eq!(*assert_ready!(newcomer.poll()), 0);
}

#[test]
fn g5_a_newcomer_passes_those_that_are_not_satisfied() {
    let atom = Atom::new(0);
    let mut other = when(&atom, 99, 0);
    assert_pending!(other.poll());
    atom.reset(1);
    assert_eq!(*assert_ready!(taker(&atom).poll()), 0);
}

/// Between a commit and its delivery no turn is out yet; the wait that it
/// satisfies is in front all the same.
#[test]
fn g5_a_newcomer_in_a_watch_queues_behind_a_wait_that_is_satisfied() {
    let atom = Atom::new(0);
    let newcomer = std::sync::Arc::new(std::sync::Mutex::new(None));
    let (weak, slot) = (atom.downgrade(), newcomer.clone());
    atom.add_watch("newcomer", move |event| {
        if **event.new == 1 {
            let atom = weak.upgrade().expect("open");
            let wait = async move { atom.swap_when(|n| *n > 0, |n| n - 1).await };
            let mut turn = task::spawn(Box::pin(wait));
            assert_pending!(turn.poll());
            *slot.lock().expect("not poisoned") = Some(turn);
        }
    });
    let mut line = parked(&atom, 1);
    atom.reset(1);
    assert!(line[0].is_woken());
    assert_eq!(*assert_ready!(line[0].poll()), 0);
    let turn = newcomer.lock().expect("not poisoned").take();
    assert_pending!(turn.expect("made in the watch").poll());
}

#[test]
fn g5_a_predicate_that_panics_does_not_stop_the_line() {
    let atom = Atom::new(0);
    let broken = atom.swap_when(|n| if *n == 0 { false } else { panic!("broken") }, |n| *n);
    let mut broken = task::spawn(broken);
    assert_pending!(broken.poll());
    let mut line = parked(&atom, 1);
    atom.reset(1);
    assert!(broken.is_woken(), "the panic is its own");
    assert!(line[0].is_woken(), "the line goes on");
    assert_eq!(*assert_ready!(line[0].poll()), 0);
    assert_eq!(caught(|| broken.poll().is_ready()), Err("broken".into()));
    drop(broken);
    assert_eq!(*atom.load(), 0);
}

#[test]
fn g5_an_update_that_panics_hands_the_turn_on() {
    let atom = Atom::new(0);
    let mut broken = task::spawn(atom.swap_when(|n| *n > 0, |_| panic!("broken")));
    assert_pending!(broken.poll());
    let mut line = parked(&atom, 1);
    atom.reset(1);
    assert!(broken.is_woken() && !line[0].is_woken());
    assert_eq!(caught(|| broken.poll().is_ready()), Err("broken".into()));
    drop(broken);
    assert_eq!((*atom.load(), atom.version()), (1, 1), "nothing changed");
    assert!(line[0].is_woken());
    assert_eq!(*assert_ready!(line[0].poll()), 0);
}

#[test]
fn g5_commits_of_the_line_reach_every_other_observer() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 1);
    let mut zero_again = task::spawn(atom.wait_map(|n| (*n == 7).then_some(*n)));
    let mut seven = when(&atom, 1, 7);
    assert_pending!(zero_again.poll());
    assert_pending!(seven.poll());
    atom.reset(2);
    assert_eq!(*assert_ready!(line[0].poll()), 1);
    assert!(seven.is_woken(), "a commit of the line satisfies it");
    assert_eq!(*assert_ready!(seven.poll()), 7);
    assert!(zero_again.is_woken());
    assert_ready_eq!(zero_again.poll(), 7);
}

/// A plain write between the wake and the poll wins; nobody in the line is forgotten.
#[test]
fn g5_a_plain_write_in_between_leaves_the_line_in_order() {
    let atom = Atom::new(0);
    let mut line = parked(&atom, 3);
    atom.reset(1);
    assert!(atom.compare_and_set(&1, 0));
    assert_pending!(line[0].poll());
    atom.reset(2);
    assert_eq!(woken(&line), [0]);
    assert_eq!(*assert_ready!(line[0].poll()), 1);
    assert_eq!(woken(&line), [1]);
    assert_eq!(*assert_ready!(line[1].poll()), 0);
    assert_eq!(woken(&line), []);
}
