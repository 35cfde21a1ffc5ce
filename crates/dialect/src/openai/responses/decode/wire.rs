//! Responses and the events of a stream as they come. What an event carries is looked at only once its type
//! is known: the same member has other shapes in events that nobody here reads.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Response<'a> {
    pub(super) id: Value,
    pub(super) model: Value,
    pub(super) status: Value,
    pub(super) service_tier: Value,
    pub(super) usage: Value,
    pub(super) error: Value,
    pub(super) incomplete_details: Value,
    #[serde(borrow)]
    pub(super) output: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Value,
    pub(super) output_index: Value,
    pub(super) content_index: Value,
    pub(super) summary_index: Value,
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotation: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// A member, where it has the shape that it should have.
pub(super) fn read<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}
