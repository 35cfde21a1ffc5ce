//! Providers, models, endpoints and prices: read from and written through the router, who owns them.
//!
//! A change is sent on as it came: the router knows every member and names the one that is wrong.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::router_client::RouterClient;
use rpc::router::{PutEndpointRequest, PutModelRequest, PutProviderRequest, PutResponse};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::prices::Price;
use super::record::note;
use super::{Operator, bad, read};
use crate::service::App;
use crate::store::audit;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(put_provider))
        .routes(routes!(change_provider, disable_provider))
        .routes(routes!(put_model))
        .routes(routes!(change_model, disable_model))
        .routes(routes!(put_endpoint))
        .routes(routes!(change_endpoint, disable_endpoint))
}

/// The members of a change.
pub(super) type Members = Map<String, Value>;

pub(super) fn router(app: &App) -> RouterClient<rpc::Channel> {
    RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

/// Add a provider, or replace one
#[utoipa::path(post, path = "/providers", operation_id = "putProvider", tag = "Providers",
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn put_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let slug = needed(&mut sent, "slug")?;
    provider(&operator, &app, "provider.put", slug, sent, false).await
}

/// Change a provider
#[utoipa::path(patch, path = "/providers/{slug}", operation_id = "updateProvider", tag = "Providers",
    params(("slug" = String, Path, description = "The provider's slug")),
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn change_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(slug): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    provider(&operator, &app, "provider.change", slug, sent, true).await
}

/// Switch a provider off
#[utoipa::path(delete, path = "/providers/{slug}", operation_id = "disableProvider", tag = "Providers",
    params(("slug" = String, Path, description = "The provider's slug")),
    responses((status = 200, description = "Where the change is", body = Document)),
    security(("operator_token" = [])))]
async fn disable_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(slug): Named<String>,
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
    let details = json!({ "members": names(&sent), "credential": sent.contains_key("credential") });
    let entry = operator.does(action, None, slug.as_str(), details);
    let actor = operator.actor.clone();
    let message = PutProviderRequest { must_exist, dry_run, actor, ..provider_message(slug, sent)? };
    let put = router(app).put_provider(message).await?.into_inner();
    done(app, entry, put).await
}

/// A change of a provider, for the router.
pub(super) fn provider_message(slug: String, mut sent: Members) -> Result<PutProviderRequest, Refusal> {
    let credential = taken(&mut sent, "credential")?;
    Ok(PutProviderRequest { slug, credential, changes_json: text(sent), ..PutProviderRequest::default() })
}

/// Add a model, or replace one
#[utoipa::path(post, path = "/models", operation_id = "putModel", tag = "Models",
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn put_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let slug = needed(&mut sent, "slug")?;
    model(&operator, &app, "model.put", slug, sent, false).await
}

/// Change a model
#[utoipa::path(patch, path = "/models/{author}/{name}", operation_id = "updateModel", tag = "Models",
    params(("author" = String, Path, description = "The first part of the model's slug"),
        ("name" = String, Path, description = "The second part of the model's slug")),
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn change_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named((author, name)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    model(&operator, &app, "model.change", format!("{author}/{name}"), sent, true).await
}

/// Switch a model off
#[utoipa::path(delete, path = "/models/{author}/{name}", operation_id = "disableModel", tag = "Models",
    params(("author" = String, Path, description = "The first part of the model's slug"),
        ("name" = String, Path, description = "The second part of the model's slug")),
    responses((status = 200, description = "Where the change is", body = Document)),
    security(("operator_token" = [])))]
async fn disable_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named((author, name)): Named<(String, String)>,
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
    let actor = operator.actor.clone();
    let message = PutModelRequest { must_exist, dry_run, actor, ..model_message(slug, sent) };
    let put = router(app).put_model(message).await?.into_inner();
    done(app, entry, put).await
}

/// A change of a model, for the router.
pub(super) fn model_message(slug: String, sent: Members) -> PutModelRequest {
    PutModelRequest { slug, changes_json: text(sent), ..PutModelRequest::default() }
}

/// Add an endpoint, or replace one
#[utoipa::path(post, path = "/endpoints", operation_id = "putEndpoint", tag = "Endpoints",
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn put_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut sent: Members = read(&app, request).await?;
    let message = named_endpoint(&mut sent)?;
    let target = format!("{} at {}", message.model, message.provider);
    endpoint(&operator, &app, "endpoint.put", target, message, sent).await
}

/// Change an endpoint
#[utoipa::path(patch, path = "/endpoints/{id}", operation_id = "updateEndpoint", tag = "Endpoints",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    request_body = Document,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn change_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent = read(&app, request).await?;
    let message = PutEndpointRequest { endpoint_id: id.clone(), ..PutEndpointRequest::default() };
    endpoint(&operator, &app, "endpoint.change", id, message, sent).await
}

/// Switch an endpoint off
#[utoipa::path(delete, path = "/endpoints/{id}", operation_id = "disableEndpoint", tag = "Endpoints",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Where the change is", body = Document)),
    security(("operator_token" = [])))]
async fn disable_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
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
    message.actor.clone_from(&operator.actor);
    let details = json!({ "members": names(&sent), "price": sent.contains_key("price") });
    let entry = operator.does(action, None, target, details);
    let put = router(app).put_endpoint(endpoint_message(message, sent)?).await?.into_inner();
    done(app, entry, put).await
}

/// Which endpoint is meant, by what never changes of it.
pub(super) fn named_endpoint(sent: &mut Members) -> Result<PutEndpointRequest, Refusal> {
    Ok(PutEndpointRequest {
        model: needed(sent, "model")?,
        provider: needed(sent, "provider")?,
        tag: taken(sent, "tag")?.unwrap_or_default(),
        ..PutEndpointRequest::default()
    })
}

/// A change of the endpoint that is named, for the router.
pub(super) fn endpoint_message(
    mut named: PutEndpointRequest,
    mut sent: Members,
) -> Result<PutEndpointRequest, Refusal> {
    if let Some(price) = taken::<Price>(&mut sent, "price")? {
        named.price = Some(price.version()?);
        named.windows = price.windows()?;
    }
    Ok(PutEndpointRequest { changes_json: text(sent), ..named })
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
    let action = entry.action;
    note(app, entry).await;
    let mut body = json!({ "id": put.id, "catalogue_version": put.catalogue_version });
    if action.ends_with(".disable") {
        body["disabled"] = true.into();
    }
    Ok(reply::json(StatusCode::OK, &body))
}

/// A member that must be there.
pub(super) fn needed(sent: &mut Members, name: &str) -> Result<String, Refusal> {
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
    let is_told_apart = |name: &&str| ["credential", "price"].contains(name);
    sent.keys().map(String::as_str).filter(|name| !is_told_apart(name)).collect()
}

fn text(sent: Members) -> String {
    Value::Object(sent).to_string()
}
