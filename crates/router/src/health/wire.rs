//! Observations as workers send them.

use rpc::router::{Observation, SketchBucket};
use uuid::Uuid;

use super::{Cell, Key, Observed, Sketch};

impl Observed {
    /// Reads an observation; `None` when it names no endpoint.
    #[must_use]
    pub fn read(observation: &Observation) -> Option<(Key, Self)> {
        let credential = match observation.credential_id.as_str() {
            "" => Uuid::nil(),
            text => Uuid::parse_str(text).ok()?,
        };
        let key = Key { endpoint: Uuid::parse_str(&observation.endpoint_id).ok()?, credential };
        let cell = Cell {
            successes: u64::from(observation.successes),
            faults: u64::from(observation.faults),
            rate_limits: u64::from(observation.rate_limits),
            first_token_ms: observation.first_token_ms_sum,
            output_tokens: observation.output_tokens_sum,
            generation_ms: observation.generation_ms_sum,
            tool_answers: u64::from(observation.tool_answers),
            tool_errors: u64::from(observation.tool_errors.min(observation.tool_answers)),
            first_tokens: sketch(&observation.first_token_ms),
            speeds: sketch(&observation.throughput),
        };
        let observed = Self {
            cell,
            cooldown_ms: u64::from(observation.cooldown_ms),
            consecutive_faults: observation.consecutive_faults,
            revivals: observation.revivals,
            late_faults: observation.late_faults,
        };
        Some((key, observed))
    }
}

fn sketch(buckets: &[SketchBucket]) -> Sketch {
    let mut sketch = Sketch::default();
    buckets.iter().for_each(|bucket| sketch.count(bucket.index, bucket.count));
    sketch
}
