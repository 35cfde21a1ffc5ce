//! `Idempotency-Key` of operators: a request under a name is done once, and answered alike for a day.
//!
//! A process that dies between doing it and keeping the answer leaves a claim that lapses; the same request then does
//! it again. What moves money names it to the ledger ([`source`]), so that it moves once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use dialect::error::ErrorType;
use http::header::HeaderValue;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use identity::SealError;
use rpc::Fault;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::body;
use super::super::reply::{self, Refusal, UserFacing as _};
use super::{Operator, bad};
use crate::service::App;
use crate::store::admin_answers::{self, Attempt, Claim};

const HEADER: &str = "idempotency-key";
/// No name is longer, in bytes.
const LONGEST: usize = 255;
/// Whoever does a request is believed to be alive for so long: longer than any operation takes.
const CLAIM: Duration = Duration::from_secs(360);
const KEEP: Duration = Duration::from_secs(86_400);

/// Does a request that has a name once.
pub(super) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    once(app, request, next).await.unwrap_or_else(|refusal| refusal.into_response())
}

async fn once(app: Arc<App>, request: Request, next: Next) -> Result<Response, Refusal> {
    let operator: Operator = request.extensions().get().cloned().ok_or_else(Fault::internal)?;
    let name = request.headers().get(HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if name.is_empty() || name.len() > LONGEST {
        return Err(bad(format!("Idempotency-Key: use 1 to {LONGEST} characters")));
    }
    let attempt = Attempt { actor: operator.actor, name: Sha256::digest(name).into(), id: Uuid::now_v7() };
    let (parts, sent) = request.into_parts();
    let http = &app.config.http;
    let sent = Request::from_parts(parts.clone(), sent);
    let bytes = body::read(sent, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let print = Sha256::new().chain_update(path).chain_update([0]).chain_update(&bytes).finalize();
    match admin_answers::claim(&app.pool, &attempt, &print.into(), (CLAIM, KEEP)).await? {
        Claim::Won => {}
        Claim::Kept { status, sealed } => return replayed(&app, &attempt, status, &sealed),
        Claim::Running => {
            let message = "The request under this `Idempotency-Key` is being done. Ask again shortly.";
            return Err(Refusal::new(ErrorType::Conflict, message).with_retry_after(1));
        }
        Claim::Different => {
            let message =
                "This `Idempotency-Key` was used with another request. Use a new key for a new request.";
            return Err(Refusal::new(ErrorType::Unprocessable, message));
        }
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    Ok(see_through(&app, attempt, request, next).await)
}

/// What the ledger is to know a request by for which its body has no name: of this operator and this path alone, as the
/// kept answers are. Who else thinks of the same key means something else.
pub(super) fn source(operator: &Operator, request: &Request) -> Option<String> {
    let name = request.headers().get(HEADER)?;
    let parts = [operator.actor.as_bytes(), request.uri().path().as_bytes(), name.as_bytes()];
    let digest = parts.iter().fold(Sha256::new(), |digest, part| {
        // With their lengths, so that no two requests read alike.
        digest.chain_update(part.len().to_be_bytes()).chain_update(part)
    });
    Some(hex::encode(digest.finalize()))
}

/// Does it, and keeps the answer; what was refused is given back.
async fn see_through(app: &App, attempt: Attempt, request: Request, next: Next) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Fault::internal().refusal().into_response(),
    };
    let done = if parts.status.is_success() {
        match sealed(app, &attempt, &body) {
            Ok(sealed) => {
                admin_answers::keep(&app.pool, &attempt, parts.status.as_u16(), &sealed).await.map(drop)
            }
            Err(error) => {
                tracing::error!(error = %error, "an operator's answer could not be sealed and is not kept");
                Ok(())
            }
        }
    } else {
        admin_answers::release(&app.pool, &attempt).await.map(drop)
    };
    if let Err(error) = done {
        tracing::warn!(error = %error, "an operator's claim could not be redeemed and lapses");
    }
    Response::from_parts(parts, Body::from(body))
}

/// What a sealed answer is bound to.
fn record(attempt: &Attempt) -> String {
    format!("operator's answer {} {}", attempt.actor, hex::encode(attempt.name))
}

fn sealed(app: &App, attempt: &Attempt, body: &Bytes) -> Result<Vec<u8>, SealError> {
    let record = record(attempt);
    app.master_key.derive(&record).seal_bytes(body, &record)
}

fn replayed(app: &App, attempt: &Attempt, status: u16, sealed: &[u8]) -> Result<Response, Refusal> {
    let record = record(attempt);
    let body = app.master_key.derive(&record).open_bytes(sealed, &record).map_err(|error| {
        tracing::error!(error = %error, "an operator's answer cannot be opened");
        Fault::internal()
    })?;
    let status = StatusCode::from_u16(status).map_err(|_| Fault::internal())?;
    let mut response = reply::raw_json(status, body);
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledgers_name_is_of_one_operator_path_and_key() {
        let source = |actor: &str, path: &str, key: &str| {
            let request = http::Request::post(path).header(HEADER, key).body(Body::empty()).unwrap();
            source(&Operator { actor: actor.to_owned() }, &request).unwrap()
        };
        let one = source("operator:a", "/tenants/1/credits", "k");
        assert_eq!((one.len(), &one), (64, &source("operator:a", "/tenants/1/credits?x=1", "k")));
        for other in [
            source("operator:b", "/tenants/1/credits", "k"),
            source("operator:a", "/tenants/2/credits", "k"),
            source("operator:a", "/tenants/1/credits", "l"),
            source("operator:a/", "/tenants/1/credits", "k"),
        ] {
            assert_ne!(one, other);
        }
        let without = http::Request::post("/").body(Body::empty()).unwrap();
        assert_eq!(super::source(&Operator { actor: String::new() }, &without), None);
    }
}
