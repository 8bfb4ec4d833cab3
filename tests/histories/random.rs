//! Small numbers that differ between the threads and the histories, the same in every run.

/// Marsaglia's xorshift with 64 bits of state.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(history: u64, thread: usize) -> Self {
        let seed = history * 8 + thread as u64 + 1;
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) % bound
    }

    /// Now and then: a thread that gives way in the middle lets others in, on one core too.
    pub(crate) fn pause(&mut self) {
        if self.below(8) == 0 {
            std::thread::yield_now();
        }
    }
}
