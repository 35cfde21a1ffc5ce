//! Candidates to events. A whole answer is a stream of one response.

use pricing::Usage;
use serde_json::{Map, Value, json};

use super::partial::Partial;
use super::wire::{Blob, Candidate, FunctionCall, Logprob, Logprobs, Part, Response};
use super::{FORMAT, citations, errors};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::error::ProviderError;
use crate::raw;

/// Characters of the provider's id of an answer that go into the ids of its calls.
const ID_LENGTH: usize = 40;

/// What has been read of one answer.
#[derive(Debug, Default)]
pub(super) struct Reader {
    has_started: bool,
    /// Makes the ids of calls that have none.
    response_id: String,
    calls: u32,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    service_tier: Option<String>,
}

/// One candidate.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    tool_calls: u32,
    /// Blocks of reasoning that have begun.
    reasoning_blocks: u32,
    in_thought: bool,
    partial: Option<Partial>,
    annotations: Vec<Value>,
    finish: Option<String>,
}

impl Reader {
    /// Takes one response.
    ///
    /// # Errors
    /// [`ProviderError`] when it is an error after all, or says that the prompt was blocked.
    pub(super) fn take(
        &mut self,
        response: Response<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        if let Some(error) = response.error {
            return Err(errors::of_error(error.get().as_bytes()));
        }
        self.start(response.response_id, response.model_version, events);
        if let Some(counts) = response.usage_metadata {
            self.count(counts.usage(), counts.service_tier(), events);
        }
        for candidate in response.candidates {
            self.candidate(candidate, events);
        }
        let feedback = response.prompt_feedback.and_then(|feedback| {
            let message = feedback.block_reason_message;
            feedback.block_reason.map(|reason| (reason, message))
        });
        match feedback {
            Some((reason, message)) if self.choices.is_empty() => Err(errors::blocked(reason, message)),
            _ => Ok(()),
        }
    }

    /// The answer ended. Only now it is known how: a stream may name several reasons, and the last counts.
    ///
    /// # Errors
    /// [`ProviderError`] when some candidate did not come to its end.
    pub(super) fn end(&mut self, events: &mut Vec<Event>) -> Result<(), ProviderError> {
        if self.choices.is_empty() {
            return Err(ProviderError::broken("the provider sent no answer"));
        }
        if self.choices.iter().any(|choice| choice.finish.is_none()) {
            return Err(ProviderError::broken("the provider's answer was cut short"));
        }
        for mut choice in std::mem::take(&mut self.choices) {
            if let Some(partial) = choice.partial.take() {
                self.complete(&mut choice, partial, events);
            }
            let native = choice.finish.take().unwrap_or_default();
            events.push(Event::Finish { choice: choice.index, reason: reason(&native, &choice), native });
        }
        Ok(())
    }

    fn start(&mut self, id: Option<String>, model: Option<String>, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_started, true) {
            let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
            self.response_id = id.iter().flat_map(|id| id.chars()).filter(allowed).take(ID_LENGTH).collect();
            events.push(Event::Start { id, model, system_fingerprint: None });
        }
    }

    fn count(&mut self, usage: Option<Usage>, tier: Option<String>, events: &mut Vec<Event>) {
        if usage.is_some() && usage != self.usage {
            self.usage = usage;
            events.extend(usage.map(Event::Usage));
        }
        if tier.is_some() && tier != self.service_tier {
            self.service_tier.clone_from(&tier);
            events.extend(tier.map(Event::ServiceTier));
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, events: &mut Vec<Event>) {
        let known = self.choices.iter().position(|choice| choice.index == candidate.index);
        let mut choice = match known {
            Some(at) => self.choices.swap_remove(at),
            None => Choice { index: candidate.index, ..Choice::default() },
        };
        // Before the text, which they go out with.
        if let Some(logprobs) = candidate.logprobs_result {
            let members = Map::from_iter([("logprobs".to_owned(), public(&logprobs))]);
            events.push(Event::ChoiceExtra { choice: choice.index, members });
        }
        for part in candidate.content.unwrap_or_default().parts {
            self.part(&mut choice, part, events);
        }
        choice.annotate(candidate.grounding_metadata.as_ref(), candidate.citation_metadata.as_ref(), events);
        choice.finish = candidate.finish_reason.or(choice.finish);
        let at = self.choices.partition_point(|other| other.index < choice.index);
        self.choices.insert(at, choice);
    }

    fn part(&mut self, choice: &mut Choice, part: Part<'_>, events: &mut Vec<Event>) {
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        let text = part.text.map(std::borrow::Cow::into_owned).filter(|text| !text.is_empty());
        if part.thought {
            choice.think(text, signature, events);
            return;
        }
        choice.in_thought = false;
        events.extend(text.map(|text| Event::Text { choice: choice.index, text }));
        if let Some(blob) = part.inline_data {
            events.extend(media(choice.index, &blob));
        }
        match part.function_call {
            Some(call) => self.call(choice, call, signature, events),
            None => choice.sign(None, signature, events),
        }
    }

    fn call(
        &mut self,
        choice: &mut Choice,
        call: FunctionCall<'_>,
        signature: Option<String>,
        events: &mut Vec<Event>,
    ) {
        let name = call.name.filter(|name| !name.is_empty());
        if let (Some(name), false) = (&name, call.will_continue || !call.partial_args.is_empty()) {
            let arguments = call.args.map(raw::compact).filter(|arguments| arguments != "null");
            self.whole_call(choice, call.id, name.clone(), arguments, signature, events);
            return;
        }
        if let Some(name) = name
            && let Some(partial) = choice.partial.replace(Partial::new(call.id, name, signature))
        {
            self.complete(choice, partial, events);
        }
        let Some(partial) = &mut choice.partial else { return };
        call.partial_args.into_iter().for_each(|arg| partial.set(arg));
        if !call.will_continue
            && let Some(partial) = choice.partial.take()
        {
            self.complete(choice, partial, events);
        }
    }

    fn complete(&mut self, choice: &mut Choice, partial: Partial, events: &mut Vec<Event>) {
        let arguments = Some(partial.arguments());
        self.whole_call(choice, partial.id, partial.name, arguments, partial.signature, events);
    }

    fn whole_call(
        &mut self,
        choice: &mut Choice,
        id: Option<String>,
        name: String,
        arguments: Option<String>,
        signature: Option<String>,
        events: &mut Vec<Event>,
    ) {
        let arguments = arguments.unwrap_or_else(|| "{}".to_owned());
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.made_id(&name, &arguments));
        choice.sign(Some(&id), signature, events);
        let index = next(&mut choice.tool_calls);
        events.push(Event::ToolCall {
            choice: choice.index,
            index,
            id: Some(id),
            name: Some(name),
            arguments,
        });
    }

    /// The same bytes make the same id, and no two calls of a conversation share one.
    fn made_id(&mut self, name: &str, arguments: &str) -> String {
        let ordinal = next(&mut self.calls);
        if self.response_id.is_empty() {
            return format!("call_{:016x}_{ordinal}", hash(name.bytes().chain([0]).chain(arguments.bytes())));
        }
        format!("call_{}_{ordinal}", self.response_id)
    }
}

