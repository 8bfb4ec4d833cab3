//! Killed while it writes.

use std::thread;

use super::*;

#[test]
fn p1_p5_killed_in_its_first_commit() {
    for (point, after) in WRITING {
        killed_at(point, after, Deed::WriteFirst);
    }
}

#[test]
fn p1_p5_killed_in_a_later_commit() {
    for (point, after) in WRITING {
        killed_at(point, after, Deed::WriteLarger);
    }
}

fn killed_at(point: &'static str, after: After, deed: Deed) {
    in_time(move || {
        let path = TempPath::new("killed");
        let path = path.as_ref();
        let before = open(path, 2).unwrap();
        let waiting = {
            let before = before.clone();
            thread::spawn(move || {
                let seen = before.blocking_wait_for(|value| value[0] >= CHILD);
                (Instant::now(), seen.unwrap()[0])
            })
        };
        let order = Order::new(deed, 2, path).killed_at(point);
        order.start().dies();
        let mut since = Instant::now();

        // The value is the old one, or the new one.
        let mut version = deed.prepared() + u64::from(after == New);
        let now = seen(&before);
        assert_eq!(now.0, version, "{point}");
        assert_eq!(now.1[0] == CHILD, after == New, "{point}");
        if after == New {
            assert_eq!(now.1, value(CHILD, order::LEN), "{point}");
        }
        // The index is free again, and there is no other.
        let new = open(path, 2).unwrap();
        assert!(matches!(open(path, 2), Err(ShmError::ParticipantsFull)));
        assert_eq!(seen(&new), now, "{point}");

        // Who waits wakes, if nobody writes again as well.
        let mut waiting = Some(waiting);
        let mut is_awake = |since: Instant, kind| {
            if let Some(waiting) = waiting.take() {
                let (woken, seen) = waiting.join().unwrap();
                assert_eq!(seen, kind, "{point}");
                assert!(woken < since + 2 * RECHECK, "{point}: {:?}", woken - since);
            }
        };
        if after == New {
            is_awake(since, CHILD);
        }
        // All write, into what the dead one left as well.
        for (atom, len) in [(&new, 5_000), (&before, 10), (&new, 30_000), (&new, 40)] {
            since = Instant::now();
            let made = atom.reset(value(PARENT, len)).unwrap();
            version += 1;
            assert_eq!(Snapshot::version(&made), version, "{point}");
            is_awake(since, PARENT);
            for reader in [&before, &new] {
                assert_eq!(seen(reader), (version, value(PARENT, len)), "{point}");
            }
        }
    });
}

#[test]
fn p1_p5_killed_between_the_write_to_a_cell_and_the_wake() {
    for (point, _) in WRITING.into_iter().filter(|(p, _)| p.starts_with("wake")) {
        in_time(move || {
            let path = TempPath::new("killed");
            let cell = open_cell(path.as_ref());
            let waiting = {
                let cell = cell.clone();
                thread::spawn(move || (cell.blocking_wait_for(|n| n > 0), Instant::now()))
            };
            let order = Order::new(Deed::WriteCell, 1, path.as_ref()).killed_at(point);
            order.start().dies();
            let died = Instant::now();
            assert_eq!(cell.get(), CHILD.into(), "{point}");
            let (seen, woken) = waiting.join().unwrap();
            assert_eq!(seen, CHILD.into(), "{point}");
            assert!(woken < died + 2 * RECHECK, "{point}: {:?}", woken - died);
            assert_eq!(open_cell(path.as_ref()).increment_and_get(), 3, "{point}");
            assert_eq!(cell.get(), 3, "{point}");
        });
    }
}
