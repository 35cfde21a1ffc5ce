//! What the router is asked, and asking it.

use std::time::{Duration, Instant};

use dialect::canonical::Task;
use rpc::Fault;
use rpc::convert::Malformed;
use rpc::router::router_client::RouterClient;
use rpc::router::{PlanRequest, PlanResponse, Profile};

use super::classify::{self, Facts};
use super::{Denied, StickyKey};
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
    let message = message(request).await;
    let routers = request.sticky_key.map_or_else(|| app.router.clone(), |key| key.router(&app.router));
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
    let plan = answer.map_err(|status| Denied::NoPlan(Fault::from_status(&status)))?.into_inner();
    if plan.attempts.is_empty() {
        return Err(Denied::BadPlan(Malformed("attempts")));
    }
    Ok(plan)
}

async fn message(request: &Request) -> PlanRequest {
    PlanRequest {
        generation_id: request.generation.uuid().to_string(),
        tenant_id: request.caller.tenant().to_string(),
        models: request.peek.models.clone(),
        provider: Some(request.preferences.clone()),
        profile: Some(profile(request).await),
        markup_basis_points: request.caller.terms.markup.basis_points(),
        seed: rand::random(),
        sticky_key: request.sticky_key.map(StickyKey::bytes).unwrap_or_default(),
        plugins_json: request.plugins_json.clone(),
        service_tier: request.peek.service_tier.unwrap_or_default().to_owned(),
        region: request.region.clone(),
        policy: None,
        own: Vec::new(),
        explain: request.wants_metadata,
        dry_run: false,
    }
}

async fn profile(request: &Request) -> Profile {
    let peek = &request.peek;
    Profile {
        body_bytes: u64::try_from(request.body.len()).unwrap_or(u64::MAX),
        messages: peek.messages,
        images: peek.images,
        input_modalities: peek.input_modalities.iter().map(ToString::to_string).collect(),
        parameters: peek.parameters.iter().map(ToString::to_string).collect(),
        max_tokens: peek.max_tokens,
        stream: peek.stream,
        operation: request.dialect.operation().as_str().to_owned(),
        task: task(request).await.to_owned(),
        last_model: peek.last_model.clone().unwrap_or_default(),
        output_modalities: peek.output_modalities.clone(),
    }
}

/// What the conversation is about, where a model is chosen by that; else nothing. The one case in which the
/// edge reads a body for its content.
async fn task(request: &Request) -> &'static str {
    if !request.peek.models.iter().any(|name| name.starts_with(BY_TASK)) {
        return "";
    }
    let (dialect, body) = (request.dialect, request.body.clone());
    let facts = Facts {
        has_tools: request.peek.parameters.contains(&"tools"),
        has_images: request.peek.images > 0,
        text_bytes: request.peek.text_bytes,
    };
    let read = move || match dialect.decode(&body) {
        Ok(Task::Chat(conversation)) => classify::conversation(&conversation, facts),
        // What cannot be read is refused elsewhere, in words.
        Ok(_) | Err(_) => classify::OTHERWISE,
    };
    if request.body.len() <= LONG {
        return read();
    }
    tokio::task::spawn_blocking(read).await.unwrap_or(classify::OTHERWISE)
}
