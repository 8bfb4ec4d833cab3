//! How values are written: the seam to the crate that does it.
//!
//! A file says which encoding it has, so that another one can be added.

use serde::{Serialize, de::DeserializeOwned};

use super::error::ShmError;

/// The encoding of this version: postcard's, version 1.
pub(super) const POSTCARD: u8 = 1;

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, ShmError> {
    postcard::to_stdvec(value).map_err(|error| ShmError::Codec(error.into()))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ShmError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(ShmError::Codec("bytes are left over".into())),
        Err(error) => Err(ShmError::Codec(error.into())),
    }
}
