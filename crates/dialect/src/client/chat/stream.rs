//! Writes a streamed answer, one `chat.completion.chunk` per event.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::write::ImageBody;
use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::client::debug::{Debug, in_one_line};
use crate::client::error::ErrorBody;
use crate::client::tier;
use crate::client::usage::UsageBody;
use crate::client::wire::{DONE, append_frame, tool_call_id};
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};
use crate::reasoning_details::DetailBody;

/// The writer of one streamed answer. Finish reasons wait for the end, so that each choice has exactly one.
pub struct Stream {
    envelope: Envelope,
    system_fingerprint: Option<String>,
    service_tier: Option<String>,
    choices: Vec<Choice>,
    /// Members of the answer beside its choices, for the last chunk.
    extra: Map<String, Value>,
}

/// What has gone out of one choice.
struct Choice {
    index: u32,
    has_role: bool,
    calls: Vec<Call>,
    /// Members beside the delta, waiting for the next chunk of this choice.
    beside: Map<String, Value>,
    finish: Option<(FinishReason, String)>,
}

struct Call {
    index: u32,
    is_named: bool,
    has_arguments: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<Debug<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    extra: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
    native_finish_reason: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    beside: Option<&'a Map<String, Value>>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[DetailBody<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[ImageBody<'a>; 1]>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    extra: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Stream {
    #[must_use]
    pub fn new(envelope: Envelope) -> Self {
        Self {
            system_fingerprint: None,
            service_tier: envelope.service_tier.clone(),
            envelope,
            choices: Vec::new(),
            extra: Map::new(),
        }
    }

    /// The place of a choice among those that have begun.
    fn place(&mut self, index: u32) -> usize {
        if let Some(place) = self.choices.iter().position(|choice| choice.index == index) {
            return place;
        }
        self.choices.push(Choice {
            index,
            has_role: false,
            calls: Vec::new(),
            beside: Map::new(),
            finish: None,
        });
        self.choices.len() - 1
    }

    fn delta(&mut self, index: u32, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.choice_chunk(index, delta, None, None, out);
    }

    fn choice_chunk(
        &mut self,
        index: u32,
        mut delta: Delta<'_>,
        finish_reason: Option<&'static str>,
        native_finish_reason: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let place = self.place(index);
        let choice = &mut self.choices[place];
        if !std::mem::replace(&mut choice.has_role, true) {
            delta.role = Some("assistant");
            delta.content = delta.content.or(Some(""));
        }
        let beside = std::mem::take(&mut choice.beside);
        let beside = (!beside.is_empty()).then_some(&beside);
        self.chunk(
            &[ChunkChoice { index, delta, finish_reason, native_finish_reason, beside }],
            None,
            None,
            out,
        );
    }

    fn chunk(
        &self,
        choices: &[ChunkChoice<'_>],
        error: Option<ErrorBody<'_>>,
        usage: Option<UsageBody>,
        out: &mut Vec<u8>,
    ) {
        let is_last = usage.is_some();
        append_frame(
            out,
            &Chunk {
                error,
                openrouter_metadata: self.envelope.routing.as_ref().filter(|_| is_last),
                extra: is_last.then_some(&self.extra),
                usage,
                ..self.bare_chunk(choices)
            },
        );
    }

    fn bare_chunk<'a>(&'a self, choices: &'a [ChunkChoice<'a>]) -> Chunk<'a> {
        Chunk {
            id: &self.envelope.id,
            object: "chat.completion.chunk",
            created: self.envelope.created,
            model: &self.envelope.model,
            provider: &self.envelope.provider,
            simulated: self.envelope.simulated,
            system_fingerprint: self.system_fingerprint.as_deref(),
            service_tier: self.service_tier.as_deref(),
            choices,
            error: None,
            usage: None,
            openrouter_metadata: None,
            debug: None,
            extra: None,
        }
    }

    fn reasoning(&mut self, index: u32, detail: &ReasoningDetail, out: &mut Vec<u8>) {
        if self.envelope.exclude_reasoning {
            return;
        }
        let delta = Delta {
            reasoning: detail.text().filter(|text| !text.is_empty()),
            reasoning_details: Some([DetailBody::of(detail)]),
            ..Delta::default()
        };
        self.delta(index, delta, out);
    }

    fn tool_call(
        &mut self,
        choice: u32,
        index: u32,
        (id, name): (Option<String>, Option<String>),
        arguments: &str,
        out: &mut Vec<u8>,
    ) {
        let place = self.place(choice);
        let calls = &mut self.choices[place].calls;
        let known = calls.iter().position(|call| call.index == index);
        let at = known.unwrap_or_else(|| {
            calls.push(Call { index, is_named: false, has_arguments: false });
            calls.len() - 1
        });
        let call = &mut calls[at];
        call.has_arguments |= !arguments.is_empty();
        let name = name.filter(|name| !name.is_empty() && !call.is_named);
        call.is_named |= name.is_some();
        let id = known.is_none().then(|| {
            id.filter(|id| !id.is_empty()).unwrap_or_else(|| tool_call_id(&self.envelope.id, choice, index))
        });
        let delta = CallDelta {
            index,
            id: id.as_deref(),
            kind: known.is_none().then_some("function"),
            function: FunctionDelta { name: name.as_deref(), arguments },
        };
        self.delta(choice, Delta { tool_calls: Some([delta]), ..Delta::default() }, out);
    }

    /// Gives every choice its one finish, the first choice in any case, and empty arguments their braces.
    fn finish_choices(&mut self, out: &mut Vec<u8>) {
        self.place(0);
        self.choices.sort_by_key(|choice| choice.index);
        for place in 0..self.choices.len() {
            let choice = &mut self.choices[place];
            let index = choice.index;
            let finish = choice.finish.take();
            let bare: Vec<u32> =
                choice.calls.iter().filter(|call| !call.has_arguments).map(|call| call.index).collect();
            let reason = finish_reason(finish.as_ref(), !choice.calls.is_empty());
            for call in bare {
                self.tool_call(index, call, (None, None), "{}", out);
            }
            let native =
                finish.as_ref().map(|(_, native)| native.as_str()).filter(|native| !native.is_empty());
            self.choice_chunk(index, Delta::default(), Some(reason), native, out);
        }
    }
}

