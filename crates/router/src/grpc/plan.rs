//! `Plan`: the request as the choice reads it, the plan as the edge reads it.

use dialect::canonical::Operation;
use pricing::Rate;
use rpc::Fault;
use rpc::router::{Attempt, Exclusion, PlanRequest, PlanResponse, ProviderPreferences};
use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::{Catalogue, Modalities, minute_of_day};
use crate::choose::{
    BadPreference, DataCollection, MaxPrice, Plan, Plugins, Preferences, Profile, Request, Sort, Subject,
    Task, TierWish, choose,
};
use crate::health::View;
use crate::service::{Inner, Loaded};

/// Chooses attempts for a request against the newest snapshot and standings.
pub(super) fn plan(inner: &Inner, loaded: &Loaded, request: &PlanRequest) -> Result<PlanResponse, Fault> {
    let catalogue = &loaded.catalogue;
    let plugins = Plugins::read(&request.plugins_json, request.markup_basis_points)
        .map_err(|bad| Fault::invalid(bad.to_string()))?;
    let mut asked = decode(request, catalogue).map_err(|bad| Fault::invalid(bad.to_string()))?;
    asked.plugins = plugins;
    let standings = inner.health.standings();
    let now_ms = inner.clock.now_ms();
    let regain_ms = inner.config.health.regain_ms;
    let view = View { standings: &standings, now_ms, regain_ms, probes: true };
    let mut plan = choose(&asked, catalogue, view, inner.policy(), request.seed)?;
    if plan.is_probe {
        if claim(inner, catalogue, &plan, now_ms) {
            inner.metrics.probes.inc();
        } else {
            let view = View { probes: false, ..view };
            plan = choose(&asked, catalogue, view, inner.policy(), request.seed)?;
        }
    }
    tracing::debug!(
        request.id = request.generation_id,
        attempts = plan.attempts.len(),
        exclusions = plan.exclusions.len(),
        strategy = plan.strategy,
        "planned"
    );
    let mut response = encode(&plan, catalogue, now_ms);
    if let Some(routed) = plan.routed_first(catalogue).filter(|_| request.explain) {
        let params = routed.params(catalogue, request.markup_basis_points);
        response.metadata_json = serde_json::json!({ "params": params }).to_string();
    }
    Ok(response)
}

fn claim(inner: &Inner, catalogue: &Catalogue, plan: &Plan<'_>, now_ms: u64) -> bool {
    let first = plan.attempts.first().and_then(|at| catalogue.endpoints().get(*at));
    first.is_some_and(|endpoint| inner.health.claim_probe(endpoint.key, now_ms))
}

fn decode<'a>(request: &'a PlanRequest, catalogue: &Catalogue) -> Result<Request<'a>, BadPreference> {
    let profile = request.profile.as_ref().map_or_else(Profile::default, |profile| Profile {
        body_bytes: profile.body_bytes,
        messages: profile.messages,
        inputs: Modalities::of(profile.input_modalities.iter().map(String::as_str)),
        outputs: Modalities::of(profile.output_modalities.iter().map(String::as_str)),
        parameters: catalogue.parameters().set(profile.parameters.iter().map(String::as_str)),
        max_tokens: profile.max_tokens,
        // An edge that names none is of the time when there was none other.
        operation: Operation::named(&profile.operation).unwrap_or(Operation::Chat),
    });
    let preferences = match &request.provider {
        None => Preferences { allow_fallbacks: true, ..Preferences::default() },
        Some(wishes) => preferences(wishes, request.markup_basis_points)?,
    };
    Ok(Request {
        models: &request.models,
        preferences,
        profile,
        tier: TierWish::default(),
        region: Some(request.region.as_str()).filter(|region| !region.is_empty()),
        task: request.profile.as_ref().map_or(Task::default(), |profile| Task::named(&profile.task)),
        last_model: request.profile.as_ref().map(|profile| profile.last_model.as_str()),
        ..Request::default()
    })
}

