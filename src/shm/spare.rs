//! Memory that is used again.
//!
//! A large value needs a buffer of its size for each commit and each read. Memory that comes from
//! the system every time costs more than all that is done with it, because each page is made when
//! it is first touched.

use std::{
    mem,
    ops::{Deref, DerefMut},
};

use crate::sync::Mutex;

/// One buffer, which whoever comes first may use.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<u8>>);

/// The buffer, or a new one while somebody else has it. What it contains is of no use.
///
/// Nobody waits for the lock. In a child that was forked, by a value's `Serialize` say, a thread that is not
/// there may hold it.
pub(super) struct Lent<'a> {
    spare: &'a Spare,
    bytes: Vec<u8>,
}

/// No more is kept.
const KEPT: usize = 4 << 20;

impl Spare {
    pub(super) fn lend(&self) -> Lent<'_> {
        Lent {
            spare: self,
            bytes: (self.0.try_lock()).map_or(Vec::new(), |mut kept| mem::take(&mut *kept)),
        }
    }
}

impl Deref for Lent<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(mut kept) = self.spare.0.try_lock() else {
            return;
        };
        if (kept.capacity()..=KEPT).contains(&self.bytes.capacity()) {
            mem::swap(&mut *kept, &mut self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in a child that was forked while a thread of its parent was here.
    #[test]
    fn nobody_waits_for_whoever_has_the_lock() {
        let spare = Spare::default();
        spare.lend().push(1);
        let kept = spare.0.lock();
        assert!(kept.capacity() > 0);
        let lent = spare.lend();
        assert_eq!(lent.capacity(), 0);
        drop(lent);
        drop(kept);
        assert!(spare.lend().capacity() > 0);
    }
}
