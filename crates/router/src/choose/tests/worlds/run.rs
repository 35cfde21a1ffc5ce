//! From a case to tables and a request, and through the choice.

use proptest::prelude::*;

use super::{Case, KEYED, MODELS, OfferCase, PARAMETERS, TAGS};
use crate::choose::tests::reference::{Choice, World};
use crate::choose::tests::*;

fn credential(place: usize) -> Uuid {
    if place == 0 { Uuid::nil() } else { Uuid::from_u128(1_000 + place as u128) }
}

/// The tables of a case: the first offer of a model at a tag counts.
fn rows_of(case: &Case) -> rows::Tables {
    let mut offers: Vec<&OfferCase> = Vec::new();
    for offer in &case.offers {
        if !offers.iter().any(|known| (known.model, known.tag) == (offer.model, offer.tag)) {
            offers.push(offer);
        }
    }
    let plain: Vec<Offer<'_>> =
        offers.iter().map(|offer| (MODELS[offer.model], TAGS[offer.tag], offer.price)).collect();
    let mut rows = tables(&plain);
    for (at, offer) in offers.into_iter().enumerate() {
        let endpoint = &mut rows.endpoints[at];
        endpoint.quantization = offer.quantization.map(str::to_owned);
        endpoint.zero_data_retention = offer.zero_data_retention;
        endpoint.collects_data = offer.collects_data;
        endpoint.context_length = if offer.short { 50 } else { 8_000 };
        endpoint.max_output = Some(if offer.short { 40 } else { 1_000 });
        endpoint.supported_parameters = offer.parameters.as_ref().map(|own| names(own));
        endpoint.deprecation_date = offer.deprecation_date.map(str::to_owned);
        endpoint.disabled = offer.disabled;
        let suffix = endpoint.tag.split('/').nth(1).map(str::to_owned);
        endpoint.service_tier = suffix.clone().filter(|suffix| suffix == "flex" || suffix == "priority");
        endpoint.region = suffix.filter(|suffix| suffix == "eu");
        if offer.caches {
            rows.prices[at].book["base"]["cache_read"] = 0.into();
        }
        // Free prompts cannot be read cheaper.
        if offer.price == 0 {
            rows.prices[at].book["base"].as_object_mut().unwrap().remove("cache_read");
        }
    }
    for provider in &mut rows.providers {
        provider.credential_required = provider.slug == KEYED;
    }
    for model in &mut rows.models {
        model.supported_parameters = names(&PARAMETERS);
        if model.slug == "b/n" {
            model.output_modalities.push("image".to_owned());
            model.distillable = Some(true);
        }
        if model.slug == "c/o:free" {
            model.canonical_slug = "c/o-2023:free".to_owned();
        }
    }
    rows
}

/// Runs a case with plans of some length, and hands everything to a check.
pub(in crate::choose::tests) fn with_case(
    case: &Case,
    max_attempts: usize,
    check: impl FnOnce(&World<'_>, Option<Vec<Choice>>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let (rows, wish, rule) = (rows_of(case), &case.wish, &case.rule);
    let catalogue = build(rows.clone());
    let standings: Standings = case
        .standings
        .iter()
        .map(|(at, place, standing)| {
            (Key { endpoint: endpoint_id(*at), credential: credential(*place) }, *standing)
        })
        .collect();
    let outputs: &[&str] = if rule.image { &["text", "image"] } else { &[] };
    let request = Request {
        models: &wish.models,
        preferences: Preferences {
            order: &wish.order,
            only: &wish.only,
            ignore: &wish.ignore,
            allow_fallbacks: wish.allow_fallbacks,
            sort: wish.sort,
            default_sort: None,
            require_parameters: rule.require,
            quantizations: &wish.quantizations,
            data_collection: if rule.deny.0 { DataCollection::Deny } else { DataCollection::Allow },
            zero_data_retention: rule.zdr.0,
            distillable: rule.distillable,
            max_price: MaxPrice { input: rule.cap.map(cap), ..MaxPrice::default() },
            thresholds: wish.thresholds,
            sorts_across_models: wish.across,
        },
        profile: Profile {
            body_bytes: if wish.is_long { 16 * 51 } else { 100 },
            max_tokens: wish.is_big.then_some(41),
            outputs: Modalities::of(outputs.iter().copied()),
            parameters: catalogue.parameters().set(rule.parameters.iter().copied()),
            ..text()
        },
        tier: wish.tier,
        region: rule.region,
        policy: AccountPolicy {
            allowed_models: &rule.allowed_models,
            ignored_models: &rule.ignored_models,
            allowed_providers: &rule.allowed_providers,
            ignored_providers: &rule.ignored_providers,
            zero_data_retention: rule.zdr.1,
            deny_data_collection: rule.deny.1,
            ..AccountPolicy::default()
        },
        markups: Markups::new(case.markups.0, &case.markups.1),
        own: (1..)
            .zip(&case.own)
            .map(|(place, own)| Own {
                credential: credential(place),
                provider: own.provider,
                is_fallback: own.is_fallback,
                is_exclusive: own.is_exclusive,
                models: &own.models,
                ..Own::default()
            })
            .collect(),
        held: case.held.map(|(at, place)| Held { endpoint: endpoint_id(at), credential: credential(place) }),
        explain: false,
        ..Request::default()
    };
    let plan = choose(&request, &catalogue, view(&standings), Policy { max_attempts, ..POLICY }, case.seed);
    let chosen = plan.ok().map(|plan| {
        let row = |pick: &Pick| {
            let id = catalogue.endpoints()[pick.endpoint].id.uuid();
            Choice { row: usize::try_from(id.as_u128() - 1).unwrap(), own: pick.own }
        };
        plan.attempts.iter().map(row).collect()
    });
    let world = World {
        tables: &rows,
        standings: &standings,
        request: &request,
        parameters: &rule.parameters,
        outputs,
        usual_markup: case.markups.0,
        overrides: &case.markups.1,
        cap: rule.cap,
    };
    check(&world, chosen)
}
