//! Longer documentation. These modules hold nothing else, and exist only in it.

pub mod coming_from;
