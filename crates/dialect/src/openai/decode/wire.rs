//! Answers and chunks as they come: one shape for both, since providers mix them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::usage::Counts;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Completion {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) system_fingerprint: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) service_tier: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Counts>,
    pub(super) x_groq: Option<Groq>,
    pub(super) error: Option<Value>,
    pub(super) citations: Option<Value>,
    pub(super) search_results: Option<Value>,
    /// Members that have no field here.
    #[serde(flatten)]
    pub(super) extra: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Groq {
    pub(super) usage: Option<Counts>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Choice {
    pub(super) index: Option<u32>,
    pub(super) delta: Option<Message>,
    pub(super) message: Option<Message>,
    #[serde(deserialize_with = "text")]
    pub(super) finish_reason: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) native_finish_reason: Option<String>,
    pub(super) logprobs: Option<Value>,
    pub(super) error: Option<Value>,
}

/// A delta or a message.
#[derive(Default)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) refusal: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) details: Vec<Value>,
    pub(super) tool_calls: Vec<Call>,
    pub(super) images: Vec<Value>,
    /// Members that have no field here.
    pub(super) extra: Map<String, Value>,
}

#[derive(Default)]
pub(super) enum Content {
    #[default]
    None,
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Call {
    pub(super) index: Option<u32>,
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Value>,
}

/// Members of an answer that say nothing to a client: what is written anew, padding, and internals of providers.
const ENVELOPE: [&str; 9] = [
    "object",
    "created",
    "provider",
    "obfuscation",
    "p",
    "kv_transfer_params",
    "prompt_token_ids",
    "openrouter_metadata",
    "simulated",
];

/// Members of a delta that say nothing to a client: roles, padding, and the internals of providers.
const NOISE: [&str; 9] = [
    "role",
    "index",
    "channel",
    "token_id",
    "obfuscation",
    "p",
    "thought_signature",
    "extra_content",
    "recipient",
];

impl Completion {
    /// The error it carries, in place of an answer or beside one.
    pub(super) fn failure(&self) -> Option<&Value> {
        self.error.as_ref().filter(|error| says_something(error))
    }

    /// What it has beside an answer's own members.
    pub(super) fn take_extra(&mut self) -> Map<String, Value> {
        let mut extra = std::mem::take(&mut self.extra);
        extra.retain(|name, value| !value.is_null() && !ENVELOPE.contains(&name.as_str()));
        extra
    }

    /// Whether it has nothing that an answer is made of; it may be an error without an `error` member.
    pub(super) fn is_bare(&self) -> bool {
        self.choices.is_none() && self.usage.is_none() && self.x_groq.is_none() && self.failure().is_none()
    }
}

/// Whether an `error` member is more than a placeholder.
pub(super) fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message or its delta")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
        let mut message = Message::default();
        while let Some(Key(name)) = map.next_key()? {
            match name.as_ref() {
                "content" => message.content = map.next_value()?,
                "refusal" => message.refusal = map.next_value::<Text>()?.0,
                "reasoning" | "reasoning_content" => {
                    let Text(text) = map.next_value()?;
                    message.reasoning = text.filter(|text| !text.is_empty()).or(message.reasoning);
                }
                "reasoning_details" => message.details = list(&mut map)?,
                "tool_calls" => message.tool_calls = list(&mut map)?,
                "images" => message.images = list(&mut map)?,
                noise if NOISE.contains(&noise) => {
                    map.next_value::<IgnoredAny>()?;
                }
                other => {
                    let other = other.to_owned();
                    let value: Value = map.next_value()?;
                    if says_something(&value) {
                        message.extra.insert(other, value);
                    }
                }
            }
        }
        Ok(message)
    }
}

/// A string; whatever else stands in its place is nothing worth failing for.
struct Text(Option<String>);

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Text::deserialize(deserializer).map(|text| text.0)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A list that may be null.
fn list<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A) -> Result<Vec<T>, A::Error> {
    Ok(map.next_value::<Option<Vec<T>>>()?.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, parts or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        Ok(if text.is_empty() { Content::None } else { Content::Text(text.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let mut all = Vec::new();
        while let Some(part) = parts.next_element()? {
            all.push(part);
        }
        Ok(Content::Parts(all))
    }
}
