//! Content blocks to events. A whole answer is the stream of its blocks, each given at once.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::family::Family;
use super::wire::{Answer, Block, Delta, Image, ReasoningContent, Start, ToolUse};
use super::{CLAUDE, UNKNOWN, citations, errors};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::error::ProviderError;
use crate::raw;
use crate::sse::EVENT_LIMIT;
use crate::structured;

/// What has been read of one answer.
#[derive(Debug)]
pub(super) struct Reader {
    family: Family,
    open: Vec<(u32, Open)>,
    tool_calls: u32,
    /// The answer came as the input of a tool.
    is_structured: bool,
    reasoning_blocks: u32,
    /// Characters of text so far, for the places of citations.
    characters: usize,
    /// Bytes of images and hidden reasoning that have been kept until their blocks end.
    kept: usize,
}

/// A block that has begun.
#[derive(Debug)]
enum Open {
    Text {
        start: usize,
        citations: Vec<Value>,
    },
    Reasoning {
        ordinal: u32,
    },
    /// Reasoning that nobody can read.
    Redacted {
        ordinal: u32,
        bytes: Vec<u8>,
    },
    Tool {
        ordinal: u32,
        has_arguments: bool,
    },
    Image {
        format: String,
        bytes: Vec<u8>,
    },
    /// The tool whose input is the text of the answer.
    Answer {
        has_text: bool,
    },
    /// Nothing of it reaches the client: a tool that the provider runs itself.
    Other,
}

