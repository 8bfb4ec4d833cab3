//! Telling threads apart.
//!
//! Nothing here decides what threads do to each other, so it is not modelled.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
    task::Waker,
};

/// An address that no other living thread has.
pub(crate) fn thread_token() -> usize {
    thread_local!(static TOKEN: u8 = const { 0 });
    // While the thread's locals are being destroyed there is no token: 1 is nobody's.
    TOKEN
        .try_with(|token| std::ptr::from_ref(token).addr())
        .unwrap_or(1)
}

/// Threads are numbered as they come, so that those of a pool have numbers in a row.
#[inline]
pub(crate) fn thread_number() -> usize {
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER
        .try_with(|number| {
            number.get().unwrap_or_else(|| {
                let new = next_number();
                number.set(Some(new));
                new
            })
        })
        .unwrap_or(0)
}

#[cold]
fn next_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Room for so many wakers is kept.
const KEPT: usize = 64;

/// What the frames of a thread are busy with.
struct Frames {
    /// The places, the innermost last.
    busy: Vec<usize>,
    /// Wakers that inner frames have left to those that are busy with a place.
    left: VecDeque<(usize, Waker)>,
}

thread_local! {
    static FRAMES: RefCell<Frames> = const {
        RefCell::new(Frames {
            busy: Vec::new(),
            left: VecDeque::new(),
        })
    };
}

/// Runs `f`, which does not panic, as this thread's work on `place`: see [`is_busy_with`].
///
/// The place is borrowed meanwhile, so that its address stays its own.
pub(crate) fn busy_with<P, R>(place: &P, f: impl FnOnce() -> R) -> R {
    let address = std::ptr::from_ref(place).addr();
    // While the thread's locals are being destroyed nobody takes note.
    let noted = FRAMES.try_with(|frames| frames.borrow_mut().busy.push(address));
    let result = f();
    if noted.is_ok() {
        let _ = FRAMES.try_with(|frames| frames.borrow_mut().busy.pop());
    }
    result
}

/// Whether an outer frame of this thread is at work on `place`.
#[cfg(not(loom))]
pub(crate) fn is_busy_with<P>(place: &P) -> bool {
    let address = std::ptr::from_ref(place).addr();
    let is_busy = FRAMES.try_with(|frames| frames.borrow().busy.contains(&address));
    is_busy.unwrap_or(false)
}

/// Leaves wakers to the outer frame of this thread that [is busy](is_busy_with) with `place`.
#[cfg(not(loom))]
#[cold]
pub(crate) fn leave_to_outer_frame<P>(place: &P, wakers: impl Iterator<Item = Waker>) {
    let address = std::ptr::from_ref(place).addr();
    let wakers = wakers.map(|waker| (address, waker));
    FRAMES.with(|frames| frames.borrow_mut().left.extend(wakers));
}

/// The next waker that inner frames have left to this one, which is busy with `place`.
#[inline]
pub(crate) fn left_by_inner_frame<P>(place: &P) -> Option<Waker> {
    let address = std::ptr::from_ref(place).addr();
    let next = FRAMES.try_with(|frames| {
        let left = &mut frames.borrow_mut().left;
        let Some(next) = left.iter().position(|(other, _)| *other == address) else {
            if left.is_empty() {
                left.shrink_to(KEPT);
            }
            return None;
        };
        left.remove(next)
    });
    next.ok()?.map(|(_, waker)| waker)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// That of what was left, once all of it has been fetched.
    #[test]
    fn room_for_many_wakers_is_given_back() {
        let room = || FRAMES.with(|frames| frames.borrow().left.capacity());
        let place = 0_u8;
        busy_with(&place, || {
            leave_to_outer_frame(&place, std::iter::repeat_n(Waker::noop().clone(), 10_000));
            while left_by_inner_frame(&place).is_some() {
                assert!(room() >= 10_000);
            }
        });
        assert!(room() <= KEPT, "{}", room());
    }

    #[test]
    fn threads_are_told_apart_for_good() {
        let here = (thread_token(), thread_number());
        let there = std::thread::spawn(|| (thread_token(), thread_number()));
        let other = std::thread::spawn(|| (thread_token(), thread_number()));
        let numbers = [there, other].map(|thread| thread.join().expect("it ends").1);
        assert_eq!(here, (thread_token(), thread_number()));
        assert!(numbers[0] != here.1 && numbers[1] != here.1 && numbers[0] != numbers[1]);
    }
}
