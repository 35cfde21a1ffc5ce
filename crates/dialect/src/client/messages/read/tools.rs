//! Tools and which of them must be called.

use serde_json::Value;

use super::client_run;
use crate::canonical::{Tool, ToolChoice};
use crate::client::messages::limits::TOOLS;
use crate::client::options;
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

pub(super) fn read(members: &mut Members<'_>) -> Result<Vec<Tool>, BadRequest> {
    options::tools(members, TOOLS, tool)
}

/// A client's tool, or one of Anthropic's own that the client runs. Others run at the provider or on the
/// platform and have no canonical form.
fn tool(value: Value, path: &Path<'_>) -> Result<Option<Tool>, BadRequest> {
    let mut members = Members::of(value, path)?;
    match members.string("type")?.as_deref() {
        None | Some("custom") => {}
        Some("") => return Err(path.member("type").must("be a string that is not empty")),
        Some(kind) => return client_run::tool(kind, members),
    }
    let schema = path.member("input_schema");
    Ok(Some(Tool {
        name: members.required_string("name")?,
        description: members.string("description")?,
        parameters: match members.value("input_schema") {
            Some(parameters) => Some(Value::Object(schema.object(parameters)?)),
            None => return Err(schema.must("be an object")),
        },
        strict: members.boolean("strict")?,
        cache_control: members.value("cache_control"),
    }))
}

/// The choice of a tool, and whether several may be called at once.
pub(super) fn choice(members: &mut Members<'_>) -> Result<(Option<ToolChoice>, Option<bool>), BadRequest> {
    let path = members.path.member("tool_choice");
    let Some(value) = members.value("tool_choice") else { return Ok((None, None)) };
    let mut choice = Members::of(value, &path)?;
    let kind = choice.required_string("type")?;
    let one_at_a_time = choice.boolean("disable_parallel_tool_use")?;
    let read = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.required_string("name")?),
        _ => return Err(path.member("type").must("be `auto`, `any`, `tool` or `none`")),
    };
    Ok((Some(read), one_at_a_time.filter(|one| *one).map(|_| false)))
}
