//! G4: who is told of what. G8: what those who have left leave behind, and when that is looked after.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use super::{Desk, Observer, Old, Roster, TOLERATED, shrink};
use crate::{
    sync::Arc,
    wait::{
        condition::Condition,
        mailbox::{Event, Keep, Mail, Mailbox},
        panics::Panics,
    },
};

type Mailboxes = Vec<Arc<Mailbox<u64>>>;

/// A roster with so many mailboxes at its desk, registered at the versions from 0 on.
fn with_mailboxes(count: u64) -> (Roster<u64>, Desk<u64>, Mailboxes) {
    let (roster, mut desk) = (Roster::new(()), Desk::new());
    let mailboxes: Mailboxes = (0..count)
        .map(|since| {
            let mailbox = Arc::new(Mailbox::new(Keep::All));
            let observer = Observer::Mailbox(mailbox.clone());
            roster.register(|register| register.add(since, observer));
            mailbox
        })
        .collect();
    roster.adopt(&mut desk);
    (roster, desk, mailboxes)
}

/// What has been put into it, each event with its predecessor.
fn taken(mailbox: &Mailbox<u64>) -> Vec<(u64, u64)> {
    let mut events = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Mail::Change { old, new }) = mailbox.poll(&mut cx) {
        events.push((old, new));
    }
    events
}

#[test]
fn g4_each_event_is_put_into_the_mailboxes_registered_before_it() {
    let (_, mut desk, mailboxes) = with_mailboxes(3);
    let mut panics = Panics::new();
    desk.tell(3, Old::Given(10), &11, &mut panics);
    desk.tell(2, Old::Lent(&11), &12, &mut panics);
    assert_eq!(taken(&mailboxes[0]), [(10, 11), (11, 12)]);
    assert_eq!(taken(&mailboxes[1]), [(10, 11), (11, 12)]);
    assert_eq!(taken(&mailboxes[2]), [(10, 11)]);
    let (_, mut desk, mailboxes) = with_mailboxes(1);
    desk.tell(1, Old::Given(10), &11, &mut panics);
    desk.tell(2, Old::Lent(&11), &12, &mut panics);
    assert_eq!(taken(&mailboxes[0]), [(10, 11), (11, 12)]);
}

/// So many leave before the desk is to be tidied.
fn leave_until_untidy(roster: &Roster<u64>) -> usize {
    (1..).find(|_| roster.count_gone()).expect("at some time")
}

#[test]
fn g8_a_desk_is_tidied_when_half_of_a_crowd_has_left() {
    let count = 10 * TOLERATED;
    let (roster, mut desk, mailboxes) = with_mailboxes(count as u64);
    let mut panics = Panics::new();
    // Nothing is known of the crowd before something has been told.
    assert_eq!(leave_until_untidy(&roster), TOLERATED);
    assert!(roster.is_untidy(&desk));
    roster.tidy(&mut desk, &mut panics);
    assert!(!roster.is_untidy(&desk));
    assert_eq!(desk.len(), count, "nobody has left");
    assert_eq!(leave_until_untidy(&roster), count / 2);
    for mailbox in &mailboxes[TOLERATED..] {
        assert!(mailbox.cancel(&mut panics));
    }
    roster.tidy(&mut desk, &mut panics);
    assert_eq!(desk.len(), TOLERATED);
    assert_eq!(leave_until_untidy(&roster), TOLERATED);
    assert!(desk.mailboxes.capacity() <= 4 * 2 * TOLERATED);
    assert!(
        mailboxes[..TOLERATED]
            .iter()
            .all(|mailbox| !mailbox.is_over())
    );
}

/// A crowd that has been answered does not let others wait for as many to leave.
#[test]
fn g8_the_size_of_a_crowd_is_forgotten_with_it() {
    let count = 10 * TOLERATED as u64;
    let (roster, mut desk, mailboxes) = with_mailboxes(count);
    let mut panics = Panics::new();
    roster.tidy(&mut desk, &mut panics);
    for mailbox in &mailboxes {
        assert!(mailbox.cancel(&mut panics));
    }
    desk.tell(count, Old::Given(10), &11, &mut panics);
    assert!(desk.is_empty());
    assert!(!roster.is_untidy(&desk));
    assert_eq!(leave_until_untidy(&roster), TOLERATED);
}

#[test]
fn g8_conditions_that_are_over_are_tidied_away() {
    let (roster, mut desk) = (Roster::<u64>::new(()), Desk::new());
    let mut panics = Panics::new();
    let conditions = [0; 3].map(|_| Arc::new(Condition::carried(true)));
    for condition in &conditions {
        let observer = Observer::Condition(condition.clone());
        roster.register(|register| register.add(0, observer));
    }
    roster.adopt(&mut desk);
    conditions[1].cancel(&mut panics);
    assert!(conditions[1].is_over());
    roster.tidy(&mut desk, &mut panics);
    assert_eq!(conditions.map(|left| Arc::strong_count(&left)), [2, 1, 2]);
    assert!(!desk.is_empty());
}

/// Only the last one can be withdrawn, and only before the desk has it.
#[test]
fn g8_the_last_registration_is_withdrawn_at_once() {
    let roster = Roster::<u64>::new(());
    let observers = [0; 2].map(|_| Observer::Mailbox(Arc::new(Mailbox::new(Keep::First))));
    for observer in &observers {
        roster.register(|register| register.add(0, observer.clone()));
    }
    assert!(!roster.withdraw(observers[0].name()));
    assert!(roster.withdraw(observers[1].name()));
    assert!(!roster.withdraw(observers[1].name()));
    roster.adopt(&mut Desk::new());
    assert!(!roster.withdraw(observers[0].name()));
    assert!(roster.with(|register| register.is_empty()));
}

/// Room is given back when four times as much is there as is needed, but for twice as much.
#[test]
fn g8_room_that_a_crowd_has_left_is_given_back() {
    const COUNT: usize = 100;
    let room = 4 * (COUNT + TOLERATED);
    for (room, kept) in [(room, room), (room + 1, 2 * COUNT)] {
        let mut list = Vec::with_capacity(room);
        list.extend(0..COUNT);
        assert_eq!(list.capacity(), room);
        let used = list.len();
        shrink(&mut list, used);
        assert_eq!(list.capacity(), kept);
    }
}

/// An event that counts how many handles are made of it.
struct Handle(Arc<AtomicUsize>);

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Relaxed);
        Self(self.0.clone())
    }
}

impl Event for Handle {
    fn identity(&self) -> u64 {
        0
    }
}

/// The deliverer's own handle of what was replaced is put into a mailbox, too.
#[test]
fn each_mailbox_costs_one_handle_of_each_side() {
    for count in 0..=4_usize {
        let [given, lent] = [true, false].map(|is_given| {
            let (roster, mut desk) = (Roster::new(()), Desk::new());
            for _ in 0..count {
                let observer = Observer::Mailbox(Arc::new(Mailbox::new(Keep::All)));
                roster.register(|register| register.add(0, observer));
            }
            roster.adopt(&mut desk);
            let (old, new) = (Handle(Arc::default()), Handle(Arc::default()));
            let (made_of_old, made_of_new) = (old.0.clone(), new.0.clone());
            let mut panics = Panics::new();
            match is_given {
                true => desk.tell(1, Old::Given(old), &new, &mut panics),
                false => desk.tell(1, Old::Lent(&old), &new, &mut panics),
            }
            (made_of_old.load(Relaxed), made_of_new.load(Relaxed))
        });
        assert_eq!(given, (count.saturating_sub(1), count));
        assert_eq!(lent, (count, count));
    }
}
