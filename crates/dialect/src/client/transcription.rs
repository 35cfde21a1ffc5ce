//! Text from speech, as OpenAI and OpenRouter ask for it. Forms with a file are turned into the same JSON before
//! they come here.

mod answer;
mod length;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::body::{self, Body, Head};
use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{Task, TranscriptionRequest};
use crate::error::{BadRequest, ErrorType};
use length::Length;

/// Bytes of a recording at most, as at OpenAI.
const RECORDING: u64 = 25 * 1024 * 1024;
const TEMPERATURE: (f64, f64) = (0.0, 1.0);

struct Recording {
    data: String,
    format: String,
    file_name: Option<String>,
    length: Length,
}

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request, length) = read(body)?;
    let media_bytes = request.data.len() as u64;
    Ok(Peek {
        seconds: length.most,
        input_modalities: vec!["audio"],
        parameters: body::set(&[
            ("language", request.language.is_some()),
            ("temperature", request.temperature.is_some()),
            ("response_format", request.verbose),
            ("timestamp_granularities", !request.timestamp_granularities.is_empty()),
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
pub(super) fn decode(body: &Bytes) -> Result<TranscriptionRequest, BadRequest> {
    read(body).map(|(_, request, _)| request)
}

pub(super) fn answer(envelope: Envelope, task: Option<&Task>) -> Box<dyn AnswerEncoder> {
    let is_verbose = matches!(task, Some(Task::Transcription(request)) if request.verbose);
    Box::new(answer::Answer::new(envelope, is_verbose))
}

fn read(body: &[u8]) -> Result<(Head, TranscriptionRequest, Length), BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    let recording = recording(&mut body)?;
    if body.boolean("stream")? == Some(true) {
        return Err(BadRequest::new("`stream` is not served for transcriptions: the text comes whole"));
    }
    let verbose = body.word("response_format", &["json", "verbose_json"])?.is_some_and(|form| form != "json");
    let granularities = granularities(&mut body)?;
    let request = TranscriptionRequest {
        model: head.model(),
        data: recording.data,
        format: recording.format,
        file_name: recording.file_name,
        language: body.string("language")?.filter(|language| !language.is_empty()),
        temperature: body.number("temperature", TEMPERATURE.0..=TEMPERATURE.1)?,
        verbose,
        timestamp_granularities: if verbose { granularities } else { Vec::new() },
        seconds: recording.length.told,
        options: head.options.clone(),
        extra: body.rest(),
    };
    Ok((head, request, recording.length))
}

/// `{"data": "<base64>", "format": "mp3", "file_name"?}`
fn recording(body: &mut Body<'_>) -> Result<Recording, BadRequest> {
    let path = body.path.member("input_audio");
    let Some(audio) = body.raw("input_audio") else {
        return Err(BadRequest::new("`input_audio` is required: send an object with `data` and `format`"));
    };
    let mut audio = Body::within(audio, &path)?;
    let data = audio.required_string("data")?;
    let format = audio.required_string("format")?;
    let place = path.member("data");
    if data.starts_with("data:") {
        return Err(place.must("be the base64 alone, without `data:` and a media type"));
    }
    let length = length::of(&data).ok_or_else(|| place.must("be base64 of a recording"))?;
    if length.bytes > RECORDING {
        return Err(BadRequest {
            error_type: ErrorType::PayloadTooLarge,
            message: format!("`{place}` must be of at most {RECORDING} bytes"),
        });
    }
    let file_name = audio.string("file_name")?;
    Ok(Recording { data, format: format.to_ascii_lowercase(), file_name, length })
}

fn granularities(body: &mut Body<'_>) -> Result<Vec<String>, BadRequest> {
    let path = body.path.member("timestamp_granularities");
    let mut all = Vec::new();
    for (index, value) in body.list("timestamp_granularities", 2)?.unwrap_or_default().into_iter().enumerate()
    {
        let path = path.item(index);
        let word = body::text(value, &path)?;
        if word != "word" && word != "segment" {
            return Err(path.must("be one of word, segment"));
        }
        all.push(word);
    }
    Ok(all)
}
