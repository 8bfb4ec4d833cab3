//! G6: update closures, predicates, watches, wakers and destructors may call
//! anything on the same atom.
#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atomos::{Atom, Snapshot, WeakAtom};
use futures::{FutureExt, StreamExt};
use support::{Boxed, Hooked, Live, OnDrop, Probe, Wait, every_wait, in_time, once, poll};
use tokio_test::{assert_pending, assert_ready, task};

/// Reads, writes, watches, waits and drops: all that an atom can do, at once.
fn do_everything(atom: &Atom<u64>) {
    drop(atom.load());
    atom.with(|n| atom.with(|m| assert_eq!(n, m)));
    let current = *atom.swap(|n| n + 1_000);
    atom.reset_vals(current + 1_000);
    atom.modify(|n| (n + 1_000, ()));
    assert!(atom.swap_if(|_| None).is_none());
    let seen = atom.load();
    // Another thread may have been faster; the call is what matters here.
    let _ = atom.compare_exchange(&seen, *seen + 1_000);
    atom.add_watch("everything", |_| ())
        .add_watch("everything", |_| ());
    atom.remove_watch("everything");
    assert!(
        atom.watch_keys()
            .iter()
            .all(|key| *key != "everything".into())
    );
    for Wait { start, .. } in every_wait() {
        let _ = poll(&mut start(atom), &Probe::new().waker());
    }
    assert!(
        atom.blocking_wait_for_timeout(|n| *n == u64::MAX, Duration::ZERO)
            .is_none()
    );
    drop((
        atom.reader(),
        atom.clone(),
        atom.downgrade().upgrade(),
        atom.view(),
    ));
}

/// The hook that does everything through a weak handle, once.
fn everything(atom: &WeakAtom<u64>, calls: &Arc<AtomicUsize>) -> impl Fn() + Send + Sync + 'static {
    let (atom, calls) = (atom.clone(), calls.clone());
    once(move || {
        do_everything(&atom.upgrade().expect("open"));
        calls.fetch_add(1, Ordering::SeqCst);
    })
}

/// Runs `body` with an atom, its weak handle and a count of the hook's calls
/// within the deadline; the hook must have run.
fn with_hook(body: impl FnOnce(Atom<u64>, WeakAtom<u64>, Arc<AtomicUsize>) + Send + 'static) {
    in_time(move || {
        let atom = Atom::new(0);
        let (weak, calls) = (atom.downgrade(), Arc::default());
        body(atom, weak, Arc::clone(&calls));
        assert_eq!(calls.load(Ordering::SeqCst), 1, "the hook has not run");
    });
}

type Verb = fn(&Atom<u64>, &dyn Fn());

#[test]
fn g6_an_update_closure_may_do_everything() {
    let verbs: [Verb; 6] = [
        |atom, hook| drop(atom.swap(|n| with(hook, n + 1))),
        |atom, hook| drop(atom.swap_vals(|n| with(hook, n + 1))),
        |atom, hook| drop(atom.swap_if(|n| with(hook, Some(n + 1)))),
        |atom, hook| drop(atom.try_swap(|n| with(hook, Ok::<_, ()>(n + 1)))),
        |atom, hook| atom.modify(|n| (n + 1, hook())),
        |atom, hook| {
            let read = atom.with(|n| with(hook, *n));
            assert_eq!(read, 0, "what is read stays");
        },
    ];
    for verb in verbs {
        with_hook(move |atom, weak, calls| verb(&atom, &everything(&weak, &calls)));
    }
}

fn with<R>(hook: &dyn Fn(), result: R) -> R {
    hook();
    result
}

#[test]
fn g6_an_update_that_meets_its_own_commit_runs_again() {
    let atom = Atom::new(0);
    let mut seen = Vec::new();
    let new = atom.swap(|n| {
        seen.push(*n);
        if seen.len() == 1 {
            atom.reset(10);
        }
        n + 1
    });
    assert_eq!((*new, Snapshot::version(&new)), (11, 2));
    assert_eq!(seen, [0, 10]);
}

#[test]
fn g6_the_update_of_swap_when_may_commit_too() {
    in_time(|| {
        let (atom, mut seen) = (Atom::new(1), Vec::new());
        let update = |n: &u64| {
            seen.push(*n);
            if seen.len() == 1 {
                atom.reset(10);
            }
            n + 1
        };
        let wait = atom.swap_when(|n| *n > 0, update);
        assert_eq!(*futures::executor::block_on(wait), 11);
        assert_eq!(seen, [1, 10]);
    });
}

#[test]
fn g6_reads_nest_without_end() {
    fn nested(atom: &Atom<u64>, depth: u64) -> u64 {
        if depth == 0 {
            return *atom.swap(|n| n + 1);
        }
        atom.with(|n| nested(atom, depth - 1) + n)
    }
    in_time(|| assert_eq!(nested(&Atom::new(1), 100), 102));
}

#[test]
fn g6_a_watch_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let hook = everything(&weak, &calls);
        atom.add_watch("w", move |_| hook());
        atom.reset(1);
    });
}

