//! What a tenant is told of its balances and limits, where, and what became of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use pricing::Amount;
use rpc::billing::{
    GetNoticeSettingsRequest, ListNoticesRequest, Notice, NoticeSettings, PutNoticeSettingsRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::management::{Data, Named};
use super::super::payments::said;
use super::super::reply::{self, Refusal};
use super::budgets::{client, time, write_down};
use super::{Operator, bad, read, tenant};
use crate::service::App;

/// Rows of a page, unless another number is asked for, and at most.
const USUAL_LIMIT: u32 = 100;
const MOST: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(settings, put_settings))
}

/// Where an organisation is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NoticeSettings)]
struct Shown {
    webhook_url: Option<String>,
    has_secret: bool,
    /// Shown once, where one was made.
    new_secret: Option<String>,
    /// In USD; below it the organisation is told.
    low_balance: Option<String>,
}

impl Shown {
    fn of(settings: &NoticeSettings) -> Self {
        Self {
            webhook_url: said(&settings.webhook_url),
            has_secret: settings.has_secret,
            new_secret: said(&settings.new_secret),
            low_balance: settings.low_balance.map(|nanos| Amount::from_nanos(nanos).to_string()),
        }
    }
}

/// Show where an organisation is told
#[utoipa::path(get, path = "/tenants/{tenant}/notices/settings", operation_id = "getNoticeSettings",
    tag = "Notices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The settings", body = Data<Shown>)),
    security(("operator_token" = [])))]
async fn settings(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let message = GetNoticeSettingsRequest { tenant_id: tenant.to_string() };
    let settings = rpc::retry(3, || {
        let (mut client, message) = (client(&app), message.clone());
        async move { client.get_notice_settings(message).await }
    })
    .await?
    .into_inner();
    Ok(reply::json(StatusCode::OK, &Data { data: Shown::of(&settings) }))
}

/// All of the settings: what is not sent is unset, but for the secret, which stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNoticeSettings)]
struct Settings {
    webhook_url: Option<String>,
    webhook_secret: Option<String>,
    /// USD as a string.
    low_balance: Option<String>,
}

/// Set where an organisation is told
#[utoipa::path(put, path = "/tenants/{tenant}/notices/settings", operation_id = "putNoticeSettings",
    tag = "Notices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Settings,
    responses((status = 200, description = "The settings as they are now", body = Data<Shown>)),
    security(("operator_token" = [])))]
async fn put_settings(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Settings = read(&app, request).await?;
    let low_balance = sent
        .low_balance
        .as_deref()
        .map(|text| {
            let amount: Result<Amount, _> = text.parse();
            amount.ok().filter(|amount| *amount > Amount::ZERO).ok_or_else(|| {
                bad(format!("low_balance: `{text}` is no balance: write USD above 0, such as \"100.00\""))
            })
        })
        .transpose()?;
    let details = json!({ "webhook_url": sent.webhook_url, "low_balance": low_balance.map(|a| a.to_string()),
                          "has_new_secret": sent.webhook_secret.is_some() });
    let message = PutNoticeSettingsRequest {
        tenant_id: tenant.to_string(),
        webhook_url: sent.webhook_url.unwrap_or_default(),
        webhook_secret: sent.webhook_secret.unwrap_or_default(),
        low_balance: low_balance.map(Amount::nanos),
    };
    let settings = client(&app).put_notice_settings(message).await?.into_inner();
    write_down(&app, tenant, operator.does("notices.put", Some(tenant), tenant.to_string(), details)).await;
    Ok(reply::json(StatusCode::OK, &Data { data: Shown::of(&settings) }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The last id of the page before.
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: u32,
}

/// List what an organisation was told
#[utoipa::path(get, path = "/tenants/{tenant}/notices", operation_id = "listNotices", tag = "Notices",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Page),
    responses((status = 200, description = "The notices", body = Notices)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let page: Page = from_query(&request.into_parts().0)?;
    let limit = if page.limit == 0 { USUAL_LIMIT } else { page.limit.min(MOST) };
    let message = ListNoticesRequest { tenant_id: tenant.to_string(), after: page.after, limit };
    let found = rpc::retry(3, || {
        let (mut client, message) = (client(&app), message.clone());
        async move { client.list_notices(message).await }
    })
    .await?
    .into_inner()
    .notices;
    let data = found.iter().map(Told::of).collect();
    let is_full = u32::try_from(found.len()).is_ok_and(|rows| rows == limit);
    let next = found.last().filter(|_| is_full).map(|notice| notice.id.clone());
    Ok(reply::json(StatusCode::OK, &Notices { data, next }))
}

/// What an organisation was told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notice)]
struct Told {
    id: String,
    r#type: String,
    /// The event as it is sent.
    #[schema(value_type = Object)]
    body: Value,
    created_at: String,
    delivery: String,
    tries: u32,
    last_error: Option<String>,
    delivered_at: Option<String>,
}

impl Told {
    fn of(notice: &Notice) -> Self {
        Self {
            id: notice.id.clone(),
            r#type: notice.r#type.clone(),
            body: serde_json::from_str(&notice.body).unwrap_or_default(),
            created_at: time(notice.created_at_ms),
            delivery: notice.delivery.clone(),
            tries: notice.tries,
            last_error: said(&notice.last_error),
            delivered_at: Some(notice.delivered_at_ms).filter(|at| *at > 0).map(time),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Notices {
    data: Vec<Told>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}
