//! What is kept no longer goes in time, never before it is folded and closed, and leaves every sum whole.

use identity::GenerationId;
use rpc::events::UsageRecord;
use uuid::Uuid;

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{attempt, nothing_reserved, record, settle};
use crate::support::{Billing, Customer, config};

const DAY: f64 = 86_400.0;
const USAGE: &str = "select count(*) from billing.usage";
const SETTLEMENTS: &str = "select count(*) from billing.settlement";
const LEASES: &str = "select count(*) from billing.lease where reason is distinct from 'pruned'";

async fn start() -> Billing {
    Billing::over(Database::create().await, config(), None).await
}

/// Whether the job's calls had something to do.
async fn drop_day(billing: &Billing, keep: i32) -> bool {
    let dropped: Option<chrono::NaiveDate> = sqlx::query_scalar("select billing.drop_usage_day($1)")
        .bind(keep)
        .fetch_one(billing.admin())
        .await
        .unwrap();
    dropped.is_some()
}

async fn call(billing: &Billing, statement: &'static str) -> i64 {
    // As the service calls it, which may not do by itself what the function does.
    let pool = billing.database.pool_as("set role patchbay_billing").await;
    sqlx::query_scalar(statement).fetch_one(&pool).await.unwrap()
}

async fn close_period(billing: &Billing) {
    for statement in [
        "update billing.period set state = 'closed', closed_at = now() where state = 'open'",
        "insert into billing.period default values",
    ] {
        sqlx::raw_sql(statement).execute(billing.admin()).await.unwrap();
    }
}

async fn spend(billing: &Billing, customer: &Customer, count: usize) {
    let edge = Edge::join(&billing.client, &format!("edge-{}", Uuid::now_v7()), 1).await;
    for _ in 0..count {
        let granted = edge.ask(customer, 1_000).await.unwrap();
        let written = UsageRecord {
            attempts: vec![attempt(0, 500, "fault"), attempt(1, 200, "ok")],
            ..record(customer, &granted, 300)
        };
        settle(&billing.client, &[written]).await;
    }
}

#[tokio::test]
async fn a_day_of_usage_goes_when_it_is_old_folded_and_its_period_closed() {
    let billing = start().await;
    let customer = billing.customer(1_000_000).await;
    spend(&billing, &customer, 3).await;
    billing.eventually("select waiting from billing.usage_unfolded()", 0).await;
    billing.seal().await;
    // Days that are empty go as soon as they are old.
    let kept = async |keep: i32| {
        while drop_day(&billing, keep).await {}
        billing.count(USAGE).await
    };
    assert_eq!(kept(10).await, 3, "it is young");
    billing.shift_clock(20.0 * DAY).await;
    assert_eq!(kept(10).await, 3, "its period is open");
    close_period(&billing).await;
    assert_eq!(kept(30).await, 3, "it is to be kept");
    assert_eq!(kept(10).await, 0);
    assert_eq!(billing.count("select sum(charge)::bigint from billing.usage_daily").await, 900);
    assert_eq!(call(&billing, "select billing.prune_attempts(100)").await, 3);
    // Names of apps are what clients said, and go with it.
    assert!(call(&billing, "select billing.prune_apps(100)").await > 0);
    assert_eq!(billing.count("select count(*) from billing.usage_by_app_hourly").await, 0);
    assert_eq!(billing.count("select count(*) from billing.usage_by_app_daily").await, 0);
    assert_eq!(billing.count("select sum(charge)::bigint from billing.usage_by_key_daily").await, 900);
    // What came after is still held against the books.
    spend(&billing, &customer, 2).await;
    billing.assert_sound().await;
}

