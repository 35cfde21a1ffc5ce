//! The request's `provider` member.

mod read;

use super::Cap;
use crate::health::{Quantiles, Standing};

/// What a request prefers and rules out.
#[derive(Debug, Clone, Default)]
pub struct Preferences<'a> {
    pub order: &'a [String],
    pub only: &'a [String],
    pub ignore: &'a [String],
    pub allow_fallbacks: bool,
    pub sort: Option<Sort>,
    /// What the caller's account sorts by where neither the request nor a variant of the model says so.
    pub default_sort: Option<Sort>,
    pub require_parameters: bool,
    pub quantizations: &'a [String],
    pub data_collection: DataCollection,
    pub zero_data_retention: bool,
    /// Only models whose author lets answers train other models.
    pub distillable: bool,
    pub max_price: MaxPrice,
    pub thresholds: Thresholds,
    /// Whether the endpoints of all models are sorted together, instead of model after model.
    pub sorts_across_models: bool,
}

/// Caps on what the caller pays for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MaxPrice {
    /// Per prompt token.
    pub input: Option<Cap>,
    /// Per completion token.
    pub output: Option<Cap>,
    pub request: Option<Cap>,
    /// Per image, in the prompt or generated.
    pub image: Option<Cap>,
    /// Per prompt token of audio.
    pub audio: Option<Cap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataCollection {
    #[default]
    Allow,
    /// Only endpoints that are known not to collect.
    Deny,
}

/// What to sort endpoints by instead of drawing the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Price,
    Throughput,
    Latency,
    /// How well they call tools.
    Exacto,
}

impl Sort {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Exacto => "exacto",
        }
    }
}

/// A preference has a value that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`provider{path}` must be {expected}")]
pub struct BadPreference {
    /// Below `provider`, such as `.sort`; empty = all of it.
    pub path: String,
    pub expected: String,
}

/// What an endpoint should reach; one that does not goes last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Output tokens per second.
    pub min_throughput: Cutoffs,
    /// To the first token, in seconds.
    pub max_latency: Cutoffs,
}

/// Bounds by the share of requests that is to keep them: half, three in four, nine in ten, 99 in a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cutoffs {
    pub p50: Option<f64>,
    pub p75: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
}

impl Cutoffs {
    /// Whether every bound that is set holds. Where too little was seen for shares, the estimate of the middle
    /// stands for all.
    fn hold(&self, seen: Option<Quantiles>, estimate: f64, keeps: impl Fn(f64, f64) -> bool) -> bool {
        let seen = seen.map_or([estimate; 4], |seen| [seen.p50, seen.p75, seen.p90, seen.p99].map(f64::from));
        let bounds = [self.p50, self.p75, self.p90, self.p99];
        bounds.into_iter().zip(seen).all(|(bound, seen)| bound.is_none_or(|bound| keeps(seen, bound)))
    }
}

impl Thresholds {
    /// Whether an endpoint of this standing reaches everything.
    #[must_use]
    pub fn are_met(&self, standing: &Standing) -> bool {
        self.min_throughput.hold(standing.throughput_at, standing.throughput, |seen, least| seen >= least)
            && self
                .max_latency
                .hold(standing.latency, standing.latency_ms, |seen_ms, most_s| seen_ms <= most_s * 1_000.0)
    }
}
