//! The public model list, rendered for one markup.

use std::sync::PoisonError;

use bytes::Bytes;
use dialect::canonical::Operation;
use pricing::{Class, Markup, PriceBook, Rates};
use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::service::Loaded;

/// Markups that lists are kept for; there are as many as plans, so this is never reached in earnest.
const KEPT: usize = 64;

/// Classes by their public names, each with the class whose price serves when the first has none. A generated
/// image is priced by the piece or else by its tokens. What the public shape has no member for, and its readers
/// pass over, goes by our own names: nothing is charged that is not listed.
const PUBLIC: [(&str, Class, Option<Class>); 15] = [
    ("prompt", Class::Input, None),
    ("completion", Class::Output, None),
    ("request", Class::Request, None),
    ("image", Class::Image, None),
    ("image_token", Class::ImageInput, None),
    ("image_output", Class::Picture, Some(Class::ImageOutput)),
    ("input_cache_read", Class::CacheRead, None),
    ("input_cache_write", Class::CacheWrite5m, None),
    ("input_cache_write_1h", Class::CacheWrite1h, None),
    ("internal_reasoning", Class::Reasoning, None),
    ("audio", Class::AudioInput, None),
    ("audio_output", Class::AudioOutput, None),
    ("character", Class::Character, None),
    ("second", Class::Second, None),
    ("search_unit", Class::SearchUnit, None),
];

/// Public names that every price has, zero where nothing is listed.
const ALWAYS: [&str; 4] = ["prompt", "completion", "request", "image"];

/// The list as JSON: every model that answers text and can be called, prices with the caller's markup.
pub(crate) fn list_models(loaded: &Loaded, markup: Markup) -> Bytes {
    let mut lists = loaded.lists.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(body) = lists.get(&markup.basis_points()) {
        return body.clone();
    }
    if lists.len() >= KEPT {
        lists.clear();
    }
    let body = Bytes::from(render(&loaded.catalogue, markup).to_string());
    lists.insert(markup.basis_points(), body.clone());
    body
}

fn render(catalogue: &Catalogue, markup: Markup) -> Value {
    let rows: Vec<Value> = catalogue
        .models()
        .iter()
        .filter(|model| model.operations.contains(Operation::Chat))
        .filter_map(|model| {
            let usable = catalogue.endpoints_of(model).iter().filter(|endpoint| endpoint.unusable.is_none());
            // Of equals the first by tag, so that every router lists the same.
            let top = usable
                .min_by_key(|endpoint| endpoint.prices.offers().first().map(|offer| offer.blended.at(0)))?;
            Some(row(catalogue, model, top, markup))
        })
        .collect();
    json!({ "total_count": rows.len(), "data": rows, "links": { "next": null } })
}

fn row(catalogue: &Catalogue, model: &Model, top: &Endpoint, markup: Markup) -> Value {
    let row = &model.row;
    let modality = format!("{}->{}", row.input_modalities.join("+"), row.output_modalities.join("+"));
    let empty = PriceBook::default();
    let book = top.prices.offers().first().map_or(&empty, |offer| &offer.book);
    let mut listed = json!({
        "id": row.slug,
        "canonical_slug": row.canonical_slug,
        "hugging_face_id": row.hugging_face_id,
        "name": row.name,
        "created": row.created,
        "description": description(catalogue, model),
        "context_length": row.context_length,
        "architecture": {
            "modality": modality,
            "input_modalities": row.input_modalities,
            "output_modalities": row.output_modalities,
            "tokenizer": row.tokenizer,
            "instruct_type": null,
        },
        "pricing": pricing(book, markup),
        "top_provider": {
            "context_length": top.context_length,
            "max_completion_tokens": top.max_output,
            "is_moderated": false,
        },
        "per_request_limits": null,
        "supported_parameters": row.supported_parameters,
        "default_parameters": null,
        "supported_voices": null,
        "knowledge_cutoff": null,
        "expiration_date": expiration(catalogue, model),
        "links": { "details": format!("/api/v1/models/{}/endpoints", row.slug) },
    });
    if row.supported_parameters.iter().any(|name| name == "reasoning") {
        listed["reasoning"] = reasoning(&row.quirks);
    }
    listed
}

fn pricing(book: &PriceBook, markup: Markup) -> Value {
    let mut pricing = prices(&book.base, markup, true);
    let mut tiers: Vec<_> = book.tiers.iter().collect();
    tiers.sort_by_key(|tier| tier.above_prompt_tokens);
    let overrides: Vec<Value> = tiers
        .into_iter()
        .map(|tier| {
            let mut prices = prices(&tier.rates, markup, false);
            prices.insert("min_prompt_tokens".to_owned(), tier.above_prompt_tokens.into());
            Value::Object(prices)
        })
        .collect();
    if !overrides.is_empty() {
        pricing.insert("overrides".to_owned(), Value::Array(overrides));
    }
    Value::Object(pricing)
}

