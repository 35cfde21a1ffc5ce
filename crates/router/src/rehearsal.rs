//! Plans against a made-up catalogue, without a database or a network: what one plan costs.

use identity::{EndpointId, PriceVersionId};
use pricing::{Class, PriceBook, Rate, Rates};
use rpc::Fault;
use rpc::router::{PlanRequest, PlanResponse, StickRequest};
use uuid::Uuid;

use crate::catalogue::{Catalogue, book_out};
use crate::choose::{Held, Policy};
use crate::health::{Cell, Health, Observed};
use crate::plan::Desk;
use crate::sticky::{Conversation, Sticky};
use crate::store::rows;
use crate::{Config, Error};

/// What chat models usually take.
const PARAMETERS: [&str; 16] = [
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "max_tokens",
    "logit_bias",
    "seed",
    "response_format",
    "structured_outputs",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
];

/// Some moment.
const NOW_MS: u64 = 1_700_000_000_000;

/// A router's memory, filled with as much as it is asked to plan against.
#[derive(Debug)]
pub struct Rehearsal {
    catalogue: Catalogue,
    health: Health,
    sticky: Sticky,
    config: Config,
}

impl Rehearsal {
    /// So many models, each offered by so many providers, all of which have been seen at work.
    ///
    /// # Errors
    /// [`Error::Invalid`] never, unless the catalogue's own rules have changed.
    pub fn new(models: usize, providers: usize) -> Result<Self, Error> {
        let config = Config::default();
        let catalogue = Catalogue::build(tables(models, providers), config.timeouts)?;
        let health = Health::new(config.health);
        let cell = Cell {
            successes: 200,
            first_token_ms: 80_000,
            output_tokens: 20_000,
            generation_ms: 400_000,
            ..Cell::default()
        };
        let seen: Vec<_> = catalogue
            .endpoints()
            .iter()
            .map(|endpoint| (endpoint.key, Observed { cell: cell.clone(), ..Observed::default() }))
            .collect();
        health.observe(&seen, NOW_MS);
        let sticky = Sticky::new(config.sticky_limit, config.sticky_idle_ms);
        Ok(Self { catalogue, health, sticky, config })
    }

    /// The slug of the `n`th model.
    #[must_use]
    pub fn model(n: usize) -> String {
        format!("author-{}/model-{n}", n % 25)
    }

    /// The slug of the `n`th provider.
    #[must_use]
    pub fn provider(n: usize) -> String {
        format!("provider-{n}")
    }

    /// Remembers that a conversation was served by the first endpoint of its model.
    pub fn stick(&self, sent: &StickRequest) {
        let conversation = Conversation::from_key(&sent.sticky_key);
        let model = self.catalogue.find(&sent.name).and_then(|at| self.catalogue.models().get(at));
        let endpoint = model.and_then(|model| self.catalogue.endpoints_of(model).first());
        if let Some((conversation, endpoint)) = conversation.zip(endpoint) {
            let held = Held { endpoint: endpoint.id.uuid(), credential: endpoint.key.credential };
            self.sticky.put(conversation, &sent.name, held);
        }
    }

    /// Plans as the rpc does, at a moment that stands still.
    ///
    /// # Errors
    /// [`Fault`] where the rpc would refuse.
    pub fn plan(&self, sent: &PlanRequest) -> Result<PlanResponse, Fault> {
        let desk = Desk {
            catalogue: &self.catalogue,
            health: &self.health,
            sticky: &self.sticky,
            now_ms: NOW_MS,
            policy: Policy { max_attempts: self.config.max_attempts, auto: &self.config.auto },
        };
        let mut seen = desk.see(sent);
        desk.plan(sent, &mut seen).map(|planned| planned.response)
    }
}

fn tables(models: usize, providers: usize) -> rows::Tables {
    let mut tables = rows::Tables { version: 1, ..rows::Tables::default() };
    tables.providers = (0..providers).map(provider).collect();
    for at in 0..models {
        tables.models.push(model(at));
        for (n, provider) in tables.providers.iter().enumerate() {
            let id = EndpointId::from_uuid(Uuid::from_u128((at * providers + n + 1) as u128));
            tables.endpoints.push(endpoint(id, at, &provider.slug));
            tables.prices.push(price(id, at, n));
        }
    }
    tables
}

fn provider(n: usize) -> rows::Provider {
    rows::Provider {
        slug: Rehearsal::provider(n),
        name: format!("Provider {n}"),
        dialect: "openai".to_owned(),
        base_url: format!("https://api.provider-{n}.example.com/v1"),
        cancel_stops_billing: true,
        collects_data: Some(false),
        ..rows::Provider::default()
    }
}

fn model(at: usize) -> rows::Model {
    rows::Model {
        slug: Rehearsal::model(at),
        canonical_slug: Rehearsal::model(at),
        name: format!("Model {at}"),
        context_length: 128_000,
        max_output: Some(16_000),
        input_modalities: ["text", "image"].map(str::to_owned).to_vec(),
        output_modalities: vec!["text".to_owned()],
        supported_parameters: PARAMETERS.map(str::to_owned).to_vec(),
        ..rows::Model::default()
    }
}

fn endpoint(id: EndpointId, model: usize, provider: &str) -> rows::Endpoint {
    rows::Endpoint {
        provider_model: format!("vendor-model-{model}-instruct"),
        max_output: Some(16_000),
        quantization: Some("fp8".to_owned()),
        zero_data_retention: Some(true),
        ..rows::Endpoint::plain(id, &Rehearsal::model(model), provider, 128_000)
    }
}

fn price(endpoint_id: EndpointId, model: usize, provider: usize) -> rows::Price {
    let picos = i64::try_from((model % 40 + 1) * (provider + 3)).unwrap_or(1) * 50_000;
    let base = Rates::default()
        .with(Class::Input, Rate::from_picos(picos))
        .with(Class::CacheRead, Rate::from_picos(picos / 10))
        .with(Class::Output, Rate::from_picos(picos * 4));
    rows::Price {
        id: PriceVersionId::from_uuid(endpoint_id.uuid()),
        endpoint_id,
        book: book_out(&PriceBook { base, tiers: Vec::new() }),
        source: "rehearsal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_plans_what_it_is_asked_for() {
        let rehearsal = Rehearsal::new(3, 4).unwrap();
        let sent = PlanRequest {
            models: vec![Rehearsal::model(1)],
            sticky_key: vec![1; 16].into(),
            ..PlanRequest::default()
        };
        let plan = rehearsal.plan(&sent).unwrap();
        assert_eq!((plan.attempts.len(), plan.attempts[0].model.as_str()), (4, "author-1/model-1"));
        rehearsal.stick(&StickRequest {
            sticky_key: sent.sticky_key.clone(),
            name: Rehearsal::model(1),
            ..StickRequest::default()
        });
        for seed in 0..50 {
            let plan = rehearsal.plan(&PlanRequest { seed, ..sent.clone() }).unwrap();
            assert_eq!(plan.attempts[0].provider, "provider-0");
            assert!(plan.attempts[0].caches);
        }
    }
}
