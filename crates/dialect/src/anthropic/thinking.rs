//! How much the model thinks, and which sampling parameters that leaves.

use serde_json::{Value, json};

use crate::canonical::Request;
use crate::codec::Target;
use crate::effort::{Wish, nearest};
use crate::error::BadRequest;

/// Bounds of a thinking budget in tokens.
const BUDGET: std::ops::RangeInclusive<u64> = 1_024..=128_000;

/// The least `top_p` that goes with thinking.
const TOP_P_WITH_THINKING: f64 = 0.95;

/// What else in the request decides whether the model may think.
#[derive(Debug)]
pub(super) struct Situation {
    pub(super) max_tokens: u64,
    pub(super) tool_is_forced: bool,
    /// The turns cannot be followed by thinking with a budget.
    pub(super) blocks_thinking: bool,
}

#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// The `thinking` member.
    pub(super) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    pub(super) is_on: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sampling {
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<u64>,
}

/// Decides on thinking. Where it cannot go together with what else is asked for (a forced tool, a prefill, a
/// small `max_tokens`), the model does not think.
///
/// # Errors
/// [`BadRequest`] when a model that always thinks is asked not to.
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    situation: &Situation,
) -> Result<Thinking, BadRequest> {
    let always = target.quirk("reasoning_always_on") == Some(true);
    let mut plan = if !target.takes("reasoning") && !always {
        Thinking::default()
    } else if target.quirk("adaptive_thinking") == Some(true) {
        adaptive(request, target, situation, always)?
    } else {
        budgeted(Wish::of(request), situation)
    };
    if plan.effort.is_none() {
        plan.effort = verbosity(request, target);
    }
    if let Some(native) = request.extra.get("thinking").filter(|native| native.is_object()) {
        plan.is_on = native.get("type").is_none_or(|kind| kind != "disabled");
        plan.thinking = Some(native.clone());
    }
    Ok(plan)
}

/// What a client of this dialect sent of thinking.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The `thinking` member.
    pub(super) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(super) effort: Option<String>,
    pub(super) max_tokens: Option<u64>,
}

/// Thinking as a client of this dialect asks for it. It stays as it is where the model knows that form; else it
/// is put into the one that the model knows.
///
/// # Errors
/// As [`plan`].
pub(super) fn own(
    sent: Sent,
    request: &Request,
    target: &Target<'_>,
    situation: &Situation,
) -> Result<Thinking, BadRequest> {
    let is_adaptive = target.quirk("adaptive_thinking") == Some(true);
    let always = target.quirk("reasoning_always_on") == Some(true);
    let effort = sent.effort.as_deref().filter(|_| takes_effort(target));
    let effort = effort.and_then(|effort| nearest(effort, &efforts(target)));
    let without = Thinking { effort, is_on: always, ..Thinking::default() };
    let Some(mut thinking) = sent.thinking.filter(|_| always || target.takes("reasoning")) else {
        return Ok(without);
    };
    match thinking["type"].as_str() {
        Some("disabled") if !always => {
            return Ok(Thinking { thinking: Some(thinking), effort, is_on: false });
        }
        Some("adaptive") if is_adaptive => {
            if thinking["display"].is_null() {
                thinking["display"] = "summarized".into();
            }
        }
        Some("enabled") if !is_adaptive => {
            let fits = fit(&mut thinking, sent.max_tokens, situation.max_tokens);
            if situation.blocks_thinking || !fits {
                return Ok(without);
            }
        }
        _ => {
            let plan = plan(request, target, situation)?;
            return Ok(Thinking { effort: plan.effort.or(effort), ..plan });
        }
    }
    Ok(Thinking { thinking: Some(thinking), effort, is_on: true })
}

/// Keeps a budget below a limit that was lowered. Whether there is room for one at all. A budget above the
/// client's own limit is the client's to answer for: there is a feature that allows it.
fn fit(thinking: &mut Value, sent: Option<u64>, limit: u64) -> bool {
    let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
    if budget < limit || sent.is_some_and(|sent| sent <= limit || sent <= budget) {
        return true;
    }
    let most = limit.saturating_sub(1);
    thinking["budget_tokens"] = most.into();
    most >= *BUDGET.start()
}

