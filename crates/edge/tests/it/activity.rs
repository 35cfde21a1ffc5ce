//! An organisation sees its activity as the specification shapes it.

use chrono::{Days, Utc};
use rpc::billing::{GetUsageResponse, UsageSum};
use rpc::pricing::Usage;
use serde_json::Value;
use uuid::Uuid;

use crate::support::Platform;
use crate::support::specification::Specification;

fn sum(start_ms: i64, workspace: &str, charge: i64) -> UsageSum {
    UsageSum {
        start_ms,
        workspace_id: workspace.to_owned(),
        model: "acme/echo".to_owned(),
        provider_name: "Acme".to_owned(),
        endpoint_id: "e1".to_owned(),
        requests: 2,
        charge,
        upstream_cost: 5,
        usage: Some(Usage { input: 10, cache_read: 5, output: 7, reasoning: 3, ..Usage::default() }),
        ..UsageSum::default()
    }
}

async fn activity(platform: &Platform, query: &str) -> Value {
    let key = platform.demo.management_key.expose();
    let answer = platform.get(&format!("/api/v1/activity{query}"), Some(key)).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

async fn default_workspace(platform: &Platform) -> String {
    let key = platform.demo.api_key.expose();
    platform.get("/api/v1/key", Some(key)).await.json()["data"]["workspace_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rows_are_by_day_and_endpoint_and_by_workspace_where_asked() {
    let platform = Platform::start().await;
    let workspace = default_workspace(&platform).await;
    // 2026-11-01 and the day after; what names no workspace is the default one's.
    let days = [1_793_491_200_000, 1_793_577_600_000];
    platform.reports.with(|told| {
        let sums = vec![sum(days[0], "", 1_000), sum(days[0], &workspace, 20), sum(days[1], &workspace, 3)];
        told.sums = GetUsageResponse { sums, is_truncated: false };
    });
    let rows = activity(&platform, "").await;
    let seen: Vec<(&str, f64, u64)> = rows["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let usage = row["usage"].as_f64().unwrap();
            (row["date"].as_str().unwrap(), usage, row["requests"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(seen, [("2026-11-02", 0.000_000_003, 2), ("2026-11-01", 0.000_001_02, 4)]);
    let row = &rows["data"][1];
    assert_eq!(
        (row["prompt_tokens"].as_u64(), row["completion_tokens"].as_u64(), row["reasoning_tokens"].as_u64()),
        (Some(30), Some(20), Some(6))
    );
    assert_eq!((row["cached_tokens"].as_u64(), row["byok_usage_inference"].as_f64()), (Some(10), Some(1e-8)));
    assert!(row.get("workspace_id").is_none());
    let grouped = activity(&platform, "?group_by=workspace").await;
    assert_eq!(grouped["data"][0]["workspace_id"].as_str(), Some(workspace.as_str()));
    if let Some(specification) = Specification::find() {
        specification.check("get", "/activity", &rows);
        specification.check("get", "/activity", &grouped);
    }
    let asked = platform.reports.with(|told| told.asked.remove(0));
    assert_eq!((asked.completed_days, asked.grain.as_str()), (30, "day"));
    assert_eq!(asked.filter.unwrap().tenant_id, platform.tenant.to_string());
    platform.stop().await;
}

#[tokio::test]
async fn filters_narrow_it_and_what_is_not_there_is_said() {
    let platform = Platform::start().await;
    let workspace = default_workspace(&platform).await;
    platform.reports.with(|told| told.sums.sums = vec![sum(0, "", 1_000)]);
    let hash = platform.demo.api_key.hash();
    let user = Uuid::now_v7();
    let yesterday = Utc::now().date_naive().checked_sub_days(Days::new(1)).unwrap();
    let query = format!("?api_key_hash={hash}&user_id={user}&workspace_id={workspace}&date={yesterday}");
    assert_eq!(activity(&platform, &query).await["data"].as_array().map(Vec::len), Some(1));
    let asked = platform.reports.with(|told| told.asked.pop().unwrap());
    assert_eq!((asked.until_ms - asked.since_ms, asked.completed_days), (86_400_000, 0));
    let filter = asked.filter.unwrap();
    assert_eq!(filter.user_id, user.to_string());
    assert!(!filter.key_id.is_empty());
    assert_eq!(activity(&platform, "?user_id=user_abc").await["data"].as_array().map(Vec::len), Some(0));

    let management = platform.demo.management_key.expose();
    let today = Utc::now().date_naive();
    for (query, status) in [
        (format!("?date={today}"), 400),
        ("?date=yesterday".to_owned(), 400),
        ("?group_by=model".to_owned(), 400),
        ("?api_key_hash=abc".to_owned(), 400),
        ("?workspace_id=abc".to_owned(), 400),
        (format!("?api_key_hash={}", "0".repeat(64)), 404),
        (format!("?workspace_id={}", Uuid::now_v7()), 404),
    ] {
        let answer = platform.get(&format!("/api/v1/activity{query}"), Some(management)).await;
        assert_eq!(answer.error().0, status, "{query}");
    }
    let inference = platform.demo.api_key.expose();
    assert_eq!(platform.get("/api/v1/activity", Some(inference)).await.error().0, 403);
    assert_eq!(platform.get("/api/v1/activity", None).await.error().0, 401);
    platform.stop().await;
}
