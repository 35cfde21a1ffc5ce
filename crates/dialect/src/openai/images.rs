//! Images: by an API of their own, or by conversations with models that answer in images (quirk `images`).

mod answer;
mod chat;
mod request;
mod size;
#[cfg(test)]
mod tests;

use http::HeaderMap;

use super::errors;
use crate::canonical::{Event, ImagesRequest, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
pub(super) use chat::ChatImages;

pub(super) struct Images;

impl Adapter for Images {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        request::encode(wanted(task)?, target)
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        answer::whole(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(answer::Stream::default())
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

fn wanted(task: &Task) -> Result<&ImagesRequest, BadRequest> {
    match task {
        Task::Images(request) => Ok(request),
        _ => Err(BadRequest::new("this endpoint makes images only")),
    }
}

fn no_image() -> ProviderError {
    ProviderError::broken("the provider ended its answer without an image")
}
