//! The erasure of an organisation: what is planted in it is found nowhere afterwards.

use std::collections::BTreeMap;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::support::client::Answer;
use crate::support::person::Letters;
use crate::support::{Platform, eventually};

/// In names, addresses, prompts, secrets and labels; and in hexadecimal, as JSON shows bytes.
const CANARY: &str = "kanarie|6b616e61726965";

async fn owner(platform: &Platform) -> PgPool {
    PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// An organisation with something of everything.
struct Tenant {
    id: Uuid,
    key: String,
    management: String,
}

impl Tenant {
    async fn plant(platform: &Platform, database: &PgPool) -> Self {
        let body = json!({ "name": "Kanarie Ltd", "slug": "kanarie" });
        let made = platform.admin(Method::POST, "/tenants", &body.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id: Uuid = made.json()["id"].as_str().unwrap().parse().unwrap();
        let keys = format!("/tenants/{id}/keys");
        let key = |kind: &'static str| {
            let body = json!({ "name": format!("kanarie {kind}"), "kind": kind }).to_string();
            let keys = keys.clone();
            async move {
                let made = platform.admin(Method::POST, &keys, &body).await.json();
                made["key"].as_str().unwrap().to_owned()
            }
        };
        let tenant = Self { id, key: key("inference").await, management: key("management").await };
        for (path, body) in [
            ("/api/v1/workspaces", json!({ "name": "kanarie", "slug": "kanarie", "description": "kanarie" })),
            ("/api/v1/guardrails", json!({ "name": "kanarie", "description": "kanarie" })),
            ("/api/v1/byok", json!({ "provider": "openai", "key": "sk-kanarie", "name": "kanarie" })),
            ("/account/v1/invitations", json!({ "email": "invited@kanarie.example", "role": "viewer" })),
        ] {
            let answer = platform.call(Method::POST, path, Some(&tenant.management), &body.to_string()).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text());
        }
        let preset = "/api/v1/presets/kanarie/chat/completions";
        let body = r#"{"model":"acme/echo","messages":[{"role":"system","content":"Be kanarie"}]}"#;
        assert_eq!(platform.call(Method::POST, preset, Some(&tenant.key), body).await.status, 200);
        assert_eq!(tenant.chat(platform).await.status, 200);
        tenant.people(database).await;
        tenant
    }

    /// One who belongs here alone, with a session, and one who belongs elsewhere too.
    async fn people(&self, database: &PgPool) {
        for (email, is_elsewhere) in [("ada@kanarie.example", false), ("both@example.com", true)] {
            let statement = "with person as (
                    insert into identity.person (id, email, name, password_hash)
                    values (gen_random_uuid(), $1, split_part($1, '@', 2), 'kanarie') returning id),
                member as (
                    insert into identity.member (tenant_id, person_id, role)
                    select o.id, p.id, 'owner' from person p cross join identity.organisation o
                    where o.id = $2 or ($3 and o.slug = 'demo') returning tenant_id, person_id)
                insert into identity.session (id, hash, person_id, tenant_id, expires_at, user_agent)
                select gen_random_uuid(), sha256(convert_to($1, 'UTF8')), person_id, tenant_id,
                       now() + interval '1 hour', 'kanarie'
                from member where tenant_id = $2";
            sqlx::query(statement)
                .bind(email)
                .bind(self.id)
                .bind(is_elsewhere)
                .execute(database)
                .await
                .unwrap();
        }
        sqlx::query("update identity.person set password_hash = null where email = 'both@example.com'")
            .execute(database)
            .await
            .unwrap();
    }

    async fn chat(&self, platform: &Platform) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "kanarie")];
        let body = r#"{"model":"acme/echo","messages":[{"role":"user","content":"kanarie"}]}"#;
        platform.call_with(Method::POST, "/api/v1/chat/completions", &headers, body).await
    }

    async fn erase(&self, platform: &Platform, confirm: &str) -> Answer {
        let path = format!("/tenants/{}/erase", self.id);
        platform.admin(Method::POST, &path, &json!({ "confirm": confirm }).to_string()).await
    }

    async fn erasure(&self, platform: &Platform) -> Value {
        let path = format!("/tenants/{}/erasure", self.id);
        let answer = platform.admin(Method::GET, &path, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].take()
    }
}

/// Every table of ours.
async fn tables(database: &PgPool) -> Vec<String> {
    let statement = "select table_schema || '.' || table_name from information_schema.tables
        where table_schema in ('identity', 'catalog', 'billing') and table_type = 'BASE TABLE'";
    sqlx::query_scalar(statement).fetch_all(database).await.unwrap()
}

/// In which tables the canary is, and how many rows.
async fn found(database: &PgPool) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for table in tables(database).await {
        let statement = format!("select count(*) from {table} t where to_jsonb(t)::text ~* '{CANARY}'");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(database).await.unwrap();
        if rows > 0 {
            found.insert(table, rows);
        }
    }
    found
}

