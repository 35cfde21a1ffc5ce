//! Writes requests: which members go out, under which names.

pub(super) mod canonical;
mod members;
mod messages;
mod parts;
pub(super) mod reasoning;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Value, json};

use super::quirks::Quirks;
use super::tier;
use crate::canonical::{Request, ResponseFormat};
use crate::client::Dialect;
use crate::codec::{EVENT_STREAM, Encoded, JSON, Target};
use crate::end_user;
use crate::error::BadRequest;
use crate::members::{Member, Members};

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let original = request.original.as_ref().filter(|original| original.dialect == Dialect::Chat);
    let mut body = match original {
        Some(original) => serde_json::from_slice(&original.body).map_err(BadRequest::not_json)?,
        None => canonical::body(request),
    };
    let capacity = original.map_or(1_024, |original| original.body.len() + 256);
    shape(&mut body, request, target, quirks);
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, &body).map_err(BadRequest::unwritable)?;
    let path = quirks.text("path").unwrap_or("/chat/completions");
    Ok(Encoded::written(path, accept(request.stream), quirks.auth(), bytes))
}

/// The form that an answer is wanted in.
pub(super) const fn accept(is_streamed: bool) -> &'static str {
    if is_streamed { EVENT_STREAM } else { JSON }
}

/// Makes the client's members those of the endpoint.
fn shape<'a>(body: &mut Members<'a>, request: &'a Request, target: &Target<'a>, quirks: Quirks<'a>) {
    body.retain(|name| members::goes_out(name, target, quirks));
    body.make("model", target.provider_model);
    if let Some((_, messages)) = body.0.iter_mut().find(|(name, _)| name == "messages") {
        messages::shape(messages, request, quirks);
    }
    tools::shape(body, request, target, quirks);
    response_format(body, request, target);
    if body.get("logprobs").is_none() {
        body.remove("top_logprobs");
    }
    if body.value("store") != Some(Value::Bool(true)) {
        body.remove("metadata");
    }
    if let Some(user) = &request.user {
        body.make("user", end_user::hashed(user));
    }
    if let Some(Value::String(user)) = body.value("safety_identifier") {
        body.make("safety_identifier", end_user::hashed(&user));
    }
    if let Some(limit) = request.max_tokens {
        body.make(quirks.text("max_tokens_member").unwrap_or("max_tokens"), target.within(limit));
    }
    reasoning::ask(body, request, target, quirks);
    if request.stream {
        body.make("stream", true);
        if !quirks.has("no_stream_options") {
            body.make("stream_options", json!({"include_usage": true}));
        }
    }
    body.0.retain(|(name, _)| members::is_known(name, quirks));
    body.make_or_remove("service_tier", tier::asked(target, quirks));
    for (name, other) in quirks.map("rename").into_iter().flatten() {
        body.rename(name, other.as_str().unwrap_or(name));
    }
    for (name, value) in quirks.map("add").into_iter().flatten() {
        body.set(name.as_str(), Member::Made(value.clone()));
    }
}

/// A schema that the endpoint cannot hold to becomes plain JSON where the conversation speaks of JSON, which
/// such endpoints demand, and else nothing.
fn response_format(body: &mut Members<'_>, request: &Request, target: &Target<'_>) {
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
