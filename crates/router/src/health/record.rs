//! The health of one endpoint under one credential, as observations come in.

use super::standing::{PRIOR_LATENCY_MS, PRIOR_THROUGHPUT, Standing, State, Uptime};
use super::window::{Cell, Ring};
use crate::HealthConfig;

/// Ten seconds in buckets of one: what ejects.
type Fine = Ring<10, 1_000>;
/// Five minutes in buckets of ten seconds: what orders, and what routers share.
pub(crate) type Coarse = Ring<31, 10_000>;

/// Buckets of [`Coarse`] that the windows take in, the running one included.
const OUTAGE_BUCKETS: u64 = 3;
const ROUTING_BUCKETS: u64 = 30;

/// An outage is significant from this many faults in its window on, if they are a quarter of the attempts.
const OUTAGE_FAULTS: u64 = 3;
/// Attempts that a statement about uptime needs.
const UPTIME_ATTEMPTS: u64 = 100;
/// How many observations the priors of latency and throughput weigh.
const PRIOR_WEIGHT: f64 = 5.0;
/// An ejection counts on from the last one if that ended less than this ago.
const EJECTION_MEMORY_MS: u64 = 300_000;

/// One batch of observations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observed {
    pub cell: Cell,
    /// The endpoint asked to be left alone for this long; 0 = it did not say.
    pub cooldown_ms: u64,
    /// Faults in a row at the end of the batch, as the observer counts them.
    pub consecutive_faults: u32,
}

/// Everything kept of one endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    fine: Fine,
    coarse: Coarse,
    /// What other routers saw, where it was more.
    others: Coarse,
    consecutive_faults: u32,
    state: State,
    /// How many ejections have followed one another.
    ejections: u32,
    next_probe_ms: u64,
    cooling_until_ms: u64,
    pub(crate) last_seen_ms: u64,
    last_success_ms: u64,
}

impl Record {
    /// Takes a batch in. Whether it led to an ejection.
    pub(crate) fn observe(
        &mut self,
        seen: &Observed,
        now_ms: u64,
        config: &HealthConfig,
        jitter: u64,
    ) -> bool {
        self.fine.add(now_ms, &seen.cell);
        self.coarse.add(now_ms, &seen.cell);
        self.last_seen_ms = now_ms;
        let faults = u32::try_from(seen.cell.faults).unwrap_or(u32::MAX);
        if seen.cell.successes > 0 {
            self.last_success_ms = now_ms;
            self.consecutive_faults = seen.consecutive_faults.min(faults);
        } else if faults > 0 {
            // The observer may remember faults from before we started.
            self.consecutive_faults =
                self.consecutive_faults.saturating_add(faults).max(seen.consecutive_faults);
        }
        if seen.cell.rate_limits > 0 || seen.cooldown_ms > 0 {
            let asked = if seen.cooldown_ms > 0 { seen.cooldown_ms } else { config.default_cooldown_ms };
            let until = now_ms.saturating_add(asked.min(config.cooldown_limit_ms));
            self.cooling_until_ms = self.cooling_until_ms.max(until);
        }
        self.advance(seen, now_ms, config, jitter)
    }

    fn advance(&mut self, seen: &Observed, now_ms: u64, config: &HealthConfig, jitter: u64) -> bool {
        match self.state {
            // Nothing that comes back now began after the ejection, but for requests of last resort.
            State::Ejected { until_ms } if now_ms < until_ms => false,
            State::Ejected { .. } if seen.cell.faults > 0 => self.eject(now_ms, config, jitter),
            State::Ejected { .. } if seen.cell.successes > 0 => {
                self.state = State::Recovering { since_ms: now_ms };
                self.consecutive_faults = 0;
                false
            }
            State::Ejected { .. } => false,
            State::Closed | State::Recovering { .. } => {
                if self.is_failing(now_ms, config) {
                    return self.eject(now_ms, config, jitter);
                }
                if let State::Recovering { since_ms } = self.state
                    && now_ms >= since_ms.saturating_add(config.regain_ms)
                {
                    self.state = State::Closed;
                }
                false
            }
        }
    }

    fn is_failing(&self, now_ms: u64, config: &HealthConfig) -> bool {
        if self.consecutive_faults >= config.consecutive_faults {
            return true;
        }
        let recent = self.fine.sum(now_ms, 10);
        recent.total() >= u64::from(config.fault_minimum)
            && recent.faults.saturating_mul(100)
                >= recent.total().saturating_mul(u64::from(config.fault_percent))
    }

    /// Leaves the endpoint alone, longer each time in a row. `jitter` is 0 to 99 permille on top.
    fn eject(&mut self, now_ms: u64, config: &HealthConfig, jitter: u64) -> bool {
        let last_end = match self.state {
            State::Ejected { until_ms } => until_ms,
            State::Recovering { since_ms } => since_ms,
            State::Closed => self.next_probe_ms,
        };
        let is_repeat = self.ejections > 0 && now_ms < last_end.saturating_add(EJECTION_MEMORY_MS);
        self.ejections = if is_repeat { self.ejections.saturating_add(1) } else { 1 };
        let length =
            config.ejection_ms.saturating_mul(u64::from(self.ejections)).min(config.ejection_limit_ms);
        let until_ms = now_ms.saturating_add(length).saturating_add(length.saturating_mul(jitter) / 1_000);
        self.state = State::Ejected { until_ms };
        self.next_probe_ms = until_ms;
        self.consecutive_faults = 0;
        true
    }

