//! The public row of a model, and the facts that lists are filtered and sorted by.

use pricing::{Class, Markup, PriceBook};
use rpc::Markups;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::prices::pricing;
use super::view;
use crate::catalogue::{Catalogue, Endpoint, Model};
use crate::health::Key;
use crate::store::rows::{self, Scores};

/// The parameters that the public vocabulary knows, in its order. Others, of images and of speech, are left out of
/// rows: strict readers refuse them.
pub(super) const VOCABULARY: [&str; 26] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "max_tokens",
    "max_completion_tokens",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "prediction",
    "seed",
    "response_format",
    "structured_outputs",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "include_reasoning",
    "reasoning",
    "reasoning_effort",
    "web_search_options",
    "verbosity",
];

/// Members that the public default parameters may have.
const DEFAULTS: [&str; 6] =
    ["temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "repetition_penalty"];

/// One row of a list, written out.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) json: Box<RawValue>,
    pub(super) facts: Facts,
}

/// What a row is found by.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) author: String,
    pub(super) family: Option<String>,
    pub(super) tokenizer: String,
    /// Unix seconds.
    pub(super) created: u64,
    pub(super) context_length: u64,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) parameters: Vec<String>,
    /// What the caller pays for a prompt token and a completion token, in pico-USD; `None` = it depends.
    pub(super) prices: Option<(i64, i64)>,
    pub(super) is_free: bool,
    pub(super) scores: Scores,
    pub(super) distillable: bool,
    pub(super) zero_data_retention: bool,
    pub(super) regions: Vec<String>,
    /// Slugs and names of the providers that serve it, in lower case.
    pub(super) providers: Vec<String>,
    /// What the health of its endpoints is kept under.
    pub(super) keys: Vec<Key>,
}

impl Row {
    pub(super) fn new(json: &Value, facts: Facts) -> Option<Self> {
        Some(Self { json: serde_json::value::to_raw_value(json).ok()?, facts })
    }
}

/// The row of a model served by these endpoints. `None` when there are none.
pub(super) fn model(
    catalogue: &Catalogue,
    model: &Model,
    endpoints: &[&Endpoint],
    markups: Markups<'_>,
) -> Option<(Value, Facts)> {
    let row = &model.row;
    let top = *endpoints.iter().min_by_key(|endpoint| rank(endpoint, view::markup(markups, endpoint)))?;
    let markup = view::markup(markups, top);
    let facts = facts(catalogue, model, endpoints, top, markup);
    let mut listed = json!({
        "id": row.slug,
        "canonical_slug": row.canonical_slug,
        "hugging_face_id": row.hugging_face_id,
        "name": row.name,
        "created": row.created,
        "description": facts.description,
        "context_length": row.context_length,
        "architecture": architecture(&row.input_modalities, &row.output_modalities, &row.tokenizer),
        "pricing": pricing(&top.prices, markup),
        "top_provider": {
            "context_length": top.context_length,
            "max_completion_tokens": top.max_output,
            "is_moderated": false,
        },
        "per_request_limits": null,
        "supported_parameters": known(&facts.parameters),
        "default_parameters": defaults(row),
        "supported_voices": null,
        "knowledge_cutoff": row.knowledge_cutoff,
        "expiration_date": expiration(endpoints),
        "links": links(&row.slug),
    });
    if facts.parameters.iter().any(|name| name == "reasoning") {
        listed["reasoning"] = reasoning(&row.quirks);
    }
    Some((listed, facts))
}

/// The row of `~author/family-latest`: its target's under the alias's name.
pub(super) fn alias(alias: &str, target: &(Value, Facts)) -> (Value, Facts) {
    let (mut listed, mut facts) = target.clone();
    facts.slug = alias.to_owned();
    facts.name = format!("{} (latest)", facts.name);
    listed["alias_target"] = json!({ "slug": target.1.slug, "name": target.1.name });
    for member in ["id", "canonical_slug"] {
        listed[member] = alias.into();
    }
    listed["name"] = facts.name.as_str().into();
    listed["links"] = links(alias);
    (listed, facts)
}

