//! Secrets at rest: AES-256-GCM under a master key, bound to the record that holds them.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use rand::Rng as _;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};

use crate::KeyHash;

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

/// The key that seals what is secret at rest: provider credentials, and answers that are kept. While it is being
/// exchanged for another, what the one before it sealed opens too.
#[derive(Debug)]
pub struct MasterKey {
    newest: Key,
    previous: Option<Key>,
}

impl MasterKey {
    /// # Errors
    /// [`SealError::MalformedKey`] unless `text` is 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Self, SealError> {
        Ok(Self { newest: Key::from_hex(text)?, previous: None })
    }

    /// The same, which also opens what the key before it sealed.
    ///
    /// # Errors
    /// [`SealError::MalformedKey`] unless `text` is 64 hex digits.
    pub fn with_previous(self, text: &str) -> Result<Self, SealError> {
        Ok(Self { previous: Some(Key::from_hex(text)?), ..self })
    }

    /// A new random key, as 64 hex digits.
    #[must_use]
    pub fn generate_hex() -> String {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        hex::encode(bytes)
    }

    /// What tells this key from others: 16 hex digits that say nothing of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update(b"fingerprint:").chain_update(self.newest.0.expose_secret());
        hex::encode(digest.finalize().get(..8).unwrap_or_default())
    }

    /// The key of one purpose, such as one kind of record. Where records are many, each has a key of its own, so
    /// that none seals more than its random nonces are good for.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self {
            newest: self.newest.derive(purpose),
            previous: self.previous.as_ref().map(|key| key.derive(purpose)),
        }
    }

    /// What stands for a text that nobody without this key can find by trying texts. Another key's is another one.
    #[must_use]
    pub fn digest(&self, text: &str) -> KeyHash {
        let digest = Sha256::new().chain_update(b"digest:").chain_update(self.newest.0.expose_secret());
        KeyHash(digest.chain_update(text).finalize().into())
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
        self.newest.seal(secret, context.as_bytes())
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open(&self, sealed: &[u8], context: &str) -> Result<SecretString, SealError> {
        secret_text(&Zeroizing::new(self.open_bytes(sealed, context)?))
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open_bytes(&self, sealed: &[u8], context: &str) -> Result<Vec<u8>, SealError> {
        self.open_for(sealed, context.as_bytes())
    }

    pub(crate) fn seal_for(&self, secret: &[u8], record: &[u8]) -> Result<Vec<u8>, SealError> {
        self.newest.seal(secret, record)
    }

    pub(crate) fn open_for(&self, sealed: &[u8], record: &[u8]) -> Result<Vec<u8>, SealError> {
        match (self.newest.open(sealed, record), &self.previous) {
            (Err(SealError::Open), Some(previous)) => previous.open(sealed, record),
            (outcome, _) => outcome,
        }
    }
}

/// 256 bits for AES-256-GCM with random nonces. Zeroized when it is dropped.
#[derive(Debug)]
pub(crate) struct Key(SecretBox<[u8; 32]>);

impl Key {
    pub(crate) fn random() -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| rand::rng().fill_bytes(bytes)))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| SealError::MalformedKey)?;
        Ok(Self(SecretBox::init_with_mut(|kept: &mut [u8; 32]| kept.copy_from_slice(bytes))))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    fn from_hex(text: &str) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| SealError::MalformedKey)?;
        Self::from_bytes(bytes.as_slice())
    }

    pub(crate) fn derive(&self, purpose: &str) -> Self {
        let digest = Sha256::new().chain_update(self.0.expose_secret()).chain_update(purpose.as_bytes());
        Self(SecretBox::new(Box::new(digest.finalize().into())))
    }

    /// Seals for the record that `record` names: the nonce, then the ciphertext.
    pub(crate) fn seal(&self, secret: &[u8], record: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: record };
        let sealed = self.cipher()?.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Seal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, sealed: &[u8], record: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Open)?;
        let payload = Payload { msg: sealed, aad: record };
        self.cipher()?.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::Open)
    }

    fn cipher(&self) -> Result<Aes256Gcm, SealError> {
        Aes256Gcm::new_from_slice(self.0.expose_secret()).map_err(|_| SealError::MalformedKey)
    }
}

/// A text that was opened. Its one copy is as long as it is, so that none stays behind where it was read.
pub(crate) fn secret_text(plain: &[u8]) -> Result<SecretString, SealError> {
    let text = std::str::from_utf8(plain).map_err(|_| SealError::Open)?;
    Ok(SecretString::from(text.to_owned()))
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

    #[test]
    fn the_key_before_opens_until_it_is_forgotten() {
        let (old, new) = (MasterKey::generate_hex(), MasterKey::generate_hex());
        let before = MasterKey::from_hex(&old).unwrap();
        let both = MasterKey::from_hex(&new).unwrap().with_previous(&old).unwrap();
        let alone = MasterKey::from_hex(&new).unwrap();
        let sealed = before.seal("sk-secret", "a").unwrap();
        let derived = before.derive("answers").seal("answer", "a").unwrap();
        assert_eq!(both.open(&sealed, "a").unwrap().expose_secret(), "sk-secret");
        assert_eq!(both.derive("answers").open(&derived, "a").unwrap().expose_secret(), "answer");
        assert_eq!(alone.open(&sealed, "a").unwrap_err(), SealError::Open);
        assert_eq!(alone.open(&both.seal("b", "a").unwrap(), "a").unwrap().expose_secret(), "b");
        assert_eq!(both.digest("a"), alone.digest("a"));
        assert_ne!(both.digest("a"), before.digest("a"));
        assert_ne!(both.digest("a"), both.digest("b"));
        assert_eq!(both.fingerprint(), alone.fingerprint());
        assert_ne!(both.fingerprint(), before.fingerprint());
    }
}
