//! Content blocks to events. A whole answer is the stream of its blocks, each given at once.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::native::{self, TooLong};
use super::usage::Counts;
use super::wire::{Block, Delta, Ending, Kind, Message};
use super::{FORMAT, errors};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::error::ProviderError;
use crate::raw;
use crate::structured;

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
    /// The block before was text.
    after_text: bool,
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
    /// Tools that the provider ran itself, and kinds not known yet.
    Native(native::Block),
    /// All of it was there at its start, or nothing of it reaches the client.
    Other,
}

/// Why a block cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Form,
    Length,
}

impl From<serde_json::Error> for Unreadable {
    fn from(_: serde_json::Error) -> Self {
        Self::Form
    }
}

impl From<TooLong> for Unreadable {
    fn from(_: TooLong) -> Self {
        Self::Length
    }
}

/// Blocks that may be open at once.
const OPEN: usize = 1_024;

impl Reader {
    pub(super) fn block_start(
        &mut self,
        index: u32,
        block: &RawValue,
        events: &mut Vec<Event>,
    ) -> Result<(), Unreadable> {
        if self.open.len() >= OPEN {
            return Err(Unreadable::Length);
        }
        let kind = serde_json::from_str::<Kind<'_>>(block.get())?.kind;
        let after_text = std::mem::replace(&mut self.after_text, kind == "text");
        let open = match &*kind {
            "text" => {
                if after_text {
                    events.push(native::text_ends());
                }
                self.text_block(serde_json::from_str(block.get())?, events)
            }
            "thinking" | "redacted_thinking" => self.thinking(serde_json::from_str(block.get())?, events),
            "tool_use" => self.tool_use(serde_json::from_str(block.get())?, events),
            _ => {
                let members = serde_json::from_str(block.get())?;
                Open::Native(native::Block::new(members, block.get().len()))
            }
        };
        self.open.push((index, open));
        Ok(())
    }

    fn text_block(&mut self, block: Block<'_>, events: &mut Vec<Event>) -> Open {
        let start = self.characters;
        let citations = block.citations.unwrap_or_default();
        self.text(block.text.unwrap_or_default(), events);
        events.extend(citations.iter().map(native::citation));
        Open::Text { start, citations }
    }

    fn thinking(&mut self, block: Block<'_>, events: &mut Vec<Event>) -> Open {
        let ordinal = next(&mut self.reasoning_blocks);
        if block.kind == "thinking" {
            reasoning(ordinal, block.thinking.unwrap_or_default(), block.signature, events);
            return Open::Thinking { ordinal };
        }
        let detail =
            ReasoningDetail { kind: ReasoningKind::Encrypted, content: block.data, ..detail(ordinal) };
        events.push(Event::Reasoning { choice: 0, detail });
        Open::Other
    }

    fn tool_use(&mut self, block: Block<'_>, events: &mut Vec<Event>) -> Open {
        if structured::is_answer(block.name.as_deref()) {
            return self.answer(block.input, events);
        }
        let ordinal = next(&mut self.tool_calls);
        let arguments = given(block.input);
        let has_arguments = arguments.is_some();
        events.extend(native::beside_call(block.id.as_deref(), block.caller, block.toolset_name));
        events.push(Event::ToolCall {
            choice: 0,
            index: ordinal,
            id: block.id,
            name: block.name,
            arguments: arguments.unwrap_or_default(),
        });
        Open::Tool { ordinal, has_arguments }
    }

    pub(super) fn block_delta(
        &mut self,
        index: u32,
        delta: &RawValue,
        events: &mut Vec<Event>,
    ) -> Result<(), Unreadable> {
        let open = self.open.iter_mut().rev().find(|(of, _)| *of == index).map(|(_, open)| open);
        if let Some(Open::Native(block)) = open {
            block.add(serde_json::from_str(delta.get())?, delta.get().len())?;
            return Ok(());
        }
        let delta: Delta<'_> = serde_json::from_str(delta.get())?;
        let kind = delta.kind.as_deref().unwrap_or_default();
        match (open, kind) {
            (_, "text_delta") => self.text(delta.text.unwrap_or_default(), events),
            (Some(Open::Text { citations, .. }), "citations_delta") => {
                events.extend(delta.citation.iter().map(native::citation));
                citations.extend(delta.citation);
            }
            (Some(Open::Thinking { ordinal }), "thinking_delta" | "signature_delta") => {
                reasoning(*ordinal, delta.thinking.unwrap_or_default(), delta.signature, events);
            }
            (Some(Open::Tool { ordinal, has_arguments }), "input_json_delta") => {
                let arguments = delta.partial_json.unwrap_or_default();
                if !arguments.is_empty() {
                    *has_arguments = true;
                    events.push(more_arguments(*ordinal, arguments.into_owned()));
                }
            }
            (Some(Open::Answer { has_text }), "input_json_delta") => {
                let text = delta.partial_json.unwrap_or_default();
                *has_text |= !text.is_empty();
                self.text(text, events);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn block_stop(&mut self, index: u32, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().rposition(|(of, _)| *of == index) {
            let (_, open) = self.open.remove(at);
            self.close(open, events);
        }
    }

    /// The model stopped. Appends what is owed of its blocks, and what is said of the end; the finish itself is
    /// returned.
    pub(super) fn finish(&mut self, native: String, ending: Ending, events: &mut Vec<Event>) -> Event {
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open, events);
        }
        let explanation = ending.explanation();
        events.extend(native::ending(ending, self.counts.beside_tokens()));
        events.extend(explanation.map(|text| Event::Refusal { choice: 0, text }));
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
            Open::Native(block) => events.push(block.complete()),
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
    let ending = message.ending();
    let mut reader = Reader { counts: message.usage.unwrap_or_default(), ..Reader::default() };
    for (index, block) in (0..).zip(message.content) {
        if reader.block_start(index, block, &mut events).is_err() {
            return Err(errors::inside(body));
        }
        reader.block_stop(index, &mut events);
    }
    let finish = reader.finish(message.stop_reason.unwrap_or_default(), ending, &mut events);
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

/// Where a citation is from, if that is on the web.
fn url(citation: &Value) -> Option<&str> {
    let is_web = |source: &&str| source.starts_with("https://") || source.starts_with("http://");
    let text = |name: &str| citation.get(name).and_then(Value::as_str);
    text("url").or_else(|| text("source").filter(is_web))
}

/// Citations of the web are annotations of the text from `start` to `end`; those of the client's own
/// documents have no public form and pass as the provider sent them.
fn cited(citations: &[Value], start: usize, end: usize) -> Map<String, Value> {
    let (mut annotations, mut native) = (Vec::new(), Vec::new());
    for citation in citations {
        match url(citation) {
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
