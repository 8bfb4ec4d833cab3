//! [`Atom`]: a value of any size that processes share.

mod opening;
mod snapshots;
mod waits;

pub use self::snapshots::Snapshots;

use std::{fmt, panic};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    codec,
    error::ShmError,
    helper::{self, Watched},
    signal::Signal,
    spare::Spare,
    store::{Store, Version},
    waiting::Keeper,
};
use crate::{
    atom::node::Draft,
    snapshot::{Conflict, Snapshot},
    sync::{Arc, AtomicBool, AtomicU64, Ordering},
    wait::{
        arrivals::Write,
        listeners::Listeners,
        presence::Presence,
        roster::{Name, Observer},
        source::{Registered, Source},
    },
};

/// A value in a file, changed as a whole by compare-and-swap between processes.
///
/// It is to processes what [`atomos::Atom`](crate::Atom) is to threads: immutable values, each with a
/// version, which is one more than that of the value before it in the eyes of every process.
/// There is no lock. However a process dies, the value is whole, and the others go on at
/// once; [how it works](super#how-it-works) says why.
///
/// Values are encoded with `postcard`, so they implement `serde`'s traits; types that do not
/// say how they look (`#[serde(untagged)]`, `#[serde(flatten)]`) cannot be decoded. The *tag* names
/// the type and its revision, such as `"config 2"`: whoever asks for another one gets an error.
///
/// Clones are the same atom. Each `open` is a participant of its own: open a file once
/// in a process, and clone the handle.
///
/// # Waits
///
/// A wait ends with a value that satisfied it when this process looked. It looks when it is woken by
/// a commit that any process has made, and by itself once in [`recheck`](super::Options::recheck). So,
/// other than in one process, *a value that came and went between two looks may be missed*.
///
/// The predicate is called by the task that waits, at first, and then by a thread that sleeps for the
/// waits of the process (now and then by a thread that drops another wait for the same value). It is
/// started by the first wait that is not over at once, and ends soon after the last. A
/// predicate should return quickly. `blocking_wait_for` there would wait for its own thread: it panics unless
/// the value satisfies it already, and with a timeout it times out.
///
/// # Examples
///
/// ```
/// use atomos::shm;
///
/// # let folder = std::env::temp_dir();
/// # let path = folder.join(format!("atomos-doc-atom-{}", std::process::id()));
/// // Say, "/dev/shm/team".
/// let team = shm::Atom::open(&path, "team 1", Vec::<String>::new)?;
/// team.swap(|team| [team.as_slice(), &["ada".into()]].concat())?;
///
/// // In another process, or here:
/// let same = shm::Atom::open(&path, "team 1", Vec::<String>::new)?;
/// assert_eq!(*same.load()?, ["ada"]);
/// assert_eq!(same.version(), 1);
/// # std::fs::remove_file(&path)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Atom<T> {
    inner: Arc<Inner<T>>,
    keeper: Arc<Keeper>,
}

/// What the handles of one participant share.
struct Inner<T> {
    core: Arc<Core>,
    /// The value that was decoded last.
    cache: crate::Atom<Option<Cached<T>>>,
}

type Cached<T> = (Version, Snapshot<T>);

/// What does not depend on the type.
struct Core {
    store: Store,
    encoding: Spare,
    decoding: Spare,
    /// They are told versions.
    listeners: Listeners<u64>,
    /// Somebody may be among them.
    present: AtomicBool,
    /// The version that they were told last, plus one.
    told: AtomicU64,
}

/// # Reading
impl<T: DeserializeOwned> Atom<T> {
    /// The value. While it is unchanged this costs a load and a clone of the snapshot.
    ///
    /// # Errors
    ///
    /// If the value is damaged, is no encoding of `T`, or cannot be read: see [`ShmError`].
    pub fn load(&self) -> Result<Snapshot<T>, ShmError> {
        Ok(self.inner.current()?.1)
    }
}

impl<T> Atom<T> {
    /// The version: how many commits there were. A load, no more.
    pub fn version(&self) -> u64 {
        self.inner.core.store.now().number()
    }
}

