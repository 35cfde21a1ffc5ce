//! The pieces that streamed and whole answers share, as they go on the wire.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::canonical::FinishReason;
use crate::client::error::ErrorBody;
use crate::client::usage::UsageBody;
use crate::client::{Bill, Envelope};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) simulated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_fingerprint: Option<&'a str>,
    pub(super) choices: Vec<ChoiceBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize, Default)]
pub(super) struct ChoiceBody<'a> {
    pub(super) text: String,
    pub(super) index: u32,
    pub(super) logprobs: Option<&'a Map<String, Value>>,
    pub(super) finish_reason: Option<&'static str>,
    pub(super) native_finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<&'a str>,
}

impl<'a> Body<'a> {
    /// Of an answer of which nothing is known yet.
    pub(super) fn of(envelope: &'a Envelope) -> Self {
        Self {
            id: &envelope.id,
            object: "text_completion",
            created: envelope.created,
            model: &envelope.model,
            provider: &envelope.provider,
            simulated: envelope.simulated.then_some(true),
            system_fingerprint: None,
            choices: Vec::new(),
            error: None,
            usage: None,
            openrouter_metadata: None,
        }
    }

    /// What comes last: what it took, and how it was routed.
    pub(super) fn ended(self, envelope: &'a Envelope, bill: &Bill) -> Self {
        Self { usage: Some(UsageBody::of(bill)), openrouter_metadata: envelope.routing.as_ref(), ..self }
    }
}

/// The word for an end. A prompt has no tools, so a call of one is just an end.
pub(super) fn finish_reason(finish: Option<FinishReason>) -> &'static str {
    match finish {
        None | Some(FinishReason::Stop | FinishReason::ToolCalls) => FinishReason::Stop.as_str(),
        Some(reason) => reason.as_str(),
    }
}
