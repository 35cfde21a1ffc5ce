//! Where traces are sent: the life of a destination, what is sent to it, and what becomes of what it does not take.

mod delivery;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::receiver::Receiver;
use crate::support::specification::Specification;

const PATH: &str = "/api/v1/observability/destinations";
const SECRET: &str = "sk-lf-0123456789-0123456789-AbCd";

/// An edge that may send to a receiver of ours, and hurries.
async fn start(tries: u32) -> (Platform, Receiver) {
    let receiver = Receiver::start().await;
    let inline = format!(
        "[edge.destinations]\nallowed_origins = [\"{}\"]\npoll_ms = 20\nwait_ms = 0\n\
         first_retry_ms = 1\nlongest_retry_ms = 5\ntries = {tries}\n",
        receiver.url("")
    );
    (Platform::start_with(&inline, None).await, receiver)
}

async fn manage(platform: &Platform, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    platform.call(method, path, Some(platform.demo.management_key.expose()), &body).await
}

async fn create(platform: &Platform, body: Value) -> Value {
    let made = manage(platform, Method::POST, PATH, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["data"].take()
}

fn one(made: &Value) -> String {
    format!("{PATH}/{}", made["id"].as_str().unwrap())
}

fn webhook(receiver: &Receiver) -> Value {
    json!({ "type": "webhook", "name": "Hook", "config": { "url": receiver.url("/hook") } })
}

#[tokio::test]
async fn a_destination_lives_in_the_public_shape() {
    let (platform, receiver) = start(3).await;
    let specification = Specification::find();
    let check = |method: &str, path: &str, status: u16, answer: &Value| {
        if let Some(specification) = &specification {
            specification.check_status(method, path, status, answer);
        }
    };
    let base = receiver.url("");
    let (key, lent) = ("AKIA0123456789012345678AbCd", "token-0123456789-0123456789-EfGh");
    let kinds = [
        ("webhook", json!({ "url": base, "method": "PUT", "headers": { "Authorization": SECRET } })),
        ("otel-collector", json!({ "endpoint": base })),
        ("langfuse", json!({ "baseUrl": base, "publicKey": "pk-1", "secretKey": SECRET })),
        (
            "s3",
            json!({ "endpoint": base, "bucketName": "traces", "accessKeyId": key,
                    "secretAccessKey": SECRET, "sessionToken": lent }),
        ),
    ];
    for (kind, config) in kinds {
        let sent = json!({ "type": kind, "name": "Production", "config": config });
        let made = manage(&platform, Method::POST, PATH, &sent).await;
        assert_eq!(made.status, 201, "{kind}: {}", made.text());
        check("post", "/observability/destinations", 201, &made.json());
        for secret in [SECRET, key, lent, "pk-1"] {
            assert!(!made.text().contains(secret), "{kind}: {}", made.text());
        }
        let made = made.json()["data"].take();
        assert_eq!(
            (&made["regions"], &made["sampling_rate"]),
            (&json!(["global", "europe", "us"]), &json!(1.0))
        );
        let shown = manage(&platform, Method::GET, &one(&made), &Value::Null).await.json();
        check("get", "/observability/destinations/{id}", 200, &shown);
        assert_eq!(shown["data"], made);
    }
    let list = manage(&platform, Method::GET, &format!("{PATH}?limit=3"), &Value::Null).await.json();
    check("get", "/observability/destinations", 200, &list);
    assert_eq!((list["total_count"].as_i64(), list["data"].as_array().unwrap().len()), (Some(4), 3));

    let (hash, langfuse) = (platform.demo.api_key.hash().to_string(), &list["data"][2]);
    let rules = json!({ "enabled": true, "groups": [
        { "logic": "or", "rules": [{ "field": "model", "operator": "starts_with", "value": "acme/" }] }] });
    let changes = json!({ "name": "Renamed", "sampling_rate": 0.5, "api_key_hashes": [hash],
        "filter_rules": rules, "privacy_mode": true, "broadcast_generation_cost": true, "regions": ["global"],
        "config": { "secretKey": "sk-l...AbCd", "publicKey": "pk-2" } });
    let changed = manage(&platform, Method::PATCH, &one(langfuse), &changes).await;
    check("patch", "/observability/destinations/{id}", 200, &changed.json());
    let changed = changed.json()["data"].take();
    assert_eq!((&changed["name"], &changed["api_key_hashes"]), (&json!("Renamed"), &json!([hash])));
    assert_eq!((&changed["filter_rules"], &changed["regions"]), (&rules, &json!(["global"])));
    assert_eq!(changed["config"]["secretKey"], "sk-l...AbCd", "a mask changes nothing");
    let test = receiver.received().pop().unwrap();
    assert!(test.is_test() && test.header("authorization").starts_with("Basic "), "{test:?}");
    let undone = json!({ "api_key_hashes": null, "filter_rules": null });
    let undone = manage(&platform, Method::PATCH, &one(langfuse), &undone).await.json();
    assert_eq!(
        (&undone["data"]["api_key_hashes"], &undone["data"]["filter_rules"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(undone["data"]["sampling_rate"], 0.5, "what is left out stays");

    let deleted = manage(&platform, Method::DELETE, &one(langfuse), &Value::Null).await.json();
    check("delete", "/observability/destinations/{id}", 200, &deleted);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(manage(&platform, method, &one(langfuse), &Value::Null).await.status, 404);
    }
    assert_eq!(manage(&platform, Method::PATCH, &one(langfuse), &json!({})).await.status, 404);

    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let dump: String = sqlx::query_scalar(
        "select (select string_agg(d::text || encode(d.sealed, 'escape'), '') from identity.destination d)
             || (select string_agg(a::text, '') from identity.audit_log a)",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    assert!(dump.contains("destination.create") && !dump.contains(SECRET) && !dump.contains(lent));
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn what_cannot_be_a_destination_is_refused_by_name() {
    let (platform, receiver) = start(3).await;
    let with = |more: Value| {
        let mut body = webhook(&receiver);
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (body, part) in [
        (with(json!({ "type": "datadog" })), "langfuse, otel-collector, s3, webhook"),
        (with(json!({ "name": "" })), "name"),
        (with(json!({ "sampling_rate": 0 })), "sampling_rate"),
        (with(json!({ "api_key_hashes": [] })), "api_key_hashes"),
        (with(json!({ "api_key_hashes": ["ab".repeat(32)] })), "api_key_hashes"),
        (with(json!({ "workspace_id": "00000000-0000-0000-0000-000000000001" })), "workspace_id"),
        (with(json!({ "regions": ["moon"] })), "regions"),
        (with(json!({ "config": { "url": "http://example.com/hook" } })), "https://"),
        (with(json!({ "config": { "url": "https://127.0.0.1/hook" } })), "public internet"),
        (with(json!({ "config": { "url": "https://169.254.169.254/" } })), "public internet"),
        (
            with(json!({ "filter_rules": { "groups": [{ "rules": [
                { "field": "model", "operator": "regex", "value": "(?!a)" }] }] } })),
            "filter_rules",
        ),
    ] {
        let refused = manage(&platform, Method::POST, PATH, &body).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text());
        assert!(refused.text().contains(part), "{body}: {}", refused.text());
    }
    assert_eq!(manage(&platform, Method::POST, PATH, &json!({ "type": "webhook" })).await.status, 400);
    for _ in 0..5 {
        create(&platform, webhook(&receiver)).await;
    }
    let sixth = manage(&platform, Method::POST, PATH, &webhook(&receiver)).await;
    assert!(sixth.status == 400 && sixth.text().contains("at most 5"), "{}", sixth.text());
    platform.stop().await;
    receiver.stop();
}

#[tokio::test]
async fn a_connection_is_tested_with_nothing_before_it_is_used() {
    let (platform, receiver) = start(3).await;
    for (status, is_taken) in [(204, true), (400, true), (302, false), (401, false), (500, false)] {
        receiver.answer(status);
        receiver.forget();
        let answer = manage(&platform, Method::POST, PATH, &webhook(&receiver)).await;
        assert_eq!(answer.status == 201, is_taken, "{status}: {}", answer.text());
        let tests = receiver.received();
        assert_eq!(tests.len(), 1, "{status}: no redirect is followed, and nothing is tried twice");
        assert!(tests[0].is_test() && tests[0].spans().is_empty() && tests[0].method == "POST");
        if !is_taken {
            assert!(answer.text().contains(&status.to_string()), "{}", answer.text());
        }
    }
    // One that is not in use is not asked, until it is.
    receiver.forget();
    let mut idle = webhook(&receiver);
    idle["enabled"] = false.into();
    let made = create(&platform, idle).await;
    assert!(receiver.received().is_empty());
    let refused = manage(&platform, Method::PATCH, &one(&made), &json!({ "enabled": true })).await;
    assert_eq!(refused.status, 400);
    receiver.answer(200);
    let changed = manage(&platform, Method::PATCH, &one(&made), &json!({ "enabled": true })).await;
    assert_eq!(changed.json()["data"]["enabled"], true);
    platform.stop().await;
    receiver.stop();
}
