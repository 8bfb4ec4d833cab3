//! G1, G3, G4, G5, G7, G8, G9, G10: random programs on two atoms, and on a cell, against a model
//! that knows no threads. After each step everything has to agree: what was answered, what
//! watches saw, which tasks were woken (all that should be, and no other), which wakers are held
//! on to, and which values are alive.
//!
//! A program that fails is shrunk to the few steps that matter and printed. `PROPTEST_CASES=100000`
//! runs more of them, `PROPTEST_RNG_SEED=7` others, the same ones each time.
#![cfg(not(loom))]

mod atom;
mod cell;
mod delivery;
mod expected;
mod observer;
mod program;
#[path = "../support/mod.rs"]
mod support;
mod task;

use proptest::{collection::vec, prelude::*, test_runner::Config};

const STEPS: usize = 40;

fn config() -> Config {
    let default = Config::default();
    Config {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => default.cases,
            None if cfg!(miri) => 10,
            None => 500,
        },
        // The printed program says it all; files of seeds would have to be kept.
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn g3_programs_on_two_atoms_follow_the_model(program in vec(program::op(), 1..=STEPS)) {
        atom::run(&program);
    }

    #[test]
    fn g4_programs_on_a_cell_follow_the_model(program in vec(cell::op(), 1..=STEPS)) {
        cell::run(&program);
    }
}
