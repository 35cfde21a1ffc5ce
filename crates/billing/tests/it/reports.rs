//! Usage is reported as it was recorded: in sums, in pages, and by index.

use std::collections::HashSet;

use rpc::billing::{
    GetKeyUsageRequest, GetUsageRequest, ListSettledRequest, ListSettledResponse, ListUsageRequest,
    UsageFilter, UsageRow, UsageSum,
};
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use serde_json::json;
use uuid::Uuid;

use crate::support::edge::Edge;
use crate::support::records::{nothing_reserved, record, settle};
use crate::support::{Billing, Customer};

fn of(customer: &Customer) -> UsageFilter {
    UsageFilter { tenant_id: customer.tenant.to_string(), ..UsageFilter::default() }
}

async fn sums(billing: &Billing, request: GetUsageRequest) -> Vec<UsageSum> {
    billing.reports.clone().get_usage(request).await.unwrap().into_inner().sums
}

async fn pages(billing: &Billing, mut request: ListUsageRequest) -> Vec<Vec<UsageRow>> {
    let mut pages = Vec::new();
    loop {
        let page = billing.reports.clone().list_usage(request.clone()).await.unwrap().into_inner();
        pages.push(page.rows);
        if page.next.is_empty() {
            return pages;
        }
        request.after = page.next;
    }
}

fn ids(rows: &[UsageRow]) -> Vec<String> {
    rows.iter().map(|row| row.record.as_ref().unwrap().generation_id.clone()).collect()
}

/// Served by the tenant's own credential, free of the fee; the list price is theirs to pay.
fn own_key(customer: &Customer, upstream_cost: i64) -> UsageRecord {
    UsageRecord {
        charge: 0,
        absorbed: 0,
        markup_basis_points: -10_000,
        is_byok: true,
        ..record(customer, &nothing_reserved(), upstream_cost)
    }
}

#[tokio::test]
async fn sums_are_grouped_and_filtered_by_any_dimension() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(1_000_000).await, billing.customer(1_000_000).await);
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let workspace = Uuid::now_v7().to_string();
    let mut records = Vec::new();
    for (customer, model, nanos) in [
        (&customer, "a/one", 10),
        (&customer, "a/two", 200),
        (&customer, "a/one", 3_000),
        (&other, "a/one", 40_000),
    ] {
        records.push(UsageRecord {
            model: model.to_owned(),
            workspace_id: if nanos == 10 { workspace.clone() } else { String::new() },
            ..record(customer, &edge.ask(customer, 50_000).await.unwrap(), nanos)
        });
    }
    records.push(UsageRecord { model: "a/two".to_owned(), ..own_key(&customer, 555) });
    settle(&billing.client, &records).await;

    let request = |grain: &str, group_by: &[&str]| GetUsageRequest {
        filter: Some(of(&customer)),
        grain: grain.to_owned(),
        group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
        ..GetUsageRequest::default()
    };
    let by_model = sums(&billing, request("day", &["model"])).await;
    let seen: Vec<(&str, i64, i64, i64)> = by_model
        .iter()
        .map(|sum| (sum.model.as_str(), sum.charge, sum.requests, sum.upstream_cost))
        .collect();
    assert_eq!(seen, [("a/one", 3_010, 2, 0), ("a/two", 200, 2, 555)]);
    assert!(by_model.iter().all(|sum| sum.tenant_id.is_empty() && sum.workspace_id.is_empty()));
    for grain in ["", "hour", "day", "week", "month"] {
        let whole = sums(&billing, request(grain, &[])).await;
        assert_eq!(whole.iter().map(|sum| sum.charge).sum::<i64>(), 3_210, "by {grain}");
    }
    let mut narrowed = request("", &["workspace_id"]);
    narrowed.filter = Some(UsageFilter { workspace_id: workspace.clone(), ..of(&customer) });
    let found = sums(&billing, narrowed).await;
    assert_eq!((found.len(), found[0].charge, found[0].workspace_id.clone()), (1, 10, workspace));
    let everybody = GetUsageRequest { filter: None, ..request("", &["is_byok"]) };
    let seen: Vec<(bool, i64)> =
        sums(&billing, everybody).await.iter().map(|sum| (sum.is_byok, sum.charge)).collect();
    assert_eq!(seen, [(false, 43_210), (true, 0)]);
    // Tokens are kept by class.
    let tokens = by_model[0].usage.unwrap();
    assert_eq!(tokens, Usage { output: 1_505, ..Usage::default() });
    for bad in [request("minute", &[]), request("day", &["end_user"])] {
        let refused = billing.reports.clone().get_usage(bad).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}

