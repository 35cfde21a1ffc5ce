//! Events to the steps of an answer.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::arguments::Arguments;
use super::block::{Block, Delta, Step};
use super::ending::Ending;
use crate::canonical::{Event, ReasoningDetail, ReasoningKind};
use crate::client::messages::signature::{self, ANTHROPIC};
use crate::client::wire::tool_call_id;
use crate::client::{Dialect, Envelope};

/// What has been written of an answer. Only its first choice has a place in this dialect.
#[derive(Debug, Default)]
pub(super) struct Composer {
    /// Of the answer, for the ids of calls that have none.
    id: String,
    /// Thinking shows no text, but still comes with what lets it be sent back.
    hides_thinking: bool,
    open: Option<Open>,
    /// What came before the open call was complete, for after it.
    waiting: VecDeque<Event>,
    /// Members of the next call's block, beside those that every provider has.
    beside: Map<String, Value>,
    /// Citations come in this dialect's own form, too.
    has_own_citations: bool,
    pub(super) ending: Ending,
}

#[derive(Debug)]
enum Open {
    Text,
    /// With all of the detail but the text that went out.
    Reasoning(ReasoningDetail),
    Call {
        index: u32,
        arguments: Arguments,
    },
}

impl Composer {
    /// `stops`: the sequences at which the model was to stop.
    pub(super) fn new(envelope: &Envelope, stops: Vec<String>) -> Self {
        Self {
            id: envelope.id.clone(),
            hides_thinking: envelope.exclude_reasoning,
            ending: Ending::new(stops, envelope.service_tier.clone()),
            ..Self::default()
        }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, event: Event, steps: &mut Vec<Step>) {
        let is_of_call =
            |event: &Event, index| matches!(event, Event::ToolCall { index: of, .. } if *of == index);
        match &self.open {
            Some(Open::Call { index, .. }) if !is_of_call(&event, *index) && waits(&event) => {
                self.waiting.push_back(event);
            }
            _ => self.take(event, steps),
        }
    }

    /// The answer is over: appends what is owed.
    pub(super) fn end(&mut self, steps: &mut Vec<Step>) {
        self.close(steps);
        while let Some(event) = self.waiting.pop_front() {
            self.take(event, steps);
            if matches!(self.open, Some(Open::Call { .. })) {
                self.take_rest_of_call(steps);
                self.close(steps);
            }
        }
        self.close(steps);
    }

    /// What waits of the open call, though other events came in between.
    fn take_rest_of_call(&mut self, steps: &mut Vec<Step>) {
        let Some(Open::Call { index, .. }) = self.open else { return };
        let (of_call, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|event| matches!(event, Event::ToolCall { index: of, .. } if *of == index));
        self.waiting = others.into();
        for event in of_call {
            let is_open = matches!(self.open, Some(Open::Call { index: open, .. }) if open == index);
            if let Event::ToolCall { arguments, .. } = event
                && is_open
            {
                self.arguments(arguments, steps);
            }
        }
    }

    fn take(&mut self, event: Event, steps: &mut Vec<Step>) {
        match event {
            Event::Text { choice: 0, text } => self.text(text, steps),
            Event::Refusal { choice: 0, text } => {
                if self.ending.take_refusal() {
                    self.text(text, steps);
                }
            }
            Event::Reasoning { choice: 0, detail } => self.reasoning(detail, steps),
            Event::ToolCall { choice: 0, index, id, name, arguments } => {
                self.tool_call(index, id, name, arguments, steps);
            }
            Event::Image { choice: 0, url } => self.image(&url, steps),
            Event::Extra { choice: 0, members } => self.annotations(&members, steps),
            Event::Native { dialect: Dialect::Messages, value: Value::Object(value) } => {
                self.native(value, steps)
            }
            event => self.ending.event(event),
        }
    }

    fn text(&mut self, text: String, steps: &mut Vec<Step>) {
        if text.is_empty() {
            return;
        }
        self.open_text(steps);
        steps.push(Step::Delta(Delta::Text { text }));
    }

    fn open_text(&mut self, steps: &mut Vec<Step>) {
        if !matches!(self.open, Some(Open::Text)) {
            self.close(steps);
            self.open = Some(Open::Text);
            steps.push(Step::Open(Block::Text));
        }
    }

