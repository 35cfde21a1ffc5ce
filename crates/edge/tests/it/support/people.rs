//! People of the demo organisation, and what they do with a session.

use http::Method;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Platform;
use super::client::Answer;

/// Past every policy.
pub(crate) async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// A member of the demo organisation who is signed in.
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) secret: String,
}

impl Person {
    /// Adds a member who has this role. The email address is `{name}@example.com`.
    pub(crate) async fn join(platform: &Platform, name: &str, role: &str) -> Self {
        let (id, secret) = (Uuid::now_v7(), Uuid::now_v7().to_string());
        let database = owner(platform).await;
        sqlx::query(
            "with person as (
                insert into identity.person (id, email, name) values ($1, $2 || '@example.com', initcap($2) || ' Lee')),
            member as (insert into identity.member (tenant_id, person_id, role) values ($3, $1, $4))
            insert into identity.session (id, hash, person_id, tenant_id, expires_at)
            values (gen_random_uuid(), $5, $1, $3, now() + interval '1 hour')",
        )
        .bind(id)
        .bind(name)
        .bind(platform.tenant.uuid())
        .bind(role)
        .bind(Sha256::digest(&secret).as_slice())
        .execute(&database)
        .await
        .unwrap();
        Self { id, secret }
    }

    /// Calls an operation below `/api/v1` from a page of the console.
    pub(crate) async fn call(&self, platform: &Platform, method: Method, path: &str, body: &str) -> Answer {
        self.call_at(platform, method, &format!("/api/v1{path}"), body).await
    }

    /// The same, wherever it is.
    pub(crate) async fn call_at(
        &self,
        platform: &Platform,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let token = hex::encode(Sha256::new().chain_update("csrf:").chain_update(&self.secret).finalize());
        let cookie = format!("__Host-patchbay={}", self.secret);
        let headers = [("cookie", cookie.as_str()), ("x-csrf-token", token.as_str())];
        platform.call_with(method, path, &headers, body).await
    }
}

/// Calls an operation below `/api/v1` with the demo organisation's management key.
pub(crate) async fn manage(platform: &Platform, method: Method, path: &str, body: &str) -> Answer {
    let key = platform.demo.management_key.expose();
    platform.call(method, &format!("/api/v1{path}"), Some(key), body).await
}

/// What was done, as the audit log has it, oldest first.
pub(crate) async fn audited(platform: &Platform) -> Vec<(String, String)> {
    sqlx::query_as(
        "select split_part(actor, ':', 1), action from identity.audit_log
         where action ~ '^(workspace|organization|member)\\.' order by at, id",
    )
    .fetch_all(&owner(platform).await)
    .await
    .unwrap()
}
