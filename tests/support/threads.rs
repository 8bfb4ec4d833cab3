//! Threads with a deadline, panics as text, and processes of their own.

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Long enough for a loaded machine, short enough to name the test that hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Runs `f` on a thread of its own and fails, instead of hanging, when it does not end.
#[track_caller]
pub(crate) fn in_time<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(f));
        // The receiver is gone when the deadline has passed: nobody is left to tell.
        let _ = done.send(outcome);
    });
    match result.recv_timeout(LIMIT) {
        Ok(Ok(value)) => value,
        Ok(Err(payload)) => resume_unwind(payload),
        Err(_) => panic!("deadlock: not done after {LIMIT:?}"),
    }
}

/// Runs both at once, started by one barrier, and gives both results.
pub(crate) fn two_threads<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let left = scope.spawn(|| {
            start.wait();
            a()
        });
        start.wait();
        let right = b();
        (join(left), right)
    })
}

fn join<R>(thread: thread::ScopedJoinHandle<'_, R>) -> R {
    thread
        .join()
        .unwrap_or_else(|payload| resume_unwind(payload))
}

/// The result of `f`, or the text of its panic.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(panic_text)
}

pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => match other.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(_) => "a payload without text".to_owned(),
        },
    }
}

/// A hook that runs `f` the first time only.
pub(crate) fn once(f: impl Fn() + Send + Sync + 'static) -> impl Fn() + Send + Sync + 'static {
    let done = AtomicBool::new(false);
    move || {
        if !done.swap(true, Ordering::SeqCst) {
            f();
        }
    }
}

const CHILD: &str = "ATOMOS_TEST_CHILD";

/// Runs `body` of the test called `name` in a process of its own, so that an
/// abort is a failure of this test alone and nothing else counts its threads.
#[track_caller]
pub(crate) fn in_child(name: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let program = env::current_exe().expect("the test knows its own program");
    let output = Command::new(program)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the test program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let ran = output.status.success() && text.contains("1 passed");
    assert!(
        ran,
        "{name} in its own process: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
