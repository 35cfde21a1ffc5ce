//! What is known of an endpoint's health, in the form in which the choice reads it.

use std::collections::HashMap;

use uuid::Uuid;

/// What health is kept under: an endpoint as reached with one credential, so that a bad key ejects nobody
/// else. No credential is the nil UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub endpoint: Uuid,
    pub credential: Uuid,
}

/// Where an endpoint is between served and left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Closed,
    /// Left alone until this moment, in Unix milliseconds; afterwards half open: one probe at a time.
    Ejected { until_ms: u64 },
    /// A probe went well; its share of requests grows from this moment on.
    Recovering { since_ms: u64 },
}

/// How the last five minutes went. An endpoint with too few attempts counts as `Good`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Uptime {
    #[default]
    Good,
    /// 80 to 94 %
    Degraded,
    /// Under 80 %
    Poor,
}

/// What shares of the answers reached. Of latencies, `p90` is the one that 90 % of the answers did not pass; of
/// throughputs, the one that 90 % of the answers came up to: so latencies rise from `p50` to `p99` and
/// throughputs fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    pub p50: f32,
    pub p75: f32,
    pub p90: f32,
    pub p99: f32,
}

/// The standing of one endpoint under one credential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    pub state: State,
    /// When the next probe of an endpoint that is half open may go, in Unix milliseconds.
    pub next_probe_ms: u64,
    /// It asked to be left alone until then, in Unix milliseconds.
    pub cooling_until_ms: u64,
    /// A significant share of the last 30 seconds failed.
    pub outage: bool,
    pub uptime: Uptime,
    /// Mean time to the first token, in milliseconds, drawn towards a prior while there is little to go by.
    pub latency_ms: f64,
    /// Mean output tokens per second, likewise.
    pub throughput: f64,
    /// Time to the first token over the last five minutes, in milliseconds; `None` = too little data.
    pub latency: Option<Quantiles>,
    /// Output tokens per second over the last five minutes, likewise.
    pub throughput_at: Option<Quantiles>,
    /// Answers of the last two hours that ended in tool calls.
    pub tool_requests: u32,
    /// The share of those whose calls were no use, 0 to 1; 0 when there were none.
    pub tool_error_rate: f32,
    /// Attempts of the last 30 minutes, good and bad.
    pub requests_30m: u32,
}

/// The latency of an endpoint that nobody has seen, in milliseconds.
pub const PRIOR_LATENCY_MS: f64 = 800.0;
/// The throughput of an endpoint that nobody has seen, in tokens per second.
pub const PRIOR_THROUGHPUT: f64 = 50.0;

impl Default for Standing {
    fn default() -> Self {
        Self {
            state: State::Closed,
            next_probe_ms: 0,
            cooling_until_ms: 0,
            outage: false,
            uptime: Uptime::Good,
            latency_ms: PRIOR_LATENCY_MS,
            throughput: PRIOR_THROUGHPUT,
            latency: None,
            throughput_at: None,
            tool_requests: 0,
            tool_error_rate: 0.0,
            requests_30m: 0,
        }
    }
}

/// The standing of every endpoint that was ever observed; the others stand as [`Standing::default`].
pub type Standings = HashMap<Key, Standing>;

/// Health as one choice sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub standings: &'a Standings,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// For how long a recovering endpoint regains its share, in milliseconds.
    pub regain_ms: u64,
    /// Whether a probe may be sent to an endpoint that is half open.
    pub probes: bool,
}

impl View<'_> {
    #[must_use]
    pub fn standing(&self, key: Key) -> Standing {
        self.standings.get(&key).copied().unwrap_or_default()
    }
}
