//! G1, for cells in files: the verbs mean what they mean within one process. Random programs are
//! run on both kinds side by side, for every type.
#![cfg(all(feature = "shm", not(loom)))]

mod support;

use std::fmt::Debug;

use atomos::{Atomic, Bitwise, Number, Primitive, shm};
use support::TempPath;

/// Xorshift: reproducible, and good enough to choose.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// The same verb on both cells, whose answers must look alike (a NaN is not equal to itself).
macro_rules! same {
    ($here:ident, $there:ident, $($verb:tt)+) => {
        assert_eq!(shown($here.$($verb)+), shown($there.$($verb)+), "{}", stringify!($($verb)+))
    };
}

fn shown(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn basics<T: shm::ShmPrimitive>(
    here: &Atomic<T>,
    there: &shm::Atomic<T>,
    samples: &[T],
    dice: &mut Dice,
) {
    let (x, y) = (dice.pick(samples), dice.pick(samples));
    let current = if dice.roll(2) == 0 { here.get() } else { y };
    match dice.roll(10) {
        0 => same!(here, there, set(x)),
        1 => same!(here, there, get_and_set(x)),
        2 => same!(here, there, compare_and_set(current, x)),
        3 => same!(here, there, compare_and_exchange(current, x)),
        4 => same!(here, there, get_and_update(|_| x)),
        5 => same!(here, there, update_and_get(|_| x)),
        6 => same!(
            here,
            there,
            get_and_accumulate(x, |a, b| if a < b { a } else { b })
        ),
        7 => same!(
            here,
            there,
            accumulate_and_get(x, |a, b| if a < b { b } else { a })
        ),
        8 => same!(here, there, update_if(|value| (value != y).then_some(x))),
        _ => same!(here, there, modify(|value| (x, value))),
    }
    same!(here, there, get());
}

fn numbers<T: shm::ShmPrimitive + Number>(
    here: &Atomic<T>,
    there: &shm::Atomic<T>,
    samples: &[T],
    dice: &mut Dice,
) {
    let x = dice.pick(samples);
    match dice.roll(12) {
        0 => same!(here, there, add_and_get(x)),
        1 => same!(here, there, get_and_add(x)),
        2 => same!(here, there, subtract_and_get(x)),
        3 => same!(here, there, get_and_subtract(x)),
        4 => same!(here, there, increment_and_get()),
        5 => same!(here, there, get_and_increment()),
        6 => same!(here, there, decrement_and_get()),
        7 => same!(here, there, get_and_decrement()),
        8 => same!(here, there, max_and_get(x)),
        9 => same!(here, there, get_and_max(x)),
        10 => same!(here, there, min_and_get(x)),
        _ => same!(here, there, get_and_min(x)),
    }
    same!(here, there, get());
}

fn bits<T: shm::ShmPrimitive + Bitwise>(
    here: &Atomic<T>,
    there: &shm::Atomic<T>,
    samples: &[T],
    dice: &mut Dice,
) {
    let x = dice.pick(samples);
    match dice.roll(6) {
        0 => same!(here, there, bitwise_and_and_get(x)),
        1 => same!(here, there, get_and_bitwise_and(x)),
        2 => same!(here, there, bitwise_or_and_get(x)),
        3 => same!(here, there, get_and_bitwise_or(x)),
        4 => same!(here, there, bitwise_xor_and_get(x)),
        _ => same!(here, there, get_and_bitwise_xor(x)),
    }
    same!(here, there, get());
}

/// Runs a program; every tenth step in another mapping of the file.
fn side_by_side<T: shm::ShmPrimitive>(
    samples: &[T],
    step: impl Fn(&Atomic<T>, &shm::Atomic<T>, &[T], &mut Dice),
) {
    let path = TempPath::new("verbs");
    let first = samples[0];
    let here = Atomic::new(first);
    let mappings = [first, samples[1]].map(|init| shm::Atomic::open(&path, init).unwrap());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for n in 0..5_000 {
        let there = &mappings[usize::from(n % 10 == 0)];
        step(&here, there, samples, &mut dice);
    }
}

macro_rules! integers {
    ($($T:ident)*) => {$(
        mod $T {
            const SAMPLES: &[$T] = &[$T::MIN, 0, 1, 2, 42, $T::MAX / 2, $T::MAX - 1, $T::MAX];

            #[test]
            fn g01_every_verb_means_the_same() {
                super::side_by_side(SAMPLES, super::basics);
                super::side_by_side(SAMPLES, super::numbers);
                super::side_by_side(SAMPLES, super::bits);
            }
        }
    )*};
}

integers! { i32 u32 i64 u64 }

macro_rules! floats {
    ($($T:ident)*) => {$(
        mod $T {
            const SAMPLES: &[$T] = &[
                0.0, -0.0, 1.5, -2.25, $T::MAX, $T::MIN_POSITIVE, $T::INFINITY, $T::NAN,
            ];

            #[test]
            fn g01_every_verb_means_the_same() {
                super::side_by_side(SAMPLES, super::basics);
                super::side_by_side(SAMPLES, super::numbers);
            }
        }
    )*};
}

floats! { f32 f64 }

#[test]
fn g01_every_verb_of_a_flag_means_the_same() {
    const SAMPLES: &[bool] = &[false, true];
    side_by_side(SAMPLES, basics);
    side_by_side(SAMPLES, bits);
    side_by_side(SAMPLES, |here, there, _, _| {
        same!(here, there, toggle_and_get());
        same!(here, there, get_and_toggle());
    });
}

// P3: no byte of a flag's file leads to an endless loop.
#[test]
fn p3_a_flag_that_somebody_has_scribbled_on_is_one() {
    use std::os::unix::fs::FileExt;
    let path = TempPath::new("verbs");
    let flag = shm::Atomic::open(&path, false).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    for byte in [2, 3, 0x82] {
        file.write_all_at(&[byte], 64).unwrap();
        let opened = shm::Atomic::open(&path, false);
        let is_refused = matches!(opened, Err(shm::ShmError::Corrupt { .. }));
        assert!(is_refused, "{byte}: {opened:?}");
    }
    let scribble = || file.write_all_at(&[0x82], 64).unwrap();
    assert!(flag.get());
    assert!(!flag.update_and_get(|set| !set));
    scribble();
    assert_eq!(flag.compare_and_exchange(true, false), Ok(true));
}

// P3: likewise when it is scribbled on between the look of an update and its write.
#[test]
fn p3_a_flag_that_is_scribbled_on_during_an_update_is_one() {
    use std::os::unix::fs::FileExt;
    let path = TempPath::new("verbs");
    let flag = shm::Atomic::open(&path, true).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let (old, new) = support::in_time(move || {
        let scribble_and_clear = |_| {
            file.write_all_at(&[2], 64).unwrap();
            false
        };
        (flag.get_and_update(scribble_and_clear), flag.get())
    });
    assert_eq!((old, new), (true, false));
}

/// What is generic over cells of one process says nothing of those in files: both have the bound.
fn _primitives_are_primitives<T: shm::ShmPrimitive>(value: T) -> impl Primitive {
    value
}

/// The traits are sealed by methods that users' generic code does not see: its own are not ambiguous
/// beside them, and so this compiles.
#[test]
fn generic_code_has_its_names_to_itself() {
    trait Mine: Sized {
        const TAG: u8 = 7;

        fn bytes(_: Self) -> u8 {
            8
        }

        fn is_valid(_: &Self) -> u8 {
            9
        }
    }
    impl<T> Mine for T {}

    fn all<T: shm::ShmPrimitive>(value: T) -> [u8; 3] {
        [T::TAG, T::bytes(value), T::is_valid(&value)]
    }
    assert_eq!(all(1_i32), [7, 8, 9]);
}
