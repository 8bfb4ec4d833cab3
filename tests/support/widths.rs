//! Every type that a cell can hold, with the values that cases need of it, and
//! macros that make a test of each case for each type.

use atomos::{Bitwise, Number, Primitive};

/// What every type has.
pub(crate) trait Sample: Primitive {
    /// The limits of the type and values between them; no NaN.
    const SAMPLES: &'static [Self];

    /// The bits of the value, to tell apart what `==` does not.
    fn pattern(self) -> u64;
}

/// A type to count with, of any width.
pub(crate) trait Width: Sample + Number {
    /// `n`, wrapped to an integer of this width or rounded to the float.
    fn of(n: i64) -> Self;

    /// The sum; integers wrap.
    fn sum_with(self, x: Self) -> Self;
}

pub(crate) trait Integer: Width + Bitwise {
    const MIN: Self;
    const MAX: Self;
}

pub(crate) trait Float: Width {
    const NAN: Self;
    /// Another NaN than that: one with a payload.
    const OTHER_NAN: Self;
    const INFINITY: Self;
    const MAX: Self;
    /// The smallest number above zero.
    const TINY: Self;

    fn negative(self) -> Self;
}

/// The larger of two numbers of which none is NaN.
pub(crate) fn larger_of<T: Sample>(a: T, b: T) -> T {
    if a < b { b } else { a }
}

impl Sample for bool {
    const SAMPLES: &'static [bool] = &[false, true];

    fn pattern(self) -> u64 {
        self.into()
    }
}

macro_rules! integers {
    ($($T:ty: $samples:expr;)*) => {$(
        impl Sample for $T {
            const SAMPLES: &'static [$T] = &$samples;

            fn pattern(self) -> u64 {
                self as u64
            }
        }
        impl Width for $T {
            fn of(n: i64) -> $T {
                n as $T
            }
            fn sum_with(self, x: $T) -> $T {
                self.wrapping_add(x)
            }
        }
        impl Integer for $T {
            const MIN: $T = <$T>::MIN;
            const MAX: $T = <$T>::MAX;
        }
    )*};
}

integers! {
    i8: [i8::MIN, -42, -1, 0, 1, 42, i8::MAX];
    i16: [i16::MIN, -42, -1, 0, 1, 42, i16::MAX];
    i32: [i32::MIN, -42, -1, 0, 1, 42, i32::MAX];
    i64: [i64::MIN, -42, -1, 0, 1, 42, i64::MAX];
    isize: [isize::MIN, -42, -1, 0, 1, 42, isize::MAX];
    u8: [0, 1, 42, u8::MAX / 2, u8::MAX / 2 + 1, u8::MAX];
    u16: [0, 1, 42, u16::MAX / 2, u16::MAX / 2 + 1, u16::MAX];
    u32: [0, 1, 42, u32::MAX / 2, u32::MAX / 2 + 1, u32::MAX];
    u64: [0, 1, 42, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];
    usize: [0, 1, 42, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX];
}

macro_rules! floats {
    ($($T:ident;)*) => {$(
        impl Sample for $T {
            const SAMPLES: &'static [$T] = &[
                $T::NEG_INFINITY, $T::MIN, -42.5, -1.0, -$T::TINY, -0.0,
                0.0, $T::TINY, $T::MIN_POSITIVE, 0.1, 1.0, 42.5, $T::MAX, $T::INFINITY,
            ];

            fn pattern(self) -> u64 {
                self.to_bits().into()
            }
        }
        impl Width for $T {
            fn of(n: i64) -> $T {
                n as $T
            }
            fn sum_with(self, x: $T) -> $T {
                self + x
            }
        }
        impl Float for $T {
            const NAN: $T = $T::NAN;
            const OTHER_NAN: $T = $T::from_bits($T::NAN.to_bits() | 0xa705);
            const INFINITY: $T = $T::INFINITY;
            const MAX: $T = $T::MAX;
            const TINY: $T = $T::from_bits(1);

            fn negative(self) -> $T {
                -self
            }
        }
    )*};
}

floats! {
    f32;
    f64;
}

/// A module of tests for one type: each `case` is a function that is generic over it.
macro_rules! tests_of {
    ($module:ident, $T:ty: $($case:ident)*) => {
        mod $module {$(
            #[test]
            fn $case() {
                super::$case::<$T>();
            }
        )*}
    };
}

macro_rules! for_every_integer {
    ($($case:ident)*) => {
        tests_of!(of_i8, i8: $($case)*);
        tests_of!(of_i16, i16: $($case)*);
        tests_of!(of_i32, i32: $($case)*);
        tests_of!(of_i64, i64: $($case)*);
        tests_of!(of_isize, isize: $($case)*);
        tests_of!(of_u8, u8: $($case)*);
        tests_of!(of_u16, u16: $($case)*);
        tests_of!(of_u32, u32: $($case)*);
        tests_of!(of_u64, u64: $($case)*);
        tests_of!(of_usize, usize: $($case)*);
    };
}

macro_rules! for_every_float {
    ($($case:ident)*) => {
        tests_of!(of_f32, f32: $($case)*);
        tests_of!(of_f64, f64: $($case)*);
    };
}

macro_rules! for_every_number {
    ($($case:ident)*) => {
        for_every_integer!($($case)*);
        for_every_float!($($case)*);
    };
}
