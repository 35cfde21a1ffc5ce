//! Anthropic's models in Google's envelope.

use http::HeaderMap;
use serde_json::Value;

use super::place;
use crate::anthropic::Anthropic;
use crate::canonical::{Event, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::gemini::Gemini;
use crate::resold::{self, Envelope};

const ENVELOPE: Envelope = Envelope { version: "vertex-2023-10-16", without: &["model", "service_tier"] };

pub(super) struct Claude;

impl Adapter for Claude {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let method = if task.is_streamed() { "streamRawPredict" } else { "rawPredict" };
        Ok(Encoded {
            path: place::of_model("anthropic", target.provider_model, method),
            headers: Vec::new(),
            auth: AuthStyle::GoogleOAuth,
            body: resold::body(task, target, ENVELOPE)?,
        })
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        Anthropic.decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Anthropic.stream(target)
    }

    /// The model's server answers in its maker's words; what stands before it, in Google's.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        match is_googles(body) {
            true => Gemini.classify(status, headers, body),
            false => Anthropic.classify(status, headers, body),
        }
    }
}

/// Whether an error is one of Google's own: its `status` is a word.
pub(super) fn is_googles(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get(0).unwrap_or(&body).get("error");
    error.is_some_and(|error| error["status"].is_string())
}
