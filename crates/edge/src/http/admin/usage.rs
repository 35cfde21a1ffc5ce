//! Usage: single generations by page, and sums over time.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::{GenerationId, KeyHash};
use pricing::Amount;
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{GetUsageRequest, ListUsageRequest, UsageFilter, UsageRow, UsageSum};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::reply::{self, Refusal};
use super::{Operator, bad, not_found};
use crate::service::App;
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(series))
}

fn reports(app: &App) -> UsageReportsClient<rpc::Channel> {
    UsageReportsClient::new(app.billing.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

/// What is asked for; `list` knows nothing of grain, groups and their top, `series` nothing of pages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    tenant: String,
    workspace: String,
    user: String,
    /// A key's id or hash.
    key: String,
    model: String,
    provider: String,
    endpoint: String,
    is_byok: Option<bool>,
    /// RFC 3339.
    since: Option<String>,
    until: Option<String>,
    after: String,
    limit: u32,
    #[param(inline)]
    grain: Option<Grain>,
    /// Dimensions, apart by commas.
    group_by: String,
    /// Groups that are told apart at most, those with the most of `top_by`; what is left is one, `is_rest`. 0 = all.
    top: u32,
    /// `charge` unless said.
    #[param(inline)]
    top_by: Option<Measure>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Grain {
    Hour,
    Day,
    Week,
    Month,
    /// One sum over the whole time.
    All,
}

impl Grain {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::All => "",
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Measure {
    Charge,
    ProviderCost,
    Requests,
    Errors,
}

impl Measure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::ProviderCost => "provider_cost",
            Self::Requests => "requests",
            Self::Errors => "errors",
        }
    }
}

/// What sums may be told apart by, as it is asked for and as billing names it.
const DIMENSIONS: [(&str, &str); 9] = [
    ("tenant", "tenant_id"),
    ("workspace", "workspace_id"),
    ("user", "user_id"),
    ("key", "key_id"),
    ("model", "model"),
    ("provider", "provider"),
    ("provider_name", "provider_name"),
    ("endpoint", "endpoint_id"),
    ("is_byok", "is_byok"),
];

/// List generations
#[utoipa::path(get, path = "/usage", operation_id = "listUsage", tag = "Usage",
    params(Wanted),
    responses((status = 200, description = "The generations, newest first", body = Document)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    if wanted.grain.is_some() || !wanted.group_by.is_empty() || wanted.top > 0 {
        return Err(bad("grain, group_by, top: ask /admin/v1/usage/series for sums"));
    }
    let after = if wanted.after.is_empty() {
        String::new()
    } else {
        let id: GenerationId = wanted.after.parse().map_err(|_| bad("after: use the `next` of a page"))?;
        id.uuid().to_string()
    };
    let message = ListUsageRequest {
        since_ms: time(wanted.since.as_deref(), "since")?,
        until_ms: time(wanted.until.as_deref(), "until")?,
        after,
        limit: wanted.limit,
        filter: Some(filter(&app, wanted).await?),
    };
    let page = reports(&app).list_usage(message).await?.into_inner();
    let next: Option<GenerationId> = page.next.parse().ok().map(GenerationId::from_uuid);
    let data: Vec<Value> = page.rows.iter().map(row).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "next": next.map(|id| id.to_string()) })))
}

/// Sum usage over time
#[utoipa::path(get, path = "/usage/series", operation_id = "getUsageSeries", tag = "Usage",
    params(Wanted),
    responses((status = 200, description = "The sums", body = Document)),
    security(("operator_token" = [])))]
async fn series(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    if !wanted.after.is_empty() {
        return Err(bad("after: sums have no pages; narrow the time or the filter"));
    }
    let named = |name: &str| {
        let known = DIMENSIONS.iter().find(|(asked, _)| *asked == name);
        known.copied().ok_or_else(|| bad(format!("group_by: there is no dimension `{name}`")))
    };
    let groups: Vec<(&str, &str)> =
        wanted.group_by.split(',').filter(|name| !name.is_empty()).map(named).collect::<Result<_, _>>()?;
    let message = GetUsageRequest {
        grain: wanted.grain.unwrap_or(Grain::Day).as_str().to_owned(),
        group_by: groups.iter().map(|(_, name)| (*name).to_owned()).collect(),
        since_ms: time(wanted.since.as_deref(), "since")?,
        until_ms: time(wanted.until.as_deref(), "until")?,
        completed_days: 0,
        limit: wanted.limit,
        top: wanted.top,
        top_by: wanted.top_by.map_or("", Measure::as_str).to_owned(),
        filter: Some(filter(&app, wanted).await?),
    };
    let answer = reports(&app).get_usage(message).await?.into_inner();
    let data: Vec<Value> = answer.sums.iter().map(|sum| point(sum, &groups)).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "truncated": answer.is_truncated })))
}

async fn filter(app: &App, wanted: Wanted) -> Result<UsageFilter, Refusal> {
    for (name, text) in [
        ("tenant", &wanted.tenant),
        ("workspace", &wanted.workspace),
        ("user", &wanted.user),
        ("endpoint", &wanted.endpoint),
    ] {
        if !text.is_empty() && text.parse::<Uuid>().is_err() {
            return Err(bad(format!("{name}: use a UUID")));
        }
    }
    Ok(UsageFilter {
        tenant_id: wanted.tenant,
        workspace_id: wanted.workspace,
        user_id: wanted.user,
        key_id: key(app, &wanted.key).await?,
        model: wanted.model,
        provider: wanted.provider,
        endpoint_id: wanted.endpoint,
        is_byok: wanted.is_byok,
        ..UsageFilter::default()
    })
}