#[tokio::test]
async fn completed_days_end_at_midnight_and_sum_to_the_usage_of_them() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    for (moment, nanos) in [
        ("2026-12-01T23:59:00Z", 100_000),
        ("2026-12-02T00:00:00Z", 1),
        ("2026-12-30T12:00:00Z", 20),
        ("2026-12-31T23:59:00Z", 300),
        ("2027-01-01T00:00:30Z", 4_000),
    ] {
        billing.shift_to(moment).await;
        let granted = edge.ask(&customer, 200_000).await.unwrap();
        settle(&billing.client, &[record(&customer, &granted, nanos)]).await;
    }
    let request = GetUsageRequest {
        filter: Some(of(&customer)),
        grain: "day".to_owned(),
        completed_days: 30,
        ..GetUsageRequest::default()
    };
    let days = sums(&billing, request).await;
    assert_eq!(days.iter().map(|sum| sum.charge).collect::<Vec<_>>(), [1, 20, 300]);
}

#[tokio::test]
async fn one_sum_is_of_the_hours_of_its_time_within_a_day_and_across_days() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    for (moment, paid) in [
        ("2026-12-01T09:59:00Z", 1),
        ("2026-12-01T10:00:30Z", 20),
        ("2026-12-01T23:59:00Z", 300),
        ("2026-12-02T12:00:00Z", 4_000),
        ("2026-12-03T11:59:00Z", 50_000),
        ("2026-12-03T12:00:30Z", 600_000),
    ] {
        billing.shift_to(moment).await;
        settle(&billing.client, &[own_key(&customer, paid)]).await;
    }
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
    for is_folded in [false, true] {
        for (since, until, wanted) in [
            ("2026-12-01T10:20:00Z", "2026-12-01T10:40:00Z", vec![20]),
            ("2026-12-01T09:00:00Z", "2026-12-01T23:00:00Z", vec![21]),
            ("2026-12-01T10:00:00Z", "2026-12-02T00:00:00Z", vec![320]),
            ("2026-12-01T23:30:00Z", "2026-12-03T11:30:00Z", vec![54_300]),
            ("2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z", vec![4_000]),
            ("2026-12-02T13:00:00Z", "2026-12-03T11:00:00Z", vec![]),
        ] {
            let request = GetUsageRequest {
                filter: Some(of(&customer)),
                since_ms: at(since),
                until_ms: at(until),
                ..GetUsageRequest::default()
            };
            let found: Vec<i64> = sums(&billing, request).await.iter().map(|sum| sum.upstream_cost).collect();
            assert_eq!(found, wanted, "{since} to {until}, folded: {is_folded}");
        }
        billing.eventually("select waiting from billing.usage_unfolded()", 0).await;
    }
}

#[tokio::test]
async fn groups_that_are_not_among_the_top_are_one() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut records = Vec::new();
    for (model, paid) in [("a/one", 5), ("a/two", 40), ("a/three", 300), ("a/two", 1_000), ("", 7)] {
        records.push(UsageRecord { model: model.to_owned(), ..own_key(&customer, paid) });
    }
    settle(&billing.client, &records).await;
    let request = GetUsageRequest {
        filter: Some(of(&customer)),
        grain: "day".to_owned(),
        group_by: vec!["model".to_owned()],
        top: 2,
        top_by: "upstream_cost".to_owned(),
        ..GetUsageRequest::default()
    };
    let shown = async |request: &GetUsageRequest| -> Vec<(String, i64, bool)> {
        let found = sums(&billing, request.clone()).await;
        let mut shown: Vec<_> =
            found.into_iter().map(|sum| (sum.model, sum.upstream_cost, sum.is_rest)).collect();
        shown.sort();
        shown
    };
    let named = |name: &str, paid, is_rest| (name.to_owned(), paid, is_rest);
    let wanted = [named("", 12, true), named("a/three", 300, false), named("a/two", 1_040, false)];
    assert_eq!(shown(&request).await, wanted);
    // What has no name is a group like any other.
    let all = GetUsageRequest { top: 4, ..request.clone() };
    assert_eq!(shown(&all).await[0], named("", 7, false));
    let wrong = GetUsageRequest { top_by: "at".to_owned(), ..request };
    assert!(billing.reports.clone().get_usage(wrong).await.is_err());
}

