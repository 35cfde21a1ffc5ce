//! Feature flags: for everybody, for one organisation, and what they do.

use http::Method;
use serde_json::{Value, json};

use crate::support::Platform;

const CACHED: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"again"}]}"#;

async fn put(platform: &Platform, path: &str, is_on: Value) -> Value {
    let answer = platform.admin(Method::PUT, path, &json!({ "is_on": is_on }).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].take()
}

/// Whether the demo organisation's answers are cached.
async fn is_cached(platform: &Platform) -> bool {
    let answer = platform.chat_with(&[("x-openrouter-cache", "true")], CACHED).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    !answer.header("x-openrouter-cache-status").is_empty()
}

#[tokio::test]
async fn what_is_said_for_one_goes_before_what_is_said_for_everybody() {
    let platform = Platform::start().await;
    let listed = platform.admin(Method::GET, "/flags", "").await.json();
    let flags = listed["data"].as_array().unwrap();
    assert!(flags.iter().all(|flag| flag["is_on"] == flag["default"] && flag["everybody"].is_null()));
    assert!(is_cached(&platform).await);

    let everybodys = "/flags/response_cache";
    let ours = format!("/tenants/{}/flags/response_cache", platform.tenant);
    assert_eq!(put(&platform, everybodys, json!(false)).await["is_on"], false);
    assert!(!is_cached(&platform).await);
    let said = put(&platform, &ours, json!(true)).await;
    assert_eq!(
        (&said["is_on"], &said["everybody"], &said["tenant"]),
        (&json!(true), &json!(false), &json!(true))
    );
    assert!(is_cached(&platform).await);
    assert_eq!(put(&platform, &ours, Value::Null).await["is_on"], false, "taken back");
    assert!(!is_cached(&platform).await);
    put(&platform, everybodys, Value::Null).await;
    assert!(is_cached(&platform).await);

    let log = platform.admin(Method::GET, "/audit?action=flag.put", "").await.json();
    let told: Vec<(bool, &Value)> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["tenant_id"].is_null(), &row["details"]["is_on"]))
        .collect();
    let nothing = Value::Null;
    assert_eq!(told, [(true, &nothing), (false, &nothing), (false, &json!(true)), (true, &json!(false))]);
    for path in ["/flags/other", &format!("/tenants/{}/flags/own_keys", uuid::Uuid::now_v7())] {
        assert_eq!(platform.admin(Method::GET, path, "").await.error().0, 404, "{path}");
        assert_eq!(platform.admin(Method::PUT, path, r#"{"is_on":true}"#).await.error().0, 404, "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn own_keys_that_are_turned_off_serve_nothing() {
    let platform = Platform::start().await;
    let body = r#"{"provider":"openai","key":"sk-own","name":"ours"}"#;
    let manage = Some(platform.demo.management_key.expose());
    assert_eq!(platform.call(Method::POST, "/api/v1/byok", manage, body).await.status, 201);
    let offered = async || {
        assert_eq!(platform.chat(CACHED).await.status, 200);
        platform.router.with(|seen| seen.plans.last().unwrap().own.len())
    };
    assert_eq!(offered().await, 1);
    let ours = format!("/tenants/{}/flags/own_keys", platform.tenant);
    put(&platform, &ours, json!(false)).await;
    assert_eq!(offered().await, 0);
    platform.stop().await;
}
