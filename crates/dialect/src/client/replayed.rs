//! An answer given once more: under an id and a time of its own, and with nothing used.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Dialect;
use crate::members::{Member, Members};

/// What only the answer that was made for a request carries.
const METADATA: &str = "openrouter_metadata";

/// What the answer is to carry in the place of its own.
#[derive(Clone, Copy)]
struct Anew<'a> {
    id: &'a str,
    /// Unix seconds.
    created: u64,
}

impl Dialect {
    /// The same answer for another request: with this id and this time (Unix seconds), with every number of its
    /// usage zero and without routing metadata. `frames` is a whole body or, with `streamed`, any number of whole
    /// events of a stream; what cannot be read as such stays as it is, as does everything else.
    #[must_use]
    pub fn replayed(self, frames: &[u8], streamed: bool, id: &str, created: u64) -> Vec<u8> {
        let anew = Anew { id, created };
        if !streamed {
            return anew.written(frames, None).unwrap_or_else(|| frames.to_vec());
        }
        let mut out = Vec::with_capacity(frames.len());
        for line in frames.split_inclusive(|byte| *byte == b'\n') {
            match self.event(line, anew) {
                Some((data, end)) => {
                    out.extend_from_slice(b"data: ");
                    out.extend(data);
                    out.extend_from_slice(end);
                }
                None => out.extend_from_slice(line),
            }
        }
        out
    }

    /// The data of a line with an event, rewritten, and the line's end.
    fn event<'l>(self, line: &'l [u8], anew: Anew<'_>) -> Option<(Vec<u8>, &'l [u8])> {
        let rest = line.strip_prefix(b"data:")?;
        let data = rest.trim_ascii();
        let end = &line[line.trim_ascii_end().len()..];
        Some((anew.written(data, self.inner())?, end))
    }

    /// The member of an event that holds the answer itself, where it is not the event.
    const fn inner(self) -> Option<&'static str> {
        match self {
            Self::Responses => Some("response"),
            Self::Messages => Some("message"),
            _ => None,
        }
    }
}

impl Anew<'_> {
    /// An object rewritten, and the object in it. `None` when it is none.
    fn written(self, object: &[u8], inner: Option<&'static str>) -> Option<Vec<u8>> {
        // Declared first: the members borrow it.
        let nested: Option<Box<RawValue>>;
        let mut members: Members<'_> = serde_json::from_slice(object).ok()?;
        self.rewrite(&mut members)?;
        if let Some(name) = inner
            && let Some(Member::Raw(held)) = members.get(name)
        {
            nested = self
                .written(held.get().as_bytes(), None)
                .and_then(|bytes| RawValue::from_string(String::from_utf8(bytes).ok()?).ok());
            if let Some(nested) = &nested {
                members.set(name, Member::Raw(nested));
            }
        }
        serde_json::to_vec(&members).ok()
    }

    fn rewrite(self, members: &mut Members<'_>) -> Option<()> {
        members.remove(METADATA);
        if members.get("id").is_some() {
            members.make("id", self.id);
        }
        for name in ["created", "created_at"] {
            if members.value(name).is_some_and(|value| value.is_number()) {
                members.make(name, self.created);
            }
        }
        if let Some(Member::Raw(usage)) = members.get("usage") {
            let mut usage: Value = serde_json::from_str(usage.get()).ok()?;
            clear(&mut usage);
            members.make("usage", usage);
        }
        Some(())
    }
}

/// Makes every number zero.
fn clear(value: &mut Value) {
    match value {
        Value::Number(_) => *value = 0.into(),
        Value::Array(values) => values.iter_mut().for_each(clear),
        Value::Object(members) => members.values_mut().for_each(clear),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole(dialect: Dialect, body: &str) -> Value {
        serde_json::from_slice(&dialect.replayed(body.as_bytes(), false, "gen-new", 77)).unwrap()
    }

    fn streamed(dialect: Dialect, frames: &str) -> String {
        String::from_utf8(dialect.replayed(frames.as_bytes(), true, "gen-new", 77)).unwrap()
    }

    #[test]
    fn a_whole_chat_answer_gets_a_new_name_and_costs_nothing() {
        let body = r#"{"id":"gen-old","created":5,"choices":[{"message":{"tool_calls":[{"id":"call_1"}]},"big":123456789012345678901,"f":1.50}],
            "usage":{"prompt_tokens":7,"cost":0.25,"is_byok":false,"prompt_tokens_details":{"cached_tokens":3},"x":null},
            "openrouter_metadata":{"attempt":1}}"#;
        let out = String::from_utf8(Dialect::Chat.replayed(body.as_bytes(), false, "gen-new", 77)).unwrap();
        assert_eq!(
            out,
            r#"{"id":"gen-new","created":77,"choices":[{"message":{"tool_calls":[{"id":"call_1"}]},"big":123456789012345678901,"f":1.50}],"usage":{"prompt_tokens":0,"cost":0,"is_byok":false,"prompt_tokens_details":{"cached_tokens":0},"x":null}}"#
        );
    }

    #[test]
    fn what_a_dialect_does_not_carry_is_not_added() {
        let messages =
            whole(Dialect::Messages, r#"{"id":"gen-old","content":[],"usage":{"input_tokens":9}}"#);
        assert_eq!(messages, json!({"id": "gen-new", "content": [], "usage": {"input_tokens": 0}}));
        let nameless = r#"{"text":"said","usage":null}"#;
        assert_eq!(whole(Dialect::Embeddings, nameless), json!({"text": "said", "usage": null}));
        assert_eq!(Dialect::Speech.replayed(b"\x00ID3", false, "gen-new", 77), b"\x00ID3");
    }

    #[test]
    fn chunks_comments_and_ends_stay_where_they_are() {
        let frames = ": OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen-old\",\"created\":5,\"choices\":[{\"delta\":{\"content\":\"data: {\"}}]}\n\n\
                      data: {\"id\":\"gen-old\",\"choices\":[],\"usage\":{\"cost\":1.5},\"openrouter_metadata\":{}}\n\ndata: [DONE]\n\n";
        assert_eq!(
            streamed(Dialect::Chat, frames),
            ": OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen-new\",\"created\":77,\"choices\":[{\"delta\":{\"content\":\"data: {\"}}]}\n\n\
             data: {\"id\":\"gen-new\",\"choices\":[],\"usage\":{\"cost\":0}}\n\ndata: [DONE]\n\n"
        );
    }

    #[test]
    fn the_events_of_responses_and_messages_hold_the_answer_inside() {
        let frames = "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":4,\"response\":{\"id\":\"gen-old\",\"created_at\":5,\"usage\":{\"input_tokens\":3},\"openrouter_metadata\":{}}}\n\n";
        assert_eq!(
            streamed(Dialect::Responses, frames),
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":4,\"response\":{\"id\":\"gen-new\",\"created_at\":77,\"usage\":{\"input_tokens\":0}}}\n\n"
        );
        let frames = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen-old\",\"usage\":{\"input_tokens\":3,\"service_tier\":\"standard\"}}}\n\n\
                      event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4,\"iterations\":[{\"n\":1}]}}\n\n\
                      event: message_stop\ndata: {\"type\":\"message_stop\",\"openrouter_metadata\":{\"a\":1}}\n\n";
        assert_eq!(
            streamed(Dialect::Messages, frames),
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen-new\",\"usage\":{\"input_tokens\":0,\"service_tier\":\"standard\"}}}\n\n\
             event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":0,\"iterations\":[{\"n\":0}]}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        );
    }
}
