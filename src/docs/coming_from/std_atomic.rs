//! Coming from `std::sync::atomic`.
//!
//! An [`Atomic`] is `std`'s atomic with a pointer beside it to those who wait. It costs that
//! pointer (an `AtomicU64` here is 16 bytes) and a look, before and after each write, whether
//! anybody waits. What differs everywhere:
//!
//! - There is no `Ordering` argument: all operations are `SeqCst`, in one order with `std`'s.
//! - The names are Java's, and say what is returned: `get_and_add` is `fetch_add`,
//!   `add_and_get` returns the new value.
//! - There are floats. Exchanging, `changed_from` and `values` compare their bits; `wait_equal`,
//!   `wait_at_least` and `wait_at_most` compare numbers.
//!
//! ```
//! use std::sync::atomic;
//!
//! let theirs = atomic::AtomicU64::new(1);
//! theirs.fetch_add(1, atomic::Ordering::SeqCst);
//!
//! let ours = atomos::AtomicU64::new(1);
//! ours.get_and_add(1);
//!
//! assert_eq!(theirs.into_inner(), ours.into_inner());
//! assert_eq!(size_of::<atomos::AtomicU64>(), 16);
//! ```
//!
//! # Types
//!
//! | `std` | here | what differs |
//! |---|---|---|
//! | `AtomicBool` | [`AtomicBool`] | |
//! | `AtomicI8`, `AtomicI16`, `AtomicI32`, `AtomicI64`, `AtomicIsize` | [`AtomicI8`], [`AtomicI16`], [`AtomicI32`], [`AtomicI64`], [`AtomicIsize`] | |
//! | `AtomicU8`, `AtomicU16`, `AtomicU32`, `AtomicU64`, `AtomicUsize` | [`AtomicU8`], [`AtomicU16`], [`AtomicU32`], [`AtomicU64`], [`AtomicUsize`] | |
//! | `AtomicI128`, `AtomicU128` (unstable) | none: no hardware instruction on most targets | an [`Atom`] |
//! | `AtomicPtr<T>` | none: nobody would own what it points to | [`AtomicReference`], see below |
//! | `Atomic<T>` (unstable) | [`Atomic<T>`](Atomic) | |
//! | none | [`AtomicF32`], [`AtomicF64`] | |
//! | `Ordering` | none | always `SeqCst`: a weaker write could pass the look for those who wait |
//!
//! # Integers and flags
//!
//! The methods here are those of [`Atomic`].
//!
//! | `std` | here | what differs |
//! |---|---|---|
//! | `new`, `From`, `Default` | [`new`](Atomic::new), `From`, `Default` | |
//! | `into_inner` | [`into_inner`](Atomic::into_inner) | not `const` |
//! | `load` | [`get`](Atomic::get) | |
//! | `store` | [`set`](Atomic::set) | |
//! | `swap` | [`get_and_set`](Atomic::get_and_set) | |
//! | `compare_exchange` | [`compare_and_exchange`](Atomic::compare_and_exchange) | [`compare_and_set`](Atomic::compare_and_set) returns a `bool` |
//! | `compare_exchange_weak` | [`compare_and_exchange`](Atomic::compare_and_exchange) | the loop that it is for is [`update_and_get`](Atomic::update_and_get) |
//! | `compare_and_swap` (deprecated) | [`compare_and_exchange`](Atomic::compare_and_exchange) | a `Result` |
//! | `fetch_add`, `fetch_sub` | [`get_and_add`](Atomic::get_and_add), [`get_and_subtract`](Atomic::get_and_subtract) | |
//! | `fetch_max`, `fetch_min` | [`get_and_max`](Atomic::get_and_max), [`get_and_min`](Atomic::get_and_min) | |
//! | `fetch_and`, `fetch_or`, `fetch_xor` | [`get_and_bitwise_and`](Atomic::get_and_bitwise_and), [`get_and_bitwise_or`](Atomic::get_and_bitwise_or), [`get_and_bitwise_xor`](Atomic::get_and_bitwise_xor) | |
//! | `fetch_nand` | none: [`get_and_update`](Atomic::get_and_update) with the complement of the `and` | no hardware has it |
//! | `AtomicBool::fetch_not` | [`get_and_toggle`](Atomic::get_and_toggle) | |
//! | `update` | [`get_and_update`](Atomic::get_and_update) | returns the previous value, as `std`'s |
//! | `fetch_update`, `try_update` | [`update_if`](Atomic::update_if) | **`Ok` is the new value**; in `std` it is the previous one |
//! | `get_mut` | none: [`get`](Atomic::get), [`set`](Atomic::set) | in the end [`into_inner`](Atomic::into_inner) |
//! | `from_mut`, `from_ptr`, `get_mut_slice`, `from_mut_slice` | none | a cell is more than its number |
//! | `as_ptr` | none | a write through it would tell nobody |
//! | `Debug` | `Debug` | |
//!
//! ```
//! let seats = atomos::AtomicU32::new(8);
//! assert_eq!(seats.update_if(|n| n.checked_sub(3)), Ok(5)); // fetch_update would say Ok(8)
//! assert_eq!(seats.get_and_update(|n| !(n & 1)), 5); // fetch_nand(1)
//! ```
//!
//! # `AtomicPtr`
//!
//! An [`AtomicReference`] holds an `Arc<T>`: what is read stays alive for as long as one has it,
//! which with raw pointers is the hard part. For `null`, `T` is an `Option`.
//!
//! | `std` | here |
//! |---|---|
//! | `new`, `From`, `Default` | [`new`](AtomicReference::new), `From<Arc<T>>`, `Default` |
//! | `into_inner` | [`into_inner`](AtomicReference::into_inner) |
//! | `load` | [`get`](AtomicReference::get) |
//! | `store` | [`set`](AtomicReference::set) |
//! | `swap` | [`get_and_set`](AtomicReference::get_and_set) |
//! | `compare_exchange`, `compare_exchange_weak`, `compare_and_swap` | [`compare_and_exchange`](AtomicReference::compare_and_exchange) |
//! | `update` | [`get_and_update`](AtomicReference::get_and_update) |
//! | `fetch_update`, `try_update` | none: a loop of `compare_and_exchange`; on an [`Atom`] [`swap_if`](Atom::swap_if) |
//! | `fetch_ptr_add`, `fetch_ptr_sub`, `fetch_byte_add`, `fetch_byte_sub`, `fetch_and`, `fetch_or`, `fetch_xor` | none: an `Arc` has no arithmetic. For a tag in the pointer, [`AtomicMarkableReference`] |
//! | `get_mut`, `from_mut`, `get_mut_slice`, `from_mut_slice`, `as_ptr`, `from_ptr` | none, as above |
//!
//! # Functions
//!
//! | `std` | here |
//! |---|---|
//! | `fence`, `compiler_fence` | none needed for what the cells order; `std`'s work beside them |
//! | `spin_loop_hint` (deprecated) | none: `std::hint::spin_loop`. Rather than to spin on a cell, [wait](Atomic::wait_for) for it |
//!
//! # When to stay with `std`
//!
//! If nobody waits for the value and 8 bytes, or a weaker ordering than `SeqCst`, matter; in
//! `no_std`; and where the layout is fixed by others (FFI, memory that is mapped).

use crate::*;