/// # Writing
///
/// What is committed is encoded first, and a value that cannot be is an error. An update closure
/// runs again when another commit was quicker, in whatever process; if it panics nothing has
/// changed.
impl<T: Serialize + DeserializeOwned> Atom<T> {
    /// Replaces the value with `value`. Returns its snapshot.
    ///
    /// # Errors
    ///
    /// If there is no room for it, or it cannot be encoded: see [`ShmError`]. A value that is damaged
    /// is no error: it is replaced.
    pub fn reset(&self, value: T) -> Result<Snapshot<T>, ShmError> {
        self.inner.core.store.shared.check_own()?;
        let mut bytes = self.inner.core.encoding.lend();
        codec::encode(&value, &mut bytes)?;
        loop {
            let now = self.inner.core.store.now();
            if let Some(version) = self.inner.core.store.commit(now, &bytes)? {
                return Ok(self.inner.made(version, value));
            }
        }
    }

    /// Replaces the value with what `f` returns for it. Returns its snapshot.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) and [`reset`](Self::reset).
    pub fn swap(&self, mut f: impl FnMut(&T) -> T) -> Result<Snapshot<T>, ShmError> {
        match self.swap_if(|value| Some(f(value)))? {
            Some(snapshot) => Ok(snapshot),
            None => unreachable!("the closure makes something of every value"),
        }
    }

    /// Replaces the value with what `f` returns for it; if that is `None`, nothing changes.
    ///
    /// # Errors
    ///
    /// As [`swap`](Self::swap).
    pub fn swap_if(
        &self,
        mut f: impl FnMut(&T) -> Option<T>,
    ) -> Result<Option<Snapshot<T>>, ShmError> {
        loop {
            let (now, snapshot) = self.inner.current()?;
            let Some(value) = f(&snapshot) else {
                return Ok(None);
            };
            let mut bytes = self.inner.core.encoding.lend();
            codec::encode(&value, &mut bytes)?;
            if let Some(version) = self.inner.core.store.commit(now, &bytes)? {
                return Ok(Some(self.inner.made(version, value)));
            }
        }
    }

    /// Replaces the value with `new` if nobody has committed since `current` was loaded.
    ///
    /// It may have been loaded by another handle of the same file, if one value always has one
    /// encoding: that of a `HashMap` depends on its order, which is another one in each copy. A snapshot
    /// of another file with the same version and value is not told apart.
    ///
    /// # Errors
    ///
    /// The outer one as [`swap`](Self::swap), and `new` is dropped. The inner one if somebody has: it
    /// has the current snapshot, and gives `new` back.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomos::shm;
    ///
    /// # let path = std::env::temp_dir().join(format!("atomos-doc-exchange-{}", std::process::id()));
    /// let limit = shm::Atom::open(&path, "limit 1", || 1_u32)?; // say, "/dev/shm/limit"
    /// let seen = limit.load()?;
    /// assert!(limit.compare_exchange(&seen, 2)?.is_ok());
    /// let conflict = limit.compare_exchange(&seen, 3)?.unwrap_err();
    /// assert_eq!((*conflict.current, conflict.rejected), (2, 3));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_exchange(
        &self,
        current: &Snapshot<T>,
        new: T,
    ) -> Result<Result<Snapshot<T>, Conflict<T>>, ShmError> {
        self.inner.core.store.shared.check_own()?;
        let mut bytes = self.inner.core.encoding.lend();
        codec::encode(&new, &mut bytes)?;
        loop {
            let (now, snapshot) = self.inner.current()?;
            if !is_same(current, &snapshot)? {
                return Ok(Err(Conflict {
                    current: snapshot,
                    rejected: new,
                }));
            }
            if let Some(version) = self.inner.core.store.commit(now, &bytes)? {
                return Ok(Ok(self.inner.made(version, new)));
            }
        }
    }
}

/// Whether both are one commit. Two that were decoded apart have the same encoding then, and those of
/// different atoms with the same version most often have not.
fn is_same<T: Serialize>(a: &Snapshot<T>, b: &Snapshot<T>) -> Result<bool, ShmError> {
    if Snapshot::version(a) != Snapshot::version(b) {
        return Ok(false);
    }
    if Snapshot::ptr_eq(a, b) {
        return Ok(true);
    }
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    codec::encode(&**a, &mut of_a)?;
    codec::encode(&**b, &mut of_b)?;
    Ok(of_a == of_b)
}

