//! The body of a conversation.

use serde_json::{Map, Value, json};

use super::{tools, turns};
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::effort::Wish;
use crate::error::BadRequest;

/// Sequences that may end an answer, at most.
const STOPS: usize = 5;

/// The vendor's own members, as the client sent them.
const VENDOR_MEMBERS: [&str; 5] =
    ["citation_options", "priority", "raw_prompting", "safety_mode", "strict_tools"];

pub(super) fn body(request: &Request, target: &Target<'_>) -> Result<Value, BadRequest> {
    let conversation = turns::read(request, target)?;
    let tools = tools::read(request, target);
    let mut documents = match request.extra.get("documents") {
        Some(Value::Array(documents)) => documents.clone(),
        _ => Vec::new(),
    };
    documents.extend(conversation.documents);
    let mut body = Body(Map::new(), target);
    body.set("model", Some(json!(target.provider_model)));
    body.set("messages", Some(Value::Array(conversation.messages)));
    body.set("stream", request.stream.then_some(json!(true)));
    body.set("response_format", response_format(request, target, tools.is_some() || !documents.is_empty()));
    if let Some(tools) = tools {
        body.set("tools", Some(Value::Array(tools.tools)));
        body.set("tool_choice", tools.choice.map(|choice| json!(choice)));
        body.set("strict_tools", tools.are_strict.then_some(json!(true)));
    }
    body.set("documents", (!documents.is_empty()).then_some(Value::Array(documents)));
    body.set("thinking", thinking(request, target));
    let limit = request.max_tokens.map(|limit| target.max_output.map_or(limit, |most| limit.min(most)));
    body.set("max_tokens", limit.map(|limit| json!(limit)));
    sampling(&mut body, request);
    for name in VENDOR_MEMBERS {
        body.set(name, request.extra.get(name).cloned());
    }
    Ok(Value::Object(body.0))
}

struct Body<'a>(Map<String, Value>, &'a Target<'a>);

impl Body<'_> {
    fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// A parameter by its public name, where the endpoint takes it.
    fn parameter(&mut self, public: &str, name: &str, value: Option<Value>) {
        if self.1.takes(public) {
            self.set(name, value);
        }
    }
}

/// Out of the ranges of others into the narrower ones of this vendor.
fn sampling(body: &mut Body<'_>, request: &Request) {
    let within =
        |value: Option<f64>, least: f64, most: f64| value.map(|value| json!(value.clamp(least, most)));
    body.parameter("temperature", "temperature", within(request.temperature, 0.0, 1.0));
    body.parameter("top_p", "p", within(request.top_p, 0.01, 0.99));
    body.parameter("top_k", "k", request.top_k.map(|k| json!(k.min(500))));
    body.parameter("frequency_penalty", "frequency_penalty", within(request.frequency_penalty, 0.0, 1.0));
    body.parameter("presence_penalty", "presence_penalty", within(request.presence_penalty, 0.0, 1.0));
    body.parameter("seed", "seed", request.seed.filter(|seed| *seed >= 0).map(|seed| json!(seed)));
    let stops = request.stop.iter().filter(|stop| !stop.is_empty()).take(STOPS).collect::<Vec<_>>();
    body.parameter("stop", "stop_sequences", (!stops.is_empty()).then(|| json!(stops)));
    body.parameter("logprobs", "logprobs", request.extra.get("logprobs").filter(|on| **on == true).cloned());
}

/// Neither tools nor documents go with a form that the answer must have.
fn response_format(request: &Request, target: &Target<'_>, has_others: bool) -> Option<Value> {
    let (may_be_json, may_have_schema) =
        (target.takes("response_format"), target.takes("structured_outputs"));
    match request.response_format.as_ref().filter(|_| !has_others)? {
        ResponseFormat::JsonObject if may_be_json => Some(json!({"type": "json_object"})),
        ResponseFormat::JsonSchema { schema, .. } if may_have_schema && is_filled(schema) => {
            Some(json!({"type": "json_object", "json_schema": schema}))
        }
        ResponseFormat::JsonSchema { .. } if may_be_json => Some(json!({"type": "json_object"})),
        _ => None,
    }
}

fn is_filled(schema: &Value) -> bool {
    schema.as_object().is_some_and(|members| !members.is_empty())
}

fn thinking(request: &Request, target: &Target<'_>) -> Option<Value> {
    if !target.takes("reasoning") {
        return None;
    }
    let limit = request.max_tokens.or(target.max_output);
    match Wish::of(request) {
        Wish::Unsaid => request.extra.get("thinking").cloned(),
        Wish::Off => Some(json!({"type": "disabled"})),
        wish => {
            let budget = match (wish, limit) {
                (Wish::Budget(budget), _) => Some(budget),
                (wish, Some(limit)) => wish.budget(limit),
                (_, None) => None,
            };
            let mut thinking = json!({"type": "enabled"});
            if let Some(budget) = budget {
                thinking["token_budget"] = json!(budget);
            }
            Some(thinking)
        }
    }
}
