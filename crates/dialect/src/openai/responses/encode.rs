//! Writes requests: which members go out, and in which form.

mod canonical;
mod input;
mod options;
mod tools;

use std::borrow::Cow;

use serde_json::Value;

use super::super::encode::accept;
use super::super::governed::{COSTLY, is_disguised};
use super::super::quirks::Quirks;
use super::super::tier;
use crate::canonical::Request;
use crate::client::Dialect;
use crate::client::responses::read::{PLATFORM_MEMBERS, REFUSED_MEMBERS};
use crate::codec::{Encoded, Target};
use crate::error::BadRequest;
use crate::members::{Member, Members};

/// What a strict endpoint knows.
const STANDARD: [&str; 20] = [
    "model",
    "input",
    "instructions",
    "include",
    "max_tool_calls",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Members that go out only where the catalogue says the endpoint takes them.
const GOVERNED: [&str; 5] = ["tools", "tool_choice", "temperature", "top_p", "top_logprobs"];

/// Members that go out, like [`COSTLY`] ones, only where the catalogue accepts them by name: some could cost more
/// than what was reserved, the others are sampling that this dialect does not know.
const ACCEPTED: [&str; 18] = [
    "context_management",
    "moderation",
    "background_options",
    "access_programs",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "logit_bias",
    "logprobs",
    "verbosity",
];

/// Members that are written anew, and one that is of use only to who keeps responses.
const SET_HERE: [&str; 5] = ["max_output_tokens", "stream", "stream_options", "include", "metadata"];

const SAMPLING: [&str; 2] = ["temperature", "top_p"];

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let original = request.original.as_ref().filter(|original| original.dialect == Dialect::Responses);
    let mut body = match original {
        Some(original) => serde_json::from_slice(&original.body).map_err(BadRequest::not_json)?,
        None => canonical::body(request, target),
    };
    let capacity = original.map_or(1_024, |original| original.body.len() + 256);
    shape(&mut body, request, target, quirks);
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, &body).map_err(BadRequest::unwritable)?;
    let path = quirks.text("responses_path").unwrap_or("/responses");
    Ok(Encoded::written(path, accept(request.stream), quirks.auth(), bytes))
}

/// Makes the client's members those of the endpoint.
fn shape<'a>(body: &mut Members<'a>, request: &'a Request, target: &Target<'a>, quirks: Quirks<'a>) {
    let included = body.value("include").unwrap_or_default();
    body.retain(|name| goes_out(name, target, quirks));
    body.make("model", target.provider_model);
    body.make("store", false);
    if let Some((_, input)) = body.0.iter_mut().find(|(name, _)| name == "input") {
        input::shape(input, target, quirks);
    }
    tools::shape(body, target, quirks);
    options::text(body, request, target);
    options::reasoning(body, request, target, quirks);
    options::include(body, &included, request, target, quirks);
    options::user(body);
    if let Some(limit) = request.max_tokens {
        body.make("max_output_tokens", target.within(limit));
    }
    if request.stream {
        body.make("stream", true);
    }
    body.0.retain(|(name, _)| !quirks.lists("drop", name));
    body.make_or_remove("service_tier", tier::asked(target, quirks));
    for (name, value) in quirks.map("responses_add").into_iter().flatten() {
        body.set(name.as_str(), Member::Made(value.clone()));
    }
}

/// Whether a member of the client's may go out at all. Those that are set here do not.
fn goes_out(name: &str, target: &Target<'_>, quirks: Quirks<'_>) -> bool {
    let refused = REFUSED_MEMBERS.map(|(refused, _)| refused);
    if PLATFORM_MEMBERS.contains(&name)
        || refused.contains(&name)
        || SET_HERE.contains(&name)
        || is_disguised(name, &[&STANDARD, &ACCEPTED, &COSTLY, &SET_HERE, &PLATFORM_MEMBERS, &refused])
        || (name == "cache_control" && !quirks.has("keep_cache_control"))
        || (quirks.denies("sampling_params") && SAMPLING.contains(&name))
        || ((ACCEPTED.contains(&name) || COSTLY.contains(&name)) && !quirks.lists("accepts", name))
        || (GOVERNED.contains(&name) && !target.takes(name))
    {
        return false;
    }
    !quirks.has("strict") || STANDARD.contains(&name) || quirks.lists("accepts", name)
}

/// Puts a value back, or takes the member away when nothing is left of it.
fn put<'a>(body: &mut Members<'a>, name: &'static str, value: Value) {
    if value.as_object().is_some_and(serde_json::Map::is_empty) || value.is_null() {
        body.remove(name);
    } else {
        body.set(Cow::Borrowed(name), Member::Made(value));
    }
}
