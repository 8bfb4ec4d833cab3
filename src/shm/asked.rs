//! For tests: a wait that says what it is asked about.

/// A wait for a state of `$source` that does not come, with all that it is asked about.
macro_rules! asked {
    ($source:expr) => {{
        let (ask, asked) = std::sync::mpsc::channel();
        let wait = $crate::future::wait_for::WaitMap::new($source, move |state: &u64| {
            ask.send(*state).expect("somebody listens");
            None::<()>
        });
        (tokio_test::task::spawn($crate::future::Open(wait)), asked)
    }};
}
pub(super) use asked;
