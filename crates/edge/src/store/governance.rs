//! Whatever governs a key beside its terms, in one transaction.

use pg::TenantTx;
use sqlx::PgPool;

use super::keys::Key;
use super::{ceilings, credentials, destinations, exchanges, flags, guardrails, workspaces};
use crate::auth::Governance;
use crate::byok::OwnCredentials;
use crate::flags::Flag;

/// What governs requests of this key.
pub(crate) async fn of(pool: &PgPool, key: &Key) -> Result<Governance, sqlx::Error> {
    let key = key.clone();
    pg::in_tenant(pool, key.tenant, move |tx| Box::pin(async move { read(tx, &key).await })).await
}

async fn read(tx: &mut TenantTx, key: &Key) -> Result<Governance, sqlx::Error> {
    let guardrails = guardrails::of_key(tx, key).await?;
    let flags = flags::governing(tx).await?;
    let own = match flags.has(Flag::OwnKeys) {
        true => credentials::of_key(tx, key.id).await?,
        false => OwnCredentials::default(),
    };
    let defaults = workspaces::governing(tx, key).await?;
    let ceilings = ceilings::of_tenant(tx).await?;
    let logging = exchanges::logging(tx, key).await?;
    let destinations = destinations::of_key(tx, key).await?;
    Ok(Governance { guardrails, own, defaults, ceilings, logging, destinations, flags })
}
