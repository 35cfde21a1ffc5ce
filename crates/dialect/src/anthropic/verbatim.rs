//! Bodies of clients that speak this dialect: they go out as they came, with only the envelope touched.
//!
//! | Members | What becomes of them |
//! |---|---|
//! | `model`, `max_tokens`, `stream` | written anew |
//! | those of the platform, `user`, `fallbacks`, `thread`, `anthropic_beta`, `anthropic_version` | taken away |
//! | `metadata` | its `user_id` is hashed |
//! | `messages` | as they came; what another provider's answer put into them is taken away, see `history` |
//! | `tools`, `tool_choice` | those that the endpoint takes, see [`super`] |
//! | `thinking`, `output_config` | in the form that the model knows; a schema may become a tool |
//! | `temperature`, `top_p`, `top_k`, `stop_sequences` | as the endpoint takes them |
//! | `context_management` | without edits that make the model work more |
//! | [`COSTLY`] | only where the catalogue accepts them |
//! | `system`, `cache_control` and all that are not known | as they came |

use serde_json::{Map, Value, json};

use super::thinking::{self, Sent, Situation, Thinking};
use super::{history, lists, request, structured, tools};
use crate::canonical::{Request, Speaker};
use crate::client::platform;
use crate::codec::Target;
use crate::error::BadRequest;
use crate::members::Members;

/// Members by which a request could cost more than what was reserved for it, or reach further than its sender
/// may: they go out only where the catalogue accepts them by name.
const COSTLY: [&str; 14] = [
    "speed",
    "mcp_servers",
    "container",
    "inference_geo",
    "user_profile_id",
    "workspace_id",
    "n",
    "best_of",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "max_tokens_to_sample",
    "num_predict",
    "options",
];

/// Members that say something to the platform, beside those of every dialect.
const OURS: [&str; 6] = ["user", "fallbacks", "thread", "betas", "anthropic_beta", "anthropic_version"];

/// Writes the body for an endpoint.
///
/// # Errors
/// [`BadRequest`] when the model cannot do what is asked for.
pub(super) fn body(request: &Request, original: &[u8], target: &Target<'_>) -> Result<Vec<u8>, BadRequest> {
    let mut body: Members<'_> = serde_json::from_slice(original)
        .map_err(|error| BadRequest::new(format!("the request body cannot be read: {error}")))?;
    body.retain(|name| goes_out(name, target));
    body.make("model", target.provider_model);
    let sent_limit = body.value("max_tokens").and_then(|limit| limit.as_u64());
    let max_tokens = request::max_tokens(request, target);
    body.make("max_tokens", max_tokens);
    body.make_or_remove("stream", request.stream.then_some(true));
    history::shape(&mut body, request);
    tools::shape(&mut body, request, target);
    let situation = Situation {
        max_tokens,
        tool_is_forced: tools::is_forced(&body),
        blocks_thinking: history::blocks_thinking(&request.messages),
    };
    let thinking = think(&mut body, sent_limit, request, target, &situation)?;
    answer_in_schema(&mut body, request, target, &thinking);
    let sampling = thinking::sampling(request, target, &thinking);
    body.make_or_remove("temperature", sampling.temperature);
    body.make_or_remove("top_p", sampling.top_p);
    body.make_or_remove("top_k", sampling.top_k);
    let stop = request::stop_sequences(request, target);
    body.make_or_remove("stop_sequences", (!stop.is_empty()).then_some(stop));
    body.make_or_remove("metadata", request::metadata(request));
    body.make_or_remove("service_tier", request::service_tier(request, target));
    manage_context(&mut body, target);
    serde_json::to_vec(&body).map_err(BadRequest::unwritable)
}

/// A reader that does not tell case apart would take `MODEL` for the model; no member of this dialect has such
/// a name.
fn goes_out(name: &str, target: &Target<'_>) -> bool {
    let is_plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    is_plain
        && !platform::MEMBERS.contains(&name)
        && !OURS.contains(&name)
        && !lists(target, "drop", name)
        && (!COSTLY.contains(&name) || lists(target, "accepts", name))
}

/// Thinking in the form that the model knows, and its effort.
fn think(
    body: &mut Members<'_>,
    max_tokens: Option<u64>,
    request: &Request,
    target: &Target<'_>,
    situation: &Situation,
) -> Result<Thinking, BadRequest> {
    let mut config = object(body.value("output_config"));
    let effort = config.shift_remove("effort").and_then(|effort| effort.as_str().map(str::to_owned));
    let sent = Sent { thinking: body.value("thinking"), effort, max_tokens };
    let thinking = thinking::own(sent, request, target, situation)?;
    body.make_or_remove("thinking", thinking.thinking.clone());
    if let Some(effort) = thinking.effort {
        config.insert("effort".to_owned(), effort.into());
    }
    body.make_or_remove("output_config", (!config.is_empty()).then_some(Value::Object(config)));
    Ok(thinking)
}

/// A schema goes where the endpoint takes one; where it takes none, it may become a tool.
fn answer_in_schema(body: &mut Members<'_>, request: &Request, target: &Target<'_>, thinking: &Thinking) {
    let mut config = object(body.value("output_config"));
    let format = config.shift_remove("format").or_else(|| body.value("output_format"));
    body.remove("output_format");
    if let Some(format) = format.filter(|_| structured::is_native(target)) {
        config.insert("format".to_owned(), format);
    }
    body.make_or_remove("output_config", (!config.is_empty()).then_some(Value::Object(config)));
    let is_prefilled = request.messages.last().is_some_and(|last| last.speaker == Speaker::Assistant);
    let has_tools = body.get("tools").is_some();
    let tool = structured::tool(request, target, thinking, is_prefilled).filter(|_| !has_tools);
    if let Some(tools) = tool {
        body.make("tools", json!(tools.tools));
        body.make_or_remove("tool_choice", tools.choice);
    }
}

/// Taking things out of the context costs nothing. Other edits, such as a summary, are further work.
fn manage_context(body: &mut Members<'_>, target: &Target<'_>) {
    if lists(target, "accepts", "context_management") {
        return;
    }
    let Some(Value::Object(mut management)) = body.value("context_management") else {
        body.remove("context_management");
        return;
    };
    if let Some(Value::Array(edits)) = management.get_mut("edits") {
        let clears = |edit: &Value| edit["type"].as_str().is_some_and(|kind| kind.starts_with("clear_"));
        edits.retain(clears);
    }
    let has_edits = management["edits"].as_array().is_some_and(|edits| !edits.is_empty());
    body.make_or_remove("context_management", has_edits.then_some(Value::Object(management)));
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
