//! What a key may know: itself, its organisation's credit, its generations, the models.

use identity::GenerationId;
use rpc::billing::Generation;
use rpc::events::UsageRecord;
use rpc::pricing::Usage;
use rpc::worker::AttemptOutcome;

use crate::support::Platform;
use crate::support::specification::Specification;

fn attempt(endpoint: &str, status: u32) -> AttemptOutcome {
    AttemptOutcome {
        endpoint_id: endpoint.to_owned(),
        provider_name: "OpenAI".to_owned(),
        status,
        ..AttemptOutcome::default()
    }
}

#[tokio::test]
async fn a_key_knows_itself() {
    let platform = Platform::start().await;
    let answer = platform.get("/api/v1/key", Some(platform.demo.api_key.expose())).await;
    let json = answer.json();
    let data = &json["data"];
    for member in [
        "label",
        "limit",
        "usage",
        "usage_daily",
        "usage_weekly",
        "usage_monthly",
        "byok_usage",
        "byok_usage_daily",
        "byok_usage_weekly",
        "byok_usage_monthly",
        "is_free_tier",
        "is_management_key",
        "is_provisioning_key",
        "limit_remaining",
        "limit_reset",
        "include_byok_in_limit",
        "creator_user_id",
        "rate_limit",
        "allowed_data_regions",
        "free_model_daily_requests",
        "organization_id",
        "workspace_id",
        "budgets",
        "effective_budget",
        "expires_at",
    ] {
        assert!(data.get(member).is_some(), "{member} is missing: {data}");
    }
    assert_eq!(data["label"], platform.demo.api_key.label());
    assert_eq!((data["usage"].as_f64(), data["limit"].as_f64()), (Some(0.001_25), Some(5.0)));
    assert_eq!(
        (data["byok_usage"].as_f64(), data["byok_usage_monthly"].as_f64()),
        (Some(0.007), Some(0.005))
    );
    assert_eq!(data["effective_budget"]["reset_interval"], "weekly");
    if let Some(specification) = Specification::find() {
        specification.check("get", "/key", &json);
    }
    assert_eq!(
        (data["is_free_tier"].as_bool(), data["is_management_key"].as_bool()),
        (Some(true), Some(false))
    );
    platform.stop().await;
}

#[tokio::test]
async fn a_management_key_knows_the_credit() {
    let platform = Platform::start().await;
    let answer = platform.get("/api/v1/credits", Some(platform.demo.management_key.expose())).await;
    let json = answer.json();
    assert_eq!(json["data"]["total_credits"].as_f64(), Some(20.0));
    assert_eq!(json["data"]["total_usage"].as_f64(), Some(0.001_25));
    if let Some(specification) = Specification::find() {
        specification.check("get", "/credits", &json);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_generation_is_found_in_its_public_shape() {
    let platform = Platform::start().await;
    let id = GenerationId::generate();
    let record = UsageRecord {
        usage: Some(Usage { input: 7, cache_read: 3, output: 4, reasoning: 1, ..Usage::default() }),
        charge: 1_500_000,
        model: "acme/echo".to_owned(),
        streamed: true,
        endpoint_id: "e2".to_owned(),
        workspace_id: "w1".to_owned(),
        is_byok: true,
        upstream_cost: 9_000_000,
        attempts: vec![attempt("e1", 429), attempt("e2", 200)],
        ..UsageRecord::default()
    };
    platform.billing.with(|heard| {
        heard.generations.insert(
            id.uuid().to_string(),
            Generation { record: Some(record), settled_at_ms: 1, cache_discount: Some(250_000) },
        )
    });
    let key = platform.demo.api_key.expose();
    let json = platform.get(&format!("/api/v1/generation?id={id}"), Some(key)).await.json();
    let data = &json["data"];
    assert_eq!(
        (data["id"].as_str(), data["total_cost"].as_f64()),
        (Some(id.to_string().as_str()), Some(0.0015))
    );
    assert_eq!(
        (data["tokens_prompt"].as_u64(), data["native_tokens_completion"].as_u64()),
        (Some(10), Some(5))
    );
    let attempts: Vec<(&str, u64, bool)> = data["provider_responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let status = one["status"].as_u64().unwrap();
            (one["endpoint_id"].as_str().unwrap(), status, one["is_byok"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(attempts, [("e1", 429, false), ("e2", 200, true)]);
    assert_eq!((data["is_byok"].as_bool(), data["workspace_id"].as_str()), (Some(true), Some("w1")));
    assert_eq!(
        (data["cache_discount"].as_f64(), data["upstream_inference_cost"].as_f64()),
        (Some(0.000_25), Some(0.009))
    );
    if let Some(specification) = Specification::find() {
        specification.check("get", "/generation", &json);
    }
    let members = [
        "upstream_id",
        "cache_discount",
        "app_id",
        "moderation_latency",
        "service_tier",
        "origin",
        "api_type",
        "preset_id",
        "router",
        "user_agent",
        "http_referer",
        "data_region",
        "workspace_id",
        "web_search_engine",
    ];
    for member in members {
        assert!(data.get(member).is_some(), "{member} is missing: {data}");
    }
    let old = GenerationId::from_uuid(uuid::Uuid::from_u128(7));
    for id in [old.to_string(), "gen-nonsense".to_owned()] {
        assert_eq!(platform.get(&format!("/api/v1/generation?id={id}"), Some(key)).await.error().0, 404);
    }
    assert_eq!(platform.get("/api/v1/generation", Some(key)).await.error().0, 400);
    platform.stop().await;
}
