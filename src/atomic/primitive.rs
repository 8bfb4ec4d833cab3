//! What a cell can hold, and how each width does what the verbs ask of it.
//!
//! One row of a table for each type; everything else in the crate is written once, for
//! `T: Primitive` or `T: Number`.

#![allow(unsafe_code)]

use std::{
    fmt::Debug,
    marker::PhantomData,
    mem::needs_drop,
    panic::{RefUnwindSafe, UnwindSafe},
};

use crate::{
    sync::{
        AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
        AtomicU64, AtomicUsize,
        Ordering::SeqCst,
        in_place::{HasAtomic, InPlace},
    },
    wait::{
        census::{Census, census},
        mailbox::Event,
        threshold::Level,
    },
};

/// A type that an [`Atomic`](crate::Atomic) can hold: `bool`, every integer up to 64 bits,
/// `f32` and `f64`.
///
/// The trait is sealed, by a supertrait that cannot be named; it is public so that code over
/// cells can be generic.
///
/// # Examples
///
/// ```
/// use atomos::{Atomic, Primitive};
///
/// fn take<T: Primitive>(cell: &Atomic<T>) -> T {
///     cell.get_and_set(T::default())
/// }
/// assert_eq!(take(&Atomic::new(5)), 5);
/// ```
pub trait Primitive:
    Copy
    + Default
    + Debug
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Unpin
    + UnwindSafe
    + RefUnwindSafe
    + Sealed
    + 'static
{
}

/// A [`Primitive`] that one can count with: every integer and both floats. Sealed.
///
/// Integers wrap on overflow, floats follow IEEE 754.
///
/// # Examples
///
/// ```
/// use atomos::{Atomic, Number};
///
/// fn refund<T: Number>(account: &Atomic<T>, amount: T) -> T {
///     account.add_and_get(amount)
/// }
/// assert_eq!(refund(&Atomic::new(1.5), 1.0), 2.5);
/// ```
pub trait Number: Primitive + Sealed<Verbs: Arithmetic<Self>> {}

/// A [`Primitive`] made of bits that mean something one by one: `bool` and every integer. Sealed.
///
/// # Examples
///
/// ```
/// use atomos::{Atomic, Bitwise};
///
/// fn raise<T: Bitwise>(flags: &Atomic<T>, flag: T) -> T {
///     flags.bitwise_or_and_get(flag)
/// }
/// assert!(raise(&Atomic::new(false), true));
/// assert_eq!(raise(&Atomic::new(0b01_u8), 0b10), 0b11);
/// ```
pub trait Bitwise: Primitive + Sealed<Verbs: Logic<Self>> {}

/// Seals the traits, and says where the verbs are: not in the type itself, so that users' generic
/// code does not see them beside its own.
pub trait Sealed: Copy {
    type Verbs: Access<Self>;
}

/// The verbs of `T`.
#[derive(Debug)]
pub struct Verbs<T>(PhantomData<T>);

/// The atomic of `T`.
pub(crate) type Raw<T> = <<T as Sealed>::Verbs as HasAtomic<T>>::Atomic;

/// A `T` in its atomic.
pub(crate) type Placed<T> = InPlace<T, <T as Sealed>::Verbs>;

/// How the atomic of a type is reached. Everything is sequentially consistent.
pub trait Access<T: Copy>: HasAtomic<T> {
    fn load(cell: &Self::Atomic) -> T;
    fn store(cell: &Self::Atomic, value: T);
    fn swap(cell: &Self::Atomic, value: T) -> T;
    /// Compares bits.
    fn compare_exchange(cell: &Self::Atomic, expected: T, new: T) -> Result<T, T>;
    /// As above, and may fail although they are equal.
    fn compare_exchange_weak(cell: &Self::Atomic, expected: T, new: T) -> Result<T, T>;

    /// Different for values that differ.
    fn bits(x: T) -> u64;
    /// The value of which these are the bits.
    fn from_bits(bits: u64) -> T;
    /// In the order of the numbers.
    fn key(x: T) -> u64;
    fn is_ordered(x: T) -> bool;

