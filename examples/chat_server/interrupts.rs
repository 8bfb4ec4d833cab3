//! How often the program has been told to stop, as one more atom to wait for.

use std::io;
use std::time::{Duration, Instant};

use atomos::Atom;

/// `timeout` and some supervisors send a signal twice, to the process and to its group: that
/// is not somebody who loses patience.
const ECHO: Duration = Duration::from_millis(300);

#[derive(Default)]
pub(crate) struct Interrupts {
    pub(crate) count: u32,
    last: Option<Instant>,
}

impl Interrupts {
    fn another(&self, now: Instant) -> Option<Self> {
        let echo = self.last.is_some_and(|last| now - last < ECHO);
        (!echo).then(|| Interrupts {
            count: self.count + 1,
            last: Some(now),
        })
    }
}

/// Counts Ctrl-C and SIGTERM, beginning before it returns.
#[cfg(unix)]
pub(crate) fn count() -> io::Result<Atom<Interrupts>> {
    use tokio::signal::unix::{SignalKind, signal};

    let interrupts = Atom::new(Interrupts::default());
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let interrupts = interrupts.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let now = Instant::now();
                interrupts.swap_if(|interrupts| interrupts.another(now));
            }
        });
    }
    Ok(interrupts)
}

/// Counts Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn count() -> io::Result<Atom<Interrupts>> {
    let interrupts = Atom::new(Interrupts::default());
    let counter = interrupts.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let now = Instant::now();
            counter.swap_if(|interrupts| interrupts.another(now));
        }
    });
    Ok(interrupts)
}