    fn tool_call(
        &mut self,
        index: u32,
        id: Option<String>,
        name: Option<String>,
        arguments: String,
        steps: &mut Vec<Step>,
    ) {
        if !matches!(&self.open, Some(Open::Call { index: open, .. }) if *open == index) {
            if !self.ending.begin_call(index) {
                return;
            }
            self.close(steps);
            let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| tool_call_id(&self.id, 0, index));
            let beside = std::mem::take(&mut self.beside);
            steps.push(Step::Open(Block::ToolUse { id, name: name.unwrap_or_default(), beside }));
            self.open = Some(Open::Call { index, arguments: Arguments::default() });
        }
        self.arguments(arguments, steps);
    }

    /// Once a call is complete, what waited for it goes out.
    fn arguments(&mut self, piece: String, steps: &mut Vec<Step>) {
        let Some(Open::Call { arguments, .. }) = &mut self.open else { return };
        // Some providers write this for no arguments at all.
        let is_nothing = piece.is_empty() || (!arguments.have_begun() && piece.trim() == "null");
        if !is_nothing {
            arguments.take(&piece);
            let is_complete = arguments.are_complete();
            steps.push(Step::Delta(Delta::Input { partial_json: piece }));
            if is_complete {
                self.close(steps);
                for event in std::mem::take(&mut self.waiting) {
                    self.event(event, steps);
                }
            }
        }
    }

    fn reasoning(&mut self, detail: ReasoningDetail, steps: &mut Vec<Step>) {
        let is_empty = detail.content.as_deref().is_none_or(str::is_empty) && detail.signature.is_none();
        let continues = matches!(&self.open, Some(Open::Reasoning(open))
            if open.index == detail.index && open.kind == detail.kind);
        if !continues {
            if is_empty && detail.id.is_none() {
                return;
            }
            self.close(steps);
            if detail.kind != ReasoningKind::Encrypted {
                steps.push(Step::Open(Block::Thinking));
            }
            let blank =
                ReasoningDetail { kind: detail.kind, index: detail.index, ..ReasoningDetail::default() };
            self.open = Some(Open::Reasoning(blank));
        }
        let Some(Open::Reasoning(open)) = &mut self.open else { return };
        let shows = detail.kind != ReasoningKind::Encrypted && !self.hides_thinking;
        match detail.content {
            Some(text) if shows && !text.is_empty() => {
                steps.push(Step::Delta(Delta::Thinking { thinking: text }))
            }
            Some(text) if !shows => open.content.get_or_insert_default().push_str(&text),
            _ => {}
        }
        let keep = |known: &mut Option<String>, later: Option<String>| *known = later.or(known.take());
        keep(&mut open.id, detail.id);
        keep(&mut open.format, detail.format);
        keep(&mut open.signature, detail.signature);
    }

    fn image(&mut self, url: &str, steps: &mut Vec<Step>) {
        self.close(steps);
        let source = match crate::media::data_url(url) {
            Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
            None => json!({"type": "url", "url": url}),
        };
        if let Value::Object(block) = json!({"type": "image", "source": source}) {
            steps.push(Step::Whole(block));
        }
    }

    /// What a text rests on, of providers that have another form for it.
    fn annotations(&mut self, members: &Map<String, Value>, steps: &mut Vec<Step>) {
        let annotations = members.get("annotations").and_then(Value::as_array);
        if self.has_own_citations {
            return;
        }
        for annotation in annotations.into_iter().flatten() {
            let Some(cited) = annotation.get("url_citation") else { continue };
            let text = |name: &str| cited.get(name).and_then(Value::as_str);
            let Some(url) = text("url") else { continue };
            let citation = json!({
                "type": "web_search_result_location",
                "url": url,
                "title": text("title"),
                "cited_text": text("content").unwrap_or_default(),
                "encrypted_index": "",
            });
            self.open_text(steps);
            steps.push(Step::Delta(Delta::Citation { citation }));
        }
    }

    /// A piece of Anthropic's own; see [`Event::Native`].
    fn native(&mut self, mut value: Map<String, Value>, steps: &mut Vec<Step>) {
        match value.get("type").and_then(Value::as_str) {
            Some("content_block_stop") => self.close(steps),
            Some("citations_delta") => {
                self.has_own_citations = true;
                if let Some(citation) = value.shift_remove("citation") {
                    self.open_text(steps);
                    steps.push(Step::Delta(Delta::Citation { citation }));
                }
            }
            Some("tool_use") => {
                self.beside = value;
                self.beside.retain(|name, _| !["type", "id", "name", "input"].contains(&name.as_str()));
            }
            Some("message_delta") => self.ending.take_native(value),
            Some(_) => {
                self.close(steps);
                steps.push(Step::Whole(value));
            }
            None => {}
        }
    }

    /// Ends the open block.
    fn close(&mut self, steps: &mut Vec<Step>) {
        match self.open.take() {
            None => return,
            Some(Open::Text | Open::Call { .. }) => {}
            Some(Open::Reasoning(detail)) if detail.kind == ReasoningKind::Encrypted => {
                if let Value::Object(block) =
                    json!({"type": "redacted_thinking", "data": signature::seal(&detail)})
                {
                    steps.push(Step::Whole(block));
                }
                return;
            }
            Some(Open::Reasoning(detail)) => {
                let is_unsigned = detail.format.as_deref() == Some(ANTHROPIC) && detail.signature.is_none();
                if !is_unsigned {
                    steps.push(Step::Delta(Delta::Signature { signature: signature::seal(&detail) }));
                }
            }
        }
        steps.push(Step::Close);
    }
}

/// Whether an event has its place among the blocks.
fn waits(event: &Event) -> bool {
    event.is_content() || matches!(event, Event::Native { .. })
}
