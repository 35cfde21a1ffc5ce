//! Ollama's own API.
//!
//! - `request`: the body of a conversation, from `turns`.
//! - `answer`: what answers say, whole or line by line, which is what `stream`s are made of.
//! - `embed`: vectors.
//!
//! The server shortens a prompt that its context cannot hold and says nothing of it. So it is told not to
//! (`truncate`, `shift`: newer servers then refuse) and to have a context that is long enough: the one in the
//! quirk `num_ctx`, else the next power of two above what the request may need, so that the server does not load
//! the model anew for every length. Prompts that the smallest default holds leave the server its own.
//!
//! Images go out as bare base64, so those at remote URLs must have been fetched before. What the server counts
//! is all that is counted: a prompt that it remembers it may not count at all, and then nothing is reported.
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `auth` | `bearer` (default), `none` | how the credential is presented |
//! | `num_ctx` | number | tokens of context that every request gets |
//! | `keep_alive` | text or number | how long the model stays loaded, such as `10m`; -1 = for ever |
//! | `reasoning_efforts` | list | the efforts known; absent = thinking is on or off |

mod answer;
mod embed;
mod lines;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod turns;

use http::HeaderMap;
use serde_json::Value;

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, JSON, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};
use crate::openai::OpenAi;

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation) -> Option<&'static dyn Adapter> {
    match operation {
        Operation::Chat => Some(&Chat),
        Operation::Embeddings => Some(&embed::EMBED),
        _ => None,
    }
}

struct Chat;

impl Adapter for Chat {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let request = conversation(task)?;
        encoded("/api/chat", &request::body(request, target)?, request.stream, target)
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        answer::decode(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        OpenAi.classify(status, headers, body)
    }
}

fn encoded(path: &str, body: &Value, is_streamed: bool, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let accept = if is_streamed { "application/x-ndjson" } else { JSON };
    let is_open = target.quirks.get("auth").is_some_and(|style| style == "none");
    Encoded::json(path, accept, if is_open { AuthStyle::None } else { AuthStyle::Bearer }, body)
}
