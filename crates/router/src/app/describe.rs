//! The catalogue as operators see it: everything but secrets, with health beside every endpoint.

use serde_json::{Value, json};

use super::edit_row::refused;
use super::page::Asked;
use super::price_text::price_text;
use crate::Error;
use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::health::{Standing, State, Uptime};
use crate::service::{Inner, Loaded};
use crate::store::rows;

/// What is asked for: the whole catalogue, one row or a page of rows.
///
/// # Errors
/// [`Error`] when what is named does not exist.
pub(crate) fn describe(inner: &Inner, loaded: &Loaded, asked: &Asked) -> Result<Value, Error> {
    let catalogue = &loaded.catalogue;
    let version = catalogue.version();
    let only = match asked.model.as_str() {
        "" => None,
        name => Some(find(catalogue, name)?),
    };
    let models = || catalogue.models().iter().filter(|model| only.is_none_or(|only| only == model.slug()));
    match asked.resource.as_str() {
        "" => Ok(whole(inner, loaded, models().map(|one| model(inner, catalogue, one)).collect())),
        "providers" => {
            let rows = catalogue.providers().iter().map(|row| (row.slug.clone(), row)).collect();
            asked.answer("provider", version, rows, |row| provider(row, catalogue))
        }
        "models" => {
            let rows = models().filter(|one| has_text(one, catalogue, &asked.text));
            let rows = rows.map(|one| (one.slug().to_owned(), one)).collect();
            asked.answer("model", version, rows, |one| model(inner, catalogue, one))
        }
        "endpoints" => {
            let rows = models().flat_map(|model| catalogue.endpoints_of(model));
            let rows = rows.filter(|one| asked.provider.is_empty() || one.row.provider == asked.provider);
            let rows = rows.map(|one| (one.id.to_string(), one)).collect();
            asked.answer("endpoint", version, rows, |one| endpoint(inner, one))
        }
        other => Err(refused(format!("there is no list `{other}`"))),
    }
}

/// The slug of the model that goes by a name.
fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a str, Error> {
    let found = catalogue.find(name).and_then(|at| catalogue.models().get(at));
    found.map(Model::slug).ok_or_else(|| Error::NotFound { kind: "model", name: name.to_owned() })
}

/// Whether the text stands in one of a model's names.
fn has_text(model: &Model, catalogue: &Catalogue, text: &str) -> bool {
    let aliases = || catalogue.aliases().iter().filter(|alias| alias.model == model.slug());
    let own = [model.slug(), &model.row.name, &model.row.canonical_slug];
    text.is_empty()
        || own
            .into_iter()
            .chain(aliases().map(|row| row.alias.as_str()))
            .any(|name| name.to_lowercase().contains(text))
}

fn whole(inner: &Inner, loaded: &Loaded, models: Vec<Value>) -> Value {
    let catalogue = &loaded.catalogue;
    let newest = inner.newest();
    json!({
        "version": catalogue.version(),
        "read_at": loaded.read_at.to_rfc3339(),
        "source": loaded.source.as_str(),
        "newest_version": newest.version,
        "refused": newest.refused,
        "stale": newest.is_behind(loaded),
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
        "headquarters": row.headquarters,
        "datacenters": row.datacenters,
        "privacy_policy_url": row.privacy_policy_url,
        "terms_of_service_url": row.terms_of_service_url,
        "status_page_url": row.status_page_url,
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
        "tokenizer": row.tokenizer,
        "hugging_face_id": row.hugging_face_id,
        "family": row.family,
        "distillable": row.distillable,
        "knowledge_cutoff": row.knowledge_cutoff,
        "default_parameters": row.default_parameters,
        "scores": row.scores,
        "scores_source": row.scores_source,
        "quirks": row.quirks,
        "first_token_ms": row.first_token_ms,
        "disabled": row.disabled,
        "endpoints": endpoints,
    })
}

fn endpoint(inner: &Inner, endpoint: &Endpoint) -> Value {
    let row = &endpoint.row;
    json!({
        "id": endpoint.id.to_string(),
        "model": row.model,
        "tag": row.tag,
        "provider": row.provider,
        "provider_model": row.provider_model,
        "dialect": endpoint.attempt.dialect,
        "base_url": endpoint.attempt.base_url,
        "context_length": endpoint.context_length,
        "max_output": endpoint.max_output,
        "quantization": row.quantization,
        "service_tier": row.service_tier,
        "region": row.region,
        "collects_data": endpoint.collects_data,
        "zero_data_retention": endpoint.zero_data_retention,
        "implicit_caching": row.implicit_caching,
        "quirks": row.quirks,
        "timeouts": row.timeouts,
        "deprecation_date": row.deprecation_date,
        "supported_parameters": endpoint.attempt.supported_parameters,
        "credential_id": endpoint.credential.map(|id| id.to_string()),
        "disabled": row.disabled,
        "simulated": endpoint.attempt.simulated,
        "usable": endpoint.unusable.is_none(),
        "unusable_because": endpoint.unusable.map(|reason| reason.name()),
        "price": price_text(&endpoint.prices),
        "health": health(inner, endpoint),
    })
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
