//! All observers of one source: the register they join, and the desk they are told from.
//!
//! Observers are registered under a short lock, in the *register*. The *desk* is the list
//! that deliveries work through; it belongs to the thread that delivers (a
//! [`Baton`](super::baton)), so that predicates and wakers run while no lock is held. The
//! deliverer moves newcomers from the register to the desk before it tells an event.
//!
//! Leaving costs O(1): an observer marks itself as gone and drops what it held; its
//! empty record goes when the desk is next worked through, or when the gone ones
//! make up half of it.

use super::{
    condition::{Condition, Fate},
    mailbox::{Event, Mailbox, Stock},
    panics::Panics,
};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering};

/// One registration.
pub(crate) enum Observer<E> {
    Condition(Arc<Condition<E>>),
    Mailbox(Arc<Mailbox<E>>),
}

/// What tells an observer from all others there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(usize);

impl Name {
    #[inline]
    pub(crate) fn of<X>(observer: &Arc<X>) -> Self {
        Self(std::ptr::from_ref::<X>(observer).addr())
    }
}

impl<E> Observer<E> {
    #[inline]
    pub(crate) fn name(&self) -> Name {
        match self {
            Self::Condition(x) => Name::of(x),
            Self::Mailbox(x) => Name::of(x),
        }
    }
}

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Condition(x) => Self::Condition(x.clone()),
            Self::Mailbox(x) => Self::Mailbox(x.clone()),
        }
    }
}

/// How few gone observers are not worth a walk over the desk.
const TOLERATED: usize = if cfg!(loom) { 1 } else { 32 };

/// The register and its counters. `X` is what else the register's lock guards.
pub(crate) struct Roster<E, X = ()> {
    register: Mutex<Register<E, X>>,
    /// There may be something in the register that the desk has not taken over.
    news: AtomicBool,
    /// Observers that left since the desk was last worked through.
    gone: AtomicUsize,
    /// How many were at the desk when all was told.
    population: AtomicUsize,
}

/// What the register's lock guards.
pub(crate) struct Register<E, X = ()> {
    /// Each with the version it was registered at: it is told what comes after.
    newcomers: Vec<(u64, Observer<E>)>,
    pub(crate) beside: X,
}

impl<E, X> Register<E, X> {
    pub(crate) fn add(&mut self, since: u64, observer: Observer<E>) {
        self.newcomers.push((since, observer));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.newcomers.is_empty()
    }

    fn withdraw(&mut self, observer: Name) -> Option<(u64, Observer<E>)> {
        let (_, last) = self.newcomers.last()?;
        if last.name() == observer {
            self.newcomers.pop()
        } else {
            None
        }
    }
}

impl<E: Event, X> Roster<E, X> {
    pub(crate) fn new(beside: X) -> Self {
        Self {
            register: Mutex::new(Register {
                newcomers: Vec::new(),
                beside,
            }),
            news: AtomicBool::new(false),
            gone: AtomicUsize::new(0),
            population: AtomicUsize::new(0),
        }
    }

    /// Runs `enter` under the lock, announced as news.
    ///
    /// The announcement precedes whatever `enter` reads of the source; so a deliverer
    /// who acquired a later state of the source sees it, and comes here for the newcomer.
    pub(crate) fn register<R>(&self, enter: impl FnOnce(&mut Register<E, X>) -> R) -> R {
        let mut register = self.register.lock();
        // Relaxed: released by the source's next read-modify-write, which `enter` makes.
        self.news.store(true, Ordering::Relaxed);
        enter(&mut register)
    }

    /// Runs `f` under the lock.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Register<E, X>) -> R) -> R {
        f(&mut self.register.lock())
    }

    /// Deliverer: takes over the newcomers.
    #[inline]
    pub(crate) fn adopt(&self, desk: &mut Desk<E>) {
        // Relaxed: who registered before the state that this deliverer has just acquired
        // released the news with it; later ones need not be told of that state.
        if self.news.load(Ordering::Relaxed) {
            self.adopt_newcomers(desk);
        }
    }

    #[cold]
    fn adopt_newcomers(&self, desk: &mut Desk<E>) {
        let mut register = self.register.lock();
        self.news.store(false, Ordering::Relaxed);
        for (since, observer) in register.newcomers.drain(..) {
            match observer {
                Observer::Condition(x) => desk.conditions.push((since, x)),
                Observer::Mailbox(x) => desk.mailboxes.push((since, x)),
            }
        }
        shrink(&mut register.newcomers, 0);
    }

    /// Takes a registration back, if it is the last one and the desk has not taken it over. True if
    /// so.
    pub(crate) fn withdraw(&self, observer: Name) -> bool {
        let last = self.register.lock().withdraw(observer);
        // The observer is dropped here, outside of the lock.
        last.is_some()
    }

    /// An observer that could not be withdrawn has left. True if the desk should be tidied.
    pub(crate) fn count_gone(&self) -> bool {
        let gone = self.gone.fetch_add(1, Ordering::Relaxed) + 1;
        gone >= TOLERATED && gone >= self.population.load(Ordering::Relaxed) / 2
    }

    /// Deliverer, when all is told: whether so many have left that the desk should be tidied.
    pub(crate) fn is_untidy(&self, desk: &Desk<E>) -> bool {
        self.population.store(desk.len(), Ordering::Relaxed);
        self.gone.load(Ordering::Relaxed) >= TOLERATED
    }

    /// Deliverer: drops the records of those who left.
    pub(crate) fn tidy(&self, desk: &mut Desk<E>, panics: &mut Panics) {
        // Before the walk: who leaves during it is counted for the next one.
        self.gone.store(0, Ordering::Relaxed);
        visit(&mut desk.mailboxes, panics, |_, x, _| fate(x.is_over()));
        visit(&mut desk.conditions, panics, |_, x, _| fate(x.is_over()));
        self.population.store(desk.len(), Ordering::Relaxed);
    }
}

