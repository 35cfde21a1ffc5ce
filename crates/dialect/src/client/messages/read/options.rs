//! The members of a request beside its turns and tools.

use serde_json::Value;

use super::strict;
use crate::canonical::{Reasoning, ResponseFormat};
use crate::client::limits::NAME;
use crate::client::messages::limits::FALLBACKS;
use crate::client::models::Models;
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

pub(in super::super) const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// The name that a schema goes under where one is needed and the schema has no title.
const SCHEMA: &str = "answer";

/// The first model wanted: `model`, else the first of `models`.
pub(super) fn model(members: &mut Members<'_>) -> Result<String, BadRequest> {
    let models = Models::read(members)?;
    fallbacks(members, !models.others.is_empty())?;
    models.wanted()
}

fn fallbacks(members: &mut Members<'_>, has_models: bool) -> Result<(), BadRequest> {
    let path = members.path.member("fallbacks");
    let list = members.list("fallbacks")?.unwrap_or_default();
    if !list.is_empty() && has_models {
        return Err(BadRequest::new("send `fallbacks` or `models`, not both"));
    }
    if list.len() > FALLBACKS {
        return Err(path.must(&format!("have at most {FALLBACKS} entries")));
    }
    for (index, value) in list.into_iter().enumerate() {
        let path = path.item(index);
        let mut fallback = Members::of(value, &path)?;
        fallback.required_string("model")?;
        if let Some((name, _)) = fallback.rest().into_iter().next() {
            return Err(path.must(&format!("have `model` and nothing else; `{name}` cannot be set for it")));
        }
    }
    Ok(())
}

pub(super) fn stop_sequences(members: &mut Members<'_>) -> Result<Vec<String>, BadRequest> {
    let path = members.path.member("stop_sequences");
    let list = members.list("stop_sequences")?.unwrap_or_default();
    list.into_iter().enumerate().map(|(index, value)| path.item(index).string(value)).collect()
}

/// `user`, else `metadata.user_id`.
pub(super) fn user(members: &mut Members<'_>) -> Result<Option<String>, BadRequest> {
    let user = members.short_string("user", NAME)?;
    let path = members.path.member("metadata");
    let user_id = match members.value("metadata") {
        Some(metadata) => Members::of(metadata, &path)?.short_string("user_id", NAME)?,
        None => None,
    };
    Ok(user.or(user_id))
}

/// The format of the answer and the reasoning before it; `output_config` speaks of both.
pub(super) fn output(
    members: &mut Members<'_>,
) -> Result<(Option<ResponseFormat>, Option<Reasoning>), BadRequest> {
    let path = members.path.member("output_config");
    let (mut format, mut effort) = (None, None);
    if let Some(config) = members.value("output_config") {
        let mut config = Members::of(config, &path)?;
        effort = config.string("effort")?;
        if let Some(word) = effort.as_deref().filter(|word| !EFFORTS.contains(word)) {
            let known = EFFORTS.join(", ");
            return Err(path.member("effort").must(&format!("be one of {known}, and not `{word}`")));
        }
        format = response_format(config.value("format"), &path.member("format"))?;
    }
    let older = response_format(members.value("output_format"), &members.path.member("output_format"))?;
    Ok((format.or(older), reasoning(members, effort)?))
}

fn response_format(format: Option<Value>, path: &Path<'_>) -> Result<Option<ResponseFormat>, BadRequest> {
    let Some(format) = format else { return Ok(None) };
    let mut format = Members::of(format, path)?;
    if format.required_string("type")? != "json_schema" {
        return Err(path.member("type").must("be `json_schema`"));
    }
    let path = path.member("schema");
    let schema = format.value("schema").ok_or_else(|| path.must("be an object"))?;
    let schema = Value::Object(path.object(schema)?);
    Ok(Some(ResponseFormat::JsonSchema {
        name: name_of(&schema),
        // Where it is not said, OpenAI's models keep to a schema only loosely.
        strict: strict::is_strict(&schema).then_some(true),
        description: None,
        schema,
    }))
}

/// A schema's title, as far as it can be a name.
fn name_of(schema: &Value) -> String {
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name: String = title.chars().map(|c| if allowed(c) { c } else { '_' }).take(64).collect();
    if name.is_empty() { SCHEMA.to_owned() } else { name }
}

/// A budget says more than an effort; without either the model decides by itself.
fn reasoning(members: &mut Members<'_>, effort: Option<String>) -> Result<Option<Reasoning>, BadRequest> {
    let path = members.path.member("thinking");
    let Some(thinking) = members.value("thinking") else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    let mut thinking = Members::of(thinking, &path)?;
    let kind = thinking.required_string("type")?;
    let exclude = thinking.string("display")?.as_deref() == Some("omitted");
    let max_tokens = thinking.integer("budget_tokens", 1)?;
    match (kind.as_str(), max_tokens) {
        ("disabled", _) => Ok(Some(Reasoning { enabled: Some(false), ..Reasoning::default() })),
        ("enabled", None) => Err(path.member("budget_tokens").must("be an integer of at least 1")),
        ("enabled", max_tokens) => Ok(Some(Reasoning { max_tokens, exclude, ..Reasoning::default() })),
        ("adaptive", _) => {
            let enabled = effort.is_none().then_some(true);
            Ok(Some(Reasoning { effort, exclude, enabled, ..Reasoning::default() }))
        }
        _ => Err(path.member("type").must("be `enabled`, `adaptive` or `disabled`")),
    }
}
