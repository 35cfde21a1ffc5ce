//! Images from conversations with models that answer in images. One conversation makes what its model gives,
//! mostly one image, however many were wanted.

use http::HeaderMap;
use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use super::super::outgoing::options;
use super::super::quirks::Quirks;
use super::super::{decode, encode, errors};
use super::{no_image, wanted};
use crate::canonical::{Event, ImagesRequest, Message, Part, PartKind, Request, Speaker, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::media;

pub(in crate::openai) struct ChatImages;

impl Adapter for ChatImages {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        encode::encode(&conversation(wanted(task)?, target)?, target)
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        let mut pictures = Pictures::default();
        let mut events = Vec::new();
        for event in decode::whole(body, Quirks::of(target))? {
            pictures.take(event, &mut events);
        }
        pictures.end(&mut events);
        match events.pop() {
            Some(Event::Failure(error)) => Err(error),
            last => Ok(events.into_iter().chain(last).collect()),
        }
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        let inner = decode::Stream::new(Quirks::of(target));
        Box::new(Stream { inner, pictures: Pictures::default() })
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

/// One turn with the prompt and the images that it speaks of.
fn conversation(request: &ImagesRequest, target: &Target<'_>) -> Result<Request, BadRequest> {
    if request.mask.is_some() {
        return Err(BadRequest::new(
            "this endpoint takes no `mask`: say in the prompt what is to be changed",
        ));
    }
    let part = |kind| Part { kind, cache_control: None };
    let images = request.references.iter().cloned();
    let images = images.map(|source| part(PartKind::Image { source, detail: None }));
    let content = std::iter::once(part(PartKind::Text(request.prompt.clone()))).chain(images).collect();
    let turn = Message::of(Speaker::User, content);
    Ok(Request {
        model: request.model.clone(),
        messages: vec![turn],
        seed: request.seed,
        user: request.user.clone(),
        extra: extra(request, target),
        ..Request::default()
    })
}

fn extra(request: &ImagesRequest, target: &Target<'_>) -> Map<String, Value> {
    let quirks = Quirks::of(target);
    let mut extra = Map::from_iter([("modalities".to_owned(), json!(["image", "text"]))]);
    let mut config = Map::new();
    let named = [("aspect_ratio", &request.aspect_ratio), ("image_size", &request.resolution)];
    for (name, value) in named {
        if let Some(value) = value {
            config.insert(name.to_owned(), json!(value));
        }
    }
    if !config.is_empty() {
        extra.insert("image_config".to_owned(), Value::Object(config));
    }
    for (name, value) in options(&request.options, target).chain(&request.extra) {
        if quirks.lists("accepts", name) && !extra.contains_key(name) {
            extra.insert(name.clone(), value.clone());
        }
    }
    extra
}

/// Keeps of a conversation what its images are.
#[derive(Default)]
struct Pictures {
    count: u64,
    usage: Option<Usage>,
    has_finished: bool,
    has_failed: bool,
}

impl Pictures {
    fn take(&mut self, event: Event, events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        match event {
            Event::Image { url, .. } if media::data_url(&url).is_some() => {
                self.count += 1;
                events.push(Event::Image { choice: 0, url });
            }
            Event::Image { .. } => {
                let error = ProviderError::broken("the provider gave the address of an image, not the image");
                self.fail(error, events);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish { .. } => self.has_finished = true,
            Event::Failure(error) => self.fail(error, events),
            start @ Event::Start { .. } => events.push(start),
            _ => {}
        }
    }

    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        self.has_failed = true;
        events.push(Event::Failure(error));
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        match self {
            Self { has_failed: true, .. } => {}
            Self { count: 1.., has_finished: true, .. } => {
                let usage = self.usage.unwrap_or_default();
                events.push(Event::Usage(usage.with(Class::Picture, self.count)));
                events.push(Event::stop());
            }
            _ => self.fail(no_image(), events),
        }
    }
}

struct Stream {
    inner: decode::Stream,
    pictures: Pictures,
}

impl StreamDecoder for Stream {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let mut all = Vec::new();
        self.inner.push(bytes, &mut all);
        all.into_iter().for_each(|event| self.pictures.take(event, events));
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let mut all = Vec::new();
        self.inner.end(&mut all);
        all.into_iter().for_each(|event| self.pictures.take(event, events));
        self.pictures.end(events);
    }
}
