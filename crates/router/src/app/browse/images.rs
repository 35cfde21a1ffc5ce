//! Image models as the list of their own describes them.

use dialect::canonical::Operation;
use pricing::{Class, Markup, PriceBook};
use serde_json::{Map, Number, Value, json};

use super::policy::Rules;
use super::row::Facts;
use super::view;
use crate::catalogue::{Catalogue, Endpoint, Model};

/// The endpoints that make images with a model. Empty = it is no image model.
pub(super) fn endpoints<'a>(catalogue: &'a Catalogue, model: &Model, rules: Rules<'_>) -> Vec<&'a Endpoint> {
    let mut endpoints = view::usable(catalogue, model, rules);
    endpoints.retain(|endpoint| endpoint.operations.contains(Operation::Images));
    endpoints
}

/// A model of the list.
pub(super) fn listed(facts: &Facts, endpoints: &[&Endpoint]) -> Value {
    let parameters = endpoints.iter().flat_map(|endpoint| &endpoint.attempt.supported_parameters);
    json!({
        "id": facts.slug,
        "name": facts.name,
        "description": facts.description,
        "created": facts.created,
        "architecture": { "input_modalities": facts.inputs, "output_modalities": facts.outputs },
        "supported_parameters": descriptors(parameters),
        "supports_streaming": endpoints.iter().any(|endpoint| streams(endpoint)),
        "endpoints": format!("/api/v1/images/models/{}/endpoints", facts.slug),
    })
}

/// An endpoint's record.
pub(super) fn record(endpoint: &Endpoint, markup: Markup) -> Value {
    let attempt = &endpoint.attempt;
    json!({
        "provider_name": attempt.provider_name,
        "provider_slug": attempt.provider,
        "provider_tag": attempt.tag,
        "supported_parameters": descriptors(&attempt.supported_parameters),
        "allowed_passthrough_parameters": [],
        "supports_streaming": streams(endpoint),
        "pricing": endpoint.prices.offers().first().map(|offer| lines(&offer.book, markup)).unwrap_or_default(),
    })
}

fn streams(endpoint: &Endpoint) -> bool {
    endpoint.attempt.supported_parameters.iter().any(|name| name == "stream")
}

fn descriptors<'a>(names: impl IntoIterator<Item = &'a String>) -> Map<String, Value> {
    names.into_iter().filter_map(|name| Some((name.clone(), descriptor(name)?))).collect()
}

/// What values a parameter takes, where it is one of image requests.
fn descriptor(name: &str) -> Option<Value> {
    Some(match name {
        "n" => json!({ "type": "range", "min": 1, "max": 10 }),
        "output_compression" => json!({ "type": "range", "min": 0, "max": 100 }),
        "quality" => json!({ "type": "enum", "values": ["auto", "low", "medium", "high"] }),
        "background" => json!({ "type": "enum", "values": ["auto", "transparent", "opaque"] }),
        "output_format" => json!({ "type": "enum", "values": ["png", "jpeg", "webp"] }),
        "resolution" => json!({ "type": "enum", "values": ["512", "1K", "2K", "4K"] }),
        // Which sizes there are differs from model to model, and the provider says so.
        "size" | "aspect_ratio" | "seed" => json!({ "type": "boolean" }),
        _ => return None,
    })
}

/// The billable lines of a price, in USD with the caller's markup.
fn lines(book: &PriceBook, markup: Markup) -> Vec<Value> {
    const LINES: [(&str, &str, Class); 5] = [
        ("output_image", "image", Class::Picture),
        ("output_image", "token", Class::ImageOutput),
        ("input_image", "image", Class::Image),
        ("input_image", "token", Class::ImageInput),
        ("input_text", "token", Class::Input),
    ];
    let line = |(billable, unit, class): (&str, &str, Class)| {
        let rate = book.base.listed(class)?.with_markup(markup);
        let cost = rate.to_string().parse::<f64>().ok().and_then(Number::from_f64)?;
        Some(json!({ "billable": billable, "unit": unit, "cost_usd": cost }))
    };
    let lines: Vec<Value> = LINES.into_iter().filter_map(line).collect();
    let is_priced = lines.iter().any(|line| line["billable"] == "output_image");
    // Models that chat charge their pictures as they do the rest of their answers.
    let answer = (!is_priced).then(|| line(("output_image", "token", Class::Output))).flatten();
    answer.into_iter().chain(lines).collect()
}
