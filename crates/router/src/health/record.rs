//! The health of one endpoint under one credential, as observations come in.

use super::cell::{Cell, Counts, Kept as _};
use super::day::Told;
use super::display::Display;
use super::history::{Cause, Change, History};
use super::standing::{PRIOR_LATENCY_MS, PRIOR_THROUGHPUT, Quantiles, Standing, State, Uptime};
use super::window::Window;
use super::windows::{Span, UPTIME_ATTEMPTS, Windows, quantiles, total};
use crate::HealthConfig;

/// Ten seconds in buckets of one: what ejects.
type Fine = Window<Counts, 10, 1_000>;

/// Buckets of ten seconds that speak of an outage, the running one included, and those that speak of uptime.
const OUTAGE_BUCKETS: u64 = 3;
const UPTIME_BUCKETS: u64 = 30;

/// An outage is significant from this many faults in its window on, if they are a quarter of the attempts.
const OUTAGE_FAULTS: u64 = 3;
/// How many observations the priors of latency and throughput weigh.
const PRIOR_WEIGHT: f64 = 5.0;
/// An ejection counts on from the last one if that ended less than this ago.
const EJECTION_MEMORY_MS: u64 = 300_000;
/// How old what takes long to compute may become where there is news and few attempts to go by; and where there
/// are many, of which a few more change little, or time alone passes.
const NEWS_MS: u64 = 1_000;
const AGE_MS: u64 = 10_000;
/// Attempts within five minutes that are many.
const MANY: u64 = 200;

/// One batch of observations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    pub cell: Cell,
    /// The endpoint asked to be left alone for this long; 0 = it did not say.
    pub cooldown_ms: u64,
    /// Faults in a row at the end of the batch, as the observer counts them.
    pub consecutive_faults: u32,
    /// Probes whose answers began to come.
    pub revivals: u32,
    /// Those of the faults whose attempts began before the observer took the endpoint for down.
    pub late_faults: u32,
}

/// Everything kept of one endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    fine: Fine,
    pub(super) windows: Windows,
    derived: Derived,
    consecutive_faults: u32,
    state: State,
    /// How many ejections have followed one another.
    ejections: u32,
    next_probe_ms: u64,
    cooling_until_ms: u64,
    /// When it last came back: nothing before speaks against it any more.
    recovered_ms: u64,
    pub(super) last_seen_ms: u64,
    last_success_ms: u64,
    history: History,
}

/// The part of a standing that takes long to compute.
#[derive(Debug, Clone, Copy, Default)]
struct Derived {
    at_ms: u64,
    is_outdated: bool,
    has_many: bool,
    latency: Option<Quantiles>,
    throughput_at: Option<Quantiles>,
    tool_requests: u32,
    tool_error_rate: f32,
    requests_30m: u32,
}

/// Everything that an operator may want to know of one endpoint under one credential.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub standing: Standing,
    pub display: Display,
    /// The last five minutes, the last 30, and the last day: good attempts, faults, rate limits.
    pub outcomes: [(u64, u64, u64); 3],
    /// Of the last five minutes.
    pub latency: Option<Quantiles>,
    pub throughput: Option<Quantiles>,
    /// How many ejections have followed one another.
    pub ejections: u32,
    pub last_seen_ms: u64,
    /// Oldest first, each with its moment in Unix milliseconds.
    pub history: Vec<(u64, Change)>,
}

impl Record {
    /// Takes a batch in. Whether it led to an ejection.
    pub(super) fn observe(
        &mut self,
        seen: &Observed,
        now_ms: u64,
        config: &HealthConfig,
        jitter: u64,
    ) -> bool {
        let news = Counts { faults: fresh_faults(seen), ..Counts::of(&seen.cell) };
        self.fine.add(now_ms, &news);
        self.windows.add(now_ms, &seen.cell);
        self.derived.is_outdated = true;
        self.last_seen_ms = now_ms;
        self.count_in_a_row(seen, news.faults);
        if news.successes > 0 {
            self.last_success_ms = now_ms;
        }
        if news.rate_limits > 0 || seen.cooldown_ms > 0 {
            self.cool(seen.cooldown_ms, now_ms, config);
        }
        self.advance(seen, &news, now_ms, config, jitter)
    }

    fn count_in_a_row(&mut self, seen: &Observed, faults: u64) {
        let faults = u32::try_from(faults).unwrap_or(u32::MAX);
        if seen.cell.successes > 0 {
            self.consecutive_faults = seen.consecutive_faults.min(faults);
        } else if faults > 0 {
            // The observer may remember faults from before we started.
            self.consecutive_faults =
                self.consecutive_faults.saturating_add(faults).max(seen.consecutive_faults);
        }
    }

