//! `GET /api/v1/activity`: what an organisation used on each of the last days, by endpoint.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::{KeyHash, TenantId};
use pricing::Amount;
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{GetUsageRequest, UsageFilter, UsageSum};
use rpc::convert::usage_in;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Asked, Data, bad};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Completed UTC days that are answered for.
const DAYS: u32 = 30;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `YYYY-MM-DD`, one of the last completed days.
    date: Option<String>,
    /// SHA-256 of a key in hexadecimal.
    api_key_hash: Option<String>,
    user_id: Option<String>,
    workspace_id: Option<String>,
    /// Tells workspaces apart.
    #[param(inline)]
    group_by: Option<GroupBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GroupBy {
    Workspace,
}

/// Of the organisation's activity, what is asked for. Usage that names no workspace is the default one's, so that
/// workspaces are told apart here.
struct Scope {
    filter: UsageFilter,
    date: Option<NaiveDate>,
    default_workspace: Uuid,
    workspace: Option<Uuid>,
    by_workspace: bool,
}

/// Newest days first.
type RowKey = (Reverse<i64>, String, String, String, Option<String>);

/// Show what the organisation used, by day and endpoint
///
/// Of the last 30 completed UTC days, newest first.
#[utoipa::path(get, path = "/activity", operation_id = "getUserActivity", tag = "Analytics", params(Wanted),
    responses((status = 200, description = "A row for each day and endpoint", body = Data<Vec<Activity>>)),
    security(("management_key" = ["activity.read"]), ("session" = ["activity.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let Some(scope) = Scope::of(&app, caller.tenant, wanted).await? else {
        return Ok(reply::json(StatusCode::OK, &Data::<[Activity; 0]> { data: [] }));
    };
    let data: Vec<Activity> = scope
        .rows(sums(&app, &scope).await?)
        .into_iter()
        .map(|((Reverse(start), _, _, _, workspace), sum)| row(start, workspace, &sum))
        .collect();
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

impl Scope {
    /// Reads what is asked for; none where nothing can match.
    async fn of(app: &App, tenant: TenantId, wanted: Wanted) -> Result<Option<Self>, Refusal> {
        let date = wanted.date.as_deref().map(|text| completed(text, Utc::now())).transpose()?;
        let hash = wanted.api_key_hash.as_deref().map(hash).transpose()?;
        let workspace = wanted
            .workspace_id
            .as_deref()
            .map(|text| text.parse().map_err(|_| bad("workspace_id: use the UUID of a workspace")))
            .transpose()?;
        let found = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                let key = match hash {
                    Some(hash) => store::keys::id_of(tx, hash).await?,
                    None => None,
                };
                let workspaces = store::organisations::workspaces(tx).await?;
                Ok::<_, sqlx::Error>((key, workspaces))
            })
        });
        let (key, workspaces) = found.await?;
        if hash.is_some() && key.is_none() {
            return Err(missing("API key"));
        }
        if workspace.is_some_and(|wanted| workspaces.iter().all(|known| known.id != wanted)) {
            return Err(missing("workspace"));
        }
        // Members have UUIDs; whatever else is asked for used nothing.
        let user = match wanted.user_id.as_deref().map(str::parse::<Uuid>) {
            Some(Err(_)) => return Ok(None),
            Some(Ok(user)) => user.to_string(),
            None => String::new(),
        };
        let default = workspaces.iter().find(|workspace| workspace.is_default);
        Ok(Some(Self {
            filter: UsageFilter {
                tenant_id: tenant.to_string(),
                key_id: key.map(|id| id.to_string()).unwrap_or_default(),
                user_id: user,
                ..UsageFilter::default()
            },
            date,
            default_workspace: default.map_or(Uuid::nil(), |workspace| workspace.id),
            workspace,
            by_workspace: wanted.group_by == Some(GroupBy::Workspace),
        }))
    }

    fn workspace_of(&self, sum: &UsageSum) -> Uuid {
        sum.workspace_id.parse().unwrap_or(self.default_workspace)
    }

    /// The sums as the rows that are answered.
    fn rows(&self, sums: Vec<UsageSum>) -> BTreeMap<RowKey, UsageSum> {
        let mut rows: BTreeMap<RowKey, UsageSum> = BTreeMap::new();
        for sum in sums {
            let workspace = self.workspace_of(&sum);
            if self.workspace.is_some_and(|wanted| wanted != workspace) {
                continue;
            }
            let workspace = self.by_workspace.then(|| workspace.to_string());
            let (model, endpoint) = (sum.model.clone(), sum.endpoint_id.clone());
            let key = (Reverse(sum.start_ms), model, endpoint, sum.provider_name.clone(), workspace);
            rows.entry(key).and_modify(|known| add(known, &sum)).or_insert(sum);
        }
        rows
    }
}

/// Every sum of the days: all at once, or where these are too many for one answer, day by day.
async fn sums(app: &App, scope: &Scope) -> Result<Vec<UsageSum>, Refusal> {
    let days = GetUsageRequest { completed_days: DAYS, ..GetUsageRequest::default() };
    if let Some(date) = scope.date {
        return Ok(ask(app, scope, on(date)).await?.0);
    }
    let (all, is_truncated) = ask(app, scope, days).await?;
    if !is_truncated {
        return Ok(all);
    }
    let today = Utc::now().date_naive();
    let mut all = Vec::new();
    for back in 1..=u64::from(DAYS) {
        let Some(date) = today.checked_sub_days(Days::new(back)) else { break };
        all.extend(ask(app, scope, on(date)).await?.0);
    }
    Ok(all)
}

