//! Keys that apps ask for: codes, and what they are exchanged for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Data, Sent};
use crate::access::Caller;
use crate::http::address::ClientAddress;
use crate::http::reply::{self, Refusal};
use crate::keys::{self, Reset};
use crate::oauth::{self, Callback, Challenge, Method, Proof, Wish};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(exchange)).routes(routes!(create))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AuthCodeExchange)]
struct Exchange {
    /// From the callback, or from the screen.
    code: String,
    /// Where the code was made with a challenge.
    code_verifier: Option<String>,
    /// The method that the code was made with.
    code_challenge_method: Option<Method>,
}

/// A key that somebody allowed an app to have.
#[derive(Serialize, ToSchema)]
struct ExchangedKey {
    /// The key itself. Shown now and never again.
    key: String,
    /// Who allowed it; null where that was a management key.
    user_id: Option<String>,
}

/// Exchange authorization code for API key
///
/// A code can be exchanged once, within ten minutes.
#[utoipa::path(post, path = "/auth/keys", operation_id = "exchangeAuthCodeForAPIKey", tag = "OAuth",
    request_body = Exchange,
    responses((status = 200, description = "The key", body = ExchangedKey)),
    security(()))]
async fn exchange(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Sent(sent): Sent<Exchange>,
) -> Result<Response, Refusal> {
    let proof = Proof { code: sent.code, verifier: sent.code_verifier, method: sent.code_challenge_method };
    let (made, person) = oauth::exchange(&app, proof, address).await?;
    let answer =
        ExchangedKey { key: made.secret.expose().to_owned(), user_id: person.map(|id| id.to_string()) };
    Ok(reply::json(StatusCode::OK, &answer))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateAuthCode)]
struct Create {
    /// Where the app lives: `https`, or `http` of localhost at any port.
    callback_url: String,
    /// Of the verifier that the exchange will show.
    code_challenge: Option<String>,
    /// `plain` if left out.
    code_challenge_method: Option<Method>,
    /// Of the key, in UTC; other time zones are refused.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What the key is called; left out, it is the callback's host.
    #[schema(min_length = 1, max_length = 100)]
    key_label: Option<String>,
    /// Of the key, in USD, with up to nine decimals.
    #[schema(minimum = 0)]
    limit: Option<f64>,
    /// When the limit begins anew. Left out = never.
    usage_limit_type: Option<Reset>,
    /// Left out, it is the default workspace.
    workspace_id: Option<Uuid>,
}

/// A code.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthCode)]
struct Code {
    /// The code itself. Shown now and never again.
    id: String,
    /// A number made of the callback's host.
    app_id: u64,
    created_at: DateTime<Utc>,
}

/// Create authorization code
#[utoipa::path(post, path = "/auth/keys/code", operation_id = "createAuthKeysCode", tag = "OAuth",
    request_body = Create,
    responses((status = 200, description = "The code", body = Data<Code>)),
    security(("management_key" = ["keys.write"]), ("session" = ["keys.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Create>,
) -> Result<Response, Refusal> {
    let wish = Wish {
        callback: Some(Callback::parse(&sent.callback_url)?),
        challenge: Challenge::read(sent.code_challenge, sent.code_challenge_method)?,
        label: sent.key_label,
        // The shortest digits that mean the number are those that were sent.
        limit: sent.limit.map(|number| keys::limit(&number.to_string())).transpose()?,
        limit_reset: sent.usage_limit_type,
        expires_at: sent.expires_at.as_deref().map(keys::expiry).transpose()?,
    };
    let issued = oauth::allow(&app, &caller, sent.workspace_id, &wish).await?;
    let data = Code {
        id: issued.code.expose().to_owned(),
        app_id: oauth::app_id(wish.app()),
        created_at: issued.created_at,
    };
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
