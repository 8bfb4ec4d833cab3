//! Stopped while it writes.

use std::thread;

use super::*;

/// What the others commit meanwhile.
const MEANWHILE: u64 = 60;

#[test]
fn p2_stopped_in_a_commit() {
    for (point, after) in WRITING {
        in_time(move || stopped_at(point, after));
    }
}

fn stopped_at(point: &str, after: After) {
    let path = TempPath::new("stopped");
    let path = path.as_ref();
    let atom = open(path, 3).unwrap();
    // For the points at which somebody is woken.
    let waiting = {
        let atom = atom.clone();
        thread::spawn(move || atom.blocking_wait_for(|value| value[0] == PARENT).unwrap())
    };
    let deed = Deed::WriteLarger;
    let child = Order::new(deed, 3, path).stopped_at(point).start();
    child.stops();

    let mut version = deed.prepared() + u64::from(after == New);
    assert_eq!(atom.version(), version, "{point}");
    // Its index is taken as long as it lives.
    let other = open(path, 3).unwrap();
    assert!(matches!(open(path, 3), Err(ShmError::ParticipantsFull)));
    let mut last = Vec::new();
    for i in 0..MEANWHILE {
        let writer = if i % 3 == 0 { &atom } else { &other };
        last = value(PARENT, 10 + 300 * i as usize);
        writer.reset(last.clone()).unwrap();
        version += 1;
        for reader in [&atom, &other] {
            assert_eq!(seen(reader), (version, last.clone()), "{point}");
        }
    }
    waiting.join().unwrap();

    child.continues();
    child.succeeds();
    // What it had not committed yet it commits now, after all that came in between.
    if after == Old {
        version += 1;
        last = value(CHILD, order::LEN);
    }
    assert_eq!(seen(&atom), (version, last.clone()), "{point}");
    assert_eq!(seen(&open(path, 3).unwrap()), (version, last), "{point}");
}

#[test]
fn p2_stopped_between_the_write_to_a_cell_and_the_wake() {
    for (point, _) in WRITING.into_iter().filter(|(p, _)| p.starts_with("wake")) {
        in_time(move || {
            let path = TempPath::new("stopped");
            let cell = open_cell(path.as_ref());
            let waiting = {
                let cell = cell.clone();
                thread::spawn(move || cell.blocking_wait_for(|n| n > 0))
            };
            let order = Order::new(Deed::WriteCell, 1, path.as_ref()).stopped_at(point);
            let child = order.start();
            child.stops();
            // P5: nobody has woken it, or will.
            assert_eq!(waiting.join().unwrap(), CHILD.into(), "{point}");
            assert_eq!(cell.increment_and_get(), 3, "{point}");
            child.continues();
            child.succeeds();
            assert_eq!(cell.get(), 3, "{point}");
        });
    }
}
