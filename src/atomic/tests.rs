//! G5: what a write costs that concerns nobody: no lock and no wake, however many wait.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::Atomic;
use crate::sync::locks_taken;

const CROWD: i64 = 10_000;
const WRITES: i64 = 100_000;

/// Counts how often anybody is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

type Wait<'a> = Pin<Box<dyn Future<Output = i64> + Send + 'a>>;

fn poll(wait: &mut Wait<'_>, waker: &Waker) -> Poll<i64> {
    wait.as_mut().poll(&mut Context::from_waker(waker))
}

/// Waits for levels out of reach of [`WRITES`] increments, of all three kinds.
fn crowd<'a>(cell: &'a Atomic<i64>, waker: &Waker) -> Vec<Wait<'a>> {
    let wait = |n: i64| -> Wait<'a> {
        match n % 4 {
            0 => Box::pin(cell.wait_at_least(WRITES + 1 + n)),
            1 => Box::pin(cell.wait_at_most(-1 - n)),
            2 => Box::pin(cell.wait_equal(WRITES + 1 + n)),
            _ => Box::pin(cell.wait_equal(-1 - n)),
        }
    };
    let mut crowd: Vec<_> = (0..CROWD).map(wait).collect();
    for wait in &mut crowd {
        assert!(poll(wait, waker).is_pending());
    }
    crowd
}

fn increments(cell: &Atomic<i64>) {
    for _ in 0..WRITES {
        cell.increment_and_get();
    }
}

#[test]
fn g5_a_write_that_concerns_nobody_takes_no_lock_and_wakes_nobody() {
    let (cell, wakes) = (Atomic::new(0), Arc::<Wakes>::default());
    assert_eq!(locks_taken(|| increments(&cell)), 0, "nobody waits");
    cell.set(0);
    let mut crowd = crowd(&cell, &Waker::from(wakes.clone()));
    assert_eq!(locks_taken(|| increments(&cell)), 0, "{CROWD} wait");
    assert_eq!(wakes.0.load(SeqCst), 0);
    // Nor is it because nobody would be told.
    let first = locks_taken(|| {
        cell.increment_and_get();
    });
    assert_eq!((first > 0, wakes.0.load(SeqCst)), (true, 1));
    let noop = Waker::noop();
    assert_eq!(poll(&mut crowd[0], noop), Poll::Ready(WRITES + 1));
}

/// Nor does one that steps over what others wait for to be equal to, this way and that.
#[test]
fn g5_a_write_that_steps_over_a_level_takes_no_lock() {
    let (cell, wakes) = (Atomic::new(0), Arc::<Wakes>::default());
    let waker = Waker::from(wakes.clone());
    let mut waits: [Wait<'_>; 4] = [
        Box::pin(cell.wait_equal(10)),
        Box::pin(cell.wait_equal(-10)),
        Box::pin(cell.wait_at_least(100)),
        Box::pin(cell.wait_at_most(-100)),
    ];
    for wait in &mut waits {
        assert!(poll(wait, &waker).is_pending());
    }
    // The last one before them had left no gap.
    cell.set(0);
    for to in [20, 0, -20, 20, 99, -99, 9, -9, 11, -11] {
        assert_eq!(locks_taken(|| cell.set(to)), 0, "to {to}");
    }
    assert_eq!(wakes.0.load(SeqCst), 0);
    cell.set(10);
    cell.set(0);
    assert_eq!(poll(&mut waits[0], &waker), Poll::Ready(10));
    assert!(locks_taken(|| cell.set(100)) > 0);
    assert_eq!(poll(&mut waits[2], &waker), Poll::Ready(100));
    assert_eq!(wakes.0.load(SeqCst), 2);
}

/// However many they are: of a hundred writes that step over some of ten thousand levels a few take a
/// lock, because a value looks like one that is waited for.
#[test]
fn g5_hardly_a_write_among_many_levels_takes_a_lock() {
    let (cell, wakes) = (Atomic::new(0), Arc::<Wakes>::default());
    let waker = Waker::from(wakes.clone());
    let mut waits: Vec<Wait<'_>> = (0..CROWD)
        .map(|n| Box::pin(cell.wait_equal(2 * n + 1)) as _)
        .collect();
    for wait in &mut waits {
        assert!(poll(wait, &waker).is_pending());
    }
    let step_over = || {
        for n in 0..WRITES {
            cell.set(n * 7_919 % CROWD * 2);
        }
    };
    let locks = locks_taken(step_over);
    assert!(locks < WRITES as usize / 20, "{locks} locks");
    assert_eq!(wakes.0.load(SeqCst), 0);
    // Those that have gone are forgotten, when some writers have come for nothing. There is one left
    // for them to step over.
    let last = waits.pop();
    let _between = waits.swap_remove(CROWD as usize / 2);
    drop(waits);
    let locks = locks_taken(|| {
        for n in 0..WRITES {
            let level = n * 7_919 % CROWD * 2 + 1;
            if level != CROWD + 1 && level != 2 * CROWD - 1 {
                cell.set(level);
            }
        }
    });
    assert!(locks < CROWD as usize / 10, "{locks} locks");
    cell.set(2 * CROWD - 1);
    assert_eq!(wakes.0.load(SeqCst), 1);
    assert!(last.is_some_and(|mut wait| poll(&mut wait, &waker).is_ready()));
}

