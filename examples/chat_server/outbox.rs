//! What is on its way to one client.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// From here on a client is not asked for more input, nor given more of its room, until it
/// has read. It may be passed by one answer.
const FULL: usize = 16 * 1024;

pub(crate) struct Outbox {
    bytes: Vec<u8>,
    patience: Duration,
    /// When the client has to have read something.
    deadline: Instant,
}

impl Outbox {
    pub(crate) fn new(patience: Duration) -> Self {
        Outbox {
            bytes: Vec::new(),
            patience,
            deadline: Instant::now(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    pub(crate) fn push(&mut self, line: &str) {
        if self.bytes.is_empty() {
            self.deadline = Instant::now() + self.patience;
        }
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    /// Sends some of it. `TimedOut` when the client has taken nothing for as long as
    /// patience lasts. Cancel safe: what was sent is gone from here, the rest is not.
    pub(crate) async fn send(&mut self, socket: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let sent = timeout_at(self.deadline, socket.write(&self.bytes)).await??;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.drain(..sent);
        self.deadline = Instant::now() + self.patience;
        Ok(())
    }
}
