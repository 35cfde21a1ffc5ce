//! The health of endpoints, read from the router who judges it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use rpc::router::DescribeHealthRequest;
use rpc::router::router_client::RouterClient;
use serde::Deserialize;

use super::super::body::from_query;
use super::super::reply::{self, Refusal};
use super::{Operator, bad};
use crate::service::App;

/// What an endpoint can be found to be.
const STATES: [&str; 5] = ["healthy", "ejected", "half_open", "recovering", "cooling"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// One of [`STATES`], or `unwell` for all but the first.
    #[serde(default)]
    state: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    provider: String,
}

pub(super) async fn all(
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

pub(super) async fn one(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(endpoint_id): Path<String>,
) -> Result<Response, Refusal> {
    describe(&app, DescribeHealthRequest { endpoint_id, ..DescribeHealthRequest::default() }).await
}

async fn describe(app: &App, request: DescribeHealthRequest) -> Result<Response, Refusal> {
    let mut router = RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
    let described = router.describe_health(request).await?.into_inner();
    Ok(reply::raw_json(StatusCode::OK, described.body_json))
}
