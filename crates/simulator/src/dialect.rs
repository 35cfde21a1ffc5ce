//! The wire shapes the simulator speaks, and what each must provide.

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::quirks::Quirks;
use crate::seed::{ALPHANUMERIC, Dice, HEX};
use crate::steps::{Grouping, Step};
use crate::{anthropic, gemini, ollama, openai};

/// A wire shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

/// What the URL of a Gemini request says, which is in the body elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GeminiPath {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Server-sent events rather than one JSON array.
    pub(crate) events: bool,
}

/// What names one answer.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) response_id: String,
    pub(crate) request_id: String,
    /// Unix time in milliseconds.
    pub(crate) millis: u64,
    pub(crate) model: String,
    pub(crate) quirks: Quirks,
    /// Whether the request wants to see thoughts.
    pub(crate) shows_thoughts: bool,
    /// Where ids of calls and paddings come from.
    pub(crate) seed: u64,
}

impl Stamp {
    pub(crate) const fn seconds(&self) -> u64 {
        self.millis / 1000
    }

    /// RFC 3339 with microseconds, `offset` milliseconds later.
    pub(crate) fn rfc3339(&self, offset: u64) -> String {
        let millis = self.millis + offset;
        let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}000Z", rest % 1000)
    }

    /// The id of a call: the same every time it is asked for.
    pub(crate) fn call_id(&self, prefix: &str, choice: usize, index: usize) -> String {
        let mut dice = Dice::new(self.seed ^ (choice as u64) << 32 ^ (index as u64 + 1));
        format!("{prefix}{}", dice.word(24, ALPHANUMERIC))
    }
}

/// The civil date of a day since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// Writes the steps of a stream. `sent` is the number of tokens generated before this step.
pub(crate) trait Encode: Send {
    /// The bytes of a step; empty when it says nothing in this dialect.
    fn encode(&mut self, step: &Step, tokens: u64) -> Vec<u8>;
}

