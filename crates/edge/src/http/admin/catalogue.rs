//! Providers, models, endpoints and prices: read from and written through the router, who owns them.
//!
//! A change is sent on as it came: the router knows every member and names the one that is wrong.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::router_client::RouterClient;
use rpc::router::{PutEndpointRequest, PutModelRequest, PutProviderRequest, PutResponse};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::reply::{self, Refusal};
use super::prices::Price;
use super::{Operator, bad, read};
use crate::service::App;
use crate::store::audit;

/// The members of a change.
type Members = Map<String, Value>;

pub(super) fn router(app: &App) -> RouterClient<rpc::Channel> {
    RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

pub(super) async fn put_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let slug = needed(&mut sent, "slug")?;
    provider(&operator, &app, "provider.put", slug, sent, false).await
}

pub(super) async fn change_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    provider(&operator, &app, "provider.change", slug, sent, true).await
}

pub(super) async fn disable_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
) -> Result<Response, Refusal> {
    provider(&operator, &app, "provider.disable", slug, disabling(), true).await
}

async fn provider(
    operator: &Operator,
    app: &App,
    action: &'static str,
    slug: String,
    mut sent: Members,
    must_exist: bool,
) -> Result<Response, Refusal> {
    let dry_run = flag(&mut sent, "dry_run")?;
    let credential = taken::<String>(&mut sent, "credential")?;
    let details = json!({ "members": names(&sent), "credential": credential.is_some() });
    let entry = operator.does(action, None, slug.as_str(), details);
    let message = PutProviderRequest {
        slug,
        credential,
        changes_json: text(sent),
        must_exist,
        dry_run,
        actor: operator.actor.clone(),
        ..PutProviderRequest::default()
    };
    let put = router(app).put_provider(message).await?.into_inner();
    done(app, entry, put).await
}

pub(super) async fn put_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let slug = needed(&mut sent, "slug")?;
    model(&operator, &app, "model.put", slug, sent, false).await
}

pub(super) async fn change_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path((author, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    model(&operator, &app, "model.change", format!("{author}/{name}"), sent, true).await
}

pub(super) async fn disable_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path((author, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    model(&operator, &app, "model.disable", format!("{author}/{name}"), disabling(), true).await
}

async fn model(
    operator: &Operator,
    app: &App,
    action: &'static str,
    slug: String,
    mut sent: Members,
    must_exist: bool,
) -> Result<Response, Refusal> {
    let dry_run = flag(&mut sent, "dry_run")?;
    let entry = operator.does(action, None, slug.as_str(), json!({ "members": names(&sent) }));
    let message = PutModelRequest {
        slug,
        changes_json: text(sent),
        must_exist,
        dry_run,
        actor: operator.actor.clone(),
        ..PutModelRequest::default()
    };
    let put = router(app).put_model(message).await?.into_inner();
    done(app, entry, put).await
}

pub(super) async fn put_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let message = PutEndpointRequest {
        model: needed(&mut sent, "model")?,
        provider: needed(&mut sent, "provider")?,
        tag: taken(&mut sent, "tag")?.unwrap_or_default(),
        ..PutEndpointRequest::default()
    };
    let target = format!("{} at {}", message.model, message.provider);
    endpoint(&operator, &app, "endpoint.put", target, message, sent).await
}

pub(super) async fn change_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    let message = PutEndpointRequest { endpoint_id: id.clone(), ..PutEndpointRequest::default() };
    endpoint(&operator, &app, "endpoint.change", id, message, sent).await
}

pub(super) async fn disable_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let message = PutEndpointRequest { endpoint_id: id.clone(), ..PutEndpointRequest::default() };
    endpoint(&operator, &app, "endpoint.disable", id, message, disabling()).await
}

async fn endpoint(
    operator: &Operator,
    app: &App,
    action: &'static str,
    target: String,
    mut message: PutEndpointRequest,
    mut sent: Members,
) -> Result<Response, Refusal> {
    message.dry_run = flag(&mut sent, "dry_run")?;
    let price = taken::<Price>(&mut sent, "price")?;
    let details = json!({ "members": names(&sent), "price": price.is_some() });
    let entry = operator.does(action, None, target, details);
    if let Some(price) = price {
        message.price = Some(price.version()?);
        message.windows = price.windows()?;
    }
    message.changes_json = text(sent);
    message.actor = operator.actor.clone();
    let put = router(app).put_endpoint(message).await?.into_inner();
    done(app, entry, put).await
}

/// What is deleted is switched off: requests and accounts of the past still speak of it.
fn disabling() -> Members {
    Map::from_iter([("disabled".to_owned(), Value::Bool(true))])
}

/// Writes the change down and answers where it is; a dry run is answered with what it would do.
pub(super) async fn done(app: &App, entry: audit::Entry, put: PutResponse) -> Result<Response, Refusal> {
    if !put.preview_json.is_empty() {
        return Ok(reply::raw_json(StatusCode::OK, put.preview_json));
    }
    // The change is the router's and stands, whether or not it can be written down here.
    if let Err(error) = audit::insert(&app.pool, &entry).await {
        tracing::error!(error = %error, action = entry.action, "a change could not be written to the audit log");
    }
    let mut body = json!({ "id": put.id, "catalogue_version": put.catalogue_version });
    if entry.action.ends_with(".disable") {
        body["disabled"] = true.into();
    }
    Ok(reply::json(StatusCode::OK, &body))
}

/// A member that must be there.
fn needed(sent: &mut Members, name: &str) -> Result<String, Refusal> {
    taken(sent, name)?.ok_or_else(|| bad(format!("`{name}` is missing")))
}

fn flag(sent: &mut Members, name: &str) -> Result<bool, Refusal> {
    Ok(taken(sent, name)?.unwrap_or_default())
}

/// A member that is not the router's to read, or that it reads apart.
fn taken<T: DeserializeOwned>(sent: &mut Members, name: &str) -> Result<Option<T>, Refusal> {
    let Some(value) = sent.remove(name) else { return Ok(None) };
    if value.is_null() {
        return Err(bad(format!("`{name}` cannot be cleared")));
    }
    serde_json::from_value(value).map(Some).map_err(|error| bad(format!("`{name}`: {error}")))
}

/// What is written down of a change here: which members, not what they became; the router's record has that.
fn names(sent: &Members) -> Vec<&str> {
    sent.keys().map(String::as_str).collect()
}

fn text(sent: Members) -> String {
    Value::Object(sent).to_string()
}
