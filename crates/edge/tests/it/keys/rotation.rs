//! Other secrets for the same key, and how soon what ended is noticed.

use http::Method;
use serde_json::{Value, json};

use super::{KEYS, make, manage, owner, status};
use crate::support::{Platform, eventually};

/// As if every notification were lost: changes are only written down.
async fn lose_notifications(platform: &Platform) {
    let quiet = "create or replace function identity.key_changed() returns trigger language plpgsql as $$
        declare new_revision bigint;
        begin
            update identity.key_revision set value = value + 1 returning value into new_revision;
            insert into identity.key_change (revision, hash) values (new_revision, new.hash);
            return new;
        end $$";
    sqlx::raw_sql(quiet).execute(&owner(platform).await).await.unwrap();
}

async fn rotate(platform: &Platform, path: &str, body: &str) -> Value {
    let rotated = manage(platform, Method::POST, &format!("{path}/rotate"), body).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    rotated.json()
}

fn secret(minted: &Value) -> String {
    minted["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_is_rotated_stays_the_same_key() {
    let platform = Platform::start().await;
    let (path, first) = make(&platform, r#"{"name":"k","limit":7}"#).await;
    let before = manage(&platform, Method::GET, &path, "").await.json();
    assert_eq!(status(&platform, &first).await, 200);

    let rotated = rotate(&platform, &path, "").await;
    let second = secret(&rotated);
    assert_eq!((status(&platform, &first).await, status(&platform, &second).await), (401, 200));
    for member in ["hash", "name", "limit", "usage", "created_at", "workspace_id"] {
        assert_eq!(rotated["data"][member], before["data"][member], "{member}");
    }
    assert_ne!(rotated["data"]["label"], before["data"]["label"]);
    assert_eq!(rotated["data"]["previous_key_expires_at"], Value::Null);
    let mine = platform.get("/api/v1/key", Some(&second)).await.json();
    assert_eq!(mine["data"]["hash"], before["data"]["hash"]);
    // Whoever makes the name of the key's present secret finds it too.
    let by_secret = format!("{KEYS}/{}", identity::KeyHash::of(&second));
    assert_eq!(
        manage(&platform, Method::GET, &by_secret, "").await.json()["data"]["hash"],
        before["data"]["hash"]
    );

    let third = secret(&rotate(&platform, &path, r#"{"overlap_seconds":3600}"#).await);
    for secret in [&second, &third] {
        assert_eq!(status(&platform, secret).await, 200);
    }
    // One former secret at most: the next rotation ends it whatever its overlap.
    let fourth = secret(&rotate(&platform, &path, r#"{"overlap_seconds":604800}"#).await);
    assert_eq!(status(&platform, &second).await, 401);
    for secret in [&third, &fourth] {
        assert_eq!(status(&platform, secret).await, 200);
    }
    // What is done to the key is done to all of its secrets.
    assert_eq!(manage(&platform, Method::PATCH, &path, r#"{"disabled":true}"#).await.status, 200);
    for secret in [&third, &fourth] {
        assert_eq!(status(&platform, secret).await, 401);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_management_key_rotates_itself_and_operators_rotate_any() {
    let platform = Platform::start().await;
    let path = format!("{KEYS}/{}", platform.demo.management_key.hash());
    let rotated = rotate(&platform, &path, "{}").await;
    assert_eq!(manage(&platform, Method::GET, KEYS, "").await.status, 401);
    assert_eq!(platform.get(KEYS, Some(&secret(&rotated))).await.status, 200);

    let path = format!("/keys/{}", platform.demo.api_key.hash());
    let rotated =
        platform.admin(Method::POST, &format!("{path}/rotate"), r#"{"overlap_seconds":60}"#).await.json();
    assert_eq!(rotated["data"]["hash"], platform.demo.api_key.hash().to_string());
    assert!(rotated["data"]["previous_key_expires_at"].is_string());
    for secret in [platform.demo.api_key.expose(), &secret(&rotated)] {
        assert_eq!(status(&platform, secret).await, 200);
    }
    let report: Vec<(String, bool)> = sqlx::query_as(
        "select kind, previous_until is not null from report.keys where rotated_at is not null order by kind",
    )
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(report, [("inference".to_owned(), true), ("management".to_owned(), false)]);
    let audited: Vec<(String, Value)> = sqlx::query_as(
        "select actor, details from identity.audit_log where action = 'key.rotate' order by at",
    )
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    assert!(audited[0].0.starts_with("key:") && audited[1].0.starts_with("operator:"), "{audited:?}");
    assert_eq!(audited[1].1, json!({ "label": rotated["data"]["label"], "overlap_seconds": 60 }));
    platform.stop().await;
}

#[tokio::test]
async fn an_overlap_ends_without_anybody_saying_so() {
    // Nobody looks for changes and nobody tells of them.
    let platform = Platform::start_with("[edge.auth]\npoll_ms = 3_600_000", None).await;
    let (path, first) = make(&platform, r#"{"name":"k"}"#).await;
    let second = secret(&rotate(&platform, &path, r#"{"overlap_seconds":2}"#).await);
    let used = status(&platform, &first).await;
    eventually("the former secret ends", async || (status(&platform, &first).await == 401).then_some(()))
        .await;
    assert!(used == 200 || used == 401, "{used}");
    assert_eq!(status(&platform, &second).await, 200);
    platform.stop().await;
}

#[tokio::test]
async fn an_edge_that_is_told_nothing_notices_by_looking() {
    let looks = "[edge.auth]\npoll_ms = 50\nfresh_ms = 3_600_000";
    let platform = Platform::start_with(looks, None).await;
    let other = platform.second_edge(looks).await;
    lose_notifications(&platform).await;
    let elsewhere = async |secret: &str| {
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str())];
        let path = "/api/v1/key";
        crate::support::client::send(other.address, Method::GET, path, &headers, "").await.status().as_u16()
    };
    for (method, suffix, body) in [
        (Method::PATCH, "", r#"{"disabled":true}"#),
        (Method::DELETE, "", ""),
        (Method::POST, "/rotate", ""),
        (Method::PATCH, "", r#"{"allowed_ips":["192.0.2.1"]}"#),
    ] {
        let (path, secret) = make(&platform, r#"{"name":"k"}"#).await;
        assert_eq!(elsewhere(&secret).await, 200);
        assert_eq!(manage(&platform, method, &format!("{path}{suffix}"), body).await.status, 200);
        eventually("the other edge refuses the key", async || {
            (elsewhere(&secret).await >= 401).then_some(())
        })
        .await;
    }
    other.stop().await;
    platform.stop().await;
}
