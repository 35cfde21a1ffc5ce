//! Health as the public catalogue shows it.

use super::cell::{Counts, Kept as _};
use super::standing::Quantiles;
use super::windows::{Windows, quantiles, total, uptime_percent};
use super::{Health, Key};

/// What is shown of one endpoint under one credential.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Display {
    /// Percent of the attempts in the last five minutes that went well; `None` = too few to tell.
    pub uptime_5m: Option<f64>,
    pub uptime_30m: Option<f64>,
    pub uptime_1d: Option<f64>,
    /// Milliseconds to the first token; `None` = too little data.
    pub latency_30m: Option<Quantiles>,
    /// Output tokens per second, likewise.
    pub throughput_30m: Option<Quantiles>,
    /// Attempts in the last day, good and bad.
    pub requests: u64,
    /// Answers in the last two hours that ended in tool calls.
    pub tool_answers: u64,
    /// Those of them whose calls were no use.
    pub tool_errors: u64,
}

impl Health {
    /// What is shown of an endpoint, at most ten seconds old. Of one that nobody has seen: nothing.
    #[must_use]
    pub fn display(&self, key: Key, now_ms: u64) -> Display {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&key) else { return Display::default() };
        record.refresh(now_ms);
        record.windows.display(now_ms)
    }
}

impl Windows {
    pub(super) fn display(&self, now_ms: u64) -> Display {
        let five: Counts = total(self.routing(now_ms).map(Counts::of));
        let (half_hour, day) = self.outcomes(now_ms);
        let (latency_30m, throughput_30m) = quantiles(self.half_hour(now_ms));
        let tools = self.tools(now_ms);
        Display {
            uptime_5m: uptime_percent(&five),
            uptime_30m: uptime_percent(&half_hour),
            uptime_1d: uptime_percent(&day),
            latency_30m,
            throughput_30m,
            requests: day.total(),
            tool_answers: tools.answers,
            tool_errors: tools.errors,
        }
    }
}
