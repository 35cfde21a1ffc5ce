//! Health as the router uses it.

use uuid::Uuid;

use super::*;

const NOW: u64 = 1_700_000_000_000;

fn key(at: u128) -> Key {
    Key { endpoint: Uuid::from_u128(at), credential: Uuid::nil() }
}

fn faults(count: u64) -> Observed {
    Observed { cell: Cell { faults: count, ..Cell::default() }, ..Observed::default() }
}

#[test]
fn what_is_observed_counts_from_the_next_plan_on() {
    let health = Health::new(HealthConfig::default());
    assert_eq!(health.observe(&[(key(1), faults(4))], NOW), []);
    assert!(health.standings()[&key(1)].outage);
    assert_eq!(health.observe(&[(key(1), faults(1)), (key(2), faults(1))], NOW), [key(1)]);
    assert!(matches!(health.standings()[&key(1)].state, State::Ejected { .. }));
    assert_eq!(health.standings()[&key(2)].state, State::Closed);
    assert_eq!(health.ejections(NOW).len(), 1);
}

#[test]
fn one_credential_ejects_no_other() {
    let health = Health::new(HealthConfig::default());
    let other = Key { credential: Uuid::from_u128(9), ..key(1) };
    health.observe(&[(key(1), faults(5))], NOW);
    assert!(!health.standings().contains_key(&other));
}

#[test]
fn one_probe_goes_at_a_time() {
    let health = Health::new(HealthConfig::default());
    health.observe(&[(key(1), faults(5))], NOW);
    assert!(!health.claim_probe(key(1), NOW + 1_000));
    let later = NOW + 17_000;
    assert!(health.claim_probe(key(1), later));
    assert!(!health.claim_probe(key(1), later));
    assert!(health.claim_probe(key(1), later + 15_000));
    assert!(!health.claim_probe(key(2), later));
}

#[test]
fn a_starting_router_takes_over_what_others_know() {
    let (old, new) = (Health::new(HealthConfig::default()), Health::new(HealthConfig::default()));
    let slow = Cell { successes: 200, first_token_ms: 200 * 4_000, ..Cell::default() };
    old.observe(&[(key(1), faults(5)), (key(2), Observed { cell: slow, ..Observed::default() })], NOW);
    new.hear(&old.own(NOW, 30), &old.ejections(NOW), NOW + 500);
    assert!(matches!(new.standings()[&key(1)].state, State::Ejected { .. }));
    assert!(new.standings()[&key(2)].latency_ms > 3_000.0);
    // Hearing it twice changes nothing.
    let before = new.standings()[&key(2)];
    new.hear(&old.own(NOW, 30), &old.ejections(NOW), NOW + 500);
    assert_eq!(new.standings()[&key(2)], before);
}

#[test]
fn what_nobody_speaks_of_is_forgotten() {
    let health = Health::new(HealthConfig::default());
    health.observe(&[(key(1), faults(1))], NOW);
    health.tick(NOW + 60_000);
    assert!(health.standings().contains_key(&key(1)));
    health.tick(NOW + 900_001);
    assert!(health.standings().is_empty());
}
