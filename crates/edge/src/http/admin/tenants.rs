//! Organisations.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::TenantId;
use pricing::Amount;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::plans_client::PlansClient;
use rpc::billing::{ListStandingsRequest, OpenTenantRequest, ReadPlanRequest, Standing};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tonic::Code;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::body::from_query;
use super::super::people::Invitation;
use super::super::reply::{self, Refusal};
use super::{Operator, bad, invitations, read};
use crate::people::Envelope;
use crate::service::App;
use crate::store::{audit, organisations};
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A markup of a hundred percent; more is a slip of the pen.
const MAX_MARKUP: i32 = 10_000;
/// How long a list waits for what billing knows.
const STANDINGS_WITHIN: Duration = Duration::from_secs(2);

/// Organisations in one answer, unless fewer are asked for.
const MAX_LISTED: usize = 1_000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Part of the name or slug, or the beginning of the id.
    search: String,
    /// 1000 unless it is said, which is the most.
    limit: usize,
    /// The `next` of the page before.
    cursor: Option<Uuid>,
    /// The same.
    after: Option<Uuid>,
}

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
struct Tenant {
    id: String,
    slug: String,
    name: String,
    created_at: String,
    /// Null = it is there.
    erased_at: Option<String>,
    /// Null where billing does not know it or cannot be asked.
    plan: Option<String>,
    /// USD of credit that is left; below zero = owed. Null like the plan.
    balance: Option<String>,
    is_postpaid: Option<bool>,
}

impl Tenant {
    fn of(found: &organisations::Organisation, standing: Option<&Standing>) -> Self {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        Self {
            id: found.id.to_string(),
            slug: found.slug.clone(),
            name: found.name.clone(),
            created_at: time(found.created_at),
            erased_at: found.erased_at.map(time),
            plan: standing.map(|standing| standing.plan.clone()),
            balance: standing.map(|standing| Amount::from_nanos(standing.balance).to_string()),
            is_postpaid: standing.map(|standing| standing.is_postpaid),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Tenants {
    data: Vec<Tenant>,
    /// What to ask for the next page with, as `cursor`; null = this is the last one.
    next: Option<String>,
}

/// What billing says of organisations; of none where it is away, which is no reason to list nothing.
async fn standings(app: &App, found: &[organisations::Organisation]) -> HashMap<String, Standing> {
    let message = ListStandingsRequest { tenant_ids: found.iter().map(|one| one.id.to_string()).collect() };
    let mut plans = PlansClient::new(app.billing.clone());
    match tokio::time::timeout(STANDINGS_WITHIN, plans.list_standings(message)).await {
        Ok(Ok(answer)) => {
            answer.into_inner().standings.into_iter().map(|one| (one.tenant_id.clone(), one)).collect()
        }
        outcome => {
            tracing::debug!(code = ?outcome.map(|answer| answer.err()), "billing does not say what tenants are on");
            HashMap::new()
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct CreatedTenant {
    id: String,
    slug: String,
    name: String,
    /// As it was asked for; empty = the default plan.
    plan: String,
    /// Of its credit, in the ledger.
    account_id: String,
    /// Of its owner; null = nobody was invited.
    invitation: Option<Invitation>,
}

/// List the organisations
#[utoipa::path(get, path = "/tenants", operation_id = "listTenants", tag = "Tenants",
    params(Page),
    responses((status = 200, description = "The organisations, by id", body = Tenants)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let page: Page = from_query(&request.into_parts().0)?;
    let limit = if page.limit == 0 { MAX_LISTED } else { page.limit.min(MAX_LISTED) };
    let known = page.cursor.or(page.after).unwrap_or_default();
    let text = page.search.trim().replace('\0', "");
    // One more tells whether there are more.
    let at_most = i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX);
    let mut found = organisations::search(&app.pool, &text, known, at_most).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let standings = standings(&app, &found).await;
    let data = found.iter().map(|one| Tenant::of(one, standings.get(&one.id.to_string()))).collect();
    let next = found.last().filter(|_| has_more).map(|one| one.id.to_string());
    Ok(reply::json(StatusCode::OK, &Tenants { data, next }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// 1 to 200 characters.
    name: String,
    /// Lower-case letters, digits and dashes.
    slug: String,
    /// The plan's name; absent = the default plan.
    #[serde(default)]
    plan: String,
    /// Makes the plan where there is none of this name, with this markup in hundredths of a percent.
    markup_basis_points: Option<i32>,
    /// The e-mail address of whoever is to own it, who is invited by mail; absent = nobody is.
    owner: Option<String>,
}

/// Refuses a plan that there is not: a slip of the pen would make one without markup.
async fn check_plan(app: &App, name: &str) -> Result<(), Refusal> {
    let plan = ReadPlanRequest { name: name.to_owned() };
    match PlansClient::new(app.billing.clone()).read_plan(plan).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::NotFound => Err(bad(format!(
            "plan: there is no `{name}`; make it first, or say its `markup_basis_points` to make it now"
        ))),
        Err(status) => Err(status.into()),
    }
}

/// Create an organisation
#[utoipa::path(post, path = "/tenants", operation_id = "createTenant", tag = "Tenants",
    request_body = NewTenant,
    responses((status = 201, description = "The organisation", body = CreatedTenant)),
    security(("operator_token" = [])))]
async fn create(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: NewTenant = read(&app, request).await?;
    let is_slug = |text: &str| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_slug(&sent.slug) {
        return Err(bad("slug: use 1 to 63 lower-case letters, digits and dashes"));
    }
    text::line("name", &sent.name, text::LONGEST_NAME)?;
    if !sent.plan.is_empty() {
        text::line("plan", &sent.plan, text::LONGEST_NAME)?;
    }
    match sent.markup_basis_points {
        Some(points) if !(0..=MAX_MARKUP).contains(&points) => {
            return Err(bad("markup_basis_points: from 0 to 10000"));
        }
        None if !sent.plan.is_empty() => check_plan(&app, &sent.plan).await?,
        _ => {}
    }
    let owner = sent.owner.as_deref().map(|email| invitations::to(email, None)).transpose()?;
    let letter = owner.map(|invite| Envelope::of_the_platform(&app, invite)).transpose()?;
    let tenant = TenantId::generate();
    // Billing first: an account without an organisation is nothing, the other way round is a 402 for ever.
    let message = OpenTenantRequest {
        tenant_id: tenant.to_string(),
        plan: sent.plan.clone(),
        markup_basis_points: sent.markup_basis_points.unwrap_or_default(),
    };
    let account = BillingClient::new(app.billing.clone()).open_tenant(message).await?.into_inner().account_id;
    let details = json!({ "slug": sent.slug, "name": sent.name, "plan": sent.plan });
    let entry = operator.does("tenant.create", Some(tenant), tenant.to_string(), details);
    let (slug, name) = (sent.slug.clone(), sent.name.clone());
    let invitation: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            organisations::insert(tx, &slug, &name).await?;
            audit::insert(tx.connection(), &entry).await?;
            match letter {
                Some(letter) => Ok(Some(letter.post(tx, operator.actor).await?)),
                None => Ok(None),
            }
        })
    })
    .await;
    let invitation = invitation?.map(Invitation::of);
    app.people.mail.wake();
    let body = CreatedTenant {
        id: tenant.to_string(),
        slug: sent.slug,
        name: sent.name,
        plan: sent.plan,
        account_id: account,
        invitation,
    };
    Ok(reply::json(StatusCode::CREATED, &body))
}
