//! The rows of router models, which choose a model for each request.

use serde_json::{Value, json};

use super::row::{Facts, architecture, known, links};

/// A name that stands for a choice among models.
pub(super) struct Router {
    pub(super) slug: &'static str,
    name: &'static str,
    description: &'static str,
    /// Whether a model is among those that it may choose.
    may_choose: fn(&Facts) -> bool,
    is_free: bool,
}

/// Unix seconds: when routers came to the catalogue.
const CREATED: u64 = 1_795_651_200;

pub(super) const ROUTERS: [Router; 4] = [
    Router {
        slug: "openrouter/auto",
        name: "Auto Router",
        description: "Chooses the model for each request by what the request needs, by quality and by cost. \
            Priced as the model that it chooses.",
        may_choose: |_| true,
        is_free: false,
    },
    Router {
        slug: "openrouter/free",
        name: "Free Models Router",
        description: "Chooses among the free models that can do what the request needs.",
        may_choose: |model| model.is_free,
        is_free: true,
    },
    Router {
        slug: "openrouter/pareto-code",
        name: "Pareto Code Router",
        description: "Chooses the cheapest model whose coding score reaches the bound that the request sets. \
            Priced as the model that it chooses.",
        may_choose: |model| model.scores.coding.is_some(),
        is_free: false,
    },
    Router {
        slug: "patchbay/cheapest",
        name: "Cheapest Capable Model",
        description: "Chooses the cheapest model that meets the capabilities that the request asks for. Priced as \
            the model that it chooses.",
        may_choose: |_| true,
        is_free: false,
    },
];

/// Every kind of input, in the order in which rows list them.
const INPUTS: [&str; 5] = ["text", "image", "file", "audio", "video"];

/// The row of a router over these models. `None` when it could choose none of them.
pub(super) fn row(router: &Router, models: &[(Value, Facts)]) -> Option<(Value, Facts)> {
    let eligible: Vec<&Facts> = models
        .iter()
        .map(|(_, facts)| facts)
        .filter(|facts| facts.outputs.iter().any(|kind| kind == "text") && (router.may_choose)(facts))
        .collect();
    let context_length = eligible.iter().map(|facts| facts.context_length).max()?;
    let reads = |kind: &&str| eligible.iter().any(|facts| facts.inputs.iter().any(|own| own == kind));
    let mut parameters: Vec<String> = eligible.iter().flat_map(|facts| facts.parameters.clone()).collect();
    parameters.sort_unstable();
    parameters.dedup();
    let facts = Facts {
        slug: router.slug.to_owned(),
        name: router.name.to_owned(),
        description: router.description.to_owned(),
        author: router.slug.split('/').next().unwrap_or_default().to_owned(),
        tokenizer: "Router".to_owned(),
        created: CREATED,
        context_length,
        inputs: INPUTS.into_iter().filter(reads).map(str::to_owned).collect(),
        outputs: vec!["text".to_owned()],
        parameters,
        prices: router.is_free.then_some((0, 0)),
        is_free: router.is_free,
        ..Facts::default()
    };
    Some((listed(router, &facts), facts))
}

fn listed(router: &Router, facts: &Facts) -> Value {
    // What it costs is known once a model is chosen.
    let price = if router.is_free { "0" } else { "-1" };
    json!({
        "id": facts.slug,
        "canonical_slug": facts.slug,
        "hugging_face_id": null,
        "name": facts.name,
        "created": facts.created,
        "description": facts.description,
        "context_length": facts.context_length,
        "architecture": architecture(&facts.inputs, &facts.outputs, &facts.tokenizer),
        "pricing": { "prompt": price, "completion": price },
        "top_provider": { "context_length": null, "max_completion_tokens": null, "is_moderated": false },
        "per_request_limits": null,
        "supported_parameters": known(&facts.parameters),
        "default_parameters": null,
        "supported_voices": null,
        "knowledge_cutoff": null,
        "expiration_date": null,
        "links": links(&facts.slug),
    })
}
