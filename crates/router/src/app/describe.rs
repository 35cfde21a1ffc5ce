//! The catalogue as operators see it: everything but secrets, with health beside every endpoint.

use std::sync::PoisonError;

use pricing::PriceBook;
use serde_json::{Map, Value, json};

use crate::catalogue::{CLASSES, Catalogue, Endpoint, Model};
use crate::health::{Standing, State, Uptime};
use crate::service::{Inner, Loaded};
use crate::store::rows;

/// The catalogue, or what concerns one model of it.
pub(crate) fn describe(inner: &Inner, loaded: &Loaded, only: Option<usize>) -> Value {
    let catalogue = &loaded.catalogue;
    let refused = inner.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let models: Vec<Value> = catalogue
        .models()
        .iter()
        .enumerate()
        .filter(|(at, _)| only.is_none_or(|only| only == *at))
        .map(|(_, one)| model(inner, catalogue, one))
        .collect();
    json!({
        "version": catalogue.version(),
        "read_at": loaded.read_at.to_rfc3339(),
        "refused": refused,
        "providers": catalogue.providers().iter().map(|row| provider(row, catalogue)).collect::<Vec<_>>(),
        "models": models,
    })
}

fn provider(row: &rows::Provider, catalogue: &Catalogue) -> Value {
    let credential = catalogue.credentials().iter().find(|held| held.provider == row.slug);
    json!({
        "slug": row.slug,
        "name": row.name,
        "dialect": row.dialect,
        "base_url": row.base_url,
        "quirks": row.quirks,
        "credential_env": row.credential_env,
        "credential_required": row.credential_required,
        "credential": credential.map(|held| json!({
            "id": held.id.to_string(), "hint": held.hint, "source": held.source,
        })),
        "cancel_stops_billing": row.cancel_stops_billing,
        "collects_data": row.collects_data,
        "zero_data_retention": row.zero_data_retention,
        "simulated": row.simulated,
        "disabled": row.disabled,
        "timeouts": row.timeouts,
    })
}

fn model(inner: &Inner, catalogue: &Catalogue, model: &Model) -> Value {
    let row = &model.row;
    let aliases: Vec<&str> = catalogue
        .aliases()
        .iter()
        .filter(|alias| alias.model == row.slug)
        .map(|alias| alias.alias.as_str())
        .collect();
    let endpoints: Vec<Value> =
        catalogue.endpoints_of(model).iter().map(|one| endpoint(inner, one)).collect();
    json!({
        "slug": row.slug,
        "canonical_slug": row.canonical_slug,
        "name": row.name,
        "created": row.created,
        "aliases": aliases,
        "context_length": row.context_length,
        "max_output": row.max_output,
        "input_modalities": row.input_modalities,
        "output_modalities": row.output_modalities,
        "supported_parameters": row.supported_parameters,
        "disabled": row.disabled,
        "endpoints": endpoints,
    })
}

fn endpoint(inner: &Inner, endpoint: &Endpoint) -> Value {
    let row = &endpoint.row;
    json!({
        "id": endpoint.id.to_string(),
        "tag": row.tag,
        "provider": row.provider,
        "provider_model": row.provider_model,
        "dialect": endpoint.attempt.dialect,
        "base_url": endpoint.attempt.base_url,
        "context_length": endpoint.context_length,
        "max_output": endpoint.max_output,
        "quantization": row.quantization,
        "deprecation_date": row.deprecation_date,
        "supported_parameters": endpoint.attempt.supported_parameters,
        "credential_id": endpoint.credential.map(|id| id.to_string()),
        "disabled": row.disabled,
        "simulated": endpoint.attempt.simulated,
        "usable": endpoint.unusable.is_none(),
        "unusable_because": endpoint.unusable.map(|reason| reason.name()),
        "price": endpoint.prices.offers().first().map(|offer| price(&offer.id.to_string(), &offer.book)),
        "health": health(inner, endpoint),
    })
}

/// USD per unit as decimal strings.
fn price(id: &str, book: &PriceBook) -> Value {
    let rates = |rates: &pricing::Rates| -> Map<String, Value> {
        let listed = |(name, class)| {
            let rate: Option<pricing::Rate> = rates.listed(class);
            rate.map(|rate| (String::from(name), Value::from(rate.to_string())))
        };
        CLASSES.into_iter().filter_map(listed).collect()
    };
    let tiers: Vec<Value> = book
        .tiers
        .iter()
        .map(|tier| json!({ "above_prompt_tokens": tier.above_prompt_tokens, "rates": rates(&tier.rates) }))
        .collect();
    json!({ "id": id, "base": rates(&book.base), "tiers": tiers })
}

fn health(inner: &Inner, endpoint: &Endpoint) -> Value {
    let now_ms = inner.clock.now_ms();
    let standing: Standing = inner.health.standings().get(&endpoint.key).copied().unwrap_or_default();
    let (successes, faults, rate_limits) = inner.health.seen(endpoint.key, now_ms);
    let (state, until_ms) = match standing.state {
        State::Closed => ("healthy", None),
        State::Ejected { until_ms } if until_ms > now_ms => ("ejected", Some(until_ms)),
        State::Ejected { .. } => ("half_open", None),
        State::Recovering { .. } => ("recovering", None),
    };
    let uptime = match standing.uptime {
        Uptime::Good => "good",
        Uptime::Degraded => "degraded",
        Uptime::Poor => "poor",
    };
    json!({
        "state": state,
        "ejected_for_ms": until_ms.map(|until_ms| until_ms.saturating_sub(now_ms)),
        "cooling_for_ms": standing.cooling_until_ms.saturating_sub(now_ms),
        "outage": standing.outage,
        "uptime": uptime,
        "latency_ms": standing.latency_ms.round(),
        "throughput": (standing.throughput * 10.0).round() / 10.0,
        "successes": successes,
        "faults": faults,
        "rate_limits": rate_limits,
    })
}
