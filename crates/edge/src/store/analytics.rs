//! Names of what usage is told apart by.

use pg::TenantTx;
use uuid::Uuid;

/// A workspace and what it is called.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) is_default: bool,
}

pub(crate) async fn workspaces(tx: &mut TenantTx) -> Result<Vec<Workspace>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Workspace,
        "select id, name, is_default from identity.workspace where tenant_id = $1",
        tenant
    )
    .fetch_all(tx.connection())
    .await
}

/// A key, a deleted one too, and what it is called.
#[derive(Debug)]
pub(crate) struct KeyName {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) hash: Vec<u8>,
    /// Of the secret that it has now, once it was rotated.
    pub(crate) secret_hash: Option<Vec<u8>>,
}

impl KeyName {
    pub(crate) fn is_named(&self, hash: &[u8]) -> bool {
        self.hash == hash || self.secret_hash.as_deref() == Some(hash)
    }
}

/// The keys that have these hashes.
pub(crate) async fn keys_of(tx: &mut TenantTx, hashes: &[Vec<u8>]) -> Result<Vec<KeyName>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        KeyName,
        "select id, name, hash, secret_hash from identity.api_key
         where tenant_id = $1 and (hash = any ($2) or secret_hash = any ($2))",
        tenant,
        hashes,
    )
    .fetch_all(tx.connection())
    .await
}

pub(crate) async fn key_names(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<KeyName>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        KeyName,
        "select id, name, hash, secret_hash from identity.api_key where tenant_id = $1 and id = any ($2)",
        tenant,
        ids,
    )
    .fetch_all(tx.connection())
    .await
}

/// A member, by name or else by address.
#[derive(Debug)]
pub(crate) struct PersonName {
    pub(crate) id: Uuid,
    pub(crate) name: String,
}

pub(crate) async fn people_names(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<PersonName>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        PersonName,
        r#"select p.id, coalesce(nullif(p.name, ''), p.email) as "name!"
           from identity.member m join identity.person p on p.id = m.person_id
           where m.tenant_id = $1 and m.person_id = any ($2)"#,
        tenant,
        ids,
    )
    .fetch_all(tx.connection())
    .await
}