#[tokio::test]
async fn nothing_of_an_organisation_that_is_erased_is_found() {
    let letters = Letters::new();
    let inline =
        format!("{}[edge.erasure]\nlook_every_ms = 20\n[edge.audit]\nseal_every_ms = 20", letters.config());
    let platform = Platform::start_with(&inline, None).await;
    let other = platform.second_edge("").await;
    let database = owner(&platform).await;
    let tenant = Tenant::plant(&platform, &database).await;
    let planted = found(&database).await;
    for table in ["api_key", "audit_log", "guardrail", "organisation", "person", "preset_version", "session"]
    {
        assert!(planted.contains_key(&format!("identity.{table}")), "{table}: {planted:?}");
    }

    assert_eq!(tenant.erase(&platform, "canary").await.error().0, 400, "another slug");
    assert_eq!(tenant.erasure(&platform).await, Value::Null, "none was asked for, which is no error");
    let stranger = format!("/tenants/{}/erasure", Uuid::now_v7());
    assert_eq!(platform.admin(Method::GET, &stranger, "").await.error().0, 404);
    assert_eq!(tenant.chat(&platform).await.status, 200, "and nothing has happened");
    platform.billing.with(|heard| heard.unsettled = 2);
    let begun = tenant.erase(&platform, "kanarie").await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let begun = begun.json()["data"].take();
    assert_eq!((&begun["state"], &begun["unsettled"]), (&json!("erasing"), &json!(2)));

    assert_eq!(tenant.chat(&platform).await.status, 401);
    eventually("the other edge refuses the key", async || {
        let bearer = format!("Bearer {}", tenant.management);
        let headers = [("authorization", bearer.as_str())];
        let sent = crate::support::client::send(
            other.address,
            Method::GET,
            "/api/v1/keys",
            &headers,
            bytes::Bytes::new(),
        );
        (crate::support::client::whole(sent.await).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(found(&database).await, BTreeMap::new());
    let stays: i64 = sqlx::query_scalar(
        "select count(*) from identity.person p join identity.member m on m.person_id = p.id
         where p.email = 'both@example.com' and p.disabled_at is null",
    )
    .fetch_one(&database)
    .await
    .unwrap();
    assert_eq!(stays, 1, "whoever belongs elsewhere too is there still");

    platform.billing.with(|heard| heard.unsettled = 0);
    let ended = eventually("everything has settled", async || {
        Some(tenant.erasure(&platform).await).filter(|erasure| erasure["state"] == "erased")
    })
    .await;
    assert_eq!(ended["unsettled"], 0);
    platform
        .billing
        .with(|heard| assert!(heard.erased.len() > 1 && heard.erased[0] == tenant.id.to_string()));
    assert_eq!(tenant.erase(&platform, "kanarie").await.error().0, 400, "it goes by that name no longer");
    let keys = format!("/tenants/{}/keys", tenant.id);
    assert_eq!(platform.admin(Method::GET, &keys, "").await.error().0, 404);
    assert_eq!(platform.admin(Method::POST, &keys, r#"{"name":"a"}"#).await.error().0, 404);

    rows_are_gone(&database, &ended, tenant.id).await;
    // Who did what stays, and the chain holds.
    let path = format!("/audit?tenant={}", tenant.id);
    let record = platform.admin(Method::GET, &path, "").await.json();
    let record = record["data"].as_array().unwrap();
    assert!(record.iter().any(|row| row["action"] == "tenant.erase") && record.len() > 5);
    assert!(record.iter().all(|row| row["details"] == json!({})));
    let verified = platform.admin(Method::GET, "/audit/verify", "").await.json();
    assert_eq!(verified["is_whole"], true, "{verified}");
    other.stop().await;
    platform.stop().await;
}

/// Every table with rows of organisations has a fate, and where that is deletion there are none any more.
async fn rows_are_gone(database: &PgPool, erasure: &Value, tenant: Uuid) {
    let statement = "select c.table_schema || '.' || c.table_name from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where c.table_schema in ('identity', 'catalog') and c.column_name = 'tenant_id'
            and t.table_type = 'BASE TABLE' order by 1";
    let tables: Vec<String> = sqlx::query_scalar(statement).fetch_all(database).await.unwrap();
    let fates: BTreeMap<&str, &str> = erasure["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| (table["name"].as_str().unwrap(), table["fate"].as_str().unwrap()))
        .collect();
    assert_eq!(
        tables.iter().map(String::as_str).collect::<Vec<_>>(),
        fates.keys().copied().collect::<Vec<_>>(),
        "a table that is new says in erasure::PLAN what becomes of its rows"
    );
    for (table, fate) in fates {
        let statement = format!("select count(*) from {table} where tenant_id = $1");
        let rows: i64 =
            sqlx::query_scalar(AssertSqlSafe(statement)).bind(tenant).fetch_one(database).await.unwrap();
        assert!(fate != "deleted" || rows == 0, "{table}: {rows}");
    }
}
