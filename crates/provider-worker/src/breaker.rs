//! This worker's own view of each endpoint and credential: what to pass over, and what to tell the routers.
//!
//! Faults open a breaker. While it is open one attempt is let through each [`OPEN`], however long the outage has
//! lasted, and whatever the routers mark as their probe; content closes it. What began before the breaker last
//! opened or closed says nothing new: were attempts that hung through an outage to open it again as they fail, an
//! endpoint that is long well would be left alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rpc::router::{Attempt, Observation, SketchBucket};
use rpc::sketch;

/// Faults in a row that open the breaker.
const FAULTS: u32 = 5;
/// It also opens when half of at least [`ENOUGH`] attempts within [`WINDOW`] failed.
const ENOUGH: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// How long it stays open before an attempt probes, and from one probe to the next.
const OPEN: Duration = Duration::from_secs(15);
/// How long an endpoint is left alone that asked for it without saying for how long.
const COOLDOWN: Duration = Duration::from_secs(1);
/// The longest that an endpoint's own wish is followed.
const LONGEST: Duration = Duration::from_secs(300);
/// How long a breaker is remembered after the last failure: no attempt takes longer.
const KEPT: Duration = Duration::from_secs(900);

/// What one attempt showed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sighting {
    /// The answer came to a good end.
    Success {
        first_token: Duration,
        /// From the first content to the last.
        generation: Duration,
        /// 0 = it is no conversation.
        output_tokens: u64,
        /// Whether the calls of tools that it ended in are of use; `None` = it ended in none.
        tools: Option<bool>,
    },
    /// A failure that counts against the endpoint.
    Fault,
    /// The endpoint asked to be left alone.
    RateLimited { retry_after: Option<Duration> },
}

impl Sighting {
    pub(crate) fn with_tools(self, tools: Option<bool>) -> Self {
        match self {
            Self::Success { first_token, generation, output_tokens, .. } => {
                Self::Success { first_token, generation, output_tokens, tools }
            }
            other => other,
        }
    }
}

#[derive(Default)]
pub(crate) struct Breakers(Mutex<State>);

#[derive(Default)]
struct State {
    /// Only of those that lately failed.
    breakers: HashMap<(String, String), Breaker>,
    unsent: HashMap<(String, String), Observation>,
}

struct Breaker {
    consecutive: u32,
    window: Option<Window>,
    /// When the next attempt is let through, while it is open.
    next_probe: Option<Instant>,
    /// When it last opened or closed.
    changed: Option<Instant>,
    cooling_until: Option<Instant>,
    last_failure: Instant,
}

#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    attempts: u32,
    faults: u32,
}

/// What a sighting means for the breaker.
#[derive(Clone, Copy)]
enum Judged {
    /// The attempt began before the breaker last opened or closed.
    Late,
    /// It is open and stays so.
    Open,
    /// The faults in a row, this one included.
    Closed { consecutive: u32 },
}

impl Breakers {
    /// Whether an attempt is to be made. An open breaker lets one through each [`OPEN`], and every probe of the
    /// routers.
    pub(crate) fn admits(&self, attempt: &Attempt, now: Instant) -> bool {
        let mut state = self.state();
        let Some(breaker) = state.breakers.get_mut(&key(attempt)) else { return true };
        let is_cooling = breaker.cooling_until.is_some_and(|until| now < until);
        let is_waiting = breaker.next_probe.is_some_and(|at| now < at);
        if !attempt.probe && (is_cooling || is_waiting) {
            return false;
        }
        if let Some(next_probe) = &mut breaker.next_probe {
            *next_probe = now + OPEN;
        }
        true
    }

    /// Content came: others may try as well, though nothing is known yet of how the answer ends.
    pub(crate) fn answered(&self, attempt: &Attempt, began: Instant, now: Instant) {
        let mut state = self.state();
        let key = key(attempt);
        let closes = state.breakers.get_mut(&key).is_some_and(|breaker| breaker.answered(began, now));
        if closes || attempt.probe {
            state.unsent(key).revivals += 1;
        }
    }

    /// Takes note of how an attempt that began at a moment ended.
    pub(crate) fn see(&self, attempt: &Attempt, sighting: Sighting, began: Instant, now: Instant) {
        let mut state = self.state();
        let key = key(attempt);
        let judged = state.judge(&key, sighting, began, now);
        let unsent = state.unsent(key);
        if let Judged::Closed { consecutive } = judged {
            unsent.consecutive_faults = consecutive;
        }
        match sighting {
            Sighting::Success { first_token, generation, output_tokens, tools } => {
                unsent.successes += 1;
                time(unsent, first_token, generation, output_tokens);
                unsent.tool_answers += u32::from(tools.is_some());
                unsent.tool_errors += u32::from(tools == Some(false));
            }
            Sighting::Fault => {
                unsent.faults += 1;
                unsent.late_faults += u32::from(matches!(judged, Judged::Late));
            }
            Sighting::RateLimited { retry_after } => {
                unsent.rate_limits += 1;
                // Where it did not say for how long, the routers decide.
                let cooldown = u32::try_from(retry_after.map_or(0, millis)).unwrap_or(u32::MAX);
                unsent.cooldown_ms = unsent.cooldown_ms.max(cooldown);
            }
        }
    }

