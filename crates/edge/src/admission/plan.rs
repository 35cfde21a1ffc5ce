//! What the router is asked, and asking it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dialect::canonical::Task;
use dialect::client::{Dialect, Peek};
use identity::TenantId;
use rpc::Fault;
use rpc::convert::Malformed;
use rpc::router::router_client::RouterClient;
use rpc::router::{PlanRequest, PlanResponse, Profile, ProviderPreferences};

use super::classify::{self, Facts};
use super::{Denied, RouterPlugins, StickyKey};
use crate::auth::Markups;
use crate::execution::Request;
use crate::service::App;

/// A plan that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(5);
/// Names of models that are chosen by what the conversation is about.
const BY_TASK: &str = "openrouter/auto";
/// Bytes of a body above which reading it whole is the blocking pool's.
const LONG: usize = 64 * 1024;

/// Asks the router that the conversation belongs to for attempts.
///
/// # Errors
/// [`Denied::NoPlan`] with what the router says, [`Denied::BadPlan`] when it is no plan.
pub(super) async fn plan(app: &App, request: &Request) -> Result<PlanResponse, Denied> {
    let plan = ask(app, message(request).await, request.sticky_key).await?;
    if plan.attempts.is_empty() {
        return Err(Denied::BadPlan(Malformed("attempts")));
    }
    Ok(plan)
}

/// A request that nobody makes, to see how it would be routed.
pub(crate) struct Question {
    /// Whose it would be.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) markups: Markups,
    pub(crate) dialect: Dialect,
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
    pub(crate) preferences: ProviderPreferences,
    pub(crate) plugins: RouterPlugins,
    pub(crate) sticky_key: Option<StickyKey>,
    /// Empty = anywhere.
    pub(crate) region: String,
    pub(crate) seed: u64,
}

/// Asks the router how a request would be routed now. Nothing is executed and nothing is kept.
///
/// # Errors
/// [`Denied::NoPlan`] with what the router says.
pub(crate) async fn explain(app: &App, question: Question) -> Result<PlanResponse, Denied> {
    let profile = profile(question.dialect, &question.body, &question.peek).await;
    let message = PlanRequest {
        tenant_id: question.tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
        models: question.peek.models,
        provider: Some(question.preferences),
        profile: Some(profile),
        markup_basis_points: question.markups.basis_points(),
        markup_overrides: question.markups.overrides(),
        seed: question.seed,
        sticky_key: question.sticky_key.map(StickyKey::bytes).unwrap_or_default(),
        plugins_json: question.plugins.json,
        default_plugins: question.plugins.defaults,
        service_tier: question.peek.service_tier.unwrap_or_default().to_owned(),
        region: question.region,
        explain: true,
        dry_run: true,
        ..PlanRequest::default()
    };
    ask(app, message, question.sticky_key).await
}

async fn ask(app: &App, message: PlanRequest, key: Option<StickyKey>) -> Result<PlanResponse, Denied> {
    let routers = key.map_or_else(|| app.router.clone(), |key| key.router(&app.router));
    let began = Instant::now();
    let answer = rpc::retry(4, || {
        let mut router = RouterClient::new(routers.clone())
            .max_decoding_message_size(rpc::MAX_MESSAGE)
            .max_encoding_message_size(rpc::MAX_MESSAGE);
        let mut call = tonic::Request::new(message.clone());
        call.set_timeout(WITHIN);
        async move { router.plan(call).await }
    })
    .await;
    app.metrics.plan_seconds.observe(began.elapsed().as_secs_f64());
    Ok(answer.map_err(|status| Denied::NoPlan(Fault::from_status(&status)))?.into_inner())
}

async fn message(request: &Request) -> PlanRequest {
    let governance = &request.caller.governance;
    PlanRequest {
        generation_id: request.generation.uuid().to_string(),
        tenant_id: request.caller.tenant().to_string(),
        models: request.peek.models.clone(),
        provider: Some(request.preferences.clone()),
        profile: Some(profile(request.dialect, &request.body, &request.peek).await),
        markup_basis_points: request.caller.terms.markups.basis_points(),
        markup_overrides: request.caller.terms.markups.overrides(),
        seed: rand::random(),
        sticky_key: request.sticky_key.map(StickyKey::bytes).unwrap_or_default(),
        plugins_json: request.plugins.json.clone(),
        default_plugins: request.plugins.defaults.clone(),
        service_tier: request.peek.service_tier.unwrap_or_default().to_owned(),
        region: request.region.clone(),
        policy: Some(governance.guardrails.policy.clone()),
        own: governance.own.0.clone(),
        explain: request.wants_metadata,
        dry_run: false,
    }
}

async fn profile(dialect: Dialect, body: &Bytes, peek: &Peek) -> Profile {
    Profile {
        body_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
        messages: peek.messages,
        images: peek.images,
        input_modalities: peek.input_modalities.iter().map(ToString::to_string).collect(),
        parameters: peek.parameters.iter().map(ToString::to_string).collect(),
        max_tokens: peek.max_tokens,
        stream: peek.stream,
        operation: dialect.operation().as_str().to_owned(),
        task: task(dialect, body, peek).await.to_owned(),
        last_model: peek.last_model.clone().unwrap_or_default(),
        output_modalities: peek.output_modalities.clone(),
    }
}

/// What the conversation is about, where a model is chosen by that; else nothing. The one case in which the
/// edge reads a body for its content.
async fn task(dialect: Dialect, body: &Bytes, peek: &Peek) -> &'static str {
    if !peek.models.iter().any(|name| name.starts_with(BY_TASK)) {
        return "";
    }
    let facts = Facts {
        has_tools: peek.parameters.contains(&"tools"),
        has_images: peek.images > 0,
        text_bytes: peek.text_bytes,
    };
    let (length, body) = (body.len(), body.clone());
    let read = move || match dialect.decode(&body) {
        Ok(Task::Chat(conversation)) => classify::conversation(&conversation, facts),
        // What cannot be read is refused elsewhere, in words.
        Ok(_) | Err(_) => classify::OTHERWISE,
    };
    if length <= LONG {
        return read();
    }
    tokio::task::spawn_blocking(read).await.unwrap_or(classify::OTHERWISE)
}
