//! Whoever made a management key answers for it: it does no more than they may do now.

use identity::{KeyKind, PersonId};
use pg::TenantTx;
use serde_json::json;

use super::Error;
use crate::access::Caller;
use crate::store::keys::Key;
use crate::store::{audit, makers};

/// Disables the management keys that somebody answers for who may make none any more: those that they made or that
/// were made for them, and what these made in turn. Each is written down with what it came from, such as
/// `member.update`. Once the transaction is committed, edges are to forget them.
///
/// # Errors
/// The database's.
pub(crate) async fn disable_made_by(
    tx: &mut TenantTx,
    caller: &Caller,
    person: PersonId,
    because: &'static str,
) -> Result<Vec<makers::Disabled>, sqlx::Error> {
    let mut disabled = Vec::new();
    // A key that is making another one is waited for: what it made is seen the next time.
    loop {
        let found = makers::disable(tx, person).await?;
        if found.is_empty() {
            return Ok(disabled);
        }
        for key in &found {
            let details = json!({ "disabled": true, "because": because, "made_by": person.to_string() });
            audit::insert(tx.connection(), &caller.does("key.change", key.hash.to_string(), details)).await?;
        }
        disabled.extend(found);
    }
}

/// Refuses to enable a management key for which somebody answers who may make none.
///
/// # Errors
/// [`Error::Forbidden`].
pub(super) async fn check(tx: &mut TenantTx, key: &Key) -> Result<(), Error> {
    if key.kind != KeyKind::Management {
        return Ok(());
    }
    let people = makers::of(tx, key.id).await?;
    let managing = makers::hold_managing(tx, &people).await?;
    if people.iter().all(|person| managing.contains(person)) {
        return Ok(());
    }
    Err(Error::Forbidden("Whoever made this key may make no management keys any more. Make another key."))
}
