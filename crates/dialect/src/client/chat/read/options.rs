//! The members of a request beside its messages and tools.

use serde_json::Value;

use crate::canonical::{ResponseFormat, ToolChoice};
use crate::client::options::json_schema;
use crate::client::path::Members;
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
            Ok(Some(json_schema(&mut Members::of(schema, &path)?)?))
        }
        _ => Ok(Some(ResponseFormat::Other(value))),
    }
}
