//! Telling threads apart.
//!
//! Nothing here decides what threads do to each other, so it is not modelled.

use std::{
    cell::{Cell, RefCell},
    sync::atomic::{AtomicUsize, Ordering},
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

thread_local! {
    /// What the frames of this thread are busy with, the innermost last.
    static BUSY: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, which does not panic, as this thread's work on `place`: see [`is_busy_with`].
///
/// The place is borrowed meanwhile, so that its address stays its own.
pub(crate) fn busy_with<P, R>(place: &P, f: impl FnOnce() -> R) -> R {
    let address = std::ptr::from_ref(place).addr();
    // While the thread's locals are being destroyed nobody takes note.
    let noted = BUSY.try_with(|busy| busy.borrow_mut().push(address));
    let result = f();
    if noted.is_ok() {
        let _ = BUSY.try_with(|busy| busy.borrow_mut().pop());
    }
    result
}

/// Whether an outer frame of this thread is at work on `place`.
#[cfg(not(loom))]
pub(crate) fn is_busy_with<P>(place: &P) -> bool {
    let address = std::ptr::from_ref(place).addr();
    let busy = BUSY.try_with(|busy| busy.borrow().contains(&address));
    busy.unwrap_or(false)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

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
