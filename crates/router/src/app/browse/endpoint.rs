//! The public record of an endpoint.

use pricing::Markup;
use serde_json::{Value, json};

use super::super::health_view::{quantiles, rounded};
use super::prices::pricing;
use super::row::known;
use super::seen::Seen;
use super::view::is_usable;
use crate::catalogue::{Endpoint, Model};
use crate::choose::Reason;
use crate::health::{Quantiles, State, Uptime};

/// One endpoint of a model. Latency, in milliseconds, and throughput, in tokens per second, are for callers with
/// a key; others see `null`.
pub(super) fn endpoint(
    model: &Model,
    endpoint: &Endpoint,
    markup: Markup,
    seen: &Seen<'_>,
    authenticated: bool,
) -> Value {
    let (row, attempt) = (&endpoint.row, &endpoint.attempt);
    let shown = (seen.display)(endpoint.key);
    let percentiles = |seen: Option<Quantiles>| quantiles(seen.filter(|_| authenticated));
    let supported = known(&attempt.supported_parameters);
    json!({
        "name": format!("{} | {}", attempt.provider_name, model.row.canonical_slug),
        "model_id": model.slug(),
        "model_name": model.row.name,
        "context_length": endpoint.context_length,
        "pricing": pricing(&endpoint.prices, markup),
        "provider_name": attempt.provider_name,
        "tag": row.tag,
        "quantization": row.quantization.as_deref().unwrap_or("unknown"),
        "max_completion_tokens": endpoint.max_output,
        "max_prompt_tokens": null,
        "service_tier": row.service_tier,
        "supports_tool_choice": tool_choice(&supported, &attempt.dialect),
        "supported_parameters": supported,
        "supports_implicit_caching": row.implicit_caching,
        "supports_voice_cloning": false,
        "supports_diarization": false,
        "native_tools": {},
        "status": status(endpoint, seen),
        "uptime_last_5m": shown.uptime_5m.map(rounded),
        "uptime_last_30m": shown.uptime_30m.map(rounded),
        "uptime_last_1d": shown.uptime_1d.map(rounded),
        "latency_last_30m": percentiles(shown.latency_30m),
        "throughput_last_30m": percentiles(shown.throughput_30m),
    })
}

/// Whether an endpoint is shown among its model's: those that wait for a credential are, since a caller may have
/// one; those that nobody could call are not.
pub(super) fn is_shown(endpoint: &Endpoint) -> bool {
    is_usable(endpoint) || matches!(endpoint.unusable, Some(Reason::NoCredential | Reason::NotConfigured))
}

/// 0 = serves as usual; -1 = degraded: 80 to 94 % uptime, an outage in the last 30 seconds, or coming back from
/// an ejection; -2 = poor: under 80 %; -3 = cooling down after a rate limit; -5 = ejected after failures; -10 =
/// cannot be called, for want of a credential.
pub(super) fn status(endpoint: &Endpoint, seen: &Seen<'_>) -> i32 {
    if !is_usable(endpoint) {
        return -10;
    }
    let standing = seen.standings.get(&endpoint.key).copied().unwrap_or_default();
    match (standing.state, standing.uptime) {
        (State::Ejected { .. }, _) => -5,
        _ if standing.cooling_until_ms > seen.now_ms => -3,
        (_, Uptime::Poor) => -2,
        (State::Recovering { .. }, _) | (_, Uptime::Degraded) => -1,
        _ if standing.outage => -1,
        _ => 0,
    }
}

/// Which values of `tool_choice` an endpoint takes.
fn tool_choice(supported: &[&str], dialect: &str) -> Value {
    let has_tools = supported.contains(&"tools");
    let chooses = has_tools && supported.contains(&"tool_choice");
    // Ollama's own API has no word for a call that must be made.
    let forces = chooses && dialect != "ollama";
    json!({ "auto": has_tools, "none": chooses, "required": forces, "function": forces })
}