    /// What has been seen since the last call.
    pub(crate) fn take(&self, now: Instant) -> Vec<Observation> {
        let mut state = self.state();
        state.breakers.retain(|_, breaker| now.saturating_duration_since(breaker.last_failure) < KEPT);
        std::mem::take(&mut state.unsent).into_values().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn judge(&mut self, key: &(String, String), sighting: Sighting, began: Instant, now: Instant) -> Judged {
        let is_success = matches!(sighting, Sighting::Success { .. });
        if is_success && !self.breakers.contains_key(key) {
            return Judged::Closed { consecutive: 0 };
        }
        let breaker = self.breakers.entry(key.clone()).or_insert_with(|| Breaker::new(now));
        breaker.see(sighting, began, now)
    }

    fn unsent(&mut self, key: (String, String)) -> &mut Observation {
        self.unsent.entry(key).or_insert_with_key(|(endpoint, credential)| Observation {
            endpoint_id: endpoint.clone(),
            credential_id: credential.clone(),
            ..Observation::default()
        })
    }
}

impl Breaker {
    const fn new(now: Instant) -> Self {
        Self {
            consecutive: 0,
            window: None,
            next_probe: None,
            changed: None,
            cooling_until: None,
            last_failure: now,
        }
    }

    fn see(&mut self, sighting: Sighting, began: Instant, now: Instant) -> Judged {
        if !matches!(sighting, Sighting::Success { .. }) {
            self.last_failure = now;
        }
        if let Sighting::RateLimited { retry_after } = sighting {
            let until = now + retry_after.unwrap_or(COOLDOWN).min(LONGEST);
            self.cooling_until = self.cooling_until.max(Some(until));
            return if self.next_probe.is_some() {
                Judged::Open
            } else {
                Judged::Closed { consecutive: self.consecutive }
            };
        }
        if self.changed.is_some_and(|changed| began < changed) {
            return Judged::Late;
        }
        if matches!(sighting, Sighting::Success { .. }) {
            self.answered(began, now);
            self.count(0, now);
            return Judged::Closed { consecutive: 0 };
        }
        if self.next_probe.is_some() {
            // A probe that failed: the next one goes when it would have gone anyway.
            return Judged::Open;
        }
        self.consecutive += 1;
        let window = self.count(1, now);
        let is_bad = window.attempts >= ENOUGH && window.faults * 2 >= window.attempts;
        let judged = Judged::Closed { consecutive: self.consecutive };
        if self.consecutive >= FAULTS || is_bad {
            self.turn(Some(now + OPEN), now);
        }
        judged
    }

    /// Whether the content of an attempt that began at a moment closes it.
    fn answered(&mut self, began: Instant, now: Instant) -> bool {
        if self.changed.is_some_and(|changed| began < changed) {
            return false;
        }
        self.consecutive = 0;
        let is_open = self.next_probe.is_some();
        if is_open {
            self.turn(None, now);
        }
        is_open
    }

    /// Opens it until a first probe, or closes it.
    fn turn(&mut self, next_probe: Option<Instant>, now: Instant) {
        self.next_probe = next_probe;
        self.changed = Some(now);
        self.consecutive = 0;
        self.window = None;
    }

    fn count(&mut self, faults: u32, now: Instant) -> Window {
        let current = self.window.filter(|window| now.saturating_duration_since(window.began) < WINDOW);
        let mut window = current.unwrap_or(Window { began: now, attempts: 0, faults: 0 });
        window.attempts += 1;
        window.faults += faults;
        self.window = Some(window);
        window
    }
}

/// Adds how fast an answer came.
fn time(unsent: &mut Observation, first_token: Duration, generation: Duration, output_tokens: u64) {
    unsent.first_token_ms_sum += millis(first_token);
    count(&mut unsent.first_token_ms, first_token.as_secs_f64() * 1_000.0);
    let whole = first_token + generation;
    if output_tokens > 0 && !whole.is_zero() {
        unsent.generation_ms_sum += millis(whole);
        unsent.output_tokens_sum += output_tokens;
        #[expect(clippy::cast_precision_loss, reason = "an estimate; no answer has 2^53 tokens")]
        count(&mut unsent.throughput, output_tokens as f64 / whole.as_secs_f64());
    }
}

/// Counts a value into a sketch.
fn count(buckets: &mut Vec<SketchBucket>, value: f64) {
    let index = sketch::index(value);
    match buckets.iter_mut().find(|bucket| bucket.index == index) {
        Some(bucket) => bucket.count += 1,
        None => buckets.push(SketchBucket { index, count: 1 }),
    }
}

fn key(attempt: &Attempt) -> (String, String) {
    (attempt.endpoint_id.clone(), attempt.credential_id.clone())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
