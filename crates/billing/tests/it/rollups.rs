//! Rollups say at any moment what the usage that is folded into them says, whoever settles and whatever crashes.

use std::sync::Arc;

use rpc::billing::{GetUsageRequest, UsageFilter, UsageSum};
use rpc::events::UsageRecord;
use sqlx::{Connection as _, Executor as _};

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{nothing_reserved, record, settle};
use crate::support::{Billing, Customer, config};

/// Rollups compared with the usage that they were folded from.
const DIFFERENCES: &str = "select count(*) from billing.rollup_differences('2020-01-01', '2100-01-01')";
const UNFOLDED: &str = "select waiting from billing.usage_unfolded()";
const FOLDED: &str = "select coalesce(sum(requests), 0)::bigint from billing.usage_daily";

/// A replica that leaves folding to the test.
async fn start() -> Billing {
    let mut config = config();
    config.usage.fold_every_ms = 3_600_000;
    let billing = Billing::over(Database::create().await, config, None).await;
    // The job folds once at the start: of nothing.
    billing.eventually("select count(*) from billing.usage_fold", 1).await;
    billing
}

async fn fold(billing: &Billing, limit: i32) -> i64 {
    sqlx::query_scalar("select billing.fold_usage($1)").bind(limit).fetch_one(billing.admin()).await.unwrap()
}

/// Folds everything; what runs in other databases of the server may hold it up.
async fn fold_all(billing: &Billing) {
    while billing.count(UNFOLDED).await > 0 {
        fold(billing, 100).await;
    }
}

/// A record that reserves nothing and costs nothing, so that none waits for another.
fn free(customer: &Customer) -> UsageRecord {
    UsageRecord {
        price: None,
        charge: 0,
        absorbed: 0,
        provider_cost: 7,
        ..record(customer, &nothing_reserved(), 300)
    }
}

async fn by_hour(billing: &Billing, customer: &Customer) -> Vec<UsageSum> {
    let request = GetUsageRequest {
        filter: Some(UsageFilter { tenant_id: customer.tenant.to_string(), ..UsageFilter::default() }),
        grain: "hour".to_owned(),
        ..GetUsageRequest::default()
    };
    billing.reports.clone().get_usage(request).await.unwrap().into_inner().sums
}

#[tokio::test]
async fn what_is_read_is_the_same_before_and_after_folding() {
    let billing = start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for nanos in [10, 200, 3_000] {
        records.push(record(&customer, &edge.ask(&customer, 5_000).await.unwrap(), nanos));
    }
    settle(&billing.client, &records).await;
    let unfolded = by_hour(&billing, &customer).await;
    assert_eq!(unfolded.iter().map(|sum| sum.charge).sum::<i64>(), 3_210);
    assert_eq!(unfolded.iter().map(|sum| sum.requests).sum::<i64>(), 3);
    while billing.count(UNFOLDED).await > 0 {
        fold(&billing, 1).await;
        assert_eq!(by_hour(&billing, &customer).await, unfolded);
    }
    assert_eq!((billing.count(UNFOLDED).await, billing.count(FOLDED).await), (0, 3));
    assert_eq!(by_hour(&billing, &customer).await, unfolded);
    assert_eq!(billing.count(DIFFERENCES).await, 0);
    // The exact counters of keys and the rollups come from the same records.
    let other = "select count(*) from (select key_id, day, charge, requests from billing.key_usage
        except select key_id, (at at time zone 'UTC')::date, sum(charge), sum(requests)
        from billing.usage_daily group by 1, 2) x";
    assert_eq!(billing.count(other).await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_transaction_that_still_runs_is_folded_when_it_ends_and_nothing_twice() {
    let billing = start().await;
    let customer = billing.customer(0).await;
    settle(&billing.client, &[free(&customer)]).await;
    // Takes its number first and ends last.
    let mut slow = sqlx::PgConnection::connect_with(&billing.admin().connect_options()).await.unwrap();
    slow.execute("begin").await.unwrap();
    slow.execute("select pg_current_xact_id()").await.unwrap();
    settle(&billing.client, &[free(&customer), free(&customer)]).await;
    while billing.count(FOLDED).await < 1 {
        fold(&billing, 100).await;
    }
    fold(&billing, 100).await;
    assert_eq!((billing.count(FOLDED).await, billing.count(UNFOLDED).await), (1, 2));
    assert_eq!(by_hour(&billing, &customer).await.iter().map(|sum| sum.requests).sum::<i64>(), 3);
    slow.execute("commit").await.unwrap();
    fold_all(&billing).await;
    assert_eq!((billing.count(FOLDED).await, billing.count(UNFOLDED).await), (3, 0));
    assert_eq!(billing.count(DIFFERENCES).await, 0);
}

#[tokio::test]
async fn a_fold_that_dies_before_its_commit_leaves_nothing_behind() {
    let billing = start().await;
    let customer = billing.customer(0).await;
    for _ in 0..5 {
        settle(&billing.client, &[free(&customer)]).await;
    }
    for _ in 0..3 {
        let mut dying = sqlx::PgConnection::connect_with(&billing.admin().connect_options()).await.unwrap();
        dying.execute("begin").await.unwrap();
        dying.execute("select billing.fold_usage(3)").await.unwrap();
        // Another replica finds the mark taken and folds nothing.
        assert_eq!(fold(&billing, 3).await, 0);
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut dying).await.unwrap();
        sqlx::query("select pg_terminate_backend($1, 10000)")
            .bind(pid)
            .execute(billing.admin())
            .await
            .unwrap();
        assert_eq!((billing.count(FOLDED).await, billing.count(DIFFERENCES).await), (0, 0));
    }
    while billing.count(UNFOLDED).await > 0 {
        fold(&billing, 3).await;
        assert_eq!(billing.count(DIFFERENCES).await, 0);
    }
    assert_eq!(billing.count(FOLDED).await, 5);
}

