//! A thing that one party at a time carries, and that others can call after.
//!
//! Two places of the crate need the same protocol: the *desk* from which an atom's
//! commits are delivered (carried by the delivering thread, called after by writers who
//! have something to deliver), and the *predicate* of a parked wait (carried by whoever
//! evaluates it, called after by whoever has one more value to judge).
//!
//! | state            | content       | `take`   | `call`      | `rest`         | `leave`  | `remove` |
//! |------------------|---------------|----------|-------------|----------------|----------|----------|
//! | resting          | here          | carried  | carried     | –              | –        | gone     |
//! | carried          | with carrier  | –        | called      | resting        | left     | gone     |
//! | carried, called  | with carrier  | –        | called      | refused        | refused  | gone     |
//! | gone             | nowhere       | –        | –           | refused        | refused  | –        |
//! | left             | a result      | –        | –           | –              | –        | gone     |
//!
//! A baton has an *owner*, who made it and is the only one to `remove` it. A carrier may end it
//! by leaving a *result* in the content's place; that is for the owner alone, who `collect`s it
//! with a mere load, since nobody else touches a baton that was left.
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
//! refused, as is `leave`, and the carrier answers once more (or the caller itself becomes the
//! carrier, or finds the baton left).
//!
//! **Orderings.** Calling, answering, offering and removing are AcqRel: of two parties that meet
//! here the later one knows all that the earlier one did, so that counters kept beside the
//! baton can be Relaxed. Some single halves of them are covered by others; weakened together
//! they fail the models.

#![allow(unsafe_code)]

use std::{convert::Infallible, mem::replace};

use crate::sync::{AtomicU8, Ordering, UnsafeCell};

const RESTING: u8 = 0;
const CARRIED: u8 = 1;
/// Somebody left word; only together with `CARRIED`.
const CALLED: u8 = 2;
/// Nobody will want it again; only together with `CARRIED`.
const GONE: u8 = 4;
/// A result is here for the owner; only together with `CARRIED`.
const LEFT: u8 = 8;

/// See the [module](self). `P` is what is carried, `R` the result that may be left.
pub(crate) struct Baton<P, R = Infallible> {
    state: AtomicU8,
    /// Owned by whoever moves the state away from `RESTING`; from `LEFT` on by the owner.
    content: UnsafeCell<Content<P, R>>,
}

enum Content<P, R> {
    /// With the carrier, or gone.
    Nowhere,
    /// Exactly in state `RESTING`.
    Here(P),
    /// In state `LEFT`, until it is collected.
    Result(R),
}

// SAFETY: the content is moved out by the one thread that moves the state away from
// `RESTING`, and moved in by the one that carried it; the result by the owner alone; nobody
// gets a shared reference. So sharing the baton sends `P` and `R` between threads and
// nothing more.
unsafe impl<P: Send, R: Send> Sync for Baton<P, R> {}
// SAFETY: sending the baton sends its content.
unsafe impl<P: Send, R: Send> Send for Baton<P, R> {}

/// Why a carrier could not lay the content down, or leave a result.
pub(crate) enum Refused<P> {
    /// Somebody left word: `answer`, look, and try again.
    Called(P),
    /// Nobody wants it any more: the carrier disposes of it.
    Gone(P),
}

impl<P, R> Baton<P, R> {
    pub(crate) fn resting(content: P) -> Self {
        Self {
            state: AtomicU8::new(RESTING),
            content: UnsafeCell::new(Content::Here(content)),
        }
    }

    /// A baton whose content is with its maker.
    pub(crate) fn carried() -> Self {
        Self {
            state: AtomicU8::new(CARRIED),
            content: UnsafeCell::new(Content::Nowhere),
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
        self.fill(Content::Here(content));
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
    /// take; the carrier itself has to `call` afterwards. True if somebody had called.
    pub(crate) fn offer(&self, content: P) -> bool {
        self.fill(Content::Here(content));
        // AcqRel: as `rest`, and takes over the word of those whose call it wipes out.
        self.state.swap(RESTING, Ordering::AcqRel) & CALLED != 0
    }

    /// Carrier: ends the baton and leaves `result` for its owner, unless somebody called or
    /// it is gone. The carrier keeps the content.
    #[inline]
    pub(crate) fn leave(&self, result: R) -> Result<(), Refused<R>> {
        self.fill(Content::Result(result));
        // Release: publishes the result to `collect` and `remove`.
        match self.state.compare_exchange(
            CARRIED,
            CARRIED | LEFT,
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            Ok(_) => Ok(()),
            Err(state) => match self.take_result() {
                Some(result) if state & GONE != 0 => Err(Refused::Gone(result)),
                Some(result) => Err(Refused::Called(result)),
                None => Ok(()),
            },
        }
    }

    /// Owner: the result, if one was left.
    #[inline]
    pub(crate) fn collect(&self) -> Option<R> {
        // Acquire: pairs with `leave`. No read-modify-write: the state is left for good.
        if self.state.load(Ordering::Acquire) & LEFT == 0 {
            return None;
        }
        self.take_result()
    }

    /// Owner: will not want the content again. Gets it if it rests here, else its carrier is
    /// going to be refused; gets the result if one was left.
    pub(crate) fn remove(&self) -> (Option<P>, Option<R>) {
        // AcqRel: as `call`; pairs with `leave` as well.
        let before = self.state.fetch_or(CARRIED | GONE, Ordering::AcqRel);
        if before == RESTING {
            (self.pick_up(), None)
        } else if before & LEFT != 0 {
            (None, self.take_result())
        } else {
            (None, None)
        }
    }

    /// Whether it is over: removed, or left with a result.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        // Relaxed: a hint; who needs the content goes through the other verbs.
        self.state.load(Ordering::Relaxed) & (GONE | LEFT) != 0
    }

    #[inline]
    fn pick_up(&self) -> Option<P> {
        match self.empty() {
            Content::Here(content) => Some(content),
            Content::Nowhere | Content::Result(_) => None,
        }
    }

    #[inline]
    fn take_result(&self) -> Option<R> {
        match self.empty() {
            Content::Result(result) => Some(result),
            Content::Nowhere | Content::Here(_) => None,
        }
    }

    /// Carrier, or owner of a baton that was left: takes what is there.
    #[inline]
    fn empty(&self) -> Content<P, R> {
        // SAFETY: called by the carrier alone: whoever moved the state away from `RESTING`
        // (and acquired the write of the one who laid the content down), or the carrier
        // who was refused; nobody else touches the cell while it is carried. Or by the owner,
        // of whom there is one, after it saw `LEFT` and acquired the carrier's write, which
        // was the carrier's last access.
        self.content
            .with_mut(|place| unsafe { replace(&mut *place, Content::Nowhere) })
    }

    /// Carrier: lays something down in the empty place.
    #[inline]
    fn fill(&self, content: Content<P, R>) {
        // SAFETY: as in `empty`: the caller is the carrier, the state still says so. What is
        // overwritten is `Nowhere`, which has nothing to be dropped.
        self.content
            .with_mut(|place| unsafe { place.write(content) });
    }
}
