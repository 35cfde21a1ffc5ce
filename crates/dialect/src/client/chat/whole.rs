//! Writes an answer that is not streamed: one `chat.completion` at the end.

use serde::Serialize;
use serde_json::{Map, Value};

use super::stream::finish_reason;
use super::write::{ImageBody, merge};
use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::client::error::ErrorBody;
use crate::client::tier;
use crate::client::usage::UsageBody;
use crate::client::wire::{append, tool_call_id};
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};
use crate::reasoning_details::DetailBody;

/// The writer of one whole answer.
pub struct Whole {
    envelope: Envelope,
    system_fingerprint: Option<String>,
    service_tier: Option<String>,
    choices: Vec<Choice>,
    /// Members beside the choices.
    extra: Map<String, Value>,
}

#[derive(Default)]
struct Choice {
    index: u32,
    text: String,
    refusal: String,
    reasoning: String,
    details: Vec<ReasoningDetail>,
    calls: Vec<Call>,
    images: Vec<String>,
    extra: Map<String, Value>,
    beside: Map<String, Value>,
    finish: Option<(FinishReason, String)>,
}

struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
    system_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    choices: Vec<BodyChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct BodyChoice<'a> {
    index: u32,
    message: Message<'a>,
    finish_reason: &'static str,
    native_finish_reason: Option<&'a str>,
    logprobs: Option<&'a Value>,
    #[serde(flatten)]
    beside: Others<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<DetailBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<ImageBody<'a>>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct CallBody<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionBody<'a>,
}

#[derive(Serialize)]
struct FunctionBody<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// Members beside the message, but for `logprobs`, which is always there.
struct Others<'a>(&'a Map<String, Value>);

impl Serialize for Others<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(name, _)| *name != "logprobs"))
    }
}

impl Whole {
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

    fn choice(&mut self, index: u32) -> &mut Choice {
        let place = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[place]
    }

    fn tool_call(
        &mut self,
        choice: u32,
        index: u32,
        id: Option<String>,
        name: Option<String>,
        arguments: &str,
    ) {
        let made_up = tool_call_id(&self.envelope.id, choice, index);
        let calls = &mut self.choice(choice).calls;
        let place = calls.iter().position(|call| call.index == index).unwrap_or_else(|| {
            let id = id.filter(|id| !id.is_empty()).unwrap_or(made_up);
            calls.push(Call { index, id, name: String::new(), arguments: String::new() });
            calls.len() - 1
        });
        let call = &mut calls[place];
        if let Some(name) = name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(arguments);
    }

    fn write(&mut self, error: Option<&PublicError>, bill: Option<&Bill>, out: &mut Vec<u8>) {
        self.choice(0);
        self.choices.sort_by_key(|choice| choice.index);
        let body = Body {
            id: &self.envelope.id,
            object: "chat.completion",
            created: self.envelope.created,
            model: &self.envelope.model,
            provider: &self.envelope.provider,
            simulated: self.envelope.simulated.then_some(true),
            system_fingerprint: self.system_fingerprint.as_deref(),
            service_tier: self.service_tier.as_deref(),
            choices: self.choices.iter().map(|choice| choice.body(error)).collect(),
            usage: bill.map(UsageBody::of),
            openrouter_metadata: self.envelope.routing.as_ref(),
            extra: &self.extra,
        };
        append(out, &body);
    }
}

impl Choice {
    /// Joins a delta to the block it continues.
    fn add_reasoning(&mut self, detail: ReasoningDetail) {
        self.reasoning.push_str(detail.text().unwrap_or_default());
        let continues =
            |known: &&mut ReasoningDetail| known.index == detail.index && known.kind == detail.kind;
        let Some(known) = self.details.last_mut().filter(continues) else {
            self.details.push(detail);
            return;
        };
        if let Some(content) = detail.content {
            known.content.get_or_insert_default().push_str(&content);
        }
        known.id = detail.id.or(known.id.take());
        known.format = detail.format.or(known.format.take());
        known.signature = detail.signature.or(known.signature.take());
    }

    fn body<'a>(&'a self, error: Option<&'a PublicError>) -> BodyChoice<'a> {
        let text = |text: &'a String| (!text.is_empty()).then_some(text.as_str());
        let says_otherwise =
            !self.calls.is_empty() || !self.refusal.is_empty() || self.extra.contains_key("audio");
        BodyChoice {
            index: self.index,
            message: Message {
                role: "assistant",
                content: text(&self.text).or((!says_otherwise).then_some("")),
                refusal: text(&self.refusal),
                reasoning: text(&self.reasoning),
                reasoning_details: self.details.iter().map(DetailBody::of).collect(),
                tool_calls: self.calls.iter().map(Call::body).collect(),
                images: self.images.iter().map(|url| ImageBody::of(url)).collect(),
                extra: &self.extra,
            },
            finish_reason: match error {
                Some(_) => FinishReason::Error.as_str(),
                None => finish_reason(self.finish.as_ref(), !self.calls.is_empty()),
            },
            native_finish_reason: self
                .finish
                .as_ref()
                .map(|(_, native)| native.as_str())
                .filter(|native| !native.is_empty()),
            logprobs: self.beside.get("logprobs"),
            beside: Others(&self.beside),
            error: error.map(ErrorBody::of),
        }
    }
}

impl Call {
    fn body(&self) -> CallBody<'_> {
        let arguments = if self.arguments.trim().is_empty() { "{}" } else { &self.arguments };
        CallBody { id: &self.id, kind: "function", function: FunctionBody { name: &self.name, arguments } }
    }
}

impl AnswerEncoder for Whole {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        match event {
            Event::Start { system_fingerprint, .. } => self.system_fingerprint = system_fingerprint,
            Event::Text { choice, text } => self.choice(choice).text.push_str(&text),
            Event::Refusal { choice, text } => self.choice(choice).refusal.push_str(&text),
            Event::Reasoning { choice, detail } => {
                if !self.envelope.exclude_reasoning {
                    self.choice(choice).add_reasoning(detail);
                }
            }
            Event::ToolCall { choice, index, id, name, arguments } => {
                self.tool_call(choice, index, id, name, &arguments);
            }
            Event::Image { choice, url } => self.choice(choice).images.push(url),
            Event::Extra { choice, members } => merge(&mut self.choice(choice).extra, members),
            Event::ChoiceExtra { choice, members } => merge(&mut self.choice(choice).beside, members),
            Event::AnswerExtra(members) => self.extra = members,
            Event::Finish { choice, reason, native } => {
                self.choice(choice).finish = Some((reason, native));
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
        self.write(None, Some(bill), out);
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        self.write(Some(error), bill, out);
    }
}
