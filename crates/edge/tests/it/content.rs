//! Content of requests and answers that is kept where a workspace wants it.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use identity::{GenerationId, KeyWrapper, MasterKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::support::client::Answer;
use crate::support::people::{Person, manage, owner};
use crate::support::platform::MASTER_KEY;
use crate::support::specification::Specification;
use crate::support::worker::Step;
use crate::support::{Platform, eventually};

const QUESTION: &str = "a-marked-question";
const STREAM: &str = r#"{"model":"acme/echo","stream":true,"max_tokens":100,
    "messages":[{"role":"user","content":"a-marked-question"}]}"#;

/// A stream that says something, up to its end.
fn said() -> Vec<Step> {
    vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"a-marked-thought\"}}]}\n\n",
            1,
        ),
        Step::Data("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a-marked-\"}}]}\n\n", 2),
        Step::Data("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"answer\"}}]}\n\n", 3),
        Step::Data("data: [DONE]\n\n", 3),
        Step::Final(1_234),
    ]
}

/// Sets what the default workspace keeps.
async fn log(platform: &Platform, mut settings: Value) {
    settings["is_observability_io_logging_enabled"] = json!(true);
    let answer = manage(platform, Method::PATCH, "/workspaces/default", &settings.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn content(platform: &Platform, generation: &str) -> Answer {
    manage(platform, Method::GET, &format!("/generation/content?id={generation}"), "").await
}

/// What is kept of a generation, once it is.
async fn kept(platform: &Platform, generation: &str) -> Value {
    eventually("the content is kept", async || {
        let answer = content(platform, generation).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await
}

/// The generations of which there is content, whoever may see it.
async fn rows(platform: &Platform) -> BTreeSet<Uuid> {
    let rows: Vec<Uuid> = sqlx::query_scalar("select generation_id from identity.exchange")
        .fetch_all(&owner(platform).await)
        .await
        .unwrap();
    rows.into_iter().collect()
}

fn generation(answer: &Answer) -> String {
    answer.header("x-generation-id").to_owned()
}

#[tokio::test]
async fn what_is_logged_is_shown_to_those_who_may_see_it_and_to_nobody_else() {
    let platform = Platform::start().await;
    log(&platform, json!({})).await;
    platform.worker.script(said());
    let id = generation(&platform.chat(STREAM).await);
    let shown = kept(&platform, &id).await;
    let data = &shown["data"];
    assert_eq!(data["input"], json!({ "messages": [{ "role": "user", "content": QUESTION }] }));
    assert_eq!(data["output"]["completion"], "a-marked-answer");
    assert_eq!(data["output"]["reasoning"], "a-marked-thought");
    assert_eq!((&data["error"], &data["truncated"]), (&Value::Null, &json!(false)));
    if let Some(specification) = Specification::find() {
        specification.check("get", "/generation/content", &shown);
    }
    let path = format!("/api/v1/generation/content?id={id}");
    assert_eq!(platform.get(&path, Some(platform.demo.api_key.expose())).await.json(), shown);
    let other = manage(&platform, Method::POST, "/keys", r#"{"name":"Other"}"#).await.json();
    let strangers = [other["key"].as_str().unwrap(), platform.demo.markup_api_key.expose()];
    for key in strangers {
        assert_eq!(platform.get(&path, Some(key)).await.error().0, 404, "not theirs");
    }
    for (role, status) in
        [("viewer", 403), ("developer", 403), ("billing", 403), ("admin", 200), ("owner", 200)]
    {
        let person = Person::join(&platform, role, role).await;
        let path = format!("/generation/content?id={id}");
        assert_eq!(person.call(&platform, Method::GET, &path, "").await.status, status, "{role}");
    }
    assert_eq!(content(&platform, "gen-x").await.error().0, 404);
    assert_eq!(manage(&platform, Method::GET, "/generation/content", "").await.error().0, 400);
    platform.stop().await;
}

#[tokio::test]
async fn no_table_holds_content_in_the_clear() {
    let platform = Platform::start().await;
    log(&platform, json!({})).await;
    platform.worker.script(said());
    let id = generation(&platform.chat(STREAM).await);
    kept(&platform, &id).await;
    let database = owner(&platform).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_schema || '.' || table_name from information_schema.tables
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert!(tables.contains(&"identity.exchange".to_owned()));
    for table in tables {
        let statement = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let text: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&database).await.unwrap();
        for word in ["a-marked", "marked-question"] {
            // Bytes are written as hexadecimal digits.
            assert!(!text.contains(word) && !text.contains(&hex::encode(word)), "{table}");
        }
    }
    // A row in the place of another does not open.
    sqlx::query("update identity.exchange set sealed_input = sealed_output")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(content(&platform, &id).await.status, 500);
    platform.stop().await;
}

#[tokio::test]
async fn nothing_is_kept_of_keys_that_are_not_logged() {
    let platform = Platform::start().await;
    let unlogged = generation(&platform.chat(STREAM).await);
    let refused = content(&platform, &unlogged).await;
    assert_eq!(refused.error().0, 404);
    assert!(refused.text().contains("logging is on"), "{}", refused.text());
    let hash = platform.demo.api_key.hash().to_string();
    let number = i64::from_str_radix(&hash[..12], 16).unwrap();
    log(&platform, json!({ "io_logging_api_key_ids": [number + 1] })).await;
    platform.chat(STREAM).await;
    log(&platform, json!({ "io_logging_api_key_ids": [7, number] })).await;
    let logged = generation(&platform.chat(STREAM).await);
    kept(&platform, &logged).await;
    let flag = format!("/tenants/{}/flags/content_logging", platform.tenant);
    assert_eq!(platform.admin(Method::PUT, &flag, r#"{"is_on":false}"#).await.status, 200);
    platform.chat(STREAM).await;
    assert_eq!(platform.admin(Method::PUT, &flag, r#"{"is_on":null}"#).await.status, 200);
    let off = json!({ "is_observability_io_logging_enabled": false }).to_string();
    assert_eq!(manage(&platform, Method::PATCH, "/workspaces/default", &off).await.status, 200);
    platform.chat(STREAM).await;
    let logged: GenerationId = logged.parse().unwrap();
    assert_eq!(rows(&platform).await, BTreeSet::from([logged.uuid()]), "what was kept stays");
    platform.stop().await;
}

#[tokio::test]
async fn a_share_of_requests_is_kept_the_same_on_every_edge() {
    let platform = Platform::start().await;
    log(&platform, json!({ "io_logging_sampling_rate": 0.5 })).await;
    let (mut expected, mut count) = (BTreeSet::new(), 0);
    while expected.len() < 3 || count - expected.len() < 3 {
        let id: GenerationId = generation(&platform.chat(STREAM).await).parse().unwrap();
        count += 1;
        if Sha256::digest(id.uuid().as_bytes())[0] < 0x80 {
            expected.insert(id.uuid());
        }
    }
    eventually("those are kept", async || (rows(&platform).await == expected).then_some(())).await;
    platform.stop().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_kept_as_far_as_it_came() {
    let platform = Platform::start().await;
    log(&platform, json!({})).await;
    let mut lost = said();
    lost.truncate(4);
    lost.push(Step::Lose);
    platform.worker.script(lost);
    let shown = kept(&platform, &generation(&platform.chat(STREAM).await)).await;
    assert_eq!(shown["data"]["output"]["completion"], "a-marked-");
    assert!(shown["data"]["error"]["status"].as_u64().is_some_and(|status| status >= 500), "{shown}");
    if let Some(specification) = Specification::find() {
        specification.check("get", "/generation/content", &shown);
    }
    platform.worker.script(vec![Step::Started(0), Step::Failed(429, "rate_limit_exceeded", "slow down")]);
    let answer = platform.chat(STREAM).await;
    assert_eq!(answer.status, 429);
    let shown = kept(&platform, &generation(&answer)).await;
    assert_eq!(shown["data"]["output"]["completion"], Value::Null);
    assert_eq!(shown["data"]["error"]["message"], "slow down");
    assert_eq!(shown["data"]["error"]["status"], 429);
    platform.stop().await;
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_says_so() {
    let platform = Platform::start_with("[edge.content]\nmax_bytes = 60\n", None).await;
    log(&platform, json!({})).await;
    let body =
        json!({ "model": "acme/echo", "messages": [{ "role": "user", "content": "x".repeat(5_000) }] });
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(
            r#"{"choices":[{"message":{"content":"0123456789012345678901234567890123456789012345678901234567890123456789"}}]}"#,
            9,
        ),
        Step::Final(3),
    ]);
    let answer = platform.chat(&body.to_string()).await;
    assert!(answer.text().len() > 70, "the client gets all of it");
    let shown = kept(&platform, &generation(&answer)).await;
    assert_eq!(shown["data"]["truncated"], true);
    for text in [&shown["data"]["output"]["completion"], &shown["data"]["input"]] {
        assert!(text.to_string().contains("[cut: "), "{shown}");
        assert!(text.to_string().len() < 200, "{shown}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn content_for_which_there_is_no_room_is_not_kept_and_nobody_waits_for_it() {
    let platform = Platform::start_with("[edge.content]\nmax_held_bytes = 10\n", None).await;
    log(&platform, json!({})).await;
    platform.worker.script(said());
    let answer = platform.chat(STREAM).await;
    assert!(answer.status == 200 && answer.text().ends_with("[DONE]\n\n"));
    assert_eq!(content(&platform, &generation(&answer)).await.error().0, 404);
    platform.stop().await;
}

#[tokio::test]
async fn content_is_deleted_when_its_time_is_over() {
    let platform = Platform::start_with("[edge.content]\nsweep_every_ms = 20\n", None).await;
    log(&platform, json!({})).await;
    let id = generation(&platform.chat(STREAM).await);
    kept(&platform, &id).await;
    let database = owner(&platform).await;
    let days: i32 =
        sqlx::query_scalar("select extract(day from kept_until - created_at)::int from identity.exchange")
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(days, 90);
    sqlx::query("update identity.exchange set kept_until = now()").execute(&database).await.unwrap();
    assert_eq!(content(&platform, &id).await.error().0, 404);
    eventually("the row is gone", async || rows(&platform).await.is_empty().then_some(())).await;
    platform.stop().await;
}

#[tokio::test]
async fn content_outlives_the_rotation_of_its_key_and_not_its_end() {
    let platform = Platform::start().await;
    log(&platform, json!({})).await;
    let before = generation(&platform.chat(STREAM).await);
    let shown = kept(&platform, &before).await;
    let wrapper: Arc<dyn KeyWrapper> = Arc::new(MasterKey::from_hex(MASTER_KEY).unwrap());
    edge::rotate_tenant_key(&platform.pool, wrapper, platform.tenant).await.unwrap();
    let after = generation(&platform.chat(STREAM).await);
    kept(&platform, &after).await;
    assert_eq!(kept(&platform, &before).await, shown);
    let versions: Vec<i32> =
        sqlx::query_scalar("select key_version from identity.exchange order by generation_id")
            .fetch_all(&owner(&platform).await)
            .await
            .unwrap();
    assert_eq!(versions, [1, 2]);
    assert_eq!(edge::forget_tenant_keys(&platform.pool, platform.tenant).await.unwrap(), 2);
    for id in [before, after] {
        assert_eq!(content(&platform, &id).await.error().0, 404);
    }
    // The version of a key that is forgotten is never used again.
    kept(&platform, &generation(&platform.chat(STREAM).await)).await;
    let newest: i32 = sqlx::query_scalar("select max(version) from identity.tenant_key")
        .fetch_one(&owner(&platform).await)
        .await
        .unwrap();
    assert_eq!(newest, 3);
    platform.stop().await;
}

#[tokio::test]
async fn content_is_kept_whichever_the_dialect() {
    let platform = Platform::start().await;
    log(&platform, json!({})).await;
    let key = platform.demo.api_key.expose();
    let turn = json!({ "role": "user", "content": "Hi" });
    let message = r#"{"content":[{"type":"text","text":"Hello"}]}"#;
    let response = r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"Hello"}]}]}"#;
    for (path, body, said, input, completion) in [
        (
            "/messages",
            json!({ "model": "acme/echo", "max_tokens": 9, "messages": [turn] }),
            message,
            json!({ "messages": [turn] }),
            json!("Hello"),
        ),
        (
            "/responses",
            json!({ "model": "acme/echo", "input": "Hi" }),
            response,
            json!({ "messages": [turn] }),
            json!("Hello"),
        ),
        (
            "/completions",
            json!({ "model": "acme/echo", "prompt": "Hi" }),
            r#"{"choices":[{"text":"Hello"}]}"#,
            json!({ "prompt": "Hi" }),
            json!("Hello"),
        ),
        (
            "/embeddings",
            json!({ "model": "acme/echo", "input": "Hi" }),
            r#"{"data":[{"embedding":[0.5]}]}"#,
            json!({ "prompt": "Hi" }),
            Value::Null,
        ),
    ] {
        platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data(said, 1), Step::Final(3)]);
        let answer =
            platform.call(Method::POST, &format!("/api/v1{path}"), Some(key), &body.to_string()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let shown = kept(&platform, &generation(&answer)).await;
        assert_eq!(shown["data"]["input"], input, "{path}");
        assert_eq!(shown["data"]["output"]["completion"], completion, "{path}");
    }
    platform.stop().await;
}