#[tokio::test]
async fn pages_hold_every_generation_once_newest_first() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(0).await, billing.customer(0).await);
    let mut mine = Vec::new();
    for n in 0..25 {
        let written = UsageRecord { model: format!("a/{}", n % 2), ..own_key(&customer, 1) };
        mine.push(written.generation_id.clone());
        settle(&billing.client, &[written, own_key(&other, 1)]).await;
    }
    mine.reverse();
    let request =
        |filter: UsageFilter| ListUsageRequest { filter: Some(filter), limit: 10, ..Default::default() };
    let found = pages(&billing, request(of(&customer))).await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(ids(&found.concat()), mine);
    let narrowed = UsageFilter { model: "a/1".to_owned(), ..of(&customer) };
    assert_eq!(pages(&billing, request(narrowed)).await.concat().len(), 12);
    let by_key = UsageFilter { key_id: customer.key.to_string(), ..UsageFilter::default() };
    assert_eq!(ids(&pages(&billing, request(by_key)).await.concat()), mine);
    let all = pages(&billing, request(UsageFilter::default())).await.concat();
    assert_eq!(ids(&all).into_iter().collect::<HashSet<_>>().len(), 50);
    // Times bound the ids.
    let middle: Uuid = mine[12].parse().unwrap();
    let (seconds, nanos) = middle.get_timestamp().unwrap().to_unix();
    let middle_ms = i64::try_from(seconds * 1_000 + u64::from(nanos) / 1_000_000).unwrap();
    let since = ListUsageRequest { since_ms: middle_ms, ..request(of(&customer)) };
    let until = ListUsageRequest { until_ms: middle_ms, ..request(of(&customer)) };
    let since = ids(&pages(&billing, since).await.concat());
    let until = ids(&pages(&billing, until).await.concat());
    assert_eq!([since, until].concat(), mine);
}

#[tokio::test]
async fn lists_of_usage_are_narrowed_by_how_it_ended_and_by_who_served() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let of = |finish_reason: &str, deltas: u32, partial: bool, cancelled: bool| UsageRecord {
        finish_reason: finish_reason.to_owned(),
        deltas,
        partial,
        cancelled,
        provider_name: "Acme".to_owned(),
        ..own_key(&customer, 1)
    };
    let records = [
        ("ok", of("stop", 3, false, false)),
        ("error", of("", 0, false, false)),
        ("error", of("error", 0, true, false)),
        ("partial", of("error", 3, false, false)),
        ("partial", of("stop", 3, true, false)),
        ("cancelled", of("", 0, false, true)),
        ("cancelled", of("stop", 3, true, true)),
    ];
    let all: Vec<UsageRecord> = records.iter().map(|(_, record)| record.clone()).collect();
    settle(&billing.client, &all).await;
    let listed = async |filter: UsageFilter| -> HashSet<String> {
        let request = ListUsageRequest { filter: Some(filter), ..ListUsageRequest::default() };
        ids(&pages(&billing, request).await.concat()).into_iter().collect()
    };
    for status in ["ok", "error", "partial", "cancelled"] {
        let expected = records.iter().filter(|(ended, _)| *ended == status);
        let expected: HashSet<String> = expected.map(|(_, record)| record.generation_id.clone()).collect();
        let narrowed = UsageFilter { status: status.to_owned(), ..self::of(&customer) };
        assert_eq!(listed(narrowed).await, expected, "{status}");
    }
    let named = |name: &str| UsageFilter { provider_name: name.to_owned(), ..self::of(&customer) };
    assert_eq!((listed(named("Acme")).await.len(), listed(named("acme")).await.len()), (7, 0));
    let wrong = UsageFilter { status: "good".to_owned(), ..self::of(&customer) };
    let request = ListUsageRequest { filter: Some(wrong.clone()), ..ListUsageRequest::default() };
    assert!(billing.reports.clone().list_usage(request).await.is_err());
    let request = GetUsageRequest { filter: Some(wrong), ..GetUsageRequest::default() };
    assert!(billing.reports.clone().get_usage(request).await.is_err());
}

