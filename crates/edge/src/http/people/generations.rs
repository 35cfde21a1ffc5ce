//! Single generations of the organisation, newest first.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::{GenerationId, TenantId};
use pricing::{Amount, Class};
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{ListUsageRequest, UsageFilter, UsageRow};
use rpc::convert::usage_in;
use rpc::events::UsageRecord;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::http::management::{Asked, bad};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::analytics::{self, KeyName, PersonName};

/// Generations of a page, unless another number is asked for, and at most.
const USUAL_LIMIT: u32 = 50;
const MOST: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// All of it has to hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// RFC 3339: when they came in, from this moment; 31 days before `to` unless it is said.
    from: Option<DateTime<Utc>>,
    /// To before this moment; now unless it is said.
    to: Option<DateTime<Utc>>,
    /// A workspace's id.
    workspace: Option<Uuid>,
    /// A key's hash or id.
    key: String,
    model: String,
    /// A provider's name as it is shown.
    provider: String,
    /// The id of whoever's key it was.
    person: Option<Uuid>,
    #[param(inline)]
    status: Option<GenerationStatus>,
    /// 50 unless it is said, at most 500.
    limit: u32,
    /// The `next` of the page before.
    cursor: String,
}

/// How a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GenerationStatus {
    /// As it should.
    Ok,
    /// No content came.
    Error,
    /// It broke off after content had come.
    Partial,
    /// The client left.
    Cancelled,
}

impl GenerationStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Partial => "partial",
            Self::Cancelled => "cancelled",
        }
    }

    /// As billing tells them apart.
    fn of(record: &UsageRecord) -> Self {
        let has_failed = record.finish_reason.is_empty() || record.finish_reason == "error";
        match (record.cancelled, has_failed) {
            (true, _) => Self::Cancelled,
            (false, true) if record.deltas == 0 => Self::Error,
            (false, true) => Self::Partial,
            (false, false) if record.partial => Self::Partial,
            (false, false) => Self::Ok,
        }
    }
}

/// A key, whether it still is one or not.
#[derive(Debug, Serialize, ToSchema)]
struct KeyOfGeneration {
    id: String,
    /// Null of a key that is not there any more.
    hash: Option<String>,
    name: Option<String>,
}

/// Whoever's key it was.
#[derive(Debug, Serialize, ToSchema)]
struct PersonOfGeneration {
    id: String,
    /// Name or address; null of somebody who is no member any more.
    name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedGeneration {
    /// `gen-...`, for `GET /api/v1/generation?id=`.
    id: String,
    created_at: String,
    status: GenerationStatus,
    model: Option<String>,
    /// As it is shown.
    provider: Option<String>,
    key: Option<KeyOfGeneration>,
    workspace_id: String,
    person: Option<PersonOfGeneration>,
    tokens_prompt: u64,
    tokens_completion: u64,
    tokens_reasoning: u64,
    tokens_cached: u64,
    /// USD that were charged.
    #[schema(value_type = f64)]
    cost: Number,
    /// USD that the organisation's own provider key paid, at list price.
    #[schema(value_type = f64)]
    byok_cost: Number,
    is_byok: bool,
    /// Milliseconds to the first content.
    ttft_ms: u32,
    /// Milliseconds to the last content.
    latency_ms: u32,
    /// How often it was tried.
    attempts: u32,
    streamed: bool,
    finish_reason: Option<String>,
    app: Option<String>,
    session_id: Option<String>,
    external_user: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedGenerations {
    data: Vec<ListedGeneration>,
    /// What to ask for the next page with, as `cursor`; null = this is the last one.
    next: Option<String>,
}

/// List the generations of the organisation
#[utoipa::path(get, path = "/generations", operation_id = "listGenerations", tag = "Generations", params(Wanted),
    responses((status = 200, description = "The generations, newest first", body = ListedGenerations)),
    security(("session" = ["activity.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let milliseconds = |time: Option<DateTime<Utc>>, name: &str| match time.map(|t| t.timestamp_millis()) {
        Some(..1) => Err(bad(format!("{name}: use a moment after 1970"))),
        at => Ok(at.unwrap_or_default()),
    };
    let scope = Scope::of(&app, caller.tenant, &wanted).await?;
    let message = ListUsageRequest {
        since_ms: milliseconds(wanted.from, "from")?,
        until_ms: milliseconds(wanted.to, "to")?,
        after: after(&wanted.cursor)?,
        limit: if wanted.limit == 0 { USUAL_LIMIT } else { wanted.limit.min(MOST) },
        filter: Some(UsageFilter {
            tenant_id: caller.tenant.to_string(),
            workspace_id: text(wanted.workspace),
            user_id: text(wanted.person),
            key_id: text(scope.key),
            model: wanted.model,
            provider_name: wanted.provider,
            status: wanted.status.map_or("", GenerationStatus::as_str).to_owned(),
            ..UsageFilter::default()
        }),
    };
    let page = rpc::retry(3, || {
        let (billing, message) = (UsageReportsClient::new(app.billing.clone()), message.clone());
        async move { billing.max_decoding_message_size(rpc::MAX_MESSAGE).list_usage(message).await }
    });
    let page = page.await?.into_inner();
    let names = Names::of(&app, caller.tenant, &page.rows).await?;
    let next: Option<GenerationId> = page.next.parse().ok().map(GenerationId::from_uuid);
    let answer = ListedGenerations {
        data: page.rows.into_iter().map(|row| listed(row, scope.home, &names)).collect(),
        next: next.map(|id| id.to_string()),
    };
    Ok(reply::json(StatusCode::OK, &answer))
}

fn text(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn after(cursor: &str) -> Result<String, Refusal> {
    if cursor.is_empty() {
        return Ok(String::new());
    }
    let id: Result<GenerationId, _> = cursor.parse();
    id.map(|id| id.uuid().to_string()).map_err(|_| bad("cursor: use the `next` of a page"))
}

fn missing(what: &str) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("There is no such {what}."))
}

/// What a question's names stand for.
struct Scope {
    /// The workspace of what was recorded before records named one.
    home: Uuid,
    key: Option<Uuid>,
}

impl Scope {
    /// # Errors
    /// A 404 for a key or workspace that is not the organisation's.
    async fn of(app: &App, tenant: TenantId, wanted: &Wanted) -> Result<Self, Refusal> {
        let named = (!wanted.key.is_empty()).then(|| wanted.key.clone());
        let (hash, id) = match &named {
            None => (Vec::new(), None),
            Some(text) => match text.parse::<Uuid>() {
                Ok(id) => (Vec::new(), Some(id)),
                Err(_) => (hex::decode(text).map_err(|_| missing("key"))?, None),
            },
        };
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                let keys = match id {
                    Some(id) => analytics::key_names(tx, &[id]).await?,
                    None if hash.is_empty() => Vec::new(),
                    None => analytics::keys_of(tx, &[hash]).await?,
                };
                Ok((analytics::workspaces(tx).await?, keys))
            })
        })
        .await;
        let (workspaces, keys) = found?;
        if wanted.workspace.is_some_and(|id| workspaces.iter().all(|one| one.id != id)) {
            return Err(missing("workspace"));
        }
        let key = keys.first().map(|key| key.id);
        if named.is_some() && key.is_none() {
            return Err(missing("key"));
        }
        let home = workspaces.iter().find(|one| one.is_default).map_or(Uuid::nil(), |one| one.id);
        Ok(Self { home, key })
    }
}

