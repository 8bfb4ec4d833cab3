//! Atoms and cells that processes share, each in a file. Feature `shm`, on 64-bit Linux.
//!
//! | I want to share … | use |
//! |---|---|
//! | a number or a flag | [`Atomic`]: the verbs of [`atomos::Atomic`](crate::Atomic), in memory that processes map |
//! | any value that `serde` can write | [`Atom`]: changed as a whole, by compare-and-swap between processes |
//! | … and know what is in a file, or wrong with it | [`inspect`], and the example `shm_inspect` |
//!
//! Both can be awaited, on any executor, and waited for by plain threads. There is no server and no
//! lock: a process that is killed or stopped at any instruction holds up no other, and leaves
//! nothing that has to be repaired.
//!
//! ```
//! use atomos::shm;
//!
//! # let folder = std::env::temp_dir();
//! # let [hits, team] = ["hits", "team"].map(|n| folder.join(format!("atomos-doc-{n}-{}", std::process::id())));
//! // Say, "/dev/shm/hits" and "/dev/shm/team".
//! let hits = shm::Atomic::open(&hits, 0_u64)?;
//! let team = shm::Atom::open(&team, "team 1", Vec::<String>::new)?;
//!
//! hits.increment_and_get();
//! team.swap(|team| [team.as_slice(), &["ada".into()]].concat())?;
//!
//! # futures::executor::block_on(async {
//! // Here, or in any process that opens the same paths:
//! assert!(hits.wait_at_least(1).await >= 1);
//! assert_eq!(*team.wait_for(|team| !team.is_empty()).await?, ["ada"]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # for n in ["hits", "team"] { std::fs::remove_file(folder.join(format!("atomos-doc-{n}-{}", std::process::id())))?; }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the file is
//!
//! Best in `/dev/shm`, which is memory, or in `$XDG_RUNTIME_DIR`, which is memory of one user. On a
//! disk it works as well, since the kernel keeps it in its cache; but it is not meant to outlast a
//! restart: a file made before the machine last started is refused as
//! [`StaleBoot`](ShmError::StaleBoot), for it may have been written in part. The usual file systems of
//! a network, and those of another process (FUSE), are refused, because nothing that is mapped from them
//! is shared; do not use one that is not recognised.
//!
//! **Opening** makes the file or joins it. It is made whole before it gets its name, so nobody finds
//! half of one, and of several who make it at once one does and the others join. A file that is
//! something else is an error, and stays as it is.
//!
//! **Permissions** are those of [`Options::mode`], 0600 if not given, whatever the `umask`. To join
//! one needs to read and to write; there is no read-only way to take part.
//! [Trust](#what-is-not-promised) everybody who may write, and, where others may make files, as in
//! `/dev/shm`, everybody who can: the file is that of whoever made it first.
//!
//! **Containers** have a `/dev/shm` each. Those that are to share a file need the same one:
//! mount a `tmpfs` volume of the host into both, or let one use the other's IPC namespace. Process
//! ids play no role, so PID namespaces do not matter; the boot id is that of the kernel they share.
//!
//! **Cleaning up** is up to you: nobody deletes the file for you, because nobody knows who will
//! open it next. Delete it (`std::fs::remove_file`) when the last process is done, or by the one
//! that starts the others. Those who have it open go on with it; whoever opens the path afterwards gets a
//! new one, so do not delete a file for which processes start and stop independently.
//!
//! # How it works
//!
//! The head of the file is mapped by every process: 1 KiB, and of an atom 128 bytes more for each
//! possible participant. A **cell** is one word in it; its verbs are the same instructions of the
//! hardware as within a process. Of an **atom** that word holds the version and says which *slot*, of those in the rest of the head, has the value.
//! Each participant (whoever has the file open) owns an index, by a lock on a byte of the file that the
//! kernel frees when it dies, and with it two slots. At most one of them has the current value; so it
//! writes the next one into the other, and then changes the word by compare-and-swap. Nothing is
//! allocated or freed in common, and there is nothing to repair.
//!
//! A reader takes the word, reads the value, and looks whether the slot still belongs to that version;
//! if not somebody has committed meanwhile, and it begins again. A checksum of version and value
//! guards what is left: damage.
//!
//! *Why a value is whole:* a slot is written by its owner alone, while it is not the current one and is
//! marked as being written; a version is made once and never comes back. *Why a commit is not
//! lost:* the word is compared with its version. *Why a death does no harm:* up to the change of
//! the word nobody looks at what was written, and after it everything is there.
//!
//! **Waking.** Beside the value stand two words, *armed* and *epoch*. A process that is about to
//! sleep arms, looks once more, and sleeps on the epoch (a futex). A writer reads *armed* after its
//! write, and that is all it costs when nobody waits. If it is set it clears it, raises the epoch and wakes:
//! one system call for each time that somebody goes to sleep, and not for each write. The tasks
//! of a process have one thread that sleeps for them all (one for each 127 files; one for each file
//! where the kernel has no `futex_waitv`, which came with Linux 5.16); it calls their predicates, and
//! wakes those whose wait is over. It is started by the first wait that is not over at once, and ends soon
//! after the last.
//!
//! # What is promised
//!
//! - However a process dies, at any instruction: the value is the last that was committed, whole;
//!   all others read, write and wait at once.
//! - A process that is stopped holds up nobody.
//! - No torn or half-decoded value is returned. Damage is an error; no content of a file leads to
//!   undefined behaviour or a panic. (What a type's own `Deserialize` does with bytes that are right, the stack
//!   and the time that it takes, is the type's: waits decode on a thread with the usual 2 MiB.)
//! - Versions of an atom rise by one with each commit, in the eyes of every process.
//! - A wait in any process ends when a change made in any other satisfies it, and is still there when
//!   the process looks: at once, or within [`Options::recheck`] if that writer, or another one that was
//!   about to wake the same process, was killed or stopped before it could.
//! - While nobody waits a write to a cell makes no system call, but for the first one after a wait, and for
//!   those in the fifth of a second for which the sleeping thread stays on; a commit to an atom makes those that write
//!   its value.
//!
//! # What is not promised
//!
//! - *Every value in between.* A wait, or a stream, sees the value as it is when its process looks.
//!   What came and went between two looks may be missed; wait for something that stays so.
//! - *Durability.* A restart of the machine ends it all.
//! - *Fairness.* There is no line to wait in, so there is no `update_when`; under contention a
//!   compare-and-swap loop may lose for a while.
//! - *Protection from a peer that may write the file.* One that scribbles into it is found as
//!   [`Corrupt`](ShmError::Corrupt) where there is a checksum, and not in the word of a cell. One that
//!   makes the file shorter than its header ends, by SIGBUS, every process that touches the missing page.
//! - *Forks.* A child that was forked without `exec` shares the locks of its parent. In it
//!   an inherited atom is [`Forked`](ShmError::Forked) (but for its `version`), and waits for an inherited
//!   cell panic, which can be read and written: open the file again there. Until
//!   it ends, or closes the handles, it keeps the parent's index taken.
//!   So does, for the moment between `fork` and `exec`, any process that is being started: if the parent
//!   is killed just then, its index is free a moment later.
//! - *Unbounded values.* A value may take 2^30 bytes encoded, a tag 768, an atom 2^52 - 1 commits.
//!
//! A slot keeps room for the largest value it has held, rounded up to a power of two, so a file
//! takes up to four times that, or 512 bytes if that is more, for each participant index that has ever been
//! used.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_has_atomic = "64"
)))]
compile_error!("the feature `shm` of atomos needs 64-bit Linux: build without it on this target");

#[cfg(test)]
mod asked;
mod atom;
mod cell;
mod codec;
mod error;
mod file;
mod head;
mod helper;
mod inspect;
mod kill;
mod options;
mod os;
mod participants;
mod reading;
mod signal;
mod slot;
mod spare;
mod store;
mod told;
mod waiting;

pub use self::{
    atom::{Atom, Snapshots},
    cell::{Atomic, ShmPrimitive, Values},
    error::ShmError,
    inspect::{Held, Inspection, Participant, Stored, inspect},
    options::Options,
};
