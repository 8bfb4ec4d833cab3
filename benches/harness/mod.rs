//! Compares ourselves with peers inside one run, on a machine that is not quiet.
//!
//! All contestants of a group take turns, round by round, in an order that
//! rotates. A round is short (a fraction of a millisecond), so that whatever
//! disturbs the machine disturbs neighbours alike; what is reported is the median
//! per operation of each, and the median of the *ratios within each round*, which
//! is what the floors speak of. A ratio below its floor is met. Where a floor is known to be missed, the
//! benchmark says by how much at most: it is printed as missed, and only what is worse is a failure.
//!
//! ```text
//! cargo bench                              everything
//! cargo bench --bench waits -- crowd       the sections whose name contains "crowd"
//! cargo bench -- --quick                   only prove that everything runs
//! cargo bench -- --strict                  exit with 1 if a floor is missed, by more than is known
//! ```

// Each benchmark uses its part of this module.
#![allow(dead_code)]

pub(crate) mod clock;
pub(crate) mod tasks;

use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;
use std::time::Duration;

/// How long a contestant runs in one round.
const ROUND: Duration = Duration::from_micros(300);
const ROUNDS: usize = 401;

/// One part of a benchmark, selected by its name.
pub(crate) type Section = (&'static str, fn(&mut Harness));

pub(crate) struct Harness {
    quick: bool,
    met: usize,
    missed: Vec<String>,
    /// How many of those missed are not known to be.
    news: usize,
}

impl Harness {
    /// Runs the sections that the arguments select and reports what was missed.
    pub(crate) fn run(sections: &[Section]) -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let flag = |name: &str| arguments.iter().any(|argument| argument == name);
        let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
        let mut harness = Harness {
            // `cargo bench` passes `--bench`; `cargo test --benches` does not.
            quick: flag("--quick") || !flag("--bench"),
            met: 0,
            missed: Vec::new(),
            news: 0,
        };
        for (name, section) in sections {
            if filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str())) {
                println!("\n## {name}");
                section(&mut harness);
            }
        }
        harness.summary(flag("--strict"))
    }

    /// Whether only the running is to be proved; sections shrink their set-up then.
    pub(crate) fn quick(&self) -> bool {
        self.quick
    }

    /// A comparison of the contestants added to it.
    pub(crate) fn group<'c>(&mut self, title: impl Into<String>) -> Group<'_, 'c> {
        Group {
            harness: self,
            title: title.into(),
            rounds: ROUNDS,
            iterations: None,
            contestants: Vec::new(),
        }
    }

    /// Books a ratio against the floor it has to meet.
    pub(crate) fn judge(&mut self, what: &str, ratio: f64, floor: &Floor) -> String {
        let Floor { wanted, known } = *floor;
        let verdict = match known {
            _ if self.quick => "not judged",
            _ if ratio <= wanted => "met",
            Some(known) if ratio <= known => "MISSED, as is known",
            _ => "MISSED",
        };
        match verdict {
            "not judged" => {}
            "met" => self.met += 1,
            _ => {
                self.news += usize::from(verdict == "MISSED");
                self.missed
                    .push(format!("{what}: {ratio:.2}x, floor {floor}"));
            }
        }
        format!("floor {floor} {verdict}")
    }

    fn summary(self, strict: bool) -> ExitCode {
        let (missed, news) = (self.missed.len(), self.news);
        println!(
            "\nfloors: {} met, {missed} missed, {news} of them not known",
            self.met
        );
        for line in &self.missed {
            println!("  missed: {line}");
        }
        ExitCode::from(u8::from(strict && news > 0))
    }
}

/// What a ratio may be.
pub(crate) struct Floor {
    pub(crate) wanted: f64,
    /// Where it is known to be missed: by how much at most.
    pub(crate) known: Option<f64>,
}

impl Display for Floor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", self.wanted)?;
        match self.known {
            Some(known) => write!(f, " (known: up to {known}x)"),
            None => Ok(()),
        }
    }
}

struct Contestant<'c> {
    name: String,
    floor: Option<Floor>,
    run: Box<dyn FnMut(u64) -> Duration + 'c>,
    iterations: u64,
    /// Nanoseconds per operation, one for each round.
    samples: Vec<f64>,
}

/// Contestants that take turns; the first is the one the others are compared with.
#[must_use = "nothing is measured before `report` or `samples`"]
pub(crate) struct Group<'h, 'c> {
    harness: &'h mut Harness,
    title: String,
    rounds: usize,
    iterations: Option<u64>,
    contestants: Vec<Contestant<'c>>,
}

