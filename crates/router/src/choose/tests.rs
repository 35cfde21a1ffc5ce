//! The choice over small catalogues written out in full.

mod account;
mod cheapest;
mod conformity;
mod conversations;
mod explanations;
mod filters;
mod markups;
mod names;
mod order;
mod own;
mod plugins;
mod properties;
mod quality;
mod reference;
mod refusals;
mod routers;
mod shares;
mod thresholds;
mod tiers;
mod variants;
mod worlds;

use identity::{EndpointId, PriceVersionId};
use pricing::{Class, PriceBook, Rate, Rates};
use rpc::Markups;
use rpc::pricing::MarkupOverride;
use uuid::Uuid;

use super::*;
use crate::TimeoutConfig;
use crate::catalogue::{Modalities, book_out};
use crate::health::{Key, Standing, Standings, State, Uptime};
use crate::store::rows;

const NOW: u64 = 1_700_000_000_000;
const POLICY: Policy<'static> = Policy { max_attempts: 16, auto: &AutoConfig::DEFAULT };

/// A provider's offer of a model: model, tag, price in USD per million tokens of either kind.
type Offer<'a> = (&'a str, &'a str, i64);

fn endpoint_id(at: usize) -> Uuid {
    Uuid::from_u128(at as u128 + 1)
}

fn key(at: usize) -> Key {
    Key { endpoint: endpoint_id(at), credential: Uuid::nil() }
}

fn provider(slug: &str) -> rows::Provider {
    rows::Provider {
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        dialect: "openai".to_owned(),
        base_url: "http://127.0.0.1:1".to_owned(),
        cancel_stops_billing: true,
        collects_data: Some(false),
        ..rows::Provider::default()
    }
}

fn model(slug: &str) -> rows::Model {
    rows::Model {
        slug: slug.to_owned(),
        canonical_slug: slug.to_owned(),
        name: slug.to_owned(),
        created: 0,
        context_length: 8_000,
        max_output: Some(1_000),
        input_modalities: vec!["text".to_owned()],
        output_modalities: vec!["text".to_owned()],
        supported_parameters: ["temperature", "tools", "max_tokens"].map(str::to_owned).to_vec(),
        ..rows::Model::default()
    }
}

fn tables(offers: &[Offer<'_>]) -> rows::Tables {
    let mut tables = rows::Tables { version: 7, ..rows::Tables::default() };
    for (at, (slug, tag, price)) in offers.iter().enumerate() {
        let owner = tag.split('/').next().unwrap();
        if !tables.models.iter().any(|row| row.slug == *slug) {
            tables.models.push(model(slug));
        }
        if !tables.providers.iter().any(|row| row.slug == owner) {
            tables.providers.push(provider(owner));
        }
        let id = EndpointId::from_uuid(endpoint_id(at));
        tables.endpoints.push(rows::Endpoint {
            provider_model: "m".to_owned(),
            tag: (*tag).to_owned(),
            max_output: Some(1_000),
            ..rows::Endpoint::plain(id, slug, owner, 8_000)
        });
        let rate = Rate::from_picos(price * 1_000_000);
        let base = Rates::default().with(Class::Input, rate).with(Class::Output, rate);
        tables.prices.push(rows::Price {
            id: PriceVersionId::from_uuid(endpoint_id(at)),
            endpoint_id: id,
            book: book_out(&PriceBook { base, tiers: Vec::new() }),
            source: "test".to_owned(),
        });
    }
    tables
}

fn build(tables: rows::Tables) -> Catalogue {
    Catalogue::build(tables, TimeoutConfig::default()).unwrap()
}

fn view(standings: &Standings) -> View<'_> {
    View { standings, now_ms: NOW, regain_ms: 10_000, probes: true }
}

fn text() -> Profile {
    Profile { body_bytes: 400, messages: 1, inputs: Modalities::of(["text"]), ..Profile::default() }
}

fn wishes<'a>() -> Preferences<'a> {
    Preferences { allow_fallbacks: true, ..Preferences::default() }
}

/// A cap of so many pico-USD.
fn cap(picos: i64) -> Cap {
    Cap::of_one(Rate::from_picos(picos))
}

/// Another markup for a provider, a model, or both; an empty name stands for any.
fn over(provider: &str, model: &str, basis_points: i32) -> MarkupOverride {
    MarkupOverride { provider: provider.to_owned(), model: model.to_owned(), basis_points }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The tags of the chosen endpoints, in order.
fn tags(catalogue: &Catalogue, plan: &Plan<'_>) -> Vec<String> {
    plan.attempts.iter().map(|pick| catalogue.endpoints()[pick.endpoint].attempt.tag.clone()).collect()
}

/// The tag of every excluded endpoint with the reason.
fn excluded(catalogue: &Catalogue, exclusions: &[Exclusion<'_>]) -> Vec<(String, Reason)> {
    let tag = |exclusion: &Exclusion<'_>| match exclusion.subject {
        Subject::Endpoint(at) => (catalogue.endpoints()[at].attempt.tag.clone(), exclusion.reason),
        Subject::Name(name) => (name.to_owned(), exclusion.reason),
    };
    exclusions.iter().map(tag).collect()
}

fn run(
    catalogue: &Catalogue,
    models: &[&str],
    preferences: Preferences<'_>,
    profile: Profile,
    standings: &Standings,
    seed: u64,
) -> (Vec<String>, Vec<(String, Reason)>, &'static str) {
    let models = names(models);
    let request = Request { models: &models, preferences, profile, explain: true, ..Request::default() };
    let plan = choose(&request, catalogue, view(standings), POLICY, seed).unwrap();
    (tags(catalogue, &plan), excluded(catalogue, &plan.exclusions), plan.order)
}

/// The tags of the plan for a request, in order; those reached with a key of the tenant's have its place behind
/// them, as in `one#0`. Empty where there is no plan.
fn attempts(catalogue: &Catalogue, request: &Request<'_>, standings: &Standings) -> Vec<String> {
    let Ok(plan) = choose(request, catalogue, view(standings), POLICY, 1) else { return Vec::new() };
    let own = |pick: &Pick| pick.own.map(|n| format!("#{n}")).unwrap_or_default();
    tags(catalogue, &plan).into_iter().zip(&plan.attempts).map(|(tag, pick)| tag + &own(pick)).collect()
}

fn refuse(
    catalogue: &Catalogue,
    models: &[&str],
    preferences: Preferences<'_>,
    profile: Profile,
) -> rpc::Fault {
    let models = names(models);
    let request = Request { models: &models, preferences, profile, ..Request::default() };
    choose(&request, catalogue, view(&Standings::new()), POLICY, 1).unwrap_err().into()
}

fn three() -> Catalogue {
    build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3)]))
}
