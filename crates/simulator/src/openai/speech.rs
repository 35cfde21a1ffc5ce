//! Text to speech.

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Usage;
use crate::ask::Sound;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::job::{Bench, Form, Job, Made};
use crate::seed::hash_text;
use crate::sound;
use crate::wire::named_event;

/// Most characters of a text.
const LONGEST: usize = 4096;
/// Bytes of a piece.
const PIECE: usize = 4096;
/// Tokens of sound in a second.
const TOKENS_PER_SECOND: u64 = 20;

struct Speech {
    model: String,
    input: String,
    sound: Sound,
    /// Server-sent events rather than the sound itself.
    events: bool,
}

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn speech(body: &Value) -> Result<Box<dyn Job>, Failure> {
    let text = |name: &str| body[name].as_str().filter(|value| !value.is_empty());
    let required = |name: &str| {
        text(name).ok_or_else(|| {
            Failure::bad(format!("Missing required parameter: '{name}'."))
                .param(name)
                .code("missing_required_parameter")
        })
    };
    let (model, input) = (required("model")?.to_owned(), required("input")?.to_owned());
    if !body["voice"].is_object() {
        required("voice")?;
    }
    if input.chars().count() > LONGEST {
        let message = "Invalid 'input': string too long. Expected a string with maximum length 4096.";
        return Err(Failure::bad(message).param("input").code("string_above_max_length"));
    }
    let name = text("response_format").unwrap_or("mp3");
    let Some(sound) = Sound::named(name).filter(|_| name != "pcm16") else {
        let message = format!(
            "Invalid value: '{name}'. Supported values are: 'mp3', 'opus', 'aac', 'flac', 'wav', and 'pcm'."
        );
        return Err(Failure::bad(message).param("response_format").code("invalid_value"));
    };
    if body["speed"].as_f64().is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
        let message = "Invalid 'speed': decimal out of range. Expected a value between 0.25 and 4.0.";
        return Err(Failure::bad(message).param("speed").code("decimal_out_of_range"));
    }
    Ok(Box::new(Speech { model, input, sound, events: body["stream_format"] == "sse" }))
}

impl Job for Speech {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.input
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let duration = sound::duration_ms(bench.plain);
        let usage = Usage {
            prompt: bench.tokenizer.count(bench.plain),
            completion: (duration * TOKENS_PER_SECOND).div_ceil(1000),
            completion_audio: (duration * TOKENS_PER_SECOND).div_ceil(1000),
            characters: bench.plain.chars().count() as u64,
            audio_ms: duration,
            ..Usage::default()
        };
        let bytes = Bytes::from(self.sound.speak(bench.plain));
        let pieces = shares(&bytes, usage.completion);
        if !self.events {
            return Ok(Made {
                form: Form::Pieces { pieces, error: None },
                content_type: self.sound.content_type(),
                usage,
                says_usage: false,
                headers: vec![("x-request-id", bench.stamp.request_id.clone())],
            });
        }
        let mut events: Vec<(Bytes, u64)> = pieces
            .into_iter()
            .map(|(bytes, tokens)| {
                (event("speech.audio.delta", &serde_json::json!({"audio": base64(&bytes)})), tokens)
            })
            .collect();
        let mut done = serde_json::json!({});
        if bench.shows_usage() {
            done["usage"] = serde_json::json!({"input_tokens": usage.prompt, "output_tokens": usage.completion,
                "total_tokens": usage.prompt + usage.completion});
        }
        events.push((event("speech.audio.done", &done), 0));
        Ok(Made {
            form: Form::Pieces { pieces: events, error: Some(Dialect::OpenAi) },
            content_type: "text/event-stream; charset=utf-8",
            usage,
            says_usage: bench.shows_usage(),
            headers: Vec::new(),
        })
    }
}

fn event(kind: &str, fields: &Value) -> Bytes {
    let mut data = fields.clone();
    data["type"] = serde_json::json!(kind);
    named_event(kind, &data).into()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bytes in pieces that carry the tokens evenly.
fn shares(bytes: &Bytes, tokens: u64) -> Vec<(Bytes, u64)> {
    let count = bytes.len().div_ceil(PIECE).max(1) as u64;
    let mut pieces = Vec::new();
    let mut rest = bytes.clone();
    for number in 0..count {
        let piece = rest.split_to(rest.len().min(PIECE));
        pieces.push((piece, tokens * (number + 1) / count - tokens * number / count));
    }
    pieces
}

/// A number that a recording always gives.
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    hash_text(&String::from_utf8_lossy(&bytes[..bytes.len().min(4096)])) ^ bytes.len() as u64
}
