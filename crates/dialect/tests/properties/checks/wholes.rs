//! Answers that are not streamed, and errors.

use dialect::canonical::Operation;
use http::HeaderMap;
use http::header::RETRY_AFTER;

use super::endpoints::Endpoint;
use super::{clients, streams};

/// Reads `bytes` as a whole answer and as the body of an error with each status that has a meaning.
pub fn check(endpoint: &Endpoint, bytes: &[u8]) {
    let events = endpoint.with(|adapter, target| adapter.decode(bytes, target));
    if let Some(Ok(events)) = events {
        streams::sound(&events, bytes.len());
        if endpoint.operation == Operation::Chat {
            clients::check(&events);
        }
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = bytes[..bytes.len().min(24)].try_into() {
        headers.insert(RETRY_AFTER, value);
    }
    for status in [0, 400, 401, 403, 404, 408, 413, 422, 429, 498, 500, 503, 529, 999] {
        let Some(error) = endpoint.with(|adapter, _| adapter.classify(status, &headers, bytes)) else {
            return;
        };
        assert!(!error.message.is_empty(), "an error that says nothing");
        assert!(error.message.chars().count() <= 1_001, "an error without end");
        assert_eq!(error.status, status);
    }
}
