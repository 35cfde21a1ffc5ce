//! What one load on one target showed.

use serde::Serialize;

/// The counts of a load generator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Requests answered rightly.
    pub(crate) good: u64,
    /// Generated chunks that came through.
    pub(crate) chunks: u64,
    pub(crate) failed: u64,
    /// The first thing that was wrong.
    pub(crate) complaint: Option<String>,
    /// Microseconds to the end of the answer, from when it should have been sent.
    pub(crate) latencies: Vec<u64>,
    /// Microseconds to the first token, likewise.
    pub(crate) firsts: Vec<u64>,
    pub(crate) seconds: f64,
}

impl Tally {
    pub(crate) fn fail(&mut self, error: &anyhow::Error) {
        self.failed += 1;
        self.complaint.get_or_insert_with(|| format!("{error:#}"));
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.good += other.good;
        self.chunks += other.chunks;
        self.failed += other.failed;
        self.complaint = self.complaint.take().or(other.complaint);
        self.latencies.extend(other.latencies);
        self.firsts.extend(other.firsts);
    }
}

/// One load on one target in one round.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sample {
    pub(crate) good: u64,
    pub(crate) chunks: u64,
    pub(crate) failed: u64,
    pub(crate) complaint: Option<String>,
    pub(crate) seconds: f64,
    /// CPU of the target's own processes in microseconds.
    pub(crate) cpu_own: u64,
    /// CPU of its own processes and of its databases and buses.
    pub(crate) cpu_all: u64,
    /// CPU of the load generator and of the upstream, to see what was left.
    pub(crate) cpu_client: u64,
    pub(crate) cpu_upstream: u64,
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
    pub(crate) first_p50: Option<u64>,
    pub(crate) first_p99: Option<u64>,
    pub(crate) memory_before: u64,
    pub(crate) memory_during: u64,
    /// Open streams when memory was read.
    pub(crate) streams: u64,
    /// Microseconds of the longest pause within a held stream.
    pub(crate) longest_pause: Option<u64>,
    /// Seconds from the last answer until all usage was settled.
    pub(crate) settled_after: Option<f64>,
    /// Requests a second at which p99 stayed within 1, 5, 10, 50, 100 ms.
    pub(crate) curve: Vec<(u64, u32)>,
}

impl Sample {
    pub(crate) fn of(mut tally: Tally) -> Self {
        tally.latencies.sort_unstable();
        tally.firsts.sort_unstable();
        Self {
            good: tally.good,
            chunks: tally.chunks,
            failed: tally.failed,
            complaint: tally.complaint,
            seconds: tally.seconds,
            p50: quantile(&tally.latencies, 50),
            p99: quantile(&tally.latencies, 99),
            first_p50: quantile(&tally.firsts, 50),
            first_p99: quantile(&tally.firsts, 99),
            ..Self::default()
        }
    }

    /// Whether more than one request in a hundred went wrong.
    pub(crate) const fn is_spoiled(&self) -> bool {
        self.failed * 100 > self.good + self.failed || self.good == 0
    }
}

/// The value below which so many of a hundred sorted values lie.
pub(crate) fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((sorted.len() * percent / 100).min(last)).copied()
}

/// The middle value; the lower of two.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_medians() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&values, 50), quantile(&values, 99)), (Some(51), Some(100)));
        assert_eq!((quantile(&[], 50), median(vec![])), (None, None));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    }
}
