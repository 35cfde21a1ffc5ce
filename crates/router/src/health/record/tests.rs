//! The life of one record.

use super::*;

const NOW: u64 = 1_700_000_000_000;

fn seen(successes: u64, faults: u64) -> Observed {
    Observed { cell: Cell { successes, faults, ..Cell::default() }, ..Observed::default() }
}

fn config() -> HealthConfig {
    HealthConfig::default()
}

#[test]
fn five_faults_in_a_row_eject_and_a_success_between_does_not() {
    let mut record = Record::default();
    assert!(!record.observe(&seen(0, 4), NOW, &config(), 0));
    assert!(!record.observe(&seen(1, 0), NOW, &config(), 0));
    assert!(!record.observe(&seen(0, 4), NOW + 30_000, &config(), 0));
    assert!(record.observe(&seen(0, 1), NOW + 31_000, &config(), 0));
    assert_eq!(record.state, State::Ejected { until_ms: NOW + 46_000 });
}

#[test]
fn the_observers_own_count_is_believed() {
    let mut record = Record::default();
    let told = Observed { consecutive_faults: 5, ..seen(0, 1) };
    assert!(record.observe(&told, NOW, &config(), 0));
    let mut record = Record::default();
    // A batch that had a success in it ends with at most its own faults in a row.
    assert!(!record.observe(&Observed { consecutive_faults: 9, ..seen(1, 3) }, NOW, &config(), 0));
}

#[test]
fn half_of_ten_within_ten_seconds_ejects() {
    let mut record = Record::default();
    assert!(!record.observe(&seen(5, 0), NOW, &config(), 0));
    assert!(!record.observe(&seen(1, 4), NOW + 1_000, &config(), 0));
    assert!(record.observe(&seen(0, 2), NOW + 2_000, &config(), 0));
    let mut record = Record::default();
    record.observe(&seen(6, 4), NOW, &config(), 0);
    assert!(!record.observe(&seen(1, 2), NOW + 11_000, &config(), 0));
}

#[test]
fn a_failed_probe_lengthens_nothing() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    let half_open = NOW + 15_000;
    assert!(!record.observe(&seen(3, 0), NOW + 1_000, &config(), 0), "an answer from before says nothing");
    assert_eq!(record.state, State::Ejected { until_ms: half_open });
    // For a day, one probe each fifteen seconds, be they answered at once or after half a minute.
    let mut probes = Vec::new();
    for second in 0..86_400 {
        let now = half_open + second * 1_000;
        if record.claim_probe(now, &config()) {
            probes.push(now);
        }
        if second % 15 == 7 {
            assert!(!record.observe(&seen(0, 1), now, &config(), 0));
        }
    }
    assert_eq!(probes.len(), 86_400 / 15);
    assert!(probes.windows(2).all(|pair| pair[1] - pair[0] == 15_000));
}

#[test]
fn a_probe_brings_it_back_and_what_does_not_stay_well_is_left_alone_a_little_longer() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    let again = NOW + 16_000;
    assert!(record.claim_probe(again, &config()));
    assert!(!record.observe(&seen(1, 0), again, &config(), 0));
    assert_eq!(record.state, State::Recovering { since_ms: again });
    record.pass(again + 9_999, &config());
    assert_eq!(record.state, State::Recovering { since_ms: again });
    record.pass(again + 10_000, &config());
    assert_eq!(record.state, State::Closed);
    for round in 1..=3 {
        let now = again + round * 60_000;
        assert!(record.observe(&seen(0, 5), now, &config(), 0));
        assert_eq!(record.state, State::Ejected { until_ms: now + 20_000 });
        record.observe(&Observed { revivals: 1, ..Observed::default() }, now + 20_000, &config(), 0);
        record.pass(now + 30_000, &config());
    }
    // Long after, the count begins anew.
    let later = again + 1_000_000;
    record.observe(&seen(0, 5), later, &config(), 0);
    assert_eq!(record.state, State::Ejected { until_ms: later + 15_000 });
}

#[test]
fn content_of_a_probe_ends_an_ejection_at_once() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    // Another router's probe went before ours.
    record.observe(&Observed { revivals: 1, ..Observed::default() }, NOW + 14_000, &config(), 0);
    assert_eq!(record.state, State::Recovering { since_ms: NOW + 14_000 });
}

