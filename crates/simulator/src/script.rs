//! What a request is told to suffer: by an admin call or by a directive in its last user message.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Faults and shapes of one answer. Everything may be combined; what is not set behaves as usual.
/// Positions in tokens count generated tokens, reasoning included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Answers this HTTP status with an error in the dialect's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's code (OpenAI, Mistral), type (Anthropic, Bedrock, Cohere) or status (Gemini) instead of the
    /// usual one. `gateway` makes Mistral's gateway answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The error's message instead of the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Seconds that the error tells to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// Never answers, not even with a head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<bool>,
    /// Milliseconds before the head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_delay_ms: Option<u64>,
    /// Milliseconds between the stream's opening and its first token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_delay_ms: Option<u64>,
    /// Milliseconds between two chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Sends nothing more after this many tokens, and keeps the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_after_tokens: Option<u64>,
    /// Breaks the connection after this many tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_tokens: Option<u64>,
    /// Breaks the connection after this many bytes of body; 0 = without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_at_byte: Option<u64>,
    /// Ends the stream properly after this many tokens, but without finish reason and usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_after_tokens: Option<u64>,
    /// Sends the dialect's error event after this many tokens and ends the stream. `status`, if given, is then
    /// the class of that event, not the HTTP status. A unary answer becomes the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_after_tokens: Option<u64>,
    /// Sends bytes that are neither UTF-8 nor framed after this many tokens and goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garbage_after_tokens: Option<u64>,
    /// The whole body is garbage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garbage: Option<bool>,
    /// Writes at most this many bytes at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drip_bytes: Option<usize>,
    /// Milliseconds between two writes of a drip; 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drip_delay_ms: Option<u64>,
    /// Answers without any content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
    /// Leaves usage out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_usage: Option<bool>,
    /// Refuses, in the dialect's own form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<bool>,
    /// Says this content type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The exact number of tokens of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The exact number of reasoning tokens; makes the answer reason unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// The exact text of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Calls this offered tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Makes this many calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<usize>,
    /// Says this native finish reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
    /// In a directive: applies at this provider only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// In a directive: applies to this model only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How likely it applies to a request, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// To how many requests it applies. A directive counts the requests with the same conversation, whatever
    /// their provider, so that `status=500 times=1` fails once and the next attempt succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl Script {
    /// This script with everything that `over` sets replaced.
    pub(crate) fn overlaid(&self, over: &Self) -> Self {
        let mut merged = fields(self);
        merged.extend(fields(over));
        serde_json::from_value(Value::Object(merged)).unwrap_or_else(|_| over.clone())
    }

    /// What the log says of it: the set fields as JSON, nothing when none is set.
    pub(crate) fn describe(&self) -> Option<Value> {
        let fields = fields(self);
        (!fields.is_empty()).then_some(Value::Object(fields))
    }

    /// Where a stream must not run past without a chunk ending there, in tokens.
    pub(crate) fn breakpoints(&self) -> Vec<u64> {
        [
            self.stall_after_tokens,
            self.cut_after_tokens,
            self.end_after_tokens,
            self.error_after_tokens,
            self.garbage_after_tokens,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn fields(script: &Script) -> Map<String, Value> {
    match serde_json::to_value(script) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

const OPENING: &str = "[[sim:";
const CLOSING: &str = "]]";

/// The script that the directives in a text add up to, and the text without them.
/// `Hello [[sim: status=429 retry_after=2 message="slow down"]]`; a word without `=` is `true`.
///
/// # Errors
/// A sentence that names what is wrong.
pub(crate) fn directive(text: &str) -> Result<(Option<Script>, String), String> {
    let mut plain = String::with_capacity(text.len());
    let mut fields = Map::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPENING) {
        let Some(length) = rest[start..].find(CLOSING) else { break };
        plain.push_str(&rest[..start]);
        read_fields(&rest[start + OPENING.len()..start + length], &mut fields);
        rest = &rest[start + length + CLOSING.len()..];
    }
    plain.push_str(rest);
    let plain = plain.trim().to_owned();
    if fields.is_empty() {
        return Ok((None, plain));
    }
    match serde_json::from_value(Value::Object(fields)) {
        Ok(script) => Ok((Some(script), plain)),
        Err(error) => Err(format!("bad simulator directive: {error}")),
    }
}

fn read_fields(text: &str, fields: &mut Map<String, Value>) {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find([' ', '=', '\n', ',']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => read_value(after),
            None => (Value::Bool(true), after),
        };
        if !key.is_empty() {
            fields.insert(key.to_owned(), value);
        }
        rest = after.trim_start_matches([' ', '\n', ',']);
    }
}

fn read_value(text: &str) -> (Value, &str) {
    if let Some(quoted) = text.strip_prefix('"')
        && let Some(end) = quoted.find('"')
    {
        return (Value::String(quoted[..end].to_owned()), &quoted[end + 1..]);
    }
    let end = text.find([' ', '\n', ',']).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let value = match serde_json::from_str(word) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(word.to_owned()),
    };
    (value, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_and_removed() {
        let (script, plain) =
            directive("Hi [[sim: status=429 retry_after=1.5 message=\"slow down\"]] there [[sim: hang]]")
                .unwrap();
        let script = script.unwrap();
        assert_eq!((script.status, script.retry_after), (Some(429), Some(1.5)));
        assert_eq!(script.message.as_deref(), Some("slow down"));
        assert_eq!(script.hang, Some(true));
        assert_eq!(plain, "Hi  there");
        assert!(directive("[[sim: nonsense=1]]").unwrap_err().contains("nonsense"));
        assert_eq!(directive("no directive [[sim: open").unwrap().0, None);
    }

    #[test]
    fn later_scripts_replace_what_they_set() {
        let base = Script { status: Some(500), delay_ms: Some(3), ..Script::default() };
        let over = Script { status: Some(429), ..Script::default() };
        let merged = base.overlaid(&over);
        assert_eq!((merged.status, merged.delay_ms), (Some(429), Some(3)));
        assert_eq!(Script::default().describe(), None);
    }
}
