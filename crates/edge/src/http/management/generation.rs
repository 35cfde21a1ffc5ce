//! `GET /api/v1/generation?id=`: what one generation used and cost.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::{GenerationId, TenantId};
use pricing::{Amount, Class, Usage};
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{Generation, GetGenerationRequest};
use rpc::convert::usage_in;
use rpc::events::UsageRecord;
use rpc::worker::AttemptOutcome;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Asked, Data};
use crate::access::{Caller, Who};
use crate::http::reply::{self, Refusal, UserFacing as _};
use crate::service::App;
use crate::store::organisations;

/// A generation that ended a moment ago may still be on its way to the ledger: it is waited for.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Older ones are settled or never will be.
const RECENT: Duration = Duration::from_secs(900);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `gen-...`
    id: String,
}

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Show what one generation used and cost
#[utoipa::path(get, path = "/generation", operation_id = "getGeneration", tag = "Generations", params(Wanted),
    responses((status = 200, description = "The generation", body = Data<Row>)),
    security(("inference_key" = ["generations.read"]), ("management_key" = ["generations.read"]),
        ("session" = ["generations.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let id: GenerationId = wanted.id.parse().map_err(|_| not_found(&wanted.id))?;
    let found = find(&app, caller.tenant, id).await?;
    let data = Row::of(id, home(&app, &caller).await?, &found);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("Generation {id} not found"))
}

/// A generation of the tenant; one of a moment ago is waited for.
///
/// # Errors
/// A 404 where the tenant has none of this id.
pub(super) async fn find(app: &App, tenant: TenantId, id: GenerationId) -> Result<Generation, Refusal> {
    let message =
        GetGenerationRequest { tenant_id: tenant.to_string(), generation_id: id.uuid().to_string() };
    let deadline = tokio::time::Instant::now() + SETTLES_WITHIN;
    loop {
        let found = rpc::retry(3, || {
            let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
            async move { billing.get_generation(message).await }
        })
        .await;
        match found {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if status.code() == tonic::Code::NotFound => {
                if !is_recent(id) || tokio::time::Instant::now() >= deadline {
                    return Err(not_found(&id.to_string()));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(status) => return Err(status.refusal()),
        }
    }
}

/// The workspace of what was recorded before records named one.
async fn home(app: &App, caller: &Caller) -> Result<Uuid, sqlx::Error> {
    if let Who::Key(context) = &caller.who {
        return Ok(context.key.workspace);
    }
    let all = pg::in_tenant(&app.pool, caller.tenant, |tx| Box::pin(organisations::workspaces(tx))).await?;
    Ok(all.iter().find(|workspace| workspace.is_default).map_or(Uuid::nil(), |workspace| workspace.id))
}

/// Whether the id was made a short time ago; it carries its time.
fn is_recent(id: GenerationId) -> bool {
    let Some(made) = id.uuid().get_timestamp() else { return false };
    let (seconds, _) = made.to_unix();
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
    now.saturating_sub(seconds) < RECENT.as_secs()
}

/// One attempt, as the public shape has it.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderResponse {
    endpoint_id: String,
    provider_name: String,
    model_permaslug: String,
    status: Option<u32>,
    latency: u32,
    is_byok: bool,
}

impl ProviderResponse {
    fn of(attempt: &AttemptOutcome, record: &UsageRecord) -> Self {
        let served = attempt.endpoint_id == record.endpoint_id;
        Self {
            endpoint_id: attempt.endpoint_id.clone(),
            provider_name: attempt.provider_name.clone(),
            model_permaslug: attempt.model.clone(),
            status: Some(attempt.status).filter(|status| *status != 0),
            latency: attempt.latency_ms,
            is_byok: served && record.is_byok,
        }
    }
}

/// One generation in the public shape: every member is there, null where nothing applies.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Generation)]
struct Row {
    id: String,
    upstream_id: Option<String>,
    request_id: Option<String>,
    #[schema(value_type = f64)]
    total_cost: Number,
    #[schema(value_type = f64)]
    usage: Number,
    #[schema(value_type = Option<f64>)]
    cache_discount: Option<Number>,
    #[schema(value_type = f64)]
    upstream_inference_cost: Number,
    created_at: String,
    model: String,
    app_id: Option<u64>,
    streamed: bool,
    cancelled: bool,
    provider_name: Option<String>,
    latency: u32,
    moderation_latency: Option<u32>,
    generation_time: u32,
    finish_reason: Option<String>,
    native_finish_reason: Option<String>,
    service_tier: Option<String>,
    tokens_prompt: u64,
    tokens_completion: u64,
    native_tokens_prompt: u64,
    native_tokens_completion: u64,
    native_tokens_completion_images: u64,
    native_tokens_reasoning: u64,
    native_tokens_cached: u64,
    num_media_prompt: u64,
    num_input_audio_prompt: Option<u64>,
    num_media_completion: u64,
    num_search_results: Option<u64>,
    num_fetches: Option<u64>,
    web_search_engine: Option<String>,
    origin: String,
    is_byok: bool,
    external_user: Option<String>,
    api_type: &'static str,
    preset_id: Option<String>,
    router: Option<String>,
    provider_responses: Vec<ProviderResponse>,
    user_agent: Option<String>,
    http_referer: Option<String>,
    session_id: Option<String>,
    data_region: &'static str,
    workspace_id: String,
    response_cache_source_id: Option<String>,
}

impl Row {
    fn of(id: GenerationId, home: Uuid, generation: &Generation) -> Self {
        let record = generation.record.clone().unwrap_or_default();
        let usage = record.usage.as_ref().map(usage_in).unwrap_or_default();
        let prompt = usage.prompt_tokens().unwrap_or_default();
        let completion = usage.completion_tokens().unwrap_or_default();
        let usd = |nanos: i64| Amount::from_nanos(nanos).to_json_number();
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let created = DateTime::from_timestamp_millis(record.received_at_ms).unwrap_or_default();
        Self {
            id: id.to_string(),
            upstream_id: text(&record.provider_response_id),
            request_id: None,
            total_cost: usd(record.charge),
            usage: usd(record.charge),
            cache_discount: generation.cache_discount.map(usd),
            // Who pays the provider: the organisation for what its own credential served, else we.
            upstream_inference_cost: usd(if record.is_byok {
                record.upstream_cost
            } else {
                record.provider_cost
            }),
            created_at: created.to_rfc3339_opts(SecondsFormat::Millis, true),
            model: record.model.clone(),
            app_id: None,
            streamed: record.streamed,
            cancelled: record.cancelled,
            provider_name: text(&record.provider_name),
            latency: record.latency_ms,
            moderation_latency: None,
            generation_time: record.generation_time_ms,
            finish_reason: text(&record.finish_reason),
            native_finish_reason: text(&record.native_finish_reason),
            service_tier: None,
            tokens_prompt: prompt,
            tokens_completion: completion,
            native_tokens_prompt: prompt,
            native_tokens_completion: completion,
            native_tokens_completion_images: usage.get(Class::ImageOutput),
            native_tokens_reasoning: usage.get(Class::Reasoning),
            native_tokens_cached: usage.get(Class::CacheRead),
            num_media_prompt: usage.get(Class::Image),
            num_input_audio_prompt: None,
            num_media_completion: usage.get(Class::Picture),
            num_search_results: None,
            num_fetches: None,
            web_search_engine: None,
            origin: record.app_referer.clone(),
            is_byok: record.is_byok,
            external_user: text(&record.end_user),
            api_type: api_type(&usage),
            preset_id: None,
            router: None,
            provider_responses: record
                .attempts
                .iter()
                .map(|attempt| ProviderResponse::of(attempt, &record))
                .collect(),
            user_agent: None,
            http_referer: text(&record.app_referer),
            session_id: text(&record.session_id),
            data_region: "global",
            workspace_id: text(&record.workspace_id).unwrap_or_else(|| home.to_string()),
            response_cache_source_id: None,
        }
    }
}

/// What a generation was, by what only generations of its kind use.
fn api_type(usage: &Usage) -> &'static str {
    let kinds = [
        (Class::Picture, "image"),
        (Class::ImageOutput, "image"),
        (Class::Character, "tts"),
        (Class::Second, "stt"),
        (Class::SearchUnit, "rerank"),
    ];
    kinds.iter().find(|(class, _)| usage.get(*class) > 0).map_or("completions", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_tells_what_it_was() {
        assert_eq!(api_type(&Usage::default().with(Class::Output, 3)), "completions");
        assert_eq!(api_type(&Usage::default().with(Class::Second, 3)), "stt");
    }

    #[test]
    fn an_id_tells_how_old_it_is() {
        assert!(is_recent(GenerationId::generate()));
        assert!(!is_recent(GenerationId::from_uuid(uuid::Uuid::from_u128(7))));
    }
}