#[test]
fn attempts_that_hung_through_the_outage_eject_nothing_again() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    record.observe(&Observed { revivals: 1, ..Observed::default() }, NOW + 16_000, &config(), 0);
    let late = Observed { late_faults: 20, ..seen(0, 20) };
    assert!(!record.observe(&late, NOW + 17_000, &config(), 0));
    assert!(matches!(record.state, State::Recovering { .. }));
    assert_eq!(record.seen(NOW + 17_000), (0, 25, 0), "they count against uptime");
    assert!(record.observe(&seen(0, 5), NOW + 18_000, &config(), 0), "fresh ones do eject");
}

#[test]
fn what_went_before_speaks_not_against_one_that_came_back() {
    let mut record = Record::default();
    record.observe(&seen(100, 60), NOW, &config(), 0);
    record.observe(&seen(0, 5), NOW + 1_000, &config(), 0);
    let standing = record.standing(NOW + 1_000);
    assert_eq!((standing.outage, standing.uptime), (true, Uptime::Poor));
    record.observe(&Observed { revivals: 1, ..Observed::default() }, NOW + 16_000, &config(), 0);
    record.pass(NOW + 27_000, &config());
    let standing = record.standing(NOW + 27_000);
    assert_eq!((standing.state, standing.outage, standing.uptime), (State::Closed, false, Uptime::Good));
    let display = record.report(NOW + 27_000).display;
    assert!(display.uptime_5m.is_some_and(|uptime| uptime < 65.0), "the public is told all the same");
}

#[test]
fn no_probe_goes_while_it_asked_to_be_left_alone() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    let limited = Observed {
        cell: Cell { rate_limits: 1, ..Cell::default() },
        cooldown_ms: 40_000,
        ..Observed::default()
    };
    record.observe(&limited, NOW, &config(), 0);
    assert_eq!(record.standing(NOW).next_probe_ms, NOW + 40_000);
    assert!(!record.claim_probe(NOW + 39_000, &config()));
    assert!(record.claim_probe(NOW + 40_000, &config()));
}

#[test]
fn quantiles_tools_and_counts_stand_over_their_windows() {
    let mut record = Record::default();
    let mut cell = Cell { successes: 10, tool_answers: 4, tool_errors: 1, ..Cell::default() };
    cell.first_tokens.count(rpc::sketch::index(300.0), 10);
    cell.speeds.count(rpc::sketch::index(40.0), 9);
    cell.speeds.count(rpc::sketch::index(5.0), 1);
    for minute in 0..12 {
        let now = NOW + minute * 60_000;
        record.observe(&Observed { cell: cell.clone(), ..Observed::default() }, now, &config(), 0);
        record.refresh(now);
    }
    let now = NOW + 11 * 60_000;
    let report = record.report(now);
    let standing = report.standing;
    let close = |told: f32, truth: f32| (told - truth).abs() < truth * 0.05;
    let (latency, speed) = (standing.latency.unwrap(), standing.throughput_at.unwrap());
    assert!(close(latency.p50, 300.0) && close(latency.p99, 300.0), "{latency:?}");
    assert!(close(speed.p50, 40.0) && close(speed.p99, 5.0), "{speed:?}");
    assert_eq!((standing.requests_30m, standing.tool_requests), (120, 48));
    assert!((standing.tool_error_rate - 0.25).abs() < 1e-6);
    assert_eq!(report.outcomes, [(50, 0, 0), (120, 0, 0), (120, 0, 0)]);
    assert_eq!(report.display.uptime_5m, None, "fifty attempts are no statement");
    assert_eq!(report.display.uptime_30m, Some(100.0));
    assert_eq!(report.display.requests, 120);
    assert!(close(report.display.latency_30m.unwrap().p90, 300.0));
    // An hour later only the tools and the day remember.
    let report = record.report(now + 3_600_000);
    assert_eq!((report.standing.requests_30m, report.standing.tool_requests), (0, 48));
    assert_eq!((report.standing.latency, report.display.latency_30m), (None, None));
    assert_eq!((report.display.uptime_30m, report.display.uptime_1d), (None, Some(100.0)));
    let report = record.report(now + 90_000_000);
    assert_eq!((report.standing.tool_requests, report.display.uptime_1d), (0, None));
}

