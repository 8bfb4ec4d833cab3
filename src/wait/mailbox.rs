//! What a stream has not taken yet, and the task that waits for it.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use super::{condition::Fate, panics::Panics, spot::Spot};

/// What a mailbox keeps of the events delivered to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// All of them, until they are taken.
    All,
    /// The latest so many; how many more there were is counted.
    Latest(usize),
    /// The first one only, after which the mailbox leaves.
    First,
    /// None: the owner is told that there was something, and looks itself.
    Nothing,
}

/// A handle of something, which counts when it is cloned and runs no code of the user's.
pub(crate) trait Event: Clone {
    /// Different for handles of different things of one source, as long as there are handles of
    /// both; and ever after, where the source has a [line](super::line).
    fn identity(&self) -> u64;

    /// Makes `n` clones, in one step where that is cheaper.
    fn clone_many(&self, n: usize, into: &mut Vec<Self>) {
        into.extend(std::iter::repeat_with(|| self.clone()).take(n));
    }
}

/// Handles of the two sides of an event, as many as there may be mailboxes that keep it.
pub(crate) struct Stock<E> {
    pub(crate) old: Vec<E>,
    pub(crate) new: Vec<E>,
}

/// What a look into the mailbox found.
pub(crate) enum Mail<E> {
    /// An event and its predecessor.
    Change { old: E, new: E },
    /// So many were dropped to make room.
    Missed(u64),
    /// Something happened (`Keep::Nothing`).
    News,
    /// Nothing more will come.
    End,
}

/// Where states are left until they are told or taken, room for so many is kept for the next ones.
pub(crate) const KEPT: usize = 64;

pub(crate) struct Mailbox<E> {
    keep: Keep,
    spot: Spot<State<E>>,
}

struct State<E> {
    /// A run of states: the first one is the predecessor of the first undelivered event,
    /// the others are the events. Empty when there is nothing to take, so that an idle
    /// mailbox keeps no value alive.
    run: VecDeque<E>,
    missed: u64,
    news: bool,
    closed: bool,
    cancelled: bool,
    /// `Keep::First` has got its event, so that the deliverer has let go of the mailbox.
    served: bool,
}

impl<E: Event> Mailbox<E> {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            keep,
            spot: Spot::new(State {
                run: VecDeque::new(),
                missed: 0,
                news: false,
                closed: false,
                cancelled: false,
                served: false,
            }),
        }
    }

    /// Deliverer: `new` has replaced `old`. Takes a handle of each from the stock if
    /// it keeps them; what it does not need any more goes there.
    pub(crate) fn deliver(&self, stock: &mut Stock<E>, panics: &mut Panics) -> Fate {
        let ((fate, spent), waker) = self.spot.change(|state| {
            if state.cancelled {
                (Fate::Leaves, None)
            } else if self.keep == Keep::Nothing {
                state.news = true;
                (Fate::Stays, None)
            } else {
                state.put(self.keep, stock)
            }
        });
        if spent.is_some() {
            panics.catch(|| drop(spent));
        }
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
        fate
    }

    /// Deliverer: nothing more will come.
    pub(crate) fn close(&self, panics: &mut Panics) {
        let ((), waker) = self.spot.change(|state| state.closed = true);
        if let Some(waker) = waker {
            panics.catch(|| waker.wake());
        }
    }

    /// Owner: the next event, or parks.
    #[inline]
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Mail<E>> {
        self.spot.poll(cx, State::get)
    }

    /// Owner, about to leave: drops what was kept. True if a dead registration stays behind.
    pub(crate) fn cancel(&self, panics: &mut Panics) -> bool {
        let ((run, registered), waker) = self.spot.change(|state| {
            let registered = !state.closed && !state.cancelled && !state.served;
            state.cancelled = true;
            (std::mem::take(&mut state.run), registered)
        });
        panics.catch(|| drop(run));
        panics.catch(|| drop(waker));
        registered
    }

    /// Whether the owner has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.spot.with(|state| state.cancelled)
    }
}

