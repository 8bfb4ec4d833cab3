//! Which auto traits every public type, future and stream has, by what the
//! value in the atom or the cell has (G13): a table in the manner of tokio's.
#![cfg(not(loom))]

use std::cell::Cell;
use std::marker::{PhantomData, PhantomPinned};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use atomos::{
    Accumulator, Adder, Atom, AtomView, Atomic, AtomicMarkableReference, AtomicReference,
    AtomicStampedReference, BoundedChanges, Change, Changes, Closed, Conflict, Lagged, Number,
    Reader, Snapshot, Snapshots, Values, ValuesOwned, WatchEvent, WatchKey, WeakAtom,
};
use futures::Stream;
use futures::stream::FusedStream;

/// Whether the type of `$value` has `$bound`: the inherent method is found
/// where the bound holds, the trait's otherwise.
macro_rules! holds {
    ($value:expr, $bound:ident) => {{
        struct Ask<T>(PhantomData<T>);
        impl<T: $bound> Ask<T> {
            #[allow(dead_code)] // of the two `holds`, one is called
            fn holds(&self) -> bool {
                true
            }
        }
        #[allow(dead_code)]
        trait Otherwise {
            fn holds(&self) -> bool {
                false
            }
        }
        impl<T> Otherwise for Ask<T> {}
        fn ask<T>(_: &T) -> Ask<T> {
            Ask(PhantomData)
        }
        ask(&$value).holds()
    }};
}

/// One row of the table: a name, a value, and what its type has (`!`: has not).
macro_rules! row {
    ($name:expr, $value:expr; []) => {};
    ($name:expr, $value:expr; [! $bound:ident $($rest:tt)*]) => {
        assert!(!holds!($value, $bound), "{} must not be {}", $name, stringify!($bound));
        row!($name, $value; [$($rest)*]);
    };
    ($name:expr, $value:expr; [$bound:ident $($rest:tt)*]) => {
        assert!(holds!($value, $bound), "{} must be {}", $name, stringify!($bound));
        row!($name, $value; [$($rest)*]);
    };
}

/// A row for each type: `PhantomData` has exactly the auto traits of what it names.
macro_rules! types {
    ($($type:ty),+; $bounds:tt) => {
        $(row!(stringify!($type), PhantomData::<$type>; $bounds);)+
    };
}

macro_rules! types_that_share {
    ($t:ty; $bounds:tt) => {
        types!(
            Atom<$t>, AtomView<$t>, WeakAtom<$t>, Reader<$t>, Snapshot<$t>, Change<$t>,
            WatchEvent<'static, $t>, Changes<$t>, BoundedChanges<$t>, Snapshots<$t>;
            $bounds
        );
    };
}

type Guard = MutexGuard<'static, u8>;

#[test]
fn g13_types_may_move_between_threads_when_the_value_may() {
    types_that_share!(u8; [Send Sync]);
    types!(Conflict<u8>; [Send Sync]);
}

#[test]
fn g13_types_of_a_value_without_sync_stay_on_their_thread() {
    types_that_share!(Cell<u8>; [!Send !Sync]);
    types!(Conflict<Cell<u8>>; [!Send !Sync]);
}

#[test]
fn g13_types_of_a_value_without_send_stay_on_their_thread() {
    types_that_share!(Guard; [!Send !Sync]);
    types_that_share!(Rc<u8>; [!Send !Sync]);
    types!(Conflict<Guard>, Conflict<Rc<u8>>; [!Send !Sync]);
}

#[test]
fn g13_types_are_unpin_whatever_the_value() {
    types_that_share!(u8; [Unpin]);
    types_that_share!(PhantomPinned; [Unpin]);
}

#[test]
fn g13_atoms_and_views_are_unwind_safe_whatever_the_value() {
    types!(Atom<u8>, AtomView<u8>; [UnwindSafe RefUnwindSafe]);
    types!(Atom<Cell<u8>>, AtomView<Cell<u8>>; [UnwindSafe RefUnwindSafe]);
    types!(Atom<Rc<Cell<u8>>>, AtomView<Rc<Cell<u8>>>; [UnwindSafe RefUnwindSafe]);
    types!(Atom<&'static mut u8>, AtomView<&'static mut u8>; [UnwindSafe RefUnwindSafe]);
}

#[test]
fn g13_snapshots_are_unwind_safe_as_an_arc_of_the_value_is() {
    types!(Snapshot<u8>, Change<u8>, Conflict<u8>; [UnwindSafe RefUnwindSafe]);
    types!(Snapshot<Cell<u8>>; [!RefUnwindSafe]);
}

#[test]
fn g13_what_holds_no_value_has_every_auto_trait() {
    types!(WatchKey, Lagged, Closed; [Send Sync Unpin UnwindSafe RefUnwindSafe]);
}

