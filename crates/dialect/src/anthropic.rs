use http::HeaderMap;

use crate::canonical::{Event, Request};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};

pub(crate) struct Anthropic;

struct Decoder;

impl StreamDecoder for Decoder {
    fn push(&mut self, _bytes: &[u8], _events: &mut Vec<Event>) {}
    fn end(&mut self, _events: &mut Vec<Event>) {}
}

impl Adapter for Anthropic {
    fn encode(&self, _request: &Request, _target: &Target<'_>) -> Result<Encoded, BadRequest> {
        Err(BadRequest::new("not built"))
    }
    fn decode(&self, _body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        Ok(Vec::new())
    }
    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(Decoder)
    }
    fn classify(&self, status: u16, _headers: &HeaderMap, _body: &[u8]) -> ProviderError {
        crate::error::ProviderError {
            error_type: crate::error::ErrorType::Server,
            status,
            message: String::new(),
            provider_code: None,
            retry: crate::error::Retry::Anywhere,
            retry_after: None,
            is_fault: true,
            metadata: serde_json::Map::new(),
        }
    }
}
