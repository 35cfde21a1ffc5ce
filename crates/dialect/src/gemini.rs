//! Google's Gemini API, `generateContent` and `streamGenerateContent`.
//!
//! - `request`: the body, from `contents`, `parts`, `tools` and `generation` (with `thinking`).
//! - `answer`: candidates to events, the same for whole answers and `stream`s; `partial`, `citations` and
//!   `usage` beside it.
//! - `embeddings`, `images`, `imagen` (with `picture`) and `speech`: the further modalities.
//! - `errors`: what the error bodies mean.
//!
//! What an endpoint wants differently is data, in [`Target::quirks`]:
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `sampling_params` | false | temperature, `top_p`, `top_k` and penalties are refused |
//! | `forced_tool_choice` | false | the model cannot be made to call a tool |
//! | `reasoning_always_on` | true | reasoning cannot be turned off |
//! | `extra_reasoning_efforts` | list | levels known beside those that the model's name tells |
//!
//! Media that a client names by a URL go out as that URL; older models fetch none, and endpoints of such have
//! the media put inline before.

mod answer;
mod citations;
mod contents;
mod embeddings;
mod errors;
mod generation;
mod imagen;
mod images;
mod partial;
mod parts;
mod picture;
mod request;
mod speech;
mod stream;
mod thinking;
mod tools;
mod usage;
mod wire;

use http::HeaderMap;

use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target, conversation};
use crate::error::{BadRequest, ProviderError};
pub(crate) use embeddings::Embeddings;
pub(crate) use imagen::IMAGEN;
pub(crate) use images::Images;
pub(crate) use speech::Speech;

/// Marks reasoning that only Google's models can read back.
const FORMAT: &str = "google-gemini-v1";

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation, target: &Target<'_>) -> Option<&'static dyn Adapter> {
    match operation {
        Operation::Chat => Some(&Gemini),
        Operation::Embeddings => Some(&Embeddings::Gemini),
        Operation::Images if is_imagen(target) => Some(&IMAGEN),
        Operation::Images => Some(&Images),
        Operation::Speech => Some(&Speech),
        Operation::Rerank | Operation::Transcription => None,
    }
}

/// Whether the model makes pictures and nothing else.
pub(crate) fn is_imagen(target: &Target<'_>) -> bool {
    target.provider_model.contains("imagen")
}

pub(crate) struct Gemini;

impl Adapter for Gemini {
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

/// The generation of a model by its name, such as 3 of `gemini-3.1-pro-preview`; a name without a number
/// follows the newest. Absent = not a Gemini model.
fn generation_of(provider_model: &str) -> Option<u32> {
    let name = provider_model.rsplit('/').next().unwrap_or_default();
    let version = name.strip_prefix("gemini-")?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Some(version[..digits].parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
