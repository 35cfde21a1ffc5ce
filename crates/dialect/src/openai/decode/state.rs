//! What one answer has said so far, and the events that the next piece of it is.

use pricing::Usage;
use serde_json::{Map, Value};

use super::super::errors;
use super::super::quirks::Quirks;
use super::calls::Calls;
use super::logprobs;
use super::parts::{self, Said};
use super::sources::Sources;
use super::think::{Split, Splitter};
use super::wire::{Choice, Completion, Content, Message, says_something};
use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::error::ProviderError;
use crate::reasoning_details::detail;

/// Members beside the choices that are kept at most.
const MOST_EXTRA: usize = 32;

#[derive(Default)]
pub(super) struct State {
    excludes_reasoning: bool,
    splits_thoughts: bool,
    has_started: bool,
    has_failed: bool,
    has_content: bool,
    has_tier: bool,
    usage: Option<Usage>,
    sources: Sources,
    choices: Vec<ChoiceState>,
    /// Members beside the choices.
    extra: Map<String, Value>,
}

#[derive(Default)]
struct ChoiceState {
    index: u32,
    /// Waits for the end: some providers go on after it.
    finish: Option<(FinishReason, String)>,
    /// More was said after the finish, which was none then.
    goes_on: bool,
    calls: Calls,
    splitter: Splitter,
}

impl State {
    pub(super) fn new(quirks: Quirks<'_>) -> Self {
        Self {
            excludes_reasoning: quirks.has("completion_excludes_reasoning"),
            splits_thoughts: quirks.has("think_tags"),
            ..Self::default()
        }
    }

    /// Appends what a piece of the answer says. After a failure only usage counts.
    pub(super) fn take(&mut self, mut completion: Completion, events: &mut Vec<Event>) {
        let failure = Self::failure(&completion);
        if !self.has_failed {
            self.keep(completion.take_extra());
            self.start(&completion, events);
            self.sources.take(completion.search_results.as_ref(), completion.citations.as_ref());
            let choices = completion.choices.unwrap_or_default();
            for (position, choice) in choices.into_iter().enumerate() {
                self.choice(choice, position, failure.is_some(), events);
            }
            if let Some(failure) = failure {
                self.fail(failure, events);
            }
            if let Some(tier) = completion.service_tier.filter(|_| !self.has_tier) {
                self.has_tier = true;
                events.push(Event::ServiceTier(tier));
            }
        }
        let counts = completion.usage.or(completion.x_groq.and_then(|groq| groq.usage));
        let usage = counts.and_then(|counts| counts.classes(self.excludes_reasoning));
        if let Some(usage) = usage.filter(|usage| self.usage.as_ref() != Some(usage)) {
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
    }

    /// Streams repeat what stands beside the choices; what was said last counts.
    fn keep(&mut self, extra: Map<String, Value>) {
        for (name, value) in extra {
            if self.extra.len() < MOST_EXTRA || self.extra.contains_key(&name) {
                self.extra.insert(name, value);
            }
        }
    }

    pub(super) fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_failed, true) {
            events.push(Event::Failure(error));
        }
    }

    /// Text that waited for a tag goes out.
    pub(super) fn flush(&mut self, events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        for place in 0..self.choices.len() {
            let index = self.choices[place].index;
            let split = self.choices[place].splitter.end();
            self.push_split(index, split, events);
        }
    }

    /// The answer is whole: tells what it rests on and ends every choice. One that the provider gave no reason
    /// for stopped, and has no word of the provider's.
    pub(super) fn finish(&mut self, events: &mut Vec<Event>) {
        if let Some(first) = self.choices.first() {
            self.sources.tell(first.index, events);
        }
        if !self.extra.is_empty() {
            events.push(Event::AnswerExtra(std::mem::take(&mut self.extra)));
        }
        for choice in &mut self.choices {
            let (reason, native) = choice.finish.take().unwrap_or((FinishReason::Stop, String::new()));
            events.push(Event::Finish { choice: choice.index, reason, native });
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(super) fn has_content(&self) -> bool {
        self.has_content
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_started
    }

    /// Whether every choice that began has its finish.
    pub(super) fn is_finished(&self) -> bool {
        !self.choices.is_empty()
            && self.choices.iter().all(|choice| choice.finish.is_some() && !choice.goes_on)
    }

    fn failure(completion: &Completion) -> Option<ProviderError> {
        let choices = completion.choices.iter().flatten();
        let mut beside = choices.filter_map(|choice| choice.error.as_ref());
        completion.failure().or_else(|| beside.find(|error| says_something(error))).map(errors::inside)
    }

    /// Azure's first chunk has neither id nor choices and starts nothing.
    fn start(&mut self, completion: &Completion, events: &mut Vec<Event>) {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let id = filled(&completion.id);
        let has_choices = completion.choices.as_ref().is_some_and(|choices| !choices.is_empty());
        if self.has_started || (id.is_none() && !has_choices) {
            return;
        }
        self.has_started = true;
        events.push(Event::Start {
            id,
            model: filled(&completion.model),
            system_fingerprint: filled(&completion.system_fingerprint),
        });
    }

    fn place(&mut self, index: u32) -> usize {
        self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(ChoiceState { index, ..ChoiceState::default() });
            self.choices.len() - 1
        })
    }

    fn choice(&mut self, choice: Choice, position: usize, is_failing: bool, events: &mut Vec<Event>) {
        let index = choice.index.unwrap_or(u32::try_from(position).unwrap_or_default());
        let place = self.place(index);
        if let Some(logprobs) = choice.logprobs.and_then(logprobs::shaped) {
            let members = Map::from_iter([("logprobs".to_owned(), logprobs)]);
            events.push(Event::ChoiceExtra { choice: index, members });
        }
        if let Some(message) = choice.delta.or(choice.message) {
            self.message(index, message, events);
        }
        let Some(native) = choice.finish_reason.filter(|reason| !reason.is_empty() && !is_failing) else {
            return;
        };
        match finish_reason(&native) {
            FinishReason::Error => self.fail(ended_in_error(&native), events),
            reason => {
                let native = choice.native_finish_reason.unwrap_or(native);
                self.choices[place].finish.get_or_insert((reason, native));
                self.choices[place].goes_on = false;
            }
        }
    }

    fn message(&mut self, choice: u32, message: Message, events: &mut Vec<Event>) {
        let before = events.len();
        reasoning(choice, message.reasoning, &message.details, events);
        match message.content {
            Content::None => {}
            Content::Text(text) => self.text(choice, text, events),
            Content::Parts(parts) => {
                for part in parts {
                    match parts::read(choice, part) {
                        Said::Text(text) => self.text(choice, text, events),
                        Said::Refusal(text) => events.push(Event::Refusal { choice, text }),
                        Said::Reasoning(detail) => events.push(Event::Reasoning { choice, detail }),
                        Said::Image(image) => events.push(image),
                        Said::Nothing => {}
                    }
                }
            }
        }
        if let Some(text) = message.refusal.filter(|text| !text.is_empty()) {
            events.push(Event::Refusal { choice, text });
        }
        let place = self.place(choice);
        for (position, call) in message.tool_calls.into_iter().enumerate() {
            self.choices[place].calls.take(choice, call, position, events);
        }
        events.extend(message.images.iter().filter_map(|image| parts::image(choice, image)));
        if !message.extra.is_empty() {
            events.push(Event::Extra { choice, members: message.extra });
        }
        self.has_content |= events.len() > before;
        self.choices[place].goes_on |= events[before..].iter().any(is_said);
    }

    fn text(&mut self, choice: u32, text: String, events: &mut Vec<Event>) {
        if !self.splits_thoughts {
            events.push(Event::Text { choice, text });
            return;
        }
        let place = self.place(choice);
        let split = self.choices[place].splitter.push(&text);
        self.push_split(choice, split, events);
    }

    fn push_split(&mut self, choice: u32, split: Split, events: &mut Vec<Event>) {
        reasoning(choice, Some(split.reasoning), &[], events);
        if !split.text.is_empty() {
            events.push(Event::Text { choice, text: split.text });
        }
    }
}

