//! Atoms and cells in files, within one process (P1-P6 of sharing between processes).
#![cfg(feature = "shm")]

use atomos::shm::{self, Options, ShmError};
use futures::{StreamExt, executor::block_on};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

fn path(name: &str) -> std::path::PathBuf {
    static N: AtomicU32 = AtomicU32::new(0);
    let n = N.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("atomos-{name}-{}-{n}", std::process::id()))
}

#[test]
fn cells_are_shared() {
    let path = path("cell");
    let a = shm::Atomic::open(&path, 5_i32).unwrap();
    let b = shm::Atomic::open(&path, 9_i32).unwrap();
    assert_eq!(b.get(), 5);
    a.add_and_get(2);
    assert_eq!(b.get(), 7);
    assert!(matches!(
        shm::Atomic::open(&path, 1_u32),
        Err(ShmError::TypeTag { .. })
    ));
    let t = std::thread::spawn(move || block_on(b.wait_at_least(10)));
    std::thread::sleep(Duration::from_millis(20));
    a.set(10);
    assert_eq!(t.join().unwrap(), 10);
    let mut v = a.values();
    block_on(async {
        assert_eq!(v.next().await, Some(10));
        let c = a.clone();
        std::thread::spawn(move || c.set(11));
        assert_eq!(v.next().await, Some(11));
    });
    assert_eq!(a.blocking_wait_for(|v| v == 11), 11);
    assert_eq!(
        a.blocking_wait_for_timeout(|v| v == 12, Duration::from_millis(5)),
        None
    );
    std::fs::remove_file(path).unwrap();
}

#[test]
fn atoms_are_shared() {
    let path = path("atom");
    let a = shm::Atom::open(&path, "v", Vec::<u64>::new).unwrap();
    let b = shm::Atom::open(&path, "v", || vec![1]).unwrap();
    for n in 0..300 {
        let s = if n % 2 == 0 { &a } else { &b }
            .swap(|v| {
                let mut v = v.clone();
                v.push(n);
                v
            })
            .unwrap();
        assert_eq!(atomos::Snapshot::version(&s), n + 1);
    }
    assert_eq!(a.load().unwrap().len(), 300);
    let old = a.load().unwrap();
    assert!(b.compare_exchange(&old, vec![]).unwrap().is_ok());
    assert!(a.compare_exchange(&old, vec![]).unwrap().is_err());
    let c = b.clone();
    let t = std::thread::spawn(move || block_on(c.wait_for(|v| v.len() == 2)).unwrap());
    std::thread::sleep(Duration::from_millis(20));
    a.reset(vec![1, 2]).unwrap();
    assert_eq!(*t.join().unwrap(), [1, 2]);
    let two = Options::new().max_participants(2);
    let p2 = path.with_extension("2");
    let x = shm::Atom::open_with(&p2, "v", || 1, &two).unwrap();
    let y = shm::Atom::open_with(&p2, "v", || 1, &two).unwrap();
    assert!(matches!(
        shm::Atom::open_with(&p2, "v", || 1, &two),
        Err(ShmError::ParticipantsFull)
    ));
    drop(x);
    let z = shm::Atom::open_with(&p2, "v", || 1, &two).unwrap();
    drop((y, z));
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(p2).unwrap();
}
