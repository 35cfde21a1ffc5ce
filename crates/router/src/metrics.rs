//! What the router counts.

mod durations;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use durations::Durations;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Of plans by outcome: looked up once, because a look-up takes a lock.
    pub(crate) planned: Counter,
    pub(crate) refused: Counter,
    pub(crate) plan_seconds: Durations,
    pub(crate) default_plugins_left_out: Counter,
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
    pub(crate) decisions_kept: Counter,
    pub(crate) decisions_dropped: Counter,
}

impl Metrics {
    pub(crate) fn register(metrics: &lifecycle::Metrics) -> Self {
        let counter = |name: &str, help: &str| metrics.register(name, help, Counter::default());
        let gauge = |name: &str, help: &str| metrics.register(name, help, Gauge::default());
        let plans: Family<Outcome, Counter> =
            metrics.register("router_plans", "Plans by outcome", Family::default());
        let plans = |outcome| plans.get_or_create_owned(&Outcome { outcome });
        Self {
            planned: plans("planned"),
            refused: plans("refused"),
            plan_seconds: metrics.register(
                "router_plan_seconds",
                "Time to make one plan",
                Durations::default(),
            ),
            default_plugins_left_out: counter(
                "router_default_plugins_left_out",
                "Default plugins of workspaces and organisations that could not be read, by request",
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
            decisions_kept: counter("router_decisions_kept", "Decisions written to the database"),
            decisions_dropped: counter(
                "router_decisions_dropped",
                "Decisions not kept because there was no room or the database failed",
            ),
            share_failures: counter("router_share_failures", "Exchanges of health with Redis that failed"),
        }
    }
}
