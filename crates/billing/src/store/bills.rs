//! What providers bill.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;
use crate::store::ledger::patiently;

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub day: NaiveDate,
    pub request_id: Option<String>,
    /// The provider's name for it.
    pub model: String,
    pub input: Option<i64>,
    pub output: Option<i64>,
    /// Nano-USD; below zero for what the provider gives back.
    pub cost: i64,
}

/// One step of a comparison that was made.
#[derive(Debug)]
pub(crate) struct Compared {
    pub bill_id: Uuid,
    /// Once the bill is compared: models whose sums differ too much.
    pub alerts: Option<i64>,
}

/// Keeps a bill and its lines; the same file again answers the same bill. Must run in a task that its caller cannot
/// cancel.
pub(crate) async fn import(pool: &PgPool, bill: &Value, lines: &[Line]) -> Result<Uuid, Error> {
    let mut transaction = pool.begin().await?;
    patiently(&mut transaction).await?;
    let id = sqlx::query_scalar!(
        r#"select billing.import_bill($1, $2) as "id!""#,
        bill,
        Json(lines) as Json<&[Line]>
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(id)
}

/// Compares one more day of a bill that waits, or sums it up; `None` = none waits. A bill that cannot be compared is
/// marked so. Must run in a task that its caller cannot cancel.
pub(crate) async fn compare_next(pool: &PgPool) -> Result<Option<Compared>, Error> {
    let mut transaction = pool.begin().await?;
    patiently(&mut transaction).await?;
    let bill = sqlx::query_scalar!("select billing.compare_next()").fetch_one(&mut *transaction).await?;
    let Some(bill_id) = bill else { return Ok(None) };
    let alerts = sqlx::query_scalar!(
        r#"select count(d.n) as "alerts!" from billing.provider_bill b
        left join billing.bill_difference d on d.bill_id = b.bill_id and d.is_alert
        where b.bill_id = $1 and b.state = 'compared' group by b.bill_id"#,
        bill_id
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(Compared { bill_id, alerts }))
}

/// See `billing.list_bills`.
pub(crate) async fn list(pool: &PgPool, provider: &str, after: &str, limit: i32) -> Result<Value, Error> {
    let listed =
        sqlx::query_scalar!(r#"select billing.list_bills($1, $2, $3) as "listed!""#, provider, after, limit);
    Ok(listed.fetch_one(pool).await?)
}

/// See `billing.show_bill`; `None` = there is no such bill.
pub(crate) async fn show(pool: &PgPool, bill: Uuid, after: &str, limit: i32) -> Result<Option<Value>, Error> {
    let shown = sqlx::query_scalar!("select billing.show_bill($1, $2, $3)", bill, after, limit);
    Ok(shown.fetch_one(pool).await?)
}

/// See `billing.pay_bill`.
pub(crate) async fn pay(pool: &PgPool, bill: Uuid, amount: i64, reference: &str) -> Result<(), Error> {
    sqlx::query!(r#"select 1 as "one!" from billing.pay_bill($1, $2, $3)"#, bill, amount, reference)
        .fetch_one(pool)
        .await?;
    Ok(())
}
