//! Providers that speak OpenAI's Responses, used without their memory: nothing is stored there, and every
//! request carries its whole conversation.
//!
//! A body that the client wrote in this dialect passes through with only its envelope touched; any other
//! request is written from the canonical model and takes the same way. Of the quirks of the room above,
//! `auth`, `strict`, `accepts`, `tool_types`, `drop`, `forced_tool_choice`, `sampling_params`,
//! `developer_role`, `keep_cache_control`, `reasoning_efforts`, `extra_reasoning_efforts` and
//! `completion_excludes_reasoning` mean the same here, and there are some more:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `responses_path` | text | replaces `/responses`, query included |
//! | `responses_add` | map | members that always go out |
//! | `reasoning_member` | `none` | reasoning cannot be asked for; any other value is one of chat's |
//! | `reasoning_summary` | false | summaries of reasoning are refused, so they are not asked for |
//! | `encrypted_reasoning` | false | sealed reasoning is not known, so it is not asked for |
//! | `reasoning_format` | text | whose sealed reasoning this endpoint gives out and takes back; default by provider |
//! | `accepts` | list | as above; also types of input items that are more than a record, and `reasoning.mode` |
//! | `send_reasoning_back` | any of chat's | reasoning in plain text returns, too; default: only what is sealed |

mod decode;
mod encode;
mod errors;
#[cfg(test)]
mod tests;
mod usage;

use http::HeaderMap;

use super::quirks::Quirks;
use crate::canonical::{Event, Task};
use crate::client::Dialect;
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};

/// Whether this is how a client's request reaches an endpoint.
pub(super) fn serves(client: Dialect, target: &Target<'_>) -> bool {
    let quirks = Quirks::of(target);
    quirks.is("api", "responses") || (client == Dialect::Responses && quirks.lists("apis", "responses"))
}

/// Whose form the endpoint's sealed reasoning has: nobody else can open it.
fn reasoning_format<'a>(target: &Target<'a>) -> &'a str {
    let by_provider = match target.provider {
        "azure" => "azure-openai-responses-v1",
        "xai" => "xai-responses-v1",
        "amazon-bedrock" | "bedrock" => "bedrock-openai-responses-v1",
        _ => "openai-responses-v1",
    };
    Quirks::of(target).text("reasoning_format").unwrap_or(by_provider)
}

pub(super) struct Responses;

impl Adapter for Responses {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        encode::encode(conversation(task)?, target)
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        decode::whole(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(decode::Stream::new(target))
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}
