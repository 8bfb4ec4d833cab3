//! Telling threads apart.
//!
//! Nothing here decides what threads do to each other, so it is not modelled.

use std::{
    cell::Cell,
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
