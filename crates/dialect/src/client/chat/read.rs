//! Reads a whole request into the canonical model and words every refusal.

mod message;
mod options;

use bytes::Bytes;
use serde_json::Value;

use crate::canonical::{Original, Request, Tool};
use crate::client::models::Models;
use crate::client::options as shared;
use crate::client::path::{Members, Path};
use crate::client::wishes::{self, Tiers};
use crate::client::{Dialect, limits, platform};
use crate::error::BadRequest;

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub fn decode(body: &Bytes) -> Result<Request, BadRequest> {
    let mut request = read(body)?;
    request.original = Some(Original { dialect: Dialect::Chat, body: body.clone() });
    Ok(request)
}

/// Reads a request without keeping its body.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn read(body: &[u8]) -> Result<Request, BadRequest> {
    let path = Path::Root;
    let mut members = Members::of_body(body, &path)?;
    let choice = options::tool_choice(&mut members)?;
    let mut request = Request {
        model: Models::read(&mut members)?.wanted()?,
        messages: messages(&mut members)?,
        tools: shared::tools(&mut members, limits::TOOLS, tool)?,
        tool_choice: choice.choice,
        parallel_tool_calls: members.boolean("parallel_tool_calls")?,
        response_format: options::response_format(&mut members)?,
        reasoning: shared::reasoning(&mut members)?,
        max_tokens: shared::max_tokens(&mut members)?,
        stop: shared::stop(&mut members)?,
        stream: members.boolean("stream")?.unwrap_or(false),
        ..Request::default()
    };
    shared::sampling(&mut members, &mut request)?;
    if let Some(allowed) = choice.allowed {
        request.tools.retain(|tool| allowed.contains(&tool.name));
    }
    request.user = members.short_string("user", limits::NAME)?;
    members.short_string("session_id", limits::NAME)?;
    if let Some(provider) = members.value("provider") {
        path.member("provider").object(provider)?;
    }
    wishes::check(&members, Tiers::Usual)?;
    request.extra = members.rest();
    request.extra.retain(|name, _| !platform::MEMBERS.contains(&name.as_str()));
    Ok(request)
}

fn messages(members: &mut Members<'_>) -> Result<Vec<crate::canonical::Message>, BadRequest> {
    let path = members.path.member("messages");
    let list = members.list("messages")?.ok_or_else(|| BadRequest::new("`messages` is required"))?;
    if list.is_empty() || list.len() > limits::MESSAGES {
        return Err(path.must(&format!("have from 1 to {} entries", limits::MESSAGES)));
    }
    list.into_iter().enumerate().map(|(index, value)| message::read(value, &path.item(index))).collect()
}

/// A function tool, which may leave its type out; tools of other kinds are the platform's or the provider's
/// and have no canonical form.
fn tool(value: Value, path: &Path<'_>) -> Result<Option<Tool>, BadRequest> {
    let mut members = Members::of(value, path)?;
    let function = members.value("function");
    let kind = match members.string("type")? {
        None if function.is_some() => "function".to_owned(),
        Some(kind) if !kind.is_empty() => kind,
        _ => return Err(path.member("type").must("be a string that is not empty")),
    };
    let function_path = path.member("function");
    let Some(function) = function else {
        return if kind == "function" { Err(function_path.must("be an object")) } else { Ok(None) };
    };
    let mut function = Members::of(function, &function_path)?;
    let tool = shared::function(&mut function)?;
    let tool = Tool { cache_control: members.value("cache_control"), ..tool };
    Ok((kind == "function").then_some(tool))
}
