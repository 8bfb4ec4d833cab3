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

use std::{
    io, mem,
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
    /// How many forks the process had seen: in a later one the thread is not.
    forks: u64,
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

/// All groups of this process, and of how many forks they know.
struct Groups {
    forks: u64,
    groups: Vec<Arc<Group>>,
}

static GROUPS: OnceLock<Mutex<Groups>> = OnceLock::new();

fn groups() -> &'static Mutex<Groups> {
    GROUPS.get_or_init(|| {
        let (forks, groups) = (os::forks(), Vec::new());
        Mutex::new(Groups { forks, groups })
    })
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
    let (group, is_new) = groups().lock().admit(watched)?;
    if is_new {
        group.knock();
    }
    Ok(Ticket {
        group,
        watched: address,
    })
}

/// Lets go of a value that nobody will wait for any more.
pub(super) fn forget(watched: &Arc<dyn Watched>) {
    if watched.is_foreign() {
        // The list is not this process's, and may be locked by a thread that is not here.
        return;
    }
    watched.retire();
    let address = address(watched);
    let groups: Vec<_> = groups().lock().groups.clone();
    for group in groups {
        let gone = group.list.lock().remove_idle(address);
        if gone.is_some() {
            group.knock();
        }
    }
}

impl Groups {
    /// One more ticket for a value, in a group whose thread runs. True if it was not in the list.
    ///
    /// All groups are locked meanwhile: else two values could take the last place of one, or one
    /// value a place in two.
    fn admit(&mut self, watched: Arc<dyn Watched>) -> Result<(Arc<Group>, bool), ShmError> {
        let group = self.group_for(address(&watched));
        let mut list = group.list.lock();
        if !list.is_running && !start(&group) {
            return Err(ShmError::Io(io::Error::other(
                "no thread can be started to sleep for those who wait",
            )));
        }
        list.is_running = true;
        let is_new = list.admit(watched);
        drop(list);
        Ok((group, is_new))
    }

    /// The group of a value: its own, else one with room for it.
    fn group_for(&mut self, address: *const ()) -> Arc<Group> {
        let forks = os::forks();
        if self.forks != forks {
            // The threads were those of the process from which this one was forked.
            mem::forget(mem::take(&mut self.groups));
            self.forks = forks;
        }
        let own = |group: &&Arc<Group>| group.list.lock().position(address).is_some();
        let roomy = |group: &&Arc<Group>| group.list.lock().has_room();
        let groups = &mut self.groups;
        if let Some(group) = groups
            .iter()
            .find(own)
            .or_else(|| groups.iter().find(roomy))
        {
            return group.clone();
        }
        let group = Arc::new(Group {
            forks,
            news: AtomicU32::new(0),
            list: Mutex::default(),
        });
        groups.push(group.clone());
        group
    }
}

fn start(group: &Arc<Group>) -> bool {
    let group = group.clone();
    let thread = std::thread::Builder::new().name("atomos-shm".into());
    thread.spawn(move || group.run()).is_ok()
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

    fn remove_idle(&mut self, address: *const ()) -> Option<Entry> {
        let i = self.position(address)?;
        (self.entries[i].tickets == 0).then(|| self.entries.swap_remove(i))
    }
}

impl Group {
    /// Has the thread look at the list.
    fn knock(&self) {
        self.news.fetch_add(1, Ordering::SeqCst);
        os::wake(&self.news);
    }

    fn run(&self) {
        loop {
            let news = self.news.load(Ordering::SeqCst);
            let Some((watched, sleep)) = self.watched() else {
                return;
            };
            self.turn(news, &watched, sleep);
            for one in watched {
                // It may be the last to hold it.
                quietly(|| drop(one));
            }
        }
    }

    /// Looks at all values, and sleeps until one of them changes.
    fn turn(&self, news: u32, watched: &[Arc<dyn Watched>], sleep: Duration) {
        let mut words = vec![(&self.news, news)];
        for one in watched {
            let epoch = one.signal().arm();
            quietly(|| one.look());
            words.push((one.signal().epoch, epoch));
        }
        os::sleep(&words, sleep);
    }

    /// What there is to look at, and when at the latest again. `None` if the thread should end.
    fn watched(&self) -> Option<(Vec<Arc<dyn Watched>>, Duration)> {
        let mut gone = Vec::new();
        let watched = {
            let mut list = self.list.lock();
            let now = Instant::now();
            let mut i = 0;
            while i < list.entries.len() {
                let entry = &list.entries[i];
                let idle = entry.idle_since.map(|since| now - since);
                if idle.is_some_and(|idle| idle >= LINGER) {
                    gone.push(list.entries.swap_remove(i));
                } else {
                    i += 1;
                }
            }
            list.is_running = !list.entries.is_empty();
            list.sleep = list.longest_sleep();
            let entries = list.entries.iter();
            let watched = entries.map(|entry| entry.watched.clone()).collect();
            list.is_running.then_some((watched, list.sleep))
        };
        for entry in gone {
            quietly(|| drop(entry));
        }
        watched
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
        if self.group.forks != os::forks() {
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
mod tests;
