//! What of a decision is kept: as little as leads to the same plan, which is tried before it is written.

use std::sync::Arc;

use identity::{GenerationId, TenantId};
use prost::Message as _;
use uuid::Uuid;

use super::kept::{Inputs, Outcome};
use super::record::{Record, Taken};
use super::{Rules, Snapshot};
use crate::TimeoutConfig;
use crate::choose::Policy;
use crate::health::{Key, Standing, Standings};
use crate::plan::{again, considered};
use crate::service::Loaded;

/// A decision on its way into the database.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) generation: GenerationId,
    pub(crate) tenant: Option<TenantId>,
    /// Unix milliseconds.
    pub(crate) at_ms: u64,
    pub(crate) catalogue_version: u64,
    pub(crate) snapshot: Arc<Snapshot>,
    /// Of the first attempt; of a refusal, the first name.
    pub(crate) model: String,
    /// Of the first attempt; `None` = refused.
    pub(crate) provider: Option<String>,
    /// Why there was no plan.
    pub(crate) refused: Option<String>,
    pub(crate) request: Vec<u8>,
    pub(crate) inputs: Vec<u8>,
    pub(crate) outcome: Vec<u8>,
}

/// Makes rows of records.
#[derive(Debug)]
pub(crate) struct Condenser {
    rules: Rules,
    /// The rules as JSON.
    written: String,
    timeouts: TimeoutConfig,
    /// What the newest catalogue comes to.
    snapshot: Option<(Arc<Loaded>, Arc<Snapshot>)>,
}

impl Condenser {
    pub(crate) fn new(rules: Rules, timeouts: TimeoutConfig) -> Self {
        let written = serde_json::to_string(&rules).unwrap_or_default();
        Self { rules, written, timeouts, snapshot: None }
    }

    /// The row of a record; `None` for one that cannot be found again, because its generation has no id.
    pub(crate) fn row(&mut self, record: Record) -> Option<Row> {
        let generation = record.sent.generation_id.parse().ok()?;
        let snapshot = self.snapshot(&record.loaded)?;
        let (standings, outcome) = prove(&record, self.rules.policy());
        let clock = (record.now_ms, record.regain_ms, record.probes);
        let inputs = Inputs::new(clock, record.held, self.written.clone(), standings, self.timeouts);
        let first = outcome.attempts.first().and_then(|attempt| {
            let place = record.loaded.catalogue.place(super::kept::id_in(&attempt.endpoint))?;
            record.loaded.catalogue.endpoints().get(place.endpoint)
        });
        let refused = outcome.code().or_else(|| first.is_none().then(|| "unknown".to_owned()));
        let asked = record.sent.models.first().cloned().unwrap_or_default();
        Some(Row {
            generation,
            tenant: record.sent.tenant_id.parse().ok(),
            at_ms: record.now_ms,
            catalogue_version: record.loaded.catalogue.version(),
            snapshot,
            model: first.map_or(asked, |endpoint| endpoint.attempt.model.clone()),
            provider: first.filter(|_| refused.is_none()).map(|endpoint| endpoint.attempt.provider.clone()),
            refused,
            inputs: inputs.encode_to_vec(),
            outcome: outcome.encode_to_vec(),
            request: without_secrets(record).encode_to_vec(),
        })
    }

    fn snapshot(&mut self, loaded: &Arc<Loaded>) -> Option<Arc<Snapshot>> {
        if let Some((known, snapshot)) = &self.snapshot
            && Arc::ptr_eq(known, loaded)
        {
            return Some(Arc::clone(snapshot));
        }
        match Snapshot::of(&loaded.catalogue) {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.snapshot = Some((Arc::clone(loaded), Arc::clone(&snapshot)));
                Some(snapshot)
            }
            Err(error) => {
                tracing::error!(%error, "a catalogue cannot be kept for its decisions");
                None
            }
        }
    }
}

/// What is kept of a request: neither the tenant's credentials nor what stands for the conversation.
fn without_secrets(record: Record) -> rpc::router::PlanRequest {
    let mut sent = record.sent;
    sent.sticky_key.clear();
    for own in &mut sent.own {
        own.sealed.clear();
    }
    sent
}

/// The standings that lead to the same plan, and what came of it. Those of what was considered nearly always
/// do; else all are kept.
fn prove(record: &Record, policy: Policy) -> (Vec<(Key, Standing)>, Outcome) {
    let all: &Standings = &record.standings;
    let catalogue = &record.loaded.catalogue;
    let keys = considered(&record.sent, catalogue, (record.held, record.view(all)), policy);
    let few: Standings = keys.iter().filter_map(|key| Some((*key, *all.get(key)?))).collect();
    for standings in [&few, all] {
        let outcome = again(&record.sent, catalogue, (record.held, record.view(standings)), policy);
        let is_same = match (&outcome, &record.taken) {
            (Ok(planned), Ok(taken)) => Taken::of(planned) == *taken,
            (Err(fault), Err(taken)) => fault == taken,
            _ => false,
        };
        if is_same {
            return (sorted(standings), Outcome::of(outcome.as_ref().map(|planned| &planned.response)));
        }
    }
    tracing::warn!(generation.id = record.sent.generation_id, "a decision cannot be made again");
    (sorted(all), unproven(record))
}

fn sorted(standings: &Standings) -> Vec<(Key, Standing)> {
    let mut list: Vec<(Key, Standing)> = standings.iter().map(|(key, standing)| (*key, *standing)).collect();
    list.sort_unstable_by_key(|(key, _)| *key);
    list
}

/// What was chosen, without a fingerprint: no plan made again is the same.
fn unproven(record: &Record) -> Outcome {
    let taken = match &record.taken {
        Err(fault) => return Outcome { fingerprint: Vec::new(), ..Outcome::of(Err(fault)) },
        Ok(taken) => taken,
    };
    let endpoints = record.loaded.catalogue.endpoints();
    let attempts = taken.picks.iter().filter_map(|pick| {
        let endpoint = endpoints.get(pick.endpoint)?;
        let own = pick.own.and_then(|n| record.sent.own.get(n));
        let credential =
            own.map_or(endpoint.key.credential, |own| own.credential_id.parse().unwrap_or(Uuid::nil()));
        Some(super::kept::KeptAttempt {
            endpoint: endpoint.id.uuid().as_bytes().to_vec(),
            credential: credential.as_bytes().to_vec(),
            is_byok: own.is_some(),
            ..super::kept::KeptAttempt::default()
        })
    });
    Outcome {
        attempts: attempts.collect(),
        order: taken.order.to_owned(),
        strategy: taken.strategy.to_owned(),
        ..Outcome::default()
    }
}
