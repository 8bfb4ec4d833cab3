//! What watchers cost those who write (P6).

use super::*;
use crate::shm::os::wakes_made;

#[test]
fn p6_a_killed_watcher_costs_one_call_at_most() {
    let path = TempPath::new("watched");
    let path = path.as_ref();
    let (cell, words) = (open_cell(path), Words::of(path));
    for round in 0..5 {
        let watcher = Order::new(Deed::WatchCell, 1, path).start();
        words.wait_until_armed();
        watcher.kill();
        let first = wakes_made(|| cell.set(round));
        assert!(first <= 1, "{first} calls");
        assert!(!words.are_armed());
        assert_eq!(wakes_made(|| (0..1_000).for_each(|n| cell.set(n))), 0);
    }
}

#[test]
fn p6_a_hot_writer_wakes_as_often_as_the_watcher_sleeps() {
    const WRITES: u64 = 300_000;
    let path = TempPath::new("watched");
    let path = path.as_ref();
    let (cell, words) = (open_cell(path), Words::of(path));
    assert_eq!(wakes_made(|| cell.set(1)), 0);
    let watcher = Order::new(Deed::WatchCell, 1, path).start();
    words.wait_until_armed();
    let wakes = wakes_made(|| (0..WRITES).for_each(|n| cell.set(n)));
    watcher.kill();
    assert!(wakes >= 1, "the watcher is woken");
    assert!(wakes < WRITES / 20, "{wakes} calls for {WRITES} writes");
}

#[test]
fn p6_nobody_waits_and_no_call_is_made() {
    let path = TempPath::new("watched");
    let cell = open_cell(path.as_ref());
    assert_eq!(wakes_made(|| (0..1_000).for_each(|n| cell.set(n))), 0);
    let path = TempPath::new("watched");
    let atom = open(path.as_ref(), 1).unwrap();
    let writes = || (0..100).for_each(|n| drop(atom.reset(value(PARENT, n + 1)).unwrap()));
    assert_eq!(wakes_made(writes), 0);
}
