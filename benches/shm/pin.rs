//! Which core a thread runs on. Where a wake goes to another core it costs several times of what it does
//! within one, and a system chooses now this and now that: so both are measured, each by itself.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The first or the second of the cores that there are, or any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    First,
    Second,
    Any,
}

impl Core {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Core::First => "first",
            Core::Second => "second",
            Core::Any => "any",
        }
    }

    pub(crate) fn of_name(name: &str) -> Self {
        let all = [Core::First, Core::Second, Core::Any];
        let named = all.into_iter().find(|core| core.name() == name);
        named.expect("the name of a core")
    }

    /// From now on this thread, and those that it starts, run there. Where there is one core they do anyhow.
    pub(crate) fn pin(self) {
        let n = match self {
            Core::First => 0,
            Core::Second => 1,
            Core::Any => return,
        };
        let mut cores = (0..CpuSet::MAX_CPU).filter(|cpu| all().is_set(*cpu));
        if let Some(cpu) = cores.nth(n) {
            let mut one = CpuSet::new();
            one.set(cpu);
            sched_setaffinity(None, &one).expect("a core of those");
        }
    }
}

/// The cores that this process was started with.
fn all() -> &'static CpuSet {
    static ALL: OnceLock<CpuSet> = OnceLock::new();
    ALL.get_or_init(|| sched_getaffinity(None).expect("the cores of this thread"))
}

/// Runs `f` on that core, and lets the thread go again.
pub(crate) fn on<R>(core: Core, f: impl FnOnce() -> R) -> R {
    let all = all();
    core.pin();
    let result = f();
    sched_setaffinity(None, all).expect("the cores it had");
    result
}
