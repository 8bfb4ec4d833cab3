//! What the atoms hold.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 64 bytes, encoded too.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fixed([[u8; 32]; 2]);

impl Fixed {
    pub(crate) fn next(&self) -> Self {
        let mut next = self.clone();
        next.0[0][0] ^= 1;
        next
    }
}

/// Bytes that are copied as a whole: what is measured is not how `serde` goes about a list.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn next(&self) -> Self {
        let mut next = self.clone();
        next.0[0] ^= 1;
        next
    }
}

pub(crate) fn filled(len: usize) -> Vec<u8> {
    (0..len).map(|i| i as u8).collect()
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