/// Whether the catalogue says that the model has efforts.
fn takes_effort(target: &Target<'_>) -> bool {
    let is_listed = target.supported_parameters.iter().any(|name| name == "verbosity");
    is_listed || target.quirk("adaptive_thinking") == Some(true)
}

fn adaptive(
    request: &Request,
    target: &Target<'_>,
    situation: &Situation,
    always: bool,
) -> Result<Thinking, BadRequest> {
    let wish = Wish::of(request);
    if wish == Wish::Off {
        return match always {
            true => Err(BadRequest::new(format!(
                "{} always reasons: `reasoning.effort` cannot be `none`; use `minimal` for the least",
                target.model
            ))),
            false => Ok(Thinking { thinking: Some(json!({ "type": "disabled" })), ..Thinking::default() }),
        };
    }
    let effort = wish.effort(situation.max_tokens).and_then(|effort| nearest(effort, &efforts(target)));
    let wants_to_see = always && request.reasoning.is_some();
    if situation.tool_is_forced || (effort.is_none() && !wants_to_see) {
        return Ok(Thinking { effort, is_on: always, ..Thinking::default() });
    }
    let is_hidden = request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude);
    let display = if is_hidden { "omitted" } else { "summarized" };
    Ok(Thinking { thinking: Some(json!({ "type": "adaptive", "display": display })), effort, is_on: true })
}

fn budgeted(wish: Wish<'_>, situation: &Situation) -> Thinking {
    let Some(budget) = wish.budget(situation.max_tokens) else { return Thinking::default() };
    let most = BUDGET.end().min(&situation.max_tokens.saturating_sub(1)).to_owned();
    if most < *BUDGET.start() || situation.tool_is_forced || situation.blocks_thinking {
        return Thinking::default();
    }
    let budget = budget.clamp(*BUDGET.start(), most);
    let thinking = json!({ "type": "enabled", "budget_tokens": budget });
    Thinking { thinking: Some(thinking), effort: None, is_on: true }
}

/// The efforts that the endpoint takes, of all that there are.
fn efforts(target: &Target<'_>) -> Vec<&'static str> {
    let extra = target.quirks.get("extra_reasoning_efforts").and_then(Value::as_array);
    let has = |effort: &str| extra.is_some_and(|extra| extra.iter().any(|name| name == effort));
    ["low", "medium", "high", "xhigh", "max"]
        .into_iter()
        .filter(|effort| matches!(*effort, "low" | "medium" | "high") || has(effort))
        .collect()
}

/// Without a word on reasoning, `verbosity` is the effort, where the catalogue says that the model has one.
fn verbosity(request: &Request, target: &Target<'_>) -> Option<&'static str> {
    let verbosity = request.extra.get("verbosity")?.as_str()?;
    takes_effort(target).then(|| nearest(verbosity, &efforts(target))).flatten()
}

/// Sampling parameters that may be sent: `temperature` within 0..1, not together with `top_p`, and next to
/// nothing while thinking.
pub(super) fn sampling(request: &Request, target: &Target<'_>, thinking: &Thinking) -> Sampling {
    if target.quirk("sampling_params") == Some(false) {
        return Sampling::default();
    }
    let top_p = request.top_p.filter(|_| target.takes("top_p")).map(|top_p| top_p.clamp(0.0, 1.0));
    if thinking.is_on {
        let top_p = top_p.filter(|top_p| *top_p >= TOP_P_WITH_THINKING);
        return Sampling { top_p, ..Sampling::default() };
    }
    let temperature = request.temperature.filter(|_| target.takes("temperature"));
    Sampling {
        temperature: temperature.map(|temperature| temperature.clamp(0.0, 1.0)),
        top_p: top_p.filter(|_| temperature.is_none()),
        top_k: request.top_k.filter(|_| target.takes("top_k")),
    }
}