impl Reader {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            open: Vec::new(),
            tool_calls: 0,
            is_structured: false,
            reasoning_blocks: 0,
            characters: 0,
            kept: 0,
        }
    }

    /// A block begins. Only calls and images say so; others begin with their first piece.
    pub(super) fn start(&mut self, index: u32, start: Start<'_>, events: &mut Vec<Event>) {
        if let Some(call) = start.tool_use {
            let open = self.call(call, events);
            self.open.push((index, open));
        } else if let Some(image) = start.image {
            let format = image.format.unwrap_or_default();
            self.open.push((index, Open::Image { format, bytes: Vec::new() }));
        }
    }

    /// # Errors
    /// [`ProviderError`] when what must be kept of the answer is too much.
    pub(super) fn delta(
        &mut self,
        index: u32,
        delta: Delta<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        if let Some(text) = delta.text {
            self.opened(index, |reader| Open::Text { start: reader.characters, citations: Vec::new() });
            self.text(text, events);
        }
        if let Some(citation) = delta.citation {
            let open =
                self.opened(index, |reader| Open::Text { start: reader.characters, citations: Vec::new() });
            if let Open::Text { citations, .. } = open {
                citations.push(citation);
            }
        }
        if let Some(input) = delta.tool_use.and_then(|call| call.input).filter(|input| !input.is_empty()) {
            self.input(index, input, events);
        }
        if let Some(reasoning) = delta.reasoning_content {
            self.reasoning(index, reasoning, events)?;
        }
        match delta.image {
            Some(image) => self.image(index, image),
            None => Ok(()),
        }
    }

    pub(super) fn stop(&mut self, index: u32, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().rposition(|(of, _)| *of == index) {
            let (_, open) = self.open.remove(at);
            self.close(open, events);
        }
    }

    /// The model stopped. Appends what is owed of its blocks; the finish itself is returned.
    pub(super) fn finish(&mut self, native: String, events: &mut Vec<Event>) -> Event {
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open, events);
        }
        Event::Finish { choice: 0, reason: self.reason(&native), native }
    }

    /// A block of a whole answer.
    fn block(&mut self, index: u32, block: Block<'_>, events: &mut Vec<Event>) -> Result<(), ProviderError> {
        if let Some(call) = block.tool_use {
            let open = self.call(call, events);
            self.open.push((index, open));
        }
        let (texts, citations) = match block.citations_content {
            Some(cited) => {
                (cited.content.into_iter().filter_map(|piece| piece.text).collect(), cited.citations)
            }
            None => (Vec::from_iter(block.text), Vec::new()),
        };
        if !texts.is_empty() {
            self.open.push((index, Open::Text { start: self.characters, citations }));
            texts.into_iter().for_each(|text| self.text(text, events));
        }
        if let Some(reasoning) = block.reasoning_content {
            self.reasoning(index, reasoning, events)?;
        }
        if let Some(image) = block.image {
            self.image(index, image)?;
        }
        self.stop(index, events);
        Ok(())
    }

    fn text(&mut self, text: Cow<'_, str>, events: &mut Vec<Event>) {
        if !text.is_empty() {
            self.characters += text.chars().count();
            events.push(Event::Text { choice: 0, text: text.into_owned() });
        }
    }

    /// A piece of a tool's input.
    fn input(&mut self, index: u32, input: Cow<'_, str>, events: &mut Vec<Event>) {
        match self.find(index) {
            Some((_, Open::Tool { ordinal, has_arguments })) => {
                *has_arguments = true;
                events.push(more_arguments(*ordinal, input.into_owned()));
            }
            Some((_, Open::Answer { has_text })) => {
                *has_text = true;
                self.text(input, events);
            }
            _ => {}
        }
    }

    fn call(&mut self, call: ToolUse<'_>, events: &mut Vec<Event>) -> Open {
        if call.kind.as_deref() == Some("server_tool_use") {
            return Open::Other;
        }
        if structured::is_answer(call.name.as_deref()) {
            return self.answer(call.input, events);
        }
        let ordinal = next(&mut self.tool_calls);
        let arguments = given(call.input);
        let has_arguments = arguments.is_some();
        events.push(Event::ToolCall {
            choice: 0,
            index: ordinal,
            id: call.tool_use_id,
            name: call.name,
            arguments: arguments.unwrap_or_default(),
        });
        Open::Tool { ordinal, has_arguments }
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

    fn reasoning(
        &mut self,
        index: u32,
        reasoning: ReasoningContent<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        let (text, signature) = match reasoning.reasoning_text {
            Some(whole) => (whole.text, whole.signature),
            None => (reasoning.text, reasoning.signature),
        };
        let content = text.map(Cow::into_owned).filter(|text| !text.is_empty());
        let signature = signature.filter(|signature| !signature.is_empty());
        if let Some(redacted) = reasoning.redacted_content.filter(|data| !data.is_empty()) {
            let more = self.decoded(&redacted)?;
            let open = self.opened(index, |reader| Open::Redacted {
                ordinal: next(&mut reader.reasoning_blocks),
                bytes: Vec::new(),
            });
            if let Open::Redacted { bytes, .. } = open {
                bytes.extend_from_slice(&more);
            }
        }
        if content.is_none() && signature.is_none() {
            return Ok(());
        }
        let format = self.format();
        let open =
            self.opened(index, |reader| Open::Reasoning { ordinal: next(&mut reader.reasoning_blocks) });
        if let Open::Reasoning { ordinal } = open {
            let detail = ReasoningDetail { content, signature, ..detail(*ordinal, format) };
            events.push(Event::Reasoning { choice: 0, detail });
        }
        Ok(())
    }

    fn image(&mut self, index: u32, image: Image<'_>) -> Result<(), ProviderError> {
        let data = image.source.and_then(|source| source.bytes).unwrap_or_default();
        let more = self.decoded(&data)?;
        let format = image.format.unwrap_or_default();
        let open = self.opened(index, |_| Open::Image { format, bytes: Vec::new() });
        if let Open::Image { bytes, .. } = open {
            bytes.extend_from_slice(&more);
        }
        Ok(())
    }

    fn decoded(&mut self, data: &str) -> Result<Vec<u8>, ProviderError> {
        let bytes = BASE64_STANDARD
            .decode(data)
            .map_err(|_| ProviderError::broken("the provider sent bytes that cannot be read"))?;
        self.kept = self.kept.saturating_add(bytes.len());
        match self.kept <= EVENT_LIMIT {
            true => Ok(bytes),
            false => Err(ProviderError::broken("the provider's answer is too long")),
        }
    }

    fn find(&mut self, index: u32) -> Option<&mut (u32, Open)> {
        self.open.iter_mut().rev().find(|(of, _)| *of == index)
    }

    /// The open block of an index; without one, `begin` makes it.
    fn opened(&mut self, index: u32, begin: impl FnOnce(&mut Self) -> Open) -> &mut Open {
        let known = self.open.iter().rposition(|(of, _)| *of == index);
        let at = known.unwrap_or_else(|| {
            let open = begin(self);
            self.open.push((index, open));
            self.open.len() - 1
        });
        &mut self.open[at].1
    }

    fn close(&mut self, open: Open, events: &mut Vec<Event>) {
        match open {
            Open::Tool { ordinal, has_arguments: false } => {
                events.push(more_arguments(ordinal, "{}".to_owned()));
            }
            Open::Text { start, citations } => {
                let members = citations::members(&citations, start, self.characters);
                if !members.is_empty() {
                    events.push(Event::Extra { choice: 0, members });
                }
            }
            Open::Redacted { ordinal, bytes } => {
                let detail = ReasoningDetail {
                    kind: ReasoningKind::Encrypted,
                    content: Some(self.hidden(bytes)),
                    ..detail(ordinal, self.format())
                };
                events.push(Event::Reasoning { choice: 0, detail });
            }
            Open::Image { format, bytes } => {
                let format = if format.is_empty() { "png" } else { &format };
                let url = format!("data:image/{format};base64,{}", BASE64_STANDARD.encode(bytes));
                events.push(Event::Image { choice: 0, url });
            }
            Open::Answer { has_text: false } => self.text("{}".into(), events),
            Open::Tool { .. } | Open::Answer { .. } | Open::Reasoning { .. } | Open::Other => {}
        }
    }

    /// What Claude hides is text, which this provider wraps once more.
    fn hidden(&self, bytes: Vec<u8>) -> String {
        match String::from_utf8(bytes) {
            Ok(text) if self.family == Family::Claude => text,
            Ok(text) => BASE64_STANDARD.encode(text),
            Err(error) => BASE64_STANDARD.encode(error.into_bytes()),
        }
    }

    /// Claude's reasoning is signed alike wherever it runs.
    fn format(&self) -> &'static str {
        if self.family == Family::Claude { CLAUDE } else { UNKNOWN }
    }

    fn reason(&self, native: &str) -> FinishReason {
        match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
            "malformed_model_output" | "malformed_tool_use" => FinishReason::Error,
            "tool_use" if self.is_structured && self.tool_calls == 0 => FinishReason::Stop,
            "tool_use" => FinishReason::ToolCalls,
            "stop_sequence" => FinishReason::Stop,
            _ if self.tool_calls > 0 => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        }
    }
}

