//! A thing that one party at a time carries, and that others can call after.
//!
//! Two places of the crate need the same protocol: the *desk* from which an atom's
//! commits are delivered (carried by the delivering thread, called after by writers who
//! have something to deliver), and the *predicate* of a parked wait (carried by whoever
//! evaluates it, called after by whoever has one more value to judge).
//!
//! | state            | content       | `take`   | `call`      | `rest`         | `remove` |
//! |------------------|---------------|----------|-------------|----------------|----------|
//! | resting          | here          | carried  | carried     | –              | gone     |
//! | carried          | with carrier  | –        | called      | resting        | gone     |
//! | carried, called  | with carrier  | –        | called      | refused        | gone     |
//! | gone             | nowhere       | –        | –           | refused        | –        |
//!
//! A carrier may also keep the content for good (`end`), which leaves it gone.
//!
//! **A call is never lost.** The caller first leaves its word where the carrier will find it
//! (a commit in the atom's word, a value in the list of missed ones), then calls:
//!
//! 1. caller: leave word; `call` = read-modify-write of the state;
//! 2. carrier: `answer` = read-modify-write that clears *called*; look for word; `rest`.
//!    (To get the thing by `call` is to have answered: that is such a step as well.)
//!
//! Both steps are read-modify-writes of one location, hence ordered. *Either* the call
//! precedes the carrier's last `answer`: the carrier acquired what the caller released, and
//! its look after that answer finds the word. *Or* it follows that answer: the state is
//! *called* (or the thing is at rest again) when the carrier wants to rest, so `rest` is
//! refused and the carrier answers once more (or the caller itself becomes the carrier).

//!
//! **Orderings.** Calling, answering, offering and removing are AcqRel: of two parties that meet
//! here the later one knows all that the earlier one did, so that counters kept beside the
//! baton can be Relaxed. Some single halves of them are covered by others; weakened together
//! they fail the models.

#![allow(unsafe_code)]

use crate::sync::{AtomicU8, Ordering, UnsafeCell};

const RESTING: u8 = 0;
const CARRIED: u8 = 1;
/// Somebody left word; only together with `CARRIED`.
const CALLED: u8 = 2;
/// Nobody will want it again; only together with `CARRIED`.
const GONE: u8 = 4;

/// See the [module](self).
pub(crate) struct Baton<P> {
    state: AtomicU8,
    /// `Some` exactly in state `RESTING`; owned by whoever moves the state away from it.
    content: UnsafeCell<Option<P>>,
}

// SAFETY: the content is moved out by the one thread that moves the state away from
// `RESTING`, and moved in by the one that carried it; nobody gets a shared reference.
// So sharing the baton sends `P` between threads and nothing more.
unsafe impl<P: Send> Sync for Baton<P> {}
// SAFETY: sending the baton sends its content.
unsafe impl<P: Send> Send for Baton<P> {}

/// Why a carrier could not lay the content down.
pub(crate) enum Refused<P> {
    /// Somebody left word: `answer`, look, and try again.
    Called(P),
    /// Nobody wants it any more: the carrier disposes of it.
    Gone(P),
}

impl<P> Baton<P> {
    pub(crate) fn resting(content: P) -> Self {
        Self {
            state: AtomicU8::new(RESTING),
            content: UnsafeCell::new(Some(content)),
        }
    }

    /// A baton whose content is with its maker.
    pub(crate) fn carried() -> Self {
        Self {
            state: AtomicU8::new(CARRIED),
            content: UnsafeCell::new(None),
        }
    }

    /// Takes the content if it rests here.
    #[inline]
    pub(crate) fn take(&self) -> Option<P> {
        // Acquire: pairs with the Release of `rest`, whose thread wrote the content.
        self.state
            .compare_exchange(RESTING, CARRIED, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        self.pick_up()
    }

    /// Takes the content if it rests here; else makes sure that its carrier looks once
    /// more before it lays it down. Whoever gets it has thereby answered.
    #[inline]
    pub(crate) fn call(&self) -> Option<P> {
        // AcqRel: as below. The usual case, which leaves no call to answer.
        if self
            .state
            .compare_exchange(RESTING, CARRIED, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return self.pick_up();
        }
        // Release: publishes the word left to the carrier's `answer`.
        // Acquire: pairs with `rest` where this call itself becomes the carrier.
        if self.state.fetch_or(CARRIED | CALLED, Ordering::AcqRel) == RESTING {
            self.answer();
            self.pick_up()
        } else {
            None
        }
    }

    /// Carrier: what was left before this is seen after it.
    #[inline]
    pub(crate) fn answer(&self) {
        // Acquire: pairs with the Release of every `call` before it. Release: see the module.
        self.state.fetch_and(!CALLED, Ordering::AcqRel);
    }

    /// Carrier: lays the content down, unless somebody called or it is gone.
    #[inline]
    pub(crate) fn rest(&self, content: P) -> Result<(), Refused<P>> {
        self.lay_down(content);
        // Release: publishes the content to the next `take`, `call` or `remove`.
        match self
            .state
            .compare_exchange(CARRIED, RESTING, Ordering::Release, Ordering::Relaxed)
        {
            Ok(_) => Ok(()),
            Err(state) => match self.pick_up() {
                Some(content) if state & GONE != 0 => Err(Refused::Gone(content)),
                Some(content) => Err(Refused::Called(content)),
                None => Ok(()),
            },
        }
    }

    /// Carrier: lays the content down although somebody may have called, for anybody to
    /// take; the carrier itself has to `call` afterwards.
    pub(crate) fn offer(&self, content: P) {
        self.lay_down(content);
        // AcqRel: as `rest`, and takes over the word of those whose call it wipes out.
        self.state.swap(RESTING, Ordering::AcqRel);
    }

    /// Nobody will want the content again: gives it to the remover if it rests here, else
    /// its carrier is going to be refused.
    pub(crate) fn remove(&self) -> Option<P> {
        // AcqRel: as `call`.
        let before = self.state.fetch_or(CARRIED | GONE, Ordering::AcqRel);
        if before == RESTING {
            self.pick_up()
        } else {
            None
        }
    }

    /// Carrier: keeps the content for good.
    #[inline]
    pub(crate) fn end(&self) {
        // Relaxed: nothing is handed over. A call or removal that this wipes out would have
        // told the carrier no more than this tells the others.
        self.state.store(CARRIED | GONE, Ordering::Relaxed);
    }

    /// Whether it is gone: removed, or kept by a carrier.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        // Relaxed: a hint; who needs the content goes through the other verbs.
        self.state.load(Ordering::Relaxed) & GONE != 0
    }

    fn pick_up(&self) -> Option<P> {
        // SAFETY: called by the carrier alone: whoever moved the state away from `RESTING`
        // (and acquired the write of the one who laid the content down), or the carrier
        // whose `rest` was refused. Nobody else touches the cell while it is carried.
        self.content
            .with_mut(|content| unsafe { (*content).take() })
    }

    fn lay_down(&self, content: P) {
        // SAFETY: as in `pick_up`: the caller is the carrier, the state still says so, and
        // the cell is empty, so that nothing is dropped here.
        self.content
            .with_mut(|place| unsafe { *place = Some(content) });
    }
}
