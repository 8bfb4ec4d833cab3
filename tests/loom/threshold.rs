//! Waits of a cell for a level: their index and its gap against writers (G2, G4, G8).

use std::{pin::pin, sync::Arc, task::Poll};

use atomos::{Atomic, AtomicU64};
use futures::StreamExt;
use loom::{future::block_on, thread};

use super::support::{model, poll_once};

/// A cell that somebody has waited for, so that its index is there already.
fn known(value: u64) -> Arc<AtomicU64> {
    let cell = Arc::new(Atomic::new(value));
    assert!(poll_once(pin!(cell.wait_at_least(99))).is_pending());
    cell
}

/// G2: a wait begins while the value that satisfies it is written.
macro_rules! newcomer_against_writer {
    ($($name:ident: $wait:ident($bound:expr), $from:expr => $to:expr;)*) => {$(
        #[test]
        fn $name() {
            model(3, || {
                let cell = known($from);
                let writer = cell.clone();
                let writing = thread::spawn(move || writer.set($to));
                assert_eq!(block_on(cell.$wait($bound)), $to);
                writing.join().unwrap();
            });
        }
    )*};
}

newcomer_against_writer! {
    rising_to_at_least: wait_at_least(3), 0 => 5;
    falling_to_at_most: wait_at_most(3), 9 => 1;
    rising_to_equal: wait_equal(3), 0 => 3;
    falling_to_equal: wait_equal(3), 9 => 3;
    changed: changed_from(3), 3 => 4;
}

/// G2: a wait begins beside a writer, and only that one and another satisfy it together.
#[test]
fn two_writers_reach_a_bound_together() {
    model(3, || {
        let cell = known(0);
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.get_and_add(1));
        let mut wait = pin!(cell.wait_at_least(3));
        assert!(poll_once(wait.as_mut()).is_pending());
        cell.get_and_add(2);
        writing.join().unwrap();
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(3));
    });
}

/// G4: a value that is overwritten at once satisfies a parked wait, while another writer, who
/// satisfies nobody, changes the gap.
macro_rules! transient {
    ($($name:ident: $wait:ident($bound:expr), $from:expr => $to:expr, beside $other:expr;)*) => {$(
        #[test]
        fn $name() {
            model(2, || {
                let cell = known($from);
                let mut wait = pin!(cell.$wait($bound));
                assert!(poll_once(wait.as_mut()).is_pending());
                let (writer, other) = (cell.clone(), cell.clone());
                let writing = thread::spawn(move || {
                    writer.set($to);
                    writer.set($from);
                });
                let disturbing = thread::spawn(move || other.set($other));
                writing.join().unwrap();
                disturbing.join().unwrap();
                assert_eq!(poll_once(wait.as_mut()), Poll::Ready($to));
            });
        }
    )*};
}

transient! {
    a_peak_is_not_missed: wait_at_least(5), 0 => 7, beside 2;
    a_trough_is_not_missed: wait_at_most(5), 9 => 3, beside 8;
    a_moment_of_equality_is_not_missed: wait_equal(5), 0 => 5, beside 8;
    a_moment_of_difference_is_not_missed: changed_from(5), 5 => 7, beside 5;
}

/// G2: two waits with different bounds begin at once, each beside a write of the other's task.
#[test]
fn two_waits_with_different_bounds() {
    model(2, || {
        let cell = known(0);
        let other = cell.clone();
        let writing = thread::spawn(move || {
            let waiting = other.clone();
            let mut wait = Box::pin(async move { waiting.wait_at_least(2).await });
            assert!(poll_once(wait.as_mut()).is_pending());
            other.increment_and_get();
            wait
        });
        let mut lower = pin!(cell.wait_at_least(1));
        let at_once = poll_once(lower.as_mut()).is_ready();
        cell.increment_and_get();
        let mut higher = writing.join().unwrap();
        assert!(at_once || poll_once(lower.as_mut()).is_ready());
        assert_eq!(poll_once(higher.as_mut()), Poll::Ready(2));
    });
}