/// The id of the key that is named by it or by its hash.
async fn key(app: &App, text: &str) -> Result<String, Refusal> {
    if text.is_empty() || text.parse::<Uuid>().is_ok() {
        return Ok(text.to_owned());
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| bad("key: use a key's id or hash"))?;
    let found = store::keys::named(&app.pool, KeyHash(bytes)).await?;
    found.map(|key| key.id.to_string()).ok_or_else(|| not_found("key"))
}

/// Unix milliseconds of a time; zero where there is none.
fn time(text: Option<&str>, name: &str) -> Result<i64, Refusal> {
    let Some(text) = text else { return Ok(0) };
    let time: Option<DateTime<Utc>> = text.parse().ok();
    time.map(|time| time.timestamp_millis()).filter(|at| *at > 0).ok_or_else(|| {
        bad(format!("{name}: `{text}` is no time: write RFC 3339, such as \"2026-01-31T12:00:00Z\""))
    })
}

fn usd(nanos: i64) -> String {
    Amount::from_nanos(nanos).to_string()
}

fn at(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Units of each class that was used.
fn units(usage: Option<rpc::pricing::Usage>) -> Map<String, Value> {
    let usage = usage.unwrap_or_default();
    let all = [
        ("input", usage.input),
        ("cache_read", usage.cache_read),
        ("cache_write_5m", usage.cache_write_5m),
        ("cache_write_1h", usage.cache_write_1h),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
        ("audio_input", usage.audio_input),
        ("audio_output", usage.audio_output),
        ("image", usage.image),
        ("request", usage.request),
        ("image_input", usage.image_input),
        ("image_output", usage.image_output),
        ("picture", usage.picture),
        ("character", usage.character),
        ("second", usage.second),
        ("search_unit", usage.search_unit),
    ];
    all.into_iter()
        .filter(|(_, units)| *units > 0)
        .map(|(name, units)| (name.to_owned(), json!(units)))
        .collect()
}

fn row(row: &UsageRow) -> Value {
    let record = row.record.clone().unwrap_or_default();
    let id: Option<GenerationId> = record.generation_id.parse().ok().map(GenerationId::from_uuid);
    json!({
        "id": id.map(|id| id.to_string()),
        "generation_id": record.generation_id,
        "execution": record.execution,
        "tenant_id": record.tenant_id,
        "workspace_id": text(&record.workspace_id),
        "user_id": text(&record.user_id),
        "key_id": text(&record.key_id),
        "model": text(&record.model),
        "provider": text(&record.provider),
        "provider_name": text(&record.provider_name),
        "endpoint_id": text(&record.endpoint_id),
        "provider_response_id": text(&record.provider_response_id),
        "is_byok": record.is_byok,
        "price_version_id": record.price.as_ref().map(|price| price.id.as_str()),
        "markup_basis_points": record.markup_basis_points,
        "units": units(record.usage),
        "usage_source": record.source().as_str_name().trim_start_matches("SOURCE_").to_lowercase(),
        "reserved": usd(record.reserved),
        "due": usd(row.due),
        "charge": usd(record.charge),
        "absorbed": usd(record.absorbed),
        "waived": usd(row.waived),
        "provider_cost": usd(record.provider_cost),
        "upstream_cost": usd(record.upstream_cost),
        "evidence": row.evidence,
        "period_id": row.period_id,
        "attempts": row.attempts,
        "finish_reason": text(&record.finish_reason),
        "native_finish_reason": text(&record.native_finish_reason),
        "streamed": record.streamed,
        "cancelled": record.cancelled,
        "partial": record.partial,
        "received_at": at(record.received_at_ms),
        "settled_at": at(row.settled_at_ms),
        "latency_ms": record.latency_ms,
        "generation_time_ms": record.generation_time_ms,
        "end_user": text(&record.end_user),
        "app_referer": text(&record.app_referer),
        "app_title": text(&record.app_title),
        "session_id": text(&record.session_id),
        "worker_id": text(&record.worker_id),
    })
}

fn point(sum: &UsageSum, groups: &[(&str, &str)]) -> Value {
    let mut point = json!({
        "start": at(sum.start_ms),
        "requests": sum.requests,
        "errors": sum.errors,
        "partials": sum.partials,
        "cancelled": sum.cancelled,
        "streamed": sum.streamed,
        "attempts": sum.attempts,
        "units": units(sum.usage),
        "charge": usd(sum.charge),
        "absorbed": usd(sum.absorbed),
        "waived": usd(sum.waived),
        "provider_cost": usd(sum.provider_cost),
        "upstream_cost": usd(sum.upstream_cost),
        "latency_ms": sum.latency_ms,
        "generation_time_ms": sum.generation_time_ms,
    });
    if sum.is_rest {
        point["is_rest"] = json!(true);
    }
    for (_, name) in groups {
        point[*name] = match *name {
            "is_byok" => json!(sum.is_byok),
            "tenant_id" => json!(text(&sum.tenant_id)),
            "workspace_id" => json!(text(&sum.workspace_id)),
            "user_id" => json!(text(&sum.user_id)),
            "key_id" => json!(text(&sum.key_id)),
            "model" => json!(text(&sum.model)),
            "provider" => json!(text(&sum.provider)),
            "provider_name" => json!(text(&sum.provider_name)),
            _ => json!(text(&sum.endpoint_id)),
        };
    }
    point
}
