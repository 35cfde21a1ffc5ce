//! Models behind the endpoint in OpenAI's dialect.

use http::HeaderMap;

use super::claude::is_googles;
use super::place;
use crate::canonical::{Event, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::gemini::Gemini;
use crate::openai::OpenAi;

pub(super) struct Open;

impl Adapter for Open {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let encoded = OpenAi.encode(task, target)?;
        Ok(Encoded { path: place::of_chat(), auth: AuthStyle::GoogleOAuth, ..encoded })
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        OpenAi.decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        OpenAi.stream(target)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        match is_googles(body) {
            true => Gemini.classify(status, headers, body),
            false => OpenAi.classify(status, headers, body),
        }
    }
}
