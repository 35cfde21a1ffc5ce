//! Google's own models, spoken to like the Gemini API at other addresses.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::place;
use crate::canonical::{Event, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};

/// Names the tier that is asked for, which is a member of the body at the Gemini API.
const SERVICE_TIER: HeaderName = HeaderName::from_static("x-vertex-ai-llm-shared-request-type");

/// An adapter of the Gemini API, moved.
pub(super) struct Google(pub(super) &'static dyn Adapter);

impl Adapter for Google {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let mut encoded = self.0.encode(task, &Target { service_tier: "", ..*target })?;
        if let Ok(tier) = HeaderValue::from_str(target.service_tier)
            && !tier.is_empty()
        {
            encoded.headers.push((SERVICE_TIER, tier));
        }
        let method = encoded.path.rsplit(':').next().unwrap_or_default();
        let path = place::of_model("google", target.provider_model, method);
        Ok(Encoded { path, auth: AuthStyle::GoogleOAuth, ..encoded })
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        self.0.decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        self.0.stream(target)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        self.0.classify(status, headers, body)
    }
}