/// Waits that were cancelled narrow nobody's gap, once the next write that finds it has passed.
#[test]
fn g5_cancelled_waits_leave_the_gap_wide_again() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let _crowd = crowd(&cell, waker);
    let narrow: [Wait<'_>; 4] = [
        Box::pin(cell.wait_at_least(10)),
        Box::pin(cell.wait_equal(20)),
        Box::pin(cell.wait_at_most(-1)),
        Box::pin(cell.changed_from(0)),
    ];
    for mut wait in narrow {
        assert!(poll(&mut wait, waker).is_pending());
        drop(wait);
    }
    assert_eq!(locks_taken(|| cell.set(0)), 1);
    assert_eq!(locks_taken(|| increments(&cell)), 0);
}

/// The same for waits that were answered, of whatever kind, once the next write has passed.
#[test]
fn g5_answered_waits_leave_the_gap_wide_again() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let mut waits: [Wait<'_>; 4] = [
        Box::pin(cell.wait_at_least(1)),
        Box::pin(cell.wait_equal(1)),
        Box::pin(cell.wait_for(|n| n == 1)),
        Box::pin(cell.changed_from(0)),
    ];
    for wait in &mut waits {
        assert!(poll(wait, waker).is_pending());
    }
    cell.set(1);
    for wait in &mut waits {
        assert_eq!(poll(wait, waker), Poll::Ready(1));
    }
    drop(waits);
    cell.set(0);
    assert_eq!(locks_taken(|| increments(&cell)), 0);
}

/// When all have gone, in whatever way, the next write finds that out, and the ones after it see
/// at a glance that nobody waits.
#[test]
fn g5_nobody_is_present_after_the_next_write() {
    let cell = Atomic::new(0);
    let is_present = || cell.observers.marked().is_some();
    let kinds: [fn(&Atomic<i64>) -> Wait<'_>; 4] = [
        |cell| Box::pin(cell.wait_at_least(1)),
        |cell| Box::pin(cell.changed_from(0)),
        |cell| Box::pin(cell.wait_for(|n| n > 0)),
        |cell| Box::pin(cell.update_when(|n| n > 0, |n| n)),
    ];
    for kind in kinds {
        for is_answered in [false, true] {
            cell.set(0);
            let mut wait = kind(&cell);
            assert!(poll(&mut wait, Waker::noop()).is_pending());
            assert!(is_present());
            if is_answered {
                cell.set(1);
                assert!(poll(&mut wait, Waker::noop()).is_ready());
            }
            drop(wait);
            cell.set(0);
            assert!(!is_present());
        }
    }
}

/// Closures beside the levels: once they are gone, so is what they cost.
#[test]
fn g5_closures_that_left_cost_nothing_after_the_next_write() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let _crowd = crowd(&cell, waker);
    let mut waits: Vec<Wait<'_>> = (0..100)
        .map(|n| -> Wait<'_> {
            match n % 2 {
                0 => Box::pin(cell.wait_for(|n| n < 0)),
                _ => Box::pin(cell.update_when(|n| n < 0, |n| n)),
            }
        })
        .collect();
    for wait in &mut waits {
        assert!(poll(wait, waker).is_pending());
    }
    assert!(locks_taken(|| cell.set(0)) > 0, "they have to be asked");
    drop(waits);
    cell.set(0);
    assert_eq!(locks_taken(|| increments(&cell)), 0);
}

/// Writes 1 as a writer does that is suspended twice: before its write, while `before` runs, and
/// before it tells, while `after` does and many others write.
fn write_one_slowly(cell: &Atomic<i64>, before: impl FnOnce(), after: impl FnOnce()) {
    let begun = cell.begun();
    before();
    let old = cell.raw().swap(1, SeqCst);
    after();
    for n in 100..150 {
        cell.set(n);
    }
    cell.wrote(begun, old, 1);
}

/// It is not the one that was told before because it is equal.
#[test]
fn g4_a_value_that_comes_back_is_offered_once_more() {
    let (cell, waker, log) = (Atomic::new(0), Waker::noop(), Arc::new(Mutex::new(vec![])));
    let begun = cell.begun();
    let judged = log.clone();
    let mut wait: Wait<'_> = Box::pin(cell.wait_for(move |n| {
        judged.lock().unwrap().push(n);
        false
    }));
    assert!(poll(&mut wait, waker).is_pending());
    cell.set(1);
    cell.set(0);
    // Its writer, who knew of nobody, is slow.
    let old = cell.raw().swap(1, SeqCst);
    cell.set(7);
    cell.wrote(begun, old, 1);
    assert_eq!(*log.lock().unwrap(), [0, 1, 0, 1, 7]);
}

