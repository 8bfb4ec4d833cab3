//! The one door to the operating system: what is asked of it beyond `std`. Linux.
//!
//! Another system is another file of these functions.

#![allow(unsafe_code)]

mod generation;

pub(super) use self::generation::generation;

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, CWD, FallocateFlags, OFlags},
    io::Errno,
    thread::futex,
    time::{ClockId, Timespec, clock_gettime},
};

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// At most so many words can be waited for at once.
pub(super) const MOST_WORDS: usize = 128;

/// The words of one sleep. It is kept from sleep to sleep for its memory.
#[derive(Default)]
pub(super) struct Bed(Vec<futex::Wait>);

impl Bed {
    /// Sleeps while all words have the values given, at most for `timeout`; or the last of them has, if
    /// the kernel cannot wait for more. The number of a word that has woken it, if the kernel says so.
    ///
    /// Whatever wakes it, a change, the timeout, a signal, the caller has to look for itself.
    pub(super) fn sleep<'w>(
        &mut self,
        words: impl Iterator<Item = (&'w AtomicU32, u32)>,
        timeout: Duration,
    ) -> Option<usize> {
        let slept = if can_sleep_on_many() {
            self.0.clear();
            self.0.extend(words.map(|(word, value)| wait(word, value)));
            sleep_for_any(&self.0, timeout)
        } else {
            let (word, value) = words.last()?;
            let timeout = timespec(timeout);
            let slept = futex::wait(word, futex::Flags::empty(), value, Some(&timeout));
            slept.map(|()| 0)
        };
        match slept {
            Ok(woken) => Some(woken),
            Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => None,
            Err(_) => {
                // No memory, say: it must not turn without a pause.
                std::thread::sleep(timeout.min(Duration::from_millis(1)));
                None
            }
        }
    }
}

/// Whether the kernel has `futex_waitv` (Linux 5.16), and lets this process use it.
pub(super) fn can_sleep_on_many() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        #[cfg(test)]
        if std::env::var_os(NOT_ON_MANY).is_some() {
            return false;
        }
        let word = AtomicU32::new(0);
        let tried = sleep_for_any(&[wait(&word, 1)], Duration::ZERO);
        !matches!(tried, Err(Errno::NOSYS | Errno::PERM))
    })
}

/// A variable of the environment with which tests play an older kernel.
#[cfg(test)]
pub(super) const NOT_ON_MANY: &str = "ATOMOS_TEST_NOT_ON_MANY";

fn sleep_for_any(waits: &[futex::Wait], timeout: Duration) -> Result<usize, Errno> {
    let now = clock_gettime(ClockId::Monotonic);
    let until = now.checked_add(timespec(timeout));
    let flags = futex::WaitvFlags::empty();
    futex::waitv(waits, flags, until.as_ref(), ClockId::Monotonic)
}

