//! What one answer has said so far, and the events that the next piece of it is. Everything may come twice,
//! in pieces and whole: what is known already goes out once.

use serde_json::{Value, json};

use super::super::super::quirks::Quirks;
use super::super::errors::inside;
use super::super::reasoning_format;
use super::super::usage::Reported;
use super::items::{self, Item, Kind, Part, PartKind, Place, filled};
use super::wire::{Response, read};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::client::Dialect;
use crate::codec::Target;
use crate::error::ProviderError;

/// Items of one answer, and parts of one item, at most: memory must not grow by what a server makes up.
const MOST: usize = 4_096;

pub(super) struct State {
    format: String,
    excludes_reasoning: bool,
    has_started: bool,
    is_over: bool,
    items: Vec<Item>,
    calls: u32,
    /// Blocks of reasoning.
    blocks: u32,
    /// Characters of all text.
    characters: usize,
}

impl State {
    pub(super) fn new(target: &Target<'_>) -> Self {
        Self {
            format: reasoning_format(target).to_owned(),
            excludes_reasoning: Quirks::of(target).has("completion_excludes_reasoning"),
            has_started: false,
            is_over: false,
            items: Vec::new(),
            calls: 0,
            blocks: 0,
            characters: 0,
        }
    }

    /// Whether the answer came to an end, good or bad.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }

    pub(super) fn start(&mut self, response: &Response<'_>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let (id, model) = (filled(&response.id), filled(&response.model));
        events.push(Event::Start { id, model, system_fingerprint: None });
    }

