//! G1, G4, G5: random programs of all verbs on a cell of each type, against the same on a model:
//! std's atomic of that type, and a plain variable for a float. After each step the results, the
//! values, and which waits are over have to agree.
#![cfg(not(loom))]

mod flags;
mod floats;
mod integers;
mod parked;
mod program;
mod random;