/// G8: a wait is dropped while a write satisfies it and another one, which is served.
#[test]
fn leaving_while_being_answered() {
    model(3, || {
        let cell = known(0);
        let mut goes = Box::pin(cell.wait_at_least(1));
        let mut stays = pin!(cell.wait_at_least(2));
        assert!(poll_once(goes.as_mut()).is_pending());
        assert!(poll_once(stays.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.set(2));
        drop(goes);
        assert_eq!(block_on(stays), 2);
        writing.join().unwrap();
    });
}

/// The two ends of the gap are read as they belong together: a writer steps over the level of a
/// parked wait, upwards or downwards, so that the gap changes sides, and another one hits it.
macro_rules! gap_changes_sides {
    ($($name:ident: $from:expr => $over:expr;)*) => {$(
        #[test]
        fn $name() {
            model(3, || {
                let cell = known($from);
                let mut below = pin!(cell.wait_at_most(0));
                let mut hit = pin!(cell.wait_equal(4));
                assert!(poll_once(below.as_mut()).is_pending());
                assert!(poll_once(hit.as_mut()).is_pending());
                let writer = cell.clone();
                let stepping = thread::spawn(move || writer.set($over));
                cell.set(4);
                // Who steps away from it may be the one that answers.
                stepping.join().unwrap();
                assert_eq!(poll_once(hit.as_mut()), Poll::Ready(4));
            });
        }
    )*};
}

gap_changes_sides! {
    the_gap_moves_up: 2 => 6;
    the_gap_moves_down: 6 => 2;
}

/// The gap is changed by one that leaves while another one comes, who is not hidden by that from
/// the writer who looks next.
#[test]
fn leaving_does_not_hide_a_newcomer() {
    model(3, || {
        let cell = Arc::new(Atomic::new(2_u64));
        let owner = cell.clone();
        let mut goes = Box::pin(async move { owner.wait_at_least(8).await });
        assert!(poll_once(goes.as_mut()).is_pending());
        let leaving = thread::spawn(move || drop(goes));
        let mut comes = pin!(cell.wait_at_most(1));
        assert!(poll_once(comes.as_mut()).is_pending());
        cell.set(0);
        assert_eq!(poll_once(comes.as_mut()), Poll::Ready(0));
        leaving.join().unwrap();
    });
}

/// As above; the other one comes, too.
#[test]
fn two_newcomers_do_not_hide_each_other() {
    model(2, || {
        let cell = Arc::new(Atomic::new(2_u64));
        let other = cell.clone();
        let coming = thread::spawn(move || {
            let mut wait = Box::pin(async move { other.wait_at_least(8).await });
            assert!(poll_once(wait.as_mut()).is_pending());
            wait
        });
        let mut comes = pin!(cell.wait_at_most(1));
        assert!(poll_once(comes.as_mut()).is_pending());
        cell.set(0);
        assert_eq!(poll_once(comes.as_mut()), Poll::Ready(0));
        drop(coming.join().unwrap());
    });
}

/// One task leaves and writes; the gap is changed by it and by a newcomer, whom the write
/// satisfies.
#[test]
fn leaving_and_writing_beside_a_newcomer() {
    model(2, || {
        let cell = Arc::new(Atomic::new(2_u64));
        let (owner, writer) = (cell.clone(), cell.clone());
        let mut goes = Box::pin(async move { owner.wait_at_least(8).await });
        assert!(poll_once(goes.as_mut()).is_pending());
        let leaving = thread::spawn(move || {
            drop(goes);
            writer.set(0);
        });
        let mut comes = pin!(cell.wait_at_most(1));
        let at_once = poll_once(comes.as_mut()).is_ready();
        leaving.join().unwrap();
        assert!(at_once || poll_once(comes.as_mut()) == Poll::Ready(0));
    });
}

/// The gap is changed under the lock: that of a writer who answers somebody does not hide a
/// newcomer, whom the next write satisfies.
#[test]
fn answering_does_not_hide_a_newcomer() {
    model(3, || {
        let cell = known(0);
        let mut first = pin!(cell.wait_at_least(1));
        assert!(poll_once(first.as_mut()).is_pending());
        let writer = cell.clone();
        let writing = thread::spawn(move || writer.get_and_add(1));
        let mut newcomer = pin!(cell.wait_at_least(2));
        assert!(poll_once(newcomer.as_mut()).is_pending());
        cell.get_and_add(1);
        writing.join().unwrap();
        assert!(poll_once(first.as_mut()).is_ready());
        assert_eq!(poll_once(newcomer.as_mut()), Poll::Ready(2));
    });
}

/// G2: the stream of values comes to the last one, also by way of one that it has taken.
macro_rules! values {
    ($($name:ident: $($value:expr),*;)*) => {$(
        #[test]
        fn $name() {
            model(2, || {
                let cell = known(0);
                let mut values = cell.values();
                let mut last = None;
                while let Poll::Ready(next) = poll_once(pin!(values.next())) {
                    last = next;
                }
                assert_eq!(last, Some(0));
                let writer = cell.clone();
                let writing = thread::spawn(move || {
                    $(writer.set($value);)*
                });
                if let Poll::Ready(next) = poll_once(pin!(values.next())) {
                    last = next;
                }
                writing.join().unwrap();
                // It is pending in between where it has woken itself.
                for _ in 0..3 {
                    if let Poll::Ready(next) = poll_once(pin!(values.next())) {
                        assert_ne!(next, last, "a value was repeated");
                        last = next;
                    }
                }
                assert_eq!(last, Some(cell.get()));
            });
        }
    )*};
}

values! {
    values_come_to_the_last_one: 1, 2;
    values_come_back: 1, 0;
}
