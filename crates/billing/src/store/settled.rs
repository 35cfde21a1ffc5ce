//! Usage in the order in which it settled.

use rpc::billing::UsageRow;
use rpc::events::UsageRecord;
use rpc::pricing::{PriceVersion, Usage};
use rpc::worker::AttemptOutcome;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;
use crate::store::usage::{id, number, record, row, source, units};

/// A place among settlements: behind a generation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Of the transaction, a number of 64 bits.
    pub(crate) xid: u64,
    pub(crate) after: Uuid,
}

/// Where up to `limit` settlements behind a mark end, and whether there are more.
pub(crate) async fn until(pool: &PgPool, mark: &Mark, limit: i32) -> Result<(Mark, bool), Error> {
    let row = sqlx::query!(
        r#"select until_xid::text as "xid!", until_id as "after!", more as "more!"
           from billing.settled_until($1::text::xid8, $2, $3)"#,
        mark.xid.to_string(),
        mark.after,
        limit,
    )
    .fetch_one(pool)
    .await?;
    // The database writes 64 bits.
    Ok((Mark { xid: row.xid.parse().unwrap_or(0), after: row.after }, row.more))
}

/// What of some tenants' lies between two marks.
pub(crate) async fn between(
    pool: &PgPool,
    from: &Mark,
    to: &Mark,
    tenants: &[Uuid],
) -> Result<Vec<UsageRow>, Error> {
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
        from billing.settled_between($1::text::xid8, $2, $3::text::xid8, $4, $5) u"#,
        from.xid.to_string(),
        from.after,
        to.xid.to_string(),
        to.after,
        tenants,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| row!(row)).collect())
}
