//! Every way to wait for a cell, behind one signature.

use std::sync::Arc;

use atomos::{Atomic, AtomicReference};
use futures::StreamExt;

use super::waits::Boxed;

/// Writes a number to a cell, from any thread.
pub(crate) type Write = Arc<dyn Fn(u64) + Send + Sync>;

/// One way to wait until a cell that holds 0 holds 1; gives the value seen.
pub(crate) struct CellWait {
    pub(crate) name: &'static str,
    /// It sees the 1 even if the next write has overwritten it.
    pub(crate) lossless: bool,
    pub(crate) make: fn() -> (Boxed<u64>, Write),
}

impl CellWait {
    /// It stands in line: of several, one is served by one write.
    pub(crate) fn in_line(&self) -> bool {
        self.name.ends_with("update_when")
    }
}

/// The futures of `Atomic` and `AtomicReference`, and the second item of each stream.
pub(crate) fn every_cell_wait() -> Vec<CellWait> {
    let mut all = closures();
    all.extend(levels());
    all.extend(streams());
    all.extend(references());
    all
}

const fn lossless(name: &'static str, make: fn() -> (Boxed<u64>, Write)) -> CellWait {
    let lossless = true;
    CellWait {
        name,
        lossless,
        make,
    }
}

const fn latest(name: &'static str, make: fn() -> (Boxed<u64>, Write)) -> CellWait {
    let lossless = false;
    CellWait {
        name,
        lossless,
        make,
    }
}

/// A wait that owns its part of a cell of 0, and what writes to it.
fn on_number<F>(wait: impl FnOnce(Arc<Atomic<u64>>) -> F) -> (Boxed<u64>, Write)
where
    F: Future<Output = u64> + Send + 'static,
{
    let cell = Arc::new(Atomic::new(0));
    let wait = Box::pin(wait(cell.clone()));
    (wait, Arc::new(move |n| cell.set(n)))
}

fn on_reference<F>(wait: impl FnOnce(Arc<AtomicReference<u64>>) -> F) -> (Boxed<u64>, Write)
where
    F: Future<Output = u64> + Send + 'static,
{
    let cell = Arc::new(AtomicReference::new(0));
    let wait = Box::pin(wait(cell.clone()));
    (wait, Arc::new(move |n| cell.set(Arc::new(n))))
}

fn closures() -> Vec<CellWait> {
    vec![
        lossless("Atomic::wait_for", || {
            on_number(|cell| async move { cell.wait_for(|n| n == 1).await })
        }),
        lossless("Atomic::wait_map", || {
            on_number(|cell| async move { cell.wait_map(|n| (n == 1).then_some(n)).await })
        }),
        // A turn is lost when the next write comes first, so that it waits for "at least".
        latest("Atomic::update_when", || {
            on_number(|cell| async move { cell.update_when(|n| n >= 1, |n| n).await })
        }),
    ]
}

fn levels() -> Vec<CellWait> {
    vec![
        lossless("Atomic::wait_equal", || {
            on_number(|cell| async move { cell.wait_equal(1).await })
        }),
        lossless("Atomic::wait_at_least", || {
            on_number(|cell| async move { cell.wait_at_least(1).await })
        }),
        lossless("Atomic::wait_at_most", || {
            // The same, downwards.
            let cell = Arc::new(Atomic::new(0_i64));
            let writer = cell.clone();
            let wait = async move { cell.wait_at_most(-1).await.unsigned_abs() };
            (Box::pin(wait), Arc::new(move |n| writer.set(-(n as i64))))
        }),
        lossless("Atomic::changed_from", || {
            on_number(|cell| async move { cell.changed_from(0).await })
        }),
    ]
}

fn streams() -> Vec<CellWait> {
    vec![
        latest("Atomic::values", || {
            on_number(|cell| async move {
                let mut values = cell.values().skip_while(|n| std::future::ready(*n == 0));
                values.next().await.expect("it does not end")
            })
        }),
        latest("Atomic::values_owned", || {
            on_number(|cell| async move {
                let values = cell.values_owned();
                let mut values = values.skip_while(|n| std::future::ready(*n == 0));
                values.next().await.expect("it does not end")
            })
        }),
    ]
}

fn references() -> Vec<CellWait> {
    vec![
        lossless("AtomicReference::wait_for", || {
            on_reference(|cell| async move { *cell.wait_for(|n| **n == 1).await })
        }),
        lossless("AtomicReference::wait_map", || {
            on_reference(|cell| async move { cell.wait_map(|n| (**n == 1).then_some(**n)).await })
        }),
        lossless("AtomicReference::changed_from", || {
            on_reference(|cell| async move {
                let seen = cell.get();
                *cell.changed_from(&seen).await
            })
        }),
    ]
}
