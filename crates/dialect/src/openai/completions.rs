//! OpenAI's legacy text completions, for clients that speak them at providers that do (quirk `apis`). The client's
//! body passes through with only its envelope touched.

#[cfg(test)]
mod tests;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::encode::accept;
use super::errors;
use super::governed::{COSTLY, SAMPLED, is_disguised};
use super::outgoing::Outgoing;
use super::quirks::Quirks;
use super::usage::Counts;
use crate::canonical::{Event, FinishReason, Request, Task};
use crate::client::Dialect;
use crate::client::platform;
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::end_user;
use crate::error::{BadRequest, ProviderError};
use crate::sse;

/// What a strict endpoint knows beside them.
const STANDARD: [&str; 3] = ["prompt", "suffix", "n"];
/// Members that are written anew, or not at all.
const SET_HERE: [&str; 8] = [
    "model",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "user",
    "echo",
    "reasoning_effort",
    "top_logprobs",
];
/// Members of conversations, which a server that speaks both could take for one.
const OTHERS: [&str; 4] = ["messages", "input", "tools", "functions"];

pub(super) struct Completions;

impl Adapter for Completions {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        encode(conversation(task)?, target)
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        decode(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(Stream::default())
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let original = request.original.as_ref().filter(|original| original.dialect == Dialect::Completions);
    let members =
        original.and_then(|original| serde_json::from_slice::<Map<String, Value>>(&original.body).ok());
    let members = members.ok_or_else(|| BadRequest::new("this endpoint continues prompts only"))?;
    let mut body = Outgoing::new(target);
    for (name, value) in members {
        if !value.is_null() && goes_out(&name, target, quirks) {
            body.set(&name, value);
        }
    }
    body.set_some("user", request.user.as_deref().map(end_user::hashed));
    let limit = request.max_tokens.map(|limit| target.within(limit));
    body.set_some("max_tokens", limit);
    if request.stream {
        body.set("stream", true);
        if !quirks.has("no_stream_options") {
            body.set("stream_options", json!({"include_usage": true}));
        }
    }
    body.into_json("completions", accept(request.stream))
}

fn goes_out(name: &str, target: &Target<'_>, quirks: Quirks<'_>) -> bool {
    if platform::MEMBERS.contains(&name) && name != "prompt"
        || SET_HERE.contains(&name)
        || OTHERS.contains(&name)
    {
        return false;
    }
    let is_accepted = quirks.lists("accepts", name);
    if is_disguised(name, &[&SAMPLED, &STANDARD, &COSTLY, &SET_HERE, &OTHERS])
        || (COSTLY.contains(&name) && !is_accepted)
    {
        return false;
    }
    if SAMPLED.contains(&name) {
        return target.takes(name);
    }
    !quirks.has("strict") || STANDARD.contains(&name) || is_accepted
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Completion {
    id: Option<String>,
    model: Option<String>,
    system_fingerprint: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Choice {
    index: Option<u32>,
    text: Option<String>,
    finish_reason: Option<String>,
    logprobs: Option<Value>,
}

/// The completions of an answer that came whole.
fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let completion: Completion = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
    if completion.error.is_none() && completion.choices.as_ref().is_none_or(Vec::is_empty) {
        return Err(errors::unreadable(body));
    }
    let (mut state, mut events) = (State::default(), Vec::new());
    state.take(completion, &mut events);
    state.is_done = true;
    state.end(b"", &mut events);
    match events.iter().position(|event| matches!(event, Event::Failure(_))) {
        Some(at) => match events.swap_remove(at) {
            Event::Failure(error) => Err(error),
            _ => Ok(events),
        },
        None => Ok(events),
    }
}

#[derive(Default)]
struct State {
    has_started: bool,
    has_failed: bool,
    /// `[DONE]` came.
    is_done: bool,
    /// The choices that began, and whether they ended.
    choices: Vec<(u32, bool)>,
}

impl State {
    fn take(&mut self, completion: Completion, events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        if let Some(error) = completion.error.filter(|error| !error.is_null()) {
            return self.fail(errors::inside(&error), events);
        }
        if !std::mem::replace(&mut self.has_started, true) {
            let (id, model) = (completion.id, completion.model);
            events.push(Event::Start { id, model, system_fingerprint: completion.system_fingerprint });
        }
        for (position, choice) in completion.choices.unwrap_or_default().into_iter().enumerate() {
            self.choice(choice, position, events);
        }
        let usage = completion.usage.and_then(|counts| counts.classes(false));
        events.extend(usage.map(Event::Usage));
    }

    fn choice(&mut self, choice: Choice, position: usize, events: &mut Vec<Event>) {
        let index = choice.index.unwrap_or(u32::try_from(position).unwrap_or_default());
        let place = self.choices.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.choices.push((index, false));
            self.choices.len() - 1
        });
        if let Some(logprobs) = choice.logprobs.filter(Value::is_object) {
            let members = Map::from_iter([("logprobs".to_owned(), logprobs)]);
            events.push(Event::ChoiceExtra { choice: index, members });
        }
        if let Some(text) = choice.text.filter(|text| !text.is_empty()) {
            events.push(Event::Text { choice: index, text });
        }
        let Some(native) = choice.finish_reason.filter(|reason| !reason.is_empty()) else { return };
        let has_ended = self.choices.get_mut(place).map(|(_, ended)| std::mem::replace(ended, true));
        match finish_reason(&native) {
            _ if has_ended != Some(false) => {}
            FinishReason::Error => {
                let said = "the provider ended its answer with an error";
                self.fail(ProviderError::inside(0, said, Some(native)), events);
            }
            reason => events.push(Event::Finish { choice: index, reason, native }),
        }
    }

    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_failed, true) {
            events.push(Event::Failure(error));
        }
    }

    /// An answer is whole when each of its choices has ended, or when its end was announced.
    fn end(&mut self, stray: &[u8], events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        let is_whole =
            !self.choices.is_empty() && (self.is_done || self.choices.iter().all(|(_, ended)| *ended));
        if !is_whole {
            let error = match stray.trim_ascii() {
                b"" => ProviderError::broken("the provider's answer was cut short"),
                stray => errors::unreadable(stray),
            };
            return self.fail(error, events);
        }
        for (choice, _) in self.choices.iter().filter(|(_, ended)| !*ended) {
            let native = FinishReason::Stop.as_str().to_owned();
            events.push(Event::Finish { choice: *choice, reason: FinishReason::Stop, native });
        }
    }
}

fn finish_reason(native: &str) -> FinishReason {
    match native {
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        "error" | "abort" => FinishReason::Error,
        _ => FinishReason::Stop,
    }
}

#[derive(Default)]
struct Stream {
    frames: sse::Decoder,
    state: State,
}

impl State {
    fn frame(&mut self, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.is_done || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.is_done = true;
            return;
        }
        match serde_json::from_slice::<Completion>(data) {
            Ok(completion) if completion.choices.is_none() && completion.usage.is_none() => {
                if let Some(error) = errors::bare(data) {
                    self.fail(error, events);
                }
            }
            Ok(completion) => self.take(completion, events),
            Err(_) => self.fail(errors::unreadable(data), events),
        }
    }
}

impl StreamDecoder for Stream {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Err(error) = self.frames.push(bytes, |_, data| state.frame(data, events)) {
            state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        self.frames.end(|_, data| state.frame(data, events));
        self.state.end(self.frames.stray(), events);
    }
}
