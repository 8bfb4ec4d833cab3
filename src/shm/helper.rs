//! The thread that sleeps for the tasks of this process.
//!
//! A task cannot sleep in a system call, so one thread does it for all: it is the sleeper of
//! [`signal`](super::signal) for every file for which somebody in this process waits. When it
//! wakes it looks at the values, and tells those whose wait is over; so a task is woken only for
//! what concerns it. Predicates and wakers run on this thread, while no lock is held.
//!
//! Whoever waits holds a [`Ticket`]. The first one starts the thread; without one it ends,
//! after a while in which the next may come. One thread sleeps for as many files as the kernel
//! can wait for at once.
//!
//! What is to be looked at stands in a list. The thread keeps what it has read there, and reads it
//! again when there are news, and when it has slept for as long as it may.

use std::{
    cell::Cell,
    io, iter, mem,
    sync::OnceLock,
    time::{Duration, Instant},
};

use super::{error::ShmError, os, signal::Signal};
use crate::{
    sync::{Arc, AtomicU32, Mutex, Ordering},
    wait::panics,
};

/// A value that the thread looks at.
pub(super) trait Watched: Send + Sync {
    fn signal(&self) -> Signal<'_>;

    /// Whether it was opened by a process from which this one was forked.
    fn is_foreign(&self) -> bool;

    /// How long it may sleep without a look.
    fn recheck(&self) -> Duration;

    /// Tells those who wait for it what it is now.
    fn look(&self);

    /// Gives back what others may want: no handle is left, though the thread may hold it still.
    fn retire(&self) {}
}

/// For so long the thread stays when nobody waits.
const LINGER: Duration = Duration::from_millis(100);

/// Files that one thread sleeps for; and the files.
struct Group {
    /// That of the process which started the thread: in a younger one it is not.
    generation: u64,
    /// Another number whenever the thread should look at the list.
    news: AtomicU32,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    is_running: bool,
    /// For how long the thread sleeps at most.
    sleep: Duration,
}

struct Entry {
    watched: Arc<dyn Watched>,
    tickets: usize,
    /// Since when there are no tickets.
    idle_since: Option<Instant>,
}

/// All groups of a process.
///
/// A child that was forked has none of the threads, and cannot ask for the lock: a thread that it has
/// not may hold it. So it has groups of its own, and leaves those that it has inherited alone.
struct Groups {
    generation: u64,
    groups: Mutex<Vec<Arc<Group>>>,
    of_a_child: OnceLock<Box<Groups>>,
}

impl Groups {
    fn new() -> Self {
        Self {
            generation: os::generation(),
            groups: Mutex::default(),
            of_a_child: OnceLock::new(),
        }
    }
}

/// The groups of this process.
fn groups() -> &'static Mutex<Vec<Arc<Group>>> {
    static FIRST: OnceLock<Groups> = OnceLock::new();
    let generation = os::generation();
    let mut groups = FIRST.get_or_init(Groups::new);
    while groups.generation != generation {
        groups = groups.of_a_child.get_or_init(|| Box::new(Groups::new()));
    }
    &groups.groups
}

/// Somebody waits: as long as it lives the thread looks at the value.
pub(super) struct Ticket {
    group: Arc<Group>,
    /// The value, as an address.
    watched: *const (),
}

