//! Registers that are not linearizable, each for a reason of its own: were they accepted, the
//! search would have proved nothing about the others.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use super::cells::{Register, run};
use super::total;

/// How a register is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// It adds by reading and storing.
    LosesUpdates,
    /// It reads what was there before the last write.
    ReadsStale,
    /// A failed exchange names a value that it read again.
    NamesAnother,
    /// An exchange looks first and stores later.
    ExchangesBlindly,
}

struct Wrong {
    fault: Fault,
    now: AtomicI64,
    before: AtomicI64,
}

impl Wrong {
    fn write(&self, value: i64) -> i64 {
        let old = self.now.swap(value, SeqCst);
        self.before.store(old, SeqCst);
        old
    }

    fn exchange(&self, expected: i64, new: i64) -> Result<i64, i64> {
        self.now.compare_exchange(expected, new, SeqCst, SeqCst)
    }

    fn update(&self, f: impl Fn(i64) -> Option<i64>) -> Result<i64, i64> {
        loop {
            let old = self.now.load(SeqCst);
            let new = f(old).ok_or(old)?;
            if self.exchange(old, new).is_ok() {
                return Ok(new);
            }
        }
    }
}

impl Register for Wrong {
    fn get(&self) -> i64 {
        match self.fault {
            Fault::ReadsStale => self.before.load(SeqCst),
            _ => self.now.load(SeqCst),
        }
    }

    fn set(&self, value: i64) {
        self.write(value);
    }

    fn get_and_set(&self, value: i64) -> i64 {
        self.write(value)
    }

    fn add_and_get(&self, x: i64) -> i64 {
        if self.fault == Fault::LosesUpdates {
            let sum = self.now.load(SeqCst) + x;
            std::thread::yield_now();
            self.now.store(sum, SeqCst);
            return sum;
        }
        self.now.fetch_add(x, SeqCst) + x
    }

    fn compare_and_exchange(&self, expected: i64, new: i64) -> Result<i64, i64> {
        if self.fault == Fault::ExchangesBlindly {
            let now = self.now.load(SeqCst);
            if now != expected {
                return Err(now);
            }
            std::thread::yield_now();
            self.now.store(new, SeqCst);
            return Ok(now);
        }
        self.exchange(expected, new).map_err(|actual| {
            if self.fault == Fault::NamesAnother {
                std::thread::yield_now();
                return self.before.load(SeqCst);
            }
            actual
        })
    }

    fn update_if_even(&self, mut pause: impl FnMut()) -> Result<i64, i64> {
        pause();
        self.update(|n| (n % 2 == 0).then_some(n * 2))
    }

    fn update_when_even(&self) -> Option<i64> {
        self.update(|n| (n % 2 == 0).then_some(n + 1)).ok()
    }
}

fn rejected(fault: Fault) -> usize {
    let make = || Wrong {
        fault,
        now: AtomicI64::new(0),
        before: AtomicI64::new(0),
    };
    let verdicts = run(total() / 3, 3, make);
    println!("{fault:?}: {verdicts:?}");
    verdicts.rejected
}

#[test]
fn the_search_rejects_registers_that_are_broken() {
    assert_eq!(rejected(Fault::None), 0);
    let faults = [
        Fault::LosesUpdates,
        Fault::ReadsStale,
        Fault::NamesAnother,
        Fault::ExchangesBlindly,
    ];
    for fault in faults {
        assert!(rejected(fault) > 0, "{fault:?} was not noticed");
    }
}
