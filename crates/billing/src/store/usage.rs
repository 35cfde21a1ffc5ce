//! Settled usage, read back.

use identity::{GenerationId, TenantId};
use rpc::billing::Generation;
use rpc::events::UsageRecord;
use rpc::pricing::{PriceVersion, Source, Usage};
use rpc::worker::AttemptOutcome;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// The units of a row that has a column for each class.
macro_rules! units {
    ($row:expr) => {
        Usage {
            input: number($row.input),
            cache_read: number($row.cache_read),
            cache_write_5m: number($row.cache_write_5m),
            cache_write_1h: number($row.cache_write_1h),
            output: number($row.output),
            reasoning: number($row.reasoning),
            audio_input: number($row.audio_input),
            audio_output: number($row.audio_output),
            image: number($row.image),
            request: number($row.request),
            image_input: number($row.image_input),
            image_output: number($row.image_output),
            picture: number($row.picture),
            character: number($row.character),
            second: number($row.second),
            search_unit: number($row.search_unit),
        }
    };
}

/// The record that a row of `billing.usage` was, the price by its id alone, of its attempts the first.
macro_rules! record {
    ($row:expr) => {{
        let row = $row;
        let mut attempts = Vec::new();
        if row.attempts > 0 {
            attempts.push(AttemptOutcome {
                n: number(row.first_n.unwrap_or(0)),
                endpoint_id: id(row.first_endpoint_id),
                provider_name: row.first_provider_name.unwrap_or_default(),
                model: row.first_model.unwrap_or_default(),
                status: number(row.first_status.unwrap_or(0)),
                outcome: row.first_outcome.unwrap_or_default(),
                latency_ms: number(row.first_latency_ms.unwrap_or(0)),
                error_type: row.first_error_type.unwrap_or_default(),
            });
        }
        UsageRecord {
            generation_id: row.generation_id.to_string(),
            execution: number(row.execution),
            worker_id: row.worker_id.unwrap_or_default(),
            tenant_id: row.tenant_id.to_string(),
            key_id: id(row.key_id),
            leases: Vec::new(),
            reserved: row.reserved,
            price: row
                .price_version_id
                .map(|price| PriceVersion { id: price.to_string(), ..PriceVersion::default() }),
            markup_basis_points: row.markup_bps,
            usage: Some(units!(row)),
            source: source(&row.source).into(),
            charge: row.charge,
            provider_cost: row.provider_cost,
            absorbed: row.absorbed,
            confirmed: row.evidence == "worker",
            model: row.model.unwrap_or_default(),
            provider: row.provider.unwrap_or_default(),
            provider_name: row.provider_name.unwrap_or_default(),
            endpoint_id: id(row.endpoint_id),
            provider_response_id: row.provider_response_id.unwrap_or_default(),
            finish_reason: row.finish_reason.unwrap_or_default(),
            native_finish_reason: row.native_finish_reason.unwrap_or_default(),
            streamed: row.streamed,
            cancelled: row.cancelled,
            partial: row.partial,
            received_at_ms: row.received_at.timestamp_millis(),
            latency_ms: number(row.latency_ms),
            generation_time_ms: number(row.generation_time_ms),
            attempts,
            end_user: row.end_user.unwrap_or_default(),
            app_referer: row.app_referer.unwrap_or_default(),
            app_title: row.app_title.unwrap_or_default(),
            session_id: row.session_id.unwrap_or_default(),
            workspace_id: id(row.workspace_id),
            user_id: id(row.user_id),
            is_byok: row.is_byok,
            upstream_cost: row.upstream_cost,
            deltas: number(row.deltas),
        }
    }};
}

/// Usage as it is reported, of a row of whatever lists it.
macro_rules! row {
    ($row:expr) => {{
        let row = $row;
        UsageRow {
            settled_at_ms: row.settled_at.timestamp_millis(),
            due: row.due,
            waived: row.waived,
            evidence: row.evidence.clone(),
            period_id: row.period_id,
            attempts: number(row.attempts),
            record: Some(record!(row)),
        }
    }};
}

pub(crate) use {record, row, units};

/// Reads a settled generation of this tenant as its record was, the price by its id alone.
pub(crate) async fn generation(
    pool: &PgPool,
    tenant: TenantId,
    generation: GenerationId,
) -> Result<Option<Generation>, Error> {
    let row = sqlx::query!(
        r#"select u.*,
            (select billing.charge(p.base, p.tiers, array[u.input + u.cache_read + u.cache_write_5m
                    + u.cache_write_1h, 0, 0, 0, u.output, u.reasoning, u.audio_input, u.audio_output, u.image,
                    u.request, u.image_input, u.image_output, u.picture, u.character, u.second, u.search_unit],
                    u.markup_bps) - u.due
                from billing.price_version p where p.price_version_id = u.price_version_id
                    and u.cache_read + u.cache_write_5m + u.cache_write_1h > 0) as "cache_discount?"
        from billing.usage u
        where u.generation_id = $1 and u.day = billing.uuid_day($1) and u.tenant_id = $2"#,
        generation.uuid(),
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (settled_at, cache_discount) = (row.settled_at, row.cache_discount);
    let (execution, attempts) = (row.execution, row.attempts);
    let mut record = record!(row);
    if attempts > 1 {
        record.attempts.extend(further_attempts(pool, generation, execution).await?);
    }
    let settled_at_ms = settled_at.timestamp_millis();
    Ok(Some(Generation { record: Some(record), settled_at_ms, cache_discount }))
}

async fn further_attempts(
    pool: &PgPool,
    generation: GenerationId,
    execution: i32,
) -> Result<Vec<AttemptOutcome>, Error> {
    let rows = sqlx::query!(
        "select n, endpoint_id, provider_name, model, status, outcome, latency_ms, error_type
        from billing.attempt where generation_id = $1 and execution = $2 order by n",
        generation.uuid(),
        execution,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AttemptOutcome {
            n: number(row.n),
            endpoint_id: id(row.endpoint_id),
            provider_name: row.provider_name.unwrap_or_default(),
            model: row.model.unwrap_or_default(),
            status: number(row.status),
            outcome: row.outcome,
            latency_ms: number(row.latency_ms),
            error_type: row.error_type.unwrap_or_default(),
        })
        .collect())
}

/// What was written as an unsigned number; the database keeps signed ones.
pub(crate) fn number<S: TryInto<U>, U: Default>(stored: S) -> U {
    stored.try_into().unwrap_or_default()
}

pub(crate) fn id(stored: Option<Uuid>) -> String {
    stored.map(|id| id.to_string()).unwrap_or_default()
}

pub(crate) fn source(stored: &str) -> Source {
    match stored {
        "counted" => Source::Counted,
        "estimated" => Source::Estimated,
        _ => Source::Provider,
    }
}
