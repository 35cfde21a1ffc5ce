//! What the edge counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// A route and the status it answered with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answered {
    pub(crate) route: String,
    pub(crate) method: String,
    pub(crate) status: u16,
}

/// Why something did not come to pass, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Because {
    pub(crate) reason: &'static str,
}

/// The edge's metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    denials: Family<Because, Counter>,
    calls_refused: Family<Because, Counter>,
    executions: Family<Because, Counter>,
    lease_asks: Family<Because, Counter>,
    reservations: Family<Because, Counter>,
    replays: Family<Because, Counter>,
    sign_ins: Family<Because, Counter>,
    filtered: Family<Because, Counter>,
    exchanges: Family<Because, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) open_requests: Gauge,
    pub(crate) open_streams: Gauge,
    pub(crate) lease_sessions: Gauge,
    pub(crate) unreported: Gauge,
    pub(crate) lease_trims: Counter,
    /// Nano-USD.
    pub(crate) lease_idle: Gauge,
    pub(crate) tight_accounts: Gauge,
    pub(crate) audit_faults: Gauge,
    traces: Family<Because, Counter>,
    pub(crate) traces_waiting: Gauge,
    pub(crate) traces_oldest_seconds: Gauge,
    pub(crate) traces_failed: Gauge,
    pub(crate) first_token_seconds: Histogram,
    pub(crate) lease_seconds: Histogram,
    pub(crate) plan_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new(registry: &lifecycle::Metrics) -> Self {
        let latency = || Histogram::new(lifecycle::LATENCY_BUCKETS);
        Self {
            requests: registry.register("edge_requests", "Requests answered", Family::default()),
            denials: registry.register(
                "edge_denials",
                "Inference requests turned away before execution",
                Family::default(),
            ),
            calls_refused: registry.register(
                "edge_calls_refused",
                "Calls of the management, account and operators' APIs turned away for want of a place",
                Family::default(),
            ),
            executions: registry.register(
                "edge_executions",
                "Executions by how they ended",
                Family::default(),
            ),
            lease_asks: registry.register(
                "edge_lease_asks",
                "Asks for leases by their answer",
                Family::default(),
            ),
            reservations: registry.register(
                "edge_reservations",
                "Reservations by where they came from: the pool, a refill they waited for, leases of their own",
                Family::default(),
            ),
            replays: registry.register(
                "edge_replays",
                "Requests that opted in to kept answers, by how they were answered",
                Family::default(),
            ),
            sign_ins: registry.register(
                "edge_sign_ins",
                "Tries to sign in with a password, by how they ended",
                Family::default(),
            ),
            filtered: registry.register(
                "edge_content_filtered",
                "Requests in which content filters of guardrails found something, by what became of them",
                Family::default(),
            ),
            exchanges: registry.register(
                "edge_exchanges",
                "Exchanges whose content is to be kept, by what became of that",
                Family::default(),
            ),
            connections: registry.register("edge_connections", "Connections open", Gauge::default()),
            open_requests: registry.register(
                "edge_open_requests",
                "Inference requests not yet accounted for",
                Gauge::default(),
            ),
            open_streams: registry.register("edge_open_streams", "Streams being written", Gauge::default()),
            lease_sessions: registry.register(
                "edge_lease_sessions",
                "Sessions with billing that are up",
                Gauge::default(),
            ),
            unreported: registry.register(
                "edge_unreported",
                "Admitted generations that billing has not acknowledged",
                Gauge::default(),
            ),
            lease_trims: registry.register(
                "edge_lease_trims",
                "Leases of which billing was told what is kept",
                Counter::default(),
            ),
            lease_idle: registry.register(
                "edge_lease_idle_nano_usd",
                "Money in leases that nothing is reserved from",
                Gauge::default(),
            ),
            tight_accounts: registry.register(
                "edge_tight_accounts",
                "Accounts that are reserved from request by request",
                Gauge::default(),
            ),
            traces: registry.register(
                "edge_traces",
                "Traces for destinations by what became of them: sent, not wanted there, given up",
                Family::default(),
            ),
            traces_waiting: registry.register(
                "edge_traces_waiting",
                "Traces that wait for their destination, of all edges together",
                Gauge::default(),
            ),
            traces_oldest_seconds: registry.register(
                "edge_traces_oldest_seconds",
                "How long the oldest of them has waited",
                Gauge::default(),
            ),
            traces_failed: registry.register(
                "edge_traces_failed",
                "Traces that were given up and are still kept, of all edges together",
                Gauge::default(),
            ),
            audit_faults: registry.register(
                "edge_audit_faults",
                "Entries of the record of changes that are not what was sealed",
                Gauge::default(),
            ),
            first_token_seconds: registry.register(
                "edge_first_token_seconds",
                "From the request read to the first frame for the client",
                latency(),
            ),
            lease_seconds: registry.register("edge_lease_seconds", "Round trips of asks for leases", latency()),
            plan_seconds: registry.register("edge_plan_seconds", "Round trips of plans", latency()),
        }
    }

    pub(crate) fn answered(&self, answered: &Answered) {
        self.requests.get_or_create(answered).inc();
    }

    pub(crate) fn denied(&self, reason: &'static str) {
        self.denials.get_or_create(&Because { reason }).inc();
    }

    /// `own` and `full` where there was no place among the caller's own or among all, `unknown` for looking up who calls,
    /// `streams`, or `minute` where its requests per minute are spent.
    pub(crate) fn call_refused(&self, reason: &'static str) {
        self.calls_refused.get_or_create(&Because { reason }).inc();
    }

    pub(crate) fn executed(&self, reason: &'static str) {
        self.executions.get_or_create(&Because { reason }).inc();
    }

    /// `hit`, `miss`, `coalesced`, or with a name of the client's `claimed` and `idempotent`.
    pub(crate) fn replayed(&self, reason: &'static str) {
        self.replays.get_or_create(&Because { reason }).inc();
    }

    /// `ok`, `failed` or `limited`.
    pub(crate) fn signed_in(&self, reason: &'static str) {
        self.sign_ins.get_or_create(&Because { reason }).inc();
    }

    /// `flagged`, `redacted` or `blocked`.
    pub(crate) fn filtered(&self, reason: &'static str) {
        self.filtered.get_or_create(&Because { reason }).inc();
    }

    /// `kept`, `failed`, or `dropped` where too many wait.
    pub(crate) fn kept(&self, reason: &'static str) {
        self.exchanges.get_or_create(&Because { reason }).inc();
    }

    /// `sent`, `unwanted` or `given_up`.
    pub(crate) fn traced(&self, reason: &'static str, count: u64) {
        self.traces.get_or_create(&Because { reason }).inc_by(count);
    }

    /// `pool`, `refill` or `single`.
    pub(crate) fn reserved(&self, reason: &'static str) {
        self.reservations.get_or_create(&Because { reason }).inc();
    }

    pub(crate) fn lease_asked(&self, reason: &'static str) {
        self.lease_asks.get_or_create(&Because { reason }).inc();
    }
}

/// Counts something as open for as long as it lives.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Open {
    pub(crate) fn one(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
