//! Reading request bodies within their limits.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use dialect::error::{BadRequest, ErrorType};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use super::reply::{Refusal, UserFacing as _};

/// How much of a body that is too large is read, so that its sender comes to read the answer.
const DISCARD: usize = 64 * 1024 * 1024;

/// Reads a whole body of at most `limit` bytes within `timeout`.
///
/// # Errors
/// A [`Refusal`] with 413 when it is larger, 408 when it takes longer, 400 when it breaks off.
pub(crate) async fn read(body: Request<Body>, limit: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    let (parts, body) = body.into_parts();
    let announced = announced(&parts.headers);
    let waits = parts.headers.get(EXPECT).is_some_and(|value| value.as_bytes() == b"100-continue");
    if waits && announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let capacity = announced.unwrap_or(0).min(limit);
    tokio::time::timeout(timeout, collect(body, limit, capacity)).await.unwrap_or_else(|_| {
        Err(Refusal::new(ErrorType::RequestTimeout, "The request's body did not arrive in time."))
    })
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(mut body: Body, limit: usize, capacity: usize) -> Result<Bytes, Refusal> {
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(discard(body, limit).await);
    }
    let Some(second) = next(&mut body).await? else { return Ok(first) };
    let mut whole = BytesMut::with_capacity(capacity.max(first.len()));
    whole.extend_from_slice(&first);
    let mut frame = Some(second);
    while let Some(bytes) = frame {
        if whole.len() + bytes.len() > limit {
            drop(whole);
            return Err(discard(body, limit).await);
        }
        whole.extend_from_slice(&bytes);
        frame = next(&mut body).await?;
    }
    Ok(whole.freeze())
}

/// The next bytes of a body.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(Refusal::new(ErrorType::InvalidRequest, "The request's body broke off."));
            }
        }
    }
}

/// Reads on without keeping anything: a client that still sends would not see the answer.
async fn discard(mut body: Body, limit: usize) -> Refusal {
    let mut read = 0_usize;
    while read < DISCARD
        && let Ok(Some(bytes)) = next(&mut body).await
    {
        read += bytes.len();
    }
    too_large(limit)
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("The request's body is larger than {limit} bytes.");
    Refusal::new(ErrorType::PayloadTooLarge, message).with_header("connection", "close")
}

/// Reads a JSON body into a closed struct.
///
/// # Errors
/// A [`Refusal`] that names the member that is wrong.
pub(crate) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // A list would be read as a struct's members in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(BadRequest::new("The request's body must be a JSON object.").refusal());
    }
    if has_nul(body) {
        return Err(
            BadRequest::new("A text has a NUL character (`\\u0000`), which cannot be kept.").refusal()
        );
    }
    serde_json::from_slice(body).map_err(|error| BadRequest::new(error.to_string()).refusal())
}

/// Whether a text in JSON has a NUL: the database takes none. A backslash that is escaped itself begins none.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// A query string into a closed struct.
///
/// # Errors
/// A [`Refusal`] that says what is wrong.
pub(crate) fn from_query<T: DeserializeOwned>(parts: &http::request::Parts) -> Result<T, Refusal> {
    from_uri(&parts.uri)
}

/// The same, of an address alone.
///
/// # Errors
/// As for [`from_query`].
pub(crate) fn from_uri<T: DeserializeOwned>(uri: &http::Uri) -> Result<T, Refusal> {
    // No parameter means anything with one, and the database takes none.
    if uri.query().is_some_and(|query| query.contains("%00")) {
        return Err(Refusal::with_status(StatusCode::BAD_REQUEST, "A parameter has a NUL byte"));
    }
    axum::extract::Query::try_from_uri(uri)
        .map(|query| query.0)
        .map_err(|error| Refusal::with_status(StatusCode::BAD_REQUEST, error.body_text()))
}

/// A value that was sent, be it `null`; the default of the field is that it was not.
pub(crate) fn sent<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_in_a_text_and_not_in_what_only_looks_like_one() {
        for json in [r#"{"a":"x\u0000"}"#, r#"{"\u0000":1}"#, r#"["\\\u0000"]"#] {
            assert!(has_nul(json.as_bytes()), "{json}");
        }
        for json in ["", r#"{"a":"\\u0000"}"#, r#"{"a":"\u0001 u0000"}"#, r#"{"a":"\"#] {
            assert!(!has_nul(json.as_bytes()), "{json}");
        }
    }
}