#[test]
fn g13_cells_have_every_auto_trait_in_generic_code() {
    fn all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn of<T: Number>() {
        all::<(Atomic<T>, Adder<T>, Accumulator<T>)>();
        all::<(Values<'static, T>, ValuesOwned<T>)>();
    }
    of::<u8>();
}

#[test]
fn g13_streams_are_fused_streams_of_the_items_that_are_promised() {
    fn stream<S: Stream<Item = I> + FusedStream + Unpin, I>(_: PhantomData<S>) {}
    stream::<Changes<Rc<u8>>, Change<Rc<u8>>>(PhantomData);
    stream::<BoundedChanges<Rc<u8>>, Result<Change<Rc<u8>>, Lagged>>(PhantomData);
    stream::<Snapshots<Rc<u8>>, Snapshot<Rc<u8>>>(PhantomData);
}

/// A row for every future of an atom of `$value`.
macro_rules! futures_of {
    ($value:expr; $bounds:tt) => {
        let atom = Atom::new($value);
        let (view, seen) = (atom.view(), atom.load());
        row!("Atom::wait_for", atom.wait_for(|_| true); $bounds);
        row!("Atom::wait_map", atom.wait_map(|_| Some(1_u8)); $bounds);
        row!("Atom::swap_when", atom.swap_when(|_| true, |_| $value); $bounds);
        row!("Atom::changed", atom.changed(); $bounds);
        row!("Atom::changed_since", atom.changed_since(&seen); $bounds);
        row!("AtomView::wait_for", view.wait_for(|_| true); $bounds);
        row!("AtomView::wait_map", view.wait_map(|_| Some(1_u8)); $bounds);
        row!("AtomView::changed", view.changed(); $bounds);
        row!("AtomView::changed_since", view.changed_since(&seen); $bounds);
    };
}

#[test]
fn g13_futures_may_move_between_threads_when_the_value_may() {
    futures_of!(1_u8; [Send Sync]);
}

#[test]
fn g13_futures_of_a_value_that_may_not_move_stay_on_their_thread() {
    futures_of!(Cell::new(1_u8); [!Send !Sync]);
    futures_of!(Rc::new(1_u8); [!Send !Sync]);
}

#[test]
fn g13_futures_ask_no_more_of_their_closures_than_send() {
    let atom = Atom::new(1_u8);
    let view = atom.view();
    let state = || Cell::new(0_u8);
    let (one, two, three) = (state(), state(), state());
    row!("wait_for", atom.wait_for(move |n| one.replace(*n) == 1); [Send]);
    row!("wait_for", view.wait_for(move |n| two.replace(*n) == 1); [Send]);
    row!("wait_map", atom.wait_map(move |_| Some(three.clone())); [Send]);
    let (four, five, six) = (state(), state(), state());
    row!("wait_map", view.wait_map(move |_| Some(four.clone())); [Send]);
    let update = move |n: &u8| six.replace(*n);
    row!("swap_when", atom.swap_when(move |n| five.replace(*n) == 1, update); [Send]);
}

#[test]
fn g13_every_future_and_stream_is_static_from_a_view_or_an_owned_atom() {
    fn lasting<T: Send + 'static>(_: T) {}
    let atom = Atom::new(1_u8);
    let view = atom.view();
    lasting(view.changed());
    lasting((atom.changes(), atom.changes_bounded(1), atom.snapshots()));
    lasting((view.changes(), view.changes_bounded(1), view.snapshots()));
    lasting(async move { view.wait_for(|n| *n == 1).await });
    lasting(async move { atom.wait_for(|n| *n == 1).await });
}

/// The cells, their streams, and what is made of stripes.
#[test]
fn g13_cells_have_every_auto_trait() {
    macro_rules! of_numbers {
        ($($t:ty),+) => {$(
            types!(Atomic<$t>, Adder<$t>, Accumulator<$t>;
                [Send Sync Unpin UnwindSafe RefUnwindSafe]);
            types!(Values<'static, $t>, ValuesOwned<$t>; [Send Sync Unpin]);
        )+};
    }
    of_numbers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);
    types!(Atomic<bool>, Accumulator<bool>; [Send Sync Unpin UnwindSafe RefUnwindSafe]);
    types!(Values<'static, bool>, ValuesOwned<bool>; [Send Sync Unpin]);
}

macro_rules! references {
    ($t:ty; $bounds:tt) => {
        types!(AtomicReference<$t>, AtomicStampedReference<$t>, AtomicMarkableReference<$t>; $bounds);
    };
}

#[test]
fn g13_references_may_move_between_threads_when_the_value_may() {
    references!(u8; [Send Sync]);
    references!(Cell<u8>; [!Send !Sync]);
    references!(Guard; [!Send !Sync]);
    references!(Rc<u8>; [!Send !Sync]);
}

#[test]
fn g13_references_are_unpin_and_unwind_safe_whatever_the_value() {
    references!(PhantomPinned; [Unpin UnwindSafe RefUnwindSafe]);
    references!(Rc<Cell<u8>>; [Unpin UnwindSafe RefUnwindSafe]);
    references!(&'static mut u8; [Unpin UnwindSafe RefUnwindSafe]);
}

#[test]
fn g13_futures_of_cells_may_move_between_threads() {
    let cell = Atomic::new(1_u8);
    let bounds = "every future of a cell";
    row!(bounds, cell.wait_for(|_| true); [Send Sync Unpin]);
    row!(bounds, cell.wait_map(|_| Some(1_u8)); [Send Sync Unpin]);
    row!(bounds, cell.wait_equal(1); [Send Sync Unpin]);
    row!(bounds, cell.changed_from(1); [Send Sync Unpin]);
    row!(bounds, cell.update_when(|_| true, |n| n); [Send Sync Unpin]);
    row!(bounds, cell.wait_at_least(1); [Send Sync Unpin]);
    row!(bounds, cell.wait_at_most(1); [Send Sync Unpin]);
    // They ask no more of their closures than `Send`.
    let (one, two, three) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let wait_for = cell.wait_for(move |n| one.replace(n) == 1);
    let wait_map = cell.wait_map(move |n| Some(Cell::new(two.replace(n))));
    let update_when = cell.update_when(|_| true, move |n| three.replace(n));
    row!(bounds, wait_for; [Send Sync]);
    row!(bounds, wait_map; [Send Sync]);
    row!(bounds, update_when; [Send Sync]);
}

macro_rules! futures_of_reference {
    ($value:expr; $bounds:tt) => {
        let cell = AtomicReference::new($value);
        row!("AtomicReference::wait_for", cell.wait_for(|_| true); $bounds);
        row!("AtomicReference::wait_map", cell.wait_map(|_| Some(1_u8)); $bounds);
        row!("AtomicReference::changed_from", cell.changed_from(&cell.get()); $bounds);
    };
}

#[test]
fn g13_futures_of_references_may_move_between_threads_when_the_value_may() {
    futures_of_reference!(1_u8; [Send Sync Unpin]);
    futures_of_reference!(PhantomPinned; [Send Sync Unpin]);
    futures_of_reference!(Cell::new(1_u8); [!Send !Sync]);
    futures_of_reference!(Rc::new(1_u8); [!Send !Sync]);
}

/// What processes share.
#[cfg(feature = "shm")]
mod shared {
    use super::*;
    use atomos::shm;

    #[test]
    fn g13_cells_in_files_and_their_streams_have_every_auto_trait() {
        types!(shm::Atomic<u64>, shm::Atomic<f32>, shm::Atomic<bool>;
            [Send Sync Unpin UnwindSafe RefUnwindSafe]);
        types!(shm::Values<u64>, shm::Values<bool>; [Send Sync Unpin]);
        types!(shm::Options; [Send Sync Unpin UnwindSafe RefUnwindSafe]);
        types!(shm::ShmError; [Send Sync Unpin]);
    }

    #[test]
    fn g13_atoms_in_files_may_move_between_threads_when_the_value_may() {
        types!(shm::Atom<u8>, shm::Snapshots<u8>; [Send Sync Unpin]);
        types!(shm::Atom<Cell<u8>>, shm::Snapshots<Cell<u8>>; [!Send !Sync]);
        types!(shm::Atom<Rc<u8>>, shm::Snapshots<Rc<u8>>; [!Send !Sync]);
        types!(shm::Atom<Guard>, shm::Atom<PhantomPinned>; [UnwindSafe RefUnwindSafe Unpin]);
    }

    #[test]
    fn g13_futures_of_what_is_in_files_may_move_between_threads() {
        let path = std::env::temp_dir().join(format!("atomos-auto-{}", std::process::id()));
        let cell = shm::Atomic::open(&path, 1_u32).unwrap();
        std::fs::remove_file(&path).unwrap();
        let state = Cell::new(0);
        let wait = cell.wait_for(move |n| state.replace(n) == 1);
        row!("wait_for", wait; [Send Sync]);
        row!("wait_map", cell.wait_map(|_| Some(1_u8)); [Send Sync]);
        row!("wait_at_least", cell.wait_at_least(1); [Send Sync]);
        row!("changed_from", cell.changed_from(1); [Send Sync]);
        let atom = shm::Atom::open(&path, "auto", || 1_u32).unwrap();
        std::fs::remove_file(&path).unwrap();
        let state = Cell::new(0);
        let wait = atom.wait_for(move |n| state.replace(*n) == 1);
        row!("wait_for", wait; [Send Sync]);
        row!("wait_map", atom.wait_map(|_| Some(1_u8)); [Send Sync]);
    }
}
