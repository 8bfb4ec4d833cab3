//! Both floats, against a plain variable.
//!
//! The language leaves open which NaN an operation makes, and which zero `max` and `min` choose;
//! everything else has to agree in every bit.

use std::cell::Cell;

use atomos::Atomic;

use crate::parked::{Parked, for_number};
use crate::program::{Model, Said, Verb, run, verbs, yes};
use crate::random::Random;

macro_rules! floats {
    ($($test:ident: $T:ident;)*) => {$(
        impl Model for Cell<$T> {
            type Value = $T;

            fn new(value: $T) -> Self {
                Self::new(value)
            }
            fn value(&self) -> $T {
                self.get()
            }
            fn adopt(&self, value: $T) {
                self.set(value);
            }
            fn bits(value: $T) -> u64 {
                value.to_bits().into()
            }
            fn random(random: &mut Random) -> $T {
                const PAYLOAD: $T = $T::from_bits($T::NAN.to_bits() | 0xbead);
                let special = [
                    $T::NAN, PAYLOAD, -$T::NAN, $T::INFINITY, $T::NEG_INFINITY, 0.0, -0.0,
                    $T::MAX, $T::MIN, $T::MIN_POSITIVE, $T::from_bits(1), 1.0, -1.0,
                ];
                match random.below(4) {
                    0 => random.pick(&special),
                    1 => random.pick(&[0.0, -0.0]),
                    2 => random.below(7) as $T - 3.0,
                    _ => random.bits() as i32 as $T / 1024.0,
                }
            }
            fn park<'a>(cell: &'a Atomic<$T>, random: &mut Random) -> Parked<'a, $T> {
                for_number(cell, random, Self::bits, Self::random)
            }
        }

        #[test]
        fn $test() {
            type Model = Cell<$T>;

            /// Neither commutative nor associative.
            fn mix(a: $T, b: $T) -> $T {
                a * 0.5 - b
            }
            /// Previous and new value.
            fn update(model: &Model, f: impl FnOnce($T) -> $T) -> ($T, $T) {
                let previous = model.get();
                model.set(f(previous));
                (previous, model.get())
            }
            fn exchange(model: &Model, expected: $T, new: $T) -> Said<$T> {
                let previous = model.get();
                if previous.to_bits() != expected.to_bits() {
                    return Err(previous);
                }
                model.set(new);
                Ok(previous)
            }
            fn update_if(model: &Model, x: $T, y: $T) -> Said<$T> {
                let previous = model.get();
                if previous < x {
                    model.set(mix(previous, y));
                    return Ok(model.get());
                }
                Err(previous)
            }

            let verbs: &[Verb<Model>] = verbs! {
                |cell, model, x, y|
                get: Ok(cell.get()), Ok(model.get());
                set: { cell.set(x); Ok(x) }, { model.set(x); Ok(x) };
                get_and_set: Ok(cell.get_and_set(x)), Ok(model.replace(x));
                compare_and_set:
                    yes(cell.compare_and_set(x, y), x), yes(exchange(model, x, y).is_ok(), x);
                compare_and_exchange: cell.compare_and_exchange(x, y), exchange(model, x, y);
                get_and_update (Nothing, Nan):
                    Ok(cell.get_and_update(|v| mix(v, x))), Ok(update(model, |v| mix(v, x)).0);
                update_and_get (Nan, Nan):
                    Ok(cell.update_and_get(|v| mix(v, x))), Ok(update(model, |v| mix(v, x)).1);
                get_and_accumulate (Nothing, Nan):
                    Ok(cell.get_and_accumulate(x, mix)), Ok(update(model, |v| mix(v, x)).0);
                accumulate_and_get (Nan, Nan):
                    Ok(cell.accumulate_and_get(x, mix)), Ok(update(model, |v| mix(v, x)).1);
                update_if (Nan, Nan):
                    cell.update_if(|v| (v < x).then(|| mix(v, y))), update_if(model, x, y);
                modify (Nothing, Nan):
                    Ok(cell.modify(|v| (mix(v, x), v))), Ok(update(model, |v| mix(v, x)).0);
                get_and_add (Nothing, Nan): Ok(cell.get_and_add(x)), Ok(update(model, |v| v + x).0);
                add_and_get (Nan, Nan): Ok(cell.add_and_get(x)), Ok(update(model, |v| v + x).1);
                get_and_subtract (Nothing, Nan):
                    Ok(cell.get_and_subtract(x)), Ok(update(model, |v| v - x).0);
                subtract_and_get (Nan, Nan):
                    Ok(cell.subtract_and_get(x)), Ok(update(model, |v| v - x).1);
                get_and_increment (Nothing, Nan):
                    Ok(cell.get_and_increment()), Ok(update(model, |v| v + 1.0).0);
                increment_and_get (Nan, Nan):
                    Ok(cell.increment_and_get()), Ok(update(model, |v| v + 1.0).1);
                get_and_decrement (Nothing, Nan):
                    Ok(cell.get_and_decrement()), Ok(update(model, |v| v - 1.0).0);
                decrement_and_get (Nan, Nan):
                    Ok(cell.decrement_and_get()), Ok(update(model, |v| v - 1.0).1);
                get_and_max (Nothing, NanOrZero):
                    Ok(cell.get_and_max(x)), Ok(update(model, |v| v.max(x)).0);
                max_and_get (NanOrZero, NanOrZero):
                    Ok(cell.max_and_get(x)), Ok(update(model, |v| v.max(x)).1);
                get_and_min (Nothing, NanOrZero):
                    Ok(cell.get_and_min(x)), Ok(update(model, |v| v.min(x)).0);
                min_and_get (NanOrZero, NanOrZero):
                    Ok(cell.min_and_get(x)), Ok(update(model, |v| v.min(x)).1);
            };
            run(verbs);
        }
    )*};
}

floats! {
    f32_agrees_with_a_variable: f32;
    f64_agrees_with_a_variable: f64;
}
