//! This worker's own view of each endpoint and credential: what to pass over, and what to tell the routers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rpc::router::{Attempt, Observation};

/// Faults in a row that open the breaker.
const FAULTS: u32 = 5;
/// It also opens when half of at least [`ENOUGH`] attempts within [`WINDOW`] failed.
const ENOUGH: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// How long it stays open before one attempt probes, and again after each probe that fails.
const OPEN: Duration = Duration::from_secs(15);
/// How long an endpoint is left alone that asked for it without saying for how long.
const COOLDOWN: Duration = Duration::from_secs(1);
/// The longest that an endpoint's own wish is followed.
const LONGEST: Duration = Duration::from_secs(300);

/// What one attempt showed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sighting {
    /// The answer came to a good end.
    Success {
        first_token: Duration,
        generation: Duration,
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

#[derive(Default)]
struct Breaker {
    consecutive: u32,
    window: Option<Window>,
    open_until: Option<Instant>,
    is_probing: bool,
}

#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    attempts: u32,
    faults: u32,
}

impl Breakers {
    /// Whether an attempt is to be made. An open breaker lets one attempt through when its time is over.
    pub(crate) fn admits(&self, attempt: &Attempt, now: Instant) -> bool {
        let mut state = self.state();
        let Some(breaker) = state.breakers.get_mut(&key(attempt)) else { return true };
        match breaker.open_until {
            None => true,
            Some(until) if now < until || breaker.is_probing => false,
            Some(_) => {
                breaker.is_probing = true;
                true
            }
        }
    }

    /// Content came: others may try as well, though nothing is known yet of how the answer ends.
    pub(crate) fn answered(&self, attempt: &Attempt) {
        if let Some(breaker) = self.state().breakers.get_mut(&key(attempt)) {
            breaker.consecutive = 0;
            breaker.open_until = None;
            breaker.is_probing = false;
        }
    }

    /// An attempt ended without showing anything of the endpoint, such as by the client's leave.
    pub(crate) fn release(&self, attempt: &Attempt) {
        if let Some(breaker) = self.state().breakers.get_mut(&key(attempt)) {
            breaker.is_probing = false;
        }
    }

    pub(crate) fn see(&self, attempt: &Attempt, sighting: Sighting, now: Instant) {
        let mut state = self.state();
        let key = key(attempt);
        let consecutive = state.judge(&key, sighting, now);
        let unsent = state.unsent.entry(key).or_insert_with_key(|(endpoint, credential)| Observation {
            endpoint_id: endpoint.clone(),
            credential_id: credential.clone(),
            ..Observation::default()
        });
        unsent.consecutive_faults = consecutive;
        match sighting {
            Sighting::Success { first_token, generation, output_tokens, tools } => {
                unsent.successes += 1;
                unsent.first_token_ms_sum += millis(first_token);
                unsent.generation_ms_sum += millis(generation);
                unsent.output_tokens_sum += output_tokens;
                unsent.tool_answers += u32::from(tools.is_some());
                unsent.tool_errors += u32::from(tools == Some(false));
            }
            Sighting::Fault => unsent.faults += 1,
            Sighting::RateLimited { retry_after } => {
                unsent.rate_limits += 1;
                let cooldown = u32::try_from(millis(retry_after.unwrap_or(COOLDOWN))).unwrap_or(u32::MAX);
                unsent.cooldown_ms = unsent.cooldown_ms.max(cooldown);
            }
        }
    }

