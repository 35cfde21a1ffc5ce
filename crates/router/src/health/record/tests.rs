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
fn ejections_in_a_row_last_longer_and_a_probe_brings_it_back() {
    let mut record = Record::default();
    record.observe(&seen(0, 5), NOW, &config(), 0);
    let half_open = NOW + 15_000;
    assert!(!record.observe(&seen(3, 0), NOW + 1_000, &config(), 0), "an answer from before says nothing");
    assert_eq!(record.state, State::Ejected { until_ms: half_open });
    assert!(record.claim_probe(half_open, &config()));
    assert!(record.observe(&seen(0, 1), half_open + 100, &config(), 0));
    assert_eq!(record.state, State::Ejected { until_ms: half_open + 100 + 30_000 });
    let again = half_open + 40_000;
    assert!(record.claim_probe(again, &config()));
    assert!(!record.observe(&seen(1, 0), again, &config(), 0));
    assert_eq!(record.state, State::Recovering { since_ms: again });
    record.observe(&seen(1, 0), again + 10_000, &config(), 0);
    assert_eq!(record.state, State::Closed);
    // Long after, the count begins anew.
    let later = again + 1_000_000;
    record.observe(&seen(0, 5), later, &config(), 0);
    assert_eq!(record.state, State::Ejected { until_ms: later + 15_000 });
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
    let mute = Observed { cooldown_ms: 0, ..limited };
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
