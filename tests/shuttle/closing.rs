//! G8, G9: the last handle goes while others wait, poll and leave.

use std::pin::pin;

use atomos::{Atom, Closed, Snapshot};
use futures::StreamExt;
use shuttle::future::block_on;
use shuttle::thread::spawn;

use super::support::{below, join, poll_once, schedules, threads};

#[test]
fn g9_everybody_is_told_of_all_commits_and_then_of_the_end() {
    schedules(|| {
        let atom = Atom::new(0_u64);
        let view = atom.view();
        let watching = threads(3, move |_| match below(5) {
            0 => {
                let versions = view.changes().map(|change| Snapshot::version(&change.new));
                let versions: Vec<u64> = block_on(versions.collect());
                let ends_at_last = versions.last().is_none_or(|last| *last == 2);
                assert!(ends_at_last && versions.windows(2).all(|two| two[0] + 1 == two[1]));
            }
            1 => {
                let all: Vec<_> = block_on(view.snapshots().collect());
                assert_eq!(all.last().map(|last| **last), Some(2));
            }
            2 => assert_eq!(*block_on(view.wait_for(|n| *n == 2)).unwrap(), 2),
            3 => assert_eq!(block_on(view.wait_for(|n| *n == 3)), Err(Closed)),
            _ => {
                let mut wait = pin!(view.wait_for(|n| *n == 3));
                assert_ne!(
                    poll_once(wait.as_mut()).map(|done| done.is_ok()),
                    true.into()
                );
            }
        });
        let other = atom.clone();
        let writing = spawn(move || drop(other.swap(|n| n + 1)));
        atom.swap(|n| n + 1);
        drop(atom);
        writing.join().unwrap();
        join(watching);
    });
}
