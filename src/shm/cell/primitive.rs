//! What a shared cell can hold.

use crate::{
    atomic::primitive::{Primitive, Sealed, Verbs},
    shm::head::Word,
    sync::{AtomicU8, Ordering::Relaxed, in_place::HasAtomic},
};

/// A type that an [`Atomic`](super::Atomic) can hold: `bool`, `i32`, `u32`, `i64`, `u64`, `f32`, `f64`:
/// those that have the same size wherever a file can be opened. Sealed.
///
/// # Examples
///
/// ```
/// use atomos::shm::{Atomic, ShmPrimitive};
///
/// fn take<T: ShmPrimitive>(cell: &Atomic<T>) -> T {
///     cell.get_and_set(T::default())
/// }
/// # let path = std::env::temp_dir().join(format!("atomos-doc-primitive-{}", std::process::id()));
/// assert_eq!(take(&Atomic::open(&path, 5)?), 5);
/// # std::fs::remove_file(&path)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait ShmPrimitive: Primitive + Sealed<Verbs: InFile<Self>> {}

/// How a type stands in a file. Not in the type itself, so that users' generic code does not see it
/// beside its own.
pub trait InFile<T: Copy>: HasAtomic<T, Atomic: Word> {
    /// The name of the type, which the file says.
    const TAG: &'static str;

    fn bytes(value: T) -> Vec<u8>;

    /// Whether it contains a value of this type.
    fn is_valid(_: &Self::Atomic) -> bool {
        true
    }
}

macro_rules! numbers {
    ($($T:ty)*) => {$(
        impl ShmPrimitive for $T {}

        impl InFile<$T> for Verbs<$T> {
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

impl ShmPrimitive for bool {}

impl InFile<bool> for Verbs<bool> {
    const TAG: &'static str = "bool";

    fn bytes(value: bool) -> Vec<u8> {
        vec![value.into()]
    }

    fn is_valid(cell: &AtomicU8) -> bool {
        cell.load(Relaxed) < 2
    }
}
