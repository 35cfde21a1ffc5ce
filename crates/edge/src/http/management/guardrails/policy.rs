//! The organisation's policy: a guardrail above all others, which applies to every key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::{Data, Sent, bad};
use super::{adopt, details, keep, sent, unmade};
use crate::access::Caller;
use crate::guardrails::{ALLOWLIST, Rules};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::guardrails as stored;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// The organisation's policy. No guardrail allows what it forbids.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationPolicy {
    /// What the five groups agree on; null where they differ.
    enforce_zdr: Option<bool>,
    /// Phrases that no filter for prompt injection takes offence at.
    prompt_injection_allowlist: Vec<String>,
    updated_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    rules: Rules,
}

impl OrganizationPolicy {
    fn of(kept: stored::Guardrail) -> Self {
        let mut rules = kept.rules;
        Self {
            enforce_zdr: rules.enforce_zdr(),
            prompt_injection_allowlist: rules.prompt_injection_allowlist.take().unwrap_or_default(),
            updated_at: (kept.revision > 0).then_some(kept.updated_at),
            rules,
        }
    }
}

/// Stands for rules of several groups.
const ALL_ZDR: &str = "enforce_zdr";

/// What is not sent stays as it is, and null takes a rule away. Lists are replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
struct UpdateOrganizationPolicy {
    /// Stands for those of the five groups that are not sent.
    #[serde(rename = "enforce_zdr")]
    _enforce_zdr: Option<bool>,
    /// At most 200 phrases of at most 1,000 bytes.
    #[serde(rename = "prompt_injection_allowlist")]
    _allowlist: Option<Vec<String>>,
    #[serde(flatten)]
    _rules: Rules,
}

async fn find(app: &App, caller: &Caller) -> Result<stored::Guardrail, Refusal> {
    let found: Result<_, sqlx::Error> =
        pg::in_tenant(&app.pool, caller.tenant, |tx| Box::pin(async move { stored::policy(tx).await })).await;
    Ok(found?.unwrap_or_else(|| unmade(Uuid::now_v7(), None, "Organization")))
}

/// Get the organization's policy
#[utoipa::path(get, path = "/organization/policy", operation_id = "getOrganizationPolicy", tag = "Guardrails",
    responses((status = 200, description = "The policy", body = Data<OrganizationPolicy>)),
    security(("management_key" = ["guardrails.read"]), ("session" = ["guardrails.read"])))]
async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    let data = OrganizationPolicy::of(find(&app, &caller).await?);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Update the organization's policy
#[utoipa::path(patch, path = "/organization/policy", operation_id = "updateOrganizationPolicy", tag = "Guardrails",
    request_body = UpdateOrganizationPolicy,
    responses((status = 200, description = "The policy as it is now", body = Data<OrganizationPolicy>)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(body): Sent<Map<String, Value>>,
) -> Result<Response, Refusal> {
    let names = [&Rules::NAMES[..], &[ALLOWLIST]].concat();
    if let Some(member) = body.keys().find(|name| *name != ALL_ZDR && !names.contains(&name.as_str())) {
        return Err(bad(format!(
            "unknown field `{member}`, expected {ALL_ZDR} or one of {}",
            names.join(", ")
        )));
    }
    let _ = sent::read::<UpdateOrganizationPolicy>(&body)?;
    let mut policy = find(&app, &caller).await?;
    adopt(&app, &mut policy, &body, &names).await?;
    let entry = caller.does("policy.change", caller.tenant.to_string(), details(&policy, &body));
    keep(&app, &caller, policy, entry).await?;
    let data = OrganizationPolicy::of(find(&app, &caller).await?);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
