//! Work that takes a while, answered as server-sent events by whoever asks for them: `progress` again and again, then
//! `result`, or `error`.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use dialect::client::Dialect;
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::json;

use super::super::accept::accepts;
use super::super::reply::Refusal;
use super::live::unbuffered;

/// A step of some work.
pub(super) enum Step {
    Progress {
        done: u64,
        total: u64,
    },
    /// What it came to, as JSON in one line. Nothing follows.
    Result(Bytes),
}

/// Whether a client wants events. An answer that is kept under an `Idempotency-Key` has to be a whole one.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    accepts(headers, &ACCEPT, "text/event-stream") && !headers.contains_key("idempotency-key")
}

/// The steps as events.
pub(super) fn events(steps: impl Stream<Item = Result<Step, Refusal>> + Send + 'static) -> Response {
    let events = steps.map(|step| Ok::<_, Infallible>(event(step)));
    unbuffered(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn event(step: Result<Step, Refusal>) -> Event {
    match step {
        Ok(Step::Progress { done, total }) => {
            Event::default().event("progress").data(json!({ "done": done, "total": total }).to_string())
        }
        Ok(Step::Result(body)) => Event::default().event("result").data(String::from_utf8_lossy(&body)),
        Err(refusal) => {
            let body = Dialect::Chat.error(refusal.error());
            Event::default().event("error").data(String::from_utf8_lossy(&body))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn whoever_accepts_events_gets_them_but_not_under_a_name() {
        let mut headers = HeaderMap::new();
        assert!(!is_wanted(&headers));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream;q=0.9"));
        assert!(is_wanted(&headers));
        headers.insert("idempotency-key", HeaderValue::from_static("k"));
        assert!(!is_wanted(&headers));
    }
}
