//! Many decisions made again under other rules, and what that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use identity::GenerationId;
use pricing::PriceBook;
use prost::Message as _;
use rpc::Markups;
use rpc::convert::{book_in, markup};
use serde_json::{Value, json};
use uuid::Uuid;

use super::again::{endpoint, time};
use super::change::{Changes, World, Worlds};
use super::kept::{KeptAttempt, Outcome, id_in};
use super::{Decision, estimate};
use crate::catalogue::{Catalogue, Endpoint};
use crate::choose::Held;
use crate::store::decisions::Stored;

/// Examples that a report tells at most.
const EXAMPLES: usize = 20;

/// What decisions came to, and what they would come to.
#[derive(Debug)]
pub(crate) struct Report {
    changes: Arc<Changes>,
    worlds: Worlds,
    decisions: u64,
    unreadable: u64,
    /// The same to the byte.
    identical: u64,
    first_changed: u64,
    order_changed: u64,
    before: Side,
    after: Side,
    examples: Vec<Value>,
}

/// One side of the comparison.
#[derive(Debug, Default)]
struct Side {
    refused: u64,
    total: Share,
    by_provider: BTreeMap<String, Share>,
    by_model: BTreeMap<String, Share>,
    latencies_ms: Vec<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    first_choices: u64,
    /// Nano-USD.
    cost: i128,
}

/// Where a request went first.
#[derive(Debug, Clone)]
struct Choice {
    model: String,
    provider: String,
    tag: String,
    place: Held,
    cost: i128,
    latency_ms: f64,
}

impl Report {
    pub(crate) fn new(changes: Changes) -> Self {
        let changes = Arc::new(changes);
        Self {
            worlds: Worlds::new(Arc::clone(&changes)),
            changes,
            decisions: 0,
            unreadable: 0,
            identical: 0,
            first_changed: 0,
            order_changed: 0,
            before: Side::default(),
            after: Side::default(),
            examples: Vec::new(),
        }
    }

    /// Whether the catalogue of a decision has to be fetched.
    pub(crate) fn lacks(&self, snapshot: Uuid) -> bool {
        self.worlds.lacks(snapshot)
    }

    /// Takes decisions in. `snapshots` are the compressed catalogues that it [lacks](Self::lacks).
    pub(crate) fn take(&mut self, rows: Vec<Stored>, snapshots: &BTreeMap<Uuid, Arc<Vec<u8>>>) {
        for row in rows {
            let fetched = |id: Uuid| snapshots.get(&id).cloned();
            let made = Decision::read(row).and_then(|decision| {
                let world = self.worlds.of(&decision, || fetched(decision.snapshot()))?;
                let rules = self.changes.rules(&decision.rules)?;
                Ok((decision, world, rules))
            });
            match made {
                Ok((decision, world, rules)) => self.compare(&decision, &world, &rules),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a decision is passed over");
                    self.unreadable += 1;
                }
            }
        }
    }

    fn compare(&mut self, decision: &Decision, world: &World, rules: &super::Rules) {
        let mut sent = decision.sent.clone();
        (sent.explain, sent.dry_run) = (false, false);
        let before = decision.outcome.attempts.first().and_then(|kept| {
            let paid = paid(kept, &world.was).map_or(0, |(endpoint, book)| {
                let markups = Markups::new(sent.markup_basis_points, &sent.markup_overrides);
                let own = markups.at(&endpoint.attempt.provider, &endpoint.attempt.model);
                estimate::cost(&sent, &book, own)
            });
            choice(kept, &world.was, decision, paid)
        });
        if let Some(points) = self.changes.markup {
            sent.markup_basis_points = points;
            sent.markup_overrides.clear();
        }
        let planned = decision.again(&sent, &world.would_be, rules);
        let outcome = Outcome::of(planned.as_ref().map(|planned| &planned.response));
        let first = planned.as_ref().ok().and_then(|planned| planned.response.attempts.first());
        let paid = first.filter(|attempt| !attempt.is_byok).and_then(|attempt| {
            let book = book_in(attempt.price.as_ref()?).ok()?;
            Some(estimate::cost(&sent, &book, markup(attempt.markup_basis_points)))
        });
        let cost = paid.unwrap_or(0);
        let after = outcome.attempts.first().and_then(|kept| choice(kept, &world.would_be, decision, cost));
        self.decisions += 1;
        self.identical += u64::from(outcome.encode_to_vec() == decision.row.outcome);
        let places = |outcome: &Outcome| {
            let place = |kept: &KeptAttempt| (kept.endpoint.clone(), kept.credential.clone());
            outcome.attempts.iter().map(place).collect::<Vec<_>>()
        };
        self.order_changed += u64::from(places(&decision.outcome) != places(&outcome));
        let place = |choice: &Option<Choice>| choice.as_ref().map(|choice| choice.place);
        if place(&before) != place(&after) {
            self.first_changed += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(json!({
                    "generation_id": GenerationId::from_uuid(decision.row.generation).to_string(),
                    "at": time(decision.row.at.timestamp_millis()),
                    "names": decision.sent.models,
                    "before": told(before.as_ref(), &decision.outcome),
                    "after": told(after.as_ref(), &outcome),
                }));
            }
        }
        self.before.add(before);
        self.after.add(after);
    }

    /// The report as JSON. Money is in nano-USD, as strings.
    pub(crate) fn told(mut self) -> Value {
        let both = |of: &dyn Fn(&mut Side) -> Value, before: &mut Side, after: &mut Side| json!({ "before": of(before), "after": of(after) });
        let (before, after) = (&mut self.before, &mut self.after);
        json!({
            "decisions": self.decisions,
            "unreadable": self.unreadable,
            "identical": self.identical,
            "first_choice_changed": self.first_changed,
            "order_changed": self.order_changed,
            "refused": both(&|side| side.refused.into(), before, after),
            "estimated_cost_nanos": both(&|side| side.total.cost.to_string().into(), before, after),
            "estimated_latency_p50_ms": both(&|side| json!(side.median()), before, after),
            "providers": table("provider", (&before.by_provider, before.total), (&after.by_provider, after.total)),
            "models": table("model", (&before.by_model, before.total), (&after.by_model, after.total)),
            "unmatched": self.worlds.unmatched,
            "examples": self.examples,
        })
    }
}