    /// How many cells of this type somebody may wait for.
    fn census() -> &'static Census;
}

/// One instruction where the hardware has it. The functions return the previous value and the new
/// one, which for a float is the very one that was written: what is computed twice need not have
/// the same bits.
pub trait Arithmetic<T: Copy>: Access<T> {
    const ZERO: T;
    const ONE: T;

    fn add_to(cell: &Self::Atomic, x: T) -> (T, T);
    fn sub_to(cell: &Self::Atomic, x: T) -> (T, T);
    fn max_to(cell: &Self::Atomic, x: T) -> (T, T);
    fn min_to(cell: &Self::Atomic, x: T) -> (T, T);

    fn plus(a: T, b: T) -> T;
    fn minus(a: T, b: T) -> T;
}

/// As [`Arithmetic`], for bits.
pub trait Logic<T: Copy>: Access<T> {
    fn and_to(cell: &Self::Atomic, x: T) -> (T, T);
    fn or_to(cell: &Self::Atomic, x: T) -> (T, T);
    fn xor_to(cell: &Self::Atomic, x: T) -> (T, T);
}

impl<T: Primitive> Event for T {
    fn identity(&self) -> u64 {
        T::Verbs::bits(*self)
    }
}

/// A value, as threshold waits see it.
#[inline]
pub(crate) fn level<T: Primitive>(value: T) -> Level {
    Level {
        key: T::Verbs::key(value),
        bits: T::Verbs::bits(value),
        is_ordered: T::Verbs::is_ordered(value),
    }
}

/// Replaces the value by what `f` makes of it, unless that is nothing. `Ok` is the previous value
/// and the new one, `Err` the one of which `f` made nothing.
#[inline]
pub(crate) fn update<T: Primitive>(
    cell: &Raw<T>,
    mut f: impl FnMut(T) -> Option<T>,
) -> Result<(T, T), T> {
    let (old, new, ()) = update_with(cell, |value| Some((f(value)?, ())))?;
    Ok((old, new))
}

/// The same with a result besides the new value: that of the attempt that was written.
#[inline]
pub(crate) fn update_with<T: Primitive, R>(
    cell: &Raw<T>,
    mut f: impl FnMut(T) -> Option<(T, R)>,
) -> Result<(T, T, R), T> {
    let mut current = T::Verbs::load(cell);
    loop {
        let (new, result) = f(current).ok_or(current)?;
        match T::Verbs::compare_exchange_weak(cell, current, new) {
            Ok(_) => return Ok((current, new, result)),
            Err(now) => current = now,
        }
        if needs_drop::<R>() {
            // Its destructor may write the cell: the next attempt is made on what comes of that.
            drop(result);
            current = T::Verbs::load(cell);
        }
    }
}

#[inline]
fn update_always<T: Primitive>(cell: &Raw<T>, mut f: impl FnMut(T) -> T) -> (T, T) {
    match update(cell, |x| Some(f(x))) {
        Ok(written) => written,
        Err(_) => unreachable!("the closure makes something of every value"),
    }
}

/// The key of a float: its bits, turned so that their order is that of the numbers.
#[inline]
fn float_key(x: f64) -> u64 {
    // -0.0 equals 0.0, and adding one to it gives that.
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}

/// The accesses through the atomic `$atomic`, which holds a `$held`.
macro_rules! access {
    ($T:ty, $atomic:ty, $into:expr, $from:expr) => {
        plain_access!($T, $atomic, $into, $from);
        #[inline]
        fn compare_exchange(cell: &$atomic, expected: $T, new: $T) -> Result<$T, $T> {
            cell.compare_exchange($into(expected), $into(new), SeqCst, SeqCst)
                .map($from)
                .map_err($from)
        }
        #[inline]
        fn compare_exchange_weak(cell: &$atomic, expected: $T, new: $T) -> Result<$T, $T> {
            cell.compare_exchange_weak($into(expected), $into(new), SeqCst, SeqCst)
                .map($from)
                .map_err($from)
        }
    };
}

