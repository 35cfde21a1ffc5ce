//! Anthropic Messages, version 2023-06-01, as Anthropic and those who resell its models speak it.
//!
//! - `request`: the body, from `turns`, `blocks`, `tools`, `schema`, `structured` and `thinking`.
//! - `answer`: content blocks to events, the same for whole answers and `stream`s; `usage` beside it.
//! - `errors`: what the error bodies mean.
//!
//! A `json_schema` format goes out as the provider's own structured output. Models that have none but have
//! tools get the schema as the input of one reserved tool that they have to call; what they call it with comes
//! back as the text of the answer, and the finish as `stop`. The format is left out, and the model answers
//! freely, when the client offers tools itself, when the model thinks or cannot be forced to call a tool, when
//! the answer is prefilled, and when the schema is not that of an object.

mod answer;
mod blocks;
mod errors;
mod request;
mod schema;
mod stream;
mod structured;
mod thinking;
mod tools;
mod turns;
mod usage;

use http::HeaderMap;

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};

/// Marks reasoning that only Anthropic's models can read back.
const FORMAT: &str = "anthropic-claude-v1";

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation) -> Option<&'static dyn Adapter> {
    (operation == Operation::Chat).then_some(&Anthropic as &dyn Adapter)
}

pub(crate) struct Anthropic;

impl Adapter for Anthropic {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        request::encode(conversation(task)?, target)
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        answer::decode(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

#[cfg(test)]
mod tests;
