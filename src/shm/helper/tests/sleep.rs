//! How long the thread sleeps, and what ends that.

use super::*;

// G11: it sleeps, though nothing ends its sleep.
#[test]
fn g11_the_thread_sleeps_while_nothing_changes() {
    alone_on_every_kernel("sleep::g11_the_thread_sleeps_while_nothing_changes", || {
        let folder = Folder::new();
        let options = Options::new().recheck(Duration::from_secs(3_600));
        let cell = folder.cell_with("cell", &options);
        let atom = Atom::open_with(folder.path("atom"), "n", || 0_u64, &options).unwrap();
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(is_pending(&mut wait));
        assert_all_sleep();
        let mut wait_for_atom = Box::pin(atom.wait_for(|n| *n == 1));
        assert!(is_pending(&mut wait_for_atom));
        assert_all_sleep();
        // Nor does it turn for the one alone.
        drop(wait);
        assert_all_sleep();
    });
}

/// That this crate's threads hardly run in a while. (One that does not sleep may be kept from running, too:
/// then nothing is found.)
fn assert_all_sleep() {
    let ran = || -> u64 {
        let of = |id: String| {
            let text = fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        };
        threads().into_iter().filter_map(of).sum()
    };
    soon("the kernel says how long they ran", || ran() > 0);
    let before = ran();
    thread::sleep(Duration::from_millis(400));
    let ran = Duration::from_nanos(ran().saturating_sub(before));
    assert!(ran < Duration::from_millis(20), "it ran for {ran:?}");
}

// P6: who leaves calls the thread only if it would let too much time pass before it ends.
#[test]
fn p6_a_wait_that_is_dropped_wakes_the_thread_only_if_it_has_to() {
    let name = "sleep::p6_a_wait_that_is_dropped_wakes_the_thread_only_if_it_has_to";
    alone_on_every_kernel(name, || {
        let folder = Folder::new();
        let sleeps_for = |time: Duration| {
            soon("it has read the list", || {
                groups()
                    .lock()
                    .iter()
                    .any(|group| group.list.lock().sleep == time)
            });
        };
        let cell = folder.cell("usual");
        let mut wait = Box::pin(cell.wait_at_least(1));
        assert!(is_pending(&mut wait));
        sleeps_for(LINGER);
        assert_eq!(os::wakes_made(|| drop(wait)), 0);
        soon("the thread ends", || threads().is_empty());
        if !os::can_sleep_on_many() {
            return;
        }

        let hour = Duration::from_secs(3_600);
        let cell = folder.cell_with("patient", &Options::new().recheck(hour));
        let mut waits = [1, 2].map(|n| Box::pin(cell.wait_at_least(n)));
        assert!(waits.iter_mut().all(is_pending));
        sleeps_for(hour);
        let [one, other] = waits;
        assert_eq!(os::wakes_made(|| drop(one)), 0);
        assert_eq!(os::wakes_made(|| drop(other)), 1);
    });
}
