//! Who may call what.

mod bodies;
mod matrix;
mod recorded;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::Platform;
use crate::support::client::Answer;

const BUDGETS: &str = "/api/v1/workspaces/default/budgets";
const SECRET: &str = "a-secret-of-a-session";

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// Signs a member in who has this role.
async fn sign_in(platform: &Platform, role: &str) {
    let database = owner(platform).await;
    let statements = "with person as (
            insert into identity.person (id, email) values (gen_random_uuid(), $1 || '@example.com') returning id),
        member as (
            insert into identity.member (tenant_id, person_id, role) select $2, id, $1 from person returning person_id)
        insert into identity.session (id, hash, person_id, tenant_id, expires_at)
        select gen_random_uuid(), $3, person_id, $2, now() + interval '1 hour' from member";
    sqlx::query(statements)
        .bind(role)
        .bind(platform.tenant.uuid())
        .bind(Sha256::digest(SECRET).as_slice())
        .execute(&database)
        .await
        .unwrap();
}

fn token() -> String {
    hex::encode(Sha256::new().chain_update("csrf:").chain_update(SECRET).finalize())
}

async fn as_person(platform: &Platform, method: Method, csrf: &str, body: &str) -> Answer {
    let path = if method == Method::GET { BUDGETS.to_owned() } else { format!("{BUDGETS}/monthly") };
    let cookie = format!("__Host-patchbay={SECRET}");
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf)];
    platform.call_with(method, &path, &headers, body).await
}

#[tokio::test]
async fn a_person_may_what_their_role_allows() {
    let platform = Platform::start().await;
    sign_in(&platform, "viewer").await;
    assert_eq!(as_person(&platform, Method::GET, "", "").await.status, 200);
    let body = r#"{"limit_usd":100}"#;
    assert_eq!(as_person(&platform, Method::PUT, &token(), body).await.status, 403);
    let database = owner(&platform).await;
    sqlx::query("update identity.member set role = 'billing'").execute(&database).await.unwrap();
    assert_eq!(as_person(&platform, Method::PUT, "guessed", body).await.status, 403, "without the token");
    assert_eq!(as_person(&platform, Method::PUT, &token(), body).await.status, 200);
    sqlx::query("delete from identity.member").execute(&database).await.unwrap();
    assert_eq!(as_person(&platform, Method::GET, "", "").await.status, 403, "a member no longer");
    sqlx::query("update identity.session set revoked_at = now()").execute(&database).await.unwrap();
    assert_eq!(as_person(&platform, Method::GET, "", "").await.status, 401, "signed out");
    platform.stop().await;
}

#[tokio::test]
async fn every_operation_of_the_served_documents_says_who_may_call_it() {
    let platform = Platform::start().await;
    for path in ["/api/v1/openapi.json", "/admin/v1/openapi.json"] {
        let document = platform.call(Method::GET, path, None, "").await.json();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let security = operation["security"].as_array().cloned().unwrap_or_default();
                assert!(!security.is_empty(), "{method} {path} says nothing of who may call it");
                let name = operation["operationId"].as_str().unwrap_or_default();
                assert!(
                    !name.is_empty() && names.insert(name.to_owned()),
                    "{method} {path} has no name of its own"
                );
                assert!(operation["summary"].is_string(), "{method} {path} does not say what it is");
                assert!(operation["responses"]["default"] != Value::Null, "{method} {path} has no errors");
            }
        }
        assert!(names.len() > 40, "{path}");
    }
    platform.stop().await;
}
