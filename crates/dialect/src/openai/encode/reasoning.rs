//! How reasoning is asked for.

use serde_json::{Map, Value, json};

use super::super::quirks::Quirks;
use super::Body;
use crate::canonical::{Reasoning, Request};
use crate::codec::Target;

/// From least to most.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

pub(super) fn ask(body: &mut Body<'_>, request: &Request, target: &Target<'_>, quirks: Quirks<'_>) {
    let Some(wanted) = &request.reasoning else { return };
    if !target.takes("reasoning") && !target.takes("reasoning_effort") {
        return;
    }
    let effort = effort(wanted, request.max_tokens);
    let is_off = effort == Some("none");
    match quirks.text("reasoning_member").unwrap_or("reasoning_effort") {
        "reasoning" => body.make("reasoning", as_object(wanted)),
        "reasoning_enabled" if effort.is_some() => {
            body.make("reasoning", json!({"enabled": !is_off}));
            set_effort(body, wanted.effort.as_deref().filter(|_| !is_off), quirks);
        }
        "thinking" if effort.is_some() => {
            body.make("thinking", json!({"type": if is_off { "disabled" } else { "enabled" }}));
            set_effort(body, wanted.effort.as_deref().filter(|_| !is_off), quirks);
        }
        "reasoning_effort" => set_effort(body, effort, quirks),
        _ => {}
    }
}

fn set_effort(body: &mut Body<'_>, effort: Option<&str>, quirks: Quirks<'_>) {
    if let Some(effort) = effort.and_then(|effort| nearest(effort, quirks)) {
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

/// The wish in one word; `None` = nothing is said of how much.
pub(in super::super) fn effort(wanted: &Reasoning, max_tokens: Option<u64>) -> Option<&str> {
    if let Some(effort) = &wanted.effort {
        return Some(effort);
    }
    match (wanted.max_tokens, wanted.enabled) {
        (Some(0), _) | (None, Some(false)) => Some("none"),
        (Some(budget), _) => Some(effort_of_budget(budget, max_tokens)),
        (None, Some(true)) => Some("medium"),
        (None, None) => None,
    }
}

/// The effort whose share of the completion limit a budget comes nearest to; without a limit, by size.
fn effort_of_budget(budget: u64, max_tokens: Option<u64>) -> &'static str {
    let percent = match max_tokens.filter(|limit| *limit > 0) {
        Some(limit) => budget.saturating_mul(100) / limit,
        None => budget / 200,
    };
    match percent {
        0..15 => "minimal",
        15..35 => "low",
        35..65 => "medium",
        65..88 => "high",
        _ => "xhigh",
    }
}

/// The known effort nearest to `effort`, the lesser of two.
pub(in super::super) fn nearest<'a>(effort: &'a str, quirks: Quirks<'a>) -> Option<&'a str> {
    let rank = |word: &str| EFFORTS.iter().position(|known| *known == word);
    let wanted = rank(effort)?;
    let mut known: Vec<&str> = quirks.list("reasoning_efforts").collect();
    if known.is_empty() {
        known = ["low", "medium", "high"].into_iter().chain(quirks.list("extra_reasoning_efforts")).collect();
    }
    known
        .into_iter()
        .filter_map(|word| Some((rank(word)?, word)))
        .min_by_key(|(rank, _)| (rank.abs_diff(wanted), *rank))
        .map(|(_, word)| word)
}