impl Dialect {
    pub(crate) const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Ollama];

    /// Its name in paths and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    pub(crate) fn parse(
        self,
        body: &Value,
        path: Option<&GeminiPath>,
        headers: &HeaderMap,
        provider: &str,
    ) -> Result<Ask, Failure> {
        match (self, path) {
            (Self::Gemini, Some(path)) => gemini::parse(body, path),
            (Self::Gemini, None) => Err(Failure::new(404, "Requested entity was not found.")),
            (Self::OpenAi, _) => openai::parse(body, provider),
            (Self::Anthropic, _) => anthropic::parse(body, headers),
            (Self::Ollama, _) => ollama::parse(body),
        }
    }

    /// The key of a request.
    pub(crate) fn key(self, headers: &HeaderMap, query: &str) -> Option<String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = || header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let key = match self {
            Self::OpenAi => bearer().or_else(|| header("api-key")),
            Self::Ollama => bearer(),
            Self::Anthropic => header("x-api-key").or_else(bearer),
            Self::Gemini => header("x-goog-api-key")
                .or_else(|| query.split('&').find_map(|pair| pair.strip_prefix("key=")))
                .or_else(bearer),
        };
        key.map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned)
    }

    /// What a missing or wrong key is answered with.
    pub(crate) fn bad_key(self, key: Option<&str>) -> Failure {
        match (self, key) {
            (Self::OpenAi, None) => Failure::new(401, "You didn't provide an API key.").code("invalid_api_key"),
            (Self::OpenAi, Some(_)) => Failure::new(
                401,
                "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
            )
            .code("invalid_api_key"),
            (Self::Anthropic, None) => Failure::new(401, "x-api-key header is required"),
            (Self::Anthropic, Some(_)) => Failure::new(401, "invalid x-api-key"),
            (Self::Gemini, None) => Failure::new(
                403,
                "Method doesn't allow unregistered callers (callers without established identity).",
            ),
            (Self::Gemini, Some(_)) => {
                Failure::bad("API key not valid. Please pass a valid API key.").code("API_KEY_INVALID")
            }
            (Self::Ollama, _) => Failure::new(401, "unauthorized"),
        }
    }

    pub(crate) fn unknown_model(self, model: &str) -> Failure {
        let message = match self {
            Self::OpenAi => format!("The model `{model}` does not exist or you do not have access to it."),
            Self::Anthropic => format!("model: {model}"),
            Self::Gemini => format!(
                "models/{model} is not found for API version v1beta, or is not supported for generateContent. \
                 Call ListModels to see the list of available models and their supported methods."
            ),
            Self::Ollama => format!("model '{model}' not found"),
        };
        let failure = Failure::new(404, message);
        if self == Self::OpenAi { failure.code("model_not_found") } else { failure }
    }

    pub(crate) fn too_long(self, tokens: u64, most: u64) -> Failure {
        match self {
            Self::OpenAi => Failure::bad(format!(
                "This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} \
                 tokens. Please reduce the length of the messages."
            ))
            .code("context_length_exceeded")
            .param("messages"),
            Self::Anthropic => Failure::bad(format!("prompt is too long: {tokens} tokens > {most} maximum")),
            Self::Gemini => Failure::bad(format!(
                "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({most})."
            )),
            Self::Ollama => Failure::bad(format!(
                "prompt too long; exceeded max context length by {} tokens",
                tokens.saturating_sub(most)
            )),
        }
    }

    pub(crate) const fn grouping(self) -> Grouping {
        match self {
            Self::OpenAi | Self::Ollama => Grouping(1, 1),
            Self::Anthropic => Grouping(3, 10),
            Self::Gemini => Grouping(16, 32),
        }
    }

    /// An answer that is not streamed.
    pub(crate) fn body(self, answer: &Answer, stamp: &Stamp) -> Value {
        match self {
            Self::OpenAi => openai::body(answer, stamp),
            Self::Anthropic => anthropic::body(answer, stamp),
            Self::Gemini => gemini::body(answer, stamp),
            Self::Ollama => ollama::body(answer, stamp),
        }
    }

    pub(crate) fn encoder(self, ask: &Ask, answer: &Answer, stamp: &Stamp, events: bool) -> Box<dyn Encode> {
        match self {
            Self::OpenAi => Box::new(openai::Encoder::new(ask, answer, stamp)),
            Self::Anthropic => Box::new(anthropic::Encoder::new(answer, stamp)),
            Self::Gemini => Box::new(gemini::Encoder::new(answer, stamp, events)),
            Self::Ollama => Box::new(ollama::Encoder::new(answer, stamp)),
        }
    }

    pub(crate) fn error_body(self, failure: &Failure, stamp: &Stamp) -> Value {
        match self {
            Self::OpenAi => openai::error_body(failure),
            Self::Anthropic => anthropic::error_body(failure, stamp),
            Self::Gemini => gemini::error_body(failure),
            Self::Ollama => ollama::error_body(failure),
        }
    }

    /// An error inside a stream that has begun.
    pub(crate) fn error_event(self, failure: &Failure, stamp: &Stamp) -> Bytes {
        let body = self.error_body(failure, stamp);
        Bytes::from(match self {
            Self::OpenAi => format!("data: {body}\n\n"),
            Self::Anthropic => format!("event: error\ndata: {}\n\n", anthropic::error_event(failure)),
            // Gemini drops the framing.
            Self::Gemini => format!("{body:#}"),
            Self::Ollama => format!("{body}\n"),
        })
    }

    pub(crate) const fn content_type(self, stream: bool, events: bool) -> &'static str {
        match (self, stream) {
            (Self::OpenAi | Self::Anthropic, false) => "application/json",
            (Self::OpenAi | Self::Anthropic, true) => "text/event-stream; charset=utf-8",
            (Self::Gemini, true) if events => "text/event-stream",
            (Self::Gemini, _) => "application/json; charset=UTF-8",
            (Self::Ollama, false) => "application/json; charset=utf-8",
            (Self::Ollama, true) => "application/x-ndjson",
        }
    }

    pub(crate) fn response_id(self, dice: &mut Dice) -> String {
        match self {
            Self::OpenAi => format!("chatcmpl-{}", dice.word(29, ALPHANUMERIC)),
            Self::Anthropic => format!("msg_01{}", dice.word(22, ALPHANUMERIC)),
            Self::Gemini => format!("{}-A", dice.word(21, ALPHANUMERIC)),
            // Ollama names no answer; the log needs something.
            Self::Ollama => format!("ollama-{}", dice.word(24, HEX)),
        }
    }

    pub(crate) fn request_id(self, dice: &mut Dice) -> String {
        match self {
            Self::Anthropic => format!("req_01{}", dice.word(22, ALPHANUMERIC)),
            _ => format!("req_{}", dice.word(32, HEX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
        assert_eq!(date(20_454), (2026, 1, 1));
    }
}
