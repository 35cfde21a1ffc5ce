//! What a change would come to.

use identity::{EndpointId, PriceVersionId};
use serde_json::{Map, Value, json};

use super::change::Applied;
use super::price_text::price_text;
use crate::catalogue::{Catalogue, Endpoint, Model, Schedule};

/// What differs, member by member; for prices both, and where the endpoint stands among its model's by price.
pub(super) fn preview(applied: &Applied, before: &Catalogue, after: &Catalogue) -> Value {
    let mut said = json!({
        "dry_run": true,
        "id": applied.id,
        "action": applied.action,
        "catalogue_version": before.version(),
        "changes": differences(applied),
        "warnings": applied.warnings,
    });
    if let Some(change) = &applied.price {
        said["price"] = json!({
            "from": change.from.as_ref().and_then(readable),
            "to": readable(&change.to),
            "effective_at": applied.effective_at,
        });
    }
    if let Some(endpoint) = applied.endpoint {
        said["rank"] = rank(endpoint, before, after);
    }
    said
}

/// Members that change, with what they were and will be. Prices are told apart.
fn differences(applied: &Applied) -> Map<String, Value> {
    if applied.price.is_some() && applied.action == "put_price" {
        return Map::new();
    }
    let members = |value: &Option<Value>| value.as_ref().and_then(Value::as_object).cloned();
    let (before, after) = (members(&applied.before), members(&applied.after));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let value = |members: &Map<String, Value>, name: &str| members.get(name).cloned().unwrap_or_default();
    names
        .filter(|name| name.as_str() != "price" && before.get(*name) != after.get(*name))
        .map(|name| (name.clone(), json!({ "from": value(&before, name), "to": value(&after, name) })))
        .collect()
}

fn readable(book: &Value) -> Option<Value> {
    let mut text = price_text(&Schedule::read(PriceVersionId::generate(), book)?)?;
    // It has no id yet.
    text.as_object_mut()?.remove("id");
    Some(text)
}

/// Where an endpoint stands among those of its model that can be chosen, the cheapest first, from 1; `null` =
/// it cannot be chosen.
fn rank(id: EndpointId, before: &Catalogue, after: &Catalogue) -> Value {
    let (from, _) = place(id, before);
    let (to, of) = place(id, after);
    json!({ "model": model(id, after).map(Model::slug), "from": from, "to": to, "of": of })
}

fn place(id: EndpointId, catalogue: &Catalogue) -> (Option<usize>, usize) {
    let Some(model) = model(id, catalogue) else { return (None, 0) };
    let figure = |endpoint: &Endpoint| endpoint.prices.offers().first().map(|offer| offer.blended.at(0));
    let offers = catalogue.endpoints_of(model).iter().filter(|endpoint| endpoint.unusable.is_none());
    let mut usable: Vec<(Option<u64>, EndpointId)> =
        offers.map(|endpoint| (figure(endpoint), endpoint.id)).collect();
    usable.sort_by_key(|(figure, _)| *figure);
    (usable.iter().position(|(_, other)| *other == id).map(|at| at + 1), usable.len())
}

/// The model that an endpoint offers.
fn model(id: EndpointId, catalogue: &Catalogue) -> Option<&Model> {
    catalogue.models().get(catalogue.place(id.uuid())?.model)
}
