//! Analytics say what was used, whichever of sums and single generations they are answered from.

use rpc::billing::analytics_figure::Value;
use rpc::billing::{AnalyticsFigure, AnalyticsFilter, AnalyticsRow, QueryAnalyticsRequest};
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use uuid::Uuid;

use crate::support::records::{nothing_reserved, record, settle};
use crate::support::{Billing, Customer};

const METRICS: [&str; 24] = [
    "request_count",
    "byok_request_count",
    "error_count",
    "error_rate",
    "tokens_total",
    "tokens_prompt",
    "tokens_completion",
    "reasoning_tokens",
    "cached_tokens",
    "cache_hit_rate",
    "total_usage",
    "credits_usage",
    "openrouter_usage",
    "byok_usage",
    "byok_fees",
    "usage_upstream",
    "avg_latency",
    "p50_latency",
    "p90_latency",
    "p99_latency",
    "avg_throughput",
    "p50_throughput",
    "p90_throughput",
    "p99_throughput",
];
const DIMENSIONS: [&str; 10] = [
    "model",
    "provider",
    "api_key_id",
    "user",
    "workspace",
    "app",
    "origin",
    "finish_reason",
    "external_user",
    "generation_id",
];
const HOME: &str = "00000000-0000-7000-8000-000000000001";

/// A question about the last day and the next.
fn question(customer: &Customer, metrics: &[&str], dimensions: &[&str]) -> QueryAnalyticsRequest {
    let now = chrono::Utc::now().timestamp_millis();
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    QueryAnalyticsRequest {
        tenant_id: customer.tenant.to_string(),
        home_workspace_id: HOME.to_owned(),
        metrics: texts(metrics),
        dimensions: texts(dimensions),
        since_ms: now - 86_400_000,
        until_ms: now + 86_400_000,
        order_by: metrics[0].to_owned(),
        descending: true,
        limit: 100,
        ..QueryAnalyticsRequest::default()
    }
}

fn filter(dimension: &str, operator: &str, values: &[&str], unset: bool) -> AnalyticsFilter {
    AnalyticsFilter {
        dimension: dimension.to_owned(),
        operator: operator.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        unset,
    }
}

async fn rows(billing: &Billing, request: &QueryAnalyticsRequest) -> Vec<AnalyticsRow> {
    billing.reports.clone().query_analytics(request.clone()).await.unwrap().into_inner().rows
}

fn number(figure: &AnalyticsFigure) -> f64 {
    match figure.value {
        #[allow(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
        Some(Value::Whole(whole)) => whole as f64,
        Some(Value::Fraction(fraction)) => fraction,
        None => f64::NAN,
    }
}

/// Values and figures of each row.
fn table(rows: &[AnalyticsRow]) -> Vec<(String, Vec<f64>)> {
    rows.iter().map(|row| (row.values.join("|"), row.figures.iter().map(number).collect())).collect()
}

/// Served by the tenant's own credential: nothing is charged.
fn own_key(customer: &Customer, model: &str, paid: i64) -> UsageRecord {
    UsageRecord {
        charge: 0,
        absorbed: 0,
        markup_basis_points: -10_000,
        is_byok: true,
        model: model.to_owned(),
        ..record(customer, &nothing_reserved(), paid)
    }
}

/// Three generations of one customer and one of another; the last of the three gave nothing.
async fn used(billing: &Billing) -> (Customer, Vec<UsageRecord>) {
    let (customer, other) = (billing.customer(0).await, billing.customer(0).await);
    let workspace = Uuid::now_v7().to_string();
    let records = vec![
        UsageRecord {
            usage: Some(Usage { input: 20, cache_read: 60, output: 300, reasoning: 20, ..Usage::default() }),
            price: None,
            provider_cost: 0,
            latency_ms: 100,
            generation_time_ms: 1_000,
            finish_reason: "stop".to_owned(),
            end_user: "anna".to_owned(),
            app_title: "App".to_owned(),
            app_referer: "https://app.example".to_owned(),
            ..own_key(&customer, "a/one", 0)
        },
        UsageRecord {
            upstream_cost: 20,
            latency_ms: 300,
            workspace_id: workspace,
            finish_reason: "length".to_owned(),
            ..own_key(&customer, "a/one", 20)
        },
        UsageRecord {
            usage: Some(Usage::default()),
            price: None,
            provider_cost: 0,
            upstream_cost: 0,
            finish_reason: "error".to_owned(),
            deltas: 0,
            ..own_key(&customer, "a/two", 0)
        },
        UsageRecord { upstream_cost: 7_000, ..own_key(&other, "a/one", 7_000) },
    ];
    settle(&billing.client, &records).await;
    (customer, records)
}

