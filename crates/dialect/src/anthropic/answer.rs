//! Content blocks to events. A whole answer is the stream of its blocks, each given at once.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::usage::Counts;
use super::{FORMAT, errors, structured};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::error::ProviderError;
use crate::raw;

#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow, default, deserialize_with = "raw::or_default")]
    content: Vec<Block<'a>>,
    stop_reason: Option<String>,
    stop_details: Option<StopDetails>,
    pub(super) usage: Option<Counts>,
}

impl Message<'_> {
    pub(super) fn start(&mut self) -> Event {
        Event::Start { id: self.id.take(), model: self.model.take(), system_fingerprint: None }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct StopDetails {
    explanation: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    citations: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    signature: Option<String>,
    #[serde(borrow)]
    partial_json: Option<Cow<'a, str>>,
    citation: Option<Value>,
    pub(super) stop_reason: Option<String>,
    pub(super) stop_details: Option<StopDetails>,
}

/// What has been read of one answer.
#[derive(Debug, Default)]
pub(super) struct Reader {
    open: Vec<(u32, Open)>,
    tool_calls: u32,
    /// The answer came as the input of a tool.
    is_structured: bool,
    reasoning_blocks: u32,
    /// Characters of text so far, for the places of citations.
    characters: usize,
    pub(super) counts: Counts,
}

/// A block that has begun.
#[derive(Debug)]
enum Open {
    Text {
        start: usize,
        citations: Vec<Value>,
    },
    Thinking {
        ordinal: u32,
    },
    Tool {
        ordinal: u32,
        has_arguments: bool,
    },
    /// The tool whose input is the text of the answer.
    Answer {
        has_text: bool,
    },
    /// Nothing of it reaches the client: tools that the provider ran itself, and kinds not known yet.
    Other,
}

impl Reader {
    pub(super) fn block_start(&mut self, index: u32, block: Block<'_>, events: &mut Vec<Event>) {
        let open = match &*block.kind {
            "text" => {
                let open =
                    Open::Text { start: self.characters, citations: block.citations.unwrap_or_default() };
                self.text(block.text.unwrap_or_default(), events);
                open
            }
            "thinking" => {
                let ordinal = next(&mut self.reasoning_blocks);
                reasoning(ordinal, block.thinking.unwrap_or_default(), block.signature, events);
                Open::Thinking { ordinal }
            }
            "redacted_thinking" => {
                let detail = ReasoningDetail {
                    kind: ReasoningKind::Encrypted,
                    content: block.data,
                    ..detail(next(&mut self.reasoning_blocks))
                };
                events.push(Event::Reasoning { choice: 0, detail });
                Open::Other
            }
            "tool_use" if structured::is_answer(block.name.as_deref()) => self.answer(block.input, events),
            "tool_use" => {
                let ordinal = next(&mut self.tool_calls);
                let arguments = given(block.input);
                let has_arguments = arguments.is_some();
                events.push(Event::ToolCall {
                    choice: 0,
                    index: ordinal,
                    id: block.id,
                    name: block.name,
                    arguments: arguments.unwrap_or_default(),
                });
                Open::Tool { ordinal, has_arguments }
            }
            _ => Open::Other,
        };
        self.open.push((index, open));
    }

    pub(super) fn block_delta(&mut self, index: u32, delta: Delta<'_>, events: &mut Vec<Event>) {
        let kind = delta.kind.as_deref().unwrap_or_default();
        if kind == "text_delta" {
            self.text(delta.text.unwrap_or_default(), events);
            return;
        }
        let Some((_, open)) = self.open.iter_mut().rev().find(|(of, _)| *of == index) else { return };
        match (open, kind) {
            (Open::Text { citations, .. }, "citations_delta") => citations.extend(delta.citation),
            (Open::Thinking { ordinal }, "thinking_delta" | "signature_delta") => {
                reasoning(*ordinal, delta.thinking.unwrap_or_default(), delta.signature, events);
            }
            (Open::Tool { ordinal, has_arguments }, "input_json_delta") => {
                let arguments = delta.partial_json.unwrap_or_default();
                if !arguments.is_empty() {
                    *has_arguments = true;
                    events.push(more_arguments(*ordinal, arguments.into_owned()));
                }
            }
            (Open::Answer { has_text }, "input_json_delta") => {
                let text = delta.partial_json.unwrap_or_default();
                *has_text |= !text.is_empty();
                self.text(text, events);
            }
            _ => {}
        }
    }

    pub(super) fn block_stop(&mut self, index: u32, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().rposition(|(of, _)| *of == index) {
            let (_, open) = self.open.remove(at);
            self.close(open, events);
        }
    }

    /// The model stopped. Appends what is owed of its blocks; the finish itself is returned.
    pub(super) fn finish(
        &mut self,
        native: String,
        details: Option<StopDetails>,
        events: &mut Vec<Event>,
    ) -> Event {
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open, events);
        }
        if let Some(text) = details.and_then(|details| details.explanation).filter(|text| !text.is_empty()) {
            events.push(Event::Refusal { choice: 0, text });
        }
        Event::Finish { choice: 0, reason: self.reason(&native), native }
    }

    /// Appends what the provider counted.
    pub(super) fn counted(&self, events: &mut Vec<Event>) {
        events.extend(self.counts.service_tier().map(Event::ServiceTier));
        events.extend(self.counts.usage().map(Event::Usage));
    }

    fn text(&mut self, text: Cow<'_, str>, events: &mut Vec<Event>) {
        if !text.is_empty() {
            self.characters += text.chars().count();
            events.push(Event::Text { choice: 0, text: text.into_owned() });
        }
    }

    /// Only the first one counts: as text, two answers would run together.
    fn answer(&mut self, input: Option<&RawValue>, events: &mut Vec<Event>) -> Open {
        if std::mem::replace(&mut self.is_structured, true) {
            return Open::Other;
        }
        let text = given(input).unwrap_or_default();
        let has_text = !text.is_empty();
        self.text(text.into(), events);
        Open::Answer { has_text }
    }

    fn close(&mut self, open: Open, events: &mut Vec<Event>) {
        match open {
            Open::Tool { ordinal, has_arguments: false } => {
                events.push(more_arguments(ordinal, "{}".to_owned()))
            }
            Open::Text { start, citations } => {
                let members = cited(&citations, start, self.characters);
                if !members.is_empty() {
                    events.push(Event::Extra { choice: 0, members });
                }
            }
            Open::Answer { has_text: false } => self.text("{}".into(), events),
            Open::Tool { .. } | Open::Answer { .. } | Open::Thinking { .. } | Open::Other => {}
        }
    }

    fn reason(&self, native: &str) -> FinishReason {
        match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            "tool_use" if self.is_structured && self.tool_calls == 0 => FinishReason::Stop,
            "tool_use" => FinishReason::ToolCalls,
            "stop_sequence" | "pause_turn" => FinishReason::Stop,
            _ if self.tool_calls > 0 => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        }
    }
}