impl Choice {
    fn think(&mut self, text: Option<String>, signature: Option<String>, events: &mut Vec<Event>) {
        if text.is_none() && signature.is_none() {
            return;
        }
        if !std::mem::replace(&mut self.in_thought, true) {
            next(&mut self.reasoning_blocks);
        }
        let index = self.reasoning_blocks.saturating_sub(1);
        let detail = ReasoningDetail { content: text, signature, ..detail(index) };
        events.push(Event::Reasoning { choice: self.index, detail });
    }

    /// A signature of words (no id) or of a call must come back with them, so it travels as reasoning that
    /// nobody reads.
    fn sign(&mut self, id: Option<&str>, signature: Option<String>, events: &mut Vec<Event>) {
        let Some(signature) = signature else { return };
        let detail = ReasoningDetail {
            kind: ReasoningKind::Encrypted,
            id: id.map(str::to_owned),
            content: Some(signature),
            ..detail(next(&mut self.reasoning_blocks))
        };
        events.push(Event::Reasoning { choice: self.index, detail });
    }

    /// Sources are repeated from response to response; each goes out once.
    fn annotate(&mut self, grounding: Option<&Value>, recitation: Option<&Value>, events: &mut Vec<Event>) {
        let found = grounding.map(citations::grounding).into_iter().flatten();
        let found = found.chain(recitation.map(citations::recitation).into_iter().flatten());
        let mut new = Vec::new();
        for annotation in found {
            if !self.annotations.contains(&annotation) {
                self.annotations.push(annotation.clone());
                new.push(annotation);
            }
        }
        if !new.is_empty() {
            let members = Map::from_iter([("annotations".to_owned(), Value::Array(new))]);
            events.push(Event::Extra { choice: self.index, members });
        }
    }
}

/// Reads a whole answer, or a stream that came as one JSON array.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let mut events = Vec::new();
    let mut reader = Reader::default();
    for response in responses(body)? {
        reader.take(response, &mut events)?;
    }
    reader.end(&mut events)?;
    Ok(events)
}

/// The responses of a body that is one JSON value.
pub(super) fn responses(body: &[u8]) -> Result<Vec<Response<'_>>, ProviderError> {
    let read = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice(body).map(|response| vec![response])
    };
    read.map_err(|_| ProviderError::broken("the provider's answer cannot be read"))
}

fn reason(native: &str, choice: &Choice) -> FinishReason {
    match native {
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        image if image.starts_with("IMAGE_") => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "OTHER" => FinishReason::Error,
        _ if choice.tool_calls > 0 => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn media(choice: u32, blob: &Blob<'_>) -> Option<Event> {
    let url = || format!("data:{};base64,{}", blob.mime_type, blob.data);
    if blob.mime_type.starts_with("image/") {
        return Some(Event::Image { choice, url: url() });
    }
    let audio = json!({ "data": blob.data, "mime_type": blob.mime_type });
    let members = || Map::from_iter([("audio".to_owned(), audio)]);
    blob.mime_type.starts_with("audio/").then(|| Event::Extra { choice, members: members() })
}

fn public(logprobs: &Logprobs) -> Value {
    let content: Vec<Value> = logprobs
        .chosen_candidates
        .iter()
        .enumerate()
        .map(|(at, chosen)| {
            let top = logprobs.top_candidates.get(at).map(|top| &top.candidates[..]).unwrap_or_default();
            let mut token = of_token(chosen);
            token["top_logprobs"] = top.iter().map(of_token).collect();
            token
        })
        .collect();
    json!({ "content": content, "refusal": null })
}

fn of_token(token: &Logprob) -> Value {
    json!({ "token": token.token, "logprob": token.log_probability, "bytes": token.token.as_bytes() })
}

fn detail(index: u32) -> ReasoningDetail {
    ReasoningDetail { index, format: Some(FORMAT.to_owned()), ..ReasoningDetail::default() }
}

fn next(counter: &mut u32) -> u32 {
    let ordinal = *counter;
    *counter = ordinal.saturating_add(1);
    ordinal
}

/// FNV-1a.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