    fn cool(&mut self, asked_ms: u64, now_ms: u64, config: &HealthConfig) {
        let asked_ms = if asked_ms > 0 { asked_ms } else { config.default_cooldown_ms };
        let until_ms = now_ms.saturating_add(asked_ms.min(config.cooldown_limit_ms));
        self.cooling_until_ms = self.cooling_until_ms.max(until_ms);
        self.history.note(now_ms, Change::Cooling { until_ms: self.cooling_until_ms, times: 1 });
    }

    fn advance(
        &mut self,
        seen: &Observed,
        news: &Counts,
        now_ms: u64,
        config: &HealthConfig,
        jitter: u64,
    ) -> bool {
        match self.state {
            State::Ejected { .. } if seen.revivals > 0 => self.recover(now_ms),
            // Nothing that comes back now began after the ejection, but for requests of last resort.
            State::Ejected { until_ms } if now_ms < until_ms => {}
            State::Ejected { .. } if news.successes > 0 => self.recover(now_ms),
            // The next probe goes when it would have gone anyway: an outage that lasts long is not left sooner or
            // later than a short one.
            State::Ejected { .. } if news.faults > 0 => {
                let times = u32::try_from(news.faults).unwrap_or(u32::MAX);
                self.history.note(now_ms, Change::ProbeFailed { times });
            }
            State::Ejected { .. } => {}
            State::Closed | State::Recovering { .. } => {
                if let Some(cause) = self.failing(now_ms, config) {
                    self.eject(cause, now_ms, config, jitter);
                    return true;
                }
                self.pass(now_ms, config);
            }
        }
        false
    }

    /// Lets time pass: who has recovered for long enough is as good as any.
    pub(super) fn pass(&mut self, now_ms: u64, config: &HealthConfig) {
        if let State::Recovering { since_ms } = self.state
            && now_ms >= since_ms.saturating_add(config.regain_ms)
        {
            self.state = State::Closed;
            self.history.note(now_ms, Change::Closed);
        }
    }

    fn recover(&mut self, now_ms: u64) {
        self.state = State::Recovering { since_ms: now_ms };
        self.recovered_ms = now_ms;
        self.consecutive_faults = 0;
        self.fine.clear();
        self.history.note(now_ms, Change::Recovering);
    }

    fn failing(&self, now_ms: u64, config: &HealthConfig) -> Option<Cause> {
        if self.consecutive_faults >= config.consecutive_faults {
            return Some(Cause::InARow(self.consecutive_faults));
        }
        let recent: Counts = total(self.fine.last(now_ms, 10));
        let is_failing = recent.total() >= u64::from(config.fault_minimum)
            && recent.faults.saturating_mul(100)
                >= recent.total().saturating_mul(u64::from(config.fault_percent));
        is_failing.then(|| Cause::Share { faults: recent.faults, attempts: recent.total() })
    }

    /// Leaves the endpoint alone, longer each time that it did not stay well. `jitter` is 0 to 99 permille on top.
    fn eject(&mut self, cause: Cause, now_ms: u64, config: &HealthConfig, jitter: u64) {
        let is_repeat = self.ejections > 0 && now_ms < self.recovered_ms.saturating_add(EJECTION_MEMORY_MS);
        self.ejections = if is_repeat { self.ejections.saturating_add(1) } else { 1 };
        let length =
            config.ejection_ms.saturating_mul(u64::from(self.ejections)).min(config.ejection_limit_ms);
        let until_ms = now_ms.saturating_add(length).saturating_add(length.saturating_mul(jitter) / 1_000);
        self.state = State::Ejected { until_ms };
        self.next_probe_ms = until_ms;
        self.consecutive_faults = 0;
        self.history.note(now_ms, Change::Ejected { cause, until_ms });
    }

    /// Takes the right to the next probe, if it is due.
    pub(super) fn claim_probe(&mut self, now_ms: u64, config: &HealthConfig) -> bool {
        let is_due = matches!(self.state, State::Ejected { until_ms } if until_ms <= now_ms)
            && self.next_probe_ms <= now_ms
            && self.cooling_until_ms <= now_ms;
        if is_due {
            self.next_probe_ms = now_ms.saturating_add(config.probe_every_ms);
        }
        is_due
    }

    pub(super) fn standing(&self, now_ms: u64) -> Standing {
        let judged = |buckets| -> Counts {
            total(self.windows.since(self.recovered_ms, now_ms, buckets).map(Counts::of))
        };
        let outage = judged(OUTAGE_BUCKETS);
        Standing {
            state: self.state,
            // One that asked to be left alone is not probed either.
            next_probe_ms: self.next_probe_ms.max(self.cooling_until_ms),
            cooling_until_ms: self.cooling_until_ms,
            outage: outage.faults >= OUTAGE_FAULTS && outage.faults.saturating_mul(4) >= outage.total(),
            uptime: uptime(&judged(UPTIME_BUCKETS)),
            latency_ms: latency(self.windows.routing(now_ms)),
            throughput: throughput(self.windows.routing(now_ms)),
            latency: self.derived.latency,
            throughput_at: self.derived.throughput_at,
            tool_requests: self.derived.tool_requests,
            tool_error_rate: self.derived.tool_error_rate,
            requests_30m: self.derived.requests_30m,
        }
    }