/// What keys and people of a page are called.
struct Names {
    keys: HashMap<Uuid, KeyName>,
    people: HashMap<Uuid, PersonName>,
}

impl Names {
    async fn of(app: &App, tenant: TenantId, rows: &[UsageRow]) -> Result<Self, Refusal> {
        let records = || rows.iter().filter_map(|row| row.record.as_ref());
        let keys = ids(records().map(|record| record.key_id.as_str()));
        let people = ids(records().map(|record| record.user_id.as_str()));
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                Ok((analytics::key_names(tx, &keys).await?, analytics::people_names(tx, &people).await?))
            })
        })
        .await;
        let (keys, people) = found?;
        Ok(Self {
            keys: keys.into_iter().map(|key| (key.id, key)).collect(),
            people: people.into_iter().map(|one| (one.id, one)).collect(),
        })
    }
}

fn ids<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = texts.filter_map(|text| text.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn listed(row: UsageRow, home: Uuid, names: &Names) -> ListedGeneration {
    let record = row.record.unwrap_or_default();
    let usage = record.usage.as_ref().map(usage_in).unwrap_or_default();
    let usd = |nanos: i64| Amount::from_nanos(nanos).to_json_number();
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let key = record.key_id.parse().ok().map(|id: Uuid| {
        let known = names.keys.get(&id);
        KeyOfGeneration {
            id: id.to_string(),
            hash: known.map(|key| hex::encode(&key.hash)),
            name: known.map(|key| key.name.clone()),
        }
    });
    let person = record.user_id.parse().ok().map(|id: Uuid| PersonOfGeneration {
        id: id.to_string(),
        name: names.people.get(&id).map(|person| person.name.clone()),
    });
    let id: Uuid = record.generation_id.parse().unwrap_or_default();
    let created = DateTime::from_timestamp_millis(record.received_at_ms).unwrap_or_default();
    ListedGeneration {
        id: GenerationId::from_uuid(id).to_string(),
        created_at: created.to_rfc3339_opts(SecondsFormat::Millis, true),
        status: GenerationStatus::of(&record),
        model: said(&record.model),
        provider: said(&record.provider_name),
        key,
        workspace_id: said(&record.workspace_id).unwrap_or_else(|| home.to_string()),
        person,
        tokens_prompt: usage.prompt_tokens().unwrap_or_default(),
        tokens_completion: usage.completion_tokens().unwrap_or_default(),
        tokens_reasoning: usage.get(Class::Reasoning),
        tokens_cached: usage.get(Class::CacheRead),
        cost: usd(record.charge),
        byok_cost: usd(record.upstream_cost),
        is_byok: record.is_byok,
        ttft_ms: record.latency_ms,
        latency_ms: record.latency_ms.saturating_add(record.generation_time_ms),
        attempts: row.attempts,
        streamed: record.streamed,
        finish_reason: said(&record.finish_reason),
        app: said(&record.app_title).or_else(|| said(&record.app_referer)),
        session_id: said(&record.session_id),
        external_user: said(&record.end_user),
    }
}
