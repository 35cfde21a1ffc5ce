//! Google Vertex AI: Gemini, Claude and open models under one roof, each in the dialect of its maker.
//!
//! - `google`: Google's own models, spoken to like the Gemini API at other addresses.
//! - `claude`: Anthropic's models. `mistral`: Mistral's. `open`: models behind an endpoint in OpenAI's dialect.
//! - `place`: the addresses.
//!
//! | Quirk | Value | Meaning |
//! |---|---|---|
//! | `publisher` | `google`, `anthropic`, `mistralai`, `openapi` | who made the model; default: by its name |
//! | `betas` | list | the features of Claude that may be named; default: all |
//! | `automatic_caching` | true | Claude knows `cache_control` beside the messages |
//!
//! Each dialect has its own quirks besides. The names in braces in a path are filled in by whoever sends it.

mod claude;
mod google;
mod mistral;
mod open;
mod place;

use crate::canonical::Operation;
use crate::codec::{Adapter, Target};
use crate::gemini::{self, Embeddings, Gemini, IMAGEN, Images, Speech};
use claude::Claude;
use google::Google;
use mistral::Mistral;
use open::Open;
use place::Publisher;

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(operation: Operation, target: &Target<'_>) -> Option<&'static dyn Adapter> {
    match (Publisher::of(target), operation) {
        (Publisher::Anthropic, Operation::Chat) => Some(&Claude),
        (Publisher::Mistral, Operation::Chat) => Some(&Mistral),
        (Publisher::OpenApi, Operation::Chat) => Some(&Open),
        (Publisher::Google, Operation::Chat) => Some(&Google(&Gemini)),
        (Publisher::Google, Operation::Embeddings) if target.provider_model.contains("gemini") => {
            Some(&Google(&Embeddings::Vertex))
        }
        (Publisher::Google, Operation::Embeddings) => Some(&Google(&Embeddings::Predict)),
        (Publisher::Google, Operation::Images) if gemini::is_imagen(target) => Some(&Google(&IMAGEN)),
        (Publisher::Google, Operation::Images) => Some(&Google(&Images)),
        (Publisher::Google, Operation::Speech) => Some(&Google(&Speech)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
