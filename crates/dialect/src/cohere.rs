//! Cohere's API, version 2.
//!
//! - `request`: the body of a conversation, from `turns` and `tools`.
//! - `answer`: what messages say, the same for whole answers and `stream`s; `citations` and `usage` beside it.
//! - `embed`, `rerank`: the further kinds of work.
//! - `errors`: what the error bodies mean.
//!
//! The provider counts twice: `tokens`, with a template of its own around the prompt that may be thirty times as
//! long as the prompt, and `billed_units`, which leave it out and are what it charges for. Usage here is what is
//! billed: the classes are what a charge is made of, and a client is shown the numbers that it pays for. Tokens
//! that were cached are not billed less, so there is no class for them. Reasoning and images are parts of the
//! billed counts and set apart from them.
//!
//! What a model says of its plan beside tool calls is text, and goes back as the plan.
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `forced_tool_choice` | false | the model cannot be forced to call a tool, so only `NONE` goes out |

mod answer;
mod citations;
mod embed;
mod errors;
mod request;
mod rerank;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod turns;
mod usage;

use http::HeaderMap;
use serde_json::Value;

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, AuthStyle, EVENT_STREAM, Encoded, JSON, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation) -> Option<&'static dyn Adapter> {
    match operation {
        Operation::Chat => Some(&Chat),
        Operation::Embeddings => Some(&embed::EMBED),
        Operation::Rerank => Some(&rerank::RERANK),
        _ => None,
    }
}

struct Chat;

impl Adapter for Chat {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let request = conversation(task)?;
        encoded("/v2/chat", &request::body(request, target)?, request.stream)
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

fn encoded(path: &str, body: &Value, is_streamed: bool) -> Result<Encoded, BadRequest> {
    let accept = if is_streamed { EVENT_STREAM } else { JSON };
    Encoded::json(path, accept, AuthStyle::Bearer, body)
}
