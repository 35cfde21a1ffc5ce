//! Usage as rows of text, in pages by key.

use chrono::NaiveDate;
use identity::TenantId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// The columns of a row, in its order.
pub(crate) const COLUMNS: [&str; 40] = [
    "generation_id",
    "occurred_at",
    "settled_at",
    "period_id",
    "key_id",
    "workspace_id",
    "user_id",
    "model",
    "provider",
    "provider_name",
    "own_key",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image",
    "request",
    "image_input",
    "image_output",
    "picture",
    "character",
    "second",
    "search_unit",
    "usage_source",
    "price_version_id",
    "markup_basis_points",
    "provider_cost_usd",
    "due_usd",
    "absorbed_usd",
    "waived_usd",
    "charge_usd",
    "upstream_cost_usd",
    "finish_reason",
    "end_user",
    "session_id",
    "app_title",
];

/// The first and the last day that a period has usage of a tenant's from.
pub(crate) async fn days(
    pool: &PgPool,
    tenant: TenantId,
    period: i64,
) -> Result<Option<(NaiveDate, NaiveDate)>, Error> {
    let row = sqlx::query!(
        "select min(day) as first, max(day) as last from billing.usage where tenant_id = $1 and period_id = $2",
        tenant.uuid(),
        period
    )
    .fetch_one(pool)
    .await?;
    Ok(row.first.zip(row.last))
}

/// Up to `limit` rows of one day, those after `after`; of one period when it is given.
pub(crate) async fn rows(
    pool: &PgPool,
    tenant: TenantId,
    day: NaiveDate,
    period: Option<i64>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, Vec<String>)>, Error> {
    let rows = sqlx::query!(
        r#"select u.generation_id, array[u.generation_id::text, billing.stamp(u.occurred_at), billing.stamp(u.settled_at),
            u.period_id::text, coalesce(u.key_id::text, ''), coalesce(u.workspace_id::text, ''),
            coalesce(u.user_id::text, ''), coalesce(u.model, ''), coalesce(u.provider, ''),
            coalesce(u.provider_name, ''), u.is_byok::text, u.input::text, u.cache_read::text, u.cache_write_5m::text,
            u.cache_write_1h::text, u.output::text, u.reasoning::text, u.audio_input::text, u.audio_output::text,
            u.image::text, u.request::text, u.image_input::text, u.image_output::text, u.picture::text,
            u.character::text, u.second::text, u.search_unit::text, u.source, coalesce(u.price_version_id::text, ''),
            u.markup_bps::text, billing.usd(u.provider_cost), billing.usd(u.due), billing.usd(u.absorbed),
            billing.usd(u.waived), billing.usd(u.charge), billing.usd(u.upstream_cost), coalesce(u.finish_reason, ''),
            coalesce(u.end_user, ''), coalesce(u.session_id, ''), coalesce(u.app_title, '')] as "cells!"
        from billing.usage u
        where u.tenant_id = $1 and u.day = $2 and ($3::bigint is null or u.period_id = $3) and u.generation_id > $4
        order by u.generation_id limit $5"#,
        tenant.uuid(),
        day,
        period,
        after,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.generation_id, row.cells)).collect())
}
