//! Speech from text, as OpenAI and OpenRouter ask for it. The answer is the sound itself.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::body::{self, Body, Head};
use super::{AnswerEncoder, Bill, Envelope, Peek, PublicError};
use crate::canonical::{Event, SpeechRequest, VoiceSample};
use crate::client::path::Path;
use crate::error::{BadRequest, ErrorType};

/// The formats there are, and what they are called on the wire. The first is given when none is asked for, as at
/// OpenRouter.
const FORMATS: [(&str, &str); 6] = [
    ("pcm", "audio/pcm"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("opus", "audio/opus"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
];

const SPEED: (f64, f64) = (0.25, 4.0);
/// Base64 of a voice's recording at most: 20 MiB.
const SAMPLE: usize = 20 * 1024 * 1024;
/// Characters of what is said in it.
const SAMPLE_TEXT: usize = 10_000;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request) = read(body)?;
    let media_bytes = request.sample.as_ref().map_or(0, |sample| sample.data.len() as u64);
    let media_type = FORMATS.iter().find(|(name, _)| *name == request.format).map(|(_, kind)| *kind);
    Ok(Peek {
        stream: true,
        media_type,
        characters: request.input.chars().count() as u64,
        input_modalities: body::set(&[("text", true), ("audio", request.sample.is_some())]),
        parameters: body::set(&[
            ("speed", request.speed.is_some()),
            ("instructions", request.instructions.is_some()),
            ("input_references", request.sample.is_some()),
        ]),
        text_bytes: (body.len() as u64).saturating_sub(media_bytes),
        media_bytes,
        ..head.into_peek()
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<SpeechRequest, BadRequest> {
    read(body).map(|(_, request)| request)
}

pub(super) fn answer(_envelope: Envelope) -> Box<dyn AnswerEncoder> {
    Box::new(Answer)
}

fn read(body: &[u8]) -> Result<(Head, SpeechRequest), BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    let formats = FORMATS.map(|(name, _)| name);
    let form = body.word("stream_format", &["audio", "sse"])?;
    if form.as_deref() == Some("sse") {
        return Err(BadRequest::new("`stream_format` `sse` is not served: the answer is the sound itself"));
    }
    let request = SpeechRequest {
        model: head.model(),
        input: body.required_string("input")?,
        voice: voice(&mut body)?,
        format: body.word("response_format", &formats)?.unwrap_or_else(|| formats[0].to_owned()),
        speed: body.number("speed", SPEED.0..=SPEED.1)?,
        instructions: body.string("instructions")?,
        sample: sample(&mut body)?,
        user: head.user.clone(),
        options: head.options.clone(),
        extra: body.rest(),
    };
    Ok((head, request))
}

/// A voice's name, or an object with its `id`.
fn voice(body: &mut Body<'_>) -> Result<Option<String>, BadRequest> {
    let path = body.path.member("voice");
    let Some(value) = body.raw("voice") else { return Ok(None) };
    let name = match value.get().as_bytes().first() {
        Some(b'{') => Body::within(value, &path)?.required_string("id")?,
        _ => body::text(value, &path)?,
    };
    if name.is_empty() { Err(path.must("not be empty")) } else { Ok(Some(name)) }
}

/// `[{"type": "input_audio", "input_audio": {…}}, {"type": "text", "text": …}?]` in any order.
fn sample(body: &mut Body<'_>) -> Result<Option<VoiceSample>, BadRequest> {
    let path = body.path.member("input_references");
    let Some(parts) = body.list("input_references", 2)?.filter(|parts| !parts.is_empty()) else {
        return Ok(None);
    };
    let (mut audio, mut said) = (None, None);
    for (index, part) in parts.into_iter().enumerate() {
        let path = path.item(index);
        let mut part = Body::within(part, &path)?;
        match part.word("type", &["input_audio", "text"])?.as_deref() {
            Some("input_audio") if audio.is_none() => {
                audio = Some(recording(part.raw("input_audio"), &path.member("input_audio"))?);
            }
            Some("text") if said.is_none() => said = Some(transcript(&mut part)?),
            _ => return Err(path.member("type").must("be `input_audio` once and `text` at most once")),
        }
    }
    match audio {
        Some(audio) => Ok(Some(VoiceSample { text: said, ..audio })),
        None => Err(path.must("have an `input_audio` part")),
    }
}

fn transcript(part: &mut Body<'_>) -> Result<String, BadRequest> {
    let text = part.required_string("text")?;
    if text.chars().count() > SAMPLE_TEXT {
        return Err(part.path.member("text").must(&format!("have at most {SAMPLE_TEXT} characters")));
    }
    Ok(text)
}

fn recording(value: Option<&RawValue>, path: &Path<'_>) -> Result<VoiceSample, BadRequest> {
    let value = value.ok_or_else(|| path.must("be an object"))?;
    let mut audio = Body::within(value, path)?;
    let data = audio.required_string("data")?;
    if data.len() > SAMPLE {
        return Err(BadRequest {
            error_type: ErrorType::PayloadTooLarge,
            message: format!("`{}` must have at most {SAMPLE} bytes", path.member("data")),
        });
    }
    Ok(VoiceSample { data, format: audio.required_string("format")?, text: None })
}

/// The bytes as they come. There is no place for anything else: an answer that breaks, just ends too early.
struct Answer;

impl AnswerEncoder for Answer {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        if let Event::Audio(bytes) = event {
            out.extend_from_slice(&bytes);
        }
    }

    fn finish(&mut self, _bill: &Bill, _out: &mut Vec<u8>) {}

    fn fail(&mut self, _error: &PublicError, _bill: Option<&Bill>, _out: &mut Vec<u8>) {}
}
