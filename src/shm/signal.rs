//! How a writer wakes those who wait in other processes, at no cost while nobody does.
//!
//! Two words stand beside the value. *armed* says that somebody sleeps, or is about to; *epoch* is the
//! word that they sleep on. Who wants to be woken arms; the write that finds it armed disarms,
//! so the system call is paid once for each time that somebody goes to sleep, and not for each
//! write.
//!
//! | step | writer                              | sleeper                                    |
//! |------|-------------------------------------|--------------------------------------------|
//! | 1    | writes the value                    | reads the epoch                            |
//! | 2    | disarms; was not armed: done        | arms, unless it is armed                   |
//! | 3    | raises the epoch                    | reads the value: it is served              |
//! | 4    | wakes all who sleep on the epoch    | sleeps, unless the epoch has been raised   |
//!
//! **No wake-up is lost.** All steps are sequentially consistent, but for the swap of the writer's step 2:
//! it only decides which of several writers disarms, for which the word's own order is enough. *Either* the writer's step 2
//! comes after the sleeper's: then this writer, or one that disarmed in between, which wrote
//! before as well, raises the epoch later than step 1 of the sleeper, who does not fall
//! asleep then, or is woken. *Or* it comes before: then step 3 of the sleeper reads the value of
//! step 1, or a later one.
//!
//! What is not needed: to count the sleepers (a killed one would be counted for ever; it leaves the
//! value armed at most, which the next write clears), and to be the only one (any number may arm,
//! and all are woken).
//!
//! **A writer that dies**, or is stopped, after step 2 and before step 4 leaves sleepers that nobody
//! wakes, nor do others that write meanwhile, since it has disarmed. So sleepers look again after a
//! time.

use super::kill::point;
use crate::sync::{AtomicU32, Ordering, barrier};

/// The two words. See the [module](self).
#[derive(Clone, Copy)]
pub(crate) struct Signal<'a> {
    pub(crate) armed: &'a AtomicU32,
    pub(crate) epoch: &'a AtomicU32,
}

impl Signal<'_> {
    /// Writer, after its write: steps 2 to 4. `wake` wakes all who sleep on the word.
    #[inline]
    pub(crate) fn raise(self, wake: impl FnOnce(&AtomicU32)) {
        barrier();
        // SeqCst: step 2, the half of it that finds nobody.
        if self.armed.load(Ordering::SeqCst) != 0 {
            self.disarm(wake);
        }
    }

    #[cold]
    fn disarm(self, wake: impl FnOnce(&AtomicU32)) {
        // Relaxed: of several writers one finds it armed. Whoever sees the epoch that it raises after
        // that sees it disarmed, too; and a sleeper who does not see it disarmed yet has read the
        // epoch before.
        if self.armed.swap(0, Ordering::Relaxed) != 0 {
            point("wake: disarmed");
            // SeqCst: step 3.
            self.epoch.fetch_add(1, Ordering::SeqCst);
            wake(self.epoch);
        }
    }

    /// Sleeper: steps 1 and 2. It reads the value next, and sleeps while the epoch is the one
    /// returned.
    pub(crate) fn arm(self) -> u32 {
        // SeqCst: step 1, before step 2.
        let epoch = self.epoch.load(Ordering::SeqCst);
        // SeqCst: step 2, before step 3. Most often somebody has armed it, and no writer is to lose the
        // cache line for that.
        if self.armed.load(Ordering::SeqCst) == 0 {
            self.armed.swap(1, Ordering::SeqCst);
        }
        barrier();
        epoch
    }
}