fn prices(rates: &Rates, markup: Markup, is_base: bool) -> Map<String, Value> {
    let price = |(name, class, other): (&str, Class, Option<Class>)| {
        let rate = match rates.listed(class).or_else(|| rates.listed(other?)) {
            None if is_base && ALWAYS.contains(&name) => rates.rate(class),
            listed => listed?,
        };
        Some((name.to_owned(), Value::from(rate.with_markup(markup).to_string())))
    };
    PUBLIC.into_iter().filter_map(price).collect()
}

/// What the facts say, in a sentence or two.
fn description(catalogue: &Catalogue, model: &Model) -> String {
    let row = &model.row;
    let usable: Vec<&Endpoint> =
        catalogue.endpoints_of(model).iter().filter(|endpoint| endpoint.unusable.is_none()).collect();
    let mut providers: Vec<&str> =
        usable.iter().map(|endpoint| endpoint.attempt.provider_name.as_str()).collect();
    providers.sort_unstable();
    providers.dedup();
    let output = row.max_output.map(|tokens| format!(", answers of up to {tokens}")).unwrap_or_default();
    format!(
        "{} reads {} and answers {}. Context of {} tokens{output}. Served by {}.",
        row.name,
        row.input_modalities.join(", "),
        row.output_modalities.join(", "),
        row.context_length,
        providers.join(", "),
    )
}

/// The day after which no endpoint is left, if every one has such a day.
fn expiration(catalogue: &Catalogue, model: &Model) -> Option<String> {
    let usable = catalogue.endpoints_of(model).iter().filter(|endpoint| endpoint.unusable.is_none());
    let days: Option<Vec<&str>> = usable.map(|endpoint| endpoint.row.deprecation_date.as_deref()).collect();
    days?.into_iter().max().map(str::to_owned)
}

/// Efforts that a model takes, highest first; `null` = all.
fn reasoning(quirks: &Map<String, Value>) -> Value {
    const EFFORTS: [&str; 7] = ["max", "xhigh", "high", "medium", "low", "minimal", "none"];
    let extra = quirks.get("extra_reasoning_efforts").and_then(Value::as_array);
    let takes = |effort: &&str| {
        matches!(*effort, "high" | "medium" | "low")
            || extra.is_some_and(|extra| extra.iter().any(|name| name == effort))
    };
    let efforts = extra.map(|_| EFFORTS.into_iter().filter(takes).collect::<Vec<_>>());
    let mandatory = quirks.get("reasoning_always_on").and_then(Value::as_bool).unwrap_or(false);
    json!({ "mandatory": mandatory, "supported_efforts": efforts })
}

#[cfg(test)]
mod tests {
    use pricing::{Rate, Tier};

    use super::*;

    fn rates(listed: &[(Class, i64)]) -> Rates {
        listed
            .iter()
            .fold(Rates::default(), |rates, (class, picos)| rates.with(*class, Rate::from_picos(*picos)))
    }

    fn public(listed: &[(Class, i64)]) -> Value {
        pricing(&PriceBook { base: rates(listed), tiers: Vec::new() }, Markup::NONE)
    }

    #[test]
    fn every_class_that_is_listed_is_shown() {
        let shown = public(&[(Class::Input, 1)]);
        assert_eq!(
            shown,
            json!({ "prompt": "0.000000000001", "completion": "0", "request": "0", "image": "0" })
        );
        for class in Class::ALL {
            let shown = public(&[(class, 7)]);
            let prices = shown.as_object().unwrap().values();
            assert_eq!(prices.filter(|price| *price == "0.000000000007").count(), 1, "{class:?}");
        }
    }

    #[test]
    fn a_generated_image_is_shown_by_the_piece_or_else_by_its_tokens() {
        assert_eq!(public(&[(Class::ImageOutput, 40_000_000)])["image_output"], "0.00004");
        let both = public(&[(Class::Picture, 50_000_000_000), (Class::ImageOutput, 40_000_000)]);
        assert_eq!(both["image_output"], "0.05");
    }

    #[test]
    fn a_tier_shows_what_it_overrides() {
        let tier = Tier { above_prompt_tokens: 9, rates: rates(&[(Class::ImageInput, 2_000_000)]) };
        let book = PriceBook { base: rates(&[(Class::Input, 1_000_000)]), tiers: vec![tier] };
        let overrides = json!([{ "image_token": "0.000002", "min_prompt_tokens": 9 }]);
        assert_eq!(pricing(&book, Markup::NONE)["overrides"], overrides);
    }
}
