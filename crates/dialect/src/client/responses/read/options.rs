//! The members of a request beside its input and tools.

use serde_json::{Map, Value, json};

use crate::canonical::{Reasoning, Request, ResponseFormat, ToolChoice};
use crate::client::options::{json_schema, reasoning_object};
use crate::client::path::Members;
use crate::client::responses::TOP_LOGPROBS;
use crate::error::BadRequest;

/// Reads the choice among the tools. One that allows some of them leaves the others out.
pub(super) fn tool_choice(members: &mut Members<'_>, request: &mut Request) -> Result<(), BadRequest> {
    let path = members.path.member("tool_choice");
    let wrong = || path.must("be `none`, `auto`, `required` or an object with a `type`");
    let Some(value) = members.value("tool_choice") else { return Ok(()) };
    if let Value::String(word) = &value {
        request.tool_choice = Some(word_choice(word).ok_or_else(wrong)?);
        return Ok(());
    }
    let mut choice = Members::of(value, &path)?;
    match choice.required_string("type")?.as_str() {
        "function" => request.tool_choice = Some(ToolChoice::Named(choice.required_string("name")?)),
        "allowed_tools" => {
            let mode = choice.string("mode")?.unwrap_or_else(|| "auto".to_owned());
            let mode = word_choice(&mode).filter(|mode| *mode != ToolChoice::None);
            request.tool_choice =
                Some(mode.ok_or_else(|| path.member("mode").must("be `auto` or `required`"))?);
            let tools = path.member("tools");
            let allowed = choice.list("tools")?.ok_or_else(|| tools.must("be an array of tools"))?;
            for (index, tool) in allowed.iter().enumerate() {
                if !tool.is_object() {
                    return Err(tools.item(index).must("be an object"));
                }
            }
            let is_allowed = |name: &str| allowed.iter().any(|tool| tool["name"] == name);
            request.tools.retain(|tool| is_allowed(&tool.name));
        }
        _ => {}
    }
    Ok(())
}

fn word_choice(word: &str) -> Option<ToolChoice> {
    match word {
        "none" => Some(ToolChoice::None),
        "auto" => Some(ToolChoice::Auto),
        "required" => Some(ToolChoice::Required),
        _ => None,
    }
}

/// Reads `text`: the form of the answer goes to its field, how wordy it is to be is returned by the name that
/// other dialects have for it.
pub(super) fn text(
    members: &mut Members<'_>,
    request: &mut Request,
) -> Result<Map<String, Value>, BadRequest> {
    let path = members.path.member("text");
    let mut extra = Map::new();
    let Some(value) = members.value("text") else { return Ok(extra) };
    let mut text = Members::of(value, &path)?;
    request.response_format = format(&mut text)?;
    if let Some(verbosity) = text.string("verbosity")? {
        extra.insert("verbosity".to_owned(), json!(verbosity));
    }
    Ok(extra)
}

fn format(text: &mut Members<'_>) -> Result<Option<ResponseFormat>, BadRequest> {
    let path = text.path.member("format");
    let Some(value) = text.value("format") else { return Ok(None) };
    let mut format = Members::of(value.clone(), &path)?;
    Ok(Some(match format.required_string("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => json_schema(&mut format)?,
        _ => ResponseFormat::Other(value),
    }))
}

pub(super) fn reasoning(members: &mut Members<'_>) -> Result<Option<Reasoning>, BadRequest> {
    let path = members.path.member("reasoning");
    members.value("reasoning").map(|value| reasoning_object(value, &path)).transpose()
}

/// Log probabilities, which are asked for by a number or by name, as other dialects ask for them.
pub(super) fn logprobs(members: &mut Members<'_>) -> Result<Map<String, Value>, BadRequest> {
    let path = members.path.member("top_logprobs");
    let likely = members.integer("top_logprobs", 0)?;
    if likely.is_some_and(|likely| likely > TOP_LOGPROBS) {
        return Err(path.must(&format!("be at most {TOP_LOGPROBS}")));
    }
    let path = members.path.member("include");
    let mut is_included = false;
    for (index, name) in members.list("include")?.unwrap_or_default().into_iter().enumerate() {
        is_included |= path.item(index).string(name)? == "message.output_text.logprobs";
    }
    let mut extra = Map::new();
    if is_included || likely.is_some_and(|likely| likely > 0) {
        extra.insert("logprobs".to_owned(), json!(true));
        extra.extend(likely.map(|likely| ("top_logprobs".to_owned(), json!(likely))));
    }
    Ok(extra)
}
