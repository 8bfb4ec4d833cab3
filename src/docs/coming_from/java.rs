//! Coming from `java.util.concurrent.atomic`.
//!
//! The names are Java's in Rust's spelling: `incrementAndGet` is `increment_and_get`. What
//! differs everywhere:
//!
//! - Every cell but the adders, accumulators, stamped and marked references can be awaited.
//! - A cell is not a reference type: it stands where it is declared, as a `static`, in a field or
//!   in an array. To share one from the heap, put it into an `Arc`.
//! - There is one memory mode, Java's volatile one (the strongest). Modes are explained below.
//!
//! # Classes
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `AtomicBoolean` | [`AtomicBoolean`], which is [`AtomicBool`] | has the verbs of bits, too: [`toggle_and_get`](Atomic::toggle_and_get) and others |
//! | `AtomicInteger` | [`AtomicInteger`], which is [`AtomicI32`] | there are all widths, unsigned ones, and floats |
//! | `AtomicLong` | [`AtomicLong`], which is [`AtomicI64`] | |
//! | `AtomicReference<V>` | [`AtomicReference<T>`](AtomicReference) | holds an `Arc<T>`; `null` is an `Option` in it. To *update* a value: [`Atom`] |
//! | `AtomicIntegerArray`, `AtomicLongArray`, `AtomicReferenceArray` | an array or a boxed slice of cells | see below |
//! | `AtomicIntegerFieldUpdater`, `AtomicLongFieldUpdater`, `AtomicReferenceFieldUpdater` | none: a cell in a field | see below |
//! | `AtomicStampedReference<V>` | [`AtomicStampedReference<T>`](AtomicStampedReference) | the stamp is a `u64` |
//! | `AtomicMarkableReference<V>` | [`AtomicMarkableReference<T>`](AtomicMarkableReference) | |
//! | `LongAdder`, `DoubleAdder` | [`Adder<i64>`](Adder), [`Adder<f64>`](Adder) | there is one for every [`Number`] |
//! | `LongAccumulator`, `DoubleAccumulator` | [`Accumulator<i64>`](Accumulator), [`Accumulator<f64>`](Accumulator) | there is one for every [`Primitive`] |
//!
//! # `AtomicBoolean`, `AtomicInteger`, `AtomicLong`
//!
//! In Java all three have the first group, and `AtomicBoolean` has none of the second. The methods
//! here are those of [`Atomic`]; here updating and accumulating work on a `bool`, too.
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `new AtomicX(v)`, `new AtomicX()` | [`new`](Atomic::new), `Default` | `new` is `const` |
//! | `get` | [`get`](Atomic::get) | |
//! | `getPlain`, `getOpaque`, `getAcquire` | [`get`](Atomic::get) | stronger |
//! | `set` | [`set`](Atomic::set) | |
//! | `setPlain`, `setOpaque`, `setRelease`, `lazySet` | [`set`](Atomic::set) | stronger |
//! | `getAndSet` | [`get_and_set`](Atomic::get_and_set) | |
//! | `compareAndSet` | [`compare_and_set`](Atomic::compare_and_set) | |
//! | `weakCompareAndSet`, `…Plain`, `…Acquire`, `…Release`, `…Volatile` | [`compare_and_set`](Atomic::compare_and_set) | stronger; does not fail without a reason |
//! | `compareAndExchange` | [`compare_and_exchange`](Atomic::compare_and_exchange) | a `Result`: `Ok` or `Err` of the value that Java returns |
//! | `compareAndExchangeAcquire`, `…Release` | [`compare_and_exchange`](Atomic::compare_and_exchange) | stronger |
//! | `toString` | `Debug` | |
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `addAndGet`, `getAndAdd` | [`add_and_get`](Atomic::add_and_get), [`get_and_add`](Atomic::get_and_add) | wrap, as in Java, in all builds. There are the same for subtracting, `max`, `min`, and bits |
//! | `incrementAndGet`, `getAndIncrement` | [`increment_and_get`](Atomic::increment_and_get), [`get_and_increment`](Atomic::get_and_increment) | |
//! | `decrementAndGet`, `getAndDecrement` | [`decrement_and_get`](Atomic::decrement_and_get), [`get_and_decrement`](Atomic::get_and_decrement) | |
//! | `updateAndGet`, `getAndUpdate` | [`update_and_get`](Atomic::update_and_get), [`get_and_update`](Atomic::get_and_update) | with a reason not to: [`update_if`](Atomic::update_if) |
//! | `accumulateAndGet(x, f)`, `getAndAccumulate(x, f)` | [`accumulate_and_get`](Atomic::accumulate_and_get), [`get_and_accumulate`](Atomic::get_and_accumulate) | `f(current, x)`, as in Java |
//! | `intValue`, `longValue`, `floatValue`, `doubleValue` | [`get`](Atomic::get) and `as` | |
//!
//! # `AtomicReference`
//!
//! Both compare by identity. Mind that Java compares boxed numbers and strings in this way, too:
//! here, a number goes into an [`Atomic`], and [`Atom::compare_and_set`] compares by value.
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `new AtomicReference<>(v)` | [`new`](AtomicReference::new), or `From<Arc<T>>` | not `const` |
//! | `new AtomicReference<>()` | `AtomicReference::<Option<T>>::default()` | |
//! | `get`, `getPlain`, `getOpaque`, `getAcquire` | [`get`](AtomicReference::get) | |
//! | `set`, `setPlain`, `setOpaque`, `setRelease`, `lazySet` | [`set`](AtomicReference::set) | |
//! | `getAndSet` | [`get_and_set`](AtomicReference::get_and_set) | |
//! | `compareAndSet`, `weakCompareAndSet`, `…Plain`, `…Acquire`, `…Release`, `…Volatile` | [`compare_and_set`](AtomicReference::compare_and_set) | |
//! | `compareAndExchange`, `…Acquire`, `…Release` | [`compare_and_exchange`](AtomicReference::compare_and_exchange) | `Ok` or `Err` of the reference that Java returns |
//! | `updateAndGet`, `getAndUpdate` | [`update_and_get`](AtomicReference::update_and_get), [`get_and_update`](AtomicReference::get_and_update) | |
//! | `accumulateAndGet`, `getAndAccumulate` | [`accumulate_and_get`](AtomicReference::accumulate_and_get), [`get_and_accumulate`](AtomicReference::get_and_accumulate) | |
//! | `toString` | `Debug` | |
//!
//! # Arrays
//!
//! An array of cells is `[Atomic<T>; N]` or `Box<[Atomic<T>]>` (for references
//! `Box<[AtomicReference<T>]>`), and every method that takes an index is a method of the element:
//! `a.addAndGet(i, x)` is `a[i].add_and_get(x)`. That holds for all of the above.
//!
//! | Java | here |
//! |---|---|
//! | `new AtomicIntegerArray(n)`, `new AtomicLongArray(n)` | collect `n` cells, as below |
//! | `new AtomicIntegerArray(int[])`, `new AtomicLongArray(long[])` | `values.into_iter().map(Atomic::new).collect()` |
//! | `new AtomicReferenceArray(n)` | the same with `Option`s; or with values |
//! | `new AtomicReferenceArray(E[])` | `values.into_iter().map(AtomicReference::new).collect()` |
//! | `length` | `len` |
//! | `toString` | `Debug` |
//!
//! ```
//! use atomos::{Atomic, AtomicI32};
//!
//! let zeros: Box<[AtomicI32]> = (0..1_000).map(|_| Atomic::new(0)).collect();
//! assert_eq!(zeros[7].add_and_get(5), 5);
//!
//! static COUNTS: [AtomicI32; 4] = [const { Atomic::new(0) }; 4];
//! assert_eq!(COUNTS.len(), 4);
//! assert_eq!(format!("{COUNTS:?}"), "[0, 0, 0, 0]");
//! ```
//!
//! # Field updaters
//!
//! They exist so that a field needs no object of its own. A cell is none: a field of type
//! [`AtomicI32`] is the number with a pointer beside it. So `newUpdater` has no counterpart, and
//! `updater.getAndAdd(object, x)` is `object.field.get_and_add(x)`, and so for `get`, `set`,
//! `lazySet`, `getAndSet`, `compareAndSet`, `weakCompareAndSet` and all those that count, update
//! and accumulate.
//!
//! # `AtomicStampedReference`, `AtomicMarkableReference`
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `new AtomicStampedReference<>(v, stamp)` | [`new`](AtomicStampedReference::new) | takes the value, not an `Arc` |
//! | `get(int[] holder)` | [`get`](AtomicStampedReference::get) | a pair, no holder |
//! | `getReference`, `getStamp` | [`reference`](AtomicStampedReference::reference), [`stamp`](AtomicStampedReference::stamp) | |
//! | `set` | [`set`](AtomicStampedReference::set) | |
//! | `compareAndSet`, `weakCompareAndSet` | [`compare_and_set`](AtomicStampedReference::compare_and_set) | arguments in the same order |
//! | `attemptStamp` | [`attempt_stamp`](AtomicStampedReference::attempt_stamp) | does not fail without a reason |
//! | `new AtomicMarkableReference<>(v, mark)` | [`new`](AtomicMarkableReference::new) | takes the value, not an `Arc` |
//! | `get(boolean[] holder)` | [`get`](AtomicMarkableReference::get) | a pair, no holder |
//! | `getReference`, `isMarked` | [`reference`](AtomicMarkableReference::reference), [`is_marked`](AtomicMarkableReference::is_marked) | |
//! | `set` | [`set`](AtomicMarkableReference::set) | |
//! | `compareAndSet`, `weakCompareAndSet` | [`compare_and_set`](AtomicMarkableReference::compare_and_set) | arguments in the same order |
//! | `attemptMark` | [`attempt_mark`](AtomicMarkableReference::attempt_mark) | does not fail without a reason |
//!
//! A stamp is often there to notice that a reference has been replaced and put back. An [`Atom`]
//! has that built in: [`compare_exchange`](Atom::compare_exchange) expects a commit, not a value.
//!
//! # Adders and accumulators
//!
//! | Java | here | what differs |
//! |---|---|---|
//! | `new LongAdder()`, `new DoubleAdder()` | [`new`](Adder::new), `Default` | `const` |
//! | `add` | [`add`](Adder::add) | |
//! | `increment`, `decrement` | [`increment`](Adder::increment), [`decrement`](Adder::decrement) | also for floats |
//! | `sum`, `longValue`, `doubleValue`, `intValue`, `floatValue` | [`sum`](Adder::sum), and `as` | |
//! | `reset` | [`reset`](Adder::reset) | |
//! | `sumThenReset` | [`sum_then_reset`](Adder::sum_then_reset) | an addition at the same time is in this sum or in the next one |
//! | `new LongAccumulator(f, identity)`, `new DoubleAccumulator(f, identity)` | [`new`](Accumulator::new) | not `const` |
//! | `accumulate` | [`accumulate`](Accumulator::accumulate) | |
//! | `get`, `longValue`, `doubleValue`, `intValue`, `floatValue` | [`get`](Accumulator::get), and `as` | |
//! | `reset` | [`reset`](Accumulator::reset) | |
//! | `getThenReset` | [`get_then_reset`](Accumulator::get_then_reset) | as `sum_then_reset` |
//! | `toString` | `Debug` | |
//!
//! # Memory modes
//!
//! Plain, opaque, acquire, release and lazy accesses have no counterpart: every operation is as
//! Java's volatile ones. A cell has to know after a write whether somebody waits for it, and a
//! weaker write could pass that question. Where nobody ever waits and a weaker mode is measurably
//! better, use [`std::sync::atomic`]; `std`'s `Ordering` has the same modes under other names.

use crate::*;
