//! The shapes of an answer, whole and streamed. Everything may be missing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::usage::Counts;
use crate::raw::or_default;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) output: Option<Output<'a>>,
    pub(super) stop_reason: Option<String>,
    pub(super) usage: Option<Counts>,
    pub(super) service_tier: Option<ServiceTier>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) content: Vec<Block<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceTier {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// A block of a whole answer: one of its members is set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<ReasoningContent<'a>>,
    #[serde(borrow)]
    pub(super) citations_content: Option<CitationsContent<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Image<'a>>,
}

/// A call, or its start; `input` is an object in whole answers and text in pieces of streamed ones.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse<'a> {
    pub(super) tool_use_id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// Reasoning of a whole answer has its text inside; that of a streamed one has it here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReasoningContent<'a> {
    #[serde(borrow)]
    pub(super) reasoning_text: Option<ReasoningText<'a>>,
    /// Base64.
    #[serde(borrow)]
    pub(super) redacted_content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) signature: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReasoningText<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) signature: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CitationsContent<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) content: Vec<CitedText<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) citations: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CitedText<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Image<'a> {
    pub(super) format: Option<String>,
    #[serde(borrow)]
    pub(super) source: Option<Source<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source<'a> {
    /// Base64.
    #[serde(borrow)]
    pub(super) bytes: Option<Cow<'a, str>>,
}

/// An event of any kind: members that it does not have are absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) content_block_index: u32,
    #[serde(borrow)]
    pub(super) start: Option<Start<'a>>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    pub(super) stop_reason: Option<String>,
    pub(super) usage: Option<Counts>,
    pub(super) service_tier: Option<ServiceTier>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start<'a> {
    #[serde(borrow)]
    pub(super) tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Image<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) tool_use: Option<ToolInput<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<ReasoningContent<'a>>,
    pub(super) citation: Option<Value>,
    #[serde(borrow)]
    pub(super) image: Option<Image<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ToolInput<'a> {
    #[serde(borrow)]
    pub(super) input: Option<Cow<'a, str>>,
}
