//! Operators list usage and sum it up.

use http::Method;
use identity::GenerationId;
use rpc::billing::{GetUsageResponse, ListUsageResponse, UsageRow, UsageSum};
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use serde_json::json;

use crate::support::Platform;

#[tokio::test]
async fn single_generations_come_in_pages() {
    let platform = Platform::start().await;
    let id = GenerationId::generate();
    let record = UsageRecord {
        generation_id: id.uuid().to_string(),
        charge: 1_500_000_000,
        usage: Some(Usage { input: 7, ..Usage::default() }),
        model: "acme/echo".to_owned(),
        ..UsageRecord::default()
    };
    platform.reports.with(|told| {
        let row = UsageRow { record: Some(record), due: 1_500_000_000, ..UsageRow::default() };
        told.page = ListUsageResponse { rows: vec![row], next: id.uuid().to_string() };
    });
    let key = platform.demo.api_key.hash();
    let path = format!("/usage?tenant={}&key={key}&model=acme%2Fecho&limit=1", platform.tenant);
    let page = platform.admin(Method::GET, &path, "").await.json();
    let row = &page["data"][0];
    assert_eq!((row["id"].as_str(), row["charge"].as_str()), (Some(id.to_string().as_str()), Some("1.5")));
    assert_eq!((&row["units"], &row["price_version_id"]), (&json!({ "input": 7 }), &json!(null)));
    let next = page["next"].as_str().unwrap();
    let path = format!("/usage?after={next}&since=2026-11-01T00:00:00Z");
    assert_eq!(platform.admin(Method::GET, &path, "").await.status, 200);
    let (first, second) = platform.reports.with(|told| (told.listed.remove(0), told.listed.remove(0)));
    let filter = first.filter.unwrap();
    assert_eq!(
        (filter.model.as_str(), filter.tenant_id, first.limit),
        ("acme/echo", platform.tenant.to_string(), 1)
    );
    assert!(!filter.key_id.is_empty());
    assert_eq!((second.after, second.since_ms), (id.uuid().to_string(), 1_793_491_200_000));
    for bad in ["?tenant=x", "?after=x", "?since=x", "?grain=day", "?top=1", "?key=x", "?color=red"] {
        let answer = platform.admin(Method::GET, &format!("/usage{bad}"), "").await;
        assert_eq!(answer.error().0, 400, "{bad}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn sums_come_by_grain_and_group() {
    let platform = Platform::start().await;
    platform.reports.with(|told| {
        let sum = UsageSum {
            start_ms: 1_793_491_200_000,
            model: "acme/echo".to_owned(),
            requests: 3,
            charge: 7,
            ..UsageSum::default()
        };
        let rest = UsageSum { is_rest: true, charge: 9, ..UsageSum::default() };
        told.sums = GetUsageResponse { sums: vec![sum, rest], is_truncated: true };
    });
    let path =
        "/usage/series?grain=month&group_by=model,key&until=2026-12-01T00:00:00Z&top=1&top_by=provider_cost";
    let series = platform.admin(Method::GET, path, "").await.json();
    let point = &series["data"][0];
    assert_eq!(
        (point["start"].as_str(), series["truncated"].as_bool()),
        (Some("2026-11-01T00:00:00.000Z"), Some(true))
    );
    assert_eq!(
        (&point["model"], &point["key_id"], &point["charge"]),
        (&json!("acme/echo"), &json!(null), &json!("0.000000007"))
    );
    let asked = platform.reports.with(|told| told.asked.remove(0));
    assert_eq!(
        (asked.grain.as_str(), asked.group_by, asked.top, asked.top_by.as_str()),
        ("month", vec!["model".to_owned(), "key_id".to_owned()], 1, "provider_cost")
    );
    let is_rest = [&series["data"][0]["is_rest"], &series["data"][1]["is_rest"]];
    assert_eq!(is_rest, [&json!(null), &json!(true)]);
    for bad in ["?group_by=color", "?grain=minute", "?after=x", "?top_by=model"] {
        let answer = platform.admin(Method::GET, &format!("/usage/series{bad}"), "").await;
        assert_eq!(answer.error().0, 400, "{bad}");
    }
    platform.stop().await;
}
