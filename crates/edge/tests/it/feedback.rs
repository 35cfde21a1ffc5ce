//! An organisation says what was wrong with its generations, and with nobody else's.

use http::Method;
use identity::GenerationId;
use rpc::billing::Generation;
use rpc::events::UsageRecord;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::specification::Specification;

async fn say(platform: &Platform, body: &Value) -> Answer {
    let key = platform.demo.management_key.expose();
    platform.call(Method::POST, "/api/v1/generation/feedback", Some(key), &body.to_string()).await
}

/// A generation that billing knows as this tenant's.
fn generated(platform: &Platform, tenant: &str) -> GenerationId {
    // Of no time: a recent one would be waited for.
    let id = GenerationId::from_uuid(uuid::Uuid::new_v4());
    let record = UsageRecord { tenant_id: tenant.to_owned(), ..UsageRecord::default() };
    let found = Generation { record: Some(record), settled_at_ms: 1, cache_discount: None };
    platform.billing.with(|heard| heard.generations.insert(id.uuid().to_string(), found));
    id
}

async fn kept(platform: &Platform) -> Vec<(uuid::Uuid, String, Option<String>)> {
    let database = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    sqlx::query_as(
        "select generation_id, category, comment from identity.generation_feedback where tenant_id = $1",
    )
    .bind(platform.tenant.uuid())
    .fetch_all(&database)
    .await
    .unwrap()
}

async fn audited(platform: &Platform) -> Vec<(String, Value)> {
    let database = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let statement =
        "select target, details from identity.audit_log where action = 'generation.feedback' order by at";
    sqlx::query_as(statement).fetch_all(&database).await.unwrap()
}

#[tokio::test]
async fn the_last_word_on_a_generation_is_kept() {
    let platform = Platform::start().await;
    let id = generated(&platform, &platform.tenant.to_string());
    let first = json!({ "generation_id": id.to_string(), "category": "incorrect_response", "comment": "Twice the same." });
    let answer = say(&platform, &first).await.json();
    assert_eq!(answer, json!({ "data": { "success": true } }));
    if let Some(specification) = Specification::find() {
        specification.check("post", "/generation/feedback", &answer);
    }
    // The same again changes nothing.
    assert_eq!(say(&platform, &first).await.json(), answer);
    assert_eq!(
        kept(&platform).await,
        [(id.uuid(), "incorrect_response".to_owned(), Some("Twice the same.".to_owned()))]
    );
    assert_eq!(audited(&platform).await.len(), 1);
    let second = json!({ "generation_id": id.to_string(), "category": "billing" });
    assert_eq!(say(&platform, &second).await.status, 200);
    assert_eq!(kept(&platform).await, [(id.uuid(), "billing".to_owned(), None)]);
    let audited = audited(&platform).await;
    assert_eq!(audited.len(), 2);
    assert_eq!(audited[0].0, format!("generation:{id}"));
    assert!(!audited[0].1.to_string().contains("Twice"), "what people write is no one else's");
    platform.stop().await;
}

#[tokio::test]
async fn what_is_anothers_cannot_be_spoken_of() {
    let platform = Platform::start().await;
    let foreign = generated(&platform, &uuid::Uuid::now_v7().to_string());
    let unknown = GenerationId::from_uuid(uuid::Uuid::from_u128(7));
    for id in [foreign.to_string(), unknown.to_string(), "gen-nonsense".to_owned()] {
        let body = json!({ "generation_id": id, "category": "other" });
        assert_eq!(say(&platform, &body).await.error().0, 404, "{id}");
    }
    let mine = generated(&platform, &platform.tenant.to_string()).to_string();
    for body in [
        json!({}),
        json!({ "generation_id": "", "category": "other" }),
        json!({ "generation_id": mine, "category": "praise" }),
        json!({ "generation_id": mine }),
        json!({ "generation_id": mine, "category": "other", "comment": "x".repeat(1_001) }),
        json!({ "generation_id": mine, "category": "other", "comment": "\0" }),
        json!({ "generation_id": mine, "category": "other", "comment": 1 }),
    ] {
        assert_eq!(say(&platform, &body).await.error().0, 400, "{body}");
    }
    let longest = json!({ "generation_id": mine, "category": "other", "comment": "ü".repeat(1_000) });
    assert_eq!(say(&platform, &longest).await.status, 200);
    assert_eq!(kept(&platform).await.len(), 1);
    let key = platform.demo.api_key.expose();
    let refused = platform.call(Method::POST, "/api/v1/generation/feedback", Some(key), "{}").await;
    assert_eq!(refused.error().0, 403);
    platform.stop().await;
}
