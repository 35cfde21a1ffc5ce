//! The `thinkingConfig` of a request: budgets until the second generation, levels after it.

use serde_json::{Value, json};

use super::generation_of;
use crate::canonical::Request;
use crate::codec::Target;
use crate::effort::{Wish, nearest};
use crate::error::BadRequest;

/// The completion limit that shares are taken of when nobody says.
const DEFAULT_LIMIT: u64 = 65_536;

/// Reads what a request says of reasoning.
///
/// # Errors
/// [`BadRequest`] when a model that always thinks is asked not to.
pub(super) fn config(request: &Request, target: &Target<'_>) -> Result<Option<Value>, BadRequest> {
    let Some(generation) = generation_of(target.provider_model) else { return Ok(None) };
    let Some(reasoning) = request.reasoning.as_ref().filter(|_| target.takes("reasoning")) else {
        return Ok(None);
    };
    let wish = Wish::of(request);
    if wish == Wish::Off && target.quirk("reasoning_always_on") == Some(true) {
        return Err(BadRequest::new(format!(
            "{} always reasons: `reasoning.effort` cannot be `none`; use `minimal` for the least",
            target.model
        )));
    }
    let limit = request.max_tokens.or(target.max_output).unwrap_or(DEFAULT_LIMIT);
    let mut config = json!({ "includeThoughts": wish != Wish::Off && !reasoning.exclude });
    if generation >= 3 {
        let effort = if wish == Wish::Off { Some("minimal") } else { wish.effort(limit) };
        if let Some(level) = effort.and_then(|effort| nearest(effort, &levels(target))) {
            config["thinkingLevel"] = level.to_ascii_uppercase().into();
        }
    } else if let Some(budget) = if wish == Wish::Off { Some(0) } else { wish.budget(limit) } {
        config["thinkingBudget"] = fitting(budget, target).into();
    }
    Ok(Some(config))
}

/// The levels that a model takes, by its name and by what the catalogue adds.
fn levels(target: &Target<'_>) -> Vec<&'static str> {
    let extra = target.quirks.get("extra_reasoning_efforts").and_then(Value::as_array);
    let has = |effort: &str| extra.is_some_and(|extra| extra.iter().any(|name| name == effort));
    let is_pro = target.provider_model.contains("-pro");
    let is_first_pro = target.provider_model.contains("gemini-3-pro");
    ["minimal", "low", "medium", "high", "xhigh"]
        .into_iter()
        .filter(|level| match *level {
            "minimal" => !is_pro || has(level),
            "medium" => !is_first_pro,
            "xhigh" => has(level),
            _ => true,
        })
        .collect()
}

/// A budget within the bounds of the model's size: `pro` cannot stop thinking, the others can.
fn fitting(budget: u64, target: &Target<'_>) -> u64 {
    let name = target.provider_model;
    match budget {
        _ if name.contains("-pro") => budget.clamp(128, 32_768),
        0 => 0,
        _ if name.contains("-flash-lite") => budget.clamp(512, 24_576),
        _ => budget.min(24_576),
    }
}
