//! What Claude is told in its own words: the dialect of its maker decides on thinking and sampling, from an
//! outline of the request.

use serde_json::{Map, Value, json};

use super::plan::{self, Inference, Plan};
use crate::anthropic::Anthropic;
use crate::canonical::{Message, Part, PartKind, ReasoningDetail, Request, Task, Tool, ToolCall};
use crate::codec::{Adapter as _, Target};
use crate::error::BadRequest;
use crate::resold;

/// Stands for words of any length.
const WORD: &str = ".";

/// Asks the maker's dialect.
///
/// # Errors
/// [`BadRequest`] where the model refuses what the request asks for.
pub(super) fn plan<'a>(request: &'a Request, target: &Target<'_>) -> Result<Plan<'a>, BadRequest> {
    let encoded = Anthropic.encode(&Task::Chat(outline(request)), target)?;
    let mut members: Map<String, Value> =
        serde_json::from_slice(&encoded.body).map_err(BadRequest::unwritable)?;
    let mut fields = Map::new();
    for name in ["thinking", "top_k"] {
        fields.extend(members.shift_remove(name).map(|member| (name.to_owned(), member)));
    }
    let mut output = members.shift_remove("output_config").unwrap_or_default();
    let schema = output.pointer_mut("/format/schema").map(Value::take);
    if let Some(effort) = output.get("effort") {
        fields.insert("output_config".to_owned(), json!({ "effort": effort }));
    }
    let betas = resold::betas(&encoded, target);
    if !betas.is_empty() {
        fields.insert("anthropic_beta".to_owned(), betas.into());
    }
    let inference = Inference {
        max_tokens: members.get("max_tokens").and_then(Value::as_u64),
        temperature: members.get("temperature").and_then(Value::as_f64),
        top_p: members.get("top_p").and_then(Value::as_f64),
        stop_sequences: plan::stop_sequences(request, target),
    };
    Ok(Plan { inference, fields, schema })
}

/// The request with all that decides, and none of its length.
fn outline(request: &Request) -> Request {
    let tools = request.tools.iter().map(|tool| Tool {
        description: None,
        parameters: None,
        cache_control: None,
        ..tool.clone()
    });
    Request {
        model: String::new(),
        messages: request.messages.iter().map(outline_of).collect(),
        tools: tools.collect(),
        tool_choice: request.tool_choice.clone(),
        response_format: request.response_format.clone(),
        reasoning: request.reasoning.clone(),
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        extra: asked(request),
        ..Request::default()
    }
}

/// The further members that the dialect looks at.
fn asked(request: &Request) -> Map<String, Value> {
    let names = ["thinking", "verbosity", "anthropic_beta"];
    let asked = names.iter().filter_map(|name| Some(((*name).to_owned(), request.extra.get(*name)?.clone())));
    asked.collect()
}

fn outline_of(message: &Message) -> Message {
    let says_something = message.content.iter().any(|part| match &part.kind {
        PartKind::Text(text) => !text.trim().is_empty(),
        _ => true,
    });
    let word = Part { kind: PartKind::Text(WORD.to_owned()), cache_control: None };
    Message {
        speaker: message.speaker,
        name: None,
        content: Vec::from_iter(says_something.then_some(word)),
        tool_calls: message.tool_calls.iter().map(outline_of_call).collect(),
        tool_call_id: message.tool_call_id.clone(),
        reasoning: message.reasoning.iter().map(outline_of_reasoning).collect(),
        refusal: message.refusal.as_ref().map(|_| WORD.to_owned()),
    }
}

fn outline_of_call(call: &ToolCall) -> ToolCall {
    ToolCall { arguments: String::new(), ..call.clone() }
}

fn outline_of_reasoning(detail: &ReasoningDetail) -> ReasoningDetail {
    let short =
        |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(|_| WORD.to_owned());
    ReasoningDetail {
        content: short(&detail.content),
        signature: short(&detail.signature),
        kind: detail.kind,
        index: detail.index,
        id: None,
        format: detail.format.clone(),
    }
}
