//! Speech to text.

use bytes::Bytes;
use serde_json::{Value, json};

use super::speech::of_bytes;
use crate::answer::Usage;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::job::{Bench, Form, Job, Made};
use crate::prepare::Arrived;
use crate::prose::Prose;
use crate::seed::Dice;
use crate::tokens::Tokenizer;
use crate::wire::named_event;

/// Bytes a second of a recording whose length nothing says.
const BYTES_PER_SECOND: u64 = 16_000;
const WAV_HEAD: usize = 44;
/// Tokens of sound in a second.
const TOKENS_PER_SECOND: u64 = 10;
/// What a recording may be called.
const ENDINGS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

struct Transcription {
    model: String,
    prompt: String,
    format: String,
    language: String,
    stream: bool,
    number: u64,
    duration_ms: u64,
    words: bool,
}

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn transcriptions(arrived: &Arrived) -> Result<Box<dyn Job>, Failure> {
    let form = &arrived.payload;
    let missing = |name: &str| {
        Failure::bad(format!("Missing required parameter: '{name}'."))
            .param(name)
            .code("missing_required_parameter")
    };
    let Some(file) = form.files("file").next() else { return Err(missing("file")) };
    let model = form.field("model").filter(|model| !model.is_empty()).ok_or_else(|| missing("model"))?;
    let name = file.file_name.as_deref().unwrap_or_default().to_lowercase();
    if file.bytes.is_empty() || !ENDINGS.iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
        let message = format!("Invalid file format. Supported formats: {ENDINGS:?}").replace('"', "'");
        return Err(Failure::bad(message).param("file").code("invalid_value"));
    }
    let format = form.field("response_format").unwrap_or("json");
    let modern = model.contains("transcribe");
    if !["json", "text", "srt", "verbose_json", "vtt", "diarized_json"].contains(&format)
        || (modern && !["json", "text", "diarized_json"].contains(&format))
    {
        let message = format!(
            "response_format '{format}' is not compatible with model '{model}'. Use 'json' or 'text' instead."
        );
        return Err(Failure::bad(message).param("response_format").code("unsupported_value"));
    }
    Ok(Box::new(Transcription {
        model: model.to_owned(),
        prompt: form.field("prompt").unwrap_or_default().to_owned(),
        format: format.to_owned(),
        language: form.field("language").unwrap_or("en").to_owned(),
        stream: modern && form.field("stream") == Some("true"),
        number: of_bytes(&file.bytes),
        duration_ms: duration_ms(&file.bytes),
        words: form.fields("timestamp_granularities").any(|kind| kind == "word"),
    }))
}

/// How long a recording lasts: exactly for WAV, by its size for all else.
fn duration_ms(bytes: &[u8]) -> u64 {
    let rate = (bytes.starts_with(b"RIFF") && bytes.len() > WAV_HEAD)
        .then(|| bytes[28..32].try_into().map_or(0, u32::from_le_bytes))
        .filter(|rate| *rate > 0);
    let (length, rate) = match rate {
        Some(rate) => (bytes.len() - WAV_HEAD, u64::from(rate)),
        None => (bytes.len(), BYTES_PER_SECOND),
    };
    (length as u64 * 1000).div_ceil(rate).max(1)
}

impl Transcription {
    fn words(&self, bench: &Bench<'_>) -> String {
        bench.script.text.clone().unwrap_or_else(|| {
            let mut prose = Prose::answer("the recording and its speaker", Dice::new(self.number));
            format!("{}{}", prose.sentence(), prose.sentence())
        })
    }

    /// What it costs: tokens of the models that transcribe, seconds of those before.
    fn usage(&self, bench: &Bench<'_>, text: &str) -> (Usage, Value) {
        let audio = (self.duration_ms * TOKENS_PER_SECOND).div_ceil(1000);
        let words = bench.tokenizer.count(bench.plain);
        let completion = bench.tokenizer.count(text);
        let mut usage = Usage { audio_ms: self.duration_ms, ..Usage::default() };
        if !self.model.contains("transcribe") {
            return (usage, json!({"type": "duration", "seconds": self.duration_ms.div_ceil(1000)}));
        }
        usage = Usage { prompt: audio + words, media: audio, audio, completion, ..usage };
        let said = json!({"type": "tokens", "input_tokens": usage.prompt,
            "input_token_details": {"text_tokens": words, "audio_tokens": audio},
            "output_tokens": completion, "total_tokens": usage.prompt + completion});
        (usage, said)
    }

    fn verbose(&self, text: &str, bench: &Bench<'_>) -> Value {
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of a recording are small")]
        let seconds = self.duration_ms as f64 / 1000.0;
        let mut body = json!({"task": "transcribe", "language": self.language, "duration": seconds, "text": text,
            "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [50364],
                "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.3, "no_speech_prob": 0.01}]});
        if self.words {
            let words: Vec<&str> = text.split_whitespace().collect();
            #[allow(clippy::cast_precision_loss, reason = "few words")]
            let at = |number: usize| seconds * number as f64 / words.len().max(1) as f64;
            let spoken = words.iter().enumerate();
            let spoken = spoken.map(|(n, word)| json!({"word": word, "start": at(n), "end": at(n + 1)}));
            body["words"] = spoken.collect::<Value>();
        }
        let _ = bench;
        body
    }

    fn streamed(text: &str, said: Option<Value>) -> Form {
        let delta = |text: &str| {
            let data = json!({"type": "transcript.text.delta", "delta": text});
            Bytes::from(named_event("transcript.text.delta", &data))
        };
        let mut pieces: Vec<(Bytes, u64)> =
            Tokenizer::split(text).iter().map(|piece| (delta(&piece.text), piece.tokens)).collect();
        let mut done = json!({"type": "transcript.text.done", "text": text});
        if let Some(said) = said {
            done["usage"] = said;
        }
        pieces.push((named_event("transcript.text.done", &done).into(), 0));
        Form::Pieces { pieces, error: Some(Dialect::OpenAi) }
    }
}

impl Job for Transcription {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.prompt
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let text = self.words(bench);
        let (usage, said) = self.usage(bench, &text);
        let said = bench.shows_usage().then_some(said);
        if self.stream {
            let says_usage = said.is_some();
            return Ok(Made {
                form: Self::streamed(&text, said),
                content_type: "text/event-stream; charset=utf-8",
                usage,
                says_usage,
                headers: Vec::new(),
            });
        }
        let mut body = match self.format.as_str() {
            "verbose_json" => self.verbose(&text, bench),
            "json" | "diarized_json" => json!({"text": text}),
            plain => return Ok(self.plain(plain, &text, usage)),
        };
        let says_usage = said.is_some();
        if let Some(said) = said {
            body["usage"] = said;
        }
        Ok(Made::json(&body, usage, says_usage))
    }
}

impl Transcription {
    /// Text, or text with times.
    fn plain(&self, format: &str, text: &str, usage: Usage) -> Made {
        let (seconds, millis) = (self.duration_ms / 1000, self.duration_ms % 1000);
        let end = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let body = match format {
            "srt" => format!("1\n00:00:00,000 --> {end},{millis:03}\n{text}\n\n"),
            "vtt" => format!("WEBVTT\n\n00:00:00.000 --> {end}.{millis:03}\n{text}\n\n"),
            _ => format!("{text}\n"),
        };
        Made {
            form: Form::Whole(body.into_bytes()),
            content_type: "text/plain; charset=utf-8",
            usage,
            says_usage: false,
            headers: Vec::new(),
        }
    }
}
