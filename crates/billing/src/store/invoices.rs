//! Periods, invoices and issued documents. Answers are the JSON that the admin API gives.

pub(crate) mod issue;

use identity::TenantId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// Rows in one answer at most.
const MAX_LISTED: u32 = 1_000;

/// How many rows a page has: 100 unless it is said.
pub(crate) fn page(limit: u32) -> i64 {
    i64::from(if limit == 0 { 100 } else { limit.min(MAX_LISTED) })
}

/// What one answer holds, and the id to go on after when there may be more.
fn listed(rows: Vec<(String, String)>, limit: i64) -> Vec<u8> {
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == limit);
    let next = rows.last().filter(|_| is_full).map_or("null".to_owned(), |(id, _)| format!("\"{id}\""));
    let data: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    format!("{{\"data\":[{}],\"next\":{next}}}", data.join(",")).into_bytes()
}

pub(crate) async fn periods(pool: &PgPool, after: i64, limit: i64) -> Result<Vec<u8>, Error> {
    let rows = sqlx::query!(
        r#"select p.period_id::text as "id!", billing.period_json(p)::text as "row!" from billing.period p
        where $1::bigint = 0 or p.period_id < $1 order by p.period_id desc limit $2"#,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(listed(rows.into_iter().map(|row| (row.id, row.row)).collect(), limit))
}

/// Invoices, newest period first; null = all tenants, periods or states.
pub(crate) async fn invoices(
    pool: &PgPool,
    tenant: Option<TenantId>,
    period: Option<i64>,
    state: Option<String>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<u8>, Error> {
    let rows = sqlx::query!(
        r#"select i.invoice_id::text as "id!", billing.invoice_json(i)::text as "row!" from billing.invoice i
        where ($1::uuid is null or i.tenant_id = $1) and ($2::bigint is null or i.period_id = $2)
            and ($3::text is null or i.state = $3)
            and ($4::uuid is null or (i.period_id, i.invoice_id) <
                (select a.period_id, a.invoice_id from billing.invoice a where a.invoice_id = $4))
        order by i.period_id desc, i.invoice_id desc limit $5"#,
        tenant.map(TenantId::uuid),
        period,
        state,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(listed(rows.into_iter().map(|row| (row.id, row.row)).collect(), limit))
}

/// One invoice with its lines, movements and credit notes.
pub(crate) async fn invoice(pool: &PgPool, invoice: Uuid) -> Result<Option<Vec<u8>>, Error> {
    let row = sqlx::query_scalar!(
        r#"select billing.invoice_details(i)::text as "row!" from billing.invoice i where i.invoice_id = $1"#,
        invoice
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(String::into_bytes))
}

/// Issued documents of a tenant, newest first.
pub(crate) async fn documents(
    pool: &PgPool,
    tenant: TenantId,
    kind: Option<String>,
    after: Option<String>,
    limit: i64,
) -> Result<Vec<u8>, Error> {
    let rows = sqlx::query!(
        r#"select d.number as "id!", billing.document_json(d)::text as "row!" from billing.document d
        where d.tenant_id = $1 and ($2::text is null or d.kind = $2)
            and ($3::text is null or (d.issued_at, d.position) <
                (select a.issued_at, a.position from billing.document a where a.tenant_id = $1 and a.number = $3))
        order by d.issued_at desc, d.position desc limit $4"#,
        tenant.uuid(),
        kind,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(listed(rows.into_iter().map(|row| (row.id, row.row)).collect(), limit))
}

/// The JSON of a tenant's document, as it was issued.
pub(crate) async fn document(pool: &PgPool, tenant: TenantId, number: &str) -> Result<Option<String>, Error> {
    let document = sqlx::query_scalar!(
        "select document from billing.document where tenant_id = $1 and number = $2",
        tenant.uuid(),
        number
    )
    .fetch_optional(pool)
    .await?;
    Ok(document)
}

/// The JSON of what was issued for an invoice, or what it says so far.
pub(crate) async fn document_of_invoice(
    pool: &PgPool,
    invoice: Uuid,
    issuer: &serde_json::Value,
) -> Result<Option<String>, Error> {
    let document = sqlx::query_scalar!(
        r#"select coalesce(d.document, billing.draft_json(i, $2)) as "document!" from billing.invoice i
        left join billing.document d on d.source_id = i.invoice_id and d.kind in ('invoice', 'statement')
        where i.invoice_id = $1"#,
        invoice,
        issuer
    )
    .fetch_optional(pool)
    .await?;
    Ok(document)
}

pub(crate) async fn profile(pool: &PgPool, tenant: TenantId) -> Result<Option<Vec<u8>>, Error> {
    let row = sqlx::query_scalar!(
        r#"select billing.profile_json(p)::text as "row!" from billing.billing_profile p where p.tenant_id = $1"#,
        tenant.uuid()
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(String::into_bytes))
}
