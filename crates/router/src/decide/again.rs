//! One kept decision, made again and told.

use chrono::{DateTime, SecondsFormat};
use identity::GenerationId;
use prost::Message as _;
use rpc::Fault;
use rpc::router::PlanRequest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::kept::{Inputs, KeptAttempt, Outcome, id_in};
use super::{Rules, snapshot};
use crate::catalogue::{Catalogue, Endpoint, Invalid};
use crate::health::{Standings, View};
use crate::plan::{Planned, again};
use crate::store::decisions::Stored;

/// What is kept cannot be made sense of.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("a kept decision is damaged")]
    Decision(#[from] prost::DecodeError),
    #[error("the rules of a kept decision are not as this program knows them")]
    Rules(#[from] serde_json::Error),
    #[error("the catalogue of a kept decision cannot be read")]
    Snapshot(#[from] std::io::Error),
    #[error("the catalogue of a kept decision is none by today's rules")]
    Invalid(#[from] Invalid),
    #[error("the catalogue of a kept decision is gone")]
    Gone,
}

/// A decision that was kept, with what it was made from.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(super) row: Stored,
    pub(super) sent: PlanRequest,
    pub(super) inputs: Inputs,
    pub(super) standings: Standings,
    pub(super) rules: Rules,
    pub(super) outcome: Outcome,
}

impl Decision {
    /// # Errors
    /// [`Unreadable`] for what this program has no words for.
    pub(crate) fn read(row: Stored) -> Result<Self, Unreadable> {
        let inputs = Inputs::decode(row.inputs.as_slice())?;
        Ok(Self {
            sent: PlanRequest::decode(row.request.as_slice())?,
            standings: inputs.standings(),
            rules: serde_json::from_str(&inputs.rules)?,
            outcome: Outcome::decode(row.outcome.as_slice())?,
            inputs,
            row,
        })
    }

    pub(crate) const fn snapshot(&self) -> Uuid {
        self.row.snapshot
    }

    /// The catalogue that it was made from, out of its compressed tables.
    ///
    /// # Errors
    /// [`Unreadable`] when they are no catalogue.
    pub(crate) fn catalogue(&self, compressed: &[u8]) -> Result<Catalogue, Unreadable> {
        Ok(Catalogue::build(snapshot::read(compressed)?, self.inputs.timeouts())?)
    }

    /// Makes the decision again, for a request like its own.
    pub(super) fn again(
        &self,
        sent: &PlanRequest,
        catalogue: &Catalogue,
        rules: &Rules,
    ) -> Result<Planned, Fault> {
        let Inputs { now_ms, regain_ms, probes, .. } = self.inputs;
        let view = View { standings: &self.standings, now_ms, regain_ms, probes };
        again(sent, catalogue, (self.inputs.held(), view), rules.policy())
    }

    /// Everything there is to say of it: the plan, the explanation made anew, and whether what is kept leads
    /// to the same plan, byte for byte.
    pub(crate) fn told(&self, catalogue: &Catalogue) -> Value {
        let outcome = self.again(&self.sent, catalogue, &self.rules);
        let outcome = Outcome::of(outcome.as_ref().map(|planned| &planned.response));
        let is_identical = outcome.encode_to_vec() == self.row.outcome;
        let explained = PlanRequest { explain: true, dry_run: true, ..self.sent.clone() };
        let explanation: Option<Value> = self
            .again(&explained, catalogue, &self.rules)
            .ok()
            .and_then(|planned| serde_json::from_str(&planned.response.explanation_json).ok());
        let mut told = summary(&self.row);
        told["request"] = request(&self.sent);
        told["inputs"] = self.inputs(catalogue);
        told["plan"] = plan(&self.outcome, catalogue);
        told["explanation"] = json!(explanation);
        told["replay"] = json!({ "identical": is_identical });
        if !is_identical {
            told["replay"]["plan"] = plan(&outcome, catalogue);
        }
        told
    }

    fn inputs(&self, catalogue: &Catalogue) -> Value {
        let held = self.inputs.held().map(|held| {
            let place = catalogue.place(held.endpoint);
            let endpoint = place.and_then(|place| catalogue.endpoints().get(place.endpoint));
            json!({ "endpoint_id": held.endpoint, "provider": endpoint.map(|one| &one.attempt.provider) })
        });
        json!({
            "now_ms": self.inputs.now_ms,
            "probes": self.inputs.probes,
            "held": held,
            "rules": self.rules,
            "standings": self.standings.len(),
        })
    }
}

/// What a list says of a decision.
pub(crate) fn summary(row: &Stored) -> Value {
    json!({
        "generation_id": GenerationId::from_uuid(row.generation).to_string(),
        "tenant_id": row.tenant.map(|tenant| tenant.to_string()),
        "at": time(row.at.timestamp_millis()),
        "catalogue_version": row.catalogue_version,
        "model": row.model,
        "provider": row.provider,
        "refused": row.refused,
    })
}

/// Unix milliseconds as RFC 3339.
pub(super) fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What routing knew of a request: never its content.
fn request(sent: &PlanRequest) -> Value {
    let own: Vec<Value> = sent
        .own
        .iter()
        .map(|own| json!({ "credential_id": own.credential_id, "provider": own.provider }))
        .collect();
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let profile = sent.profile.as_ref().map(|profile| {
        json!({
            "body_bytes": profile.body_bytes,
            "messages": profile.messages,
            "images": profile.images,
            "input_modalities": profile.input_modalities,
            "output_modalities": profile.output_modalities,
            "parameters": profile.parameters,
            "max_tokens": profile.max_tokens,
            "stream": profile.stream,
            "operation": profile.operation,
            "task": profile.task,
            "last_model": profile.last_model,
        })
    });
    json!({
        "models": sent.models,
        "provider": sent.provider.as_ref().and_then(|wishes| json(&wishes.json)),
        "plugins": json(&sent.plugins_json),
        "service_tier": sent.service_tier,
        "region": sent.region,
        "markup_basis_points": sent.markup_basis_points,
        "markup_overrides": sent.markup_overrides.iter().map(|one| {
            json!({ "provider": one.provider, "model": one.model, "basis_points": one.basis_points })
        }).collect::<Vec<_>>(),
        "seed": sent.seed.to_string(),
        "own": own,
        "profile": profile,
    })
}

fn plan(outcome: &Outcome, catalogue: &Catalogue) -> Value {
    if let Some(fault) = &outcome.fault {
        return json!({ "status": fault.status, "refused": outcome.code(), "message": fault.message });
    }
    json!({
        "order": outcome.order,
        "strategy": outcome.strategy,
        "name": outcome.name,
        "attempts": outcome.attempts.iter().map(|kept| attempt(kept, catalogue)).collect::<Vec<_>>(),
    })
}

fn attempt(kept: &KeptAttempt, catalogue: &Catalogue) -> Value {
    let endpoint = endpoint(kept, catalogue).map(|endpoint| &endpoint.attempt);
    let id = |bytes: &[u8]| (!bytes.is_empty()).then(|| id_in(bytes).to_string());
    json!({
        "endpoint_id": id(&kept.endpoint),
        "credential_id": id(&kept.credential),
        "price_id": id(&kept.price),
        "model": endpoint.map(|one| &one.model),
        "provider": endpoint.map(|one| &one.provider),
        "tag": endpoint.map(|one| &one.tag),
        "probe": kept.probe,
        "is_byok": kept.is_byok,
    })
}

pub(super) fn endpoint<'a>(kept: &KeptAttempt, catalogue: &'a Catalogue) -> Option<&'a Endpoint> {
    catalogue.endpoints().get(catalogue.place(id_in(&kept.endpoint))?.endpoint)
}