/// The public reason: a plain stop after tool calls means that they want to be run.
pub(super) fn finish_reason(finish: Option<&(FinishReason, String)>, has_calls: bool) -> &'static str {
    match finish.map_or(FinishReason::Stop, |(reason, _)| *reason) {
        FinishReason::Stop if has_calls => FinishReason::ToolCalls.as_str(),
        reason => reason.as_str(),
    }
}

impl AnswerEncoder for Stream {
    fn echo(&mut self, body: &RawValue, out: &mut Vec<u8>) {
        let body = in_one_line(body);
        let debug = Some(Debug { echo_upstream_body: &body });
        append_frame(out, &Chunk { debug, ..self.bare_chunk(&[]) });
    }

    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { system_fingerprint, .. } => self.system_fingerprint = system_fingerprint,
            Event::Text { choice, text } => {
                self.delta(choice, Delta { content: Some(&text), ..Delta::default() }, out);
            }
            Event::Refusal { choice, text } => {
                self.delta(choice, Delta { refusal: Some(&text), ..Delta::default() }, out);
            }
            Event::Reasoning { choice, detail } => self.reasoning(choice, &detail, out),
            Event::ToolCall { choice, index, id, name, arguments } => {
                self.tool_call(choice, index, (id, name), &arguments, out);
            }
            Event::Image { choice, url } => {
                self.delta(choice, Delta { images: Some([ImageBody::of(&url)]), ..Delta::default() }, out);
            }
            Event::Extra { choice, members } => {
                self.delta(choice, Delta { extra: Some(&members), ..Delta::default() }, out);
            }
            Event::ChoiceExtra { choice, members } => {
                let place = self.place(choice);
                super::write::merge(&mut self.choices[place].beside, members);
            }
            Event::AnswerExtra(members) => self.extra = members,
            Event::Finish { choice, reason, native } => {
                let place = self.place(choice);
                self.choices[place].finish = Some((reason, native));
            }
            Event::ServiceTier(tier) => self.service_tier = Some(tier::public(&tier).to_owned()),
            // The rest has no place in chat.
            Event::Usage(_)
            | Event::Failure(_)
            | Event::Native { .. }
            | Event::PartialImage { .. }
            | Event::Embedding { .. }
            | Event::Ranked { .. }
            | Event::Audio(_) => {}
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.finish_choices(out);
        self.chunk(&[], None, Some(UsageBody::of(bill)), out);
        out.extend_from_slice(DONE);
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        let choice = ChunkChoice {
            index: 0,
            delta: Delta { content: Some(""), ..Delta::default() },
            finish_reason: Some(FinishReason::Error.as_str()),
            native_finish_reason: None,
            beside: None,
        };
        self.chunk(&[choice], Some(ErrorBody::of(error)), None, out);
        if let Some(bill) = bill {
            self.chunk(&[], None, Some(UsageBody::of(bill)), out);
        }
        out.extend_from_slice(DONE);
    }
}
