//! Health as the public catalogue shows it.

use super::{Health, Key, Quantiles};

/// What is shown of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Display {
    /// Percent of the attempts in the last five minutes that went well; `None` = too few to tell.
    pub uptime_5m: Option<f64>,
    pub uptime_30m: Option<f64>,
    pub uptime_1d: Option<f64>,
    /// Milliseconds to the first token.
    pub latency_30m: Option<Quantiles>,
    /// Output tokens per second.
    pub throughput_30m: Option<Quantiles>,
    /// Attempts in the last day.
    pub requests: u64,
    /// Answers in the last two hours that ended in tool calls.
    pub tool_answers: u64,
    /// Those of them whose calls were no use.
    pub tool_errors: u64,
}

impl Health {
    /// What is shown of an endpoint at `now_ms`, in Unix milliseconds.
    #[must_use]
    pub const fn display(&self, _key: Key, _now_ms: u64) -> Display {
        Display {
            uptime_5m: None,
            uptime_30m: None,
            uptime_1d: None,
            latency_30m: None,
            throughput_30m: None,
            requests: 0,
            tool_answers: 0,
            tool_errors: 0,
        }
    }
}
