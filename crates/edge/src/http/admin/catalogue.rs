//! Providers, models, endpoints and prices: read from and written through the router, who owns them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::router_client::RouterClient;
use rpc::router::{
    DescribeCatalogueRequest, PutEndpointRequest, PutModelRequest, PutPriceRequest, PutProviderRequest,
    PutResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::body::from_query;
use super::super::reply::{self, Refusal};
use super::prices::Price;
use super::{Operator, read};
use crate::service::App;
use crate::store::audit;

fn router(app: &App) -> RouterClient<rpc::Channel> {
    RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timeouts {
    connect_ms: u32,
    first_token_ms: u32,
    stall_ms: u32,
    total_ms: u32,
}

impl From<Timeouts> for rpc::router::Timeouts {
    fn from(sent: Timeouts) -> Self {
        Self {
            connect_ms: sent.connect_ms,
            first_token_ms: sent.first_token_ms,
            stall_ms: sent.stall_ms,
            total_ms: sent.total_ms,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    slug: String,
    name: Option<String>,
    base_url: String,
    dialect: String,
    #[serde(default)]
    quirks: Map<String, Value>,
    credential: Option<SecretString>,
    timeouts: Option<Timeouts>,
    cancel_stops_billing: Option<bool>,
}

pub(super) async fn put_provider(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Provider = read(&app, request).await?;
    let details = json!({ "base_url": sent.base_url, "dialect": sent.dialect, "credential": sent.credential.is_some() });
    let entry = operator.does("provider.put", None, sent.slug.as_str(), details);
    let message = PutProviderRequest {
        name: sent.name.unwrap_or_else(|| sent.slug.clone()),
        slug: sent.slug,
        base_url: sent.base_url,
        dialect: sent.dialect,
        quirks_json: if sent.quirks.is_empty() {
            String::new()
        } else {
            Value::Object(sent.quirks).to_string()
        },
        credential: sent.credential.map(|secret| secret.expose_secret().to_owned()),
        timeouts: sent.timeouts.map(Into::into),
        cancel_stops_billing: sent.cancel_stops_billing,
        actor: operator.actor(),
    };
    let put = router(&app).put_provider(message).await?.into_inner();
    done(&app, entry, &put).await
}

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    slug: String,
    name: Option<String>,
    context_length: u64,
    max_output: Option<u64>,
    #[serde(default = "text")]
    input_modalities: Vec<String>,
    #[serde(default = "text")]
    output_modalities: Vec<String>,
    #[serde(default)]
    supported_parameters: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

pub(super) async fn put_model(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Model = read(&app, request).await?;
    let details = json!({ "context_length": sent.context_length, "aliases": sent.aliases });
    let entry = operator.does("model.put", None, sent.slug.as_str(), details);
    let message = PutModelRequest {
        name: sent.name.unwrap_or_else(|| sent.slug.clone()),
        slug: sent.slug,
        context_length: sent.context_length,
        max_output: sent.max_output,
        input_modalities: sent.input_modalities,
        output_modalities: sent.output_modalities,
        supported_parameters: sent.supported_parameters,
        aliases: sent.aliases,
        actor: operator.actor(),
    };
    let put = router(&app).put_model(message).await?.into_inner();
    done(&app, entry, &put).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    model: String,
    provider: String,
    provider_model: String,
    #[serde(default)]
    tag: String,
    context_length: u64,
    max_output: Option<u64>,
    disabled: Option<bool>,
    price: Price,
    timeouts: Option<Timeouts>,
}

pub(super) async fn put_endpoint(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Endpoint = read(&app, request).await?;
    let target = format!("{} at {}", sent.model, sent.provider);
    let details = json!({ "provider_model": sent.provider_model, "disabled": sent.disabled });
    let entry = operator.does("endpoint.put", None, target, details);
    let message = PutEndpointRequest {
        price: Some(sent.price.version()?),
        model: sent.model,
        provider: sent.provider,
        provider_model: sent.provider_model,
        tag: sent.tag,
        context_length: sent.context_length,
        max_output: sent.max_output,
        disabled: sent.disabled,
        timeouts: sent.timeouts.map(Into::into),
        actor: operator.actor(),
    };
    let put = router(&app).put_endpoint(message).await?.into_inner();
    done(&app, entry, &put).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointPrice {
    endpoint_id: String,
    price: Price,
    #[serde(default)]
    force: bool,
}

pub(super) async fn put_price(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: EndpointPrice = read(&app, request).await?;
    let version = sent.price.version()?;
    let entry = operator.does("price.put", None, sent.endpoint_id.as_str(), json!({ "force": sent.force }));
    let message = PutPriceRequest {
        endpoint_id: sent.endpoint_id,
        price: Some(version),
        force: sent.force,
        actor: operator.actor(),
    };
    let put = router(&app).put_price(message).await?.into_inner();
    done(&app, entry, &put).await
}

/// Writes the change down and answers where it is.
async fn done(app: &App, entry: audit::Entry, put: &PutResponse) -> Result<Response, Refusal> {
    // The change is the router's and stands, whether or not it can be written down here.
    if let Err(error) = audit::insert(&app.pool, &entry).await {
        tracing::error!(error = %error, action = entry.action, "a change could not be written to the audit log");
    }
    let body = json!({ "id": put.id, "catalogue_version": put.catalogue_version });
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    model: String,
}

pub(super) async fn all(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    let described = router(&app).describe_catalogue(DescribeCatalogueRequest { model: wanted.model }).await?;
    Ok(reply::raw_json(StatusCode::OK, described.into_inner().body_json))
}

pub(super) async fn providers(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    part(&app, |catalogue| catalogue["providers"].take()).await
}

pub(super) async fn models(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    part(&app, |catalogue| catalogue["models"].take()).await
}

pub(super) async fn endpoints(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    part(&app, |catalogue| Value::Array(each_endpoint(catalogue))).await
}

pub(super) async fn prices(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    part(&app, |catalogue| {
        let priced = each_endpoint(catalogue).into_iter().map(|mut endpoint| {
            json!({
                "endpoint_id": endpoint["id"].take(),
                "model": endpoint["model"].take(),
                "provider": endpoint["provider"].take(),
                "price": endpoint["price"].take(),
            })
        });
        priced.collect()
    })
    .await
}

/// One list of the catalogue.
async fn part(app: &App, pick: impl FnOnce(&mut Value) -> Value) -> Result<Response, Refusal> {
    let described = router(app).describe_catalogue(DescribeCatalogueRequest::default()).await?.into_inner();
    let mut catalogue: Value = serde_json::from_slice(&described.body_json).unwrap_or_else(|_| json!({}));
    let body = json!({ "version": described.version, "data": pick(&mut catalogue) });
    Ok(reply::json(StatusCode::OK, &body))
}

/// The endpoints of every model, each with its model's name.
fn each_endpoint(catalogue: &mut Value) -> Vec<Value> {
    let mut endpoints = Vec::new();
    for model in catalogue["models"].as_array_mut().into_iter().flatten() {
        let slug = model["slug"].clone();
        for endpoint in model["endpoints"].as_array_mut().into_iter().flatten() {
            endpoint["model"] = slug.clone();
            endpoints.push(endpoint.take());
        }
    }
    endpoints
}
