//! Watches that log what they see, and streams read to where they are.

use std::sync::{Arc, Mutex};

use atomos::{Change, WatchEvent};
use futures::{FutureExt, StreamExt};

/// A log that several watches write to.
pub(crate) type Log<T> = Arc<Mutex<Vec<T>>>;

pub(crate) fn log<T>() -> Log<T> {
    Log::default()
}

pub(crate) fn taken<T>(log: &Log<T>) -> Vec<T> {
    std::mem::take(&mut *log.lock().expect("no watch panicked"))
}

/// A watch that logs its name and what it sees.
pub(crate) fn logger(
    log: &Log<(&'static str, u64, u64)>,
    name: &'static str,
) -> impl Fn(&WatchEvent<'_, u64>) + Send + Sync + 'static {
    let log = log.clone();
    move |event| {
        let entry = (name, **event.old, **event.new);
        log.lock().expect("no watch panicked").push(entry);
    }
}

/// What the stream has to give now.
pub(crate) fn available(
    stream: &mut (impl futures::Stream<Item = Change<u64>> + Unpin),
) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(Some(change)) = stream.next().now_or_never() {
        seen.push(*change.new);
    }
    seen
}

/// Every commit from version 0 on, once and in order.
pub(crate) fn assert_linked(log: &[(u64, u64)], total: u64) {
    let expected: Vec<_> = (0..total).map(|n| (n, n + 1)).collect();
    assert!(log == expected, "not every commit once and in order");
}