/// Reads a whole answer.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Ok(mut message) = serde_json::from_slice::<Message<'_>>(body) else {
        return Err(errors::inside(body));
    };
    if message.stop_reason.is_none() && message.content.is_empty() {
        return Err(errors::inside(body));
    }
    let mut events = vec![message.start()];
    let mut reader = Reader { counts: message.usage.unwrap_or_default(), ..Reader::default() };
    for (index, block) in (0..).zip(message.content) {
        reader.block_start(index, block, &mut events);
        reader.block_stop(index, &mut events);
    }
    let finish = reader.finish(message.stop_reason.unwrap_or_default(), message.stop_details, &mut events);
    events.push(finish);
    reader.counted(&mut events);
    Ok(events)
}

fn next(counter: &mut u32) -> u32 {
    let ordinal = *counter;
    *counter = ordinal.saturating_add(1);
    ordinal
}

/// What a block's start already has of a tool's input; in streams that is nothing.
fn given(input: Option<&RawValue>) -> Option<String> {
    input.map(raw::compact).filter(|input| input != "{}" && input != "null")
}

fn detail(ordinal: u32) -> ReasoningDetail {
    ReasoningDetail { index: ordinal, format: Some(FORMAT.to_owned()), ..ReasoningDetail::default() }
}

fn reasoning(ordinal: u32, text: Cow<'_, str>, signature: Option<String>, events: &mut Vec<Event>) {
    let content = (!text.is_empty()).then(|| text.into_owned());
    let signature = signature.filter(|signature| !signature.is_empty());
    if content.is_some() || signature.is_some() {
        let detail = ReasoningDetail { content, signature, ..detail(ordinal) };
        events.push(Event::Reasoning { choice: 0, detail });
    }
}

fn more_arguments(ordinal: u32, arguments: String) -> Event {
    Event::ToolCall { choice: 0, index: ordinal, id: None, name: None, arguments }
}

/// Citations of the web are annotations of the text from `start` to `end`; those of the client's own
/// documents have no public form and pass as the provider sent them.
fn cited(citations: &[Value], start: usize, end: usize) -> Map<String, Value> {
    let (mut annotations, mut native) = (Vec::new(), Vec::new());
    for citation in citations {
        match citation.get("url").and_then(Value::as_str) {
            None => native.push(citation.clone()),
            Some(url) => annotations.push(json!({
                "type": "url_citation",
                "url_citation": {
                    "url": url,
                    "title": citation.get("title").and_then(Value::as_str).unwrap_or_default(),
                    "content": citation.get("cited_text").and_then(Value::as_str).unwrap_or_default(),
                    "start_index": start,
                    "end_index": end,
                },
            })),
        }
    }
    let lists = [("annotations", annotations), ("citations", native)];
    lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| (name.to_owned(), Value::Array(list)))
        .collect()
}
