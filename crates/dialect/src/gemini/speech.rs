//! Speech by models that answer in it: 24,000 samples a second, 16 bits each, and nothing around them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::request::{generating, of_body, path};
use super::{errors, generation, stream};
use crate::canonical::{Event, SpeechRequest, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};

pub(crate) struct Speech;

impl Adapter for Speech {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let Task::Speech(request) = task else {
            return Err(BadRequest::new("this endpoint makes speech only"));
        };
        if request.format != "pcm" {
            return Err(BadRequest::new("this model speaks `pcm` only: set `response_format` to it"));
        }
        of_body(&body(request), path(target, generating(task.is_streamed())))
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        let mut events = Vec::new();
        let mut decoder = self.stream(target);
        decoder.push(body, &mut events);
        decoder.end(&mut events);
        match events.pop_if(|last| matches!(last, Event::Failure(_))) {
            Some(Event::Failure(error)) => Err(error),
            _ => Ok(events),
        }
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Box::new(Decoder { inner: stream::Decoder::default(), has_sound: false, is_over: false })
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

fn body(request: &SpeechRequest) -> Value {
    let text = match request.instructions.as_deref().map(str::trim).filter(|how| !how.is_empty()) {
        Some(how) => format!("{how}\n\n{}", request.input),
        None => request.input.clone(),
    };
    let mut config = json!({ "responseModalities": ["AUDIO"] });
    if let Some(voice) = request.voice.as_deref().and_then(generation::speech_config) {
        config["speechConfig"] = voice;
    }
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }], "generationConfig": config })
}

struct Decoder {
    inner: stream::Decoder,
    has_sound: bool,
    is_over: bool,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let mut read = Vec::new();
        self.inner.push(bytes, &mut read);
        read.into_iter().for_each(|event| self.take(event, events));
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let mut read = Vec::new();
        self.inner.end(&mut read);
        read.into_iter().for_each(|event| self.take(event, events));
    }
}

impl Decoder {
    /// What of a conversation's answer belongs to speech. An answer that ends without a sound has failed.
    fn take(&mut self, event: Event, events: &mut Vec<Event>) {
        let kept = match event {
            _ if self.is_over => return,
            Event::Extra { members, .. } => {
                match members.get("audio").and_then(|audio| audio["data"].as_str()) {
                    None => return,
                    Some(data) => match BASE64_STANDARD.decode(data) {
                        Ok(sound) => Event::Audio(Bytes::from(sound)),
                        Err(_) => Event::Failure(ProviderError::broken(
                            "the provider sent sound that cannot be read",
                        )),
                    },
                }
            }
            Event::Finish { .. } if !self.has_sound => {
                Event::Failure(ProviderError::broken("the provider did not speak"))
            }
            Event::Text { .. } | Event::Reasoning { .. } | Event::ToolCall { .. } | Event::Image { .. } => {
                return;
            }
            event => event,
        };
        self.has_sound |= matches!(kept, Event::Audio(_));
        self.is_over = matches!(kept, Event::Failure(_));
        events.push(kept);
    }
}