impl<T: DeserializeOwned> Inner<T> {
    /// The value, and the head that says so.
    fn current(&self) -> Result<Cached<T>, ShmError> {
        self.core.store.shared.check_own()?;
        let now = self.core.store.now();
        let known = self.cache.with(|cached| match cached {
            Some((version, snapshot)) if *version == now => Some(snapshot.clone()),
            _ => None,
        });
        if let Some(snapshot) = known {
            return Ok((now, snapshot));
        }
        let mut buffer = self.core.decoding.lend();
        let (version, bytes) = self.core.store.read(&mut buffer)?;
        Ok((version, self.made(version, codec::decode(bytes)?)))
    }
}

impl<T> Inner<T> {
    /// The snapshot of a version, which is `value`. There is one only, if it is the current one.
    fn made(&self, version: Version, value: T) -> Snapshot<T> {
        let snapshot = Snapshot(Draft::new(value, version.number()).detached());
        let mut answer = snapshot.clone();
        self.cache.swap_if(|cached| {
            answer = snapshot.clone();
            if let Some((known, other)) = cached {
                if *known == version {
                    answer = other.clone();
                }
                if known.number() >= version.number() {
                    return None;
                }
            }
            Some(Some((version, snapshot.clone())))
        });
        answer
    }
}

impl Core {
    fn version(&self) -> u64 {
        self.store.now().number()
    }

    /// Looks, and tells; so many waits had `begun` before.
    fn look_after(&self, begun: u64) {
        let now = self.version();
        // Relaxed: this thread alone uses it. Versions do not come back, so who waits has judged
        // this one, or registered at it.
        let told = self.told.swap(now + 1, Ordering::Relaxed);
        if told != now + 1 && self.present.load(Ordering::SeqCst) {
            let (old, new) = (now, now);
            let write = Write { old, new, begun };
            self.listeners.tell(write, self);
        }
    }
}

impl Watched for Core {
    fn signal(&self) -> Signal<'_> {
        self.store.shared.signal()
    }

    fn is_foreign(&self) -> bool {
        self.store.shared.is_foreign()
    }

    fn recheck(&self) -> std::time::Duration {
        self.store.shared.recheck
    }

    fn look(&self) {
        self.look_after(self.listeners.arrivals().so_far());
    }

    fn retire(&self) {
        self.store.leave();
    }
}

impl Presence<u64> for Core {
    fn look(&self) -> u64 {
        self.version()
    }

    fn raise(&self) -> bool {
        // SeqCst, as all of this: before the number of the wait, and its look.
        let is_first = !self.present.swap(true, Ordering::SeqCst);
        // A sleeper of its own: else a writer that is stopped between disarming and waking would keep
        // this wait from the wake of the next one.
        self.store.shared.signal().arm();
        is_first
    }

    fn lower(&self) {
        self.present.store(false, Ordering::SeqCst);
    }
}

impl Source for Core {
    type Event = u64;

    fn register(&self, observer: Observer<u64>) -> Registered<u64> {
        Registered::Since(self.listeners.register(observer, self), Vec::new())
    }

    fn withdraw(&self, observer: Name) -> bool {
        self.listeners.withdraw(observer)
    }

    fn tidy(&self) {
        self.listeners.tidy(self);
    }

    fn is_foreign(&self) -> bool {
        self.store.shared.is_foreign()
    }

    fn look(&self) -> u64 {
        self.version()
    }

    fn is_deliverer(&self) -> bool {
        helper::is_here() || self.listeners.is_deliverer()
    }
}

impl<T> Clone for Atom<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            keeper: self.keeper.clone(),
        }
    }
}

impl<T> fmt::Debug for Atom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut atom = f.debug_struct("Atom");
        atom.field("version", &self.version());
        atom.finish_non_exhaustive()
    }
}

// As for the atom of one process.
impl<T> panic::UnwindSafe for Atom<T> {}
impl<T> panic::RefUnwindSafe for Atom<T> {}

#[cfg(test)]
mod tests;
