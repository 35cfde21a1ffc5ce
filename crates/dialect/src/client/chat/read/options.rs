//! The members of a request beside its messages and tools.

use serde_json::Value;

use super::super::limits::{CHOICES, EFFORTS, PENALTY, REPETITION, SHARE, TEMPERATURE};
use super::super::path::Members;
use crate::canonical::{Reasoning, Request, ResponseFormat, ToolChoice};
use crate::error::BadRequest;

/// Whether tools are to be called, and which.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) choice: Option<ToolChoice>,
    /// The only tools that may be called; absent = all.
    pub(super) allowed: Option<Vec<String>>,
}

pub(super) fn tool_choice(members: &mut Members<'_>) -> Result<Choice, BadRequest> {
    let path = members.path.member("tool_choice");
    let wrong = || path.must("be `none`, `auto`, `required` or name a function");
    let only = |choice| Ok(Choice { choice: Some(choice), allowed: None });
    match members.value("tool_choice") {
        None => Ok(Choice::default()),
        Some(Value::String(word)) => match word.as_str() {
            "none" => only(ToolChoice::None),
            "auto" => only(ToolChoice::Auto),
            "required" | "any" => only(ToolChoice::Required),
            _ => Err(wrong()),
        },
        Some(choice @ Value::Object(_)) => {
            let list = choice.get("allowed_tools").cloned();
            let mut choice = Members::of(choice, &path)?;
            let kind = choice.required_string("type")?;
            if kind == "allowed_tools" {
                return Ok(allowed(&list.unwrap_or_default()));
            }
            if kind != "function" {
                return Ok(Choice::default());
            }
            let path = path.member("function");
            let function = choice.value("function").ok_or_else(wrong)?;
            only(ToolChoice::Named(Members::of(function, &path)?.required_string("name")?))
        }
        Some(_) => Err(wrong()),
    }
}

/// `{"mode": "auto" | "required", "tools": [{"type": "function", "function": {"name"}}]}`
fn allowed(list: &Value) -> Choice {
    let tools = list["tools"].as_array();
    let names = tools.map(|tools| tools.iter().filter_map(|tool| tool["function"]["name"].as_str()));
    Choice {
        choice: Some(if list["mode"] == "required" { ToolChoice::Required } else { ToolChoice::Auto }),
        allowed: names.map(|names| names.map(str::to_owned).collect()),
    }
}

pub(super) fn response_format(members: &mut Members<'_>) -> Result<Option<ResponseFormat>, BadRequest> {
    let path = members.path.member("response_format");
    let Some(value) = members.value("response_format") else { return Ok(None) };
    let mut format = Members::of(value.clone(), &path)?;
    match format.required_string("type")?.as_str() {
        "text" => Ok(Some(ResponseFormat::Text)),
        "json_object" => Ok(Some(ResponseFormat::JsonObject)),
        "json_schema" => {
            let path = path.member("json_schema");
            let schema = format.value("json_schema").ok_or_else(|| path.must("be an object"))?;
            let mut schema = Members::of(schema, &path)?;
            Ok(Some(ResponseFormat::JsonSchema {
                name: schema.required_string("name")?,
                schema: match schema.value("schema") {
                    Some(value) => Value::Object(path.member("schema").object(value)?),
                    None => Value::Object(serde_json::Map::new()),
                },
                strict: schema.boolean("strict")?,
                description: schema.string("description")?,
            }))
        }
        _ => Ok(Some(ResponseFormat::Other(value))),
    }
}

/// `reasoning`, its shorthand `reasoning_effort` and the legacy `include_reasoning`, as one.
pub(crate) fn reasoning(members: &mut Members<'_>) -> Result<Option<Reasoning>, BadRequest> {
    let path = members.path.member("reasoning");
    let include = members.boolean("include_reasoning")?;
    let shorthand = effort(members, "reasoning_effort")?;
    let mut wanted = match members.value("reasoning") {
        None if include.is_none() && shorthand.is_none() => return Ok(None),
        None => Reasoning::default(),
        Some(value) => {
            let mut reasoning = Members::of(value, &path)?;
            Reasoning {
                effort: effort(&mut reasoning, "effort")?,
                max_tokens: reasoning.integer("max_tokens", 0)?,
                exclude: reasoning.boolean("exclude")?.unwrap_or(false),
                enabled: reasoning.boolean("enabled")?,
            }
        }
    };
    if wanted.effort.is_some() && wanted.max_tokens.is_some() {
        return Err(BadRequest::new("`reasoning` takes `effort` or `max_tokens`, not both"));
    }
    if let (Some(long), Some(short)) = (&wanted.effort, &shorthand)
        && long != short
    {
        return Err(BadRequest::new("`reasoning_effort` and `reasoning.effort` differ: send one of them"));
    }
    if wanted.max_tokens.is_none() {
        wanted.effort = wanted.effort.or(shorthand);
    }
    wanted.exclude |= include == Some(false);
    Ok(Some(wanted))
}

pub(crate) fn effort(members: &mut Members<'_>, name: &str) -> Result<Option<String>, BadRequest> {
    match members.string(name)? {
        Some(word) if !EFFORTS.contains(&word.as_str()) => {
            Err(members.path.member(name).must(&format!("be one of {}", EFFORTS.join(", "))))
        }
        word => Ok(word),
    }
}

/// `max_completion_tokens` wins over the older `max_tokens`.
pub(crate) fn max_tokens(members: &mut Members<'_>) -> Result<Option<u64>, BadRequest> {
    let newer = members.integer("max_completion_tokens", 1)?;
    let older = members.integer("max_tokens", 1)?;
    Ok(newer.or(older))
}

pub(crate) fn stop(members: &mut Members<'_>) -> Result<Vec<String>, BadRequest> {
    let path = members.path.member("stop");
    match members.value("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(many)) => {
            many.into_iter().enumerate().map(|(index, value)| path.item(index).string(value)).collect()
        }
        Some(_) => Err(path.must("be a string or an array of strings")),
    }
}

pub(crate) fn sampling(members: &mut Members<'_>, request: &mut Request) -> Result<(), BadRequest> {
    let mut number = |name, (least, most): (f64, f64)| members.number(name, least, most);
    request.temperature = number("temperature", TEMPERATURE)?;
    request.top_p = number("top_p", SHARE)?;
    request.min_p = number("min_p", SHARE)?;
    request.frequency_penalty = number("frequency_penalty", PENALTY)?;
    request.presence_penalty = number("presence_penalty", PENALTY)?;
    request.repetition_penalty = number("repetition_penalty", REPETITION)?;
    request.top_k = members.integer("top_k", 0)?;
    request.seed = match members.value("seed") {
        None => None,
        Some(value) => Some(value.as_i64().ok_or_else(|| members.path.member("seed").must("be an integer"))?),
    };
    request.n = match members.integer("n", 1)? {
        Some(choices) if choices > CHOICES => {
            return Err(members.path.member("n").must(&format!("be at most {CHOICES}")));
        }
        choices => choices.and_then(|choices| u32::try_from(choices).ok()),
    };
    Ok(())
}
