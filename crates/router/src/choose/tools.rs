//! How well endpoints call tools, compared within their model.
//!
//! An endpoint is put behind the others when it is clearly slower or clearly worse at tools than what is usual
//! for the model. What is usual is the median; how far endpoints usually lie from it is the median absolute
//! deviation, scaled to a standard deviation. Both need four providers with enough data.

use crate::catalogue::{Catalogue, Model};
use crate::health::{Standing, View};

/// Attempts of the last 30 minutes that a judgement of speed needs.
const REQUESTS: u32 = 100;
/// Answers with tool calls of the last two hours that a judgement of them needs.
const TOOL_REQUESTS: u32 = 200;
/// Providers that a comparison needs.
const PROVIDERS: usize = 4;
/// From the median absolute deviation to the standard deviation of what is distributed normally.
const DEVIATION: f64 = 1.4826;
/// Deviations at the least, so that endpoints as like as eggs are not told apart: a share of the median speed,
/// and a share of all tool calls.
const LEAST_SPEED: f64 = 0.05;
const LEAST_SUCCESS: f64 = 0.01;

/// Best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Good,
    /// Too little is known.
    Unknown,
    /// Below one of the cutoffs.
    Behind,
}

impl Class {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "insufficient_data",
            Self::Behind => "deprioritized",
        }
    }
}

/// Below what an endpoint of one model is put behind.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cutoffs {
    /// Output tokens per second.
    speed: Option<f64>,
    /// Share of tool calls that were of use.
    success: Option<f64>,
}

impl Cutoffs {
    /// By every endpoint of the model that can be called, whatever one request rules out.
    pub(super) fn of(model: &Model, catalogue: &Catalogue, health: View<'_>) -> Self {
        let (mut speeds, mut successes) = (Vec::new(), Vec::new());
        for endpoint in catalogue.endpoints_of(model).iter().filter(|endpoint| endpoint.unusable.is_none()) {
            let standing = health.standing(endpoint.key);
            let provider = endpoint.attempt.provider.as_str();
            if standing.requests_30m >= REQUESTS {
                speeds.push((provider, standing.throughput));
            }
            if standing.tool_requests >= TOOL_REQUESTS {
                successes.push((provider, success(&standing)));
            }
        }
        let least = |median: f64| median * LEAST_SPEED;
        Self { speed: cutoff(&speeds, 1.5, least), success: cutoff(&successes, 2.0, |_| LEAST_SUCCESS) }
    }

    pub(super) fn class(&self, standing: &Standing) -> Class {
        let (is_seen, calls_tools) =
            (standing.requests_30m >= REQUESTS, standing.tool_requests >= TOOL_REQUESTS);
        let is_slow = is_seen && self.speed.is_some_and(|cutoff| standing.throughput < cutoff);
        let is_bad = calls_tools && self.success.is_some_and(|cutoff| success(standing) < cutoff);
        match (is_slow || is_bad, is_seen && calls_tools) {
            (true, _) => Class::Behind,
            (false, true) => Class::Good,
            (false, false) => Class::Unknown,
        }
    }
}

/// The share of tool calls that were of use.
pub(super) fn success(standing: &Standing) -> f64 {
    1.0 - f64::from(standing.tool_error_rate)
}

/// The median less so many deviations. `None` with too few providers.
fn cutoff(seen: &[(&str, f64)], deviations: f64, least: impl Fn(f64) -> f64) -> Option<f64> {
    let mut providers: Vec<&str> = seen.iter().map(|(provider, _)| *provider).collect();
    providers.sort_unstable();
    providers.dedup();
    if providers.len() < PROVIDERS {
        return None;
    }
    let middle = median(seen.iter().map(|(_, value)| *value).collect())?;
    let spread = median(seen.iter().map(|(_, value)| (value - middle).abs()).collect())?;
    Some(middle - deviations * (spread * DEVIATION).max(least(middle)))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutoff_is_the_median_less_some_deviations_and_needs_four_providers() {
        let seen = [("a", 100.0), ("b", 90.0), ("c", 110.0), ("d", 20.0)];
        // Median 95, deviations 5, 5, 15, 75: their median is 10.
        let expected = 95.0 - 1.5 * 10.0 * DEVIATION;
        assert!((cutoff(&seen, 1.5, |_| 0.0).unwrap() - expected).abs() < 1e-9);
        assert_eq!(cutoff(&[("a", 1.0), ("b", 1.0), ("c", 1.0), ("c", 1.0)], 1.5, |_| 0.0), None);
        let alike = [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 0.99)];
        assert!((cutoff(&alike, 2.0, |_| LEAST_SUCCESS).unwrap() - 0.98).abs() < 1e-9);
    }
}
