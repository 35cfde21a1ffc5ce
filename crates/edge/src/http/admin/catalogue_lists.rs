//! The catalogue as it is, row by row, and the record of what was changed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::{DescribeCatalogueRequest, ListChangesRequest};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::Operator;
use super::catalogue::router;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(all))
        .routes(routes!(providers))
        .routes(routes!(models))
        .routes(routes!(endpoints))
        .routes(routes!(provider))
        .routes(routes!(model))
        .routes(routes!(endpoint))
        .routes(routes!(changes))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct OfModel {
    model: String,
}

/// Show the whole catalogue
#[utoipa::path(get, path = "/catalogue", operation_id = "getCatalogue", tag = "Catalogue",
    params(OfModel),
    responses((status = 200, description = "The providers, models and endpoints", body = Document)),
    security(("operator_token" = [])))]
async fn all(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let OfModel { model } = from_query(&request.into_parts().0)?;
    described(&app, DescribeCatalogueRequest { model, ..DescribeCatalogueRequest::default() }).await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Page {
    after: String,
    limit: u32,
}

/// List the providers
#[utoipa::path(get, path = "/providers", operation_id = "listProviders", tag = "Providers",
    params(Page),
    responses((status = 200, description = "The providers", body = Document)),
    security(("operator_token" = [])))]
async fn providers(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Page { after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { after, limit, ..of("providers") };
    described(&app, list).await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Models {
    q: String,
    after: String,
    limit: u32,
}

/// List the models
#[utoipa::path(get, path = "/models", operation_id = "listModels", tag = "Models",
    params(Models),
    responses((status = 200, description = "The models", body = Document)),
    security(("operator_token" = [])))]
async fn models(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Models { q, after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { text: q, after, limit, ..of("models") };
    described(&app, list).await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Endpoints {
    model: String,
    provider: String,
    after: String,
    limit: u32,
}

/// List the endpoints
#[utoipa::path(get, path = "/endpoints", operation_id = "listEndpoints", tag = "Endpoints",
    params(Endpoints),
    responses((status = 200, description = "The endpoints", body = Document)),
    security(("operator_token" = [])))]
async fn endpoints(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Endpoints { model, provider, after, limit } = from_query(&request.into_parts().0)?;
    let list = DescribeCatalogueRequest { model, provider, after, limit, ..of("endpoints") };
    described(&app, list).await
}

/// Show a provider
#[utoipa::path(get, path = "/providers/{slug}", operation_id = "getProvider", tag = "Providers",
    params(("slug" = String, Path, description = "The provider's slug")),
    responses((status = 200, description = "The provider", body = Document)),
    security(("operator_token" = [])))]
async fn provider(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name, ..of("providers") }).await
}

/// Show a model
#[utoipa::path(get, path = "/models/{author}/{name}", operation_id = "getModel", tag = "Models",
    params(("author" = String, Path, description = "The first part of the model's slug"),
        ("name" = String, Path, description = "The second part of the model's slug")),
    responses((status = 200, description = "The model", body = Document)),
    security(("operator_token" = [])))]
async fn model(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named((author, name)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name: format!("{author}/{name}"), ..of("models") }).await
}

/// Show an endpoint
#[utoipa::path(get, path = "/endpoints/{id}", operation_id = "getEndpoint", tag = "Endpoints",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "The endpoint", body = Document)),
    security(("operator_token" = [])))]
async fn endpoint(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    described(&app, DescribeCatalogueRequest { name, ..of("endpoints") }).await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Changes {
    subject: String,
    after: i64,
    limit: u32,
}

/// List what was changed in the catalogue
#[utoipa::path(get, path = "/changes", operation_id = "listCatalogueChanges", tag = "Catalogue",
    params(Changes),
    responses((status = 200, description = "The changes, newest first", body = Document)),
    security(("operator_token" = [])))]
async fn changes(
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
