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
    let tell = || {
        for span in Span::ALL {
            let buckets: Vec<u64> = span.buckets(NOW, span.length()).collect();
            new.hear(span, &old.views(span, &buckets), NOW + 500);
        }
        new.hear_ejections(&old.ejections(NOW), NOW + 500);
    };
    tell();
    assert!(matches!(new.standings()[&key(1)].state, State::Ejected { .. }));
    assert!(new.standings()[&key(2)].latency_ms > 3_000.0);
    assert_eq!(new.display(key(2), NOW + 500), old.display(key(2), NOW + 500));
    assert_eq!(new.display(key(2), NOW).uptime_1d, Some(100.0));
    // Hearing it twice changes nothing.
    let before = new.standings()[&key(2)];
    tell();
    assert_eq!(new.standings()[&key(2)], before);
}

/// Two routers that each saw half of it, and exchange what they know as through Redis.
#[test]
fn the_longer_windows_are_filled_from_the_fullest_views_of_the_shorter_ones() {
    let routers = [Health::new(HealthConfig::default()), Health::new(HealthConfig::default())];
    let good = || Observed { cell: Cell { successes: 10, ..Cell::default() }, ..Observed::default() };
    for step in 0..60 {
        let now = NOW + step * 10_000;
        // By turns: of each ten seconds one of them alone saw anything.
        let at = usize::try_from(step % 2).unwrap();
        routers[at].observe(&[(key(1), good())], now);
        for (teller, hearer) in [(0, 1), (1, 0)] {
            for span in Span::ALL {
                let buckets: Vec<u64> = span.buckets(now, 2).collect();
                routers[hearer].hear(span, &routers[teller].views(span, &buckets), now);
            }
        }
        routers.iter().for_each(|router| router.tick(now + 1_000));
    }
    let now = NOW + 600_000;
    for router in &routers {
        assert_eq!(router.display(key(1), now).requests, 600);
        assert_eq!(router.reports(None, now)[&key(1).endpoint][0].1.outcomes[2], (600, 0, 0));
    }
}

#[test]
fn what_nobody_speaks_of_is_forgotten() {
    let health = Health::new(HealthConfig::default());
    health.observe(&[(key(1), faults(1))], NOW);
    health.tick(NOW + 60_000);
    assert!(health.standings().contains_key(&key(1)));
    health.tick(NOW + 7_200_001);
    assert!(health.standings().is_empty(), "stands as what was never seen");
    assert_eq!(health.reports(None, NOW + 7_200_001).len(), 1, "yet a day is told of");
    health.tick(NOW + 86_400_001);
    assert!(health.reports(None, NOW + 86_400_001).is_empty());
}