    /// The last that is heard of an answer, or all of it. It stands as `told` where it does not say itself.
    pub(super) fn end(&mut self, response: Response<'_>, told: &str, events: &mut Vec<Event>) {
        self.start(&response, events);
        if self.items.is_empty() || self.items.iter().any(|item| !item.is_done) {
            for (index, item) in (0..).zip(read::<Vec<Value>>(response.output).unwrap_or_default()) {
                self.item_done(Some(index), item, events);
            }
        }
        if self.is_over {
            return;
        }
        events.extend(filled(&response.service_tier).map(Event::ServiceTier));
        let reported: Option<Reported> = serde_json::from_value(response.usage).ok();
        let usage = reported.and_then(|reported| reported.classes(self.excludes_reasoning));
        events.extend(usage.map(Event::Usage));
        let reason = filled(&response.incomplete_details["reason"]);
        match response.status.as_str().unwrap_or(told) {
            _ if !response.error.is_null() => self.fail(inside(&response.error), events),
            "completed" => {
                let reason = if self.calls > 0 { FinishReason::ToolCalls } else { FinishReason::Stop };
                self.finish(reason, "completed".to_owned(), events);
            }
            "incomplete" => {
                let native = reason.unwrap_or_else(|| "incomplete".to_owned());
                let is_filtered = native == "content_filter";
                let reason = if is_filtered { FinishReason::ContentFilter } else { FinishReason::Length };
                self.finish(reason, native, events);
            }
            status => {
                let message = format!("the provider's answer ended as `{status}`");
                self.fail(ProviderError::broken(&message), events);
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, native: String, events: &mut Vec<Event>) {
        self.is_over = true;
        events.push(Event::Finish { choice: 0, reason, native });
    }

    /// The position of an item, which begins when it is first spoken of. Without an index it is the last one.
    fn item(&mut self, index: Option<u64>, kind: Kind, events: &mut Vec<Event>) -> Option<usize> {
        if self.is_over {
            return None;
        }
        let index = index.or(self.items.last().map(|item| item.index)).unwrap_or_default();
        if let Some(position) = self.items.iter().rposition(|item| item.index == index) {
            return Some(position);
        }
        if self.items.len() >= MOST {
            self.fail(ProviderError::broken("the provider's answer has too many items"), events);
            return None;
        }
        self.items.push(Item::new(index, kind));
        Some(self.items.len() - 1)
    }

    /// The item and the part that a piece belongs to.
    fn part(&mut self, place: Place, events: &mut Vec<Event>) -> Option<(&mut Item, usize)> {
        let position = self.item(place.item, place.kind.item(), events)?;
        let parts = &self.items[position].parts;
        let known = parts.iter().rposition(|part| part.kind == place.kind && part.at == place.at);
        if known.is_none() && parts.len() >= MOST {
            self.fail(ProviderError::broken("the provider's answer has too many parts"), events);
            return None;
        }
        let item = &mut self.items[position];
        let known = known.unwrap_or_else(|| {
            let (start, block) = (self.characters, self.blocks);
            self.blocks = self.blocks.saturating_add(u32::from(place.kind.item() == Kind::Reasoning));
            item.parts.push(Part { kind: place.kind, at: place.at, sent: 0, annotations: 0, start, block });
            item.parts.len() - 1
        });
        Some((item, known))
    }

    pub(super) fn item_added(&mut self, index: Option<u64>, value: &Value, events: &mut Vec<Event>) {
        let index = index.unwrap_or(self.items.len() as u64);
        let Some(position) = self.item(Some(index), Kind::of(value), events) else { return };
        let item = &mut self.items[position];
        item.id = filled(&value["id"]);
        item.phase = filled(&value["phase"]);
        item.format = filled(&value["format"]);
        if item.kind == Kind::Call && item.call.is_none() {
            item.call = Some((self.calls, 0));
            events.push(Event::ToolCall {
                choice: 0,
                index: self.calls,
                id: filled(&value["call_id"]).or_else(|| item.id.clone()),
                name: filled(&value["name"]),
                arguments: String::new(),
            });
            self.calls = self.calls.saturating_add(1);
        }
    }

    /// An item is whole: what did not come of it in pieces comes now.
    pub(super) fn item_done(&mut self, index: Option<u64>, value: Value, events: &mut Vec<Event>) {
        let is_it = |item: &&Item| index.is_none_or(|index| item.index == index);
        match self.items.iter().rfind(is_it) {
            Some(item) if item.is_done && index.is_some() => return,
            Some(item) if !item.is_done => {}
            _ => self.item_added(index, &value, events),
        }
        let Some(position) = self.item(index, Kind::of(&value), events) else { return };
        let item = &mut self.items[position];
        item.is_done = true;
        let index = Some(item.index);
        match item.kind {
            Kind::Message => self.message_is(index, &value, events),
            Kind::Reasoning => self.reasoning_is(index, &value, events),
            Kind::Call => self.arguments_are(index, &items::arguments(&value["arguments"]), events),
            Kind::Image => events.extend(items::image(&value)),
            Kind::Other => events.push(Event::Native { dialect: Dialect::Responses, value }),
        }
    }

    fn message_is(&mut self, index: Option<u64>, value: &Value, events: &mut Vec<Event>) {
        for (at, part) in (0..).zip(value["content"].as_array().into_iter().flatten()) {
            let of = |kind| Place { item: index, kind, at };
            if let Some(refusal) = part["refusal"].as_str() {
                self.complete(of(PartKind::Refusal), refusal, events);
            }
            let Some(text) = part["text"].as_str() else { continue };
            let place = of(PartKind::Text);
            let Some((item, known)) = self.part(place, events) else { return };
            if item.parts[known].sent == 0 {
                events.extend(items::logprobs(part.get("logprobs").cloned()));
            }
            let announced = item.parts[known].annotations;
            self.complete(place, text, events);
            for annotation in part["annotations"].as_array().into_iter().flatten().skip(announced) {
                self.annotate(place, annotation.clone(), events);
            }
        }
    }

    fn reasoning_is(&mut self, index: Option<u64>, value: &Value, events: &mut Vec<Event>) {
        let of = |kind, at| Place { item: index, kind, at };
        for (member, kind) in [("content", PartKind::Thought), ("summary", PartKind::Summary)] {
            for (at, part) in (0..).zip(value[member].as_array().into_iter().flatten()) {
                self.complete(of(kind, at), part["text"].as_str().unwrap_or_default(), events);
            }
        }
        if let Some(signature) = filled(&value["signature"])
            && let Some((item, part)) = self.part(of(PartKind::Thought, 0), events)
        {
            let block = item.parts[part].block;
            let detail = ReasoningDetail { signature: Some(signature), ..self.detail(index, block) };
            events.push(Event::Reasoning { choice: 0, detail });
        }
        self.complete(
            of(PartKind::Sealed, 0),
            value["encrypted_content"].as_str().unwrap_or_default(),
            events,
        );
    }

    fn detail(&self, index: Option<u64>, block: u32) -> ReasoningDetail {
        let item = self.items.iter().rfind(|item| index.is_none_or(|index| item.index == index));
        ReasoningDetail {
            index: block,
            id: item.and_then(|item| item.id.clone()),
            format: item.and_then(|item| item.format.clone()).or_else(|| Some(self.format.clone())),
            ..ReasoningDetail::default()
        }
    }

    /// The next piece of a part.
    pub(super) fn push(&mut self, place: Place, delta: &str, events: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        let Some((item, part)) = self.part(place, events) else { return };
        item.parts[part].sent += delta.len();
        let block = item.parts[part].block;
        if place.kind.item() == Kind::Message
            && let Some(phase) = item.phase.take()
        {
            let value = json!({"type": "message", "id": item.id, "phase": phase});
            events.push(Event::Native { dialect: Dialect::Responses, value });
        }
        let text = delta.to_owned();
        let kind = match place.kind {
            PartKind::Text => {
                self.characters += text.chars().count();
                events.push(Event::Text { choice: 0, text });
                return;
            }
            PartKind::Refusal => {
                events.push(Event::Refusal { choice: 0, text });
                return;
            }
            PartKind::Thought => ReasoningKind::Text,
            PartKind::Summary => ReasoningKind::Summary,
            PartKind::Sealed => ReasoningKind::Encrypted,
        };
        let detail = ReasoningDetail { kind, content: Some(text), ..self.detail(place.item, block) };
        events.push(Event::Reasoning { choice: 0, detail });
    }

    /// A part is whole: what did not come of it in pieces comes now.
    pub(super) fn complete(&mut self, place: Place, whole: &str, events: &mut Vec<Event>) {
        let Some((item, part)) = self.part(place, events).filter(|_| !whole.is_empty()) else { return };
        let rest = whole.get(item.parts[part].sent..).unwrap_or_default();
        self.push(place, rest, events);
    }

    pub(super) fn annotate(&mut self, place: Place, annotation: Value, events: &mut Vec<Event>) {
        let Some((item, part)) = self.part(place, events) else { return };
        item.parts[part].annotations += 1;
        let start = item.parts[part].start;
        events.extend(items::annotation(annotation, start));
    }

    pub(super) fn arguments(&mut self, index: Option<u64>, delta: &str, events: &mut Vec<Event>) {
        let Some(position) = self.item(index, Kind::Call, events) else { return };
        let Some((call, sent)) = self.items[position].call.as_mut().filter(|_| !delta.is_empty()) else {
            return;
        };
        *sent += delta.len();
        let (index, arguments) = (*call, delta.to_owned());
        events.push(Event::ToolCall { choice: 0, index, id: None, name: None, arguments });
    }

    pub(super) fn arguments_are(&mut self, index: Option<u64>, whole: &str, events: &mut Vec<Event>) {
        let Some(position) = self.item(index, Kind::Call, events) else { return };
        let sent = self.items[position].call.map_or(0, |(_, sent)| sent);
        self.arguments(index, whole.get(sent..).unwrap_or_default(), events);
    }
}
