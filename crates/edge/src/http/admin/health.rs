//! The health of endpoints, read from the router who judges it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::DescribeHealthRequest;
use rpc::router::router_client::RouterClient;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, bad};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(one))
}

/// What an endpoint can be found to be.
const STATES: [&str; 5] = ["healthy", "ejected", "half_open", "recovering", "cooling"];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// One of [`STATES`], or `unwell` for all but the first.
    #[serde(default)]
    state: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    provider: String,
}

/// Show the health of endpoints
#[utoipa::path(get, path = "/health", operation_id = "listEndpointHealth", tag = "Health",
    params(Wanted),
    responses((status = 200, description = "The health of each endpoint", body = Document)),
    security(("operator_token" = [])))]
async fn all(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Wanted { state, model, provider } = from_query(&request.into_parts().0)?;
    let only_unwell = state == "unwell";
    let state = if only_unwell { String::new() } else { state };
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        return Err(bad(format!("state: expected one of {}, or unwell", STATES.join(", "))));
    }
    describe(&app, DescribeHealthRequest { endpoint_id: String::new(), only_unwell, state, model, provider })
        .await
}

/// Show the health of an endpoint
#[utoipa::path(get, path = "/endpoints/{id}/health", operation_id = "getEndpointHealth", tag = "Health",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "The health of the endpoint", body = Document)),
    security(("operator_token" = [])))]
async fn one(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(endpoint_id): Named<String>,
) -> Result<Response, Refusal> {
    describe(&app, DescribeHealthRequest { endpoint_id, ..DescribeHealthRequest::default() }).await
}

async fn describe(app: &App, request: DescribeHealthRequest) -> Result<Response, Refusal> {
    let mut router = RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
    let described = router.describe_health(request).await?.into_inner();
    Ok(reply::raw_json(StatusCode::OK, described.body_json))
}
