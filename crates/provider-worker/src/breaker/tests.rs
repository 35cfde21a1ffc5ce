//! Breakers through outages, by a clock of the tests' own.

use super::*;

mod outage;

const SUCCESS: Sighting = Sighting::Success {
    first_token: Duration::from_millis(200),
    generation: Duration::from_millis(800),
    output_tokens: 50,
    tools: None,
};

fn attempt(credential: &str) -> Attempt {
    Attempt { endpoint_id: "e".into(), credential_id: credential.into(), ..Attempt::default() }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An attempt that fails at once.
fn fails(breakers: &Breakers, attempt: &Attempt, now: Instant) {
    breakers.see(attempt, Sighting::Fault, now, now);
}

/// Five in a row.
fn opened(attempt: &Attempt, now: Instant) -> Breakers {
    let breakers = Breakers::default();
    for _ in 0..FAULTS {
        assert!(breakers.admits(attempt, now));
        fails(&breakers, attempt, now);
    }
    assert!(!breakers.admits(attempt, now));
    breakers
}

fn one(breakers: &Breakers, now: Instant) -> Observation {
    let mut seen = breakers.take(now);
    assert_eq!(seen.len(), 1);
    seen.remove(0)
}

#[test]
fn opens_after_faults_in_a_row_and_lets_one_probe_through_at_a_time() {
    let (bad, now) = (attempt("bad"), Instant::now());
    let breakers = opened(&bad, now);
    assert!(breakers.admits(&attempt("good"), now), "another credential is not concerned");
    assert_eq!(one(&breakers, now).consecutive_faults, FAULTS);
    let later = now + OPEN;
    assert!(breakers.admits(&bad, later));
    assert!(!breakers.admits(&bad, later), "one probe at a time");
    fails(&breakers, &bad, later);
    assert!(!breakers.admits(&bad, later));
    assert!(breakers.admits(&bad, later + OPEN), "a failed probe makes the wait no longer");
    breakers.answered(&bad, later + OPEN, later + OPEN);
    assert!(breakers.admits(&bad, later + OPEN), "content closes it");
    assert_eq!(one(&breakers, later).revivals, 1);
}

#[test]
fn a_routers_probe_is_let_through_whatever_is_held_open() {
    let (bad, now) = (attempt("bad"), Instant::now());
    let breakers = opened(&bad, now);
    let probe = Attempt { probe: true, ..bad.clone() };
    assert!(breakers.admits(&probe, now + seconds(1)));
    assert!(!breakers.admits(&bad, now + OPEN), "it counts as this worker's own");
    let cooled = Sighting::RateLimited { retry_after: Some(seconds(60)) };
    breakers.see(&bad, cooled, now, now + seconds(2));
    assert!(breakers.admits(&probe, now + seconds(3)));
    breakers.answered(&probe, now + seconds(3), now + seconds(4));
    assert!(breakers.admits(&bad, now + seconds(62)));
    // Where nobody here has seen a fault, content is news to the routers all the same.
    let other = Breakers::default();
    other.answered(&probe, now, now);
    other.answered(&bad, now, now);
    assert_eq!(one(&other, now).revivals, 1);
}

#[test]
fn what_hung_through_an_outage_says_nothing_of_afterwards() {
    let (bad, now) = (attempt("bad"), Instant::now());
    let breakers = opened(&bad, now + seconds(30));
    breakers.take(now);
    // Began before it opened, failed after: no longer wait.
    for late in 31..44 {
        breakers.see(&bad, Sighting::Fault, now + seconds(late - 30), now + seconds(late));
    }
    let told = one(&breakers, now + seconds(44));
    assert_eq!((told.faults, told.late_faults, told.consecutive_faults), (13, 13, 0));
    // An answer that began before is no sign of life.
    breakers.answered(&bad, now, now + seconds(44));
    assert!(!breakers.admits(&bad, now + seconds(44)));
    assert!(breakers.admits(&bad, now + seconds(45)));
    breakers.answered(&bad, now + seconds(45), now + seconds(46));
    for late in 46..60 {
        breakers.see(&bad, Sighting::Fault, now + seconds(late - 15), now + seconds(late));
        assert!(breakers.admits(&bad, now + seconds(late)), "at {late}");
    }
}

#[test]
fn the_faults_that_opened_it_are_told_whatever_follows_in_the_batch() {
    let (bad, now) = (attempt("bad"), Instant::now());
    let breakers = opened(&bad, now + seconds(1));
    // A last hope that fails, and an answer that was on its way.
    fails(&breakers, &bad, now + seconds(2));
    breakers.see(&bad, SUCCESS, now, now + seconds(2));
    let told = one(&breakers, now + seconds(2));
    assert_eq!((told.consecutive_faults, told.faults, told.successes), (FAULTS, 6, 1));
}

#[test]
fn opens_when_half_of_the_attempts_fail() {
    let (breakers, now) = (Breakers::default(), Instant::now());
    let flaky = attempt("flaky");
    for n in 0..ENOUGH {
        assert!(breakers.admits(&flaky, now), "after {n}");
        breakers.see(&flaky, if n % 2 == 0 { SUCCESS } else { Sighting::Fault }, now, now);
    }
    // The very first success came before there was anything to remember.
    fails(&breakers, &flaky, now);
    assert!(!breakers.admits(&flaky, now));
}

#[test]
fn a_rate_limit_is_a_pause_and_no_fault() {
    let (breakers, now) = (Breakers::default(), Instant::now());
    let limited = attempt("c");
    let retry_after = Some(seconds(7));
    breakers.see(&limited, Sighting::RateLimited { retry_after }, now, now);
    assert!(!breakers.admits(&limited, now + seconds(6)));
    for _ in 0..3 {
        assert!(breakers.admits(&limited, now + seconds(7)), "a pause that is over needs no probe");
    }
    let seen = one(&breakers, now);
    assert_eq!((seen.faults, seen.rate_limits, seen.cooldown_ms), (0, 1, 7_000));
    assert!(breakers.take(now).is_empty());
}

#[test]
fn successes_are_told_with_their_times_and_calls_of_tools() {
    let (breakers, now) = (Breakers::default(), Instant::now());
    for tools in [None, Some(true), Some(false)] {
        let Sighting::Success { first_token, generation, output_tokens, .. } = SUCCESS else {
            unreachable!()
        };
        let sighting = Sighting::Success { first_token, generation, output_tokens, tools };
        breakers.see(&attempt("c"), sighting, now, now);
    }
    let no_tokens = Sighting::Success {
        first_token: seconds(1),
        generation: Duration::ZERO,
        output_tokens: 0,
        tools: None,
    };
    breakers.see(&attempt("c"), no_tokens, now, now);
    let seen = one(&breakers, now);
    assert_eq!((seen.successes, seen.tool_answers, seen.tool_errors), (4, 2, 1));
    assert_eq!(
        (seen.first_token_ms_sum, seen.generation_ms_sum, seen.output_tokens_sum),
        (1_600, 3_000, 150)
    );
    let bucket = |value, count| SketchBucket { index: sketch::index(value), count };
    assert_eq!(seen.first_token_ms, [bucket(200.0, 3), bucket(1_000.0, 1)]);
    assert_eq!(seen.throughput, [bucket(50.0, 3)]);
}

#[test]
fn breakers_are_forgotten_long_after_the_last_failure() {
    let (bad, now) = (attempt("bad"), Instant::now());
    let breakers = opened(&bad, now);
    breakers.take(now + KEPT - seconds(1));
    assert_eq!(breakers.state().breakers.len(), 1);
    breakers.take(now + KEPT);
    assert!(breakers.state().breakers.is_empty());
}
