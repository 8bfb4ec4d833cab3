//! Where the tests kill a process: between any two steps that leave something behind.

/// Does nothing, except in a test that has asked this process to die here.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn point(_name: &str) {}

/// Kills the process, at once and for good, if the test has asked for it.
#[cfg(test)]
pub(super) fn point(name: &str) {
    if armed().is_some_and(|armed| armed == name) {
        // SAFETY: the signal is sent to this very process; no memory is touched.
        #[allow(unsafe_code)]
        unsafe {
            libc::raise(libc::SIGKILL)
        };
    }
}

/// The name of the point, after [`arm`].
#[cfg(test)]
static ARMED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

#[cfg(test)]
fn armed() -> Option<&'static str> {
    ARMED.get().map(String::as_str)
}

/// From now on this process dies at that point.
#[cfg(test)]
pub(super) fn arm(name: &str) {
    let _ = ARMED.set(name.to_owned());
}