// SAFETY: the address is compared, and never followed.
#[allow(unsafe_code)]
unsafe impl Send for Ticket {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Ticket {}

fn address(watched: &Arc<dyn Watched>) -> *const () {
    Arc::as_ptr(watched).cast()
}

/// Has the thread look at a value from now on.
///
/// # Errors
///
/// If the thread cannot be started, or if this process was forked since the file was opened.
pub(super) fn attend(watched: Arc<dyn Watched>) -> Result<Ticket, ShmError> {
    if watched.is_foreign() {
        return Err(ShmError::Forked);
    }
    let address = address(&watched);
    let group = admit(&mut groups().lock(), watched)?;
    Ok(Ticket {
        group,
        watched: address,
    })
}

/// Lets go of a value whose last handle is gone. A wait that holds a ticket still was forgotten:
/// nobody will poll it any more.
pub(super) fn forget(watched: &Arc<dyn Watched>) {
    if watched.is_foreign() {
        // The list is not this process's, and may be locked by a thread that is not here.
        return;
    }
    watched.retire();
    let address = address(watched);
    let groups = groups().lock().clone();
    for group in groups {
        let gone = group.list.lock().remove(address);
        if gone.is_some() {
            group.knock();
        }
    }
}

/// One more ticket for a value, in a group whose thread runs and knows of it.
///
/// All groups are locked meanwhile: else two values could take the last place of one, or one
/// value a place in two.
fn admit(groups: &mut Vec<Arc<Group>>, watched: Arc<dyn Watched>) -> Result<Arc<Group>, ShmError> {
    let group = group_for(groups, address(&watched));
    let mut list = group.list.lock();
    if !list.is_running {
        start(&group)?;
    }
    list.is_running = true;
    if list.admit(watched) {
        // Under the lock: the next one finds the value in the list, and relies on this.
        group.knock();
    }
    drop(list);
    Ok(group)
}

/// The group of a value: its own, else one with room for it.
fn group_for(groups: &mut Vec<Arc<Group>>, address: *const ()) -> Arc<Group> {
    let own = |group: &&Arc<Group>| group.list.lock().position(address).is_some();
    let roomy = |group: &&Arc<Group>| group.list.lock().has_room();
    if let Some(group) = groups
        .iter()
        .find(own)
        .or_else(|| groups.iter().find(roomy))
    {
        return group.clone();
    }
    let group = Arc::new(Group {
        generation: os::generation(),
        news: AtomicU32::new(0),
        list: Mutex::default(),
    });
    groups.push(group.clone());
    group
}

fn start(group: &Arc<Group>) -> Result<(), ShmError> {
    let group = group.clone();
    let thread = std::thread::Builder::new().name("atomos-shm".into());
    match thread.spawn(move || group.run()) {
        Ok(_) => Ok(()),
        Err(error) => Err(ShmError::Io(io::Error::new(
            error.kind(),
            format!("no thread can be started to sleep for those who wait: {error}"),
        ))),
    }
}

impl List {
    fn position(&self, address: *const ()) -> Option<usize> {
        let is_it = |entry: &Entry| self::address(&entry.watched) == address;
        self.entries.iter().position(is_it)
    }

    fn has_room(&self) -> bool {
        if os::can_sleep_on_many() {
            // One word is that of the list.
            self.entries.len() < os::MOST_WORDS - 1
        } else {
            // A thread that sleeps for one value does not hear of another one.
            !self.is_running
        }
    }

    /// One more ticket for a value. True if it was not in the list.
    fn admit(&mut self, watched: Arc<dyn Watched>) -> bool {
        let position = self.position(address(&watched));
        match position {
            Some(i) => {
                self.entries[i].tickets += 1;
                self.entries[i].idle_since = None;
            }
            None => self.entries.push(Entry {
                watched,
                tickets: 1,
                idle_since: None,
            }),
        }
        position.is_none()
    }

    /// One ticket less. True if it was the last for that value.
    fn return_ticket(&mut self, address: *const ()) -> bool {
        let Some(i) = self.position(address) else {
            return false;
        };
        let entry = &mut self.entries[i];
        entry.tickets -= 1;
        let is_idle = entry.tickets == 0;
        if is_idle {
            entry.idle_since = Some(Instant::now());
        }
        is_idle
    }

    /// Until the next look at a value, or at the list.
    fn longest_sleep(&self) -> Duration {
        let is_idle = self.entries.iter().any(|entry| entry.idle_since.is_some());
        // Who sleeps for one value alone hears of no news.
        let by_itself = match is_idle || !os::can_sleep_on_many() {
            true => LINGER,
            false => Duration::MAX,
        };
        let rechecks = self.entries.iter().map(|entry| entry.watched.recheck());
        rechecks.fold(by_itself, Duration::min)
    }

