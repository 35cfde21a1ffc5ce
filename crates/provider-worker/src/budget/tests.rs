//! Budgets through outages, by a clock of the tests' own.

use std::time::Duration;

use super::*;

const ALL: [&str; 3] = ["one", "two", "three"];

/// How many retries of a tenant at an endpoint are allowed right now.
fn left(budgets: &RetryBudgets, tenant: &str, endpoint: &str, now: Instant) -> usize {
    (0..1_000).filter(|_| budgets.spend(tenant, endpoint, now)).count()
}

#[test]
fn an_outage_gets_a_fifth_of_the_first_attempts_and_ten_a_second() {
    let (budgets, now) = (RetryBudgets::default(), Instant::now());
    assert_eq!(left(&budgets, "t", "one", now), 100);
    for _ in 0..50 {
        budgets.earn("t", ALL.into_iter());
    }
    assert_eq!(left(&budgets, "t", "one", now), 10);
    assert_eq!(left(&budgets, "t", "one", now + Duration::from_secs(2)), 20);
    assert_eq!(left(&budgets, "t", "one", now + Duration::from_secs(3_600)), 100);
}

#[test]
fn both_the_tenants_and_the_endpoints_budget_must_allow_it() {
    let (budgets, now) = (RetryBudgets::default(), Instant::now());
    assert_eq!(left(&budgets, "t", "one", now), 100);
    assert!(!budgets.allows_tenant("t", now) && !budgets.allows_endpoint("one", now));
    assert!(!budgets.spend("t", "two", now), "the tenant has none left");
    assert!(!budgets.spend("u", "one", now), "the endpoint has none left");
    assert_eq!(left(&budgets, "u", "two", now), 100, "what is refused costs nothing");
}

/// Every endpoint fails for a minute, at fifty requests a second, each of which would try all three.
#[test]
fn with_all_failing_calls_stay_within_a_fifth_more_and_ten_a_second() {
    let (budgets, start) = (RetryBudgets::default(), Instant::now());
    let (mut first, mut calls) = (0_u64, 0_u64);
    for n in 0..3_000_u64 {
        let now = start + Duration::from_millis(n * 20);
        budgets.earn("t", ALL.into_iter());
        first += 1;
        calls += 1;
        for endpoint in ["two", "three"] {
            calls += u64::from(budgets.spend("t", endpoint, now));
        }
    }
    // What had been saved up before comes once.
    let allowed = first + first / 5 + 10 * 60 + 100;
    assert!(calls <= allowed, "{calls} of {allowed}");
    assert!(calls > allowed - 20, "{calls} of {allowed}");
}

#[test]
fn one_tenants_outage_leaves_another_its_retries() {
    let (budgets, now) = (RetryBudgets::default(), Instant::now());
    assert_eq!(left(&budgets, "t", "one", now), 100);
    assert!(budgets.allows_tenant("u", now));
    assert_eq!(left(&budgets, "u", "two", now), 100);
}

#[test]
fn budgets_are_bounded_and_those_beyond_share_one() {
    let (budgets, now) = (RetryBudgets::default(), Instant::now());
    for n in 0..LIMIT {
        assert!(budgets.spend(&format!("t{n}"), &format!("e{n}"), now));
    }
    assert_eq!(left(&budgets, "beyond", "one", now), 100);
    assert!(!budgets.allows_tenant("another", now));
    let later = now + Duration::from_secs(60);
    assert!(budgets.spend("another", "one", later));
    let state = budgets.state();
    assert!(state.tenants.0.len() <= LIMIT + 1);
    assert!(state.endpoints.0.len() <= LIMIT + 1);
}
