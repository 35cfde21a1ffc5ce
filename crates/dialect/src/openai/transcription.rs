//! Text from speech.

#[cfg(test)]
mod tests;

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::errors;
use super::form::Form;
use super::outgoing::{Outgoing, encoded, options};
use super::quirks::Quirks;
use crate::canonical::{Event, Task, TranscriptionRequest};
use crate::codec::{Encoded, JSON, Target};
use crate::error::{BadRequest, ProviderError};
use crate::media;
use crate::whole::Whole;

pub(super) const TRANSCRIPTION: Whole = Whole { encode, decode, classify: errors::classify };

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Transcription(request) = task else {
        return Err(BadRequest::new("this endpoint transcribes only"));
    };
    let quirks = Quirks::of(target);
    let is_verbose = !quirks.denies("verbose_json") && (request.verbose || quirks.has("verbose_json"));
    let mut body = Outgoing::new(target);
    body.set_some("language", request.language.as_deref().filter(|_| target.takes("language")));
    body.set_some("temperature", request.temperature.filter(|_| target.takes("temperature")));
    body.set("response_format", if is_verbose { "verbose_json" } else { "json" });
    if is_verbose && !request.timestamp_granularities.is_empty() {
        body.set("timestamp_granularities", request.timestamp_granularities.clone());
    }
    body.add_accepted(options(&request.options, target));
    body.add_accepted(&request.extra);
    body.finish();
    let mut form = Form::default();
    let media_type = media::audio_type(&request.format);
    form.file("file", &file_name(request), &media_type, recording(request)?);
    body.members.iter().for_each(|(name, value)| form.member(name, value));
    let (content_type, form) = form.finish()?;
    Ok(encoded(quirks, "audio/transcriptions", content_type, JSON, form))
}

/// Providers tell a recording's format by the end of its name.
fn file_name(request: &TranscriptionRequest) -> String {
    let ends_in_format = |name: &&String| {
        name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(&request.format))
    };
    let named = request.file_name.as_ref().filter(ends_in_format);
    named.cloned().unwrap_or_else(|| format!("audio.{}", request.format))
}

fn recording(request: &TranscriptionRequest) -> Result<Vec<u8>, BadRequest> {
    let bytes = media::bytes(&request.data);
    bytes.ok_or_else(|| BadRequest::new("`input_audio.data` must be base64 of a recording"))
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The text of an answer, its times and what it took.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Answer { text, mut rest } = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
    let usage = rest.shift_remove("usage").unwrap_or_default();
    let members = shaped(rest);
    let duration = members.get("duration").and_then(Value::as_f64);
    let mut events = vec![Event::Start { id: None, model: None, system_fingerprint: None }];
    events.push(Event::Text { choice: 0, text });
    if !members.is_empty() {
        events.push(Event::Extra { choice: 0, members });
    }
    events.extend(classes(&usage, duration).map(Event::Usage));
    events.push(Event::stop());
    Ok(events)
}

/// The members of a verbose answer in their public form: nothing is null, lengths are numbers, segments are
/// numbered.
fn shaped(members: Map<String, Value>) -> Map<String, Value> {
    let mut shaped = Map::new();
    for (name, value) in members {
        let value = match (name.as_str(), value) {
            ("task" | "language", Value::String(text)) => Some(Value::String(text)),
            ("duration", Value::String(text)) => text.parse::<f64>().ok().map(Value::from),
            ("duration", number @ Value::Number(_)) => Some(number),
            ("segments", Value::Array(segments)) => Some(pieces(segments, true)),
            ("words", Value::Array(words)) => Some(pieces(words, false)),
            _ => None,
        };
        if let Some(value) = value {
            shaped.insert(name, value);
        }
    }
    shaped
}

fn pieces(pieces: Vec<Value>, is_numbered: bool) -> Value {
    let mut all = Vec::with_capacity(pieces.len());
    for (place, piece) in pieces.into_iter().enumerate() {
        let Value::Object(mut members) = piece else { continue };
        members.retain(|_, value| !value.is_null());
        if is_numbered && !members.get("id").is_some_and(Value::is_u64) {
            members.insert("id".to_owned(), place.into());
        }
        all.push(Value::Object(members));
    }
    Value::Array(all)
}

/// Tokens where they are counted, else time; `None` when neither is known.
fn classes(usage: &Value, duration: Option<f64>) -> Option<Usage> {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let (input, output) = (count(&usage["input_tokens"]), count(&usage["output_tokens"]));
    if input > 0 || output > 0 {
        let audio = count(&usage["input_token_details"]["audio_tokens"]).min(input);
        let tokens = Usage::default().with(Class::AudioInput, audio).with(Class::Input, input - audio);
        return Some(tokens.with(Class::Output, output));
    }
    let seconds = usage["seconds"].as_f64().or(duration).filter(|seconds| *seconds > 0.0)?;
    // A float is rounded as text, since a cast could lose what is above the largest integer.
    let seconds = format!("{:.0}", seconds.ceil()).parse().ok()?;
    Some(Usage::default().with(Class::Second, seconds))
}
