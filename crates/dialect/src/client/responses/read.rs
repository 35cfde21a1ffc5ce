//! Reads a whole request into the canonical model and words every refusal.

mod items;
mod options;

use serde_json::{Map, Value};

use super::ITEMS;
use crate::canonical::{Message, Part, Request, Speaker, Tool};
use crate::client::limits;
use crate::client::models::Models;
use crate::client::options as shared;
use crate::client::path::{Members, Path};
use crate::client::wishes::{self, Tiers};
use crate::error::BadRequest;

/// Members that are for this platform and for no provider.
pub(crate) const PLATFORM_MEMBERS: [&str; 16] = [
    "models",
    "provider",
    "route",
    "transforms",
    "plugins",
    "preset",
    "session_id",
    "trace",
    "usage",
    "debug",
    "stop_server_tools_when",
    "include_reasoning",
    "openrouter_metadata",
    "x_search_filter",
    "modalities",
    "image_config",
];

/// Members that would need something kept from one request to the next, with what is right instead. They are
/// refused unless they are null or false.
pub(crate) const REFUSED_MEMBERS: [(&str, &str); 5] = [
    ("store", "must be false: responses are not kept here"),
    (
        "previous_response_id",
        "must be null: responses are not kept here, so send the whole conversation as `input`",
    ),
    (
        "conversation",
        "must be null: conversations are not kept here, so send the whole conversation as `input`",
    ),
    ("background", "must be false: an answer is given while its request is open"),
    ("prompt", "must be null: stored prompts are not known here, so send the text as `instructions`"),
];

/// Members that have a meaning in this dialect alone, or that would mean something else in another one.
const NOT_SHARED: [&str; 22] = [
    "include",
    "truncation",
    "context_management",
    "moderation",
    "access_programs",
    "background_options",
    "max_tool_calls",
    "stream_options",
    "image",
    "n",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "reasoning_effort",
    "functions",
    "function_call",
    "logprobs",
    "audio",
    "prediction",
    "web_search_options",
    "top_logprobs",
];

/// Reads a request without keeping its body.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn read(body: &[u8]) -> Result<Request, BadRequest> {
    let path = Path::Root;
    let mut members = Members::of_body(body, &path)?;
    refuse_state(&mut members)?;
    let mut request = Request {
        model: Models::read(&mut members)?.wanted()?,
        messages: messages(&mut members)?,
        tools: shared::tools(&mut members, limits::TOOLS, tool)?,
        parallel_tool_calls: members.boolean("parallel_tool_calls")?,
        reasoning: options::reasoning(&mut members)?,
        max_tokens: members.integer("max_output_tokens", 1)?,
        stop: shared::stop(&mut members)?,
        stream: members.boolean("stream")?.unwrap_or(false),
        ..Request::default()
    };
    options::tool_choice(&mut members, &mut request)?;
    shared::sampling(&mut members, &mut request)?;
    if request.n.take().is_some_and(|choices| choices != 1) {
        return Err(path.member("n").must("be 1: a response is one answer"));
    }
    request.user = user(&mut members)?;
    members.short_string("session_id", limits::NAME)?;
    if let Some(provider) = members.value("provider") {
        path.member("provider").object(provider)?;
    }
    wishes::check(&members, Tiers::Usual)?;
    let mut extra = options::text(&mut members, &mut request)?;
    extra.extend(options::logprobs(&mut members)?);
    extra.extend(known_elsewhere(members.rest()));
    request.extra = extra;
    Ok(request)
}

fn refuse_state(members: &mut Members<'_>) -> Result<(), BadRequest> {
    for (name, what) in REFUSED_MEMBERS {
        let is_switch = name == "store" || name == "background";
        let is_asked =
            if is_switch { members.boolean(name)? == Some(true) } else { members.value(name).is_some() };
        if is_asked {
            return Err(BadRequest::new(format!("`{name}` {what}")));
        }
    }
    Ok(())
}

/// The members that providers of other dialects may know, too.
fn known_elsewhere(rest: Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let outside = |name: &str| ["modalities", "image_config"].contains(&name);
    rest.into_iter().filter(move |(name, _)| {
        outside(name) || (!PLATFORM_MEMBERS.contains(&name.as_str()) && !NOT_SHARED.contains(&name.as_str()))
    })
}

/// The end user, by either of the names that there are for it.
fn user(members: &mut Members<'_>) -> Result<Option<String>, BadRequest> {
    let user = members.short_string("user", limits::NAME)?;
    let identifier = members.short_string("safety_identifier", limits::NAME)?;
    Ok(user.or(identifier))
}

/// The instructions come first.
fn messages(members: &mut Members<'_>) -> Result<Vec<Message>, BadRequest> {
    let instructions = members.string("instructions")?.filter(|text| !text.is_empty());
    let mut messages: Vec<Message> =
        instructions.into_iter().map(|text| Message::of(Speaker::System, vec![Part::text(text)])).collect();
    let path = members.path.member("input");
    match members.value("input") {
        None => return Err(BadRequest::new("`input` is required")),
        Some(Value::String(text)) => messages.push(Message::of(Speaker::User, vec![Part::text(text)])),
        Some(Value::Array(list)) if list.is_empty() || list.len() > ITEMS => {
            return Err(path.must(&format!("have from 1 to {ITEMS} entries")));
        }
        Some(Value::Array(list)) => messages.extend(items::read(list, &path)?),
        Some(_) => return Err(path.must("be a string or an array of items")),
    }
    Ok(messages)
}

/// A function tool; those of other types are the platform's or a provider's and have no canonical form.
fn tool(value: Value, path: &Path<'_>) -> Result<Option<Tool>, BadRequest> {
    let mut members = Members::of(value, path)?;
    if members.required_string("type")? != "function" {
        return Ok(None);
    }
    let tool = shared::function(&mut members)?;
    Ok(Some(Tool { cache_control: members.value("cache_control"), ..tool }))
}
