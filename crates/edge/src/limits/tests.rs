use super::*;
use crate::config::Millis;

fn config() -> LimitsConfig {
    LimitsConfig {
        requests_per_minute: 0,
        free_requests_per_minute: 20,
        free_requests_per_day: 50,
        free_requests_per_day_paid: 1_000,
        redis_timeout_ms: Millis(30.try_into().unwrap()),
    }
}

fn rule(limit: u64, window: Duration) -> Rule {
    Rule { scope: "test".to_owned(), limit, window, name: "test" }
}

#[test]
fn small_limits_are_taken_one_by_one_and_large_ones_by_tenths() {
    assert_eq!(rule(20, MINUTE).slice(), 1);
    assert_eq!(rule(60, MINUTE).slice(), 1);
    assert_eq!(rule(1_000, DAY).slice(), 1);
    assert_eq!(rule(61, MINUTE).slice(), 6);
    assert_eq!(rule(5_000, MINUTE).slice(), 500);
}

#[tokio::test]
async fn without_redis_the_whole_limit_is_this_edges() {
    let limits = Limits::new(config(), None).unwrap();
    let rule = rule(3, DAY);
    for _ in 0..3 {
        limits.spend(&rule).await.unwrap();
    }
    let exceeded = limits.spend(&rule).await.unwrap_err();
    assert_eq!((exceeded.limit, limits.spent(&rule).await), (3, 3));
    assert!(exceeded.remaining <= DAY);
}

#[tokio::test]
async fn a_redis_that_cannot_be_reached_changes_nothing() {
    let client = redis::Client::open("redis://127.0.0.1:1/").unwrap();
    let limits = Limits::new(config(), Some(&client)).unwrap();
    let rule = rule(2, DAY);
    limits.spend(&rule).await.unwrap();
    limits.spend(&rule).await.unwrap();
    assert!(limits.spend(&rule).await.is_err());
}

#[test]
fn a_key_without_a_limit_has_no_rule() {
    let limits = Limits::new(config(), None).unwrap();
    let key = identity::KeyId::generate();
    assert_eq!(limits.of_key(key, None), None);
    assert_eq!(limits.of_key(key, Some(7)).unwrap().limit, 7);
    let tenant = identity::TenantId::generate();
    assert_eq!(limits.of_free_models(tenant, true)[1].limit, 1_000);
}