#[tokio::test]
async fn every_rollup_says_the_same_whatever_comes_late_twice_or_with_odd_names() {
    let billing = start().await;
    let (one, two) = (billing.customer(0).await, billing.customer(0).await);
    let ids: Vec<String> = (0..3).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let pick = |n: usize, of: &[&str]| of[n % of.len()].to_owned();
    let mut late = Vec::new();
    for (day, moment) in
        ["2026-12-01T23:30:00Z", "2026-12-02T00:30:00Z", "2026-12-04T12:00:00Z"].iter().enumerate()
    {
        billing.shift_to(moment).await;
        let records: Vec<UsageRecord> = (0..24)
            .map(|n| UsageRecord {
                model: pick(n + day, &["a/one", "a/two", ""]),
                provider: pick(n, &["acme", "zeta"]),
                provider_name: pick(n, &["Acme", "Zeta", "zeta"]),
                endpoint_id: ids[n % 2].clone(),
                workspace_id: if n % 3 == 0 { String::new() } else { ids[n % 3].clone() },
                user_id: if n % 5 == 0 { String::new() } else { ids[2].clone() },
                app_title: pick(n, &["", "Notes", "%s $1 '"]),
                app_referer: pick(n / 2, &["", "https://app.example"]),
                is_byok: n % 4 == 0,
                provider_cost: i64::try_from(n).unwrap() * 1_000_003,
                latency_ms: 7,
                ..free(if n % 7 == 0 { &two } else { &one })
            })
            .collect();
        let (now, after) = records.split_at(16);
        settle(&billing.client, now).await;
        fold(&billing, 5).await;
        settle(&billing.client, now).await;
        late.extend_from_slice(after);
    }
    late.reverse();
    settle(&billing.client, &late).await;
    assert_eq!(billing.count(DIFFERENCES).await, 0, "half of it is folded");
    fold_all(&billing).await;
    assert_eq!((billing.count(FOLDED).await, billing.count(DIFFERENCES).await), (72, 0));
    // A difference of a nano-dollar in one of them would be seen.
    for table in ["by_provider", "by_tenant", "by_key", "by_endpoint", "by_model", "by_app"] {
        for grain in ["hourly", "daily"] {
            let change = format!(
                "update billing.usage_{table}_{grain} set provider_cost = provider_cost + 1
                where ctid = (select ctid from billing.usage_{table}_{grain} limit 1)"
            );
            let mut changing = billing.admin().begin().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(change)).execute(&mut *changing).await.unwrap();
            let seen: i64 = sqlx::query_scalar(DIFFERENCES).fetch_one(&mut *changing).await.unwrap();
            assert_eq!(seen, 1, "{table} {grain}");
        }
    }
}

#[tokio::test]
async fn a_question_goes_to_the_smallest_rollup_that_tells_its_dimensions_apart() {
    let billing = start().await;
    for (dimensions, wanted) in [
        (&["provider"][..], "usage_by_provider"),
        (&["tenant_id"], "usage_by_tenant"),
        (&["tenant_id", "user_id"], "usage_by_key"),
        (&["model"], "usage_by_endpoint"),
        (&["tenant_id", "model"], "usage_by_model"),
        (&["tenant_id", "user_id", "model"], "usage_by_member"),
        (&["tenant_id", "user_id", "provider_name"], "usage_by_member"),
        (&["tenant_id", "key_id", "model"], "usage"),
    ] {
        let found: String = sqlx::query_scalar("select billing.usage_rollup($1, now())")
            .bind(dimensions)
            .fetch_one(billing.admin())
            .await
            .unwrap();
        assert_eq!(found, wanted, "{dimensions:?}");
    }
}

