//! Usage as it is reported: sums from the rollups, pages of single generations.

use chrono::{DateTime, Utc};
use rpc::billing::{UsageRow, UsageSum};
use rpc::events::UsageRecord;
use rpc::pricing::{PriceVersion, Usage};
use rpc::worker::AttemptOutcome;
use serde::Serialize;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;
use crate::store::usage::{id, number, record, row, source, units};

/// What usage must have; absent members match everything.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_byok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    /// Of single generations: how they ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Which sums are asked for.
#[derive(Debug)]
pub(crate) struct Sums {
    pub filter: Filter,
    /// `hour`, `day`, `week`, `month` or empty.
    pub grain: String,
    pub group_by: Vec<String>,
    pub since: DateTime<Utc>,
    /// `None` = without end.
    pub until: Option<DateTime<Utc>>,
    /// Whole days before today, in place of the times.
    pub completed_days: Option<i32>,
    pub limit: i32,
    /// Groups that are told apart, and the measure of which they have the most; `None` = all.
    pub top: Option<(i32, String)>,
}

/// The sums, by time and dimensions.
pub(crate) async fn sums(pool: &PgPool, asked: &Sums) -> Result<Vec<UsageSum>, Error> {
    let (top, top_by) = asked.top.as_ref().map(|(top, by)| (*top, by.as_str())).unzip();
    // What is grouped by is null in the rest alone.
    let is_top = top.is_some() && !asked.group_by.is_empty();
    let rows = sqlx::query!(
        r#"with asked as materialized (
            select case when $6::integer is null then $4::timestamptz
                    else date_trunc('day', billing.clock(), 'UTC') - $6 * interval '1 day' end as since,
                case when $6 is null then coalesce($5::timestamptz, 'infinity')
                    else date_trunc('day', billing.clock(), 'UTC') end as until)
        select s.at as "at!", s.tenant_id as "tenant_id?", s.workspace_id as "workspace_id?",
            s.user_id as "user_id?", s.key_id as "key_id?", s.model as "model?", s.provider as "provider?",
            s.provider_name as "provider_name?", s.endpoint_id as "endpoint_id?", s.is_byok as "is_byok?",
            s.requests as "requests!", s.errors as "errors!", s.partials as "partials!",
            s.cancelled as "cancelled!", s.streamed as "streamed!", s.attempts as "attempts!",
            s.input as "input!", s.cache_read as "cache_read!", s.cache_write_5m as "cache_write_5m!",
            s.cache_write_1h as "cache_write_1h!", s.output as "output!", s.reasoning as "reasoning!",
            s.audio_input as "audio_input!", s.audio_output as "audio_output!", s.image as "image!",
            s.request as "request!", s.image_input as "image_input!", s.image_output as "image_output!",
            s.picture as "picture!", s.character as "character!", s.second as "second!",
            s.search_unit as "search_unit!", s.charge as "charge!", s.absorbed as "absorbed!",
            s.waived as "waived!", s.provider_cost as "provider_cost!", s.upstream_cost as "upstream_cost!",
            s.latency_ms as "latency_ms!", s.generation_time_ms as "generation_time_ms!"
        from asked a cross join lateral billing.usage_sums($1, $2, $3, a.since, a.until, $7, $8, $9) s"#,
        asked.grain,
        &asked.group_by,
        Json(&asked.filter) as Json<&Filter>,
        asked.since,
        asked.until,
        asked.completed_days,
        asked.limit,
        top,
        top_by,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| UsageSum {
            start_ms: row.at.timestamp_millis(),
            is_rest: is_top
                && [row.tenant_id, row.workspace_id, row.user_id, row.key_id, row.endpoint_id] == [None; 5]
                && [&row.model, &row.provider, &row.provider_name] == [&None; 3]
                && row.is_byok.is_none(),
            tenant_id: known(row.tenant_id),
            workspace_id: known(row.workspace_id),
            user_id: known(row.user_id),
            key_id: known(row.key_id),
            endpoint_id: known(row.endpoint_id),
            is_byok: row.is_byok.unwrap_or(false),
            requests: row.requests,
            errors: row.errors,
            partials: row.partials,
            cancelled: row.cancelled,
            streamed: row.streamed,
            attempts: row.attempts,
            usage: Some(units!(row)),
            charge: row.charge,
            absorbed: row.absorbed,
            waived: row.waived,
            provider_cost: row.provider_cost,
            upstream_cost: row.upstream_cost,
            latency_ms: row.latency_ms,
            generation_time_ms: row.generation_time_ms,
            model: row.model.unwrap_or_default(),
            provider: row.provider.unwrap_or_default(),
            provider_name: row.provider_name.unwrap_or_default(),
        })
        .collect())
}

/// Which page of single generations is asked for.
#[derive(Debug)]
pub(crate) struct Page {
    pub filter: Filter,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub after: Option<Uuid>,
    pub limit: i32,
}

/// Single generations, newest first.
pub(crate) async fn page(pool: &PgPool, asked: &Page) -> Result<Vec<UsageRow>, Error> {
    let rows = sqlx::query!(
        r#"select u.generation_id as "generation_id!", u.execution as "execution!", u.evidence as "evidence!",
            u.tenant_id as "tenant_id!", u.key_id, u.worker_id, u.period_id as "period_id!",
            u.settled_at as "settled_at!", u.price_version_id, u.markup_bps as "markup_bps!", u.input as "input!",
            u.cache_read as "cache_read!", u.cache_write_5m as "cache_write_5m!",
            u.cache_write_1h as "cache_write_1h!", u.output as "output!", u.reasoning as "reasoning!",
            u.audio_input as "audio_input!", u.audio_output as "audio_output!", u.image as "image!",
            u.request as "request!", u.image_input as "image_input!", u.image_output as "image_output!",
            u.picture as "picture!", u.character as "character!", u.second as "second!",
            u.search_unit as "search_unit!", u.source as "source!", u.reserved as "reserved!", u.due as "due!",
            u.charge as "charge!", u.absorbed as "absorbed!", u.waived as "waived!",
            u.provider_cost as "provider_cost!", u.model, u.provider, u.provider_name, u.endpoint_id,
            u.provider_response_id, u.finish_reason, u.native_finish_reason, u.streamed as "streamed!",
            u.cancelled as "cancelled!", u.partial as "partial!", u.received_at as "received_at!",
            u.latency_ms as "latency_ms!", u.generation_time_ms as "generation_time_ms!", u.deltas as "deltas!",
            u.end_user, u.app_referer, u.app_title, u.session_id, u.attempts as "attempts!", u.first_n,
            u.first_endpoint_id, u.first_provider_name, u.first_model, u.first_status, u.first_outcome,
            u.first_latency_ms, u.first_error_type, u.workspace_id, u.user_id, u.is_byok as "is_byok!",
            u.upstream_cost as "upstream_cost!"
        from billing.usage_page($1, $2, $3, $4, $5) u"#,
        Json(&asked.filter) as Json<&Filter>,
        asked.since,
        asked.until,
        asked.after,
        asked.limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| row!(row)).collect())
}

/// A dimension of a rollup, where the nil id stands for none.
fn known(stored: Option<Uuid>) -> String {
    id(stored.filter(|stored| !stored.is_nil()))
}
