//! The blocks of an answer.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A piece of an answer in this dialect. Between `Open` and `Close` come only deltas of that block.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A block begins, with nothing in it yet.
    Open(Block),
    Delta(Delta),
    Close,
    /// A block that is all there at once.
    Whole(Map<String, Value>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Text,
    Thinking,
    /// With members beside its input, such as its caller.
    ToolUse {
        id: String,
        name: String,
        beside: Map<String, Value>,
    },
}

/// As the `delta` of a frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
pub(super) enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: String },
    #[serde(rename = "citations_delta")]
    Citation { citation: Value },
}

impl Block {
    /// The block as it is before its first delta.
    pub(super) fn empty(self) -> Map<String, Value> {
        let block = match self {
            Self::Text => json!({"type": "text", "text": "", "citations": null}),
            Self::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Self::ToolUse { id, name, beside } => {
                let mut block = json!({
                    "type": "tool_use", "id": id, "name": name, "input": {}, "caller": {"type": "direct"}
                });
                if let Value::Object(members) = &mut block {
                    members.extend(beside);
                }
                block
            }
        };
        match block {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

impl Delta {
    /// Adds this to its block. Input is text until [`finished`].
    pub(super) fn add_to(self, block: &mut Map<String, Value>) {
        match self {
            Self::Text { text } => append(block, "text", &text),
            Self::Thinking { thinking } => append(block, "thinking", &thinking),
            Self::Signature { signature } => append(block, "signature", &signature),
            Self::Input { partial_json } => append(block, "input", &partial_json),
            Self::Citation { citation } => match block.get_mut("citations") {
                Some(Value::Array(citations)) => citations.push(citation),
                _ => drop(block.insert("citations".to_owned(), json!([citation]))),
            },
        }
    }
}

fn append(block: &mut Map<String, Value>, name: &str, more: &str) {
    match block.get_mut(name) {
        Some(Value::String(text)) => text.push_str(more),
        _ => drop(block.insert(name.to_owned(), more.into())),
    }
}

/// A block with all its deltas added: the input is read. What a model made that is no object goes under the
/// name that Anthropic proposes for it.
pub(super) fn finished(mut block: Map<String, Value>) -> Value {
    if let Some(Value::String(text)) = block.get("input") {
        let input = match serde_json::from_str(text) {
            Ok(input @ Value::Object(_)) => input,
            // A call without arguments, as models write it.
            Ok(Value::Null) => json!({}),
            _ if text.trim().is_empty() => json!({}),
            _ => json!({"INVALID_JSON": text}),
        };
        block.insert("input".to_owned(), input);
    }
    Value::Object(block)
}
