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
            bytes: mem::take(&mut *self.0.lock()),
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
        let mut kept = self.spare.0.lock();
        if (kept.capacity()..=KEPT).contains(&self.bytes.capacity()) {
            mem::swap(&mut *kept, &mut self.bytes);
        }
    }
}
