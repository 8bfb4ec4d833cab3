//! What a shared cell can hold.

use crate::{
    atomic::primitive::{Primitive, Raw, Sealed},
    shm::head::Word,
    sync::{AtomicU8, Ordering::Relaxed, in_place::HasAtomic},
};

/// A type that an [`Atomic`](super::Atomic) can hold: `bool`, `i32`, `u32`, `i64`, `u64`, `f32`, `f64`:
/// those that have the same size wherever a file can be opened. Sealed.
pub trait ShmPrimitive: Primitive + Sealed<Verbs: HasAtomic<Self, Atomic: Word>> {
    #[doc(hidden)]
    const TAG: &'static str;

    #[doc(hidden)]
    fn bytes(value: Self) -> Vec<u8>;

    /// Whether it contains a value of this type.
    #[doc(hidden)]
    fn is_valid(_cell: &Raw<Self>) -> bool {
        true
    }
}

macro_rules! numbers {
    ($($T:ty)*) => {$(
        impl ShmPrimitive for $T {
            const TAG: &'static str = stringify!($T);

            fn bytes(value: $T) -> Vec<u8> {
                value.to_ne_bytes().to_vec()
            }
        }
    )*};
}

numbers! {
    i32
    u32
    i64
    u64
    f32
    f64
}

impl ShmPrimitive for bool {
    const TAG: &'static str = "bool";

    fn bytes(value: bool) -> Vec<u8> {
        vec![value.into()]
    }

    fn is_valid(cell: &AtomicU8) -> bool {
        cell.load(Relaxed) < 2
    }
}
