//! The `router` section of the configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::choose::{CostTier, Patterns};

/// How the router chooses and how it judges health. Every key is documented in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub max_attempts: usize,
    pub poll_ms: u64,
    /// Conversations that are remembered at most, and for how long while they are silent.
    pub sticky_limit: u64,
    pub sticky_idle_ms: u64,
    /// Empty = none is kept.
    pub snapshot_path: PathBuf,
    pub timeouts: TimeoutConfig,
    pub health: HealthConfig,
    pub auto: AutoConfig,
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

/// How `openrouter/auto` ranks models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoConfig {
    /// How much a model's score for the task counts; only its proportion to the other weight matters.
    pub score_weight: u32,
    /// How much it counts that a model is new.
    pub recency_weight: u32,
    /// After how many days newness is half as much.
    pub recency_half_life_days: u32,
    /// The band of requests that name none.
    pub cost_tier: CostTier,
    /// Patterns of the models that are candidates at all; empty = every chat model.
    pub candidates: Patterns,
    /// Patterns of models that never are.
    pub excluded: Patterns,
}

impl AutoConfig {
    pub const DEFAULT: Self = Self {
        score_weight: 80,
        recency_weight: 20,
        recency_half_life_days: 365,
        cost_tier: CostTier::Low,
        candidates: Patterns::EMPTY,
        excluded: Patterns::EMPTY,
    };
}

impl Default for AutoConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Config {
    /// Where the last good catalogue is kept, if it is.
    pub(crate) fn snapshot_path(&self) -> Option<&Path> {
        Some(self.snapshot_path.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            poll_ms: 500,
            sticky_limit: 200_000,
            sticky_idle_ms: 600_000,
            snapshot_path: PathBuf::new(),
            timeouts: TimeoutConfig::default(),
            health: HealthConfig::default(),
            auto: AutoConfig::default(),
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
            ejection_limit_ms: 20_000,
            probe_every_ms: 15_000,
            regain_ms: 10_000,
            default_cooldown_ms: 2_000,
            cooldown_limit_ms: 300_000,
            share_every_ms: 2_000,
        }
    }
}
