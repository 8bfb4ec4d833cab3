//! Configuration that is replaced while a worker thread uses it at full speed.
//!
//! The worker looks at the configuration for every burst of requests through a
//! [`Reader`](atomos::Reader), which costs one load while nothing has changed: no lock, no
//! message to the worker, no restart. A task awaits the changes and logs what differs.
//!
//! ```text
//! cargo run --example config_reload
//! ```
//!
//! Look at the log: every reload is in it, in order, and none that was refused. (It is written by a
//! task of its own, which may come to a line late, but leaves none out.) And look at the
//! requests: the worker served some under each configuration.

use std::collections::BTreeMap;
use std::thread;

use atomos::{Atom, Change, Changes, Reader, Snapshot};
use futures::StreamExt;

#[derive(Clone, Debug, PartialEq)]
struct Config {
    greeting: &'static str,
    burst: u32,
    running: bool,
}

impl Config {
    fn checked(self) -> Result<Self, &'static str> {
        if self.burst == 0 {
            return Err("a burst of 0 would serve nobody");
        }
        Ok(self)
    }
}

#[tokio::main]
async fn main() {
    let first = Config {
        greeting: "hello",
        burst: 10,
        running: true,
    };
    let config = Atom::new(first);
    let in_use = Atom::new(None);

    let log = tokio::spawn(log_changes(config.changes()));
    let worker = thread::spawn({
        let (reader, in_use) = (config.reader(), in_use.clone());
        move || serve(reader, &in_use)
    });
    wait_until_used(&in_use, config.version()).await;

    let reload = |edit: fn(&mut Config)| {
        config.try_swap(|old| {
            let mut new = old.clone();
            edit(&mut new);
            new.checked()
        })
    };
    for edit in [
        |c: &mut Config| c.greeting = "good evening",
        |c: &mut Config| c.burst = 50,
    ] {
        let new = reload(edit).expect("a sound configuration");
        wait_until_used(&in_use, Snapshot::version(&new)).await;
    }

    let before = config.load();
    let refusal = reload(|c| c.burst = 0).expect_err("an unsound configuration");
    println!("refused: {refusal}");
    assert!(
        Snapshot::ptr_eq(&before, &config.load()),
        "a refusal changes nothing"
    );

    reload(|c| c.running = false).expect("a sound configuration");
    let served = worker.join().expect("the worker ends");
    for (version, requests) in &served {
        println!("{requests} requests under version {version} of the configuration");
    }
    assert_eq!(served.keys().collect::<Vec<_>>(), [&0, &1, &2]);

    // With the last handle the atom closes: the log delivers what there is and ends.
    drop(config);
    let logged = log.await.expect("the log ends");
    assert_eq!(
        logged,
        [
            r#"version 1: greeting "hello" -> "good evening""#,
            "version 2: burst 10 -> 50",
            "version 3: running true -> false",
        ]
    );
}

/// The hot path. Counts its requests by the version of the configuration they met.
fn serve(mut reader: Reader<Config>, in_use: &Atom<Option<u64>>) -> BTreeMap<u64, u64> {
    let mut served = BTreeMap::new();
    loop {
        // One look for one burst: all of it meets the same configuration.
        let config = reader.snapshot();
        if !config.running {
            return served;
        }
        for request in 0..config.burst {
            std::hint::black_box(format!("{}, number {request}", config.greeting));
        }
        let version = Snapshot::version(config);
        let requests: &mut u64 = served.entry(version).or_default();
        if *requests == 0 {
            in_use.reset(Some(version));
        }
        *requests += u64::from(config.burst);
    }
}

async fn wait_until_used(in_use: &Atom<Option<u64>>, version: u64) {
    in_use.wait_for(move |used| *used >= Some(version)).await;
}

async fn log_changes(mut changes: Changes<Config>) -> Vec<String> {
    let mut logged = Vec::new();
    while let Some(Change { old, new }) = changes.next().await {
        let line = format!(
            "version {}: {}",
            Snapshot::version(&new),
            difference(&old, &new)
        );
        println!("log: {line}");
        logged.push(line);
    }
    logged
}

fn difference(old: &Config, new: &Config) -> String {
    let mut parts = Vec::new();
    if old.greeting != new.greeting {
        parts.push(format!("greeting {:?} -> {:?}", old.greeting, new.greeting));
    }
    if old.burst != new.burst {
        parts.push(format!("burst {} -> {}", old.burst, new.burst));
    }
    if old.running != new.running {
        parts.push(format!("running {} -> {}", old.running, new.running));
    }
    parts.join(", ")
}
