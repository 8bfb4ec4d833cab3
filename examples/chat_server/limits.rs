//! What the server puts up with.

use std::time::Duration;

/// What one client may cost, in bytes and in time.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest line a client may send, in bytes.
    pub(crate) line: usize,
    pub(crate) clients: usize,
    /// How long a client may take nothing of what it is sent.
    pub(crate) stalled: Duration,
    /// How long a client may say nothing before it is asked whether it is there (a machine
    /// that lost its power or its network closes no connection), and then to answer.
    pub(crate) silent: Duration,
    pub(crate) answer: Duration,
    /// How long a shutdown waits for the clients to be gone.
    pub(crate) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line: 1024,
            clients: 500,
            stalled: Duration::from_secs(10),
            silent: Duration::from_secs(30 * 60),
            answer: Duration::from_secs(60),
            drain: Duration::from_secs(5),
        }
    }
}
