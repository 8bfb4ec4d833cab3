//! How values are written: the seam to the crate that does it.
//!
//! A file says which encoding it has, so that another one can be added.

use serde::{Serialize, de::DeserializeOwned};

use super::error::ShmError;

/// The encoding of this version: postcard's, version 1.
pub(super) const POSTCARD: u8 = 1;

/// Replaces what `bytes` contains.
pub(super) fn encode<T: Serialize>(value: &T, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
    bytes.clear();
    let encoded = postcard::serialize_with_flavor(value, Onto(bytes));
    encoded.map_err(|error| ShmError::Codec(error.into()))
}

/// Writes behind what is there.
struct Onto<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Onto<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ShmError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(ShmError::Codec("bytes are left over".into())),
        Err(error) => Err(ShmError::Codec(error.into())),
    }
}
