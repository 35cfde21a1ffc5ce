//! Answers of OpenAI Responses, and the grammar of their events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Choice, Received, add, count};
use crate::answers::object;
use crate::problems::Problems;

/// A `response` object.
pub(super) fn whole(body: &Value) -> Received {
    let mut choice = Choice::default();
    for item in body["output"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    add(&mut choice.said, &part["text"]);
                    add(&mut choice.said, &part["refusal"]);
                }
            }
            Some("reasoning") => choice.reasoning.push_str(&reasoning(item)),
            Some("function_call") => {
                let name = item["name"].as_str().unwrap_or_default().to_owned();
                choice.calls.push((name, object(item["arguments"].as_str().unwrap_or_default())));
            }
            Some("image_generation_call") => choice.images += 1,
            _ => {}
        }
    }
    let end = match body["status"].as_str() {
        Some("incomplete") => &body["incomplete_details"]["reason"],
        _ => &body["status"],
    };
    add(&mut choice.end, end);
    let usage = (count(&body["usage"]["input_tokens"]), count(&body["usage"]["output_tokens"]));
    Received { choices: BTreeMap::from([(0, choice)]), usage, ..Received::default() }
}

/// The text of a reasoning item: what it thought, else the summary of that.
fn reasoning(item: &Value) -> String {
    let texts = |name: &str| {
        let parts = item[name].as_array().into_iter().flatten();
        parts.filter_map(|part| part["text"].as_str()).collect::<String>()
    };
    let thought = texts("content");
    if thought.is_empty() { texts("summary") } else { thought }
}

/// Reads a stream and checks that each item, part and text is opened, continued and closed in order, and that the
/// last event repeats what the deltas said.
pub(super) fn stream(events: &[Value], failed: bool, problems: &mut Problems) -> Option<Received> {
    let kind = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
    problems.check(events.first().is_some_and(|first| kind(first) == "response.created"), || {
        "it does not begin with `response.created`".to_owned()
    });
    let numbers = events.iter().filter_map(|event| event["sequence_number"].as_u64());
    problems.check(numbers.eq(0..events.len() as u64), || "events are not numbered one by one".to_owned());
    let mut open = Open::default();
    for event in events {
        open.take(&kind(event), event, problems);
    }
    let last = events.last()?;
    let ends = ["response.completed", "response.incomplete", "response.failed", "error"];
    problems.check(ends.contains(&kind(last).as_str()), || format!("it ends with `{}`", kind(last)));
    if failed {
        problems.check(["response.failed", "error"].contains(&kind(last).as_str()), || {
            format!("a failure ends with `{}`", kind(last))
        });
        return None;
    }
    problems.check(open.items.values().all(|item| item.is_done), || "an item is never done".to_owned());
    let received = whole(&last["response"]);
    let choice = &received.choices[&0];
    problems.check(open.said == choice.said, || "the deltas say another text than the end".to_owned());
    problems
        .check(open.reasoning == choice.reasoning, || "the deltas reason otherwise than the end".to_owned());
    let calls: Vec<Value> =
        open.items.values().filter(|item| item.is_call).map(|item| object(&item.arguments)).collect();
    let repeated: Vec<Value> = choice.calls.iter().map(|(_, arguments)| arguments.clone()).collect();
    problems.check(calls == repeated, || "the deltas call otherwise than the end".to_owned());
    Some(received)
}

#[derive(Default)]
struct Open {
    items: BTreeMap<u64, Item>,
    said: String,
    reasoning: String,
}

#[derive(Default)]
struct Item {
    is_call: bool,
    arguments: String,
    is_done: bool,
}

impl Open {
    fn take(&mut self, kind: &str, event: &Value, problems: &mut Problems) {
        let Some(index) = event["output_index"].as_u64() else { return };
        if kind == "response.output_item.added" {
            problems.check(index == self.items.len() as u64, || format!("item {index} is out of order"));
            let is_call = event["item"]["type"] == "function_call";
            self.items.insert(index, Item { is_call, ..Item::default() });
            return;
        }
        let Some(item) = self.items.get_mut(&index) else {
            problems.add(format!("`{kind}` of item {index}, which nobody opened"));
            return;
        };
        problems.check(!item.is_done, || format!("`{kind}` of item {index}, which is done"));
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => add(&mut self.said, &event["delta"]),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                add(&mut self.reasoning, &event["delta"]);
            }
            "response.function_call_arguments.delta" => add(&mut item.arguments, &event["delta"]),
            "response.function_call_arguments.done" => {
                let done = event["arguments"].as_str().unwrap_or_default();
                problems.check(object(done) == object(&item.arguments), || {
                    "arguments differ when done".to_owned()
                });
            }
            "response.output_item.done" => item.is_done = true,
            _ => {}
        }
    }
}
