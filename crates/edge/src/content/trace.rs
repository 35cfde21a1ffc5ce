//! What a request says of its trace, for those who collect traces.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of it that are kept, written as JSON; what is longer is left out.
const LONGEST: usize = 16 * 1024;

/// Whether a body may say something of its trace.
pub(super) fn is_said(body: &[u8]) -> bool {
    memchr::memmem::find(body, br#""trace""#).is_some()
}

/// The member `trace` of a body; `None` where it has none that is an object within bounds.
pub(super) fn read(body: &[u8]) -> Option<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Body {
        trace: Option<Value>,
    }
    if !is_said(body) {
        return None;
    }
    match serde_json::from_slice(body) {
        Ok(Body { trace: Some(Value::Object(trace)) }) => {
            let length = serde_json::to_vec(&trace).map_or(usize::MAX, |text| text.len());
            (length <= LONGEST).then_some(trace)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_an_object_within_bounds() {
        let told = |body: &str| read(body.as_bytes()).map(|trace| trace.len());
        assert_eq!(told(r#"{"trace":{"trace_id":"a","env":1},"messages":[{"trace":{}}]}"#), Some(2));
        for body in [r#"{"trace":"a"}"#, r#"{"trace":null}"#, r#"{"messages":["\"trace\""]}"#, "--form", "{}"]
        {
            assert_eq!(told(body), None, "{body}");
        }
        let long = format!(r#"{{"trace":{{"a":"{}"}}}}"#, "x".repeat(LONGEST));
        assert_eq!(told(&long), None);
    }
}
