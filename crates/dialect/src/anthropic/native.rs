//! What only Anthropic's own dialect can say, for the clients that speak it: see [`Event::Native`].
//!
//! | `type` | What it is |
//! |---|---|
//! | a kind of block that has no event, such as `server_tool_use` | the block, once it is complete |
//! | `citations_delta` | a citation of the text block that is being written |
//! | `content_block_stop` | the text block ends, though the next block is text, too |
//! | `tool_use` | members of the next tool call's block that other dialects do not have, such as `caller` |
//! | `message_delta` | how the message ended: `delta` without the reason, `usage` without tokens, `context_management` |

use serde_json::{Map, Value, json};

use super::wire::Ending;
use crate::canonical::Event;
use crate::client::Dialect;
use crate::sse::EVENT_LIMIT;

/// A block of a kind that has no event, as it comes in.
#[derive(Debug)]
pub(super) struct Block {
    members: Map<String, Value>,
    /// Its input, where it streams.
    input: String,
    bytes: usize,
}

/// A block is too long to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Block {
    /// `length`: bytes that it came in.
    pub(super) fn new(members: Map<String, Value>, length: usize) -> Self {
        Self { members, input: String::new(), bytes: length }
    }

    /// Adds a delta, which came in `length` bytes: what streams in pieces concatenates, the rest is set.
    pub(super) fn add(&mut self, delta: Map<String, Value>, length: usize) -> Result<(), TooLong> {
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > EVENT_LIMIT {
            return Err(TooLong);
        }
        for (name, value) in delta {
            match (name.as_str(), value) {
                ("type", _) => {}
                ("partial_json", Value::String(piece)) => self.input.push_str(&piece),
                ("text", Value::String(piece)) => self.append("text", &piece),
                ("citation", citation) => match self.members.get_mut("citations") {
                    Some(Value::Array(citations)) => citations.push(citation),
                    _ => drop(self.members.insert("citations".to_owned(), json!([citation]))),
                },
                (_, value) => drop(self.members.insert(name, value)),
            }
        }
        Ok(())
    }

    fn append(&mut self, name: &str, piece: &str) {
        match self.members.get_mut(name) {
            Some(Value::String(text)) => text.push_str(piece),
            _ => drop(self.members.insert(name.to_owned(), piece.into())),
        }
    }

    pub(super) fn complete(mut self) -> Event {
        if !self.input.is_empty() {
            let input = serde_json::from_str(&self.input).unwrap_or(Value::String(self.input));
            self.members.insert("input".to_owned(), input);
        }
        event(Value::Object(self.members))
    }
}

pub(super) fn text_ends() -> Event {
    event(json!({"type": "content_block_stop"}))
}

pub(super) fn citation(citation: &Value) -> Event {
    event(json!({"type": "citations_delta", "citation": citation}))
}

/// Members of a call that most calls do not have; nothing for most.
pub(super) fn beside_call(id: Option<&str>, caller: Option<Value>, toolset: Option<Value>) -> Option<Event> {
    let caller = caller.filter(|caller| caller.get("type").is_some_and(|kind| kind != "direct"));
    let toolset = toolset.filter(|name| !name.is_null());
    if caller.is_none() && toolset.is_none() {
        return None;
    }
    let mut members = Map::new();
    members.insert("type".to_owned(), "tool_use".into());
    let id = id.map(Value::from);
    for (name, value) in [("id", id), ("caller", caller), ("toolset_name", toolset)] {
        members.extend(value.map(|value| (name.to_owned(), value)));
    }
    Some(event(Value::Object(members)))
}

/// The end of a message, of which nothing is said when there is nothing to say.
pub(super) fn ending(mut ending: Ending, usage: Map<String, Value>) -> Option<Event> {
    let context_management = ending.context_management.take().filter(|edits| !edits.is_null());
    let delta = ending.members();
    if delta.is_empty() && usage.is_empty() && context_management.is_none() {
        return None;
    }
    let mut value = json!({"type": "message_delta", "delta": delta, "usage": usage});
    if let Some(edits) = context_management {
        value["context_management"] = edits;
    }
    Some(event(value))
}

fn event(value: Value) -> Event {
    Event::Native { dialect: Dialect::Messages, value }
}
