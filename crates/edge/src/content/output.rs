//! What a client was answered, in one form whichever the dialect: read from the frames that it was sent, however far
//! they came.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dialect::client::Dialect;
use dialect::sse;
use serde_json::{Value, json};

use super::room::Room;
use super::{Failure, Output};

/// What frames say.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// By choice.
    texts: BTreeMap<u64, String>,
    reasoning: String,
    /// By choice and index.
    calls: BTreeMap<(u64, u64), Call>,
    /// That the answer broke off, in the words of its last event.
    pub(super) failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// Whether answers have texts that are kept: media, vectors and rankings are not.
pub(super) const fn has_text(dialect: Dialect) -> bool {
    matches!(
        dialect,
        Dialect::Chat
            | Dialect::Completions
            | Dialect::Responses
            | Dialect::Messages
            | Dialect::Transcription
    )
}

/// Reads an answer, or the part of one that was delivered.
pub(super) fn read(dialect: Dialect, streamed: bool, frames: &[u8]) -> Said {
    let mut said = Said::default();
    if !streamed {
        if let Ok(answer) = serde_json::from_slice::<Value>(frames) {
            said.whole(dialect, &answer);
        }
        return said;
    }
    let mut decoder = sse::Decoder::default();
    let mut take = |data: &[u8]| {
        if let Ok(event) = serde_json::from_slice::<Value>(data) {
            said.event(dialect, &event);
        }
    };
    // What is too long for an event is passed over with what follows; what came before it stays.
    let _ = decoder.push(frames, |_, data| take(data));
    decoder.end(|_, data| take(data));
    said
}

impl Said {
    /// As much as fits, the text first.
    pub(super) fn cut(self, room: &mut Room) -> Output {
        let texts: Vec<String> = self.texts.into_values().filter(|text| !text.is_empty()).collect();
        let completion = texts.join("\n\n");
        let mut fit = |text: String| (!text.is_empty()).then(|| room.text(Cow::Owned(text)));
        let (completion, reasoning) = (fit(completion), fit(self.reasoning));
        let call = |call: Call| {
            json!({ "id": call.id, "type": "function",
                    "function": { "name": call.name, "arguments": room.text(Cow::Owned(call.arguments)) } })
        };
        Output { completion, reasoning, tool_calls: self.calls.into_values().map(call).collect() }
    }

    fn whole(&mut self, dialect: Dialect, answer: &Value) {
        self.fail(&answer["error"]);
        match dialect {
            Dialect::Chat | Dialect::Completions => self.choices(answer),
            Dialect::Responses => {
                for (at, item) in (0..).zip(list(&answer["output"])) {
                    self.item(at, item);
                }
            }
            Dialect::Messages => {
                for (at, block) in (0..).zip(list(&answer["content"])) {
                    self.block(at, block);
                }
            }
            Dialect::Transcription => self.say(0, &answer["text"]),
            Dialect::Embeddings | Dialect::Rerank | Dialect::Images | Dialect::Speech => {}
        }
    }

    fn event(&mut self, dialect: Dialect, event: &Value) {
        self.fail(&event["error"]);
        match dialect {
            Dialect::Chat | Dialect::Completions => self.choices(event),
            Dialect::Responses => self.response_event(event),
            Dialect::Messages => self.message_event(event),
            Dialect::Transcription => self.say(0, &event["delta"]),
            Dialect::Embeddings | Dialect::Rerank | Dialect::Images | Dialect::Speech => {}
        }
    }

    fn say(&mut self, choice: u64, text: &Value) {
        self.texts.entry(choice).or_default().push_str(text.as_str().unwrap_or_default());
    }

    fn think(&mut self, text: &Value) {
        self.reasoning.push_str(text.as_str().unwrap_or_default());
    }

