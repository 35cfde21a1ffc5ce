//! What becomes of management keys when whoever made them may less.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::people::{Person, path};
use super::{KEYS, make, owner, status};
use crate::support::client::{self, Answer};
use crate::support::{Platform, eventually};

const MANAGEMENT: &str = r#"{"name":"m","kind":"management"}"#;

fn secret(made: &Value) -> &str {
    made["key"].as_str().unwrap()
}

/// A management key that this one makes.
async fn make_by(platform: &Platform, key: &Value) -> Value {
    let made = platform.call(Method::POST, KEYS, Some(secret(key)), MANAGEMENT).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

async fn set_role(platform: &Platform, by: &Person, of: &Person, role: &str) {
    let path = format!("/api/v1/organization/members/{}", of.id);
    let changed = by.call(platform, Method::PATCH, &path, &json!({ "role": role }).to_string()).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

async fn works(platform: &Platform, key: &Value) -> bool {
    let status = platform.get(KEYS, Some(secret(key))).await.status.as_u16();
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

async fn enable(platform: &Platform, by: &Person, key: &Value) -> Answer {
    by.call(platform, Method::PATCH, &path(key), r#"{"disabled":false}"#).await
}

#[tokio::test]
async fn management_keys_end_with_the_role_of_whoever_made_them() {
    let platform = Platform::start().await;
    let boss = Person::sign_in(&platform, "bea", "owner").await;
    let admin = Person::sign_in(&platform, "ada", "admin").await;
    let made = admin.make(&platform, MANAGEMENT).await;
    let by_the_key = make_by(&platform, &made).await;
    assert_eq!(by_the_key["data"]["creator_user_id"], admin.id, "whoever answers for the key that made it");
    let by_that_key = make_by(&platform, &by_the_key).await;
    let for_another = json!({ "name": "m", "kind": "management", "creator_user_id": boss.id }).to_string();
    let for_another = admin.make(&platform, &for_another).await;
    let for_them = json!({ "name": "m", "kind": "management", "creator_user_id": admin.id }).to_string();
    let for_them = boss.make(&platform, &for_them).await;
    let of_the_boss = boss.make(&platform, MANAGEMENT).await;
    let calls = platform.call(Method::POST, KEYS, Some(secret(&made)), r#"{"name":"calls"}"#).await.json();
    assert_eq!(calls["data"]["creator_user_id"], Value::Null);

    let second = platform.second_edge("").await;
    let bearer = format!("Bearer {}", secret(&by_that_key));
    let there = async || {
        let headers = [("authorization", bearer.as_str())];
        client::whole(client::send(second.address, Method::GET, KEYS, &headers, "").await).await.status
    };
    assert_eq!(there().await, 200);
    set_role(&platform, &boss, &admin, "owner").await;
    set_role(&platform, &boss, &admin, "admin").await;
    assert!(works(&platform, &made).await, "an admin makes management keys, too");
    set_role(&platform, &boss, &admin, "developer").await;
    for (key, why) in [
        (&made, "made by them"),
        (&by_the_key, "made by a key of theirs"),
        (&by_that_key, "made by a key that a key of theirs made"),
        (&for_another, "made by them for somebody else"),
        (&for_them, "made for them"),
    ] {
        assert!(!works(&platform, key).await, "{why}");
    }
    eventually("the other edge hears of it", async || (there().await == 401).then_some(())).await;
    assert!(works(&platform, &of_the_boss).await, "others' keys stay");
    assert_eq!(status(&platform, secret(&calls)).await, 200, "keys for calling models stay");
    let written: Vec<(String, String)> = sqlx::query_as(
        "select actor, target from identity.audit_log
         where action = 'key.change' and details->>'because' = 'member.update' and details->>'made_by' = $1
             and details->'disabled' = 'true'",
    )
    .bind(&admin.id)
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(written.len(), 5, "{written:?}");
    assert!(written.iter().all(|(actor, _)| *actor == format!("user:{}", boss.id)));
    assert!(written.iter().any(|(_, target)| path(&made).ends_with(target)));

    let refused = enable(&platform, &boss, &by_the_key).await;
    assert_eq!(refused.error().0, 403, "whoever made it may make none any more");
    set_role(&platform, &boss, &admin, "admin").await;
    assert_eq!(enable(&platform, &boss, &by_the_key).await.status, 200);
    assert!(works(&platform, &by_the_key).await);
    second.stop().await;
    platform.stop().await;
}

#[tokio::test]
async fn management_keys_end_when_whoever_made_them_is_removed() {
    let platform = Platform::start().await;
    let boss = Person::sign_in(&platform, "bea", "owner").await;
    let admin = Person::sign_in(&platform, "ada", "admin").await;
    let made = admin.make(&platform, MANAGEMENT).await;
    let by_the_key = make_by(&platform, &made).await;
    let member = format!("/api/v1/organization/members/{}", admin.id);
    let (calls, _) = make(&platform, &json!({ "name": "c", "creator_user_id": admin.id }).to_string()).await;
    assert_eq!(
        boss.may(&platform, Method::DELETE, &member, "").await,
        400,
        "keys for calling models hold them"
    );
    assert!(works(&platform, &made).await, "what is refused changes nothing");
    assert_eq!(boss.may(&platform, Method::DELETE, &calls, "").await, 200);
    assert_eq!(boss.may(&platform, Method::DELETE, &member, "").await, 200);
    assert!(!works(&platform, &made).await && !works(&platform, &by_the_key).await);
    assert_eq!(enable(&platform, &boss, &made).await.error().0, 403);
    assert_eq!(boss.may(&platform, Method::DELETE, &path(&made), "").await, 200);
    platform.stop().await;
}

#[tokio::test]
async fn whoever_rotated_a_management_key_answers_for_it() {
    let platform = Platform::start().await;
    let boss = Person::sign_in(&platform, "bea", "owner").await;
    let admin = Person::sign_in(&platform, "ada", "admin").await;
    let of_the_boss = boss.make(&platform, MANAGEMENT).await;
    let path = format!("{}/rotate", path(&of_the_boss));
    let rotated = admin.call(&platform, Method::POST, &path, r#"{"overlap_seconds":604800}"#).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let rotated = rotated.json();
    assert!(works(&platform, &rotated).await && works(&platform, &of_the_boss).await);
    set_role(&platform, &boss, &admin, "viewer").await;
    assert!(!works(&platform, &rotated).await, "they know its secret");
    platform.stop().await;
}

#[tokio::test]
async fn a_call_whose_body_is_long_in_coming_may_what_its_sender_may_when_it_is_there() {
    let platform = Platform::start().await;
    let boss = Person::sign_in(&platform, "bea", "owner").await;
    let made = boss.make(&platform, MANAGEMENT).await;
    let body = r#"{"name":"late"}"#;
    let head = format!(
        "POST {KEYS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        secret(&made),
        body.len()
    );
    let mut late = TcpStream::connect(platform.address).await.unwrap();
    late.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 25];
    late.read_exact(&mut said).await.unwrap();
    assert!(said.starts_with(b"HTTP/1.1 100 Continue"), "the body is not waited for");
    assert_eq!(boss.may(&platform, Method::DELETE, &path(&made), "").await, 200);
    late.write_all(body.as_bytes()).await.unwrap();
    let mut said = [0; 12];
    late.read_exact(&mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 401", "the key was deleted meanwhile");
    platform.stop().await;
}

#[tokio::test]
async fn management_keys_that_operators_made_are_nobodys() {
    let platform = Platform::start().await;
    let boss = Person::sign_in(&platform, "bea", "owner").await;
    let tenant = format!("/tenants/{}/keys", platform.tenant);
    let made = platform.admin(Method::POST, &tenant, MANAGEMENT).await.json();
    let by_the_key = make_by(&platform, &made).await;
    assert_eq!(by_the_key["data"]["creator_user_id"], Value::Null);
    assert_eq!(boss.may(&platform, Method::PATCH, &path(&by_the_key), r#"{"disabled":true}"#).await, 200);
    assert!(!works(&platform, &by_the_key).await);
    assert_eq!(enable(&platform, &boss, &by_the_key).await.status, 200);
    assert!(works(&platform, &by_the_key).await);
    platform.stop().await;
}
