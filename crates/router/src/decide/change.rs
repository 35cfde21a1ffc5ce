//! What is to be different when decisions are made again.

use std::collections::BTreeSet;
use std::sync::Arc;

use identity::{EndpointId, PriceVersionId};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Decision, Rules, Unreadable, snapshot};
use crate::TimeoutConfig;
use crate::catalogue::Catalogue;
use crate::store::rows::{Endpoint, Price, Tables};

/// Catalogues that are held at once: decisions come in the order of time, and with them their catalogues.
const WORLDS: usize = 3;

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Members of the rules.
    pub(crate) rules: Map<String, Value>,
    pub(crate) prices: Vec<PriceChange>,
    /// Ids of endpoints and slugs of providers.
    pub(crate) disable: Vec<String>,
    /// Basis points, in place of every tenant's own.
    pub(crate) markup: Option<i32>,
}

/// Another price for one endpoint, or for all of a model's at a provider.
#[derive(Debug, Clone)]
pub(crate) struct PriceChange {
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) model: String,
    pub(crate) provider: String,
    /// As the database has books.
    pub(crate) book: Value,
}

impl PriceChange {
    fn is_of(&self, row: &Endpoint) -> bool {
        match self.endpoint {
            Some(id) => row.id == id,
            None => row.model == self.model && (row.provider == self.provider || row.tag == self.provider),
        }
    }

    /// How a report calls it.
    fn name(&self) -> String {
        self.endpoint.map_or_else(
            || format!("price of {} at {}", self.model, self.provider),
            |id| format!("price of {id}"),
        )
    }
}

impl Changes {
    /// The rules with what is to be different.
    ///
    /// # Errors
    /// Says which member of the policy is wrong.
    pub(crate) fn rules(&self, rules: &Rules) -> Result<Rules, serde_json::Error> {
        rules.with(&self.rules)
    }

    /// How a report calls every change of the catalogue.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.prices.iter().map(PriceChange::name).chain(self.disable.iter().cloned()).collect()
    }

    /// The tables with what is to be different; what of it there was something for leaves `unmatched`.
    fn apply(&self, tables: &mut Tables, unmatched: &mut BTreeSet<String>) {
        for change in &self.prices {
            for row in tables.endpoints.iter().filter(|row| change.is_of(row)) {
                unmatched.remove(&change.name());
                tables.prices.retain(|price| price.endpoint_id != row.id);
                tables.prices.push(Price {
                    id: PriceVersionId::from_uuid(Uuid::new_v5(&row.id.uuid(), b"another price")),
                    endpoint_id: row.id,
                    book: change.book.clone(),
                    source: "replay".to_owned(),
                });
            }
        }
        for name in &self.disable {
            for row in &mut tables.endpoints {
                if row.provider == *name || row.id.to_string() == *name {
                    unmatched.remove(name);
                    row.disabled = true;
                }
            }
        }
    }
}

/// A catalogue as it was, and as it is to be.
#[derive(Debug)]
pub(super) struct World {
    pub(super) was: Catalogue,
    pub(super) would_be: Catalogue,
}

/// The catalogues of the decisions that are being made again.
#[derive(Debug)]
pub(crate) struct Worlds {
    changes: Arc<Changes>,
    known: Vec<(Uuid, TimeoutConfig, Arc<World>)>,
    pub(super) unmatched: BTreeSet<String>,
}

impl Worlds {
    pub(crate) fn new(changes: Arc<Changes>) -> Self {
        Self { unmatched: changes.names(), changes, known: Vec::new() }
    }

    /// Whether the catalogue of a decision has to be fetched.
    pub(crate) fn lacks(&self, snapshot: Uuid) -> bool {
        !self.known.iter().any(|(id, ..)| *id == snapshot)
    }

    /// The world of a decision. `fetched` is its compressed catalogue.
    pub(super) fn of(
        &mut self,
        decision: &Decision,
        fetched: impl FnOnce() -> Option<Arc<Vec<u8>>>,
    ) -> Result<Arc<World>, Unreadable> {
        let (snapshot, timeouts) = (decision.snapshot(), decision.inputs.timeouts());
        let is_it = |known: &&(Uuid, TimeoutConfig, Arc<World>)| known.0 == snapshot && known.1 == timeouts;
        if let Some((.., world)) = self.known.iter().find(is_it) {
            return Ok(Arc::clone(world));
        }
        let mut tables = snapshot::read(&fetched().ok_or(Unreadable::Gone)?)?;
        let was = Catalogue::build(tables.clone(), timeouts)?;
        self.changes.apply(&mut tables, &mut self.unmatched);
        let would_be = Catalogue::build(tables, timeouts)?;
        let world = Arc::new(World { was, would_be });
        if self.known.len() >= WORLDS {
            self.known.remove(0);
        }
        self.known.push((snapshot, timeouts, Arc::clone(&world)));
        Ok(world)
    }
}
