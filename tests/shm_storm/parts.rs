//! What the processes do until the end, or their death.

use std::time::Duration;

use atomos::Snapshot;

use super::{
    body::Dice,
    stage::{Stage, checked},
};

/// A process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Writer(usize),
    Reader,
    /// Waits for commits to the atom.
    Waiter,
    /// Waits for the cell.
    CellWaiter,
}

pub(crate) const PARTS: [Part; 7] = [
    Part::Writer(0),
    Part::Writer(1),
    Part::Writer(2),
    Part::Reader,
    Part::Reader,
    Part::Waiter,
    Part::CellWaiter,
];

/// What a process exits with that has seen nothing wrong.
pub(crate) const DONE: i32 = 77;

pub(crate) fn play(me: usize, stage: &Stage, dice: Dice) {
    match PARTS[me] {
        Part::Writer(writer) => write(me, writer, stage, dice),
        Part::Reader => read(me, stage),
        Part::Waiter => wait(me, stage),
        Part::CellWaiter => wait_for_the_cell(me, stage),
    }
}

/// Nobody else makes this writer's commits, so it knows how many there are after each of them.
fn write(me: usize, writer: usize, stage: &Stage, mut dice: Dice) {
    let mut seen = 0;
    let mut commits = stage.load(&mut seen).commits[writer];
    while !stage.is_at_the_end() {
        let made = if dice.below(4) > 0 {
            let swapped = stage.atom.swap(|old| {
                old.check(old.version);
                assert_eq!(old.commits[writer], commits, "a commit too many or too few");
                old.next(writer, &mut dice)
            });
            swapped.unwrap()
        } else {
            let old = stage.load(&mut seen);
            assert_eq!(old.commits[writer], commits, "a commit too many or too few");
            let new = old.next(writer, &mut dice);
            match stage.atom.compare_exchange(&old, new).unwrap() {
                Ok(made) => {
                    let gap = Snapshot::version(&made) - Snapshot::version(&old);
                    assert_eq!(gap, 1, "another commit came in between");
                    made
                }
                Err(conflict) => {
                    let other = Snapshot::version(&conflict.current);
                    assert!(other > Snapshot::version(&old), "a conflict with nobody");
                    continue;
                }
            }
        };
        assert!(Snapshot::version(&made) > seen);
        checked(&made, &mut seen);
        commits += 1;
        stage.cell.increment_and_get();
        stage.post_progress(me, commits);
    }
    // What was committed before a death was not reported.
    stage.post_progress(me, commits);
}

fn read(me: usize, stage: &Stage) {
    let (mut seen, mut steps, mut counted) = (0, 0, 0);
    while !stage.is_at_the_end() {
        let count = stage.cell.get();
        assert!(count >= counted, "the cell goes back");
        assert!(count <= stage.atom.version(), "the cell is ahead");
        counted = count;
        stage.load(&mut seen);
        steps += 1;
        stage.post_progress(me, steps);
    }
}

/// So long a wait may take that nobody satisfies.
const WHILE: Duration = Duration::from_millis(500);

fn wait(me: usize, stage: &Stage) {
    let (mut seen, mut steps) = (0, 0);
    while !stage.is_at_the_end() {
        let wanted = seen + 1 + steps % 9;
        let found = stage
            .atom
            .blocking_wait_for_timeout(|body| body.version >= wanted, WHILE);
        if let Some(snapshot) = found.unwrap() {
            checked(&snapshot, &mut seen);
            assert!(seen >= wanted);
            steps += 1;
            stage.post_progress(me, steps);
        }
    }
}

fn wait_for_the_cell(me: usize, stage: &Stage) {
    let (mut seen, mut steps) = (stage.cell.get(), 0);
    while !stage.is_at_the_end() {
        let wanted = seen + 1 + steps % 9;
        let found = stage.cell.blocking_wait_for_timeout(|n| n >= wanted, WHILE);
        if let Some(n) = found {
            assert!(n >= wanted);
            seen = n;
            steps += 1;
            stage.post_progress(me, steps);
        }
    }
}
