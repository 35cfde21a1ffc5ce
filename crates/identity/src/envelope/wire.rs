//! Envelopes as bytes.
//!
//! | Bytes | Hold |
//! |---|---|
//! | 1 | the form, which is 1 |
//! | 4 | the version of the data key |
//! | 4 | the version of the credential |
//! | 2 | the length of the wrapped key |
//! | so many | the wrapped key |
//! | the rest | the sealed credential |

use super::Envelope;
use crate::SealError;

const FORM: u8 = 1;

impl Envelope {
    /// # Errors
    /// [`SealError::Seal`] when the wrapped key is longer than 65,535 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SealError> {
        let length = u16::try_from(self.wrapped_key.len()).map_err(|_| SealError::Seal)?;
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&self.key_version.to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&self.wrapped_key);
        bytes.extend_from_slice(&self.sealed);
        Ok(bytes)
    }

    /// # Errors
    /// [`SealError::Open`] when these are no envelope.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        read(bytes).ok_or(SealError::Open)
    }
}

fn read(bytes: &[u8]) -> Option<Envelope> {
    let (form, rest) = bytes.split_first()?;
    let (key_version, rest) = rest.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (wrapped_key, sealed) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    (*form == FORM).then(|| Envelope {
        key_version: u32::from_be_bytes(*key_version),
        wrapped_key: wrapped_key.to_vec(),
        version: u32::from_be_bytes(*version),
        sealed: sealed.to_vec(),
    })
}