#[test]
fn g6_a_watch_may_drop_the_last_handle() {
    in_time(|| {
        let atom = Atom::new(0);
        let mut changes = atom.changes();
        let handle = Arc::new(Mutex::new(None));
        let held = handle.clone();
        atom.add_watch("w", move |_| {
            drop(held.lock().expect("not poisoned").take())
        });
        let view = atom.view();
        let writer = atom.downgrade();
        *handle.lock().expect("not poisoned") = Some(atom);
        // The writer's own handle goes right after the write.
        writer.upgrade().expect("open").reset(1);
        assert!(view.is_closed());
        let seen: Vec<u64> = drained(&mut changes);
        assert_eq!(seen, [1]);
    });
}

fn drained(changes: &mut atomos::Changes<u64>) -> Vec<u64> {
    changes
        .map(|change| *change.new)
        .collect()
        .now_or_never()
        .expect("closed")
}

#[test]
fn g6_a_predicate_evaluated_by_its_own_poll_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let hook = everything(&weak, &calls);
        let mut wait = task::spawn(atom.wait_for(move |n| with(&hook, *n == u64::MAX)));
        assert_pending!(wait.poll());
    });
}

#[test]
fn g6_a_predicate_evaluated_by_a_writer_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let hook = everything(&weak, &calls);
        let on_one = move |n: &u64| *n == 1 && with(&hook, false);
        let mut wait = task::spawn(atom.wait_for(on_one));
        assert_pending!(wait.poll());
        atom.reset(1);
        assert_pending!(wait.poll());
    });
}

#[test]
fn g6_a_predicate_in_the_line_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let hook = everything(&weak, &calls);
        let on_one = move |n: &u64| *n == 1 && with(&hook, false);
        let mut wait = task::spawn(atom.swap_when(on_one, |n| *n));
        assert_pending!(wait.poll());
        atom.reset(1);
        assert_pending!(wait.poll());
    });
}

#[test]
fn g6_a_predicate_of_a_blocking_wait_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let hook = everything(&weak, &calls);
        let seen = atom.blocking_wait_for(|n| {
            hook();
            *n >= 1_000
        });
        assert!(*seen >= 1_000, "committed by the hook");
    });
}

type Hook = Box<dyn Fn() + Send + Sync>;

/// Polls every wait with a hooked waker, so that it is cloned and replaced.
fn with_waker(set: fn(&Arc<Probe>, Hook)) {
    for Wait { name, start, .. } in every_wait() {
        println!("{name}");
        with_hook(move |atom, weak, calls| {
            let probe = Probe::new();
            // They outlive the hook: only what the wait does to its own counts.
            let (hooked, plain) = (probe.waker(), Probe::new().waker());
            set(&probe, Box::new(everything(&weak, &calls)));
            let mut wait = start(&atom);
            // The hook's commits may have answered it.
            if poll(&mut wait, &hooked).is_pending() {
                let _ = poll(&mut wait, &plain);
            }
            drop(wait);
            probe.calm();
        });
    }
}

#[test]
fn g6_a_waker_clone_may_do_everything() {
    with_waker(|probe, hook| probe.on_clone(hook));
}

#[test]
fn g6_a_waker_drop_may_do_everything() {
    with_waker(|probe, hook| probe.on_drop(hook));
}

#[test]
fn g6_a_wake_may_do_everything() {
    for Wait { name, start, .. } in every_wait() {
        println!("{name}");
        with_hook(move |atom, weak, calls| {
            let probe = Probe::new();
            probe.on_wake(everything(&weak, &calls));
            let mut wait = start(&atom);
            assert_pending!(poll(&mut wait, &probe.waker()));
            atom.reset(1);
            probe.calm();
        });
    }
}

/// The value that is replaced, and the one that a failed attempt leaves over.
#[test]
fn g6_the_destructor_of_a_value_may_do_everything() {
    in_time(|| {
        let atom = Arc::new(Atom::new(Hooked::plain(0)));
        let calls = Arc::new(AtomicUsize::new(0));
        let hook = |atom: &Arc<Atom<Hooked>>| {
            let (weak, calls) = (Arc::downgrade(atom), calls.clone());
            once(move || {
                let atom = weak.upgrade().expect("alive");
                drop(atom.load());
                atom.swap(|value| Hooked::plain(value.number + 1));
                atom.add_watch("d", |_| ()).remove_watch("d");
                let mut wait = task::spawn(atom.wait_for(|value| value.number == u64::MAX));
                assert_pending!(wait.poll());
                calls.fetch_add(1, Ordering::SeqCst);
            })
        };
        atom.reset(Hooked::new(10, hook(&atom)));
        atom.reset(Hooked::plain(20));
        assert_eq!((calls.load(Ordering::SeqCst), atom.load().number), (1, 21));

        // Made by an attempt that lost against a commit from inside.
        let mut first = true;
        atom.swap(|value| {
            if std::mem::take(&mut first) {
                atom.reset(Hooked::plain(30));
                return Hooked::new(1, hook(&atom));
            }
            Hooked::plain(value.number + 1)
        });
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        atom.remove_watch("none");
    });
}

