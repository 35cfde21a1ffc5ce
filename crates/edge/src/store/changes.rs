//! Changes to keys, and to what governs all keys of a tenant, in the order of their commits.

use identity::{KeyHash, TenantId};
use sqlx::PgPool;

/// The channel that every change is notified on: a key's hash in hex, or `tenant:` and the tenant's id.
pub(crate) const CHANNEL: &str = "patchbay_keys";

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Key(KeyHash),
    Tenant(TenantId),
}

impl Change {
    /// Reads what was notified.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        if let Some(tenant) = payload.strip_prefix(b"tenant:") {
            return std::str::from_utf8(tenant).ok()?.parse().ok().map(Self::Tenant);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(payload, &mut bytes).ok()?;
        Some(Self::Key(KeyHash(bytes)))
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(hash) => hash.fmt(f),
            Self::Tenant(tenant) => write!(f, "tenant:{tenant}"),
        }
    }
}

/// What changed after a revision.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) revision: i64,
    /// `None` when more changed than is kept.
    pub(crate) changes: Option<Vec<Change>>,
}

pub(crate) async fn since(pool: &PgPool, known: i64) -> Result<Changes, sqlx::Error> {
    let rows = sqlx::query!(
        "select r.value, c.revision as \"change?\", c.hash as \"hash?\", c.tenant_id as \"tenant_id?\"
         from identity.key_revision r
         left join identity.key_change c on c.revision > $1 and c.revision <= r.value
         order by c.revision",
        known,
    )
    .fetch_all(pool)
    .await?;
    let revision = rows.first().map_or(known, |row| row.value);
    let read = |hash: Option<Vec<u8>>, tenant: Option<uuid::Uuid>| match (hash, tenant) {
        (Some(hash), _) => Some(Change::Key(KeyHash(hash.try_into().ok()?))),
        (None, tenant) => tenant.map(TenantId::from_uuid).map(Change::Tenant),
    };
    let changes: Vec<Change> = rows.into_iter().filter_map(|row| read(row.hash, row.tenant_id)).collect();
    // Revisions have no gaps, so a shorter list means that old changes are no longer kept.
    let is_whole = i64::try_from(changes.len()) == Ok(revision - known);
    Ok(Changes { revision, changes: is_whole.then_some(changes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_notified_reads_back() {
        for change in [Change::Key(KeyHash::of("x")), Change::Tenant(TenantId::generate())] {
            assert_eq!(Change::read(change.to_string().as_bytes()), Some(change));
        }
        assert_eq!(Change::read(b"tenant:x"), None);
    }
}
