//! G10: what comes while a wait ends is not kept.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::{
    Condition, Fate, Judged, Outcome,
    sleeper::{Next, Slot},
};
use crate::wait::{mailbox::KEPT, panics::Panics, predicate::Predicate};

type Hook = Box<dyn FnOnce()>;

/// A handle, and what happens while one is made of it for the first time.
struct Value {
    handles: Rc<()>,
    on_clone: Rc<RefCell<Option<Hook>>>,
}

impl Value {
    fn new() -> Self {
        Self {
            handles: Rc::new(()),
            on_clone: Rc::default(),
        }
    }

    fn handles(&self) -> usize {
        Rc::strong_count(&self.handles)
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        if let Some(hook) = self.on_clone.take() {
            hook();
        }
        Self {
            handles: self.handles.clone(),
            on_clone: self.on_clone.clone(),
        }
    }
}

/// The task judges `seen` for the first time, and accepts it.
fn accept(condition: &Condition<Value>, seen: &Value) {
    let mut panics = Panics::new();
    let cx = Context::from_waker(Waker::noop());
    // SAFETY: each test calls this once for a condition that it has made.
    let judged = unsafe { condition.start(Predicate::new(|_| true), seen, &cx, &mut panics) };
    assert_eq!(judged, Judged::Over);
    panics.resume();
}

#[test]
fn g10_the_room_of_what_was_missed_is_given_back() {
    let mut slot = Slot::default();
    slot.missed.extend(0..10_000);
    while let Next::Judge(_) = slot.next() {
        assert!(slot.missed.capacity() >= 10_000);
    }
    assert!(slot.missed.capacity() <= KEPT);
}

#[test]
fn g10_what_comes_after_the_end_is_not_left() {
    let (condition, value) = (Condition::carried(false), Value::new());
    accept(&condition, &Value::new());
    let mut panics = Panics::new();
    assert_eq!(condition.offer(&value, &mut panics), Fate::Leaves);
    assert_eq!(value.handles(), 1);
    assert!(matches!(
        condition.poll(),
        Poll::Ready(Outcome::Satisfied(None))
    ));
}

/// The task ends the wait between a deliverer's look whether it is over, and his call.
#[test]
fn g10_what_comes_while_a_wait_ends_is_swept_out() {
    let (condition, value) = (Rc::new(Condition::carried(false)), Value::new());
    let task = condition.clone();
    *value.on_clone.borrow_mut() = Some(Box::new(move || accept(&task, &Value::new())));
    let mut panics = Panics::new();
    assert_eq!(condition.offer(&value, &mut panics), Fate::Leaves);
    assert_eq!(value.handles(), 1);
    assert!(matches!(
        condition.poll(),
        Poll::Ready(Outcome::Satisfied(None))
    ));
}