fn wait(word: &AtomicU32, value: u32) -> futex::Wait {
    let mut wait = futex::Wait::new();
    wait.val = value.into();
    wait.uaddr = futex::WaitPtr::new(word.as_ptr().cast());
    // Not private: who wakes may be another process.
    wait.flags = futex::WaitFlags::SIZE_U32;
    wait
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Wakes everybody who sleeps on this word, in every process.
pub(super) fn wake(word: &AtomicU32) {
    #[cfg(test)]
    WAKES.set(WAKES.get() + 1);
    // It fails only for addresses that are none.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

#[cfg(test)]
thread_local! {
    static WAKES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How often this thread wakes others while it runs `f`.
#[cfg(test)]
pub(super) fn wakes_made(f: impl FnOnce()) -> u64 {
    let before = WAKES.get();
    f();
    WAKES.get() - before
}

/// The number that the machine has got at its last start.
pub(super) fn boot_id() -> io::Result<[u8; 16]> {
    static KNOWN: OnceLock<[u8; 16]> = OnceLock::new();
    match KNOWN.get() {
        Some(id) => Ok(*id),
        None => read_boot_id().map(|id| *KNOWN.get_or_init(|| id)),
    }
}

fn read_boot_id() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    match u128::from_str_radix(&digits, 16) {
        Ok(id) => Ok(id.to_be_bytes()),
        Err(_) => Err(io::Error::other("the boot id is no number")),
    }
}

/// File systems of which the parts of a file can be in several machines, or in the memory of another
/// process: memory that is mapped from them is not shared.
const REMOTE: [u32; 21] = [
    0x0000_6969, // NFS
    0x0000_517b, // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x0000_564c, // NCP
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x7375_7245, // Coda
    0x0102_1997, // 9P
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x7461_636f, // OCFS 2
    0x0116_1970, // GFS 2
    0x6573_5546, // FUSE
    0x4750_4653, // GPFS
    0x1983_0326, // BeeGFS
    0xaad7_aaea, // PanFS
    0xbeef_dead, // SNFS
    0x786f_4256, // VirtualBox
    0xbacb_acbc, // VMware
    0x7c7c_6673, // Parallels
];

pub(super) fn is_remote(file: &File) -> io::Result<bool> {
    let kind = rustix::fs::fstatfs(file)?.f_type;
    Ok(REMOTE.contains(&(kind as u32)))
}

/// Opens a file that is there; `None` if none is.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    // Not blocking: it may be a pipe that nobody writes to.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let mut options = OpenOptions::new();
    match options
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(path)
    {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file that is there to be looked at.
pub(super) fn open_to_look(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// A file that is made, and not at its path yet.
pub(super) struct Draft {
    pub(super) file: File,
    /// Its name, where the file system has no files without one.
    name: Option<PathBuf>,
}

impl Draft {
    /// A new file beside `path`, on the same file system.
    pub(super) fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let flags = OFlags::TMPFILE.bits() as i32;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let draft = match options.clone().custom_flags(flags).open(folder) {
            Ok(file) => Self { file, name: None },
            Err(error) if is_missing(&error) => Self::with_name(path, folder, &mut options)?,
            Err(error) => return Err(error),
        };
        let permissions = std::fs::Permissions::from_mode(mode & 0o777);
        draft.file.set_permissions(permissions)?;
        Ok(draft)
    }

    /// A name that nobody else has: a process id is taken twice where two containers share a folder.
    fn with_name(path: &Path, folder: &Path, options: &mut OpenOptions) -> io::Result<Self> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let stem = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let process = std::process::id();
            let time = clock_gettime(ClockId::Monotonic).tv_nsec;
            // Relaxed: a number that no other thread has, no more.
            let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
            let name = folder.join(format!(".{stem}.{process}.{time}.{number}.draft"));
            match options.create_new(true).open(&name) {
                Ok(file) => {
                    let name = Some(name);
                    return Ok(Self { file, name });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it its path. False if there is something already.
    pub(super) fn publish(&self, path: &Path) -> io::Result<bool> {
        let linked = match &self.name {
            Some(name) => std::fs::hard_link(name, path),
            None => {
                let name = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let follow = AtFlags::SYMLINK_FOLLOW;
                rustix::fs::linkat(CWD, name, CWD, path, follow).map_err(io::Error::from)
            }
        };
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // If that fails a file of no use is left, and nothing depends on it.
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Whether the file system has no files without a name.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL)
    )
}

/// Makes room for the first `len` bytes, so that writing to them cannot fail.
pub(super) fn reserve(file: &File, len: u64) -> io::Result<()> {
    let reserved = rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len);
    reserved_or_written(file, len, reserved)
}

fn reserved_or_written(file: &File, len: u64, reserved: Result<(), Errno>) -> io::Result<()> {
    match reserved {
        // INTR: before Linux 6.10 `tmpfs` gives up at any signal, each time, where they come often.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => {
            use std::os::unix::fs::FileExt;
            file.write_all_at(&vec![0; len as usize], 0)
        }
        done => Ok(done?),
    }
}

/// Gives back the room of bytes that nobody reads any more, where the file system can.
pub(super) fn discard(file: &File, offset: u64, len: u64) {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = rustix::fs::fallocate(file, flags, offset, len);
}

/// A byte of a file that is locked by whoever has opened it, until the last duplicate of
/// that descriptor is closed, be it by the kernel.
fn byte(offset: u64, kind: i32) -> libc::flock {
    // SAFETY: it is a struct of integers, all of which may be zero.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = offset as libc::off_t;
    lock.l_len = 1;
    lock
}

/// Locks a byte, unless somebody else has: then it is false.
pub(super) fn lock(file: &File, offset: u64) -> io::Result<bool> {
    let lock = byte(offset, libc::F_WRLCK);
    // SAFETY: the descriptor is open, and the call reads a `flock` from the pointer.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    if status == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match Errno::from_io_error(&error) {
        Some(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        _ => Err(error),
    }
}

/// Gives a byte back. If that fails it is given back when the file is closed.
pub(super) fn unlock(file: &File, offset: u64) {
    let lock = byte(offset, libc::F_UNLCK);
    // SAFETY: the descriptor is open, and the call reads a `flock` from the pointer.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
}

/// Whether somebody else has locked a byte.
pub(super) fn is_locked(file: &File, offset: u64) -> io::Result<bool> {
    // As a reader's lock: this one is asked for by who cannot write, too.
    let mut lock = byte(offset, libc::F_RDLCK);
    // SAFETY: the descriptor is open, and the call reads and writes a `flock` at the pointer.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

#[cfg(test)]
mod tests;
