//! Routing decisions: what was decided and why, what would be decided now, and what other rules would have
//! decided. The router keeps them and makes them again.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use dialect::client::Dialect;
use futures::{Stream, stream};
use http::StatusCode;
use identity::{GenerationId, TenantId};
use rpc::Fault;
use rpc::billing::GetTermsRequest;
use rpc::router::router_client::RouterClient;
use rpc::router::{
    ListDecisionsRequest, PriceChange, ReadDecisionRequest, ReplayDecisionsRequest, ReplayProgress,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;
use tonic::Status;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::{self, from_query};
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal, UserFacing as _};
use super::prices::Price;
use super::progress::{self, Step};
use super::{Operator, bad, not_found, read, tenant};
use crate::admission::{self, Head, Question, StickyKey};
use crate::auth::Markups;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(explain))
        .routes(routes!(replay))
}

/// A replay of as many decisions as one may take ends long before.
const REPLAY_WITHIN: Duration = Duration::from_secs(300);

fn router(app: &App) -> RouterClient<rpc::Channel> {
    RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    tenant: String,
    model: String,
    provider: String,
    /// RFC 3339.
    since: Option<String>,
    /// The last generation of the page before.
    after: String,
    limit: u32,
}

/// List routing decisions
#[utoipa::path(get, path = "/decisions", operation_id = "listDecisions", tag = "Routing",
    params(Wanted),
    responses((status = 200, description = "The decisions, newest first", body = Document)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    let message = ListDecisionsRequest {
        tenant_id: wanted.tenant,
        model: wanted.model,
        provider: wanted.provider,
        since_ms: time(wanted.since.as_deref(), "since")?,
        after: wanted.after,
        limit: wanted.limit,
    };
    let listed = router(&app).list_decisions(message).await?.into_inner();
    Ok(reply::raw_json(StatusCode::OK, listed.body_json))
}

/// Show a routing decision
#[utoipa::path(get, path = "/decisions/{generation}", operation_id = "getDecision", tag = "Routing",
    params(("generation" = String, Path, description = "The generation's id, `gen-...`")),
    responses((status = 200, description = "The decision", body = Document)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(generation): Named<String>,
) -> Result<Response, Refusal> {
    let _: GenerationId = generation.parse().map_err(|_| not_found("generation"))?;
    let message = ReadDecisionRequest { generation_id: generation };
    let decision = router(&app).read_decision(message).await?.into_inner();
    Ok(reply::raw_json(StatusCode::OK, decision.body_json))
}

/// Beside the body, which is a chat's as clients send it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Circumstances {
    /// Whose terms and conversations apply.
    tenant: Option<String>,
    region: String,
    /// A draw that is to be repeated.
    seed: Option<u64>,
}

/// Explain what would be decided now
#[utoipa::path(post, path = "/route/explain", operation_id = "explainRoute", tag = "Routing",
    params(Circumstances),
    request_body = Document,
    responses((status = 200, description = "The decision and its reasons", body = Document)),
    security(("operator_token" = [])))]
async fn explain(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let around: Circumstances = from_query(&parts)?;
    let head = Head::of(&parts.headers, &parts.uri, &app.config.regions)?;
    let http = &app.config.http;
    let request = Request::from_parts(parts, body);
    let body = body::read(request, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let dialect = Dialect::Chat;
    let peek = dialect.peek(&body)?;
    if peek.models.is_empty() {
        return Err(bad("No model was named: set `model` or `models`."));
    }
    let tenant = around.tenant.as_deref().map(tenant).transpose()?;
    let session_id = peek.session_id.clone().filter(|id| !id.is_empty()).unwrap_or(head.session_id);
    let question = Question {
        markups: markups(&app, tenant).await?,
        preferences: admission::preferences(peek.provider.as_deref(), peek.partition)?,
        plugins: admission::plugins(peek.plugins.as_deref(), &admission::DefaultPlugins::default())?,
        sticky_key: tenant.and_then(|id| StickyKey::of(id, dialect.operation(), &session_id, &peek)),
        region: if around.region.is_empty() { head.region } else { around.region },
        seed: around.seed.unwrap_or_else(rand::random),
        tenant,
        dialect,
        body,
        peek,
    };
    let plan = admission::explain(&app, question).await?;
    if plan.explanation_json.is_empty() {
        return Err(Fault::internal().refusal());
    }
    Ok(reply::raw_json(StatusCode::OK, plan.explanation_json))
}

/// What a tenant pays on top; nobody's is the default plan's.
pub(super) async fn markups(app: &App, tenant: Option<TenantId>) -> Result<Markups, Refusal> {
    let request = tenant.map_or_else(GetTermsRequest::default, |tenant| GetTermsRequest {
        tenant_id: tenant.to_string(),
        // No key of the tenant's: the terms are those of all of them.
        key_id: uuid::Uuid::nil().to_string(),
        ..GetTermsRequest::default()
    });
    Ok(app.keys.source().terms(request).await?.markups)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Replay {
    /// RFC 3339.
    since: Option<String>,
    until: Option<String>,
    limit: u32,
    /// Members of the router's policy.
    policy: Map<String, Value>,
    prices: Vec<NewPrice>,
    disable: Vec<String>,
    /// Basis points.
    markup: Option<i32>,
}

/// For one endpoint, or for all of a model's at a provider.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceOfReplay)]
struct NewPrice {
    #[serde(default)]
    endpoint_id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    provider: String,
    price: Price,
}

/// Make past decisions again under other rules
///
/// With `Accept: text/event-stream` (and no `Idempotency-Key`) the answer is events: `progress` with `{"done": n, "total": n}`
/// again and again, then `result` with what the answer is otherwise, or `error`.
#[utoipa::path(post, path = "/route/replay", operation_id = "replayDecisions", tag = "Routing",
    request_body = Replay,
    responses((status = 200, description = "What would have been different", body = Document)),
    security(("operator_token" = [])))]
