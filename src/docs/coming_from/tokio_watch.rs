//! Coming from `tokio::sync::watch`.
//!
//! A `Sender` is an [`Atom`], a `Receiver` an [`AtomView`]. What differs everywhere:
//!
//! - A value is replaced, not changed in place: there is no lock, and what you
//!   [`load`](Atom::load) may be kept over an `await` and stops nobody.
//! - A `Receiver` remembers what it has seen. Here you do, by keeping a [`Snapshot`]; so
//!   reading needs no `&mut`, and one handle serves many tasks.
//! - `wait_for` sees every state, evaluated by the writer: a state that is overwritten at once is
//!   not missed, and a task whose condition does not hold is not woken. So its closure
//!   is `Send + 'static`.
//! - Writing never fails, whether or not there is anybody who reads.
//!
//! ```
//! use atomos::{Atom, Closed, Snapshot};
//!
//! # futures::executor::block_on(async {
//! let sender = Atom::new("hello");
//! let receiver = sender.view();
//! let seen = receiver.load(); // borrow_and_update
//!
//! sender.reset("world"); // send
//! let seen = receiver.changed_since(&seen).await.unwrap(); // changed, then borrow_and_update
//! assert_eq!(*seen, "world");
//!
//! drop(sender);
//! assert_eq!(receiver.changed_since(&seen).await, Err(Closed));
//! # });
//! ```
//!
//! # `Sender`
//!
//! | tokio | here | what differs |
//! |---|---|---|
//! | `channel(init)`, `Sender::new(init)` | [`Atom::new`] | |
//! | `subscribe` | [`view`](Atom::view), with [`load`](AtomView::load) for what it has seen | |
//! | `send` | [`reset`](Atom::reset) | does not fail when nobody receives |
//! | `send_replace` | [`reset_vals`](Atom::reset_vals) | the old value is a [`Snapshot`], not owned |
//! | `send_modify` | [`swap`](Atom::swap) | makes a new value; runs again if another commit was quicker |
//! | `send_if_modified` | [`swap_if`](Atom::swap_if) | `None` for "not modified" |
//! | `borrow` | [`load`](Atom::load), [`with`](Atom::with) | holds no lock |
//! | `is_closed`, `closed`, `receiver_count` | none: an atom does not count who reads | let those who read hold something that counts them in a cell, and wait for it: [`wait_equal(0)`](Atomic::wait_equal) |
//! | `sender_count` | none | [`AtomView::is_closed`] says whether there is one |
//! | `same_channel` | [`ptr_eq`](Atom::ptr_eq) | |
//! | `clone` | `clone` | |
//! | `error::SendError` | none | |
//!
//! # `Receiver`
//!
//! | tokio | here | what differs |
//! |---|---|---|
//! | `borrow` | [`load`](AtomView::load), [`with`](AtomView::with) | |
//! | `borrow_and_update` | [`load`](AtomView::load), and keep it | |
//! | `has_changed` | compare [`Snapshot::version`] with [`version`](AtomView::version) | does not fail when closed |
//! | `changed` | [`changed_since`](AtomView::changed_since) what you have seen | returns the new snapshot. Do not take [`changed`](AtomView::changed): that waits for a commit after the call |
//! | `mark_changed` | none | a [`load`](AtomView::load) instead of the next wait |
//! | `mark_unchanged` | [`load`](AtomView::load), and keep it | |
//! | `wait_for` | [`wait_for`](AtomView::wait_for) | see above |
//! | `is_closed` | [`is_closed`](AtomView::is_closed) | |
//! | `same_channel` | [`ptr_eq`](AtomView::ptr_eq) | |
//! | `clone` | `clone`, and that of the snapshot | |
//! | `Ref` and its `has_changed` | [`Snapshot`] | holds no lock; is `Send` if `T` is `Send + Sync` |
//! | `error::RecvError` | [`Closed`] | |
//! | `tokio_stream`'s `WatchStream` | [`snapshots`](AtomView::snapshots) | with no gap: [`changes`](AtomView::changes) |
//!
//! # Others of `tokio::sync`
//!
//! | tokio | here | what differs |
//! |---|---|---|
//! | `broadcast` | [`changes_bounded`](Atom::changes_bounded) | tells old and new; [`Lagged`] comes in the stream |
//! | `Semaphore` | [`update_when`](Atomic::update_when) on a count, [`swap_when`](Atom::swap_when) on a value | first come first served *among those whose condition holds*: one who wants few may pass one who wants many |
//! | `Notify::notify_waiters` | a counter: [`increment_and_get`](Atomic::increment_and_get), [`changed_from`](Atomic::changed_from) | the value of before is remembered, so no notice is lost |
//! | `Notify::notify_one` | a counter of permits, taken with [`update_when`](Atomic::update_when) | permits add up; tokio keeps one |
//! | `Barrier` | a counter: [`increment_and_get`](Atomic::increment_and_get), [`wait_at_least`](Atomic::wait_at_least) | the next round waits for twice as many |
//! | `SetOnce`, `OnceCell` | an `Atom<Option<T>>`: [`swap_if`](Atom::swap_if), [`wait_map`](Atom::wait_map) | no initialiser that others wait for |
//! | `CancellationToken` (tokio-util) | an [`AtomicBool`]: [`wait_equal(true)`](Atomic::wait_equal) | no tree of tokens |
//! | `mpsc`, `oneshot`, `Mutex`, `RwLock` | none | messages, and locks, are something else |

use crate::*;
