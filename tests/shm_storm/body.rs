//! A value that says by itself whether it is whole.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

pub(crate) const WRITERS: usize = 3;

/// The version, how many commits each writer has made, the seed of the rest, and the rest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) version: u64,
    pub(crate) commits: [u64; WRITERS],
    seed: u64,
    rest: Bytes,
}

impl Body {
    pub(crate) fn first() -> Self {
        Self::new(0, [0; WRITERS], 0, 0)
    }

    fn new(version: u64, commits: [u64; WRITERS], seed: u64, len: u64) -> Self {
        let rest = Bytes::derived(seed ^ version, len);
        Self {
            version,
            commits,
            seed,
            rest,
        }
    }

    /// The one after this, by that writer: it takes a few bytes, or up to 300 kB.
    pub(crate) fn next(&self, writer: usize, dice: &mut Dice) -> Self {
        let mut commits = self.commits;
        commits[writer] += 1;
        let most = 1 << (3 + dice.below(16));
        let len = dice.below(most).min(300_000);
        Self::new(self.version + 1, commits, dice.throw(), len)
    }

    /// That all of it belongs together.
    #[track_caller]
    pub(crate) fn check(&self, version: u64) {
        assert_eq!(self.version, version, "torn: the value of another version");
        assert_eq!(self.commits.iter().sum::<u64>(), version, "torn: the sum");
        let derived = Bytes::derived(self.seed ^ version, self.rest.0.len() as u64);
        assert!(self.rest == derived, "torn: the bytes of version {version}");
    }
}

/// Written as a whole, not byte by byte.
#[derive(Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn derived(seed: u64, len: u64) -> Self {
        let mut dice = Dice::new(seed);
        // That of another seed differs in every part of it.
        let pattern: Vec<u8> = (0..16).flat_map(|_| dice.throw().to_ne_bytes()).collect();
        let mut bytes = pattern.repeat(len as usize / pattern.len() + 1);
        bytes.truncate(len as usize);
        Self(bytes)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Whole)
    }
}

/// Numbers that look like chance, the same ones for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.throw() % bound
    }
}
