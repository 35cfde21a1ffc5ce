//! Anthropic Messages, version 2023-06-01, as Anthropic and those who resell or imitate its models speak it.
//!
//! - `request`: the body, from `turns`, `blocks`, `tools`, `schema`, `structured` and `thinking`.
//! - `verbatim`: the body of a client that speaks this dialect, with `history`, `tools` and `thinking`.
//! - `answer`: content blocks to events, the same for whole answers and `stream`s; `usage` beside it. What no
//!   other dialect can say is in `native`.
//! - `errors`: what the error bodies mean.
//!
//! A `json_schema` format goes out as the provider's own structured output. Models that have none but have
//! tools get the schema as the input of one reserved tool that they have to call; what they call it with comes
//! back as the text of the answer, and the finish as `stop`. The format is left out, and the model answers
//! freely, when the client offers tools itself, when the model thinks or cannot be forced to call a tool, when
//! the answer is prefilled, and when the schema is not that of an object. For `json_object`, which the provider
//! does not have, the model is asked for it in a line of system text.
//!
//! What an endpoint wants differently is data, in [`Target::quirks`]:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `path` | text | replaces `/v1/messages`, query included |
//! | `auth` | `x-api-key` (default), `bearer`, `api-key`, `none` | how the credential is presented |
//! | `adaptive_thinking` | true | the model decides by itself how much it thinks, by an effort and not by a budget |
//! | `reasoning_always_on` | true | thinking cannot be turned off |
//! | `extra_reasoning_efforts` | list | efforts known beside low, medium and high |
//! | `sampling_params` | false | temperature, `top_p` and `top_k` are refused |
//! | `forced_tool_choice` | false | `any` and `tool` are refused, so the model is asked |
//! | `assistant_prefill` | false | a last turn of the assistant's is refused, so the model is asked to go on |
//! | `eager_input_streaming` | false | tools do not know that member; else their input streams as it is written |
//! | `tool_types` | list | types of tools that may go out beside functions and the tools that clients run |
//! | `accepts` | list | members that cost extra and may go out, such as `speed`, `mcp_servers`, `context_management`; also the feature `context-1m` |
//! | `drop` | list | members of a client's body that never go out |

mod answer;
mod blocks;
mod errors;
mod history;
mod native;
mod request;
mod schema;
mod stream;
mod structured;
mod thinking;
mod tools;
mod turns;
mod usage;
mod verbatim;
mod wire;

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

/// A quirk that is a text.
fn text<'a>(target: &Target<'a>, quirk: &str) -> Option<&'a str> {
    target.quirks.get(quirk)?.as_str()
}

/// Whether a quirk that is a list has a word in it.
fn lists(target: &Target<'_>, quirk: &str, word: &str) -> bool {
    let listed = target.quirks.get(quirk).and_then(serde_json::Value::as_array);
    listed.is_some_and(|words| words.iter().any(|listed| listed == word))
}

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
