//! Whether this process is the one it was, or one that was forked from it.

use std::sync::OnceLock;

use memmap2::MmapMut;

use crate::sync::{AtomicU64, Ordering};

/// Another number than those of all processes that this one was forked from.
pub(in crate::shm) fn generation() -> u64 {
    /// The youngest that this process, or one it was forked from, has been.
    static YOUNGEST: AtomicU64 = AtomicU64::new(0);
    // Relaxed, all of them: numbers, and nothing beside them.
    let own = own_generation();
    let known = own.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let younger = YOUNGEST.fetch_add(1, Ordering::Relaxed) + 1;
    match own.compare_exchange(0, younger, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => younger,
        Err(known) => known,
    }
}

/// A word that is zero in a new process, however that was forked.
///
/// The kernel empties its page in every child that gets memory of its own (Linux 4.14). Where it cannot, or
/// where there is no page to be had, the C library's `fork` sets it to zero, and other ways to fork
/// are not noticed.
fn own_generation() -> &'static AtomicU64 {
    static ELSEWHERE: AtomicU64 = AtomicU64::new(0);
    static OWN: OnceLock<&'static AtomicU64> = OnceLock::new();
    extern "C" fn in_child() {
        if let Some(own) = OWN.get() {
            own.store(0, Ordering::Relaxed);
        }
    }
    OWN.get_or_init(|| {
        // SAFETY: the handler does nothing but to write a number, which may be done at any time.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        emptied_in_children().unwrap_or(&ELSEWHERE)
    })
}

/// A word in a page of its own, which is never given back.
fn emptied_in_children() -> Option<&'static AtomicU64> {
    let page: &'static mut MmapMut = Box::leak(Box::new(MmapMut::map_anon(size_of::<u64>()).ok()?));
    let word = page.as_mut_ptr();
    // SAFETY: it is the page mapped above, and nothing is in it yet. If the kernel refuses, nothing has
    // changed.
    unsafe { libc::madvise(word.cast(), page.len(), libc::MADV_WIPEONFORK) };
    // SAFETY: a page is aligned; it stays mapped, since what would unmap it is leaked; it is zero, which is a
    // number, and nobody else touches it.
    Some(unsafe { AtomicU64::from_ptr(word.cast()) })
}