/// Reads a whole answer.
pub(super) fn decode(body: &[u8], family: Family) -> Result<Vec<Event>, ProviderError> {
    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(body) else {
        return Err(errors::unreadable(body));
    };
    let Some(native) = answer.stop_reason else { return Err(errors::unreadable(body)) };
    let mut events = vec![start()];
    let mut reader = Reader::new(family);
    let content = answer.output.and_then(|output| output.message).map(|message| message.content);
    for (index, block) in (0..).zip(content.unwrap_or_default()) {
        reader.block(index, block, &mut events)?;
    }
    let finish = reader.finish(native, &mut events);
    events.push(finish);
    events.extend(answer.service_tier.and_then(|tier| tier.kind).map(Event::ServiceTier));
    events.extend(answer.usage.and_then(|counts| counts.usage()).map(Event::Usage));
    Ok(events)
}

/// The provider names neither the answer nor the model.
pub(super) fn start() -> Event {
    Event::Start { id: None, model: None, system_fingerprint: None }
}

fn next(counter: &mut u32) -> u32 {
    let ordinal = *counter;
    *counter = ordinal.saturating_add(1);
    ordinal
}

/// What a call already has of its arguments; when it starts a stream that is nothing.
fn given(input: Option<&RawValue>) -> Option<String> {
    input.map(raw::compact).filter(|input| input != "{}" && input != "null")
}

fn detail(ordinal: u32, format: &str) -> ReasoningDetail {
    ReasoningDetail { index: ordinal, format: Some(format.to_owned()), ..ReasoningDetail::default() }
}

fn more_arguments(ordinal: u32, arguments: String) -> Event {
    Event::ToolCall { choice: 0, index: ordinal, id: None, name: None, arguments }
}
