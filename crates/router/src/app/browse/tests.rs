//! The public catalogue over a small one written out in full.

mod filters;
mod resources;
mod sorts;

use std::collections::HashMap;

use identity::{EndpointId, PriceVersionId};
use rpc::router::{AccountPolicy, BrowseRequest};
use serde_json::{Value, json};
use uuid::Uuid;

use super::seen::Seen;
use super::{Answer, answer};
use crate::TimeoutConfig;
use crate::catalogue::Catalogue;
use crate::health::{Display, Key, Quantiles, Standing, Standings, Stretch};
use crate::service::Loaded;
use crate::store::rows::{self, Scores};
use rpc::Fault;

/// 2023-11-14
const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 86_400;

/// What a test says of a model and its only endpoint; the rest is common to all.
#[derive(Default)]
struct Told {
    slug: &'static str,
    days_old: u64,
    context: u64,
    /// USD per million tokens.
    prices: (i64, i64),
    provider: &'static str,
    inputs: &'static [&'static str],
    outputs: &'static [&'static str],
    parameters: &'static [&'static str],
    tokenizer: &'static str,
    family: Option<&'static str>,
    distillable: Option<bool>,
    zdr: bool,
    region: Option<&'static str>,
    scores: Scores,
}

fn scores(intelligence: f64, coding: f64, agentic: f64) -> Scores {
    Scores { intelligence: Some(intelligence), coding: Some(coding), agentic: Some(agentic) }
}

