//! Answers of Anthropic Messages, and the grammar of their events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Choice, Received, add, count};
use crate::answers::object;
use crate::problems::Problems;

/// A `message` object.
pub(super) fn whole(body: &Value) -> Received {
    let mut choice = Choice::default();
    for block in body["content"].as_array().into_iter().flatten() {
        match block["type"].as_str() {
            Some("text") => add(&mut choice.said, &block["text"]),
            Some("thinking") => add(&mut choice.reasoning, &block["thinking"]),
            Some("tool_use") => {
                let name = block["name"].as_str().unwrap_or_default().to_owned();
                choice.calls.push((name, block["input"].clone()));
            }
            _ => {}
        }
    }
    end(&mut choice, body);
    Received { choices: BTreeMap::from([(0, choice)]), usage: usage(&body["usage"]), ..Received::default() }
}

/// Why it ended. A refusal may be told there alone.
fn end(choice: &mut Choice, message: &Value) {
    add(&mut choice.end, &message["stop_reason"]);
    if choice.said.is_empty() {
        add(&mut choice.said, &message["stop_details"]["explanation"]);
    }
}

/// The prompt's classes stand beside each other.
fn usage(usage: &Value) -> (u64, u64) {
    let prompt = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    (prompt.iter().map(|name| count(&usage[name])).sum(), count(&usage["output_tokens"]))
}

/// Reads a stream and checks that blocks come one after the other, each opened, continued and closed.
pub(super) fn stream(events: &[Value], failed: bool, problems: &mut Problems) -> Option<Received> {
    let kinds: Vec<&str> =
        events.iter().filter_map(|event| event["type"].as_str()).filter(|kind| *kind != "ping").collect();
    let is_nothing_else = failed && kinds == ["error"];
    problems.check(is_nothing_else || kinds.first() == Some(&"message_start"), || {
        format!("it begins with {:?}", kinds.first())
    });
    let mut reader = Reader::default();
    for event in events {
        reader.take(event, problems);
    }
    if failed {
        problems.check(kinds.contains(&"error"), || "it does not tell of its failure".to_owned());
        return None;
    }
    problems.check(kinds.ends_with(&["message_delta", "message_stop"]), || {
        format!("it ends with {:?}", &kinds[kinds.len().saturating_sub(2)..])
    });
    problems.check(reader.open.is_none(), || "a block is never closed".to_owned());
    let Reader { choice, usage, .. } = reader;
    Some(Received { choices: BTreeMap::from([(0, choice)]), usage, ..Received::default() })
}

#[derive(Default)]
struct Reader {
    choice: Choice,
    /// Blocks that have begun.
    begun: u64,
    /// Kind and arguments of the block that is open.
    open: Option<(String, String)>,
    usage: (u64, u64),
}

impl Reader {
    fn take(&mut self, event: &Value, problems: &mut Problems) {
        match event["type"].as_str().unwrap_or_default() {
            "content_block_start" => {
                problems.check(self.open.is_none(), || "a block begins inside another".to_owned());
                problems.check(event["index"] == self.begun, || {
                    format!("block {} is out of order", event["index"])
                });
                self.begun += 1;
                let block = &event["content_block"];
                add(&mut self.choice.said, &block["text"]);
                add(&mut self.choice.reasoning, &block["thinking"]);
                if block["type"] == "tool_use" {
                    let name = block["name"].as_str().unwrap_or_default().to_owned();
                    self.choice.calls.push((name, Value::Null));
                }
                self.open = Some((block["type"].as_str().unwrap_or_default().to_owned(), String::new()));
            }
            "content_block_delta" => self.delta(event, problems),
            "content_block_stop" => {
                let Some((kind, arguments)) = self.open.take() else {
                    problems.add("a block is closed twice");
                    return;
                };
                if let Some(call) = self.choice.calls.last_mut().filter(|_| kind == "tool_use") {
                    call.1 = object(&arguments);
                }
            }
            "message_delta" => {
                end(&mut self.choice, &event["delta"]);
                self.usage = usage(&event["usage"]);
            }
            _ => {}
        }
    }

    fn delta(&mut self, event: &Value, problems: &mut Problems) {
        let is_last = event["index"].as_u64().is_some_and(|index| index + 1 == self.begun);
        let Some((kind, arguments)) = self.open.as_mut().filter(|_| is_last) else {
            problems.add("a delta of a block that is not open");
            return;
        };
        let delta = &event["delta"];
        let wanted = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" | "citations_delta" => "text",
            "thinking_delta" | "signature_delta" => "thinking",
            "input_json_delta" if kind == "server_tool_use" => "server_tool_use",
            "input_json_delta" => "tool_use",
            _ => kind.as_str(),
        };
        problems.check(kind == wanted, || format!("{} in a block of {kind}", delta["type"]));
        add(&mut self.choice.said, &delta["text"]);
        add(&mut self.choice.reasoning, &delta["thinking"]);
        add(arguments, &delta["partial_json"]);
    }
}
