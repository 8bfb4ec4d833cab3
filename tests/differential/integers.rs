//! Every integer, against std's atomic of its width.

use std::sync::atomic::Ordering::SeqCst;

use atomos::Atomic;

use crate::parked::{Parked, for_number};
use crate::program::{Model, Verb, run, verbs, yes};
use crate::random::Random;

macro_rules! integers {
    ($($test:ident: $T:ident, $Std:ident;)*) => {$(
        impl Model for std::sync::atomic::$Std {
            type Value = $T;

            fn new(value: $T) -> Self {
                Self::new(value)
            }
            fn value(&self) -> $T {
                self.load(SeqCst)
            }
            fn adopt(&self, value: $T) {
                assert_eq!(self.load(SeqCst), value);
            }
            fn bits(value: $T) -> u64 {
                value as u64
            }
            fn random(random: &mut Random) -> $T {
                let limits = [$T::MIN, $T::MIN + 1, 0, 1, 2, $T::MAX - 1, $T::MAX];
                match random.below(3) {
                    0 => random.pick(&limits),
                    1 => random.below(10) as $T,
                    _ => random.bits() as $T,
                }
            }
            fn park<'a>(cell: &'a Atomic<$T>, random: &mut Random) -> Parked<'a, $T> {
                for_number(cell, random, Self::bits, Self::random)
            }
        }

        #[test]
        fn $test() {
            /// Neither commutative nor associative.
            fn mix(a: $T, b: $T) -> $T {
                a.wrapping_mul(31).wrapping_sub(b)
            }
            /// With a closure that always gives something.
            fn update(model: &std::sync::atomic::$Std, x: $T) -> $T {
                let previous = model.fetch_update(SeqCst, SeqCst, |v| Some(mix(v, x)));
                previous.expect("the closure gives something")
            }
            let verbs: &[Verb<std::sync::atomic::$Std>] = verbs! {
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
                update_and_get:
                    Ok(cell.update_and_get(|v| mix(v, x))), Ok(mix(update(model, x), x));
                get_and_accumulate:
                    Ok(cell.get_and_accumulate(x, mix)), Ok(update(model, x));
                accumulate_and_get:
                    Ok(cell.accumulate_and_get(x, mix)), Ok(mix(update(model, x), x));
                update_if:
                    cell.update_if(|v| (v < x).then(|| mix(v, y))),
                    model
                        .fetch_update(SeqCst, SeqCst, |v| (v < x).then(|| mix(v, y)))
                        .map(|previous| mix(previous, y));
                modify: Ok(cell.modify(|v| (mix(v, x), v))), Ok(update(model, x));
                get_and_add: Ok(cell.get_and_add(x)), Ok(model.fetch_add(x, SeqCst));
                add_and_get:
                    Ok(cell.add_and_get(x)), Ok(model.fetch_add(x, SeqCst).wrapping_add(x));
                get_and_subtract: Ok(cell.get_and_subtract(x)), Ok(model.fetch_sub(x, SeqCst));
                subtract_and_get:
                    Ok(cell.subtract_and_get(x)), Ok(model.fetch_sub(x, SeqCst).wrapping_sub(x));
                get_and_increment: Ok(cell.get_and_increment()), Ok(model.fetch_add(1, SeqCst));
                increment_and_get:
                    Ok(cell.increment_and_get()), Ok(model.fetch_add(1, SeqCst).wrapping_add(1));
                get_and_decrement: Ok(cell.get_and_decrement()), Ok(model.fetch_sub(1, SeqCst));
                decrement_and_get:
                    Ok(cell.decrement_and_get()), Ok(model.fetch_sub(1, SeqCst).wrapping_sub(1));
                get_and_max: Ok(cell.get_and_max(x)), Ok(model.fetch_max(x, SeqCst));
                max_and_get: Ok(cell.max_and_get(x)), Ok(model.fetch_max(x, SeqCst).max(x));
                get_and_min: Ok(cell.get_and_min(x)), Ok(model.fetch_min(x, SeqCst));
                min_and_get: Ok(cell.min_and_get(x)), Ok(model.fetch_min(x, SeqCst).min(x));
                get_and_bitwise_and:
                    Ok(cell.get_and_bitwise_and(x)), Ok(model.fetch_and(x, SeqCst));
                bitwise_and_and_get:
                    Ok(cell.bitwise_and_and_get(x)), Ok(model.fetch_and(x, SeqCst) & x);
                get_and_bitwise_or:
                    Ok(cell.get_and_bitwise_or(x)), Ok(model.fetch_or(x, SeqCst));
                bitwise_or_and_get:
                    Ok(cell.bitwise_or_and_get(x)), Ok(model.fetch_or(x, SeqCst) | x);
                get_and_bitwise_xor:
                    Ok(cell.get_and_bitwise_xor(x)), Ok(model.fetch_xor(x, SeqCst));
                bitwise_xor_and_get:
                    Ok(cell.bitwise_xor_and_get(x)), Ok(model.fetch_xor(x, SeqCst) ^ x);
            };
            run(verbs);
        }
    )*};
}

integers! {
    i8_agrees_with_std: i8, AtomicI8;
    i16_agrees_with_std: i16, AtomicI16;
    i32_agrees_with_std: i32, AtomicI32;
    i64_agrees_with_std: i64, AtomicI64;
    isize_agrees_with_std: isize, AtomicIsize;
    u8_agrees_with_std: u8, AtomicU8;
    u16_agrees_with_std: u16, AtomicU16;
    u32_agrees_with_std: u32, AtomicU32;
    u64_agrees_with_std: u64, AtomicU64;
    usize_agrees_with_std: usize, AtomicUsize;
}
