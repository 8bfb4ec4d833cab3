//! Where the tests kill or stop a process: between any two steps that leave something behind.

#[cfg(test)]
mod tests;

/// Does nothing, except in a test that has asked this process to die here.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn point(_name: &str) {}

/// Kills or stops the process, if the test has asked for it.
#[cfg(test)]
pub(super) fn point(name: &str) {
    let Some(armed) = ARMED.get() else { return };
    if armed.point == name && armed.is_due.swap(false, Ordering::SeqCst) {
        // SAFETY: the signal is sent to this very process; no memory is touched.
        #[allow(unsafe_code)]
        unsafe {
            libc::raise(armed.signal)
        };
    }
}

#[cfg(test)]
use crate::sync::{AtomicBool, Ordering};

/// What happens, after [`arm`].
#[cfg(test)]
struct Armed {
    point: String,
    signal: i32,
    is_due: AtomicBool,
}

#[cfg(test)]
static ARMED: std::sync::OnceLock<Armed> = std::sync::OnceLock::new();

/// From now on this process gets that signal when it comes to that point for the first time.
#[cfg(test)]
fn arm(point: &str, signal: i32) {
    let armed = Armed {
        point: point.to_owned(),
        signal,
        is_due: AtomicBool::new(true),
    };
    assert!(ARMED.set(armed).is_ok(), "armed once in a process");
}
