//! Reads a whole request into the canonical model and words every refusal.

mod blocks;
mod client_run;
mod options;
mod strict;
mod tools;
mod turns;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::thread;
use crate::canonical::{Original, Request};
use crate::client::Dialect;
use crate::client::limits::{NAME, SHARE, TEMPERATURE};
use crate::client::path::{Members, Path};
use crate::client::wishes::{self, Tiers};
use crate::error::BadRequest;
pub(super) use options::EFFORTS;

/// Members that mean the same to more than one provider and have no field of the canonical model. What else a
/// body has stays in the body: in another dialect the same name may mean, and cost, something else.
const SHARED: [&str; 3] = ["service_tier", "cache_control", "anthropic_beta"];

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(crate) fn decode(body: &Bytes) -> Result<Request, BadRequest> {
    let mut request = read(body)?;
    request.original = Some(Original { dialect: Dialect::Messages, body: body.clone() });
    Ok(request)
}

/// Reads a request without keeping its body.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn read(body: &[u8]) -> Result<Request, BadRequest> {
    let path = Path::Root;
    let mut members = Members::of_body(body, &path)?;
    let mut request = Request {
        model: options::model(&mut members)?,
        messages: turns::read(&mut members)?,
        tools: tools::read(&mut members)?,
        max_tokens: members.integer("max_tokens", 1)?,
        temperature: members.number("temperature", TEMPERATURE.0, TEMPERATURE.1)?,
        top_p: members.number("top_p", SHARE.0, SHARE.1)?,
        top_k: members.integer("top_k", 0)?,
        stop: options::stop_sequences(&mut members)?,
        stream: members.boolean("stream")?.unwrap_or(false),
        user: options::user(&mut members)?,
        ..Request::default()
    };
    (request.tool_choice, request.parallel_tool_calls) = tools::choice(&mut members)?;
    (request.response_format, request.reasoning) = options::output(&mut members)?;
    members.short_string("session_id", NAME)?;
    thread::check(&mut members)?;
    wishes::check(&members, Tiers::Anthropic)?;
    if let Some(provider) = members.value("provider") {
        path.member("provider").object(provider)?;
    }
    request.extra = shared(&mut members);
    Ok(request)
}

fn shared(members: &mut Members<'_>) -> Map<String, Value> {
    let mut shared = Map::new();
    for name in SHARED {
        if let Some(value) = members.value(name) {
            shared.insert(name.to_owned(), value);
        }
    }
    if members.value("speed").is_some_and(|speed| speed == "fast") {
        shared.entry("service_tier").or_insert_with(|| "priority".into());
    }
    shared
}
