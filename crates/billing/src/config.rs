//! The `billing` section of the configuration.

use std::time::Duration;

use serde::Deserialize;

/// Every key is documented in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long a lease lives without its edge's heartbeat.
    pub lease_ttl_ms: u64,
    /// The longest that a request runs; no lease of one request outlives it.
    pub longest_request_ms: u64,
    /// How long a fenced lease stays held, and how long a claim or an edge's word waits for its counterpart.
    pub grace_ms: u64,
    /// Pause between sweeps over leases and claims.
    pub sweep_every_ms: u64,
    /// Pause between checks of the invariants.
    pub check_every_ms: u64,
    /// How far back a check looks at single records.
    pub check_depth_ms: u64,
    /// Every so many checks one looks further back,
    pub full_check_every: u32,
    /// by this much.
    pub full_check_depth_ms: u64,
    /// Sealed transfers that each check reads again, going round.
    pub check_sealed: u32,
    /// Pause between rounds of sealing the ledger.
    pub seal_every_ms: u64,
    /// Transfers that one transaction seals at most, about.
    pub seal_batch: u32,
    /// How long lease sessions go on once the process is to stop, so that edges can hand over.
    pub drain_ms: u64,
    /// Asks that one transaction answers at most.
    pub ask_batch: usize,
    /// Tries after which a record that cannot be settled is parked.
    pub park_after: u32,
    pub bus: BusConfig,
}

/// The `billing.bus` section: the JetStream stream that carries usage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// Copies of the stream in a JetStream cluster.
    pub replicas: usize,
    /// Bytes that the stream holds at most; when it is full, workers settle by call.
    pub max_bytes: i64,
    /// Seconds after which the stream drops what nobody settled; the workers' spools keep it.
    pub max_age_seconds: u64,
    /// Seconds after which an unacknowledged message is delivered again.
    pub ack_wait_seconds: u64,
    /// Messages that one transaction settles at most.
    pub batch: usize,
}

impl Config {
    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    pub(crate) const fn sweep_every(&self) -> Duration {
        Duration::from_millis(self.sweep_every_ms)
    }

    pub(crate) const fn seal_every(&self) -> Duration {
        Duration::from_millis(self.seal_every_ms)
    }

    pub(crate) const fn check_every(&self) -> Duration {
        Duration::from_millis(self.check_every_ms)
    }
}