#[tokio::test]
async fn every_metric_goes_with_every_dimension() {
    let billing = Billing::start().await;
    let (customer, records) = used(&billing).await;
    for dimension in DIMENSIONS {
        for granularity in ["", "minute", "hour", "day", "week", "month"] {
            let request = QueryAnalyticsRequest {
                granularity: granularity.to_owned(),
                ..question(&customer, &METRICS, &[dimension])
            };
            let found = rows(&billing, &request).await;
            let requests: f64 = found.iter().map(|row| number(&row.figures[0])).sum();
            assert!((requests - 3.0).abs() < 0.1, "{dimension} by {granularity}: {found:?}");
            assert!(found.iter().all(|row| row.start_ms.is_some() != granularity.is_empty()));
        }
    }
    let found = table(&rows(&billing, &question(&customer, &["total_usage"], &["generation_id"])).await);
    assert_eq!(found[0], (records[1].generation_id.clone(), vec![20.0]));
}

#[tokio::test]
async fn sums_and_single_generations_say_the_same() {
    let billing = Billing::start().await;
    let (customer, _) = used(&billing).await;
    let summed: Vec<&str> = METRICS.into_iter().filter(|name| !name.starts_with('p')).collect();
    for dimensions in [
        vec!["model"],
        vec!["api_key_id", "model"],
        vec!["api_key_id", "user"],
        vec!["user", "model"],
        vec!["user", "provider"],
        vec!["provider", "workspace"],
        vec!["app", "origin"],
        vec!["workspace"],
        vec![],
    ] {
        let from_sums = question(&customer, &summed, &dimensions);
        // A percentile is in no sum: it takes single generations, and nothing else changes.
        let mut from_single = from_sums.clone();
        from_single.metrics.push("p50_latency".to_owned());
        let sums = table(&rows(&billing, &from_sums).await);
        let mut single = table(&rows(&billing, &from_single).await);
        single.iter_mut().for_each(|(_, figures)| figures.truncate(summed.len()));
        assert_eq!(format!("{sums:?}"), format!("{single:?}"), "{dimensions:?}");
    }
    let request = question(
        &customer,
        &["total_usage", "tokens_total", "cache_hit_rate", "error_rate", "p50_latency", "avg_throughput"],
        &["model"],
    );
    let found = table(&rows(&billing, &request).await);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].0.as_str(), &found[0].1[..2]), ("a/one", &[20.0, 410.0][..]));
    assert_eq!((found[0].1[2], found[0].1[4]), (0.75, 200.0));
    assert_eq!((found[1].0.as_str(), found[1].1[0], found[1].1[3]), ("a/two", 0.0, 1.0));
    // Nothing is a row as well, where nothing tells rows apart.
    let stranger = Customer { tenant: identity::TenantId::generate(), ..customer.clone() };
    let none = rows(&billing, &question(&stranger, &["request_count", "error_rate"], &[])).await;
    assert_eq!(
        (none.len(), none[0].figures[0].value, none[0].figures[1].value),
        (1, Some(Value::Whole(0)), None)
    );
    assert!(rows(&billing, &question(&stranger, &["request_count"], &["model"])).await.is_empty());
}

