//! Mistral's models at Google's addresses, in their maker's dialect.

use http::HeaderMap;

use super::claude::is_googles;
use super::place;
use crate::canonical::{Event, Operation, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::gemini::Gemini;
use crate::mistral;
use crate::openai::OpenAi;

pub(super) struct Mistral;

/// Mistral's dialect, which is nearly OpenAI's.
fn maker() -> &'static dyn Adapter {
    mistral::adapter(Operation::Chat).unwrap_or(&OpenAi)
}

/// The address tells the version, `name@version`; the body does not.
fn named<'a>(target: &Target<'a>) -> Target<'a> {
    let name = target.provider_model.split('@').next().unwrap_or_default();
    Target { provider_model: name, ..*target }
}

impl Adapter for Mistral {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let encoded = maker().encode(task, &named(target))?;
        let method = if task.is_streamed() { "streamRawPredict" } else { "rawPredict" };
        let path = place::of_model("mistralai", target.provider_model, method);
        Ok(Encoded { path, auth: AuthStyle::GoogleOAuth, ..encoded })
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        maker().decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        maker().stream(target)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        match is_googles(body) {
            true => Gemini.classify(status, headers, body),
            false => maker().classify(status, headers, body),
        }
    }
}