#[test]
fn an_endpoints_history_tells_how_its_state_came_about() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    record.observe(&seen(0, 1), NOW + 16_000, &config(), 0);
    record.observe(&seen(1, 0), NOW + 31_000, &config(), 0);
    record.pass(NOW + 41_000, &config());
    record.observe(&seen(8, 12), NOW + 60_000, &config(), 0);
    let share = Cause::Share { faults: 12, attempts: 20 };
    assert_eq!(
        record.report(NOW + 60_000).history,
        [
            (NOW, Change::Ejected { cause: Cause::InARow(5), until_ms: NOW + 15_000 }),
            (NOW + 16_000, Change::ProbeFailed { times: 1 }),
            (NOW + 31_000, Change::Recovering),
            (NOW + 41_000, Change::Closed),
            (NOW + 60_000, Change::Ejected { cause: share, until_ms: NOW + 80_000 }),
        ]
    );
}

#[test]
fn rate_limits_cool_and_are_no_faults() {
    let mut record = Record::default();
    let limited = Observed {
        cell: Cell { rate_limits: 9, ..Cell::default() },
        cooldown_ms: 7_000,
        ..Observed::default()
    };
    assert!(!record.observe(&limited, NOW, &config(), 0));
    let standing = record.standing(NOW);
    assert_eq!((standing.cooling_until_ms, standing.state), (NOW + 7_000, State::Closed));
    let mute = Observed { cooldown_ms: 0, ..limited.clone() };
    record.observe(&mute, NOW + 6_000, &config(), 0);
    assert_eq!(record.standing(NOW).cooling_until_ms, NOW + 8_000);
    let absurd = Observed { cooldown_ms: u64::MAX, ..limited };
    record.observe(&absurd, NOW, &config(), 0);
    assert_eq!(record.standing(NOW).cooling_until_ms, NOW + 300_000);
}

#[test]
fn windows_say_outage_uptime_and_speed() {
    let mut record = Record::default();
    record.observe(&seen(9, 2), NOW, &config(), 0);
    assert!(!record.standing(NOW).outage);
    record.observe(&seen(0, 1), NOW + 1_000, &config(), 0);
    assert!(record.standing(NOW + 1_000).outage);
    assert!(!record.standing(NOW + 40_000).outage);
    record.observe(&seen(80, 8), NOW + 60_000, &config(), 0);
    assert_eq!(record.standing(NOW + 60_000).uptime, Uptime::Degraded);
    let cell = Cell {
        successes: 95,
        first_token_ms: 95 * 200,
        output_tokens: 95_000,
        generation_ms: 950_000,
        ..Cell::default()
    };
    let mut fast = Record::default();
    fast.observe(&Observed { cell, ..Observed::default() }, NOW, &config(), 0);
    let standing = fast.standing(NOW);
    assert!((200.0..260.0).contains(&standing.latency_ms), "{}", standing.latency_ms);
    assert!((95.0..101.0).contains(&standing.throughput), "{}", standing.throughput);
    let nobody = Record::default().standing(NOW);
    assert!(
        (nobody.latency_ms - PRIOR_LATENCY_MS).abs() < 0.1
            && (nobody.throughput - PRIOR_THROUGHPUT).abs() < 0.1
    );
}

#[test]
fn an_ejection_heard_of_counts_unless_our_own_eyes_know_better() {
    let mut record = Record::default();
    record.observe(&seen(1, 0), NOW, &config(), 0);
    record.hear_ejection(NOW + 10_000, 1, NOW + 1_000, &config());
    assert_eq!(record.state, State::Closed);
    record.hear_ejection(NOW + 30_000, 1, NOW + 20_000, &config());
    assert_eq!(record.state, State::Ejected { until_ms: NOW + 30_000 });
    let mut record = Record::default();
    record.hear_ejection(u64::MAX, 1, NOW, &config());
    record.hear_ejection(NOW - 1, 1, NOW, &config());
    assert_eq!(record.state, State::Closed);
}