/// The wait began when the writer was on its way already, and the many that overtook it had not.
#[test]
fn g4_a_write_that_many_overtake_is_offered_to_who_was_parked_before() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let mut waits: [Wait<'_>; 3] = [
        Box::pin(cell.wait_for(|n| n == 1)),
        Box::pin(cell.wait_map(|n| (n == 1).then_some(n))),
        Box::pin(cell.wait_equal(1)),
    ];
    let park = || {
        for wait in &mut waits {
            assert!(poll(wait, waker).is_pending());
        }
    };
    write_one_slowly(&cell, park, || ());
    for wait in &mut waits {
        assert_eq!(poll(wait, waker), Poll::Ready(1));
    }
}

/// As above; that a newcomer has seen the value does not mean that the others have.
#[test]
fn g4_what_a_newcomer_saw_is_offered_to_the_others_all_the_same() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let mut wait: Wait<'_> = Box::pin(cell.wait_for(|n| n == 1));
    let mut newcomer: Wait<'_> = Box::pin(cell.wait_for(|n| n == 99));
    write_one_slowly(
        &cell,
        || assert!(poll(&mut wait, waker).is_pending()),
        || assert!(poll(&mut newcomer, waker).is_pending()),
    );
    assert_eq!(poll(&mut wait, waker), Poll::Ready(1));
    assert!(poll(&mut newcomer, waker).is_pending());
}

/// A wait that begins when the value is past is not answered by it.
#[test]
fn g4_a_write_that_was_overtaken_answers_nobody_who_came_later() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let _known = poll(
        &mut (Box::pin(cell.wait_for(|n| n == 99)) as Wait<'_>),
        waker,
    );
    let mut wait: Wait<'_> = Box::pin(cell.wait_for(|n| n == 1));
    let begun = cell.begun();
    let old = cell.raw().swap(1, SeqCst);
    cell.set(2);
    assert!(poll(&mut wait, waker).is_pending());
    cell.wrote(begun, old, 1);
    assert!(poll(&mut wait, waker).is_pending());
}

/// Where writers do not race each other, every value is judged once by everybody.
#[test]
fn g5_nobody_is_told_a_value_twice() {
    let (cell, waker) = (Atomic::new(0), Waker::noop());
    let calls: [_; 3] = std::array::from_fn(|_| Arc::new(AtomicUsize::new(0)));
    let mut waits: Vec<Wait<'_>> = Vec::new();
    for (n, calls) in calls.iter().enumerate() {
        let counter = calls.clone();
        waits.push(Box::pin(cell.wait_for(move |_| {
            counter.fetch_add(1, SeqCst);
            false
        })));
        assert!(poll(&mut waits[n], waker).is_pending());
        cell.set(1);
        cell.set(2);
        // Levels take numbers as well.
        let mut level: Wait<'_> = Box::pin(cell.wait_equal(9));
        assert!(poll(&mut level, waker).is_pending());
    }
    let calls = calls.map(|calls| calls.load(SeqCst));
    assert_eq!(calls, [7, 5, 3]);
}

/// What one finds that commits with its turn goes for those behind it, if they are alike: it does not
/// open the lock of the line once more to ask them.
#[test]
fn g5_a_used_turn_takes_two_locks() {
    let taker = |cell: &'static Atomic<i64>| -> Wait<'static> {
        Box::pin(cell.update_when(|n| n > 0, |n| n - 1))
    };
    static CELL: LazyLock<Atomic<i64>> = LazyLock::new(|| Atomic::new(0));
    let mut line = [taker(&CELL), taker(&CELL), taker(&CELL)];
    let waker = Waker::noop();
    for wait in &mut line {
        assert!(poll(wait, waker).is_pending());
    }
    CELL.set(2);
    let [first, second, third] = line.each_mut();
    let locks = locks_taken(|| assert_eq!(poll(first, waker), Poll::Ready(1)));
    // One to look, one to leave; the next one has a turn, and is woken before the lock is taken again.
    assert_eq!(locks, 3);
    let locks = locks_taken(|| assert_eq!(poll(second, waker), Poll::Ready(0)));
    assert_eq!(locks, 2, "nobody is to be woken");
    assert!(poll(third, waker).is_pending());
}

/// To park and to leave the waker; then to look whether there is an answer.
#[test]
fn a_wait_for_a_level_takes_two_locks_to_sleep_and_one_to_look() {
    let cell = Atomic::new(0);
    // A clone is known to be the same as its own clones.
    let waker = Waker::from(Arc::<Wakes>::default()).clone();
    let waits: [Wait<'_>; 3] = [
        Box::pin(cell.wait_at_least(10)),
        Box::pin(cell.wait_equal(20)),
        Box::pin(cell.changed_from(0)),
    ];
    for mut wait in waits {
        let locks = [0; 3].map(|_| locks_taken(|| assert!(poll(&mut wait, &waker).is_pending())));
        assert_eq!(locks, [2, 1, 1]);
    }
}