async fn replay(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wants_progress = progress::is_wanted(request.headers());
    let sent: Replay = read(&app, request).await?;
    let price = |new: NewPrice| {
        Ok(PriceChange {
            price: Some(new.price.version()?),
            endpoint_id: new.endpoint_id,
            model: new.model,
            provider: new.provider,
        })
    };
    let message = ReplayDecisionsRequest {
        since_ms: time(sent.since.as_deref(), "since")?,
        until_ms: time(sent.until.as_deref(), "until")?,
        limit: sent.limit,
        policy_json: if sent.policy.is_empty() {
            String::new()
        } else {
            Value::Object(sent.policy).to_string()
        },
        prices: sent.prices.into_iter().map(price).collect::<Result<_, Refusal>>()?,
        disable: sent.disable,
        markup_basis_points: sent.markup,
    };
    let until = Instant::now() + REPLAY_WITHIN;
    let steps = router(&app).max_encoding_message_size(rpc::MAX_MESSAGE).replay_decisions(message).await?;
    let mut steps = Steps { steps: steps.into_inner(), until };
    // What is wrong with the question is said before anything else.
    let first = steps.next().await?;
    if wants_progress {
        return Ok(progress::events(steps.from(first)));
    }
    let mut step = first;
    loop {
        match step {
            Step::Result(report) => return Ok(reply::raw_json(StatusCode::OK, report)),
            Step::Progress { .. } => step = steps.next().await?,
        }
    }
}

/// How far a replay is, again and again, and its report.
struct Steps {
    steps: tonic::Streaming<ReplayProgress>,
    until: Instant,
}

impl Steps {
    async fn next(&mut self) -> Result<Step, Refusal> {
        let step = tokio::time::timeout_at(self.until, self.steps.message()).await;
        let step = step.map_err(|_| Status::deadline_exceeded("the replay took too long"))??;
        // Only a router that stops says nothing more.
        let ReplayProgress { done, total, body_json } =
            step.ok_or_else(|| Status::unavailable("the router ended without a report"))?;
        Ok(if body_json.is_empty() { Step::Progress { done, total } } else { Step::Result(body_json) })
    }

    /// Every step from the first to the report or an error.
    fn from(self, first: Step) -> impl Stream<Item = Result<Step, Refusal>> {
        stream::unfold((Some(Ok(first)), Some(self)), |(step, rest)| async move {
            let (step, mut rest) = match (step, rest) {
                (Some(step), rest) => (step, rest),
                (None, Some(mut rest)) => (rest.next().await, Some(rest)),
                (None, None) => return None,
            };
            if !matches!(step, Ok(Step::Progress { .. })) {
                rest = None;
            }
            Some((step, (None, rest)))
        })
    }
}

/// Unix milliseconds of a time; zero where there is none.
fn time(text: Option<&str>, name: &str) -> Result<u64, Refusal> {
    let Some(text) = text else { return Ok(0) };
    let time: DateTime<Utc> = text.parse().map_err(|_| {
        bad(format!("{name}: `{text}` is no time: write RFC 3339, such as \"2026-01-31T12:00:00Z\""))
    })?;
    Ok(u64::try_from(time.timestamp_millis()).unwrap_or(0))
}
