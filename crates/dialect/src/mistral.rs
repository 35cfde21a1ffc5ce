//! Mistral: OpenAI's Chat Completions with a mind of its own.
//!
//! Conversations take the way of the OpenAI dialect with the deviations below, which are those of the vendor and
//! not of an endpoint; an endpoint's own quirks win over them. The vendor refuses whatever it does not know with
//! status 422, so the members of bodies and of turns are listed here. Vectors have a room of their own.
//!
//! - `seed` is `random_seed`, `required` is `any`; usage comes unasked in streams and `stream_options` is refused.
//! - Call ids are nine letters or digits. Ids from elsewhere become such ones, always the same for the same id.
//! - An assistant's turn that comes last is marked with `prefix`, which the model goes on with.
//! - Reasoning is asked for by `reasoning_effort`; older models want `prompt_mode` (quirk `reasoning_member`).
//!   Thinking comes as parts of the content and goes back so to models that reason.
//! - Files go out as `document_url`, audio as bare base64.

mod embeddings;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::openai::OpenAi;

/// What a body may have. Members that cost extra are governed by the OpenAI dialect and `accepts`.
const MEMBERS: [&str; 23] = [
    "model",
    "messages",
    "frequency_penalty",
    "max_tokens",
    "metadata",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safe_prompt",
    "seed",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// What a turn may have.
const TURN_MEMBERS: [&str; 5] = ["role", "content", "tool_calls", "tool_call_id", "prefix"];

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation) -> Option<&'static dyn Adapter> {
    match operation {
        Operation::Chat => Some(&Mistral),
        Operation::Embeddings => Some(&embeddings::EMBEDDINGS),
        _ => None,
    }
}

struct Mistral;

impl Adapter for Mistral {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let quirks = quirks(target);
        OpenAi.encode(task, &Target { quirks: &quirks, ..*target })
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        OpenAi.decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        OpenAi.stream(target)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        OpenAi.classify(status, headers, body)
    }
}

/// The vendor's deviations from the OpenAI dialect, and the endpoint's.
fn quirks(target: &Target<'_>) -> Map<String, Value> {
    let mut quirks = Map::new();
    let mut set = |name: &str, value: Value| quirks.insert(name.to_owned(), value);
    set("members", json!(MEMBERS));
    set("turn_members", json!(TURN_MEMBERS));
    set("rename", json!({"seed": "random_seed"}));
    set("no_stream_options", json!(true));
    set("tool_choice_required", json!("any"));
    set("tool_call_id_pattern", json!("mistral9"));
    set("tool_parameters", json!(true));
    set("developer_role", json!("system"));
    set("names", json!("prefix"));
    set("prefill_member", json!("prefix"));
    set("file_part", json!("document_url"));
    set("audio_part", json!("data"));
    set("reasoning_efforts", json!(["none", "minimal", "low", "medium", "high", "xhigh", "max"]));
    if target.supported_parameters.iter().any(|name| name == "reasoning") {
        set("send_reasoning_back", json!("thinking"));
    }
    quirks.extend(target.quirks.clone());
    quirks
}
