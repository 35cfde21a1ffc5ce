//! The catalogue as it is, row by row, and the record of what was changed.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::{DescribeCatalogueRequest, ListChangesRequest};
use serde::Deserialize;

use super::super::body::from_query;
use super::super::reply::{self, Refusal};
use super::Operator;
use super::catalogue::router;
use crate::service::App;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfModel {
    model: String,
}

pub(super) async fn all(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let OfModel { model } = from_query(&request.into_parts().0)?;
    described(&app, DescribeCatalogueRequest { model, ..DescribeCatalogueRequest::default() }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Page {
    after: String,
    limit: u32,
}

pub(super) async fn providers(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Page { after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { after, limit, ..of("providers") };
    described(&app, list).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Models {
    q: String,
    after: String,
    limit: u32,
}

pub(super) async fn models(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Models { q, after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { text: q, after, limit, ..of("models") };
    described(&app, list).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Endpoints {
    model: String,
    provider: String,
    after: String,
    limit: u32,
}

pub(super) async fn endpoints(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Endpoints { model, provider, after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { model, provider, after, limit, ..of("endpoints") };
    described(&app, list).await
}

pub(super) async fn provider(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name, ..of("providers") }).await
}

pub(super) async fn model(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path((author, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name: format!("{author}/{name}"), ..of("models") }).await
}

pub(super) async fn endpoint(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name, ..of("endpoints") }).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    subject: String,
    after: i64,
    limit: u32,
}

pub(super) async fn changes(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Changes { subject, after, limit } = from_query(&request.into_parts().0)?;
    let list = router(&app).list_changes(ListChangesRequest { subject, after, limit }).await?;
    Ok(reply::raw_json(StatusCode::OK, list.into_inner().body_json))
}

pub(super) fn of(resource: &str) -> DescribeCatalogueRequest {
    DescribeCatalogueRequest { resource: resource.to_owned(), ..DescribeCatalogueRequest::default() }
}

async fn described(app: &App, asked: DescribeCatalogueRequest) -> Result<Response, Refusal> {
    let described = router(app).describe_catalogue(asked).await?;
    Ok(reply::raw_json(StatusCode::OK, described.into_inner().body_json))
}
