//! Sessions of people who signed in.

use std::time::Duration;

use identity::{KeyHash, PersonId, TenantId};
use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;

use crate::access::{Role, Session};

/// A length of time as PostgreSQL has it.
pub(crate) fn interval(length: Duration) -> PgInterval {
    let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// The session in force with this secret. Looking it up is using it: it goes on for `idle` from now.
pub(crate) async fn by_secret(
    pool: &PgPool,
    secret: &str,
    idle: Duration,
) -> Result<Option<Session>, sqlx::Error> {
    let hash = KeyHash::of(secret);
    let row = sqlx::query!(
        r#"select id as "id!", person_id as "person_id!", is_platform_admin as "is_platform_admin!", tenant_id, role
           from identity.session_by_hash($1, $2)"#,
        hash.0.as_slice(),
        interval(idle),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Session {
        id: row.id,
        person: PersonId::from_uuid(row.person_id),
        is_platform_admin: row.is_platform_admin,
        membership: row.tenant_id.map(TenantId::from_uuid).zip(row.role.as_deref().and_then(Role::named)),
    }))
}