    /// Chat Completions and text completions, whole or in pieces.
    fn choices(&mut self, answer: &Value) {
        for (at, choice) in (0..).zip(list(&answer["choices"])) {
            let number = choice["index"].as_u64().unwrap_or(at);
            self.fail(&choice["error"]);
            self.say(number, &choice["text"]);
            self.think(&choice["reasoning"]);
            for piece in [&choice["delta"], &choice["message"]] {
                self.say(number, &piece["content"]);
                for part in list(&piece["content"]) {
                    self.say(number, &part["text"]);
                }
                self.say(number, &piece["refusal"]);
                self.think(&piece["reasoning"]);
                for (at, sent) in (0..).zip(list(&piece["tool_calls"])) {
                    let at = sent["index"].as_u64().unwrap_or(at);
                    let call = self.calls.entry((number, at)).or_default();
                    call.begin(&sent["id"], &sent["function"]["name"]);
                    call.go_on(&sent["function"]["arguments"]);
                }
            }
        }
    }

    fn response_event(&mut self, event: &Value) {
        let at = event["output_index"].as_u64().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" | "response.refusal.delta" => self.say(0, &event["delta"]),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                self.think(&event["delta"]);
            }
            "response.output_item.added" if event["item"]["type"] == "function_call" => {
                let item = &event["item"];
                self.calls.entry((0, at)).or_default().begin(&item["call_id"], &item["name"]);
            }
            "response.function_call_arguments.delta" => {
                self.calls.entry((0, at)).or_default().go_on(&event["delta"]);
            }
            "response.failed" => self.fail(&event["response"]["error"]),
            "error" => self.fail(event),
            _ => {}
        }
    }

    /// An output item of a whole response.
    fn item(&mut self, at: u64, item: &Value) {
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                for part in list(&item["content"]) {
                    self.say(0, &part["text"]);
                    self.say(0, &part["refusal"]);
                }
            }
            "reasoning" => {
                for part in list(&item["summary"]).iter().chain(list(&item["content"])) {
                    self.think(&part["text"]);
                }
            }
            "function_call" => {
                let call = self.calls.entry((0, at)).or_default();
                call.begin(&item["call_id"], &item["name"]);
                call.go_on(&item["arguments"]);
            }
            _ => {}
        }
    }

    fn message_event(&mut self, event: &Value) {
        let at = event["index"].as_u64().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "content_block_start" => self.block(at, &event["content_block"]),
            "content_block_delta" => {
                let delta = &event["delta"];
                self.say(0, &delta["text"]);
                self.think(&delta["thinking"]);
                if let Some(call) = self.calls.get_mut(&(0, at)) {
                    call.go_on(&delta["partial_json"]);
                }
            }
            _ => {}
        }
    }

    /// A content block of Messages, whole or as it begins.
    fn block(&mut self, at: u64, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => self.say(0, &block["text"]),
            "thinking" => self.think(&block["thinking"]),
            "tool_use" | "server_tool_use" => {
                let call = self.calls.entry((0, at)).or_default();
                call.begin(&block["id"], &block["name"]);
                // The input of a block that begins is empty.
                if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                    call.arguments = block["input"].to_string();
                }
            }
            _ => {}
        }
    }

    /// The first error that is told counts.
    fn fail(&mut self, error: &Value) {
        if self.failure.is_some() || !(error.is_object() && error["message"].is_string()) {
            return;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.failure = Some(Failure {
            status: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            message: text(&error["message"]),
            provider_name: text(&error["metadata"]["provider_name"]),
            raw: text(&error["metadata"]["raw"]),
            previous_errors: Vec::new(),
        });
    }
}

impl Call {
    fn begin(&mut self, id: &Value, name: &Value) {
        for (kept, said) in [(&mut self.id, id), (&mut self.name, name)] {
            if let Some(said) = said.as_str().filter(|said| !said.is_empty()) {
                said.clone_into(kept);
            }
        }
    }

    fn go_on(&mut self, arguments: &Value) {
        self.arguments.push_str(arguments.as_str().unwrap_or_default());
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
