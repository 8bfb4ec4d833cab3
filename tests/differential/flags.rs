//! Flags, against std's `AtomicBool`.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use atomos::Atomic;

use crate::parked::{Parked, for_any};
use crate::program::{Model, Verb, run, verbs, yes};
use crate::random::Random;

impl Model for AtomicBool {
    type Value = bool;

    fn new(value: bool) -> Self {
        Self::new(value)
    }
    fn value(&self) -> bool {
        self.load(SeqCst)
    }
    fn adopt(&self, value: bool) {
        assert_eq!(self.load(SeqCst), value);
    }
    fn bits(value: bool) -> u64 {
        value.into()
    }
    fn random(random: &mut Random) -> bool {
        random.one_in(2)
    }
    fn park<'a>(cell: &'a Atomic<bool>, random: &mut Random) -> Parked<'a, bool> {
        for_any(cell, random, Self::bits, Self::random)
    }
}

fn mix(a: bool, b: bool) -> bool {
    a && !b
}

fn update(model: &AtomicBool, x: bool) -> bool {
    let previous = model.fetch_update(SeqCst, SeqCst, |v| Some(mix(v, x)));
    previous.expect("the closure gives something")
}

#[test]
fn bool_agrees_with_std() {
    let verbs: &[Verb<AtomicBool>] = verbs! {
        |cell, model, x, y|
        get: Ok(cell.get()), Ok(model.load(SeqCst));
        set: { cell.set(x); Ok(x) }, { model.store(x, SeqCst); Ok(x) };
        get_and_set: Ok(cell.get_and_set(x)), Ok(model.swap(x, SeqCst));
        compare_and_set:
            yes(cell.compare_and_set(x, y), x),
            yes(model.compare_exchange(x, y, SeqCst, SeqCst).is_ok(), x);
        compare_and_exchange:
            cell.compare_and_exchange(x, y), model.compare_exchange(x, y, SeqCst, SeqCst);
        get_and_update: Ok(cell.get_and_update(|v| mix(v, x))), Ok(update(model, x));
        update_and_get: Ok(cell.update_and_get(|v| mix(v, x))), Ok(mix(update(model, x), x));
        get_and_accumulate: Ok(cell.get_and_accumulate(x, mix)), Ok(update(model, x));
        accumulate_and_get:
            Ok(cell.accumulate_and_get(x, mix)), Ok(mix(update(model, x), x));
        update_if:
            cell.update_if(|v| (v != x).then_some(y)),
            model.fetch_update(SeqCst, SeqCst, |v| (v != x).then_some(y)).map(|_| y);
        modify: Ok(cell.modify(|v| (mix(v, x), v))), Ok(update(model, x));
        get_and_bitwise_and: Ok(cell.get_and_bitwise_and(x)), Ok(model.fetch_and(x, SeqCst));
        bitwise_and_and_get:
            Ok(cell.bitwise_and_and_get(x)), Ok(model.fetch_and(x, SeqCst) & x);
        get_and_bitwise_or: Ok(cell.get_and_bitwise_or(x)), Ok(model.fetch_or(x, SeqCst));
        bitwise_or_and_get: Ok(cell.bitwise_or_and_get(x)), Ok(model.fetch_or(x, SeqCst) | x);
        get_and_bitwise_xor: Ok(cell.get_and_bitwise_xor(x)), Ok(model.fetch_xor(x, SeqCst));
        bitwise_xor_and_get:
            Ok(cell.bitwise_xor_and_get(x)), Ok(model.fetch_xor(x, SeqCst) ^ x);
        get_and_toggle: Ok(cell.get_and_toggle()), Ok(model.fetch_xor(true, SeqCst));
        toggle_and_get: Ok(cell.toggle_and_get()), Ok(!model.fetch_xor(true, SeqCst));
    };
    run(verbs);
}
