//! What was and what is to be: every price of an endpoint, and the record of changes.

use chrono::{DateTime, Utc};
use identity::{EndpointId, PriceVersionId};
use serde_json::Value;
use sqlx::PgExecutor;

/// A price version with its times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PastPrice {
    pub(crate) id: PriceVersionId,
    pub(crate) book: Value,
    pub(crate) source: String,
    pub(crate) effective_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) withdrawn_at: Option<DateTime<Utc>>,
}

/// One line of the record of changes, as it was kept.
#[derive(Debug, Clone)]
pub(crate) struct PastChange {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// Every price of an endpoint, the latest to take effect first.
pub(crate) async fn prices(
    executor: impl PgExecutor<'_>,
    endpoint_id: EndpointId,
) -> Result<Vec<PastPrice>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.id, p.book, p.source, p.effective_at, p.created_at, w.withdrawn_at as "withdrawn_at?"
           from catalog.price p left join catalog.price_withdrawal w on w.price_id = p.id
           where p.endpoint_id = $1
           order by p.effective_at desc, p.created_at desc, p.id desc"#,
        endpoint_id.uuid()
    )
    .fetch_all(executor)
    .await?;
    let read = rows.into_iter().map(|row| PastPrice {
        id: PriceVersionId::from_uuid(row.id),
        book: row.book,
        source: row.source,
        effective_at: row.effective_at,
        created_at: row.created_at,
        withdrawn_at: row.withdrawn_at,
    });
    Ok(read.collect())
}

/// The endpoint that a price version is of.
pub(crate) async fn priced(
    executor: impl PgExecutor<'_>,
    price_id: PriceVersionId,
) -> Result<Option<EndpointId>, sqlx::Error> {
    let found = sqlx::query_scalar!("select endpoint_id from catalog.price where id = $1", price_id.uuid())
        .fetch_optional(executor)
        .await?;
    Ok(found.map(EndpointId::from_uuid))
}

/// At most `limit` changes, newest first: those before the change `after`, about `subject` alone where one
/// is named.
pub(crate) async fn changes(
    executor: impl PgExecutor<'_>,
    subject: Option<&str>,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<PastChange>, sqlx::Error> {
    sqlx::query_as!(
        PastChange,
        "select id, version, at, actor, action, subject, before, after from catalog.change
         where ($1::text is null or subject = $1) and ($2::bigint is null or id < $2)
         order by id desc limit $3",
        subject,
        after,
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
}