    fn remove(&mut self, address: *const ()) -> Option<Entry> {
        let i = self.position(address)?;
        Some(self.entries.swap_remove(i))
    }

    /// Removes those for whom nobody has waited for a while.
    fn remove_idle(&mut self, now: Instant) -> Vec<Entry> {
        let is_idle = |entry: &Entry| {
            let since = entry.idle_since;
            since.is_some_and(|since| now.duration_since(since) >= LINGER)
        };
        let mut idle = Vec::new();
        while let Some(i) = self.entries.iter().position(is_idle) {
            idle.push(self.entries.swap_remove(i));
        }
        idle
    }
}

thread_local! {
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is one that sleeps for tasks: then it must not wait for what it would have to
/// look at itself.
pub(super) fn is_here() -> bool {
    IS_HERE.get()
}

/// What the thread keeps from turn to turn.
#[derive(Default)]
struct Hand {
    /// The news after which the list was read.
    news: Option<u32>,
    /// When it is to be read again, if there are no news. `None` if that is beyond all time.
    until: Option<Instant>,
    watched: Vec<Arc<dyn Watched>>,
    epochs: Vec<u32>,
    /// Which one is looked at first: the one that has woken the thread.
    first: usize,
    bed: os::Bed,
}

impl Group {
    /// Has the thread look at the list.
    fn knock(&self) {
        self.news.fetch_add(1, Ordering::SeqCst);
        os::wake(&self.news);
    }

    fn run(&self) {
        IS_HERE.set(true);
        let mut hand = Hand::default();
        while self.is_needed(&mut hand) {
            self.turn(&mut hand);
        }
    }

    /// Reads the list, if it has to be read. False if the thread should end.
    fn is_needed(&self, hand: &mut Hand) -> bool {
        let news = self.news.load(Ordering::SeqCst);
        let now = Instant::now();
        let is_due = hand.until.is_some_and(|until| until <= now);
        if hand.news == Some(news) && !is_due {
            return true;
        }
        hand.news = Some(news);
        let gone;
        let watched = {
            let mut list = self.list.lock();
            gone = list.remove_idle(now);
            list.is_running = !list.entries.is_empty();
            list.sleep = list.longest_sleep();
            hand.until = now.checked_add(list.sleep);
            list.entries.iter().map(|one| one.watched.clone()).collect()
        };
        for one in mem::replace(&mut hand.watched, watched) {
            // It may be the last to hold it.
            quietly(|| drop(one));
        }
        for entry in gone {
            quietly(|| drop(entry));
        }
        !hand.watched.is_empty()
    }

    /// Looks at all values, and sleeps until one of them changes.
    fn turn(&self, hand: &mut Hand) {
        let count = hand.watched.len();
        hand.epochs.resize(count, 0);
        for n in 0..count {
            let i = (hand.first + n) % count;
            let one = &hand.watched[i];
            hand.epochs[i] = one.signal().arm();
            quietly(|| one.look());
        }
        let until = hand.until.map(|until| until - Instant::now());
        let own = iter::once((&self.news, hand.news.unwrap_or_default()));
        let others = hand.watched.iter().zip(&hand.epochs);
        let others = others.map(|(one, epoch)| (one.signal().epoch, *epoch));
        let woken = hand
            .bed
            .sleep(own.chain(others), until.unwrap_or(Duration::MAX));
        // The first word is that of the list.
        hand.first = woken.map_or(0, |word| word.saturating_sub(1));
    }
}

/// A waker or a destructor that panics has disturbed nobody, and here is nobody to whom the panic
/// belongs.
fn quietly(f: impl FnOnce()) {
    if let Err(payload) = panics::run(f) {
        panics::discard(payload);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.group.generation != os::generation() {
            // As in `forget`.
            return;
        }
        let sleeps_too_long = {
            let mut list = self.group.list.lock();
            list.return_ticket(self.watched) && list.sleep > LINGER
        };
        if sleeps_too_long {
            self.group.knock();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
