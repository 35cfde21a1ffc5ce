//! What the router counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) plans: Family<Outcome, Counter>,
    pub(crate) plan_seconds: Histogram,
    pub(crate) catalogue_version: Gauge,
    pub(crate) catalogue_endpoints: Gauge,
    pub(crate) catalogue_refused: Counter,
    pub(crate) catalogue_stale: Gauge,
    pub(crate) snapshot_failures: Counter,
    pub(crate) refresh_failures: Counter,
    pub(crate) observations: Counter,
    pub(crate) malformed_observations: Counter,
    pub(crate) ejections: Counter,
    pub(crate) probes: Counter,
    pub(crate) share_failures: Counter,
}

/// Bounds of a plan's time in seconds: it is a matter of microseconds.
const PLAN_BUCKETS: [f64; 8] = [0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.002, 0.01];

impl Metrics {
    pub(crate) fn register(metrics: &lifecycle::Metrics) -> Self {
        let counter = |name: &str, help: &str| metrics.register(name, help, Counter::default());
        let gauge = |name: &str, help: &str| metrics.register(name, help, Gauge::default());
        Self {
            plans: metrics.register("router_plans", "Plans by outcome", Family::default()),
            plan_seconds: metrics.register(
                "router_plan_seconds",
                "Time to make one plan",
                Histogram::new(PLAN_BUCKETS),
            ),
            catalogue_version: gauge("router_catalogue_version", "Version of the snapshot in use"),
            catalogue_endpoints: gauge("router_catalogue_endpoints", "Endpoints of the snapshot in use"),
            catalogue_refused: counter("router_catalogue_refused", "Versions refused as invalid"),
            catalogue_stale: gauge(
                "router_catalogue_stale",
                "1 while the snapshot in use may not be the newest: from disk, refused successor, database away",
            ),
            snapshot_failures: counter(
                "router_snapshot_failures",
                "Snapshots on disk that could not be written or read",
            ),
            refresh_failures: counter(
                "router_refresh_failures",
                "Refreshes that failed because the database or billing was away",
            ),
            observations: counter("router_observations", "Observations taken in"),
            malformed_observations: counter("router_observations_malformed", "Observations not understood"),
            ejections: counter("router_ejections", "Endpoints ejected"),
            probes: counter("router_probes", "Probes sent to endpoints that are half open"),
            share_failures: counter("router_share_failures", "Exchanges of health with Redis that failed"),
        }
    }
}
