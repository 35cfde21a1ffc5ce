//! Changes to keys in the order of their commits.

use identity::KeyHash;
use sqlx::PgPool;

/// The channel that every change of a key is notified on, with the key's hash in hex.
pub(crate) const CHANNEL: &str = "patchbay_keys";

/// What changed after a revision.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) revision: i64,
    /// `None` when more changed than is kept.
    pub(crate) hashes: Option<Vec<KeyHash>>,
}

pub(crate) async fn since(pool: &PgPool, known: i64) -> Result<Changes, sqlx::Error> {
    let rows = sqlx::query!(
        "select r.value, c.revision as \"change?\", c.hash as \"hash?\"
         from identity.key_revision r
         left join identity.key_change c on c.revision > $1 and c.revision <= r.value
         order by c.revision",
        known,
    )
    .fetch_all(pool)
    .await?;
    let revision = rows.first().map_or(known, |row| row.value);
    let hashes: Vec<KeyHash> =
        rows.into_iter().filter_map(|row| Some(KeyHash(row.hash?.try_into().ok()?))).collect();
    // Revisions have no gaps, so a shorter list means that old changes are no longer kept.
    let is_whole = i64::try_from(hashes.len()) == Ok(revision - known);
    Ok(Changes { revision, hashes: is_whole.then_some(hashes) })
}
