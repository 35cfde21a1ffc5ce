//! What an error body says, whatever its shape.

use serde_json::Value;

/// The longest text that is taken as a message when a body is no JSON.
const PLAIN_LENGTH: usize = 300;

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) message: String,
    code: Option<String>,
    kind: Option<String>,
    status: Option<u16>,
    /// Categories that a content filter found.
    pub(super) reasons: Vec<String>,
}

impl Report {
    pub(super) fn of_body(body: &[u8]) -> Self {
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            return Self::of(&value);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let is_page = text.starts_with('<');
        let message = if is_page || text.chars().count() > PLAIN_LENGTH { "" } else { text };
        Self { message: message.to_owned(), ..Self::default() }
    }

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self { message: text.clone(), ..Self::default() },
            Value::Array(items) => items.first().map(Self::of).unwrap_or_default(),
            Value::Object(_) => Self::of_object(value),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::default(),
        }
    }

    /// Whether a value looks like an error and not like something else.
    pub(super) fn is_one(value: &Value) -> bool {
        match value {
            Value::Object(members) => {
                ["error", "errors", "detail", "message"].iter().any(|name| members.contains_key(*name))
            }
            Value::Array(items) => items.first().is_some_and(Self::is_one),
            _ => false,
        }
    }

    /// The provider's own word for it: its code, else its type.
    pub(super) fn code(&self) -> Option<String> {
        self.code.clone().or_else(|| self.kind.clone())
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code) || self.kind.as_deref() == Some(code)
    }

    /// The status that the body names, or that its type stands for; 0 = none.
    pub(super) fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| {
            let words = self.kind.iter().chain(&self.code).map(|word| word.to_ascii_lowercase());
            words.map(|word| status_of_word(&word)).find(|status| *status > 0).unwrap_or_default()
        })
    }

    /// Everything it says, in lower case, for finding words.
    pub(super) fn text(&self) -> String {
        let words = [self.code.as_deref(), self.kind.as_deref(), Some(self.message.as_str())];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
    }

    fn of_object(value: &Value) -> Self {
        let inner = match &value["error"] {
            error @ Value::Object(_) => Self::of_members(error),
            error @ Value::Array(_) => Self::of(error),
            Value::String(text) => Self::of_words(text, value),
            _ if !value["errors"].is_null() => Self::of(&value["errors"]),
            _ => Self::of_members(value),
        };
        let status = inner.status.or_else(|| status_in(value));
        Self { status, ..inner }
    }

    /// `{"error": "text", "message"?: "more text", "code"?: …}`
    fn of_words(text: &str, value: &Value) -> Self {
        let outer = Self::of_members(value);
        if outer.message.is_empty() {
            return Self { message: text.to_owned(), ..outer };
        }
        Self { code: outer.code.or_else(|| Some(text.to_owned())), message: outer.message, ..Self::default() }
    }

    fn of_members(value: &Value) -> Self {
        let word = |name: &str| match &value[name] {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let report = Self {
            message: word("message").or_else(|| detail(&value["detail"])).unwrap_or_default(),
            code: word("code"),
            kind: word("type"),
            status: status_in(value),
            reasons: reasons(&value["innererror"]["content_filter_result"]),
        };
        match &value["metadata"]["raw"] {
            Value::String(raw) if !raw.is_empty() => report.with_raw(raw),
            _ => report,
        }
    }

    /// An aggregator's error holds the real one as text.
    fn with_raw(self, raw: &str) -> Self {
        let inner = Self::of_body(raw.as_bytes());
        if inner.message.is_empty() {
            return self;
        }
        Self { status: self.status.or(inner.status), code: inner.code.or(self.code), ..inner }
    }
}

/// A status among the members of an error.
fn status_in(value: &Value) -> Option<u16> {
    ["status_code", "status", "code", "raw_status_code"].iter().find_map(|name| {
        let number = value[*name].as_u64().or_else(|| value[*name].as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    })
}

fn status_of_word(word: &str) -> u16 {
    match word {
        "insufficient_quota" => 429,
        word if word.contains("rate_limit") || word.contains("too_many_requests") => 429,
        word if word.contains("overloaded") => 529,
        word if word.contains("timeout") => 504,
        word if word.contains("unavailable") => 503,
        word if word.contains("server_error") || word.contains("internal") => 500,
        word if word.contains("authentication") => 401,
        word if word.contains("invalid_request") || word == "badrequesterror" => 400,
        _ => 0,
    }
}

/// FastAPI's `detail`: text, or a list of places with messages.
fn detail(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let line = |item: &Value| {
                let message = item["msg"].as_str().or_else(|| item.as_str())?;
                let place: Vec<String> = item["loc"].as_array().into_iter().flatten().map(step).collect();
                Some(if place.is_empty() {
                    message.to_owned()
                } else {
                    format!("{}: {message}", place.join("."))
                })
            };
            Some(items.iter().filter_map(line).collect::<Vec<_>>().join("; "))
        }
        Value::Object(_) => value["message"].as_str().or_else(|| value["error"].as_str()).map(str::to_owned),
        _ => None,
    }
}

fn step(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn reasons(filter: &Value) -> Vec<String> {
    let members = filter.as_object().into_iter().flatten();
    members.filter(|(_, found)| found["filtered"] == true).map(|(name, _)| name.clone()).collect()
}
