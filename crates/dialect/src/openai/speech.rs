//! Speech. The answer is the sound as it is made, or server-sent events that end with what it took
//! (quirk `speech_stream`).

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors;
use super::outgoing::{Outgoing, options};
use super::quirks::Quirks;
use crate::canonical::{Event, SpeechRequest, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::sse;

pub(super) struct Speech;

impl Adapter for Speech {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let Task::Speech(request) = task else {
            return Err(BadRequest::new("this endpoint speaks only"));
        };
        encode(request, target)
    }

    /// A body that is said to be JSON is no sound.
    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        let mut stream = self.stream(target);
        let mut events = Vec::new();
        stream.push(body, &mut events);
        stream.end(&mut events);
        match events.iter().position(|event| matches!(event, Event::Failure(_))) {
            Some(at) => match events.swap_remove(at) {
                Event::Failure(error) => Err(error),
                _ => Ok(events),
            },
            None => Ok(events),
        }
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        if is_events(Quirks::of(target)) { Box::new(Events::default()) } else { Box::new(Sound::default()) }
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

fn is_events(quirks: Quirks<'_>) -> bool {
    quirks.is("speech_stream", "sse")
}

fn encode(request: &SpeechRequest, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let mut body = Outgoing::new(target);
    body.set("input", request.input.as_str());
    body.set_some("voice", request.voice.as_deref().map(|voice| named(voice, quirks)));
    body.set("response_format", request.format.as_str());
    body.set_some("speed", request.speed.filter(|_| target.takes("speed")));
    body.set_some("instructions", request.instructions.as_deref().filter(|_| target.takes("instructions")));
    if let Some(sample) = &request.sample {
        if !quirks.lists("accepts", "input_references") {
            return Err(BadRequest::new(
                "this endpoint does not speak with other voices: name one as `voice`",
            ));
        }
        let audio = json!({"data": sample.data, "format": sample.format});
        let mut parts = vec![json!({"type": "input_audio", "input_audio": audio})];
        parts.extend(sample.text.as_ref().map(|text| json!({"type": "text", "text": text})));
        body.set("input_references", parts);
    }
    let is_events = is_events(quirks);
    if is_events {
        body.set("stream_format", "sse");
    }
    body.add_accepted(options(&request.options, target));
    body.add_accepted(&request.extra);
    body.into_json("audio/speech", if is_events { "text/event-stream" } else { "audio/*" })
}

/// A voice that a customer of OpenAI made has an id and no name.
fn named(voice: &str, quirks: Quirks<'_>) -> Value {
    if voice.starts_with("voice_") && !quirks.denies("voice_ids") {
        json!({"id": voice})
    } else {
        json!(voice)
    }
}

/// Bytes that an error in place of the sound may have.
const ERROR_LIMIT: usize = 64 * 1024;

/// Reads sound. What begins like the text of an error is held back until it is known to be none: sound that is
/// all printable does not come.
#[derive(Default)]
struct Sound {
    held: Vec<u8>,
    has_come: bool,
}

impl StreamDecoder for Sound {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if bytes.is_empty() {
            return;
        }
        if self.has_come {
            events.push(Event::Audio(Bytes::copy_from_slice(bytes)));
            return;
        }
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80;
        let begins_so = self.held.first().or(bytes.first()).is_some_and(|byte| *byte == b'{');
        self.held.extend_from_slice(bytes);
        if begins_so && bytes.iter().all(is_text) && self.held.len() <= ERROR_LIMIT {
            return;
        }
        self.has_come = true;
        events.push(Event::Audio(Bytes::from(std::mem::take(&mut self.held))));
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if !self.held.is_empty() {
            if serde_json::from_slice::<Value>(&self.held).is_ok() {
                events.push(Event::Failure(errors::unreadable(&self.held)));
                return;
            }
            self.has_come = true;
            events.push(Event::Audio(Bytes::from(std::mem::take(&mut self.held))));
        }
        events.push(if self.has_come { Event::stop() } else { Event::Failure(nothing()) });
    }
}

fn nothing() -> ProviderError {
    ProviderError::broken("the provider ended its answer without sound")
}

/// Reads sound in server-sent events.
#[derive(Default)]
struct Events {
    frames: sse::Decoder,
    state: State,
}

#[derive(Default)]
struct State {
    has_come: bool,
    has_ended: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Frame {
    r#type: Option<String>,
    audio: Option<String>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    input_tokens: u64,
    output_tokens: u64,
}

impl State {
    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.has_ended || data.is_empty() || data == b"[DONE]" {
            return;
        }
        let Ok(frame) = serde_json::from_slice::<Frame>(data) else {
            return self.fail(errors::unreadable(data), events);
        };
        if let Some(error) = &frame.error {
            return self.fail(errors::inside(error), events);
        }
        match frame.r#type.as_deref() {
            Some("speech.audio.delta") => match frame.audio.map(|audio| BASE64_STANDARD.decode(audio)) {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    self.has_come = true;
                    events.push(Event::Audio(bytes.into()));
                }
                _ => self.fail(ProviderError::broken("the provider sent sound that cannot be read"), events),
            },
            Some("speech.audio.done") => self.finish(frame.usage, events),
            Some("error") => self.fail(errors::unreadable(data), events),
            _ => {}
        }
    }

    fn finish(&mut self, counts: Option<Counts>, events: &mut Vec<Event>) {
        if !self.has_come {
            return self.fail(nothing(), events);
        }
        self.has_ended = true;
        let counted = counts.filter(|counts| counts.input_tokens > 0 || counts.output_tokens > 0);
        events.extend(counted.map(|counts| {
            let usage = Usage::default().with(Class::Input, counts.input_tokens);
            Event::Usage(usage.with(Class::AudioOutput, counts.output_tokens))
        }));
        events.push(Event::stop());
    }

    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_ended, true) {
            events.push(Event::Failure(error));
        }
    }
}

impl StreamDecoder for Events {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Err(error) = self.frames.push(bytes, |_, data| state.take(data, events)) {
            state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        self.frames.end(|_, data| state.take(data, events));
        let error = match self.frames.stray().trim_ascii() {
            b"" => ProviderError::broken("the provider's answer was cut short"),
            stray => errors::unreadable(stray),
        };
        self.state.fail(error, events);
    }
}
