//! The `router` section of the configuration.

use serde::Deserialize;

/// How the router chooses and how it judges health. Every key is documented in `config/default.toml`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub max_attempts: usize,
    pub poll_ms: u64,
    /// Conversations that are remembered at most, and for how long while they are silent.
    pub sticky_limit: u64,
    pub sticky_idle_ms: u64,
    pub timeouts: TimeoutConfig,
    pub health: HealthConfig,
    pub decisions: DecisionsConfig,
}

/// Which decisions are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionsConfig {
    /// 0 = none to 1 = all.
    pub share: f64,
    pub keep_days: u32,
}

/// What an attempt may take where neither endpoint nor provider says otherwise, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeoutConfig {
    pub connect_ms: u32,
    pub first_token_ms: u32,
    pub stall_ms: u32,
    pub total_ms: u32,
}

/// When an endpoint is taken out, for how long, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    pub consecutive_faults: u32,
    pub fault_percent: u32,
    pub fault_minimum: u32,
    pub ejection_ms: u64,
    pub ejection_limit_ms: u64,
    pub probe_every_ms: u64,
    pub regain_ms: u64,
    pub default_cooldown_ms: u64,
    pub cooldown_limit_ms: u64,
    pub share_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            poll_ms: 500,
            sticky_limit: 200_000,
            sticky_idle_ms: 600_000,
            timeouts: TimeoutConfig::default(),
            health: HealthConfig::default(),
            decisions: DecisionsConfig::default(),
        }
    }
}

impl Default for DecisionsConfig {
    fn default() -> Self {
        Self { share: 1.0, keep_days: 7 }
    }
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self { connect_ms: 2_000, first_token_ms: 30_000, stall_ms: 20_000, total_ms: 600_000 }
    }
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            consecutive_faults: 5,
            fault_percent: 50,
            fault_minimum: 10,
            ejection_ms: 15_000,
            ejection_limit_ms: 300_000,
            probe_every_ms: 15_000,
            regain_ms: 10_000,
            default_cooldown_ms: 2_000,
            cooldown_limit_ms: 300_000,
            share_every_ms: 2_000,
        }
    }
}
