//! Pictures by models that answer in them.

use http::HeaderMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::contents::Content;
use super::parts::{self, Part};
use super::request::{generating, of_body, path};
use super::{answer, errors, generation_of, picture, stream};
use crate::canonical::{Event, FinishReason, ImagesRequest, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ErrorType, ProviderError};

pub(crate) struct Images;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    contents: [Content<'a>; 1],
    generation_config: Value,
}

impl Adapter for Images {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let Task::Images(request) = task else {
            return Err(BadRequest::new("this endpoint makes images only"));
        };
        if request.n.is_some_and(|n| n > 1) {
            return Err(BadRequest::new("this model makes one image for each request: `n` must be 1"));
        }
        let mut content = vec![Part::text(request.prompt.as_str())];
        for reference in &request.references {
            content.push(parts::of_source(reference, Some("image/jpeg"))?);
        }
        let body = Body { contents: [Content::of_user(content)], generation_config: config(request, target) };
        of_body(&body, path(target, generating(request.stream)))
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        let mut pictures = Pictures::default();
        let events = answer::decode(body)?.into_iter().filter_map(|event| pictures.of(event));
        let mut events: Vec<Event> = events.collect();
        match events.pop_if(|last| matches!(last, Event::Failure(_))) {
            Some(Event::Failure(error)) => Err(error),
            _ => Ok(events),
        }
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(Decoder { inner: stream::Decoder::default(), pictures: Pictures::default() })
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

fn config(request: &ImagesRequest, target: &Target<'_>) -> Value {
    let knows_sizes = generation_of(target.provider_model).is_some_and(|generation| generation >= 3);
    let size = picture::size(request).filter(|_| knows_sizes);
    let image = picture::members([
        ("aspectRatio", picture::aspect_ratio(request).map(Value::from)),
        ("imageSize", size.map(Value::from)),
    ]);
    let mut config = json!({ "responseModalities": ["IMAGE"] });
    if !image.is_empty() {
        config["imageConfig"] = Value::Object(image);
    }
    if let Some(seed) = request.seed.and_then(|seed| i32::try_from(seed).ok()) {
        config["seed"] = seed.into();
    }
    config
}

/// What of a conversation's answer belongs to an answer in pictures.
#[derive(Debug, Default)]
struct Pictures {
    has_some: bool,
    is_over: bool,
}

impl Pictures {
    /// An answer that ends without a picture has failed.
    fn of(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Text { .. } | Event::Reasoning { .. } | Event::Extra { .. } | Event::ToolCall { .. } => {
                None
            }
            Event::Finish { reason, native, .. } if !self.has_some => {
                let error = missing(reason, native);
                (!std::mem::replace(&mut self.is_over, true)).then_some(Event::Failure(error))
            }
            _ if self.is_over => None,
            event => {
                self.has_some |= matches!(event, Event::Image { .. });
                Some(event)
            }
        }
    }
}

fn missing(reason: FinishReason, native: String) -> ProviderError {
    if reason != FinishReason::ContentFilter {
        return ProviderError::broken("the provider made no image");
    }
    let error = ProviderError::inside(0, "the provider refused to make this image", Some(native));
    error.because_of_request(ErrorType::ContentPolicyViolation)
}

struct Decoder {
    inner: stream::Decoder,
    pictures: Pictures,
}

impl Decoder {
    fn keep(&mut self, read: Vec<Event>, events: &mut Vec<Event>) {
        events.extend(read.into_iter().filter_map(|event| self.pictures.of(event)));
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let mut read = Vec::new();
        self.inner.push(bytes, &mut read);
        self.keep(read, events);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let mut read = Vec::new();
        self.inner.end(&mut read);
        self.keep(read, events);
    }
}