/// The state that an event replaced: the deliverer's last handle of it, or a loan.
pub(crate) enum Old<'a, E> {
    Given(E),
    Lent(&'a E),
}

/// Those to be told, as the deliverer has them before him.
pub(crate) struct Desk<E> {
    mailboxes: Vec<(u64, Arc<Mailbox<E>>)>,
    conditions: Vec<(u64, Arc<Condition<E>>)>,
    /// Empty between events.
    stock: Stock<E>,
}

impl<E: Event> Desk<E> {
    pub(crate) fn new() -> Self {
        Self {
            mailboxes: Vec::new(),
            conditions: Vec::new(),
            stock: Stock {
                old: Vec::new(),
                new: Vec::new(),
            },
        }
    }

    fn len(&self) -> usize {
        self.mailboxes.len() + self.conditions.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells everyone registered before `version` that `new` has replaced `old`.
    pub(crate) fn tell(&mut self, version: u64, old: Old<'_, E>, new: &E, panics: &mut Panics) {
        visit(&mut self.conditions, panics, |since, condition, panics| {
            if since >= version {
                return Fate::Stays;
            }
            condition.offer(new, panics)
        });
        self.post(version, old, new, panics);
    }

    /// Offers a state to the conditions registered after `after`, `up_to` included.
    pub(crate) fn offer(&mut self, after: u64, up_to: u64, state: &E, panics: &mut Panics) {
        visit(&mut self.conditions, panics, |since, condition, panics| {
            if since <= after || since > up_to {
                return Fate::Stays;
            }
            condition.offer(state, panics)
        });
    }

    /// Puts the event into the mailboxes.
    fn post(&mut self, version: u64, old: Old<'_, E>, new: &E, panics: &mut Panics) {
        let n = self.mailboxes.len();
        if n > 0 {
            new.clone_many(n, &mut self.stock.new);
            match &old {
                Old::Given(_) if n == 1 => {}
                Old::Given(old) => old.clone_many(n - 1, &mut self.stock.old),
                Old::Lent(old) => old.clone_many(n, &mut self.stock.old),
            }
        }
        let stock = &mut self.stock;
        if let Old::Given(old) = old {
            stock.old.push(old);
        }
        visit(&mut self.mailboxes, panics, |since, mailbox, panics| {
            if since >= version {
                return Fate::Stays;
            }
            mailbox.deliver(stock, panics)
        });
        while let Some(unused) = stock.old.pop().or_else(|| stock.new.pop()) {
            panics.catch(|| drop(unused));
        }
        shrink(&mut stock.old, n);
        shrink(&mut stock.new, n);
    }

    /// Tells everyone that nothing more will come.
    pub(crate) fn close(&mut self, panics: &mut Panics) {
        for (_, mailbox) in self.mailboxes.drain(..) {
            mailbox.close(panics);
            panics.catch(|| drop(mailbox));
        }
        for (_, condition) in self.conditions.drain(..) {
            condition.close(panics);
            panics.catch(|| drop(condition));
        }
    }
}

/// Gives room back that a crowd has left, where so much is `used`.
#[inline]
fn shrink<X>(list: &mut Vec<X>, used: usize) {
    if list.capacity() > 4 * (used + TOLERATED) {
        list.shrink_to(2 * used);
    }
}

fn fate(over: bool) -> Fate {
    if over { Fate::Leaves } else { Fate::Stays }
}

/// Visits all in order; drops those that leave afterwards, each on its own, since a record can
/// be the last owner of a value whose destructor panics.
#[inline]
fn visit<X>(
    list: &mut Vec<(u64, X)>,
    panics: &mut Panics,
    mut f: impl FnMut(u64, &X, &mut Panics) -> Fate,
) {
    let mut kept = 0;
    for i in 0..list.len() {
        let (since, x) = &list[i];
        if f(*since, x, panics) == Fate::Stays {
            if kept != i {
                list.swap(kept, i);
            }
            kept += 1;
        }
    }
    while list.len() > kept {
        panics.catch(|| drop(list.pop()));
    }
    shrink(list, kept);
}

#[cfg(all(test, not(loom)))]
mod tests;