impl<E: Event> State<E> {
    /// Files an event; gives back what is to be dropped outside of the lock.
    fn put(&mut self, keep: Keep, stock: &mut Stock<E>) -> (Fate, Option<E>) {
        if self.run.is_empty() {
            if let Some(old) = stock.old.pop() {
                self.run.push_back(old);
            }
        }
        if let Some(new) = stock.new.pop() {
            self.run.push_back(new);
        }
        match keep {
            Keep::Latest(n) if self.run.len() - 1 > n => {
                self.missed += 1;
                (Fate::Stays, self.run.pop_front())
            }
            Keep::First => {
                self.served = true;
                (Fate::Leaves, None)
            }
            _ => (Fate::Stays, None),
        }
    }

    fn get(&mut self) -> Option<Mail<E>> {
        if self.missed > 0 {
            let missed = std::mem::take(&mut self.missed);
            return Some(Mail::Missed(missed));
        }
        if let Some(old) = self.run.pop_front() {
            return self.successor().map(|new| Mail::Change { old, new });
        }
        if self.closed {
            return Some(Mail::End);
        }
        std::mem::take(&mut self.news).then_some(Mail::News)
    }

    /// The event behind the one just taken, which stays as the next one's predecessor
    /// where there is a next one.
    fn successor(&mut self) -> Option<E> {
        if self.run.len() == 1 {
            let last = self.run.pop_front();
            self.run.shrink_to(KEPT);
            last
        } else {
            self.run.front().cloned()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Waker;

    use super::*;

    fn post(mailbox: &Mailbox<u64>, old: u64, new: u64) -> Fate {
        let (old, new) = (vec![old], vec![new]);
        mailbox.deliver(&mut Stock { old, new }, &mut Panics::new())
    }

    /// Whether its registration stays behind when the owner leaves.
    fn leaves_a_record(mailbox: &Mailbox<u64>) -> bool {
        mailbox.cancel(&mut Panics::new())
    }

    #[test]
    fn a_record_stays_behind_of_an_owner_that_could_be_told_more() {
        for keep in [Keep::All, Keep::Latest(1), Keep::First, Keep::Nothing] {
            let mailbox = Mailbox::new(keep);
            assert!(leaves_a_record(&mailbox), "{keep:?}");
            assert!(mailbox.is_over());
            assert!(!leaves_a_record(&mailbox), "{keep:?}: it has left");
            assert_eq!(post(&mailbox, 1, 2), Fate::Leaves);

            let mailbox = Mailbox::<u64>::new(keep);
            mailbox.close(&mut Panics::new());
            assert!(!mailbox.is_over());
            assert!(!leaves_a_record(&mailbox), "{keep:?}: it was closed");

            let mailbox = Mailbox::new(keep);
            let stays = keep != Keep::First;
            assert_eq!(post(&mailbox, 1, 2) == Fate::Stays, stays, "{keep:?}");
            assert_eq!(leaves_a_record(&mailbox), stays, "{keep:?}: it was told");
        }
    }

    #[test]
    fn events_are_taken_in_order_and_the_end_last() {
        let mailbox = Mailbox::new(Keep::Latest(2));
        let mut cx = Context::from_waker(Waker::noop());
        for old in 1..=4 {
            assert_eq!(post(&mailbox, old, old + 1), Fate::Stays);
        }
        mailbox.close(&mut Panics::new());
        assert!(matches!(
            mailbox.poll(&mut cx),
            Poll::Ready(Mail::Missed(2))
        ));
        for taken in 3..=4 {
            let mail = mailbox.poll(&mut cx);
            assert!(
                matches!(mail, Poll::Ready(Mail::Change { old, new }) if (old, new) == (taken, taken + 1))
            );
        }
        assert!(matches!(mailbox.poll(&mut cx), Poll::Ready(Mail::End)));
    }
}