#[tokio::test]
async fn whole_days_and_the_hours_around_them_are_counted_once() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    for (moment, paid) in [
        ("2026-12-01T09:59:00Z", 1),
        ("2026-12-01T10:00:30Z", 20),
        ("2026-12-01T23:59:00Z", 300),
        ("2026-12-02T12:00:00Z", 4_000),
        ("2026-12-03T00:00:30Z", 50_000),
        ("2026-12-03T11:59:00Z", 600_000),
        ("2026-12-03T12:00:30Z", 7_000_000),
    ] {
        billing.shift_to(moment).await;
        settle(&billing.client, &[UsageRecord { upstream_cost: paid, ..own_key(&customer, "a/one", paid) }])
            .await;
    }
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
    let mut request = QueryAnalyticsRequest {
        // Hours are whole: from ten to twelve.
        since_ms: at("2026-12-01T10:20:00Z"),
        until_ms: at("2026-12-03T11:30:00Z"),
        order_by: "date".to_owned(),
        descending: false,
        ..question(&customer, &["byok_usage"], &[])
    };
    for unfolded in [true, false] {
        for (granularity, wanted) in [
            ("hour", vec![20.0, 300.0, 4_000.0, 50_000.0, 600_000.0]),
            ("day", vec![320.0, 4_000.0, 650_000.0]),
            ("week", vec![654_320.0]),
            ("month", vec![654_320.0]),
        ] {
            request.granularity = granularity.to_owned();
            let found: Vec<f64> =
                rows(&billing, &request).await.iter().map(|row| number(&row.figures[0])).collect();
            assert_eq!(found, wanted, "{granularity}, with a tail: {unfolded}");
        }
        billing.eventually("select waiting from billing.usage_unfolded()", 0).await;
    }
    // Within a day, and within an hour.
    request.granularity = String::new();
    request.order_by = "byok_usage".to_owned();
    for (since, until, wanted) in [
        ("2026-12-01T10:00:00Z", "2026-12-01T10:01:00Z", 20.0),
        ("2026-12-01T09:00:00Z", "2026-12-02T00:00:00Z", 321.0),
        ("2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z", 4_000.0),
    ] {
        (request.since_ms, request.until_ms) = (at(since), at(until));
        assert_eq!(Some(number(&rows(&billing, &request).await[0].figures[0])), Some(wanted), "{since}");
    }
}

#[tokio::test]
async fn filters_take_what_they_name_and_what_has_no_name_where_asked() {
    let billing = Billing::start().await;
    let (customer, records) = used(&billing).await;
    let (key, first) = (customer.key.to_string(), records[0].generation_id.clone());
    for (wanted, filters) in [
        (2.0, vec![filter("model", "in", &["a/one"], false)]),
        (1.0, vec![filter("model", "not_in", &["a/one", "a/three"], false)]),
        (0.0, vec![filter("model", "in", &[], false)]),
        (3.0, vec![filter("model", "gte", &["a/one"], false), filter("model", "lt", &["a/u"], false)]),
        (1.0, vec![filter("model", "gt", &["a/one"], false)]),
        (3.0, vec![filter("api_key_id", "in", &[&key], false)]),
        (2.0, vec![filter("api_key_id", "in", &[&key], false), filter("model", "in", &["a/one"], false)]),
        (0.0, vec![filter("user", "in", &["00000000-0000-0000-0000-000000000000"], false)]),
        (0.0, vec![filter("api_key_id", "not_in", &[&key], false)]),
        (2.0, vec![filter("workspace", "in", &[HOME], false)]),
        (1.0, vec![filter("external_user", "in", &["anna"], false)]),
        (3.0, vec![filter("external_user", "in", &["anna"], true)]),
        (0.0, vec![filter("external_user", "not_in", &["anna"], false)]),
        (2.0, vec![filter("external_user", "not_in", &["anna"], true)]),
        (
            1.0,
            vec![
                filter("app", "in", &["App"], false),
                filter("origin", "in", &["https://app.example"], false),
            ],
        ),
        (1.0, vec![filter("generation_id", "in", &[&first], false)]),
        (2.0, vec![filter("generation_id", "not_in", &[&first], false)]),
        (0.0, vec![filter("model", "in", &["' or true --"], false)]),
        (0.0, vec![filter("finish_reason", "in", &["$3->0->'values'"], false)]),
    ] {
        let request = QueryAnalyticsRequest { filters, ..question(&customer, &["request_count"], &[]) };
        let found = rows(&billing, &request).await;
        assert_eq!(Some(number(&found[0].figures[0])), Some(wanted), "{:?}", request.filters);
    }
}

#[tokio::test]
async fn rows_are_ordered_and_cut() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut records = Vec::new();
    for (model, paid) in [("a/one", 5), ("a/one", 1), ("a/two", 4), ("a/three", 3)] {
        records.push(UsageRecord { upstream_cost: paid, ..own_key(&customer, model, paid) });
    }
    settle(&billing.client, &records).await;
    let ask = async |order: &str, descending, limit, group_limit| {
        let request = QueryAnalyticsRequest {
            order_by: order.to_owned(),
            descending,
            limit,
            group_limit,
            ..question(&customer, &["byok_usage"], &["model", "generation_id"])
        };
        let answer = billing.reports.clone().query_analytics(request).await.unwrap().into_inner();
        let paid: Vec<f64> = answer.rows.iter().map(|row| number(&row.figures[0])).collect();
        (paid, answer.is_truncated)
    };
    assert_eq!(ask("byok_usage", true, 100, 0).await, (vec![5.0, 4.0, 3.0, 1.0], false));
    assert_eq!(ask("byok_usage", false, 2, 0).await, (vec![1.0, 3.0], true));
    assert_eq!(ask("model", true, 2, 0).await, (vec![4.0, 3.0], true));
    let by_model = QueryAnalyticsRequest {
        granularity: "day".to_owned(),
        order_by: "request_count".to_owned(),
        group_limit: 1,
        ..question(&customer, &["byok_usage"], &["model"])
    };
    let found = table(&rows(&billing, &by_model).await);
    assert_eq!((found.len(), found[0].0.as_str(), found[0].1[0]), (3, "a/one", 6.0));
}