impl<'c> Group<'_, 'c> {
    /// Fixes the rounds, and the operations in each, where one operation is long
    /// or must not be repeated freely.
    pub(crate) fn rounds(mut self, rounds: usize, iterations: u64) -> Self {
        self.rounds = rounds;
        self.iterations = Some(iterations);
        self
    }

    /// The contestant under test. `run` does its operation so many times and
    /// tells what they took, see [`clock`].
    pub(crate) fn ours(self, name: &str, run: impl FnMut(u64) -> Duration + 'c) -> Self {
        assert!(self.contestants.is_empty(), "ours comes first");
        self.contestant(name, None, run)
    }

    /// A peer of which ours may cost no more than `floor` times.
    pub(crate) fn peer(
        self,
        name: &str,
        floor: f64,
        run: impl FnMut(u64) -> Duration + 'c,
    ) -> Self {
        let floor = Floor {
            wanted: floor,
            known: None,
        };
        self.contestant(name, Some(floor), run)
    }

    /// Of the peer before: that its floor is missed is known, and ours costs up to so many times as much.
    pub(crate) fn known_loss(mut self, most: impl Into<Option<f64>>) -> Self {
        let floor = self.contestants.last_mut().and_then(|c| c.floor.as_mut());
        floor.expect("a peer comes before").known = most.into();
        self
    }

    /// A contestant that is stated without a floor.
    pub(crate) fn beside(self, name: &str, run: impl FnMut(u64) -> Duration + 'c) -> Self {
        self.contestant(name, None, run)
    }

    fn contestant(
        mut self,
        name: &str,
        floor: Option<Floor>,
        run: impl FnMut(u64) -> Duration + 'c,
    ) -> Self {
        self.contestants.push(Contestant {
            name: name.to_owned(),
            floor,
            run: Box::new(run),
            iterations: 1,
            samples: Vec::new(),
        });
        self
    }

    /// Measures, and prints the comparison.
    pub(crate) fn report(mut self) {
        self.measure();
        println!("{:<44} {:>12}  ratio (middle half)", self.title, "ns/op");
        let ours = self.contestants[0].samples.clone();
        println!("  {:<42} {:>12.1}", self.contestants[0].name, median(&ours));
        for peer in &self.contestants[1..] {
            let mut ratios: Vec<f64> = ours.iter().zip(&peer.samples).map(|(o, p)| o / p).collect();
            ratios.sort_by(f64::total_cmp);
            let (low, ratio, high) = quartiles(&ratios);
            let verdict = peer.floor.as_ref().map_or(String::new(), |floor| {
                let what = format!("{}: {}", self.title, peer.name);
                self.harness.judge(&what, ratio, floor)
            });
            println!(
                "  {:<42} {:>12.1}  {ratio:.3}x ({low:.3}-{high:.3})  {verdict}",
                peer.name,
                median(&peer.samples)
            );
        }
    }

    /// Measures, and hands back the nanoseconds per operation of each contestant
    /// in each round.
    pub(crate) fn samples(mut self) -> Vec<Vec<f64>> {
        self.measure();
        self.contestants.into_iter().map(|c| c.samples).collect()
    }

    fn measure(&mut self) {
        let rounds = if self.harness.quick { 2 } else { self.rounds };
        for contestant in &mut self.contestants {
            contestant.iterations = match (self.harness.quick, self.iterations) {
                (true, fixed) => fixed.unwrap_or(100).min(100),
                (false, Some(fixed)) => fixed,
                (false, None) => contestant.calibrated(),
            };
        }
        let count = self.contestants.len();
        for round in 0..rounds {
            for turn in 0..count {
                self.contestants[(round + turn) % count].sample();
            }
        }
    }
}

impl Contestant<'_> {
    /// The operations that fill a round.
    fn calibrated(&mut self) -> u64 {
        let mut iterations = 1;
        loop {
            let took = (self.run)(iterations);
            if took >= ROUND / 2 {
                let fill = ROUND.as_secs_f64() / took.as_secs_f64();
                return ((iterations as f64 * fill) as u64).max(1);
            }
            iterations *= 2;
        }
    }

    fn sample(&mut self) {
        let took = (self.run)(self.iterations);
        self.samples
            .push(took.as_nanos() as f64 / self.iterations as f64);
    }
}

pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    quartiles(&sorted).1
}

fn quartiles(sorted: &[f64]) -> (f64, f64, f64) {
    let at = |quarter: usize| sorted[(sorted.len() - 1) * quarter / 4];
    (at(1), at(2), at(3))
}
