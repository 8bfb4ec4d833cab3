//! Whether this process is the one it was, or one that was forked from it.

use std::ptr;

use memmap2::MmapMut;

use crate::sync::{AtomicPtr, AtomicU64, Ordering};

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
    // Not a `OnceLock`: a child whose parent was about to fill it would wait for ever.
    static OWN: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
    extern "C" fn in_child() {
        if let Some(own) = at(OWN.load(Ordering::Acquire)) {
            own.store(0, Ordering::Relaxed);
        }
    }
    fn at(own: *mut AtomicU64) -> Option<&'static AtomicU64> {
        // SAFETY: it is null, or one of the words below, which stay where they are.
        unsafe { own.as_ref() }
    }
    if let Some(own) = at(OWN.load(Ordering::Acquire)) {
        return own;
    }
    static ELSEWHERE: AtomicU64 = AtomicU64::new(0);
    let own = emptied_in_children().unwrap_or(&ELSEWHERE);
    let place = ptr::from_ref(own).cast_mut();
    // Before the word is known: who finds it relies on the handler. Several of them do no harm.
    // SAFETY: the handler does nothing but to write a number, which may be done at any time.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    // AcqRel: the word comes with its place. Of several threads that are the first one is; the pages of the
    // others are left.
    match OWN.compare_exchange(ptr::null_mut(), place, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => own,
        Err(first) => at(first).unwrap_or(own),
    }
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
