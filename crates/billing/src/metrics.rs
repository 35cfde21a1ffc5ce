//! What billing counts.

use std::sync::atomic::AtomicU64;

use lifecycle::{LATENCY_BUCKETS, Metrics as Registry};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// One word that tells series apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Label {
    kind: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    asks: Family<Label, Counter>,
    fates: Family<Label, Counter>,
    breaches: Family<Label, Gauge>,
    payments: Family<Label, Counter>,
    pub absorbed: Counter,
    pub mispriced: Counter,
    pub parked: Counter,
    pub expired: Counter,
    pub trims: Counter,
    pub recalls: Counter,
    recall_waits: Family<Label, Counter>,
    pub freed_early: Counter,
    pub frozen: Gauge,
    pub leases_open: Gauge,
    leases_by_kind: Family<Label, Gauge>,
    pub waiting: Gauge,
    pub lag: Histogram,
    pub unfolded: Gauge,
    pub unfolded_seconds: Gauge<f64, AtomicU64>,
    pub sealed: Counter,
    pub sealed_at: Gauge,
    pub bill_alerts: Counter,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            asks: registry.register("billing_asks", "Asks answered, by answer.", Family::default()),
            fates: registry.register(
                "billing_records",
                "Usage records, by what became of them.",
                Family::default(),
            ),
            breaches: registry.register(
                "billing_invariant_breaches",
                "Rows that break an invariant and that no check has seen mended.",
                Family::default(),
            ),
            payments: registry.register(
                "billing_payments_seen",
                "Answers of the payment processor about a payment, by the state it is in after them.",
                Family::default(),
            ),
            absorbed: registry.register(
                "billing_absorbed_nano_usd",
                "Charges that could not be taken.",
                Counter::default(),
            ),
            mispriced: registry.register(
                "billing_mispriced_records",
                "Records whose charge or price differs from what billing computes.",
                Counter::default(),
            ),
            parked: registry.register(
                "billing_parked_records",
                "Records set aside for people because they cannot be settled.",
                Counter::default(),
            ),
            expired: registry.register(
                "billing_expired_leases",
                "Leases freed after their grace without any word of what was done under them.",
                Counter::default(),
            ),
            frozen: registry.register(
                "billing_frozen_tenants",
                "Tenants whose invoices are held back until somebody has looked.",
                Gauge::default(),
            ),
            leases_open: registry.register(
                "billing_open_leases",
                "Leases that hold money.",
                Gauge::default(),
            ),
            leases_by_kind: registry.register(
                "billing_open_leases_by_kind",
                "Leases that hold money, by whether they serve one request (`single`) or many (`shared`).",
                Family::default(),
            ),
            trims: registry.register(
                "billing_trims",
                "Shared leases that their edges trimmed.",
                Counter::default(),
            ),
            recalls: registry.register(
                "billing_recalls",
                "Accounts whose leases elsewhere were wanted back.",
                Counter::default(),
            ),
            recall_waits: registry.register(
                "billing_recall_waits",
                "Asks that waited for a recall, by how that ended.",
                Family::default(),
            ),
            freed_early: registry.register(
                "billing_leases_freed_early",
                "Leases of edges that are gone, freed before their grace on the workers' word.",
                Counter::default(),
            ),
            waiting: registry.register(
                "billing_waiting_claims",
                "Claims and edges' words that wait for their counterpart.",
                Gauge::default(),
            ),
            unfolded: registry.register(
                "billing_unfolded_settlements",
                "Settlements that are not in the rollups yet.",
                Gauge::default(),
            ),
            unfolded_seconds: registry.register(
                "billing_unfolded_seconds",
                "How long the oldest settlement that is not in the rollups has not been.",
                Gauge::default(),
            ),
            lag: registry.register(
                "billing_settlement_lag_seconds",
                "From publishing on the bus to settlement.",
                Histogram::new(LATENCY_BUCKETS),
            ),
            sealed: registry.register(
                "billing_sealed_transfers",
                "Transfers that this replica sealed.",
                Counter::default(),
            ),
            sealed_at: registry.register(
                "billing_sealed_at_seconds",
                "Unix time of the last round of sealing, by whichever replica.",
                Gauge::default(),
            ),
            bill_alerts: registry.register(
                "billing_bill_alerts",
                "Models whose cost on a provider's bill differs by more than the threshold.",
                Counter::default(),
            ),
        }
    }

    pub(crate) fn asked(&self, answer: &str) {
        self.asks.get_or_create(&Label { kind: answer.to_owned() }).inc();
    }

    pub(crate) fn paid(&self, state: &str) {
        self.payments.get_or_create(&Label { kind: state.to_owned() }).inc();
    }

    pub(crate) fn fated(&self, fate: &str) {
        self.fates.get_or_create(&Label { kind: fate.to_owned() }).inc();
    }

    /// Asks that waited for a recall: `relieved` or `denied`.
    pub(crate) fn waited(&self, ending: &str, asks: usize) {
        self.recall_waits.get_or_create(&Label { kind: ending.to_owned() }).inc_by(asks as u64);
    }

    pub(crate) fn opened(&self, single: i64, shared: i64) {
        self.leases_open.set(single.saturating_add(shared));
        for (kind, count) in [("single", single), ("shared", shared)] {
            self.leases_by_kind.get_or_create(&Label { kind: kind.to_owned() }).set(count);
        }
    }

    /// Sets how many rows break each invariant that no check has seen mended; those not named break none.
    pub(crate) fn breached<'n>(&self, names: impl Iterator<Item = &'n str>) {
        for name in INVARIANTS {
            self.breaches.get_or_create(&Label { kind: name.to_owned() }).set(0);
        }
        for name in names {
            self.breaches.get_or_create(&Label { kind: name.to_owned() }).inc();
        }
    }
}

/// Each is a series from the start, so that an alert has something to watch.
const INVARIANTS: [&str; 13] =
    ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"];