/// Those that compare nothing.
macro_rules! plain_access {
    ($T:ty, $atomic:ty, $into:expr, $from:expr) => {
        #[inline]
        fn load(cell: &$atomic) -> $T {
            $from(cell.load(SeqCst))
        }
        #[inline]
        fn store(cell: &$atomic, value: $T) {
            cell.store($into(value), SeqCst);
        }
        #[inline]
        fn swap(cell: &$atomic, value: $T) -> $T {
            $from(cell.swap($into(value), SeqCst))
        }
        #[inline]
        fn census() -> &'static Census {
            census!()
        }
    };
}

/// The atomic of a type; where it is not that of the type itself it has the same size, and takes
/// any bits.
macro_rules! atomic {
    ($T:ty, $atomic:ty, $into:expr) => {
        // SAFETY: (1) and (2): std documents that its atomics have the size and the bit validity of
        // the type they are named for, and a float has those of the integer of its width.
        unsafe impl HasAtomic<$T> for Verbs<$T> {
            type Atomic = $atomic;
            fn atomic(value: $T) -> $atomic {
                <$atomic>::new($into(value))
            }
        }
        impl Sealed for $T {
            type Verbs = Verbs<$T>;
        }
        impl Primitive for $T {}
    };
}

/// The bitwise verbs, for `bool` and integers alike.
macro_rules! logic {
    ($T:ty, $atomic:ty, $into:expr, $from:expr) => {
        impl Logic<$T> for Verbs<$T> {
            #[inline]
            fn and_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = $from(cell.fetch_and($into(x), SeqCst));
                (previous, previous & x)
            }
            #[inline]
            fn or_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = $from(cell.fetch_or($into(x), SeqCst));
                (previous, previous | x)
            }
            #[inline]
            fn xor_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = $from(cell.fetch_xor($into(x), SeqCst));
                (previous, previous ^ x)
            }
        }
        impl Bitwise for $T {}
    };
}

/// A row for each integer: the type, its atomic, the unsigned type of its width, and what turns
/// the order of its bits into that of the numbers.
macro_rules! integers {
    ($($T:ty, $atomic:ty, $unsigned:ty, $turn:expr;)*) => {$(
        atomic!($T, $atomic, std::convert::identity);
        impl Access<$T> for Verbs<$T> {
            access!($T, $atomic, std::convert::identity, std::convert::identity);
            #[inline]
            fn bits(x: $T) -> u64 {
                x as $unsigned as u64
            }
            #[inline]
            fn from_bits(bits: u64) -> $T {
                bits as $T
            }
            #[inline]
            fn key(x: $T) -> u64 {
                x as i64 as u64 ^ $turn
            }
            #[inline]
            fn is_ordered(_: $T) -> bool {
                true
            }
        }
        impl Arithmetic<$T> for Verbs<$T> {
            const ZERO: $T = 0;
            const ONE: $T = 1;
            #[inline]
            fn add_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = cell.fetch_add(x, SeqCst);
                (previous, previous.wrapping_add(x))
            }
            #[inline]
            fn sub_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = cell.fetch_sub(x, SeqCst);
                (previous, previous.wrapping_sub(x))
            }
            #[inline]
            fn max_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = cell.fetch_max(x, SeqCst);
                (previous, previous.max(x))
            }
            #[inline]
            fn min_to(cell: &$atomic, x: $T) -> ($T, $T) {
                let previous = cell.fetch_min(x, SeqCst);
                (previous, previous.min(x))
            }
            #[inline]
            fn plus(a: $T, b: $T) -> $T {
                a.wrapping_add(b)
            }
            #[inline]
            fn minus(a: $T, b: $T) -> $T {
                a.wrapping_sub(b)
            }
        }
        impl Number for $T {}
        logic!($T, $atomic, std::convert::identity, std::convert::identity);
    )*};
}

