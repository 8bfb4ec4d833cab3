//! When somebody has to be asked, and when not.

use super::{Answer, Kind, Next, Place, State};
use crate::{
    Atomic,
    wait::{line::Verdict, panics::run, predicate::Predicate},
};

type Numbers = State<u64>;

fn join(state: &mut Numbers, kind: Option<Kind>) -> u64 {
    state.enter(Place::new(kind, Predicate::new(|_| true)), false)
}

/// So many in line, who did not knock; and what they wait for.
fn line_of(count: u64) -> (Numbers, Atomic<u64>) {
    let mut state = State::new();
    for number in 0..count {
        assert_eq!(join(&mut state, None), number);
    }
    (state, Atomic::new(0))
}

/// Whether a turn would be due if one was owed, or if somebody had knocked.
fn is_due(state: &mut Numbers) -> bool {
    state.owed += 1;
    let is_due = state.is_due();
    assert_eq!(state.owed > 0, is_due, "it is forgotten if nobody waits");
    state.owed = 0;
    is_due
}

/// Asks the one at `number`, who is the next that waits.
fn ask(state: &mut Numbers, number: u64) -> Predicate<u64> {
    match state.next(number, None) {
        Next::Ask(asked, predicate) => {
            assert_eq!(asked, number);
            predicate
        }
        Next::Given(..) | Next::Nobody => panic!("{number} waits"),
    }
}

#[test]
fn nothing_is_due_when_those_who_waited_have_left() {
    let (mut state, source) = line_of(2);
    assert!(is_due(&mut state));
    assert!(state.leave(0, &source).is_some());
    assert!(is_due(&mut state), "one waits");
    let _asked = ask(&mut state, 1);
    assert!(
        is_due(&mut state),
        "one who is asked may have to be asked again"
    );
    assert!(state.leave(1, &source).is_some());
    assert!(!is_due(&mut state) && state.is_empty());
}

#[test]
fn nothing_is_due_when_all_have_turns() {
    let (mut state, source) = line_of(2);
    let predicate = ask(&mut state, 0);
    let given = state.answer(0, predicate, Ok(true));
    assert!(matches!(given, Ok(Answer::Given(None, None))));
    assert!(is_due(&mut state), "one waits");
    let predicate = ask(&mut state, 1);
    let given = state.answer(1, predicate, Ok(true));
    assert!(matches!(given, Ok(Answer::Given(None, None))));
    assert!(!is_due(&mut state));
    state.leave(0, &source);
    // One who loses its turn waits again.
    assert!(state.look(1, &source).is_ready());
    state.wait_again(1, Predicate::new(|_| true), None);
    assert!(is_due(&mut state));
}

#[test]
fn nothing_is_due_when_all_of_a_kind_have_turns() {
    let mut state = State::new();
    let kind = Kind::of(&|_: u64| true);
    assert!(kind.is_some());
    for number in 0..2 {
        join(&mut state, kind);
        let known = kind.map(|kind| (kind, true));
        assert!(matches!(state.next(number, known), Next::Given(given, None) if given == number));
        assert!(!is_due(&mut state));
    }
}

#[test]
fn nothing_is_due_when_those_who_waited_have_panicked() {
    let (mut state, _) = line_of(1);
    let predicate = ask(&mut state, 0);
    let verdict = run(|| panic!("broken"));
    assert!(matches!(
        state.answer(0, predicate, verdict),
        Ok(Answer::Panicked(None))
    ));
    assert!(!is_due(&mut state));
}

/// A knock is for him who could go on, while nobody else has a turn.
#[test]
fn a_knock_stands_while_a_turn_is_out() {
    let (mut state, source) = line_of(1);
    let predicate = ask(&mut state, 0);
    assert!(state.answer(0, predicate, Ok(true)).is_ok());
    state.enter(Place::new(None, Predicate::new(|_| true)), true);
    assert!(!state.is_due());
    state.leave(0, &source);
    assert!(state.is_due());
}

/// What one of a kind says of the current state ends a walk before it begins, if there are no others.
#[test]
fn who_is_alike_need_not_be_asked() {
    let mut state = State::new();
    let kind = Kind::of(&|_: u64| true);
    let said = |identity, holds| kind.zip(Some(Verdict { identity, holds }));
    let source = Atomic::new(7);
    join(&mut state, kind);
    join(&mut state, kind);
    state.owed = 1;
    assert!(!state.is_denied(None, &source));
    assert!(!state.is_denied(said(7, true), &source));
    assert!(
        !state.is_denied(said(6, false), &source),
        "of another state"
    );
    assert_eq!(state.owed, 1);
    assert!(state.is_denied(said(7, false), &source));
    assert_eq!(state.owed, 0, "nothing is due any more");
    join(&mut state, None);
    state.owed = 1;
    assert!(!state.is_denied(said(7, false), &source), "not of all");
}
