//! Names of models and providers in guardrails: they have to exist, and are kept as the catalogue has them.

use rpc::Fault;
use rpc::router::DescribeCatalogueRequest;
use rpc::router::router_client::RouterClient;
use serde_json::{Map, Value};

use super::super::bad;
use crate::guardrails::Rules;
use crate::http::reply::Refusal;
use crate::service::App;

/// Replaces the names that were sent by those that never change, each once.
///
/// # Errors
/// A refusal that names what does not exist.
pub(super) async fn resolve(app: &App, rules: &mut Rules, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let models =
        [("allowed_models", &mut rules.allowed_models), ("ignored_models", &mut rules.ignored_models)];
    for (member, list) in models {
        let Some(names) = list.as_mut().filter(|_| sent.contains_key(member)) else { continue };
        for name in names.iter_mut() {
            *name = model(app, member, name).await?;
        }
        dedup(names);
    }
    let providers = [
        ("allowed_providers", &mut rules.allowed_providers),
        ("ignored_providers", &mut rules.ignored_providers),
    ];
    for (member, list) in providers {
        let Some(names) = list.as_mut().filter(|_| sent.contains_key(member)) else { continue };
        for name in names.iter_mut() {
            *name = provider(app, member, name).await?;
        }
        dedup(names);
    }
    Ok(())
}

fn dedup(names: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

/// The canonical slug of the model that goes by a name.
async fn model(app: &App, member: &str, name: &str) -> Result<String, Refusal> {
    let asked = DescribeCatalogueRequest {
        resource: "models".to_owned(),
        model: name.to_owned(),
        limit: 1,
        ..DescribeCatalogueRequest::default()
    };
    let found = described(app, asked).await?.filter(|_| !name.is_empty());
    let slug = found.as_ref().and_then(|found| found["data"][0]["canonical_slug"].as_str());
    slug.map(str::to_owned).ok_or_else(|| bad(format!("{member}: there is no model `{name}`")))
}

/// The routing slug of a provider, or of one of its variants, as the catalogue writes it.
async fn provider(app: &App, member: &str, name: &str) -> Result<String, Refusal> {
    let slug = name.to_ascii_lowercase();
    let base = slug.split_once('/').map_or(slug.as_str(), |(base, _)| base).to_owned();
    let asked = DescribeCatalogueRequest {
        resource: "providers".to_owned(),
        name: base.clone(),
        ..DescribeCatalogueRequest::default()
    };
    let found = described(app, asked).await?.filter(|_| !base.is_empty());
    found.map(|_| slug).ok_or_else(|| bad(format!("{member}: there is no provider `{name}`")))
}

/// What the catalogue says; `None` = there is no such thing.
async fn described(app: &App, asked: DescribeCatalogueRequest) -> Result<Option<Value>, Refusal> {
    let answer = rpc::retry(3, || {
        let mut router = RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
        let asked = asked.clone();
        async move { router.describe_catalogue(asked).await }
    })
    .await;
    match answer {
        Ok(answer) => Ok(serde_json::from_slice(&answer.into_inner().body_json).ok()),
        Err(status) if !status.details().is_empty() && Fault::from_status(&status).status == 404 => Ok(None),
        Err(status) => Err(status.into()),
    }
}
