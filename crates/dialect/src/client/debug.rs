//! What of an answer's making its client may look at.

use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::raw::compact;

/// As a frame carries it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Debug<'a> {
    /// A request as it went to a provider.
    pub(super) echo_upstream_body: &'a RawValue,
}

/// The same JSON without line ends, which would end a frame before its time.
pub(super) fn in_one_line(body: &RawValue) -> Box<RawValue> {
    RawValue::from_string(compact(body)).unwrap_or_else(|_| body.to_owned())
}

/// Whether a body asks for that (`debug.echo_upstream_body`).
pub(super) fn wants_echo(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        debug: Wish,
    }
    #[derive(Deserialize)]
    struct Wish {
        echo_upstream_body: bool,
    }
    // Hardly a request does, and long ones are not read for it.
    memmem::find(body, b"echo_upstream_body").is_some()
        && serde_json::from_slice::<Body>(body).is_ok_and(|body| body.debug.echo_upstream_body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_is_shown_a_body() {
        assert!(wants_echo(br#"{"model": "m", "debug": {"echo_upstream_body": true, "x": 1}}"#));
        for other in [
            &br#"{"debug": {"echo_upstream_body": false}}"#[..],
            br#"{"debug": {"echo_upstream_body": "true"}}"#,
            br#"{"echo_upstream_body": true}"#,
            br#"{"messages": [{"content": "debug echo_upstream_body true"}]}"#,
            b"{}",
        ] {
            assert!(!wants_echo(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
