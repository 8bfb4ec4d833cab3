//! What the tests of guarantees have in common: executors, hostile wakers, counted
//! values, deadlines, and a list of every way to wait.

// Every test file is a crate of its own and uses its own part of this.
#![allow(dead_code, unused_imports, unused_macros)]

mod cells;
mod executors;
mod files;
mod histories;
mod log;
#[cfg(all(feature = "shm", not(loom)))]
mod shared;
mod threads;
mod values;
mod waits;
mod wakers;
#[macro_use]
mod widths;

pub(crate) use cells::{CellWait, Write, every_cell_wait};
pub(crate) use executors::{EXECUTORS, Executor, everywhere, park_until_ready};
pub(crate) use files::TempPath;
pub(crate) use histories::{Event, Recorder, Threads, Verdicts, flat, histories, is_linearizable};
pub(crate) use log::{Log, assert_linked, available, log, logger, taken};
#[cfg(all(feature = "shm", not(loom)))]
pub(crate) use shared::open_numbers;
pub(crate) use threads::{LIMIT, caught, in_child, in_time, once, panic_text, two_threads};
pub(crate) use values::{Counted, Hooked, Live, OnDrop};
pub(crate) use waits::{Boxed, Wait, every_wait};
pub(crate) use wakers::{Probe, poll};
pub(crate) use widths::{Float, Integer, Sample, Width, larger_of};