#[tokio::test]
async fn lists_of_usage_are_answered_by_index() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    settle(&billing.client, &[own_key(&customer, 1)]).await;
    // Rows enough that reading all of them is the dearer way, on a day of its own.
    let copies = "create temp table one as select * from billing.usage;
        insert into billing.usage select (r).* from (
            select jsonb_populate_record(null::billing.usage, to_jsonb(o) || jsonb_build_object(
                'generation_id', left(o.generation_id::text, 14) || right(gen_random_uuid()::text, 22),
                'tenant_id', case when n % 50 = 0 then o.tenant_id else md5((n % 50)::text)::uuid end)) as r
            from one o, generate_series(1, 20000) n offset 0) x;
        analyze billing.usage";
    sqlx::raw_sql(copies).execute(billing.admin()).await.unwrap();
    let filled: String = sqlx::query_scalar("select tableoid::regclass::text from billing.usage limit 1")
        .fetch_one(billing.admin())
        .await
        .unwrap();
    let filled = filled.trim_start_matches("billing.").to_owned();
    let tenant = customer.tenant.to_string();
    for (filter, index) in [
        (json!({ "tenant_id": tenant }), "tenant_id"),
        (json!({ "key_id": Uuid::now_v7() }), "key_id"),
        (json!({ "tenant_id": tenant, "model": "a/none" }), "tenant_id_model"),
        (json!({ "tenant_id": tenant, "status": "cancelled" }), "tenant_id_case"),
        (json!({ "tenant_id": tenant, "provider_name": "Nobody" }), "tenant_id_provider_name"),
    ] {
        let query: String = sqlx::query_scalar("select billing.usage_page_sql($1, null, null, null, 101)")
            .bind(filter)
            .fetch_one(billing.admin())
            .await
            .unwrap();
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {query}")))
            .fetch_all(billing.admin())
            .await
            .unwrap();
        let plan = plan.join("\n");
        assert!(!plan.contains(&format!("Seq Scan on {filled}")), "{plan}");
        assert!(plan.contains(&format!("{filled}_{index}_generation_id_idx")), "{plan}");
    }
}

#[tokio::test]
async fn what_own_keys_paid_is_counted_by_window() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    // A Tuesday.
    for (moment, paid) in [
        ("2026-11-20T12:00:00Z", 1_000),
        ("2026-12-06T12:00:00Z", 200),
        ("2026-12-07T12:00:00Z", 30),
        ("2026-12-08T12:00:00Z", 4),
    ] {
        billing.shift_to(moment).await;
        settle(&billing.client, &[own_key(&customer, paid)]).await;
    }
    let request =
        GetKeyUsageRequest { tenant_id: customer.tenant.to_string(), key_id: customer.key.to_string() };
    let usage = billing.client.clone().get_key_usage(request).await.unwrap().into_inner();
    assert_eq!(
        (usage.own_keys_total, usage.own_keys_monthly, usage.own_keys_weekly, usage.own_keys_daily),
        (1_234, 234, 34, 4)
    );
    assert_eq!(usage.total, 0);
}

async fn settled_since(billing: &Billing, mark: &str, customer: &Customer) -> ListSettledResponse {
    let request = ListSettledRequest { mark: mark.to_owned(), tenant_ids: vec![customer.tenant.to_string()] };
    billing.reports.clone().list_settled(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn settlements_are_passed_on_once_from_mark_to_mark() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(1_000_000).await, billing.customer(1_000_000).await);
    let begun = settled_since(&billing, "", &customer).await;
    assert!(begun.rows.is_empty() && !begun.more);
    let (first, theirs, second) = (own_key(&customer, 2), own_key(&other, 3), own_key(&customer, 4));
    settle(&billing.client, &[first.clone(), theirs.clone()]).await;
    settle(&billing.client, std::slice::from_ref(&second)).await;

    // Transactions of others hold back what is newer than they.
    let (mut mark, mut passed) = (begun.mark.clone(), Vec::new());
    for _ in 0..1_000 {
        let page = settled_since(&billing, &mark, &customer).await;
        mark = page.mark;
        passed.extend(ids(&page.rows));
        if passed.len() >= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(passed, [first.generation_id, second.generation_id]);
    assert!(settled_since(&billing, &mark, &customer).await.rows.is_empty());
    assert_eq!(ids(&settled_since(&billing, &begun.mark, &other).await.rows), [theirs.generation_id]);
    let wrong = ListSettledRequest { mark: "here".to_owned(), tenant_ids: Vec::new() };
    assert!(billing.reports.clone().list_settled(wrong).await.is_err());
}
