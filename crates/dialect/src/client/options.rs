//! Options that several dialects take in the words of chat.

use serde_json::{Map, Value};

use super::limits::{CHOICES, EFFORTS, PENALTY, REPETITION, SHARE, TEMPERATURE};
use super::path::{Members, Path};
use crate::canonical::{Reasoning, Request, ResponseFormat, Tool};
use crate::error::BadRequest;

/// `reasoning`, its shorthand `reasoning_effort` and the legacy `include_reasoning`, as one.
pub(super) fn reasoning(members: &mut Members<'_>) -> Result<Option<Reasoning>, BadRequest> {
    let path = members.path.member("reasoning");
    let include = members.boolean("include_reasoning")?;
    let shorthand = effort(members, "reasoning_effort")?;
    let mut wanted = match members.value("reasoning") {
        None if include.is_none() && shorthand.is_none() => return Ok(None),
        None => Reasoning::default(),
        Some(value) => reasoning_object(value, &path)?,
    };
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

/// The object `reasoning`.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn reasoning_object(value: Value, path: &Path<'_>) -> Result<Reasoning, BadRequest> {
    let mut reasoning = Members::of(value, path)?;
    let wanted = Reasoning {
        effort: effort(&mut reasoning, "effort")?,
        max_tokens: reasoning.integer("max_tokens", 0)?,
        exclude: reasoning.boolean("exclude")?.unwrap_or(false),
        enabled: reasoning.boolean("enabled")?,
    };
    if wanted.effort.is_some() && wanted.max_tokens.is_some() {
        return Err(BadRequest::new("`reasoning` takes `effort` or `max_tokens`, not both"));
    }
    Ok(wanted)
}

fn effort(members: &mut Members<'_>, name: &str) -> Result<Option<String>, BadRequest> {
    match members.string(name)? {
        Some(word) if !EFFORTS.contains(&word.as_str()) => {
            Err(members.path.member(name).must(&format!("be one of {}", EFFORTS.join(", "))))
        }
        word => Ok(word),
    }
}

/// `max_completion_tokens` wins over the older `max_tokens`.
pub(super) fn max_tokens(members: &mut Members<'_>) -> Result<Option<u64>, BadRequest> {
    let newer = members.integer("max_completion_tokens", 1)?;
    let older = members.integer("max_tokens", 1)?;
    Ok(newer.or(older))
}

pub(super) fn stop(members: &mut Members<'_>) -> Result<Vec<String>, BadRequest> {
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

pub(super) fn sampling(members: &mut Members<'_>, request: &mut Request) -> Result<(), BadRequest> {
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

/// The members that say which schema an answer has to keep to.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn json_schema(members: &mut Members<'_>) -> Result<ResponseFormat, BadRequest> {
    Ok(ResponseFormat::JsonSchema {
        name: members.required_string("name")?,
        schema: object(members, "schema")?.unwrap_or_else(|| Value::Object(Map::new())),
        strict: members.boolean("strict")?,
        description: members.string("description")?,
    })
}

/// The members of a function that can be called, without its marker for caching.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn function(members: &mut Members<'_>) -> Result<Tool, BadRequest> {
    Ok(Tool {
        name: members.required_string("name")?,
        description: members.string("description")?,
        parameters: object(members, "parameters")?,
        strict: members.boolean("strict")?,
        cache_control: None,
    })
}

fn object(members: &mut Members<'_>, name: &str) -> Result<Option<Value>, BadRequest> {
    let object = members.value(name).map(|value| members.path.member(name).object(value));
    Ok(object.transpose()?.map(Value::Object))
}

/// The entries of the list `tools`, each with its place, as far as `read` makes tools of them.
///
/// # Errors
/// [`BadRequest`] when there are more than `most`, or as `read` says.
pub(super) fn tools(
    members: &mut Members<'_>,
    most: usize,
    read: impl Fn(Value, &Path<'_>) -> Result<Option<Tool>, BadRequest>,
) -> Result<Vec<Tool>, BadRequest> {
    let path = members.path.member("tools");
    let list = members.list("tools")?.unwrap_or_default();
    if list.len() > most {
        return Err(path.must(&format!("have at most {most} entries")));
    }
    let mut tools = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        tools.extend(read(value, &path.item(index))?);
    }
    Ok(tools)
}