#[tokio::test]
async fn usage_that_is_not_folded_is_never_dropped() {
    let mut config = config();
    config.usage.fold_every_ms = 3_600_000;
    let billing = Billing::over(Database::create().await, config, None).await;
    let customer = billing.customer(1_000_000).await;
    spend(&billing, &customer, 1).await;
    close_period(&billing).await;
    billing.shift_clock(20.0 * DAY).await;
    while drop_day(&billing, 10).await {}
    assert_eq!(call(&billing, "select billing.prune_settlements(10, 100)").await, 0);
    assert_eq!(billing.count(USAGE).await, 1);
    while billing.count("select waiting from billing.usage_unfolded()").await > 0 {
        sqlx::raw_sql("select billing.fold_usage(100)").execute(billing.admin()).await.unwrap();
    }
    billing.seal().await;
    while drop_day(&billing, 10).await {}
    assert_eq!(billing.count(USAGE).await, 0);
}

#[tokio::test]
async fn settlements_and_leases_go_in_batches_and_the_books_stay_in_order() {
    let billing = start().await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(500_000), "").await;
    spend(&billing, &customer, 5).await;
    billing.eventually("select waiting from billing.usage_unfolded()", 0).await;
    billing.shift_clock(40.0 * DAY).await;
    spend(&billing, &customer, 2).await;
    billing.eventually("select waiting from billing.usage_unfolded()", 0).await;
    billing.seal().await;
    assert_eq!((billing.count(SETTLEMENTS).await, billing.count(LEASES).await), (7, 14));
    for expected in [3, 2, 0] {
        assert_eq!(call(&billing, "select billing.prune_settlements(35, 3)").await, expected);
        billing.assert_sound().await;
    }
    for expected in [6, 4, 0] {
        assert_eq!(call(&billing, "select billing.prune_leases(35, 6)").await, expected);
        billing.assert_sound().await;
    }
    assert_eq!((billing.count(SETTLEMENTS).await, billing.count(LEASES).await), (2, 4));
    assert_eq!(billing.spent_and_held(&customer).await, (2_100, 0));
    let consumed = "select sum(consumed)::bigint from billing.lease l
        join billing.account a using (account_id) where a.kind = 'key_limit'";
    assert_eq!(billing.count(consumed).await, 2_100);
}

#[tokio::test]
async fn records_older_than_any_settlement_that_is_kept_are_parked() {
    let billing = start().await;
    let customer = billing.customer(1_000_000).await;
    let at = |days: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let made = uuid::Timestamp::from_unix(uuid::NoContext, now - days * 86_400, 0);
        GenerationId::from_uuid(Uuid::new_v7(made)).uuid().to_string()
    };
    let old = UsageRecord { generation_id: at(31), ..record(&customer, &nothing_reserved(), 300) };
    let recent = UsageRecord { generation_id: at(29), ..record(&customer, &nothing_reserved(), 300) };
    // Both are durable: their worker may forget them.
    assert_eq!(settle(&billing.client, &[old, recent]).await.len(), 2);
    assert_eq!(billing.count("select count(*) from billing.parked").await, 1);
    assert_eq!(billing.count(USAGE).await, 1);
}

#[tokio::test]
async fn the_default_partition_is_drained_into_days() {
    let billing = start().await;
    let customer = billing.customer(1_000_000).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for days in [20, 5, 5] {
        let made = uuid::Timestamp::from_unix(uuid::NoContext, now - days * 86_400, 0);
        let generation_id = Uuid::new_v7(made).to_string();
        settle(
            &billing.client,
            &[UsageRecord { generation_id, ..record(&customer, &nothing_reserved(), 7) }],
        )
        .await;
    }
    assert_eq!(billing.count("select count(*) from billing.usage_default").await, 3);
    assert_eq!(call(&billing, "select billing.drain_usage_default(10, 5)::bigint").await, 1);
    assert_eq!(billing.count("select count(*) from billing.usage_default").await, 1);
    assert_eq!(call(&billing, "select billing.drain_usage_default(400, 5)::bigint").await, 1);
    assert_eq!(billing.count("select count(*) from billing.usage_default").await, 0);
    assert_eq!(billing.count(USAGE).await, 3);
    billing.assert_sound().await;
}
