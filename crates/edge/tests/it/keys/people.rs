//! What members of an organisation may do with its keys.

use http::Method;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{KEYS, hashes, owner};
use crate::support::Platform;
use crate::support::client::Answer;

/// Somebody who signed in.
pub(super) struct Person {
    pub(super) id: String,
    secret: String,
}

impl Person {
    pub(super) async fn sign_in(platform: &Platform, name: &str, role: &str) -> Self {
        let secret = format!("a-secret-of-{name}");
        let statement = "with person as (
                insert into identity.person (id, email) values (gen_random_uuid(), $1 || '@example.com') returning id),
            member as (
                insert into identity.member (tenant_id, person_id, role)
                select $2, id, $4 from person returning person_id)
            insert into identity.session (id, hash, person_id, tenant_id, expires_at)
            select gen_random_uuid(), $3, person_id, $2, now() + interval '1 hour' from member
            returning person_id::text";
        let id = sqlx::query_scalar(statement)
            .bind(name)
            .bind(platform.tenant.uuid())
            .bind(Sha256::digest(&secret).as_slice())
            .bind(role)
            .fetch_one(&owner(platform).await)
            .await
            .unwrap();
        Self { id, secret }
    }

    pub(super) async fn call(&self, platform: &Platform, method: Method, path: &str, body: &str) -> Answer {
        let token = hex::encode(Sha256::new().chain_update("csrf:").chain_update(&self.secret).finalize());
        let cookie = format!("__Host-patchbay={}", self.secret);
        let headers = [("cookie", cookie.as_str()), ("x-csrf-token", token.as_str())];
        platform.call_with(method, path, &headers, body).await
    }

    /// The answer's status.
    pub(super) async fn may(&self, platform: &Platform, method: Method, path: &str, body: &str) -> u16 {
        self.call(platform, method, path, body).await.status.as_u16()
    }

    pub(super) async fn make(&self, platform: &Platform, body: &str) -> Value {
        let made = self.call(platform, Method::POST, KEYS, body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }
}

pub(super) fn path(made: &Value) -> String {
    format!("{KEYS}/{}", made["data"]["hash"].as_str().unwrap())
}

#[tokio::test]
async fn developers_see_all_keys_and_change_their_own() {
    let platform = Platform::start().await;
    let admin = Person::sign_in(&platform, "ada", "admin").await;
    let developer = Person::sign_in(&platform, "dan", "developer").await;
    let mine = developer.make(&platform, r#"{"name":"mine"}"#).await;
    assert_eq!(mine["data"]["creator_user_id"], developer.id);
    let for_me =
        admin.make(&platform, &format!(r#"{{"name":"x","creator_user_id":"{}"}}"#, developer.id)).await;
    let others = admin.make(&platform, r#"{"name":"others"}"#).await;
    assert_eq!(others["data"]["creator_user_id"], admin.id);

    let listed = developer.call(&platform, Method::GET, KEYS, "").await.json();
    assert_eq!(hashes(&listed).len(), 4);
    assert_eq!(developer.may(&platform, Method::GET, &path(&others), "").await, 200);
    let calls = |path: String| {
        [
            (Method::PATCH, path.clone(), r#"{"disabled":true}"#),
            (Method::POST, format!("{path}/rotate"), ""),
            (Method::DELETE, path, ""),
        ]
    };
    for (method, path, body) in calls(path(&others)) {
        assert_eq!(developer.may(&platform, method, &path, body).await, 403, "{path}");
    }
    assert_eq!(platform.chat_as(others["key"].as_str().unwrap(), super::CHAT).await.status, 200);
    for made in [&mine, &for_me] {
        for (method, path, body) in calls(path(made)) {
            assert_eq!(developer.may(&platform, method, &path, body).await, 200, "{path}");
        }
    }
    let management = r#"{"name":"x","kind":"management"}"#;
    let foreign = format!(r#"{{"name":"x","creator_user_id":"{}"}}"#, admin.id);
    for body in [management, &foreign] {
        assert_eq!(developer.may(&platform, Method::POST, KEYS, body).await, 403, "{body}");
    }
    let manager = admin.make(&platform, management).await;
    assert!(manager["key"].as_str().unwrap().starts_with("sk-pb-mgmt-v1-"));
    for (method, path, body) in calls(path(&manager)) {
        assert_eq!(developer.may(&platform, method.clone(), &path, body).await, 403, "{path}");
        assert_eq!(admin.may(&platform, method, &path, body).await, 200, "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn those_who_only_look_change_nothing() {
    let platform = Platform::start().await;
    let path = format!("{KEYS}/{}", platform.demo.api_key.hash());
    for role in ["viewer", "billing"] {
        let person = Person::sign_in(&platform, role, role).await;
        assert_eq!(person.may(&platform, Method::GET, KEYS, "").await, 200);
        assert_eq!(person.may(&platform, Method::GET, &path, "").await, 200);
        for (method, path, body) in [
            (Method::POST, KEYS.to_owned(), r#"{"name":"x"}"#),
            (Method::PATCH, path.clone(), r#"{"disabled":true}"#),
            (Method::POST, format!("{path}/rotate"), ""),
            (Method::DELETE, path.clone(), ""),
        ] {
            assert_eq!(person.may(&platform, method, &path, body).await, 403, "{role} {path}");
        }
    }
    platform.stop().await;
}

#[tokio::test]
async fn developers_make_keys_in_workspaces_that_they_are_in() {
    let platform = Platform::start().await;
    let developer = Person::sign_in(&platform, "dan", "developer").await;
    let database = owner(&platform).await;
    let lab: uuid::Uuid = sqlx::query_scalar(
        "insert into identity.workspace (id, tenant_id, slug, name)
         values (gen_random_uuid(), $1, 'lab', 'Lab') returning id",
    )
    .bind(platform.tenant.uuid())
    .fetch_one(&database)
    .await
    .unwrap();
    let body = format!(r#"{{"name":"x","workspace_id":"{lab}"}}"#);
    assert_eq!(developer.may(&platform, Method::POST, KEYS, &body).await, 403);
    let join = "insert into identity.workspace_member (workspace_id, person_id, tenant_id) values ($1, $2::uuid, $3)";
    sqlx::query(join)
        .bind(lab)
        .bind(&developer.id)
        .bind(platform.tenant.uuid())
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(developer.may(&platform, Method::POST, KEYS, &body).await, 201);
    platform.stop().await;
}
