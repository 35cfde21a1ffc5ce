//! What has arrived of late, as it arrived: for tests that look at the requests a client sends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::prepare::Arrived;

/// How many requests are kept.
const KEPT: usize = 256;
/// Bytes of bodies that are kept together.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// Longer bodies are not kept.
const LONGEST: usize = 2 * 1024 * 1024;
/// Headers whose value is a credential.
const SECRET: [&str; 7] = [
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-amz-security-token",
    "cookie",
    "proxy-authorization",
    "x-goog-iam-authorization-token",
];
const HIDDEN: &str = "***";

/// One request without its credentials.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    /// The number of its log entry.
    id: u64,
    /// Unix milliseconds.
    at: u64,
    provider: String,
    dialect: &'static str,
    operation: &'static str,
    model: String,
    method: String,
    path: String,
    query: String,
    headers: Map<String, Value>,
    /// JSON where it is JSON, a text where it is text, else `{"base64"}`; nothing when it was too long.
    #[serde(serialize_with = "readable")]
    body: Option<Bytes>,
    body_bytes: usize,
}

/// The newest requests, bounded in number and size.
#[derive(Debug, Default)]
pub(crate) struct Received(Mutex<VecDeque<Arc<Request>>>);

impl Received {
    pub(crate) fn keep(&self, arrived: &Arrived, model: &str, body: Bytes) {
        let call = &arrived.call;
        let request = Arc::new(Request {
            id: arrived.number,
            at: arrived.now,
            provider: call.provider.clone(),
            dialect: call.dialect.name(),
            operation: call.operation.name(),
            model: model.to_owned(),
            method: call.method.to_string(),
            path: call.path.clone(),
            query: without_key(&call.query),
            headers: shown(&call.headers),
            body_bytes: body.len(),
            body: (body.len() <= LONGEST).then_some(body),
        });
        let mut requests = self.requests();
        requests.push_back(request);
        let mut bytes: usize = requests.iter().map(|request| request.weight()).sum();
        while requests.len() > KEPT || bytes > KEPT_BYTES {
            let Some(oldest) = requests.pop_front() else { break };
            bytes -= oldest.weight();
        }
    }

    /// The newest `limit` that match, oldest first.
    pub(crate) fn newest(
        &self,
        limit: usize,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Vec<Arc<Request>> {
        let requests = self.requests();
        let matching = requests.iter().rev().filter(|request| {
            provider.is_none_or(|wanted| wanted == request.provider)
                && model.is_none_or(|wanted| wanted == request.model)
        });
        let mut newest: Vec<Arc<Request>> = matching.take(limit).cloned().collect();
        newest.reverse();
        newest
    }

    pub(crate) fn clear(&self) {
        self.requests().clear();
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Request>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    fn weight(&self) -> usize {
        self.body.as_ref().map_or(0, Bytes::len)
    }
}

fn readable<S: Serializer>(body: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(body) = body else { return serializer.serialize_none() };
    let value = serde_json::from_slice(body).unwrap_or_else(|_| match std::str::from_utf8(body) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": STANDARD.encode(body)}),
    });
    value.serialize(serializer)
}

fn shown(headers: &HeaderMap) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let value = value.to_str().unwrap_or_default();
        let value = match name.as_str() {
            "authorization" => authorization(value),
            name if SECRET.contains(&name) => HIDDEN.to_owned(),
            _ => value.to_owned(),
        };
        all.insert(name.as_str().to_owned(), json!(value));
    }
    all
}

/// The scheme, and of a signature what it covers.
fn authorization(value: &str) -> String {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.starts_with("AWS4") {
        return format!("{scheme} {HIDDEN}");
    }
    let parts = rest.split(',').map(str::trim).map(|part| match part.split_once('=') {
        Some(("Credential", credential)) => {
            let scope = credential.split_once('/').map_or("", |(_, scope)| scope);
            format!("Credential={HIDDEN}/{scope}")
        }
        Some(("SignedHeaders", _)) => part.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    });
    format!("{scheme} {}", parts.collect::<Vec<_>>().join(", "))
}

fn without_key(query: &str) -> String {
    let shown = query.split('&').map(|pair| if pair.starts_with("key=") { "key=***" } else { pair });
    shown.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_and_scopes_are_not() {
        assert_eq!(authorization("Bearer sk-1"), "Bearer ***");
        let signed = "AWS4-HMAC-SHA256 Credential=AK/20261125/us-east-1/bedrock/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=abc";
        assert_eq!(
            authorization(signed),
            "AWS4-HMAC-SHA256 Credential=***/20261125/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=***"
        );
        assert_eq!(without_key("alt=sse&key=secret"), "alt=sse&key=***");
    }
}