    /// Takes the right to the next probe, if it is due.
    pub(crate) fn claim_probe(&mut self, now_ms: u64, config: &HealthConfig) -> bool {
        let is_due = matches!(self.state, State::Ejected { until_ms } if until_ms <= now_ms)
            && self.next_probe_ms <= now_ms;
        if is_due {
            self.next_probe_ms = now_ms.saturating_add(config.probe_every_ms);
        }
        is_due
    }

    pub(crate) fn standing(&self, now_ms: u64) -> Standing {
        let outage = self.seen(now_ms, OUTAGE_BUCKETS);
        let routing = self.seen(now_ms, ROUTING_BUCKETS);
        Standing {
            state: self.state,
            next_probe_ms: self.next_probe_ms,
            cooling_until_ms: self.cooling_until_ms,
            outage: outage.faults >= OUTAGE_FAULTS && outage.faults.saturating_mul(4) >= outage.total(),
            uptime: uptime(&routing),
            latency_ms: toward_prior(routing.first_token_ms, routing.successes, PRIOR_LATENCY_MS),
            throughput: throughput(&routing),
            ..Standing::default()
        }
    }

    /// The last `count` shared buckets: per bucket our view or another's, whichever saw more.
    pub(crate) fn seen(&self, now_ms: u64, count: u64) -> Cell {
        let mut sum = Cell::default();
        for bucket in Coarse::buckets(now_ms, count) {
            let ours = self.coarse.get(bucket).copied().unwrap_or_default();
            let theirs = self.others.get(bucket).copied().unwrap_or_default();
            sum.add(if theirs.total() > ours.total() { &theirs } else { &ours });
        }
        sum
    }

    /// Our own view of a shared bucket, if there is anything in it.
    pub(crate) fn own(&self, bucket: u64) -> Option<Cell> {
        self.coarse.get(bucket).copied().filter(|cell| *cell != Cell::default())
    }

    /// Takes in what another router saw.
    pub(crate) fn hear(&mut self, bucket: u64, cell: &Cell, now_ms: u64) {
        self.others.raise(bucket, cell);
        self.last_seen_ms = now_ms;
    }

    /// Takes over another router's ejection, unless our own eyes know better.
    pub(crate) fn hear_ejection(
        &mut self,
        until_ms: u64,
        ejections: u32,
        now_ms: u64,
        config: &HealthConfig,
    ) {
        let seen_well = now_ms < self.last_success_ms.saturating_add(config.regain_ms);
        let is_plausible =
            until_ms > now_ms && until_ms <= now_ms.saturating_add(config.ejection_limit_ms * 2);
        if is_plausible && !seen_well && self.state == State::Closed {
            self.state = State::Ejected { until_ms };
            self.next_probe_ms = until_ms;
            self.ejections = ejections;
            self.last_seen_ms = now_ms;
        }
    }

    /// Until when it is ejected and how often it was in a row, while that is so.
    pub(crate) fn ejection(&self, now_ms: u64) -> Option<(u64, u32)> {
        match self.state {
            State::Ejected { until_ms } if until_ms > now_ms => Some((until_ms, self.ejections)),
            _ => None,
        }
    }
}

fn uptime(seen: &Cell) -> Uptime {
    if seen.total() < UPTIME_ATTEMPTS {
        return Uptime::Good;
    }
    let up = |percent: u64| seen.successes.saturating_mul(100) >= seen.total().saturating_mul(percent);
    match (up(95), up(80)) {
        (true, _) => Uptime::Good,
        (false, true) => Uptime::Degraded,
        (false, false) => Uptime::Poor,
    }
}

/// Good attempts in percent, once there are enough for a statement.
#[expect(clippy::cast_precision_loss, reason = "a percentage; the last bits of a count do not matter")]
pub(super) fn uptime_percent(successes: u64, attempts: u64) -> Option<f64> {
    (attempts >= UPTIME_ATTEMPTS).then(|| successes as f64 * 100.0 / attempts as f64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate for sorting; a count beyond 2^53 may lose its last bits"
)]
fn toward_prior(sum: u64, count: u64, prior: f64) -> f64 {
    (prior * PRIOR_WEIGHT + sum as f64) / (PRIOR_WEIGHT + count as f64)
}

/// Tokens per second over all generations, with some generations of 200 tokens at the prior's speed mixed in.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate for sorting; a sum beyond 2^53 may lose its last bits"
)]
fn throughput(seen: &Cell) -> f64 {
    const PRIOR_TOKENS: f64 = PRIOR_WEIGHT * 200.0;
    let seconds = PRIOR_TOKENS / PRIOR_THROUGHPUT + seen.generation_ms as f64 / 1_000.0;
    (PRIOR_TOKENS + seen.output_tokens as f64) / seconds
}

#[cfg(test)]
mod tests;
