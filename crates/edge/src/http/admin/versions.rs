//! `ETag` and `If-Match`: an operator's change is refused when the thing is not as it was when they read it.
//!
//! The tag is of what is shown but for what moves without an operator, so that every resource has one and traffic
//! changes none. Between the look and the change another change may still slip in: what must never happen twice has an
//! `Idempotency-Key`.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use rpc::Fault;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use super::super::reply::{Refusal, UserFacing as _};
use super::{Operator, bad};

/// Tags what is read, and compares before what changes something. The state serves the same paths.
pub(super) async fn layer(State(readers): State<Router>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET {
        return tagged(next.run(request).await).await;
    }
    let passed = match question(&request) {
        Ok(None) => Ok(()),
        Ok(Some((wanted, read))) => compare(readers, &wanted, read).await,
        Err(refusal) => Err(refusal),
    };
    match passed {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The answer with a weak tag of its body, where it is JSON.
async fn tagged(response: Response) -> Response {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::OK || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return Fault::internal().refusal().into_response() };
    let body = body.to_bytes();
    let digest = hex::encode(Sha256::digest(settled(&body)));
    let tag = digest.get(..32).unwrap_or_default();
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        parts.headers.insert(ETAG, tag);
    }
    Response::from_parts(parts, Body::from(body))
}

/// An answer without what moves by itself: the health of an endpoint, alone or below its model, and the catalogue's
/// version beside it, which any change anywhere raises.
fn settled(body: &[u8]) -> Cow<'_, [u8]> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(body) else { return body.into() };
    let Some(Value::Object(shown)) = answer.get_mut("data") else { return body.into() };
    shown.remove("health");
    for endpoint in shown.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
        endpoint.as_object_mut().map(|endpoint| endpoint.remove("health"));
    }
    answer.remove("version");
    Value::Object(answer).to_string().into_bytes().into()
}

/// The tags of a request's `If-Match`, and how to read what it is about; `None` for a request without.
fn question(request: &Request) -> Result<Option<(String, Request)>, Refusal> {
    let Some(wanted) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let wanted = wanted.to_str().map_err(|_| bad("If-Match: use the ETag of an answer"))?.to_owned();
    let operator: Operator = request.extensions().get().cloned().ok_or_else(Fault::internal)?;
    let mut read = Request::new(Body::empty());
    // The query is the change's own.
    *read.uri_mut() = request.uri().path().parse().map_err(|_| Fault::internal())?;
    read.extensions_mut().insert(operator);
    Ok(Some((wanted, read)))
}

/// Whether the thing is as it was.
async fn compare(readers: Router, wanted: &str, read: Request) -> Result<(), Refusal> {
    // A router refuses nobody by itself.
    let Ok(response) = readers.oneshot(read).await;
    let response = tagged(response).await;
    let is_so =
        if wanted.trim() == "*" { is_there(response).await } else { is_named(wanted, response.headers()) };
    if is_so {
        return Ok(());
    }
    let message = "It is not as it was: read it again, and send its ETag in `If-Match`.";
    Err(Refusal::with_status(StatusCode::PRECONDITION_FAILED, message))
}

/// Whether a list of tags names the answer.
fn is_named(wanted: &str, headers: &HeaderMap) -> bool {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    wanted.split(',').any(|one| opaque(one) == opaque(tag))
}

/// Whether an answer shows something: `null`, alone or as `data`, says that there is nothing.
async fn is_there(response: Response) -> bool {
    if !response.headers().contains_key(ETAG) {
        return false;
    }
    let Ok(body) = response.into_body().collect().await else { return false };
    let shown: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    !shown.get("data").unwrap_or(&shown).is_null()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::reply::raw_json;
    use super::*;

    #[test]
    fn what_moves_by_itself_is_not_in_a_tag() {
        let told = |version: u32, faults: u32, name: &str| {
            let health = json!({ "faults": faults });
            let data =
                json!({ "name": name, "health": health, "endpoints": [{ "id": 1, "health": health }] });
            settled(json!({ "version": version, "data": data }).to_string().as_bytes()).into_owned()
        };
        assert_eq!(told(1, 2, "a"), told(3, 4, "a"));
        assert_ne!(told(1, 2, "a"), told(1, 2, "b"));
        for plain in [&b"[1, 2]"[..], b"no JSON", br#"{"version": 1, "data": [3]}"#] {
            assert_eq!(settled(plain), plain);
        }
    }

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_not() {
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("W/\"abc\""))]);
        for wanted in ["W/\"abc\"", "\"abc\"", "\"x\", W/\"abc\""] {
            assert!(is_named(wanted, &headers), "{wanted}");
        }
        assert!(!is_named("W/\"abd\"", &headers));
        assert!(!is_named("W/\"abc\"", &HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_answered_by_null_is_not_there() {
        let shown = |body: &'static str| tagged(raw_json(StatusCode::OK, body));
        for something in [r#"{"data":{"name":null}}"#, r#"{"name":"a"}"#, r#"{"data":[]}"#, "[]"] {
            assert!(is_there(shown(something).await).await, "{something}");
        }
        for nothing in ["null", r#"{"data":null}"#] {
            assert!(!is_there(shown(nothing).await).await, "{nothing}");
        }
        assert!(!is_there(Refusal::unavailable().into_response()).await, "no answer");
    }
}
