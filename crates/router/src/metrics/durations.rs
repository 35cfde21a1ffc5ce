//! A histogram of short times whose writers share no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Upper bounds in nanoseconds: a plan is a matter of microseconds.
const BOUNDS: [u64; 8] = [5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 2_000_000, 10_000_000];

/// Times by bucket. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durations(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The last one takes what is beyond every bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    pub(crate) fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| nanoseconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.0.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds for people; the last bits of a long sum do not matter"
)]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
        let counts = self.0.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.0.nanoseconds.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_of_their_bound() {
        let durations = Durations::default();
        for nanoseconds in [1, 5_000, 5_001, 10_000_001] {
            durations.observe(Duration::from_nanos(nanoseconds));
        }
        let counts: Vec<u64> =
            durations.0.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 1]);
        let metrics = lifecycle::Metrics::default();
        metrics.register("plan_seconds", "Time", durations);
        let text = metrics.render();
        assert!(text.contains("plan_seconds_count 4"), "{text}");
        assert!(text.contains("plan_seconds_bucket{le=\"0.00001\"} 3"), "{text}");
    }
}
