//! Values that count how many of them are alive, or run a hook when dropped.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the [`Counted`] values it has made that are still alive.
#[derive(Clone, Default)]
pub(crate) struct Live(Arc<AtomicUsize>);

impl Live {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn value<V>(&self, value: V) -> Counted<V> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted {
            value,
            live: self.clone(),
        }
    }
}

/// A value that is counted while it lives.
pub(crate) struct Counted<V> {
    value: V,
    live: Live,
}

impl<V> Deref for Counted<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V: PartialEq> PartialEq for Counted<V> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Counted<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<V> Drop for Counted<V> {
    fn drop(&mut self) {
        self.live.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs a closure when dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

type Hook = Box<dyn Fn() + Send + Sync>;

/// A number whose destructor runs a hook, if it has one.
pub(crate) struct Hooked {
    pub(crate) number: u64,
    hook: Option<Hook>,
}

impl Hooked {
    pub(crate) fn plain(number: u64) -> Self {
        Self { number, hook: None }
    }

    pub(crate) fn new(number: u64, hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            number,
            hook: Some(Box::new(hook)),
        }
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl Drop for Hooked {
    fn drop(&mut self) {
        if let Some(hook) = self.hook.take() {
            hook();
        }
    }
}