/// The endpoint and the price that an attempt was pinned to; none where the tenant pays the provider.
fn paid<'a>(kept: &KeptAttempt, catalogue: &'a Catalogue) -> Option<(&'a Endpoint, PriceBook)> {
    let id = id_in(&kept.price);
    let endpoint = endpoint(kept, catalogue).filter(|_| !kept.is_byok)?;
    let offer = endpoint.prices.offers().iter().find(|offer| offer.id.uuid() == id);
    Some((endpoint, offer.or_else(|| endpoint.prices.offers().first())?.book.clone()))
}

fn choice(kept: &KeptAttempt, catalogue: &Catalogue, decision: &Decision, cost: i128) -> Option<Choice> {
    let attempt = &endpoint(kept, catalogue)?.attempt;
    let place = Held { endpoint: id_in(&kept.endpoint), credential: id_in(&kept.credential) };
    Some(Choice {
        model: attempt.model.clone(),
        provider: attempt.provider.clone(),
        tag: attempt.tag.clone(),
        place,
        cost,
        latency_ms: estimate::latency_ms(&decision.standings, place),
    })
}

fn told(choice: Option<&Choice>, outcome: &Outcome) -> Value {
    match choice {
        None => json!({ "refused": outcome.code() }),
        Some(choice) => json!({
            "endpoint_id": choice.place.endpoint.to_string(),
            "model": choice.model,
            "provider": choice.provider,
            "tag": choice.tag,
            "estimated_cost_nanos": choice.cost.to_string(),
            "estimated_latency_ms": choice.latency_ms.round(),
        }),
    }
}

impl Side {
    fn add(&mut self, choice: Option<Choice>) {
        let Some(choice) = choice else {
            self.refused += 1;
            return;
        };
        let provider = self.by_provider.entry(choice.provider).or_default();
        let model = self.by_model.entry(choice.model).or_default();
        for share in [&mut self.total, provider, model] {
            share.first_choices += 1;
            share.cost = share.cost.saturating_add(choice.cost);
        }
        self.latencies_ms.push(choice.latency_ms);
    }

    /// The middle one; of two the lower. `None` = there is none.
    fn median(&mut self) -> Option<f64> {
        let middle = self.latencies_ms.len().checked_sub(1)? / 2;
        let (_, median, _) = self.latencies_ms.select_nth_unstable_by(middle, f64::total_cmp);
        Some(median.round())
    }
}

impl Share {
    #[expect(clippy::cast_precision_loss, reason = "a share, to be looked at")]
    fn told(self, total: Self) -> Value {
        let share = self.first_choices as f64 / total.first_choices.max(1) as f64;
        json!({
            "first_choices": self.first_choices,
            "share": share,
            "estimated_cost_nanos": self.cost.to_string(),
        })
    }
}

/// Everything that is on one side or the other, by name.
fn table(
    name: &str,
    (before, total_before): (&BTreeMap<String, Share>, Share),
    (after, total_after): (&BTreeMap<String, Share>, Share),
) -> Vec<Value> {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |side: &BTreeMap<String, Share>, key: &String| side.get(key).copied().unwrap_or_default();
    keys.into_iter()
        .map(|key| {
            json!({
                name: key,
                "before": of(before, key).told(total_before),
                "after": of(after, key).told(total_after),
            })
        })
        .collect()
}
