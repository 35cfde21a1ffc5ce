//! What a key may know of its organisation: `/credits`; and of itself, by an older path.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use identity::KeyKind;
use pricing::Amount;
use rpc::billing::GetCreditsRequest;
use rpc::billing::billing_client::BillingClient;
use serde_json::json;

use super::management::current_key;
use super::reply::{self, Refusal};
use crate::auth;
use crate::service::App;

/// `GET /api/v1/auth/key`: the calling key, as `/key` shows it.
pub(crate) async fn key(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate(&app.keys, &request).await?;
    current_key(&app, &context).await
}

/// `GET /api/v1/credits`: what the organisation bought and used.
pub(crate) async fn credits(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate_as(&app.keys, &request, KeyKind::Management).await?;
    let message = GetCreditsRequest { tenant_id: context.tenant().to_string() };
    let credits = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_credits(message).await }
    })
    .await?
    .into_inner();
    let body = json!({ "data": {
        "total_credits": Amount::from_nanos(credits.total_credits).to_json_number(),
        "total_usage": Amount::from_nanos(credits.total_usage).to_json_number(),
    }});
    Ok(reply::json(StatusCode::OK, &body))
}
