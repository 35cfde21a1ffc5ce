//! How the model is to answer: what all models take, and the fields that only some know.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::family::{Family, Traits};
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::effort::{Wish, nearest};

/// The completion limit that shares are taken of when nobody says.
const DEFAULT_LIMIT: u64 = 8_192;

#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) inference: Inference<'a>,
    /// `additionalModelRequestFields`
    pub(super) fields: Map<String, Value>,
    /// What the whole answer has to look like.
    pub(super) schema: Option<Value>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stop_sequences: Vec<&'a str>,
}

impl Plan<'_> {
    /// Whether the model is asked to reason.
    pub(super) fn reasons(&self) -> bool {
        let is_on = |name: &str| {
            let kind = self.fields.get(name).and_then(|member| member.get("type"));
            kind.is_some_and(|kind| kind != "disabled")
        };
        is_on("thinking") || is_on("reasoningConfig")
    }
}

impl Inference<'_> {
    pub(super) fn is_empty(&self) -> bool {
        *self == Inference::default()
    }
}

/// Plans for every family but Claude.
pub(super) fn plan<'a>(request: &'a Request, target: &Target<'_>, traits: &Traits) -> Plan<'a> {
    let mut plan = Plan { inference: inference(request, target), ..Plan::default() };
    if let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format {
        plan.schema = Some(schema.clone());
    }
    let top_k = request.top_k.filter(|_| samples(target) && target.takes("top_k"));
    match (traits.family, top_k) {
        (Family::Nova, Some(top_k)) => {
            plan.fields.insert("inferenceConfig".to_owned(), json!({ "topK": top_k }));
        }
        (Family::Mistral, Some(top_k)) => {
            plan.fields.insert("top_k".to_owned(), top_k.into());
        }
        _ => {}
    }
    match reasoning_member(target, traits) {
        Some("reasoning_config") => nova(request, target, &mut plan),
        Some("reasoning_effort") => effort(request, target, &mut plan),
        _ => {}
    }
    plan
}

/// Sequences of nothing but white space are refused upstream.
pub(super) fn stop_sequences<'a>(request: &'a Request, target: &Target<'_>) -> Vec<&'a str> {
    if !target.takes("stop") {
        return Vec::new();
    }
    request.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect()
}

fn inference<'a>(request: &'a Request, target: &Target<'_>) -> Inference<'a> {
    let most = target.max_output.unwrap_or(u64::MAX);
    let taken = |value: Option<f64>, name: &str| {
        value.filter(|_| samples(target) && target.takes(name)).map(|value| value.clamp(0.0, 1.0))
    };
    Inference {
        max_tokens: request.max_tokens.map(|asked| asked.min(most)),
        temperature: taken(request.temperature, "temperature"),
        top_p: taken(request.top_p, "top_p"),
        stop_sequences: stop_sequences(request, target),
    }
}

fn samples(target: &Target<'_>) -> bool {
    target.quirk("sampling_params") != Some(false)
}

/// How reasoning is asked for: as the catalogue says, else as the model's family is known to take it.
fn reasoning_member<'a>(target: &Target<'a>, traits: &Traits) -> Option<&'a str> {
    if !target.takes("reasoning") {
        return None;
    }
    let named = target.quirks.get("reasoning_member").and_then(Value::as_str);
    named.or(match traits.family {
        Family::Nova if target.provider_model.contains("nova-2") => Some("reasoning_config"),
        Family::OpenAi => Some("reasoning_effort"),
        _ => None,
    })
}

/// Nova's highest effort refuses a completion limit, and the limit is what was reserved: with one, the effort
/// below it has to do.
fn nova(request: &Request, target: &Target<'_>, plan: &mut Plan<'_>) {
    let limit = request.max_tokens.or(target.max_output).unwrap_or(DEFAULT_LIMIT);
    let config = match (Wish::of(request), Wish::of(request).effort(limit)) {
        (Wish::Off, _) => json!({ "type": "disabled" }),
        (_, Some(effort)) => {
            let known: &[&str] = match request.max_tokens {
                Some(_) => &["low", "medium"],
                None => &["low", "medium", "high"],
            };
            let effort = nearest(effort, known);
            if effort == Some("high") {
                (plan.inference.temperature, plan.inference.top_p) = (None, None);
            }
            json!({ "type": "enabled", "maxReasoningEffort": effort })
        }
        (_, None) => return,
    };
    plan.fields.insert("reasoningConfig".to_owned(), config);
}

fn effort(request: &Request, target: &Target<'_>, plan: &mut Plan<'_>) {
    let extra = target.quirks.get("extra_reasoning_efforts").and_then(Value::as_array);
    let has = |effort: &str| extra.is_some_and(|extra| extra.iter().any(|name| name == effort));
    let known: Vec<&str> = ["minimal", "low", "medium", "high", "xhigh", "max"]
        .into_iter()
        .filter(|effort| matches!(*effort, "low" | "medium" | "high") || has(effort))
        .collect();
    let limit = request.max_tokens.or(target.max_output).unwrap_or(DEFAULT_LIMIT);
    let effort = match Wish::of(request) {
        Wish::Off if has("none") => Some("none"),
        Wish::Off => nearest("minimal", &known),
        wish => wish.effort(limit).and_then(|effort| nearest(effort, &known)),
    };
    plan.fields.extend(effort.map(|effort| ("reasoning_effort".to_owned(), effort.into())));
}