/// A row for each float: the type, its atomic, the integer that has its bits.
macro_rules! floats {
    ($($T:ty, $atomic:ty, $bits:ty;)*) => {$(
        atomic!($T, $atomic, <$T>::to_bits);
        impl Access<$T> for Verbs<$T> {
            access!($T, $atomic, <$T>::to_bits, <$T>::from_bits);
            #[inline]
            fn bits(x: $T) -> u64 {
                x.to_bits().into()
            }
            #[inline]
            fn from_bits(bits: u64) -> $T {
                <$T>::from_bits(bits as $bits)
            }
            #[inline]
            fn key(x: $T) -> u64 {
                float_key(x.into())
            }
            #[inline]
            fn is_ordered(x: $T) -> bool {
                !x.is_nan()
            }
        }
        impl Arithmetic<$T> for Verbs<$T> {
            const ZERO: $T = 0.0;
            const ONE: $T = 1.0;
            #[inline]
            fn add_to(cell: &$atomic, x: $T) -> ($T, $T) {
                update_always(cell, |y: $T| y + x)
            }
            #[inline]
            fn sub_to(cell: &$atomic, x: $T) -> ($T, $T) {
                update_always(cell, |y: $T| y - x)
            }
            #[inline]
            fn max_to(cell: &$atomic, x: $T) -> ($T, $T) {
                update_always(cell, |y: $T| y.max(x))
            }
            #[inline]
            fn min_to(cell: &$atomic, x: $T) -> ($T, $T) {
                update_always(cell, |y: $T| y.min(x))
            }
            #[inline]
            fn plus(a: $T, b: $T) -> $T {
                a + b
            }
            #[inline]
            fn minus(a: $T, b: $T) -> $T {
                a - b
            }
        }
        impl Number for $T {}
    )*};
}

const SIGN: u64 = 1 << 63;

integers! {
    i8, AtomicI8, u8, SIGN;
    i16, AtomicI16, u16, SIGN;
    i32, AtomicI32, u32, SIGN;
    i64, AtomicI64, u64, SIGN;
    isize, AtomicIsize, usize, SIGN;
    u8, AtomicU8, u8, 0;
    u16, AtomicU16, u16, 0;
    u32, AtomicU32, u32, 0;
    u64, AtomicU64, u64, 0;
    usize, AtomicUsize, usize, 0;
}

floats! {
    f32, AtomicU32, u32;
    f64, AtomicU64, u64;
}

/// Every byte is a flag, so that one in memory that others write to can be read whatever it is.
#[inline]
fn is_set(byte: u8) -> bool {
    byte != 0
}

atomic!(bool, AtomicU8, u8::from);
logic!(bool, AtomicU8, u8::from, is_set);
impl Access<bool> for Verbs<bool> {
    plain_access!(bool, AtomicU8, u8::from, is_set);
    /// Compares flags, not bytes: else a loop around it would not end when the byte is neither of
    /// the two that are written here.
    #[inline]
    fn compare_exchange(cell: &AtomicU8, expected: bool, new: bool) -> Result<bool, bool> {
        let mut byte = u8::from(expected);
        loop {
            match cell.compare_exchange(byte, new.into(), SeqCst, SeqCst) {
                Ok(_) => return Ok(expected),
                Err(found) if is_set(found) == expected => byte = found,
                Err(found) => return Err(is_set(found)),
            }
        }
    }
    #[inline]
    fn compare_exchange_weak(cell: &AtomicU8, expected: bool, new: bool) -> Result<bool, bool> {
        Self::compare_exchange(cell, expected, new)
    }
    #[inline]
    fn bits(x: bool) -> u64 {
        x.into()
    }
    #[inline]
    fn from_bits(bits: u64) -> bool {
        bits != 0
    }
    #[inline]
    fn key(x: bool) -> u64 {
        x.into()
    }
    #[inline]
    fn is_ordered(_: bool) -> bool {
        true
    }
}
