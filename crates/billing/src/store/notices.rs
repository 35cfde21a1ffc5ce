//! What tenants are told, and where.

use chrono::{DateTime, Utc};
use identity::TenantId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// What a tenant wants to be told, and where.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub webhook_url: Option<String>,
    pub has_secret: bool,
    /// Nano-USD.
    pub low_balance: Option<i64>,
}

/// A notice whose time to be posted has come.
#[derive(Debug)]
pub(crate) struct Taken {
    pub notice_id: Uuid,
    pub tenant_id: Uuid,
    /// JSON.
    pub body: String,
    /// This one included.
    pub tries: i32,
    pub webhook_url: Option<String>,
    pub sealed_secret: Option<Vec<u8>>,
}

/// A notice for the bus.
#[derive(Debug)]
pub(crate) struct Unpublished {
    pub notice_id: Uuid,
    pub tenant_id: Uuid,
    /// JSON.
    pub body: String,
}

/// A notice and what became of it.
#[derive(Debug)]
pub(crate) struct Notice {
    pub notice_id: Uuid,
    pub kind: String,
    /// JSON.
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub delivery: String,
    pub tries: i32,
    pub last_error: Option<String>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// A tenant's settings; none are kept of most.
pub(crate) async fn settings(pool: &PgPool, tenant: TenantId) -> Result<Option<Settings>, Error> {
    let settings = sqlx::query_as!(
        Settings,
        r#"select webhook_url, sealed_secret is not null as "has_secret!", low_balance
        from billing.notice_settings where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(settings)
}

/// Sets all settings; without a secret the one that is kept stays.
pub(crate) async fn put_settings(
    pool: &PgPool,
    tenant: TenantId,
    webhook_url: Option<&str>,
    sealed_secret: Option<&[u8]>,
    low_balance: Option<i64>,
) -> Result<(), Error> {
    sqlx::query!(
        "select billing.put_notice_settings($1, $2, $3, $4)",
        tenant.uuid(),
        webhook_url,
        sealed_secret,
        low_balance,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Writes what is to be told: how many. `whole` looks at every account, not only at those in use.
pub(crate) async fn write(pool: &PgPool, whole: bool) -> Result<i64, Error> {
    let written = sqlx::query_scalar!(r#"select billing.write_notices($1) as "written!""#, whole)
        .fetch_one(pool)
        .await?;
    Ok(written)
}

/// Takes notices that are due, at most so many. Nobody else is given them for the time.
pub(crate) async fn take(pool: &PgPool, limit: i32, hold_ms: i64) -> Result<Vec<Taken>, Error> {
    let taken = sqlx::query_as!(
        Taken,
        r#"select notice_id as "notice_id!", tenant_id as "tenant_id!", body as "body!", tries as "tries!",
            webhook_url, sealed_secret
        from billing.take_notices($1, $2)"#,
        limit,
        hold_ms,
    )
    .fetch_all(pool)
    .await?;
    Ok(taken)
}

/// Keeps what became of a try: no error = it is delivered; an error without a pause ends the tries.
pub(crate) async fn tried(
    pool: &PgPool,
    notice: Uuid,
    error: Option<&str>,
    pause_ms: Option<i64>,
) -> Result<(), Error> {
    sqlx::query!("select billing.notice_tried($1, $2, $3)", notice, error, pause_ms).execute(pool).await?;
    Ok(())
}

pub(crate) async fn unpublished(pool: &PgPool, limit: i32) -> Result<Vec<Unpublished>, Error> {
    let notices = sqlx::query_as!(
        Unpublished,
        r#"select notice_id as "notice_id!", tenant_id as "tenant_id!", body as "body!"
        from billing.unpublished_notices($1)"#,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(notices)
}

pub(crate) async fn published(pool: &PgPool, notices: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("select billing.notices_published($1)", notices).execute(pool).await?;
    Ok(())
}

/// A tenant's notices before one of them, the newest first.
pub(crate) async fn list(
    pool: &PgPool,
    tenant: TenantId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Notice>, Error> {
    let notices = sqlx::query_as!(
        Notice,
        r#"select notice_id, type as kind, body::text as "body!", created_at, delivery, tries, last_error,
            delivered_at
        from billing.notice
        where tenant_id = $1 and ($2::uuid is null or notice_id < $2)
        order by notice_id desc limit $3"#,
        tenant.uuid(),
        before,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(notices)
}