/// Members of the preferences that have no field of their own on the wire.
#[derive(Debug, Default, Deserialize)]
struct Extra {
    max_price: Option<ExtraMaxPrice>,
    sort: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct ExtraMaxPrice {
    prompt: Option<Value>,
    completion: Option<Value>,
    request: Option<Value>,
    image: Option<Value>,
}

fn preferences(wishes: &ProviderPreferences, markup: u32) -> Result<Preferences<'_>, BadPreference> {
    let extra: Extra = if wishes.json.is_empty() {
        Extra::default()
    } else {
        serde_json::from_str(&wishes.json)
            .map_err(|_| BadPreference { field: "max_price", expected: "an object of prices" })?
    };
    let member = |name| extra.sort.as_ref().and_then(|sort| sort.get(name)).and_then(Value::as_str);
    let sort = match wishes.sort.as_str() {
        "" => member("by").unwrap_or_default(),
        sort => sort,
    };
    Ok(Preferences {
        order: &wishes.order,
        only: &wishes.only,
        ignore: &wishes.ignore,
        allow_fallbacks: wishes.allow_fallbacks.unwrap_or(true),
        sort: Sort::parse(sort)?,
        require_parameters: wishes.require_parameters,
        quantizations: &wishes.quantizations,
        data_collection: DataCollection::parse(&wishes.data_collection)?,
        zero_data_retention: wishes.zdr,
        max_price: extra.max_price.map(|caps| max_price(&caps, markup)).transpose()?.unwrap_or_default(),
        sorts_across_models: member("partition") == Some("none"),
    })
}

/// Caps in USD, of tokens per million, as rates that a provider may ask before markup.
fn max_price(caps: &ExtraMaxPrice, markup: u32) -> Result<MaxPrice, BadPreference> {
    let bad = BadPreference { field: "max_price", expected: "an object of prices, as numbers or strings" };
    let cap = |value: &Option<Value>, units: u128| {
        let text = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(number @ Value::Number(_)) => number.to_string(),
            Some(_) => return Err(bad.clone()),
        };
        let rate: Rate = text.parse().map_err(|_| bad.clone())?;
        let picos =
            u128::try_from(rate.picos()).unwrap_or(0) * 10_000 / (10_000 + u128::from(markup)) / units;
        Ok(Some(u64::try_from(picos).unwrap_or(u64::MAX)))
    };
    Ok(MaxPrice {
        input: cap(&caps.prompt, 1_000_000)?,
        output: cap(&caps.completion, 1_000_000)?,
        request: cap(&caps.request, 1)?,
        image: cap(&caps.image, 1)?,
    })
}

fn encode(plan: &Plan<'_>, catalogue: &Catalogue, now_ms: u64) -> PlanResponse {
    let minute = minute_of_day(now_ms);
    let attempt = |at: &usize| {
        let endpoint = catalogue.endpoints().get(*at)?;
        let price = endpoint.prices.at(minute).map(|offer| offer.version.clone());
        Some(Attempt { price, ..endpoint.attempt.clone() })
    };
    PlanResponse {
        attempts: plan.attempts.iter().filter_map(attempt).collect(),
        exclusions: plan.exclusions.iter().map(|excluded| exclusion(excluded, catalogue)).collect(),
        catalogue_version: catalogue.version(),
        order: plan.strategy.to_owned(),
        strategy: plan.via.to_owned(),
        name: plan.name.to_owned(),
        ..PlanResponse::default()
    }
}

fn exclusion(excluded: &crate::choose::Exclusion<'_>, catalogue: &Catalogue) -> Exclusion {
    let reason = excluded.reason.name().to_owned();
    let endpoint = match excluded.subject {
        Subject::Name(name) => return Exclusion { model: name.to_owned(), reason, ..Exclusion::default() },
        Subject::Endpoint(at) => catalogue.endpoints().get(at),
    };
    let Some(endpoint) = endpoint else { return Exclusion { reason, ..Exclusion::default() } };
    Exclusion {
        endpoint_id: endpoint.attempt.endpoint_id.clone(),
        provider: endpoint.attempt.provider.clone(),
        model: endpoint.attempt.model.clone(),
        reason,
    }
}
