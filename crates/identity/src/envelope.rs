//! Envelopes: credentials of tenants, each sealed under a data key of its tenant, which is wrapped under a key that lies
//! elsewhere. Exchanging the outer key re-wraps the few data keys and touches no credential; a tenant whose data keys
//! are deleted can never be read again.

mod wire;

use std::pin::Pin;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use crate::seal::{Key, secret_text};
use crate::{CredentialId, MasterKey, SealError, TenantId};

/// What a [`KeyWrapper`] comes to; a service of others is asked over the network.
pub type Wrapping<'a, T> = Pin<Box<dyn Future<Output = Result<T, SealError>> + Send + 'a>>;

/// Keeps the key that data keys are wrapped under: the master key of the configuration, or a key management service.
pub trait KeyWrapper: Send + Sync {
    /// Names the key that wraps now, for telling which wraps are of an older one.
    fn name(&self) -> String;

    /// Wraps a data key, bound to its owner.
    fn wrap_key<'a>(&'a self, key: &'a DataKey, of: KeyOwner) -> Wrapping<'a, Vec<u8>>;

    /// Opens a wrap, be it of the key that wraps now or of one before it.
    fn open_key<'a>(&'a self, wrapped: &'a [u8], of: KeyOwner) -> Wrapping<'a, DataKey>;
}

impl KeyWrapper for MasterKey {
    fn name(&self) -> String {
        self.fingerprint()
    }

    fn wrap_key<'a>(&'a self, key: &'a DataKey, of: KeyOwner) -> Wrapping<'a, Vec<u8>> {
        Box::pin(std::future::ready(self.seal_for(key.0.bytes(), &of.bytes())))
    }

    fn open_key<'a>(&'a self, wrapped: &'a [u8], of: KeyOwner) -> Wrapping<'a, DataKey> {
        let opened = self.open_for(wrapped, &of.bytes()).map(Zeroizing::new);
        Box::pin(std::future::ready(opened.and_then(|bytes| Key::from_bytes(&bytes)).map(DataKey)))
    }
}

/// Whose a data key is, and which of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOwner {
    pub tenant: TenantId,
    /// From 1.
    pub version: u32,
}

impl KeyOwner {
    fn bytes(self) -> Vec<u8> {
        let version = self.version.to_be_bytes();
        [b"tenant-key:".as_slice(), self.tenant.uuid().as_bytes(), &version].concat()
    }
}

/// The record that a credential is sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedFor<'a> {
    pub tenant: TenantId,
    /// Slug.
    pub provider: &'a str,
    pub record: CredentialId,
    /// From 1; one more each time the credential is exchanged for another.
    pub version: u32,
}

impl SealedFor<'_> {
    /// Everything but the provider is of fixed length, so that no two records read the same.
    fn bytes(&self) -> Vec<u8> {
        let (tenant, record) = (self.tenant.uuid(), self.record.uuid());
        let version = self.version.to_be_bytes();
        let ends = [record.as_bytes().as_slice(), &version];
        [b"credential:", tenant.as_bytes().as_slice(), self.provider.as_bytes(), &ends.concat()].concat()
    }
}

/// The key of one tenant, 256 random bits. Never stored but wrapped; zeroized when it is dropped.
#[derive(Debug)]
pub struct DataKey(Key);

impl DataKey {
    #[must_use]
    pub fn generate() -> Self {
        Self(Key::random())
    }

    /// # Errors
    /// [`SealError::Seal`] when the cipher refuses.
    pub fn seal(&self, secret: &SecretString, of: &SealedFor<'_>) -> Result<Vec<u8>, SealError> {
        self.0.seal(secret.expose_secret().as_bytes(), &of.bytes())
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open(&self, sealed: &[u8], of: &SealedFor<'_>) -> Result<SecretString, SealError> {
        secret_text(&Zeroizing::new(self.0.open(sealed, &of.bytes())?))
    }

    /// Seals what there is any number of, each under a key of its own that follows from this one and from `record`,
    /// which names its kind, its tenant and itself.
    ///
    /// # Errors
    /// [`SealError::Seal`] when the cipher refuses.
    pub fn seal_record(&self, plain: &[u8], record: &str) -> Result<Vec<u8>, SealError> {
        self.0.derive(record).seal(plain, record.as_bytes())
    }

    /// # Errors
    /// [`SealError::Open`] when key, record or bytes are not the ones it was sealed with.
    pub fn open_record(&self, sealed: &[u8], record: &str) -> Result<Vec<u8>, SealError> {
        self.0.derive(record).open(sealed, record.as_bytes())
    }
}

/// A sealed credential with the wrapped key that opens it, as it travels to whoever holds the outer key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub key_version: u32,
    pub wrapped_key: Vec<u8>,
    /// Of the credential.
    pub version: u32,
    pub sealed: Vec<u8>,
}

impl Envelope {
    /// Opens both. What the envelope does not say, its reader must know from elsewhere: whose it is, for which
    /// provider, and of which record.
    ///
    /// # Errors
    /// [`SealError::Open`] when it is another record's, was changed, or its key is gone.
    pub async fn open(
        &self,
        wrapper: &dyn KeyWrapper,
        tenant: TenantId,
        provider: &str,
        record: CredentialId,
    ) -> Result<SecretString, SealError> {
        let owner = KeyOwner { tenant, version: self.key_version };
        let key = wrapper.open_key(&self.wrapped_key, owner).await?;
        key.open(&self.sealed, &SealedFor { tenant, provider, record, version: self.version })
    }
}

#[cfg(test)]
mod tests;