    /// Brings what takes long to compute up to date, if it is due.
    pub(super) fn refresh(&mut self, now_ms: u64) {
        let is_urgent = self.derived.is_outdated && !self.derived.has_many;
        let allowed = if is_urgent { NEWS_MS } else { AGE_MS };
        if now_ms >= self.derived.at_ms.saturating_add(allowed) {
            self.windows.roll_up(now_ms);
            self.derived = self.derive(now_ms);
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a share; the last bits of a count do not matter"
    )]
    fn derive(&self, now_ms: u64) -> Derived {
        let (latency, throughput_at) = quantiles(self.windows.routing(now_ms));
        let (half_hour, _) = self.windows.outcomes(now_ms);
        let tools = self.windows.tools(now_ms);
        let five: Counts = total(self.windows.routing(now_ms).map(Counts::of));
        Derived {
            at_ms: now_ms,
            is_outdated: false,
            has_many: five.total() >= MANY,
            latency,
            throughput_at,
            tool_requests: u32::try_from(tools.answers).unwrap_or(u32::MAX),
            tool_error_rate: (tools.errors as f64 / tools.answers.max(1) as f64) as f32,
            requests_30m: u32::try_from(half_hour.total()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn report(&mut self, now_ms: u64) -> Report {
        self.windows.roll_up(now_ms);
        self.derived = self.derive(now_ms);
        let (half_hour, day) = self.windows.outcomes(now_ms);
        let told = |one: Counts| (one.successes, one.faults, one.rate_limits);
        Report {
            standing: self.standing(now_ms),
            display: self.windows.display(now_ms),
            outcomes: [self.seen(now_ms), told(half_hour), told(day)],
            latency: self.derived.latency,
            throughput: self.derived.throughput_at,
            ejections: self.ejections,
            last_seen_ms: self.last_seen_ms,
            history: self.history.list(),
        }
    }

    /// The last five minutes: good attempts, faults, rate limits.
    pub(super) fn seen(&self, now_ms: u64) -> (u64, u64, u64) {
        let seen: Counts = total(self.windows.routing(now_ms).map(Counts::of));
        (seen.successes, seen.faults, seen.rate_limits)
    }

    /// Takes in what another router saw.
    pub(super) fn hear(&mut self, span: Span, bucket: u64, view: &Told, now_ms: u64) {
        if self.windows.hear(span, bucket, view) {
            self.derived.is_outdated = true;
            let end_ms = bucket.saturating_add(1).saturating_mul(span.width_ms());
            self.last_seen_ms = self.last_seen_ms.max(end_ms.min(now_ms));
        }
    }

    /// Takes over another router's ejection, unless our own eyes know better.
    pub(super) fn hear_ejection(
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
            self.history.note(now_ms, Change::Ejected { cause: Cause::Heard, until_ms });
        }
    }

    /// Until when it is ejected and how often it was in a row, while that is so.
    pub(super) fn ejection(&self, now_ms: u64) -> Option<(u64, u32)> {
        match self.state {
            State::Ejected { until_ms } if until_ms > now_ms => Some((until_ms, self.ejections)),
            _ => None,
        }
    }
}

/// Faults that say how the endpoint is now.
fn fresh_faults(seen: &Observed) -> u64 {
    seen.cell.faults.saturating_sub(u64::from(seen.late_faults))
}

fn uptime(seen: &Counts) -> Uptime {
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

/// Mean milliseconds to the first token, with some answers at the prior's speed mixed in.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate for sorting; a count beyond 2^53 may lose its last bits"
)]
fn latency<'a>(cells: impl Iterator<Item = &'a Cell>) -> f64 {
    let (sum, count) = cells.fold((0_u64, 0_u64), |(sum, count), cell| {
        (sum.saturating_add(cell.first_token_ms), count.saturating_add(cell.successes))
    });
    (PRIOR_LATENCY_MS * PRIOR_WEIGHT + sum as f64) / (PRIOR_WEIGHT + count as f64)
}

/// Tokens per second over all generations, with some generations of 200 tokens at the prior's speed mixed in.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate for sorting; a sum beyond 2^53 may lose its last bits"
)]
fn throughput<'a>(cells: impl Iterator<Item = &'a Cell>) -> f64 {
    const PRIOR_TOKENS: f64 = PRIOR_WEIGHT * 200.0;
    let (tokens, millis) = cells.fold((0_u64, 0_u64), |(tokens, millis), cell| {
        (tokens.saturating_add(cell.output_tokens), millis.saturating_add(cell.generation_ms))
    });
    (PRIOR_TOKENS + tokens as f64) / (PRIOR_TOKENS / PRIOR_THROUGHPUT + millis as f64 / 1_000.0)
}

#[cfg(test)]
mod tests;
