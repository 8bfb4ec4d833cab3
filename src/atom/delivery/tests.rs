//! When commits have to be told, and when no longer: what the word of the atom says (G5).

use tokio_test::{assert_pending, assert_ready, task};

use crate::Atom;

fn is_watched(atom: &Atom<i32>) -> bool {
    atom.0.cell().load().1.flags().is_watched()
}

#[test]
fn g5_the_first_commit_after_the_last_observer_is_the_last_one_that_is_told() {
    let atom = Atom::new(0);
    assert!(!is_watched(&atom));
    let stream = atom.changes();
    atom.reset(1);
    assert!(is_watched(&atom));
    drop(stream);
    atom.reset(2);
    assert!(!is_watched(&atom));
}

#[test]
fn g5_an_atom_is_watched_while_a_watch_is_there() {
    let atom = Atom::new(0);
    atom.add_watch("a", |_| {});
    atom.reset(1);
    atom.reset(2);
    assert!(is_watched(&atom));
    atom.remove_watch("a");
    atom.reset(3);
    assert!(!is_watched(&atom));
}

#[test]
fn g5_an_atom_is_watched_while_somebody_is_in_line() {
    let atom = Atom::new(0);
    let mut turn = task::spawn(atom.swap_when(|n| *n == 3, |n| n + 10));
    assert_pending!(turn.poll());
    atom.reset(1);
    atom.reset(2);
    assert!(is_watched(&atom));
    atom.reset(3);
    assert!(turn.is_woken());
    let _ = assert_ready!(turn.poll());
    atom.reset(4);
    assert!(!is_watched(&atom));
}
