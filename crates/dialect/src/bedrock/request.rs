//! The body and the path of a request.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::blocks::Block;
use super::family::{Family, Traits, path};
use super::plan::{self, Inference, Plan};
use super::tools::{self, ToolConfig};
use super::turns::{self, Turn};
use super::{SERVICE, claude, structured};
use crate::canonical::{Request, ResponseFormat};
use crate::codec::{AuthStyle, Encoded, JSON, Target};
use crate::error::BadRequest;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Inference::is_empty")]
    inference_config: Inference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guardrail_config: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<Value>,
}

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let traits = Traits::of(target);
    crate::structured::check_names(request)?;
    let conversation = turns::read(request, &traits)?;
    let tool_config = tools::config(request, target, &traits, &conversation);
    let mut plan = match traits.family {
        Family::Claude => claude::plan(request, target)?,
        _ => plan::plan(request, target, &traits),
    };
    let tool_config = structured::tool(request, target, &traits, &plan, &conversation).or(tool_config);
    if request.parallel_tool_calls == Some(false) && tool_config.as_ref().is_some_and(ToolConfig::is_free) {
        call_one_at_a_time(&mut plan, target, &traits);
    }
    for (name, value) in target.quirks.get("add").and_then(Value::as_object).into_iter().flatten() {
        plan.fields.insert(name.clone(), value.clone());
    }
    let body = Body {
        messages: conversation.turns,
        system: conversation.system,
        inference_config: plan.inference,
        tool_config,
        additional_model_request_fields: plan.fields,
        output_config: plan.schema.and_then(|schema| output_config(request, &schema, &traits)),
        guardrail_config: target.quirks.get("guardrail").filter(|guardrail| guardrail.is_object()),
        service_tier: service_tier(target),
    };
    let body = serde_json::to_vec(&body).map_err(BadRequest::unwritable)?;
    let action = if request.stream { "converse-stream" } else { "converse" };
    Ok(encoded(target, action, body))
}

/// A request of an action of the target's model.
pub(super) fn encoded(target: &Target<'_>, action: &str, body: impl Into<Bytes>) -> Encoded {
    let accept = if action.ends_with("stream") { "application/vnd.amazon.eventstream" } else { JSON };
    Encoded::written(path(target, action), accept, AuthStyle::SigV4 { service: SERVICE }, body)
}

/// Claude alone has a switch, from the fourth generation on, and takes it only where `toolChoice` is unsaid.
fn call_one_at_a_time(plan: &mut Plan<'_>, target: &Target<'_>, traits: &Traits) {
    if traits.family == Family::Claude && !target.provider_model.contains("claude-3") {
        let choice = json!({ "type": "auto", "disable_parallel_tool_use": true });
        plan.fields.insert("tool_choice".to_owned(), choice);
    }
}

/// The provider wants the schema as text.
fn output_config(request: &Request, schema: &Value, traits: &Traits) -> Option<Value> {
    let Some(ResponseFormat::JsonSchema { name, description, .. }) = &request.response_format else {
        return None;
    };
    if !traits.structured_outputs || schema.as_object().is_none_or(Map::is_empty) {
        return None;
    }
    let mut definition = json!({ "name": name, "schema": schema.to_string() });
    if let Some(description) = description {
        definition["description"] = description.as_str().into();
    }
    Some(json!({ "textFormat": { "type": "json_schema", "structure": { "jsonSchema": definition } } }))
}

/// Tiers have prices of their own: what goes out is the endpoint's, never what the client calls one.
fn service_tier(target: &Target<'_>) -> Option<Value> {
    (!target.service_tier.is_empty()).then(|| json!({ "type": target.service_tier }))
}
