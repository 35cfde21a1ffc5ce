//! What the worker counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Labels of an attempt's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AttemptLabels {
    pub(crate) provider: String,
    pub(crate) outcome: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) executions: Gauge,
    pub(crate) attempts: Family<AttemptLabels, Counter>,
    pub(crate) first_token: Histogram,
    pub(crate) spool_depth: Gauge,
    pub(crate) spool_bytes: Gauge,
    pub(crate) settled: Counter,
    pub(crate) publish_failures: Counter,
    pub(crate) settle_failures: Counter,
    pub(crate) absorbed_nanos: Counter,
}

impl Metrics {
    pub(crate) fn register(metrics: &lifecycle::Metrics) -> Self {
        Self {
            executions: metrics.register("worker_executions", "Executions in progress", Gauge::default()),
            attempts: metrics.register(
                "worker_attempts",
                "Attempts by provider and outcome",
                Family::default(),
            ),
            first_token: metrics.register(
                "worker_first_token_seconds",
                "From the upstream call to its first content",
                Histogram::new(lifecycle::LATENCY_BUCKETS),
            ),
            spool_depth: metrics.register("spool_entries", "Executions not settled yet", Gauge::default()),
            spool_bytes: metrics.register("spool_bytes", "Bytes of the spool on disk", Gauge::default()),
            settled: metrics.register("spool_settled", "Accounts that billing settled", Counter::default()),
            publish_failures: metrics.register(
                "spool_publish_failures",
                "Messages the bus did not store",
                Counter::default(),
            ),
            settle_failures: metrics.register(
                "spool_settle_failures",
                "Calls that billing did not answer",
                Counter::default(),
            ),
            absorbed_nanos: metrics.register(
                "worker_absorbed_nanos",
                "Charges above their reservation, nano-USD",
                Counter::default(),
            ),
        }
    }
}