    /// What has been seen since the last call.
    pub(crate) fn take(&self) -> Vec<Observation> {
        std::mem::take(&mut self.state().unsent).into_values().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers the faults in a row.
    fn judge(&mut self, key: &(String, String), sighting: Sighting, now: Instant) -> u32 {
        let is_success = matches!(sighting, Sighting::Success { .. });
        if is_success && !self.breakers.contains_key(key) {
            return 0;
        }
        let breaker = self.breakers.entry(key.clone()).or_default();
        breaker.see(sighting, now);
        let consecutive = breaker.consecutive;
        if is_success && breaker.window.is_none_or(|window| now.duration_since(window.began) >= WINDOW) {
            self.breakers.remove(key);
        }
        consecutive
    }
}

impl Breaker {
    fn see(&mut self, sighting: Sighting, now: Instant) {
        let was_probe = std::mem::take(&mut self.is_probing);
        match sighting {
            Sighting::Success { .. } => {
                self.consecutive = 0;
                self.open_until = None;
                self.count(0, now);
            }
            Sighting::Fault => {
                self.consecutive += 1;
                let window = self.count(1, now);
                let is_bad = window.attempts >= ENOUGH && window.faults * 2 >= window.attempts;
                if self.consecutive >= FAULTS || was_probe || is_bad {
                    self.open_until = Some(now + OPEN);
                    self.window = None;
                }
            }
            Sighting::RateLimited { retry_after } => {
                let until = now + retry_after.unwrap_or(COOLDOWN).min(LONGEST);
                self.open_until = Some(self.open_until.map_or(until, |open| open.max(until)));
            }
        }
    }

    fn count(&mut self, faults: u32, now: Instant) -> Window {
        let current = self.window.filter(|window| now.duration_since(window.began) < WINDOW);
        let mut window = current.unwrap_or(Window { began: now, attempts: 0, faults: 0 });
        window.attempts += 1;
        window.faults += faults;
        self.window = Some(window);
        window
    }
}

fn key(attempt: &Attempt) -> (String, String) {
    (attempt.endpoint_id.clone(), attempt.credential_id.clone())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUCCESS: Sighting = Sighting::Success {
        first_token: Duration::ZERO,
        generation: Duration::ZERO,
        output_tokens: 1,
        tools: None,
    };

    fn attempt(credential: &str) -> Attempt {
        Attempt { endpoint_id: "e".into(), credential_id: credential.into(), ..Attempt::default() }
    }

    #[test]
    fn opens_after_faults_in_a_row_and_lets_one_probe_through() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        let (bad, good) = (attempt("bad"), attempt("good"));
        for _ in 0..FAULTS {
            assert!(breakers.admits(&bad, now));
            breakers.see(&bad, Sighting::Fault, now);
        }
        assert!(!breakers.admits(&bad, now));
        assert!(breakers.admits(&good, now), "another credential is not concerned");
        let later = now + OPEN;
        assert!(breakers.admits(&bad, later));
        assert!(!breakers.admits(&bad, later), "one probe at a time");
        breakers.see(&bad, Sighting::Fault, later);
        assert!(!breakers.admits(&bad, later), "a failed probe opens it again");
        assert!(breakers.admits(&bad, later + OPEN));
        breakers.answered(&bad);
        assert!(breakers.admits(&bad, later + OPEN), "content closes it");
    }

    #[test]
    fn opens_when_half_of_the_attempts_fail() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        let flaky = attempt("flaky");
        for n in 0..ENOUGH {
            assert!(breakers.admits(&flaky, now), "after {n}");
            breakers.see(&flaky, if n % 2 == 0 { SUCCESS } else { Sighting::Fault }, now);
        }
        // The very first success came before there was anything to remember.
        breakers.see(&flaky, Sighting::Fault, now);
        assert!(!breakers.admits(&flaky, now));
    }

    #[test]
    fn calls_of_tools_are_counted_apart() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        for tools in [None, Some(true), Some(true), Some(false)] {
            breakers.see(&attempt("c"), SUCCESS.with_tools(tools), now);
        }
        let seen = breakers.take();
        assert_eq!((seen[0].successes, seen[0].tool_answers, seen[0].tool_errors), (4, 3, 1));
    }

    #[test]
    fn a_rate_limit_is_a_pause_and_no_fault() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        let limited = attempt("c");
        let retry_after = Some(Duration::from_secs(7));
        breakers.see(&limited, Sighting::RateLimited { retry_after }, now);
        assert!(!breakers.admits(&limited, now + Duration::from_secs(6)));
        assert!(breakers.admits(&limited, now + Duration::from_secs(7)));
        let seen = breakers.take();
        assert_eq!((seen[0].faults, seen[0].rate_limits, seen[0].cooldown_ms), (0, 1, 7_000));
        assert!(breakers.take().is_empty());
    }
}