#[tokio::test]
async fn groups_beyond_the_top_are_one_row_a_bucket() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut records = Vec::new();
    for (model, paid) in [("a/one", 5), ("a/one", 1), ("a/two", 4), ("a/three", 3), ("", 2)] {
        records.push(UsageRecord { upstream_cost: paid, ..own_key(&customer, model, paid) });
    }
    settle(&billing.client, &records).await;
    let key = customer.key.to_string();
    let asked = async |metrics: &[&str], top, filters| -> Vec<(String, f64, bool)> {
        let request = QueryAnalyticsRequest {
            granularity: "day".to_owned(),
            top,
            filters,
            ..question(&customer, metrics, &["model"])
        };
        let found = rows(&billing, &request).await;
        found.iter().map(|row| (row.values.join("|"), number(&row.figures[0]), row.is_rest)).collect()
    };
    let shown = async |metrics: &[&str], top| {
        let shown = asked(metrics, top, Vec::new()).await;
        // Of one key's models the answer is in the full rollup alone.
        assert_eq!(asked(metrics, top, vec![filter("api_key_id", "in", &[&key], false)]).await, shown);
        shown
    };
    let named = |name: &str, figure, is_rest| (name.to_owned(), figure, is_rest);
    assert_eq!(
        shown(&["byok_usage"], 2).await,
        [named("a/one", 6.0, false), named("", 5.0, true), named("a/two", 4.0, false)]
    );
    assert_eq!(shown(&["byok_usage"], 4).await.last(), Some(&named("", 2.0, false)));
    // Means have no most; the rest has one all the same.
    let latency = shown(&["avg_latency"], 1).await;
    assert_eq!(latency.iter().filter(|row| row.2).count(), 1, "{latency:?}");
    assert!(latency.contains(&named("a/one", 12.0, false)), "it has the most requests: {latency:?}");
}

#[tokio::test]
async fn a_full_rollup_is_summed_before_groups_are_told_from_it() {
    let billing = Billing::start().await;
    let query: String = sqlx::query_scalar(
        r#"select billing.analytics_sql('usage', 'day', '{model}', '{credits_usage}',
            '[{"field": "user", "operator": "in", "values": []}]', 'date', false, true)"#,
    )
    .fetch_one(billing.admin())
    .await
    .unwrap();
    assert!(
        query.contains("sum(u.charge)::bigint as charge"),
        "each row is read for each use of it: {query}"
    );
    assert!(!query.contains("u.user_id"), "who an index has found is looked at again: {query}");
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let good = || question(&customer, &["request_count"], &["model"]);
    let bad = [
        question(&customer, &["request_count; drop table billing.usage"], &[]),
        question(&customer, &["request_count"], &["tenant_id"]),
        question(&customer, &["request_count"], &["model", "user", "workspace"]),
        QueryAnalyticsRequest { metrics: Vec::new(), ..good() },
        QueryAnalyticsRequest { granularity: "year".to_owned(), ..good() },
        QueryAnalyticsRequest { order_by: "total_usage".to_owned(), ..good() },
        QueryAnalyticsRequest { limit: 10_001, ..good() },
        QueryAnalyticsRequest { filters: vec![filter("tenant_id", "in", &["x"], false)], ..good() },
        QueryAnalyticsRequest { filters: vec![filter("model", "like", &["x"], false)], ..good() },
        QueryAnalyticsRequest { filters: vec![filter("generation_id", "in", &["x"], false)], ..good() },
        QueryAnalyticsRequest { filters: vec![filter("model", "in", &["x\0"], false)], ..good() },
        QueryAnalyticsRequest { tenant_id: String::new(), ..good() },
    ];
    for request in bad {
        let refused = billing.reports.clone().query_analytics(request.clone()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{request:?}");
    }
}
