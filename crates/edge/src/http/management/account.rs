//! What an organisation has to spend; and the calling key, by its former path.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use rpc::billing::GetCreditsRequest;
use rpc::billing::billing_client::BillingClient;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Data;
use super::keys::{self, usd};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(key_as_it_was)).routes(routes!(credits))
}

/// Show the calling key, by its former path
#[utoipa::path(get, path = "/auth/key", operation_id = "getCurrentKeyByFormerPath", tag = "API Keys",
    responses((status = 200, description = "The key", body = Data<keys::CurrentKey>)),
    security(("inference_key" = ["keys.read"]), ("management_key" = ["keys.read"])))]
async fn key_as_it_was(app: State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    keys::current(app, caller).await
}

/// What an organisation bought and used, in USD.
#[derive(Debug, Serialize, ToSchema)]
struct Credits {
    #[schema(value_type = f64)]
    total_credits: Number,
    #[schema(value_type = f64)]
    total_usage: Number,
}

/// Show the credits of the organisation
#[utoipa::path(get, path = "/credits", operation_id = "getCredits", tag = "Credits",
    responses((status = 200, description = "What was bought and used", body = Data<Credits>)),
    security(("management_key" = ["credits.read"]), ("session" = ["credits.read"])))]
async fn credits(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    let message = GetCreditsRequest { tenant_id: caller.tenant.to_string() };
    let credits = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_credits(message).await }
    })
    .await?
    .into_inner();
    let data = Credits { total_credits: usd(credits.total_credits), total_usage: usd(credits.total_usage) };
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
