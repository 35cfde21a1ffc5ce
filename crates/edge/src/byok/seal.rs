//! Sealing under the organisation's data key.

use identity::{CredentialId, DataKey, KeyOwner, KeyWrapper, SealedFor};
use pg::TenantTx;
use secrecy::SecretString;

use crate::Error;
use crate::store::tenant_keys::{self, WrappedKey};

/// What is sealed of a credential, and under which of the tenant's keys.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) key_version: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Seals a credential under the newest data key of the transaction's tenant; the first one makes the key. Whoever else
/// changes the tenant's keys waits until the transaction ends.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when the data key cannot be opened.
pub(crate) async fn seal(
    tx: &mut TenantTx,
    wrapper: &dyn KeyWrapper,
    secret: &SecretString,
    (provider, record, version): (&str, CredentialId, u32),
) -> Result<Sealed, Error> {
    tenant_keys::lock(tx).await?;
    let (key_version, key) = match tenant_keys::all(tx).await?.first() {
        Some(newest) => (newest.version, open(tx, wrapper, newest).await?),
        None => make(tx, wrapper).await?,
    };
    let of = SealedFor { tenant: tx.tenant(), provider, record, version };
    Ok(Sealed { key_version, bytes: key.seal(secret, &of)? })
}

/// The newest data key of the transaction's tenant with its version; the first one who asks makes it.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when it cannot be opened.
pub(crate) async fn newest(tx: &mut TenantTx, wrapper: &dyn KeyWrapper) -> Result<(u32, DataKey), Error> {
    if tenant_keys::all(tx).await?.is_empty() {
        tenant_keys::lock(tx).await?;
    }
    match tenant_keys::all(tx).await?.first() {
        Some(newest) => Ok((newest.version, open(tx, wrapper, newest).await?)),
        None => make(tx, wrapper).await,
    }
}

/// The data key of this version, where it is not forgotten.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when it cannot be opened.
pub(crate) async fn of_version(
    tx: &mut TenantTx,
    wrapper: &dyn KeyWrapper,
    version: u32,
) -> Result<Option<DataKey>, Error> {
    match tenant_keys::all(tx).await?.iter().find(|key| key.version == version) {
        Some(found) => open(tx, wrapper, found).await.map(Some),
        None => Ok(None),
    }
}

/// A new data key of the tenant, with its version.
pub(super) async fn make(tx: &mut TenantTx, wrapper: &dyn KeyWrapper) -> Result<(u32, DataKey), Error> {
    let (version, key) = (tenant_keys::next_version(tx).await?, DataKey::generate());
    let wrapped = wrapper.wrap_key(&key, KeyOwner { tenant: tx.tenant(), version }).await?;
    tenant_keys::insert(tx, &WrappedKey { version, wrapped, wrapped_by: wrapper.name() }).await?;
    Ok((version, key))
}

pub(super) async fn open(
    tx: &TenantTx,
    wrapper: &dyn KeyWrapper,
    key: &WrappedKey,
) -> Result<DataKey, Error> {
    let owner = KeyOwner { tenant: tx.tenant(), version: key.version };
    Ok(wrapper.open_key(&key.wrapped, owner).await?)
}
