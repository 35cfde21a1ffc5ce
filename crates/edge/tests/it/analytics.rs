//! An organisation asks for metrics of its usage as the specification shapes it.

use http::Method;
use rpc::billing::analytics_figure::Value as Figure;
use rpc::billing::{AnalyticsFigure, AnalyticsRow, QueryAnalyticsRequest, QueryAnalyticsResponse};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::specification::Specification;

const QUERY: &str = "/api/v1/analytics/query";

async fn ask(platform: &Platform, body: &Value) -> Answer {
    let key = platform.demo.management_key.expose();
    platform.call(Method::POST, QUERY, Some(key), &body.to_string()).await
}

fn row(values: &[&str], figures: Vec<Option<Figure>>) -> AnalyticsRow {
    AnalyticsRow {
        // 2026-11-01.
        start_ms: Some(1_793_491_200_000),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        figures: figures.into_iter().map(|value| AnalyticsFigure { value }).collect(),
        is_rest: false,
    }
}

fn asked(platform: &Platform) -> QueryAnalyticsRequest {
    platform.reports.with(|told| told.queried.pop().unwrap())
}

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// The id of the demo's inference key.
async fn key_id(platform: &Platform) -> Uuid {
    sqlx::query_scalar("select id from identity.api_key where encode(hash, 'hex') = $1")
        .bind(platform.demo.api_key.hash().to_string())
        .fetch_one(&owner(platform).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_can_be_asked_is_listed() {
    let platform = Platform::start().await;
    let key = platform.demo.management_key.expose();
    let meta = platform.get("/api/v1/analytics/meta", Some(key)).await.json();
    if let Some(specification) = Specification::find() {
        specification.check("get", "/analytics/meta", &meta);
    }
    let names = |list: &str| -> Vec<String> {
        let all = meta["data"][list].as_array().unwrap();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("granularities"), ["minute", "hour", "day", "week", "month"]);
    assert_eq!(names("operators").len(), 8);
    for metric in names("metrics") {
        let answer = ask(&platform, &json!({ "metrics": [metric], "dimensions": ["model"] })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for dimension in names("dimensions") {
        let filter = json!({ "field": dimension, "operator": "neq", "value": "x" });
        let body = json!({ "metrics": ["request_count"], "dimensions": [dimension], "filters": [filter] });
        assert_eq!(ask(&platform, &body).await.status, 200, "{dimension}");
    }
    let inference = platform.demo.api_key.expose();
    assert_eq!(platform.get("/api/v1/analytics/meta", Some(inference)).await.error().0, 403);
    platform.stop().await;
}

#[tokio::test]
async fn rows_have_a_member_for_everything_that_was_asked_for() {
    let platform = Platform::start().await;
    let (id, gone) = (key_id(&platform).await.to_string(), Uuid::now_v7().to_string());
    let figures =
        vec![Some(Figure::Whole(3)), Some(Figure::Whole(1_500_000)), Some(Figure::Fraction(0.25)), None];
    platform.reports.with(|told| {
        let rest = AnalyticsRow { is_rest: true, ..row(&["", ""], figures.clone()) };
        let rows = vec![row(&[&id, "a/one"], figures.clone()), row(&[&gone, ""], figures), rest];
        told.analytics = QueryAnalyticsResponse { rows, is_truncated: true };
    });
    let body = json!({
        "metrics": ["request_count", "total_usage", "cache_hit_rate", "p90_latency", "request_count"],
        "dimensions": ["api_key_id", "model"], "granularity": "day", "limit": 2,
        "time_range": { "start": "2026-11-01T00:00:00Z", "end": "2026-11-08T00:00:00+01:00" },
        "order_by": { "field": "total_usage", "direction": "asc" }, "group_limit": 5, "top": 3,
    });
    let answer = ask(&platform, &body).await.json();
    if let Some(specification) = Specification::find() {
        specification.check("post", "/analytics/query", &answer);
    }
    let hash = platform.demo.api_key.hash().to_string();
    let rows = &answer["data"]["data"];
    let name = rows[0]["api_key_id"].as_str().unwrap();
    assert!(!name.is_empty() && name != id, "a key is shown by its name");
    assert_eq!(
        rows[0],
        json!({ "date__day": "2026-11-01T00:00:00.000Z", "api_key_id": name, "api_key_hash": hash,
                "model": "a/one", "request_count": 3, "total_usage": 0.0015, "cache_hit_rate": 0.25,
                "p90_latency": null })
    );
    assert_eq!((&rows[1]["api_key_id"], &rows[1]["model"]), (&json!(gone), &Value::Null));
    let metadata = &answer["data"]["metadata"];
    assert_eq!((&metadata["row_count"], &metadata["truncated"]), (&json!(3), &json!(true)));
    assert_eq!((&rows[1]["is_rest"], &rows[2]["is_rest"]), (&Value::Null, &json!(true)));
    assert!(metadata["query_time_ms"].is_number() && answer["data"].get("warnings").is_none());
    let asked = asked(&platform);
    assert_eq!(asked.tenant_id, platform.tenant.to_string());
    assert_eq!(asked.metrics, ["request_count", "total_usage", "cache_hit_rate", "p90_latency"]);
    assert_eq!(asked.until_ms - asked.since_ms, (7 * 24 - 1) * 3_600_000);
    assert_eq!(
        (asked.order_by.as_str(), asked.descending, asked.limit, asked.group_limit, asked.top),
        ("total_usage", false, 2, 5, 3)
    );
    platform.stop().await;
}

#[tokio::test]
async fn filters_are_told_by_ids_and_what_is_nobodys_is_warned_of() {
    let platform = Platform::start().await;
    let (id, hash) = (key_id(&platform).await.to_string(), platform.demo.api_key.hash().to_string());
    let markup = platform.demo.markup_api_key.hash().to_string();
    let generation = identity::GenerationId::generate();
    let body = json!({ "metrics": ["request_count"], "filters": [
        { "field": "api_key_id", "operator": "in", "value": [hash, markup, 17], "include_unset": true },
        { "field": "workspace", "operator": "eq", "value": Uuid::now_v7() },
        { "field": "generation_id", "operator": "eq", "value": generation.to_string() },
        { "field": "model", "operator": "neq", "value": "a/one" },
    ]});
    let answer = ask(&platform, &body).await.json();
    // The other organisation's key is as unknown as a number.
    assert_eq!(answer["data"]["warnings"].as_array().map(Vec::len), Some(3), "{answer}");
    if let Some(specification) = Specification::find() {
        specification.check("post", "/analytics/query", &answer);
    }
    let filters = asked(&platform).filters;
    let seen: Vec<(&str, &[String], bool)> = filters
        .iter()
        .map(|filter| (filter.operator.as_str(), filter.values.as_slice(), filter.unset))
        .collect();
    let (generation, model) = ([generation.uuid().to_string()], ["a/one".to_owned()]);
    assert_eq!(
        seen,
        [
            ("in", &[id][..], true),
            ("in", &[][..], false),
            ("in", &generation[..], false),
            ("not_in", &model[..], true)
        ]
    );
    platform.stop().await;
}

#[tokio::test]
async fn what_is_out_of_bounds_is_said_so() {
    let platform = Platform::start().await;
    let with = |more: Value| {
        let mut body = json!({ "metrics": ["request_count"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let days = |days: i64| {
        let end = chrono::Utc::now();
        json!({ "start": end - chrono::TimeDelta::days(days), "end": end })
    };
    let filter = |field: &str, operator: &str, value: Value| {
        with(json!({ "filters": [{ "field": field, "operator": operator, "value": value }] }))
    };
    let twenty_one = vec![json!({ "field": "model", "operator": "eq", "value": "x" }); 21];
    let bad = [
        json!({}),
        json!({ "metrics": [] }),
        json!({ "metrics": ["speed"] }),
        json!({ "metrics": "request_count" }),
        with(json!({ "dimensions": ["model", "provider", "user"] })),
        with(json!({ "dimensions": ["model", "model"] })),
        with(json!({ "dimensions": ["tenant"] })),
        with(json!({ "granularity": "year" })),
        with(json!({ "limit": 0 })),
        with(json!({ "limit": 10_001 })),
        with(json!({ "limit": 1.5 })),
        with(json!({ "group_limit": -1 })),
        with(json!({ "filters": twenty_one })),
        filter("country", "eq", json!("x")),
        filter("model", "like", json!("x")),
        filter("model", "eq", json!(["x"])),
        filter("model", "in", json!("x")),
        filter("model", "eq", json!(null)),
        filter("model", "eq", json!("x\0")),
        filter("user", "gt", json!("x")),
        with(
            json!({ "filters": [{ "field": "workspace", "operator": "in", "value": [], "include_unset": true }] }),
        ),
        with(
            json!({ "filters": [{ "field": "model", "operator": "eq", "value": "x", "include_unset": true }] }),
        ),
        with(json!({ "order_by": { "field": "total_usage", "direction": "asc" } })),
        with(json!({ "order_by": { "field": "date", "direction": "asc" } })),
        with(json!({ "order_by": { "field": "request_count", "direction": "up" } })),
        with(json!({ "time_range": { "start": "2026-11-08T00:00:00Z", "end": "2026-11-01T00:00:00Z" } })),
        with(json!({ "time_range": { "start": "yesterday", "end": "2026-11-01T00:00:00Z" } })),
        with(json!({ "time_range": days(367) })),
        with(json!({ "time_range": days(32), "granularity": "minute" })),
        with(json!({ "time_range": days(32), "dimensions": ["generation_id"] })),
        with(
            json!({ "time_range": days(32), "filters": [{ "field": "app", "operator": "eq", "value": "x" }] }),
        ),
        json!({ "metrics": ["p50_latency"], "time_range": days(32) }),
        with(json!({ "classifier_dimensions": { "classifier_id": Uuid::now_v7() } })),
    ];
    for body in bad {
        assert_eq!(ask(&platform, &body).await.error().0, 400, "{body}");
    }
    for body in [
        with(json!({ "time_range": days(31), "dimensions": ["generation_id"] })),
        with(json!({ "time_range": days(365), "dimensions": ["model", "user"], "granularity": "day" })),
        with(json!({ "order_by": { "field": "date", "direction": "asc" }, "granularity": "week" })),
    ] {
        assert_eq!(ask(&platform, &body).await.status, 200, "{body}");
    }
    assert_eq!(platform.call(Method::POST, QUERY, None, "{}").await.error().0, 401);
    platform.stop().await;
}
