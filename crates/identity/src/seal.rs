//! Secrets at rest: AES-256-GCM under a master key, bound to the record that holds them.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};

const NONCE: usize = 12;

/// A secret could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the master key must be 64 hex digits")]
    MalformedKey,
    #[error("the secret could not be sealed")]
    Seal,
    /// Wrong master key, wrong record, or changed bytes.
    #[error("the sealed secret does not open with this key for this record")]
    Open,
}

/// The key that seals what is secret at rest: provider credentials, and answers that are kept.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// # Errors
    /// [`SealError::MalformedKey`] unless `text` is 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Self, SealError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SealError::MalformedKey)?;
        Ok(Self(SecretBox::new(Box::new(bytes))))
    }

    /// A new random key, as 64 hex digits.
    #[must_use]
    pub fn generate_hex() -> String {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        hex::encode(bytes)
    }

    /// The key of one purpose, such as one kind of record. Where records are many, each has a key of its own, so
    /// that none seals more than its random nonces are good for.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let digest = Sha256::new().chain_update(self.0.expose_secret()).chain_update(purpose.as_bytes());
        Self(SecretBox::new(Box::new(digest.finalize().into())))
    }

    /// Seals `secret` for the record named by `context`; opening it for another record fails.
    ///
    /// # Errors
    /// [`SealError::Seal`] when the cipher refuses.
    pub fn seal(&self, secret: &str, context: &str) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(secret.as_bytes(), context)
    }

    /// [`Self::seal`] for what is no text.
    ///
    /// # Errors
    /// [`SealError::Seal`] when the cipher refuses.
    pub fn seal_bytes(&self, secret: &[u8], context: &str) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: context.as_bytes() };
        let sealed = self.cipher()?.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Seal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open(&self, sealed: &[u8], context: &str) -> Result<SecretString, SealError> {
        let plain = self.open_bytes(sealed, context)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| SealError::Open)
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open_bytes(&self, sealed: &[u8], context: &str) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Open)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        self.cipher()?.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::Open)
    }

    fn cipher(&self) -> Result<Aes256Gcm, SealError> {
        Aes256Gcm::new_from_slice(self.0.expose_secret()).map_err(|_| SealError::MalformedKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_for_its_own_record_and_key() {
        let key = MasterKey::from_hex(&MasterKey::generate_hex()).unwrap();
        let other = MasterKey::from_hex(&MasterKey::generate_hex()).unwrap();
        let mut sealed = key.seal("sk-secret", "record-1").unwrap();
        assert_eq!(key.open(&sealed, "record-1").unwrap().expose_secret(), "sk-secret");
        assert_eq!(key.open(&sealed, "record-2").unwrap_err(), SealError::Open);
        assert_eq!(other.open(&sealed, "record-1").unwrap_err(), SealError::Open);
        sealed[20] ^= 1;
        assert_eq!(key.open(&sealed, "record-1").unwrap_err(), SealError::Open);
        assert_eq!(key.open(b"short", "record-1").unwrap_err(), SealError::Open);
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let key = MasterKey::from_hex(&MasterKey::generate_hex()).unwrap();
        let sealed = key.derive("answers").seal_bytes(b"\xff\x00", "a").unwrap();
        assert_eq!(key.derive("answers").open_bytes(&sealed, "a").unwrap(), b"\xff\x00");
        assert_eq!(key.derive("answer").open_bytes(&sealed, "a").unwrap_err(), SealError::Open);
        assert_eq!(key.open_bytes(&sealed, "a").unwrap_err(), SealError::Open);
    }
}