fn told() -> Vec<Told> {
    vec![
        Told {
            slug: "acme/ant",
            days_old: 10,
            context: 8_000,
            prices: (1, 4),
            provider: "north",
            inputs: &["text"],
            outputs: &["text"],
            parameters: &["tools", "seed"],
            tokenizer: "Llama3",
            scores: scores(0.2, 0.3, 0.4),
            ..Told::default()
        },
        Told {
            slug: "acme/bee",
            days_old: 2,
            context: 128_000,
            prices: (3, 9),
            provider: "south",
            inputs: &["text", "image"],
            outputs: &["text"],
            parameters: &["tools"],
            tokenizer: "GPT",
            family: Some("bee"),
            distillable: Some(true),
            zdr: true,
            region: Some("eu"),
            scores: scores(0.9, 0.8, 0.1),
        },
        Told {
            slug: "best/cat:free",
            days_old: 30,
            context: 32_000,
            provider: "north",
            inputs: &["text", "image"],
            outputs: &["text"],
            parameters: &["seed"],
            tokenizer: "Claude",
            distillable: Some(false),
            region: Some("us"),
            ..Told::default()
        },
        Told {
            slug: "best/dye",
            days_old: 5,
            context: 4_000,
            prices: (7, 0),
            provider: "south",
            inputs: &["text"],
            outputs: &["image"],
            parameters: &["n", "size", "stream"],
            tokenizer: "Other",
            ..Told::default()
        },
        Told {
            slug: "best/elk",
            days_old: 5,
            context: 4_000,
            prices: (5, 0),
            provider: "south",
            inputs: &["text"],
            outputs: &["embeddings"],
            tokenizer: "Other",
            ..Told::default()
        },
    ]
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn id(at: usize) -> Uuid {
    Uuid::from_u128(at as u128 + 1)
}

/// What the health of the model's only endpoint is kept under.
fn key(slug: &str) -> Key {
    let at = told().iter().position(|told| told.slug == slug).unwrap();
    Key { endpoint: id(at), credential: Uuid::nil() }
}

fn model(told: &Told) -> rows::Model {
    rows::Model {
        slug: told.slug.to_owned(),
        canonical_slug: format!("{}-2023", told.slug),
        name: told.slug.to_uppercase(),
        created: NOW / 1_000 - told.days_old * DAY,
        context_length: told.context,
        input_modalities: owned(told.inputs),
        output_modalities: owned(told.outputs),
        supported_parameters: owned(told.parameters),
        tokenizer: told.tokenizer.to_owned(),
        family: told.family.map(str::to_owned),
        distillable: told.distillable,
        scores: told.scores,
        ..rows::Model::default()
    }
}

fn endpoint(at: usize, told: &Told) -> rows::Endpoint {
    rows::Endpoint {
        provider_model: "m".to_owned(),
        max_output: Some(1_000),
        region: told.region.map(str::to_owned),
        zero_data_retention: Some(told.zdr),
        ..rows::Endpoint::plain(EndpointId::from_uuid(id(at)), told.slug, told.provider, told.context)
    }
}

fn price(at: usize, (input, output): (i64, i64)) -> rows::Price {
    let base = json!({ "input": input * 1_000_000, "output": output * 1_000_000 });
    rows::Price {
        id: PriceVersionId::from_uuid(id(at)),
        endpoint_id: EndpointId::from_uuid(id(at)),
        book: json!({ "base": base, "tiers": [] }),
        source: "test".to_owned(),
    }
}

fn provider(slug: &str) -> rows::Provider {
    rows::Provider {
        slug: slug.to_owned(),
        name: format!("{} Ltd", slug.to_uppercase()),
        dialect: "openai".to_owned(),
        base_url: "http://127.0.0.1:1".to_owned(),
        headquarters: Some("DE".to_owned()),
        ..rows::Provider::default()
    }
}

fn tables() -> rows::Tables {
    let told = told();
    rows::Tables {
        version: 7,
        providers: ["north", "south"].map(provider).to_vec(),
        models: told.iter().map(model).collect(),
        aliases: vec![rows::Alias { alias: "acme/bug".to_owned(), model: "acme/ant".to_owned() }],
        endpoints: told.iter().enumerate().map(|(at, told)| endpoint(at, told)).collect(),
        prices: told.iter().enumerate().map(|(at, told)| price(at, told.prices)).collect(),
        ..rows::Tables::default()
    }
}

/// A catalogue in use, and what was seen of its endpoints.
struct Shop {
    loaded: Loaded,
    shown: HashMap<Key, Display>,
    days: HashMap<Key, Vec<Stretch>>,
    standings: Standings,
}

impl Shop {
    fn open() -> Self {
        Self::with(tables())
    }

    fn with(tables: rows::Tables) -> Self {
        let catalogue = Catalogue::build(tables, TimeoutConfig::default()).unwrap();
        Self {
            loaded: Loaded { catalogue, ..Loaded::default() },
            shown: HashMap::new(),
            days: HashMap::new(),
            standings: Standings::new(),
        }
    }

    fn ask(&self, request: &BrowseRequest) -> Result<Answer, Fault> {
        let display = |key| self.shown.get(&key).copied().unwrap_or_default();
        let day = |key| self.days.get(&key).cloned().unwrap_or_default();
        let seen = Seen { display: &display, day: &day, standings: &self.standings, now_ms: NOW };
        answer(&self.loaded, seen, request)
    }

    fn json(&self, request: &BrowseRequest) -> Value {
        serde_json::from_slice(&self.ask(request).unwrap().body).unwrap()
    }

    fn list(&self, query: &str) -> Value {
        self.json(&wanted("models", "", query))
    }

    /// The ids of a list, without the aliases of families and router models.
    fn ids(&self, query: &str) -> Vec<String> {
        let ids = ids(&self.list(query));
        ids.into_iter().filter(|id| id.starts_with("acme/") || id.starts_with("best/")).collect()
    }
}

fn ids(list: &Value) -> Vec<String> {
    let rows = list["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn wanted(resource: &str, name: &str, query: &str) -> BrowseRequest {
    BrowseRequest {
        resource: resource.to_owned(),
        name: name.to_owned(),
        query: query.to_owned(),
        ..BrowseRequest::default()
    }
}

fn quantiles(p50: f32) -> Option<Quantiles> {
    Some(Quantiles { p50, p75: p50 + 1.0, p90: p50 + 2.0, p99: p50 + 3.0 })
}