#[tokio::test]
async fn lean_rollups_of_before_are_made_a_day_at_a_time_while_usage_goes_on() {
    const BACKFILL: &str = "select billing.backfill_usage()";
    let billing = start().await;
    let customer = billing.customer(0).await;
    for moment in ["2026-12-01T10:00:00Z", "2026-12-02T23:59:00Z", "2026-12-05T00:00:30Z"] {
        billing.shift_to(moment).await;
        settle(&billing.client, &[free(&customer), free(&customer)]).await;
    }
    fold_all(&billing).await;
    // As a migration finds it.
    let before = "delete from billing.usage_by_provider_hourly; delete from billing.usage_by_provider_daily;
        delete from billing.usage_by_tenant_hourly; delete from billing.usage_by_tenant_daily;
        delete from billing.usage_by_key_hourly; delete from billing.usage_by_key_daily;
        delete from billing.usage_by_endpoint_hourly; delete from billing.usage_by_endpoint_daily;
        delete from billing.usage_by_model_hourly; delete from billing.usage_by_model_daily;
        delete from billing.usage_by_member_hourly; delete from billing.usage_by_member_daily;
        update billing.usage_fold set lean_from = 'infinity'";
    let wanted = by_hour(&billing, &customer).await;
    sqlx::raw_sql(before).execute(billing.admin()).await.unwrap();
    let pool = billing.database.pool_as("set role patchbay_billing").await;
    let mut days: Vec<String> = Vec::new();
    loop {
        assert_eq!(by_hour(&billing, &customer).await[..wanted.len()], wanted, "after {days:?}");
        assert_eq!(billing.count(DIFFERENCES).await, 0, "after {days:?}");
        let day: Option<chrono::NaiveDate> = sqlx::query_scalar(BACKFILL).fetch_one(&pool).await.unwrap();
        let Some(day) = day else { break };
        days.push(day.to_string());
        // Of a later hour of the newest day, and folded at once.
        billing.shift_to("2026-12-05T02:00:00Z").await;
        settle(&billing.client, &[free(&customer)]).await;
        fold_all(&billing).await;
    }
    assert_eq!(days, ["2026-12-05", "2026-12-02", "2026-12-01"]);
    let all = "select sum(requests)::bigint from billing.usage_by_key_daily";
    assert_eq!((billing.count(all).await, billing.count(FOLDED).await), (9, 9));
    assert_eq!(
        billing.count("select count(*) from billing.usage_fold where lean_from = '-infinity'").await,
        1
    );
}

#[tokio::test]
async fn late_usage_is_folded_into_its_own_hour() {
    let billing = start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    billing.shift_to("2026-12-01T10:59:30Z").await;
    let early = edge.ask(&customer, 5_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &edge.ask(&customer, 5_000).await.unwrap(), 1)]).await;
    fold_all(&billing).await;
    billing.shift_to("2026-12-01T11:01:00Z").await;
    settle(&billing.client, &[record(&customer, &edge.ask(&customer, 5_000).await.unwrap(), 20)]).await;
    fold_all(&billing).await;
    settle(&billing.client, &[record(&customer, &early, 300)]).await;
    fold_all(&billing).await;
    let sums: Vec<(i64, i64)> = by_hour(&billing, &customer)
        .await
        .iter()
        .map(|sum| (sum.start_ms / 3_600_000 % 24, sum.charge))
        .collect();
    assert_eq!(sums, [(10, 301), (11, 20)]);
    assert_eq!(billing.count(DIFFERENCES).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollups_are_the_sum_of_usage_at_every_moment_of_a_storm() {
    // Two replicas fold as fast as they can, while others settle and some sessions are killed.
    let billing = Billing::start().await;
    let mut config = config();
    config.usage.fold_every_ms = 5;
    let twin = Billing::over(Database::of(&billing.database), config, None).await;
    let billing = Arc::new(billing);
    let mut customers = Vec::new();
    for _ in 0..4 {
        customers.push(billing.customer(0).await);
    }
    let settling = (0..4).map(|lane: usize| {
        let (billing, customers) = (Arc::clone(&billing), customers.clone());
        tokio::spawn(async move {
            for round in 0..40 {
                let batch: Vec<UsageRecord> =
                    (0..5).map(|n| free(&customers[(lane + round + n) % customers.len()])).collect();
                // A session may be killed under it: said again until it is settled, as workers do.
                let message = rpc::events::UsageBatch { worker_id: "w".to_owned(), records: batch.clone() };
                while billing.client.clone().settle_batch(message.clone()).await.is_err() {}
            }
        })
    });
    let settling: Vec<_> = settling.collect();
    for round in 0..30 {
        assert_eq!(billing.count(DIFFERENCES).await, 0, "in round {round}");
        if round % 3 == 0 {
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query like '%fold_usage%' and pid <> pg_backend_pid()",
            )
            .execute(billing.admin())
            .await
            .unwrap();
        }
    }
    for lane in settling {
        lane.await.unwrap();
    }
    billing.eventually(UNFOLDED, 0).await;
    assert_eq!(billing.count(FOLDED).await, 800);
    assert_eq!(billing.count("select sum(requests)::bigint from billing.usage_hourly").await, 800);
    assert_eq!(billing.count(DIFFERENCES).await, 0);
    twin.stop().await;
}