async fn ask(app: &App, scope: &Scope, times: GetUsageRequest) -> Result<(Vec<UsageSum>, bool), Refusal> {
    let message = GetUsageRequest {
        filter: Some(scope.filter.clone()),
        grain: "day".to_owned(),
        group_by: ["workspace_id", "model", "provider_name", "endpoint_id"].map(str::to_owned).to_vec(),
        ..times
    };
    let answer = rpc::retry(3, || {
        let reports = UsageReportsClient::new(app.billing.clone());
        let (mut reports, message) = (reports.max_decoding_message_size(rpc::MAX_MESSAGE), message.clone());
        async move { reports.get_usage(message).await }
    });
    let answer = answer.await?.into_inner();
    Ok((answer.sums, answer.is_truncated))
}

/// One whole day.
fn on(date: NaiveDate) -> GetUsageRequest {
    let start = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    GetUsageRequest { since_ms: start(date), until_ms: start(next), ..GetUsageRequest::default() }
}

fn add(known: &mut UsageSum, more: &UsageSum) {
    let usage = known.usage.get_or_insert_default();
    if let Some(added) = &more.usage {
        usage.input = usage.input.saturating_add(added.input);
        usage.cache_read = usage.cache_read.saturating_add(added.cache_read);
        usage.cache_write_5m = usage.cache_write_5m.saturating_add(added.cache_write_5m);
        usage.cache_write_1h = usage.cache_write_1h.saturating_add(added.cache_write_1h);
        usage.output = usage.output.saturating_add(added.output);
        usage.reasoning = usage.reasoning.saturating_add(added.reasoning);
        usage.audio_input = usage.audio_input.saturating_add(added.audio_input);
        usage.audio_output = usage.audio_output.saturating_add(added.audio_output);
        usage.image_input = usage.image_input.saturating_add(added.image_input);
        usage.image_output = usage.image_output.saturating_add(added.image_output);
    }
    known.charge = known.charge.saturating_add(more.charge);
    known.upstream_cost = known.upstream_cost.saturating_add(more.upstream_cost);
    known.requests = known.requests.saturating_add(more.requests);
}

/// What one endpoint did for the organisation on one day.
#[derive(Debug, Serialize, ToSchema)]
struct Activity {
    /// `YYYY-MM-DD`, UTC.
    date: String,
    model: String,
    model_permaslug: String,
    endpoint_id: String,
    provider_name: String,
    /// In USD.
    #[schema(value_type = f64)]
    usage: Number,
    /// What the organisation's own provider keys cost it there, in USD.
    #[schema(value_type = f64)]
    byok_usage_inference: Number,
    requests: i64,
    prompt_tokens: u64,
    completion_tokens: u64,
    reasoning_tokens: u64,
    cached_tokens: u64,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<String>,
}

fn row(start_ms: i64, workspace_id: Option<String>, sum: &UsageSum) -> Activity {
    let usd = |nanos: i64| Amount::from_nanos(nanos).to_json_number();
    let usage = sum.usage.as_ref().map(usage_in).unwrap_or_default();
    let date = DateTime::from_timestamp_millis(start_ms).unwrap_or_default().date_naive();
    Activity {
        date: date.to_string(),
        model: sum.model.clone(),
        model_permaslug: sum.model.clone(),
        endpoint_id: sum.endpoint_id.clone(),
        provider_name: sum.provider_name.clone(),
        usage: usd(sum.charge),
        byok_usage_inference: usd(sum.upstream_cost),
        requests: sum.requests,
        prompt_tokens: usage.prompt_tokens().unwrap_or_default(),
        completion_tokens: usage.completion_tokens().unwrap_or_default(),
        reasoning_tokens: usage.get(pricing::Class::Reasoning),
        cached_tokens: usage.get(pricing::Class::CacheRead),
        workspace_id,
    }
}

/// A date that is one of the last completed days.
fn completed(text: &str, now: DateTime<Utc>) -> Result<NaiveDate, Refusal> {
    let today = now.date_naive();
    let first = today.checked_sub_days(Days::new(u64::from(DAYS))).unwrap_or(today);
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| (first..today).contains(date));
    date.ok_or_else(|| {
        bad(format!("date: use one of the last {DAYS} completed UTC days, such as \"{first}\""))
    })
}

fn hash(text: &str) -> Result<KeyHash, Refusal> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(KeyHash(bytes)),
        Err(_) => Err(bad("api_key_hash: use the SHA-256 of a key in hexadecimal")),
    }
}

fn missing(what: &str) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("There is no such {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_completed_days_of_the_last_thirty_are_dates() {
        let now = DateTime::parse_from_rfc3339("2026-12-31T00:00:01Z").unwrap().to_utc();
        for good in ["2026-12-30", "2026-12-01"] {
            assert!(completed(good, now).is_ok(), "{good}");
        }
        for bad in ["2026-12-31", "2026-11-30", "2027-01-01", "30.12.2026", ""] {
            assert!(completed(bad, now).is_err(), "{bad}");
        }
    }
}