/// Of a model's endpoints the first is its top provider: the usual tier before others, then by the caller's price. Of equals
/// the first by tag, so that every router lists the same.
fn rank(endpoint: &Endpoint, markup: Markup) -> (bool, Option<u128>) {
    let factor = u128::try_from(markup.factor()).unwrap_or(0);
    let price = endpoint.prices.offers().first().map(|offer| u128::from(offer.blended.at(0)) * factor);
    (endpoint.tier.is_some(), price)
}

fn facts(
    catalogue: &Catalogue,
    model: &Model,
    endpoints: &[&Endpoint],
    top: &Endpoint,
    markup: Markup,
) -> Facts {
    let row = &model.row;
    let (empty, mut providers) = (PriceBook::default(), Vec::new());
    let book = top.prices.offers().first().map_or(&empty, |offer| &offer.book);
    let rate = |class| book.base.rate(class).with_markup(markup).picos();
    for endpoint in endpoints {
        providers.push(endpoint.attempt.provider.to_lowercase());
        providers.push(endpoint.attempt.provider_name.to_lowercase());
    }
    Facts {
        slug: row.slug.clone(),
        name: row.name.clone(),
        description: description(row, endpoints),
        author: model.author().to_owned(),
        family: row.family.clone(),
        tokenizer: row.tokenizer.clone(),
        created: row.created,
        context_length: row.context_length,
        inputs: row.input_modalities.clone(),
        outputs: row.output_modalities.clone(),
        parameters: parameters(catalogue, row, endpoints),
        prices: Some((rate(Class::Input), rate(Class::Output))),
        is_free: endpoints
            .iter()
            .any(|endpoint| endpoint.prices.offers().first().is_some_and(|offer| offer.book.is_free())),
        scores: row.scores,
        distillable: row.distillable == Some(true),
        zero_data_retention: endpoints.iter().any(|endpoint| endpoint.zero_data_retention),
        regions: endpoints.iter().filter_map(|endpoint| endpoint.row.region.clone()).collect(),
        providers,
        keys: endpoints.iter().map(|endpoint| endpoint.key).collect(),
    }
}

/// What at least one endpoint takes; the model's own list where an endpoint is said to take anything.
fn parameters(catalogue: &Catalogue, row: &rows::Model, endpoints: &[&Endpoint]) -> Vec<String> {
    let names = catalogue.parameters();
    let takes = |endpoint: &&Endpoint, name: &str| {
        endpoint.parameters.is_none_or(|takes| takes.contains(names.set([name])))
    };
    let own = endpoints.iter().flat_map(|endpoint| &endpoint.attempt.supported_parameters);
    let mut listed: Vec<String> = Vec::new();
    for name in row.supported_parameters.iter().chain(own) {
        if !listed.contains(name) && endpoints.iter().any(|endpoint| takes(endpoint, name)) {
            listed.push(name.clone());
        }
    }
    listed
}

/// Those of the names that the public vocabulary has, in its order.
pub(super) fn known(names: &[String]) -> Vec<&'static str> {
    VOCABULARY.into_iter().filter(|known| names.iter().any(|name| name == known)).collect()
}

pub(super) fn architecture(inputs: &[String], outputs: &[String], tokenizer: &str) -> Value {
    json!({
        "modality": format!("{}->{}", inputs.join("+"), outputs.join("+")),
        "input_modalities": inputs,
        "output_modalities": outputs,
        "tokenizer": tokenizer,
        "instruct_type": null,
    })
}

pub(super) fn links(slug: &str) -> Value {
    json!({ "details": format!("/api/v1/models/{slug}/endpoints") })
}

fn defaults(row: &rows::Model) -> Option<Map<String, Value>> {
    let own = row.default_parameters.as_ref()?.as_object()?;
    let known = |name: &str| Some((name.to_owned(), own.get(name)?.clone()));
    Some(DEFAULTS.into_iter().filter_map(known).collect())
}

/// What the facts say, in a sentence or two.
fn description(row: &rows::Model, endpoints: &[&Endpoint]) -> String {
    let mut providers: Vec<&str> =
        endpoints.iter().map(|endpoint| endpoint.attempt.provider_name.as_str()).collect();
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
fn expiration(endpoints: &[&Endpoint]) -> Option<String> {
    let days: Option<Vec<&str>> =
        endpoints.iter().map(|endpoint| endpoint.row.deprecation_date.as_deref()).collect();
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
