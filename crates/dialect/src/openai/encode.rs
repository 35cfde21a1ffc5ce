//! Writes requests: which members go out, under which names.

pub(super) mod canonical;
mod members;
mod messages;
mod parts;
pub(super) mod reasoning;
#[cfg(test)]
mod tests;
mod tools;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::quirks::Quirks;
use crate::canonical::{Request, ResponseFormat};
use crate::client::Dialect;
use crate::codec::{Encoded, Target};
use crate::end_user;
use crate::error::BadRequest;

/// One member of the body: as the client sent it, or made here.
pub(super) enum Member<'a> {
    Raw(&'a RawValue),
    Made(Value),
    List(Vec<Member<'a>>),
}

impl Member<'_> {
    pub(super) fn is_null(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get() == "null",
            Self::Made(value) => value.is_null(),
            Self::List(_) => false,
        }
    }

    pub(super) fn is_empty_list(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get().strip_prefix('[').is_some_and(|rest| rest.trim_start() == "]"),
            Self::Made(value) => value.as_array().is_some_and(Vec::is_empty),
            Self::List(members) => members.is_empty(),
        }
    }

    /// The member as a value; a copy when it is the client's.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Raw(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
            Self::Made(value) => value.clone(),
            Self::List(members) => members.iter().map(Self::value).collect(),
        }
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Made(value) => value.serialize(serializer),
            Self::List(members) => members.serialize(serializer),
        }
    }
}

/// The members of a body in order, each name once.
pub(super) struct Body<'a>(pub(super) Vec<(Cow<'a, str>, Member<'a>)>);

impl<'a> Body<'a> {
    /// Puts a member where one of that name stands, or at the end.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, member: Member<'a>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = member,
            None => self.0.push((name, member)),
        }
    }

    pub(super) fn make(&mut self, name: &'a str, value: impl Into<Value>) {
        self.set(name, Member::Made(value.into()));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.0.iter().find_map(|(known, member)| (*known == name).then_some(member))
    }

    /// Gives a member another name; one that has it already stays.
    pub(super) fn rename(&mut self, name: &str, other: &'a str) {
        if self.get(other).is_some() {
            return self.remove(name);
        }
        if let Some((known, _)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *known = Cow::Borrowed(other);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, member) in &self.0 {
            map.serialize_entry(name, member)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;
        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'de>, A::Error> {
                let mut body = Body(Vec::new());
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    body.set(name, Member::Raw(raw));
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(BodyVisitor)
    }
}

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let original = request.original.as_ref().filter(|original| original.dialect == Dialect::Chat);
    let mut body = match original {
        Some(original) => serde_json::from_slice(&original.body)
            .map_err(|error| BadRequest::new(format!("the request body is not valid JSON: {error}")))?,
        None => canonical::body(request),
    };
    let capacity = original.map_or(1_024, |original| original.body.len() + 256);
    shape(&mut body, request, target, quirks);
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, &body)
        .map_err(|error| BadRequest::new(format!("the request cannot be written: {error}")))?;
    Ok(Encoded {
        path: quirks.text("path").unwrap_or("/chat/completions").to_owned(),
        headers: headers(request.stream),
        auth: quirks.auth(),
        body: Bytes::from(bytes),
    })
}

pub(super) fn headers(stream: bool) -> Vec<(HeaderName, HeaderValue)> {
    let accept = if stream { "text/event-stream" } else { "application/json" };
    vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT, HeaderValue::from_static(accept)),
    ]
}

/// Makes the client's members those of the endpoint.
fn shape<'a>(body: &mut Body<'a>, request: &'a Request, target: &Target<'_>, quirks: Quirks<'a>) {
    body.0.retain(|(name, member)| !member.is_null() && members::goes_out(name, target, quirks));
    body.make("model", target.provider_model);
    if let Some((_, messages)) = body.0.iter_mut().find(|(name, _)| name == "messages") {
        messages::shape(messages, request, quirks);
    }
    tools::shape(body, request, target, quirks);
    response_format(body, request, target);
    if body.get("logprobs").is_none() {
        body.remove("top_logprobs");
    }
    if body.get("store").is_none_or(|store| store.value() != Value::Bool(true)) {
        body.remove("metadata");
    }
    if body.get("service_tier").is_some_and(|tier| tier.value() == "fast") {
        body.make("service_tier", "priority");
    }
    if let Some(user) = &request.user {
        body.make("user", end_user::hashed(user));
    }
    if let Some(Value::String(user)) = body.get("safety_identifier").map(Member::value) {
        body.make("safety_identifier", end_user::hashed(&user));
    }
    if let Some(limit) = request.max_tokens {
        let limit = target.max_output.map_or(limit, |most| limit.min(most));
        body.make(quirks.text("max_tokens_member").unwrap_or("max_tokens"), limit);
    }
    reasoning::ask(body, request, target, quirks);
    if request.stream {
        body.make("stream", true);
        if !quirks.has("no_stream_options") {
            body.make("stream_options", json!({"include_usage": true}));
        }
    }
    body.0.retain(|(name, _)| members::is_known(name, quirks));
    for (name, other) in quirks.map("rename").into_iter().flatten() {
        body.rename(name, other.as_str().unwrap_or(name));
    }
    for (name, value) in quirks.map("add").into_iter().flatten() {
        body.set(name.as_str(), Member::Made(value.clone()));
    }
}

/// A schema that the endpoint cannot hold to becomes plain JSON where the conversation speaks of JSON, which
/// such endpoints demand, and else nothing.
fn response_format(body: &mut Body<'_>, request: &Request, target: &Target<'_>) {
    let is_schema = matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. }));
    if !is_schema || target.takes("structured_outputs") || body.get("response_format").is_none() {
        return;
    }
    let mut says_json = false;
    for message in &request.messages {
        message.for_each_text(|text| says_json |= crate::classify::mentions(text, &["json"]));
    }
    if says_json {
        body.make("response_format", json!({"type": "json_object"}));
    } else {
        body.remove("response_format");
    }
}
