//! Exchanging the keys that credentials are sealed under, while they are in use: what was read before opens as well as
//! what is read after.

use std::collections::HashMap;
use std::sync::Arc;

use identity::{DataKey, KeyWrapper, SealError, SealedFor, TenantId};
use pg::TenantTx;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::seal::{self, Sealed};
use crate::Error;
use crate::store::audit;
use crate::store::credentials;
use crate::store::destinations;
use crate::store::tenant_keys::{self, WrappedKey};

/// Tenants that are looked for at once.
const PAGE: i32 = 100;

/// What a rewrap came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrapped {
    pub keys: u64,
    /// Keys that open with no key that is known.
    pub unreadable: u64,
}

/// Wraps the data keys of all tenants anew under the key that wraps now. Only wraps change. May be broken off and begun
/// again.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when a key cannot be wrapped.
pub async fn rewrap_tenant_keys(pool: &PgPool, wrapper: Arc<dyn KeyWrapper>) -> Result<Rewrapped, Error> {
    let (mut done, mut known) = (Rewrapped::default(), Uuid::nil());
    loop {
        let tenants = tenant_keys::wrapped_otherwise(pool, &wrapper.name(), known, PAGE).await?;
        let Some(last) = tenants.last() else { return Ok(done) };
        known = last.uuid();
        for tenant in tenants {
            let wrapper = Arc::clone(&wrapper);
            let of_one = pg::in_tenant(pool, tenant, move |tx| {
                Box::pin(async move { rewrap(tx, wrapper.as_ref()).await })
            })
            .await?;
            done.keys += of_one.keys;
            done.unreadable += of_one.unreadable;
        }
    }
}

async fn rewrap(tx: &mut TenantTx, wrapper: &dyn KeyWrapper) -> Result<Rewrapped, Error> {
    tenant_keys::lock(tx).await?;
    let (name, mut done) = (wrapper.name(), Rewrapped::default());
    for old in tenant_keys::all(tx).await?.into_iter().filter(|key| key.wrapped_by != name) {
        let owner = identity::KeyOwner { tenant: tx.tenant(), version: old.version };
        match wrapper.open_key(&old.wrapped, owner).await {
            Ok(key) => {
                let wrapped = wrapper.wrap_key(&key, owner).await?;
                let new = WrappedKey { wrapped, wrapped_by: name.clone(), ..old };
                tenant_keys::rewrap(tx, &new).await?;
                done.keys += 1;
            }
            Err(SealError::Open) => {
                tracing::error!(tenant.id = %tx.tenant(), version = old.version, "a data key opens with no known key");
                done.unreadable += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if done.keys > 0 {
        did(tx, "byok.rewrap", json!({ "keys": done.keys })).await?;
    }
    Ok(done)
}

/// Gives a tenant a new data key, seals all of its credentials under it, and deletes the old ones but for those that kept
/// content is sealed under. How many credentials there are.
///
/// # Errors
/// [`Error::Database`], and [`Error::Seal`] when one cannot be opened; then nothing has changed.
pub async fn rotate_tenant_key(
    pool: &PgPool,
    wrapper: Arc<dyn KeyWrapper>,
    tenant: TenantId,
) -> Result<u64, Error> {
    pg::in_tenant(pool, tenant, move |tx| Box::pin(async move { rotate(tx, wrapper.as_ref()).await })).await
}

async fn rotate(tx: &mut TenantTx, wrapper: &dyn KeyWrapper) -> Result<u64, Error> {
    tenant_keys::lock(tx).await?;
    let mut old: HashMap<u32, DataKey> = HashMap::new();
    for key in tenant_keys::all(tx).await? {
        let _ = old.insert(key.version, seal::open(tx, wrapper, &key).await?);
    }
    let (key_version, new) = seal::make(tx, wrapper).await?;
    let mut sealed = 0;
    for kept in credentials::all_sealed(tx).await? {
        let of = SealedFor {
            tenant: tx.tenant(),
            provider: &kept.provider,
            record: kept.id,
            version: kept.version,
        };
        let key = old.get(&kept.sealed.key_version).ok_or(SealError::Open)?;
        let bytes = new.seal(&key.open(&kept.sealed.bytes, &of)?, &of)?;
        credentials::reseal(tx, kept.id, kept.version, &Sealed { key_version, bytes }).await?;
        sealed += 1;
    }
    for kept in destinations::all_sealed(tx).await? {
        let provider = kept.kind.sealed_as();
        let of = SealedFor { tenant: tx.tenant(), provider, record: kept.id, version: kept.version };
        let key = old.get(&kept.sealed.key_version).ok_or(SealError::Open)?;
        let bytes = new.seal(&key.open(&kept.sealed.bytes, &of)?, &of)?;
        destinations::reseal(tx, kept.id, kept.version, &Sealed { key_version, bytes }).await?;
        sealed += 1;
    }
    tenant_keys::delete_unused_before(tx, key_version).await?;
    did(tx, "byok.rotate_key", json!({ "version": key_version, "credentials": sealed })).await?;
    Ok(sealed)
}

/// Deletes all data keys of a tenant: nothing that was sealed under them can ever be read again. How many there were.
///
/// # Errors
/// [`Error::Database`].
pub async fn forget_tenant_keys(pool: &PgPool, tenant: TenantId) -> Result<u64, Error> {
    pg::in_tenant(pool, tenant, |tx| {
        Box::pin(async move {
            tenant_keys::lock(tx).await?;
            let keys = tenant_keys::delete_before(tx, u32::MAX).await?;
            did(tx, "byok.forget_keys", json!({ "keys": keys })).await?;
            Ok(keys)
        })
    })
    .await
}

/// Writes down what the operator did, and has every edge read the tenant's credentials anew.
async fn did(tx: &mut TenantTx, action: &'static str, details: Value) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    let actor = "operator:cli".to_owned();
    let entry =
        audit::Entry { tenant: Some(tenant), actor, action, target: format!("tenant:{tenant}"), details };
    audit::insert(tx.connection(), &entry).await?;
    tenant_keys::tell(tx).await
}