/// Whether an event is of the answer itself and not of what stands beside it.
fn is_said(event: &Event) -> bool {
    matches!(event, Event::Text { .. } | Event::Reasoning { .. } | Event::ToolCall { .. })
}

/// Details where they can be read; else the text, with what cannot be read beside it.
fn reasoning(choice: u32, text: Option<String>, details: &[Value], events: &mut Vec<Event>) {
    let details: Vec<ReasoningDetail> =
        details.iter().enumerate().filter_map(|(position, value)| detail(value, position)).collect();
    let is_readable = details.iter().any(|detail| detail.text().is_some_and(|text| !text.is_empty()));
    if let Some(text) = text.filter(|text| !text.is_empty() && !is_readable) {
        let detail = ReasoningDetail { content: Some(text), ..ReasoningDetail::default() };
        events.push(Event::Reasoning { choice, detail });
    }
    events.extend(details.into_iter().map(|detail| Event::Reasoning { choice, detail }));
}

/// What providers call the public reasons; an unknown word is a stop.
fn finish_reason(native: &str) -> FinishReason {
    match native.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "model_length" | "max_output_tokens" | "model_context_window_exceeded" => {
            FinishReason::Length
        }
        "tool_calls" | "tool_call" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "content_filtered" | "safety" | "refusal" | "recitation" | "sensitive" => {
            FinishReason::ContentFilter
        }
        "error" | "insufficient_system_resource" | "abort" | "network_error" => FinishReason::Error,
        _ => FinishReason::Stop,
    }
}

fn ended_in_error(native: &str) -> ProviderError {
    ProviderError::inside(0, "the provider ended its answer with an error", Some(native.to_owned()))
}
