//! What all of the operators' calls have in common: names that make a request be done once, tags of what was read,
//! and the record of changes.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;

async fn call(
    platform: &Platform,
    method: Method,
    path: &str,
    (name, value): (&str, &str),
    body: &Value,
) -> Answer {
    let bearer = format!("Bearer {}", platform.demo.admin_token.expose());
    let headers = [("authorization", bearer.as_str()), (name, value)];
    platform.call_with(method, &format!("/admin/v1{path}"), &headers, &body.to_string()).await
}

async fn post(platform: &Platform, path: &str, name: &str, body: &Value) -> Answer {
    call(platform, Method::POST, path, ("idempotency-key", name), body).await
}

#[tokio::test]
async fn a_request_with_a_name_is_done_once_and_answered_alike() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/keys", platform.tenant);
    let before = platform.admin(Method::GET, &path, "").await.json()["data"].as_array().unwrap().len();
    let first = post(&platform, &path, "one", &json!({ "name": "a" })).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
    let again = post(&platform, &path, "one", &json!({ "name": "a" })).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.body, first.body);
    assert_eq!(post(&platform, &path, "one", &json!({ "name": "b" })).await.error().0, 422, "another body");
    let elsewhere = format!("{path}?x=1");
    assert_eq!(post(&platform, &elsewhere, "one", &json!({ "name": "a" })).await.error().0, 422);
    assert_eq!(post(&platform, &path, "", &json!({ "name": "a" })).await.error().0, 400);
    // What was refused changed nothing, and may be put right under the same name.
    assert_eq!(post(&platform, &path, "two", &json!({ "name": "" })).await.error().0, 400);
    assert_eq!(post(&platform, &path, "two", &json!({ "name": "b" })).await.status, 201);
    let after = platform.admin(Method::GET, &path, "").await.json()["data"].as_array().unwrap().len();
    assert_eq!(after, before + 2);
    platform.stop().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_done_and_none_of_it_lies_open() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/keys", platform.tenant);
    let body = json!({ "name": "a" });
    let calls = (0..8).map(|_| post(&platform, &path, "many", &body));
    let answers = futures::future::join_all(calls).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.body == made[0].body));
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 201 | 409)));
    let secret = made[0].json()["key"].as_str().unwrap().to_owned();
    let database = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("select sealed from identity.admin_answer").fetch_all(&database).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].windows(secret.len()).any(|window| window == secret.as_bytes()));
    // Whoever died over it leaves a claim that lapses.
    let statement = "update identity.admin_answer set state = 'claimed', status = null, sealed = null,
                     claim_ends_at = now() + $1 * interval '1 minute'";
    sqlx::query(statement).bind(5.0).execute(&database).await.unwrap();
    assert_eq!(post(&platform, &path, "many", &body).await.error().0, 409);
    sqlx::query(statement).bind(-5.0).execute(&database).await.unwrap();
    assert_eq!(post(&platform, &path, "many", &body).await.status, 201);
    platform.stop().await;
}

#[tokio::test]
async fn one_key_of_two_operators_is_two_grants_and_a_retry_is_none() {
    let platform = Platform::start().await;
    let database = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let statement = "insert into identity.operator_token (id, hash, name)
                     values (gen_random_uuid(), sha256('pb-op-second'), 'second')";
    sqlx::query(statement).execute(&database).await.unwrap();
    let path = format!("/tenants/{}/credits", platform.tenant);
    let grant = json!({ "amount": "5", "reason": "Monday" });
    let grants = || platform.billing.with(|heard| heard.grants.clone());
    let before = grants().len();

    let first = post(&platform, &path, "monday", &grant).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let headers = [("authorization", "Bearer pb-op-second"), ("idempotency-key", "monday")];
    let of_other =
        platform.call_with(Method::POST, &format!("/admin/v1{path}"), &headers, &grant.to_string()).await;
    assert_eq!((of_other.status.as_u16(), of_other.header("idempotent-replayed")), (200, ""));
    let made = grants().split_off(before);
    assert_eq!(made.len(), 2, "another operator's grant is one of its own");
    let bare = made.iter().any(|grant| grant.source_id == "monday");
    assert!(!bare && first.json()["source_id"] == made[0].source_id, "{made:?}");

    assert_eq!(post(&platform, &path, "monday", &grant).await.body, first.body, "a retry");
    let more = json!({ "amount": "50", "reason": "Monday" });
    assert_eq!(post(&platform, &path, "monday", &more).await.error().0, 422, "another body");
    // When the answer is no longer kept, the ledger still knows what was done.
    sqlx::query("delete from identity.admin_answer").execute(&database).await.unwrap();
    let again = post(&platform, &path, "monday", &grant).await.json();
    assert_eq!(again["source_id"], first.json()["source_id"]);
    assert_eq!(grants().len(), before + 2, "the ledger was told the same name");
    let audited: Vec<(String, i64)> = sqlx::query_as(
        "select actor, count(*) from identity.audit_log where action = 'credit.grant' group by actor order by actor",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let counts: Vec<i64> = audited.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [1, 1], "each operator's grant stands once in the record: {audited:?}");
    platform.stop().await;
}

#[tokio::test]
async fn a_change_of_what_is_not_as_it_was_read_is_refused() {
    let platform = Platform::start().await;
    let keys = format!("/tenants/{}/keys", platform.tenant);
    let made = platform.admin(Method::POST, &keys, r#"{"name":"a"}"#).await.json();
    let path = format!("/keys/{}", made["data"]["hash"].as_str().unwrap());
    let read = platform.admin(Method::GET, &path, "").await;
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let change = |name: &str| json!({ "name": name });
    let changed = call(&platform, Method::PATCH, &path, ("if-match", &tag), &change("b")).await;
    assert_eq!(changed.status, 200);
    let late = call(&platform, Method::PATCH, &path, ("if-match", &tag), &change("c")).await;
    assert_eq!(late.error().0, 412);
    let read = platform.admin(Method::GET, &path, "").await;
    assert_eq!(read.json()["data"]["name"], "b");
    let tag = read.header("etag").to_owned();
    assert_eq!(call(&platform, Method::DELETE, &path, ("if-match", &tag), &json!(null)).await.status, 200);
    assert_eq!(call(&platform, Method::DELETE, &path, ("if-match", "*"), &json!(null)).await.error().0, 412);
    platform.stop().await;
}

#[tokio::test]
async fn the_record_of_changes_is_read_page_by_page() {
    let platform = Platform::start().await;
    let keys = format!("/tenants/{}/keys", platform.tenant);
    for name in ["a", "b", "c"] {
        platform.admin(Method::POST, &keys, &json!({ "name": name }).to_string()).await;
    }
    let filter = format!("/audit?action=key.create&tenant={}", platform.tenant);
    let page = platform.admin(Method::GET, &format!("{filter}&limit=2"), "").await.json();
    let names = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["details"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page), ["c", "b"]);
    let next = page["next"].as_str().unwrap();
    let rest = platform.admin(Method::GET, &format!("{filter}&after={next}&limit=2"), "").await.json();
    assert_eq!((names(&rest), &rest["next"]), (vec!["a".to_owned()], &Value::Null));
    let none = format!("/audit?tenant={}", uuid::Uuid::now_v7());
    assert_eq!(platform.admin(Method::GET, &none, "").await.json()["data"], json!([]));
    assert_eq!(platform.admin(Method::GET, "/audit?since=yesterday", "").await.error().0, 400);
    platform.stop().await;
}
