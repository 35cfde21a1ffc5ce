//! Amazon Bedrock: Converse for conversations, InvokeModel for embeddings, rankings and, where the catalogue
//! says so, for Claude in the dialect of its maker.
//!
//! - `request`: the body, from `turns`, `blocks`, `media`, `tools`, `structured` and `plan` (for Claude with
//!   `claude`).
//! - `answer`: content blocks to events, the same for whole answers and `stream`s, whose binary framing is in
//!   `frames`; `wire`, `citations` and `usage` beside it.
//! - `invoke`: Claude by its maker's dialect. `embeddings`: vectors. `rerank`: rankings.
//! - `family`: what each family of models can do. `errors`: what the errors mean.
//!
//! What an endpoint wants differently is data, in [`Target::quirks`]:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `api` | `converse` (default), `invoke` | how Claude is spoken to |
//! | `family` | `claude`, `nova`, `mistral`, `openai`, `titan`, `cohere` | the family of a model whose name does not tell it, such as that of a profile |
//! | `reasoning_member` | `reasoning_effort`, `reasoning_config`, `none` | how models other than Claude are asked for reasoning; default by family |
//! | `extra_reasoning_efforts` | list | efforts known beside low, medium and high |
//! | `send_reasoning_back` | true | reasoning that nobody signed comes back in the next turn |
//! | `structured_outputs` | true | answers in a JSON schema and strict tools are known |
//! | `prompt_cache` | yes or no | cache points are known; default: Claude and Nova know them |
//! | `assistant_prefill` | yes or no | the last turn may be the assistant's; default: with Claude and Nova |
//! | `forced_tool_choice` | yes or no | the model can be made to call a tool; default: Claude, Nova and Mistral |
//! | `media_in_results` | yes or no | results of tools may hold images and documents; default: with Claude |
//! | `sampling_params` | false | temperature, `top_p` and `top_k` are refused |
//! | `guardrail` | map | the operator's `guardrailConfig` |
//! | `add` | map | further `additionalModelRequestFields` |
//! | `betas` | list | the features of Claude that may be named; default: all |
//! | `automatic_caching` | true | `invoke` knows `cache_control` beside the messages |
//!
//! A `json_schema` format goes out as the provider's own structured output where the catalogue says that
//! the model has it. Other models that can be made to call a tool get the schema as the input of one
//! reserved tool; what they call it with comes back as the text of the answer, and the finish as `stop`.
//! The format is left out where such a tool cannot go together with what else is asked for.
//!
//! Claude also has the quirks of its maker's dialect: `adaptive_thinking`, `reasoning_always_on` and the like.

mod answer;
mod blocks;
mod citations;
mod claude;
mod embeddings;
mod errors;
mod family;
mod frames;
mod ids;
mod invoke;
mod media;
mod plan;
mod request;
mod rerank;
mod stream;
mod structured;
mod tools;
mod turns;
mod usage;
mod wire;

use http::HeaderMap;
use serde_json::Value;

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};
use family::Family;

/// The name that signatures are made for.
const SERVICE: &str = "bedrock";

/// Marks reasoning that only Claude can read back.
const CLAUDE: &str = "anthropic-claude-v1";

/// Marks reasoning of models that sign nothing.
const UNKNOWN: &str = "unknown";

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation, target: &Target<'_>) -> Option<&'static dyn Adapter> {
    match operation {
        Operation::Chat if target.quirks.get("api").and_then(Value::as_str) == Some("invoke") => {
            Some(&invoke::Invoke)
        }
        Operation::Chat => Some(&Converse),
        Operation::Embeddings => Some(&embeddings::EMBEDDINGS),
        Operation::Rerank => Some(&rerank::RERANK),
        _ => None,
    }
}

struct Converse;

impl Adapter for Converse {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        request::encode(conversation(task)?, target)
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        answer::decode(body, Family::of(target))
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(Family::of(target)))
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

#[cfg(test)]
mod tests;
