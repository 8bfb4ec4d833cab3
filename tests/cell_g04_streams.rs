//! G4: the streams of a cell give its value at the first poll, then always the latest that differs.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;

use atomos::{Atomic, AtomicF64, AtomicU64};
use futures::StreamExt;
use support::{in_time, park_until_ready, two_threads};
use tokio_test::{assert_pending, assert_ready_eq, task};

#[test]
fn g4_streams_give_now_and_then_each_different_latest() {
    let cell = Arc::new(Atomic::new(0));
    let (mut one, mut two) = (
        task::spawn(cell.values()),
        task::spawn(cell.clone().values_owned()),
    );
    cell.set(1);
    assert_ready_eq!(one.poll_next(), Some(1), "now is the first poll");
    assert_ready_eq!(two.poll_next(), Some(1));
    assert_pending!(one.poll_next());
    cell.set(1);
    assert!(!one.is_woken(), "not different");
    cell.set(2);
    cell.set(3);
    assert!(one.is_woken());
    assert_ready_eq!(one.poll_next(), Some(3));
    assert_ready_eq!(two.poll_next(), Some(3));
    assert_pending!(one.poll_next());
    // There and back: nothing is different.
    cell.set(9);
    cell.set(3);
    while one.is_woken() {
        assert_pending!(one.poll_next());
    }
    cell.set(4);
    assert_ready_eq!(one.poll_next(), Some(4));
    // A float's stream compares bits: the same NaN is no news, -0.0 is.
    let float = AtomicF64::new(f64::NAN);
    let mut values = task::spawn(float.values());
    assert!(matches!(values.poll_next(), std::task::Poll::Ready(Some(n)) if n.is_nan()));
    float.set(f64::NAN);
    assert_pending!(values.poll_next());
    float.set(0.0);
    assert_ready_eq!(values.poll_next(), Some(0.0));
    float.set(-0.0);
    assert_ready_eq!(values.poll_next(), Some(-0.0));
}

/// The latest always comes, never the same twice in a row.
#[test]
fn g4_streams_end_up_at_the_last_value_of_any_writers() {
    in_time(|| {
        let cell = Arc::new(AtomicU64::new(0));
        let follow = |cell: Arc<AtomicU64>| {
            let mut values = cell.values_owned();
            let mut before = None;
            while before != Some(u64::MAX) {
                let next = park_until_ready(values.next());
                assert_ne!(next, before, "it is not different");
                before = next;
            }
        };
        let write = || {
            let toggle = || {
                (0..20_000).for_each(|_| {
                    cell.bitwise_xor_and_get(1);
                })
            };
            two_threads(toggle, toggle);
            cell.set(u64::MAX);
        };
        two_threads(|| follow(cell.clone()), write);
    });
}