/// What a watch captured is dropped on removal, from inside too, and replacement.
#[test]
fn g6_the_destructor_of_a_watch_may_do_everything() {
    let ends: [fn(Atom<u64>); 3] = [
        |atom| assert!(atom.remove_watch("w")),
        |atom| drop(atom.add_watch("w", |_| ()).load()),
        |atom| drop(atom.reset(1)),
    ];
    for end in ends {
        with_hook(move |atom, weak, calls| {
            let hook = everything(&weak, &calls);
            let dropped = OnDrop(hook);
            atom.add_watch("w", move |event| {
                let _ = &dropped;
                if **event.new == 1 {
                    event.atom.remove_watch("w");
                }
            });
            end(atom.clone());
            drop(atom);
        });
    }
}

#[test]
fn g6_a_watch_dropped_by_closing_may_use_its_view() {
    in_time(|| {
        let atom = Atom::new(7);
        let (view, seen) = (atom.view(), Arc::new(Mutex::new(None)));
        let slot = seen.clone();
        let dropped = OnDrop(move || {
            view.add_watch("late", |_| ());
            assert_eq!(view.changes().count().now_or_never(), Some(0));
            *slot.lock().expect("not poisoned") = Some((*view.load(), view.is_closed()));
        });
        atom.add_watch("w", move |_| {
            let _ = &dropped;
        });
        drop(atom);
        assert_eq!(*seen.lock().expect("not poisoned"), Some((7, true)));
    });
}

#[test]
fn g6_the_destructor_of_a_predicate_may_do_everything() {
    with_hook(|atom, weak, calls| {
        let dropped = OnDrop(everything(&weak, &calls));
        let mut wait = task::spawn(atom.wait_for(move |n| {
            let _ = &dropped;
            *n == 1
        }));
        assert_pending!(wait.poll());
        drop(wait);
    });
    // Accepted: dropped by the writer, or by the poll that answers.
    with_hook(|atom, weak, calls| {
        let dropped = OnDrop(everything(&weak, &calls));
        let mut wait = task::spawn(atom.wait_for(move |n| {
            let _ = &dropped;
            *n == 1
        }));
        assert_pending!(wait.poll());
        atom.reset(1);
        assert_eq!(*assert_ready!(wait.poll()), 1);
    });
}

/// What is being called drops the wait that it belongs to.
#[test]
fn g6_a_wake_may_drop_its_own_wait() {
    in_time(|| {
        for Wait { name, start, .. } in every_wait() {
            let (atom, probe) = (Atom::new(0), Probe::new());
            let mut wait = start(&atom);
            assert_pending!(poll(&mut wait, &probe.waker()));
            let slot = Arc::new(Mutex::new(Some(wait)));
            let own = slot.clone();
            probe.on_wake(move || drop(own.lock().expect("not poisoned").take()));
            atom.reset(1);
            assert!(slot.lock().expect("not poisoned").is_none(), "{name}");
            assert_eq!(probe.alive(), 0, "{name}");
            assert_eq!(*atom.reset(2), 2);
            probe.calm();
        }
    });
}

#[test]
fn g6_a_predicate_may_drop_its_own_wait() {
    in_time(|| {
        let (atom, live) = (Atom::new(0_u64), Live::new());
        let slot: Arc<Mutex<Option<Boxed<()>>>> = Arc::default();
        let (own, alive, view) = (slot.clone(), live.value(()), atom.view());
        let pred = move |n: &u64| {
            let _ = &alive;
            if *n == 1 {
                drop(own.lock().expect("not poisoned").take());
                assert_eq!(*alive, (), "it lives as long as it runs");
            }
            *n == 1
        };
        let mut wait: Boxed<()> = Box::pin(async move { drop(view.wait_for(pred).await) });
        assert_pending!(poll(&mut wait, &Probe::new().waker()));
        *slot.lock().expect("not poisoned") = Some(wait);
        atom.reset(1);
        assert_eq!(live.count(), 0);
        assert_eq!(*atom.reset(2), 2);
    });
}

#[test]
fn g6_a_predicate_may_drop_another_wait() {
    in_time(|| {
        let atom = Atom::new(0_u64);
        for first in [true, false] {
            let view = atom.view();
            let mut victim = Box::pin(async move { view.wait_for(|n| *n == 99).await });
            let slot = Arc::new(Mutex::new(None));
            let held = slot.clone();
            let kills = move |n: &u64| {
                if n % 2 == 1 {
                    drop(held.lock().expect("not poisoned").take());
                }
                false
            };
            let mut killer = task::spawn(Box::pin(atom.wait_for(kills)));
            if first {
                assert_pending!(killer.poll());
            }
            assert_pending!(poll(&mut victim, &Probe::new().waker()));
            assert_pending!(killer.poll());
            *slot.lock().expect("not poisoned") = Some(victim);
            atom.reset(1);
            assert!(slot.lock().expect("not poisoned").is_none());
            atom.reset(2);
        }
    });
}
