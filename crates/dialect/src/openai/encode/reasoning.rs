//! How reasoning is asked for.

use serde_json::{Map, Value, json};

use super::super::quirks::Quirks;
use crate::canonical::{Reasoning, Request};
use crate::codec::Target;
use crate::effort::{self, Wish};
use crate::members::Members;

/// Completion tokens that a budget is a share of when nobody limits them.
const ASSUMED_LIMIT: u64 = 20_000;

pub(super) fn ask(body: &mut Members<'_>, request: &Request, target: &Target<'_>, quirks: Quirks<'_>) {
    let Some(wanted) = &request.reasoning else { return };
    if !target.takes("reasoning") && !target.takes("reasoning_effort") {
        return;
    }
    let wish = Wish::of(request);
    let is_off = wish == Wish::Off;
    let effort = if is_off { Some("none") } else { wish.effort(limit(request, target)) };
    let says_how_much = wanted.effort.is_some() || wanted.max_tokens.is_some();
    let explicit = effort.filter(|_| says_how_much && !is_off);
    match quirks.text("reasoning_member").unwrap_or("reasoning_effort") {
        "reasoning" => body.make("reasoning", as_object(wanted)),
        "reasoning_enabled" if wish != Wish::Unsaid => {
            body.make("reasoning", json!({"enabled": !is_off}));
            set_effort(body, explicit, quirks);
        }
        "thinking" if wish != Wish::Unsaid => {
            body.make("thinking", json!({"type": if is_off { "disabled" } else { "enabled" }}));
            set_effort(body, explicit, quirks);
        }
        "prompt_mode" if wish != Wish::Unsaid => {
            body.make("prompt_mode", if is_off { Value::Null } else { json!("reasoning") });
        }
        "chat_template_kwargs" if wish != Wish::Unsaid && body.get("chat_template_kwargs").is_none() => {
            body.make("chat_template_kwargs", json!({"enable_thinking": !is_off}));
        }
        "reasoning_effort" => {
            if let Some(effort) = self::effort(request, target, quirks) {
                body.make("reasoning_effort", effort);
            }
        }
        _ => {}
    }
}

/// The effort that a request comes to, among those that the endpoint knows.
pub(in crate::openai) fn effort<'a>(
    request: &Request,
    target: &Target<'_>,
    quirks: Quirks<'a>,
) -> Option<&'a str> {
    let wish = Wish::of(request);
    nearest_known(if wish == Wish::Off { "none" } else { wish.effort(limit(request, target))? }, quirks)
}

/// Completion tokens that a budget is a share of.
fn limit(request: &Request, target: &Target<'_>) -> u64 {
    request.max_tokens.or(target.max_output).unwrap_or(ASSUMED_LIMIT)
}

fn nearest_known<'a>(effort: &str, quirks: Quirks<'a>) -> Option<&'a str> {
    let mut known: Vec<&str> = quirks.list("reasoning_efforts").collect();
    if known.is_empty() {
        known = ["low", "medium", "high"].into_iter().chain(quirks.list("extra_reasoning_efforts")).collect();
    }
    effort::nearest_or_none(effort, &known)
}

fn set_effort(body: &mut Members<'_>, effort: Option<&str>, quirks: Quirks<'_>) {
    if let Some(effort) = effort.and_then(|effort| nearest_known(effort, quirks)) {
        body.make("reasoning_effort", effort);
    }
}

/// The wish as OpenRouter's own member carries it.
fn as_object(wanted: &Reasoning) -> Value {
    let mut members = Map::new();
    if let Some(effort) = &wanted.effort {
        members.insert("effort".to_owned(), json!(effort));
    }
    if let Some(budget) = wanted.max_tokens {
        members.insert("max_tokens".to_owned(), json!(budget));
    }
    if let Some(enabled) = wanted.enabled {
        members.insert("enabled".to_owned(), json!(enabled));
    }
    if wanted.exclude {
        members.insert("exclude".to_owned(), json!(true));
    }
    Value::Object(members)
}
