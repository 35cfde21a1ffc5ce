//! Managing keys: by management key, by people, and by operators.

mod addresses;
mod makers;
mod people;
mod rotation;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::specification::Specification;

const KEYS: &str = "/api/v1/keys";
const CHAT: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

/// As the organisation's management key.
async fn manage(platform: &Platform, method: Method, path: &str, body: &str) -> Answer {
    platform.call(method, path, Some(platform.demo.management_key.expose()), body).await
}

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// A new key: its path and its secret.
async fn make(platform: &Platform, body: &str) -> (String, String) {
    let made = manage(platform, Method::POST, KEYS, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let path = format!("{KEYS}/{}", made["data"]["hash"].as_str().unwrap());
    (path, made["key"].as_str().unwrap().to_owned())
}

async fn status(platform: &Platform, secret: &str) -> u16 {
    platform.chat_as(secret, CHAT).await.status.as_u16()
}

fn hashes(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["hash"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_key_lives_in_the_public_shapes() {
    let platform = Platform::start().await;
    let body = r#"{"name":"CI","limit":12.5,"limit_reset":"monthly","include_byok_in_limit":true,
                   "expires_at":"2099-12-31T23:59:59Z","unknown":1}"#;
    let made = manage(&platform, Method::POST, KEYS, body).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let secret = made["key"].as_str().unwrap();
    assert_eq!(made["data"]["hash"], identity::KeyHash::of(secret).to_string());
    assert_eq!(
        (made["data"]["limit"].as_f64(), made["data"]["limit_reset"].as_str()),
        (Some(12.5), Some("monthly"))
    );
    assert_eq!(
        (&made["data"]["include_byok_in_limit"], &made["data"]["kind"]),
        (&json!(true), &json!("inference"))
    );
    assert_eq!(status(&platform, secret).await, 200);
    let mine = platform.get("/api/v1/key", Some(secret)).await.json();
    assert_eq!(
        (mine["data"]["hash"].as_str(), &mine["data"]["include_byok_in_limit"]),
        (made["data"]["hash"].as_str(), &json!(true))
    );

    let path = format!("{KEYS}/{}", made["data"]["hash"].as_str().unwrap());
    let shown = manage(&platform, Method::GET, &path, "").await.json();
    assert_eq!(shown["data"]["usage"].as_f64(), Some(0.001_25));
    let listed = manage(&platform, Method::GET, KEYS, "").await.json();
    assert_eq!(hashes(&listed)[0], made["data"]["hash"].as_str().unwrap(), "newest first");
    assert!(!listed.to_string().contains(secret));
    let body = r#"{"name":"CI 2","disabled":true,"limit":null,"limit_reset":null}"#;
    let changed = manage(&platform, Method::PATCH, &path, body).await.json();
    assert_eq!((&changed["data"]["limit"], &changed["data"]["name"]), (&Value::Null, &json!("CI 2")));
    assert_eq!(changed["data"]["include_byok_in_limit"], true, "what is not sent stays");
    assert_eq!(status(&platform, secret).await, 401);
    let without = manage(&platform, Method::GET, KEYS, "").await.json();
    assert_eq!(hashes(&without).len() + 1, hashes(&listed).len());
    let with =
        manage(&platform, Method::GET, &format!("{KEYS}?include_disabled=true&offset=0"), "").await.json();
    assert_eq!(hashes(&with), hashes(&listed));
    let deleted = manage(&platform, Method::DELETE, &path, "").await.json();
    for (method, body) in [(Method::GET, ""), (Method::PATCH, "{}"), (Method::DELETE, ""), (Method::POST, "")]
    {
        let path = if method == Method::POST { format!("{path}/rotate") } else { path.clone() };
        assert_eq!(manage(&platform, method, &path, body).await.error().0, 404);
    }
    if let Some(specification) = Specification::find() {
        specification.check_status("post", "/keys", 201, &made);
        specification.check("get", "/keys", &listed);
        specification.check("get", "/keys/{hash}", &shown);
        specification.check("patch", "/keys/{hash}", &changed);
        specification.check("delete", "/keys/{hash}", &deleted);
        specification.check("get", "/key", &mine);
    }
    for member in ["external_user", "last_used_at", "allowed_ips"] {
        assert!(shown["data"].get(member).is_some(), "{member} is missing");
    }
    let actions: Vec<(String, Value)> = sqlx::query_as(
        "select action, details from identity.audit_log where actor like 'key:%' and action like 'key.%' order by at",
    )
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    let names: Vec<&str> = actions.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(names, ["key.create", "key.change", "key.delete"]);
    assert_eq!(actions[1].1, json!({ "name": "CI 2", "disabled": true, "limit": null, "limit_reset": null }));
    assert!(!json!(actions).to_string().contains(secret));
    platform.stop().await;
}

#[tokio::test]
async fn a_limit_is_billings_before_the_key_is_anybodys() {
    let platform = Platform::start().await;
    platform.billing.with(|heard| heard.away = true);
    let made = manage(&platform, Method::POST, KEYS, r#"{"name":"k","limit":1}"#).await;
    assert_eq!(made.error().0, 503);
    let path = format!("{KEYS}/{}", platform.demo.api_key.hash());
    assert_eq!(manage(&platform, Method::PATCH, &path, r#"{"limit":1}"#).await.error().0, 503);
    let keys: i64 = sqlx::query_scalar("select count(*) from identity.api_key where limit_nanos is not null")
        .fetch_one(&owner(&platform).await)
        .await
        .unwrap();
    assert_eq!(keys, 0);
    platform.billing.with(|heard| heard.away = false);
    let (_, secret) = make(&platform, r#"{"name":"k","limit":0.000000001}"#).await;
    let put = platform.billing.with(|heard| heard.limits.pop().unwrap());
    assert_eq!((put.limit, put.counts_own_keys), (Some(1), None));
    let id: uuid::Uuid = sqlx::query_scalar("select id from identity.api_key where hash = $1")
        .bind(identity::KeyHash::of(&secret).0.as_slice())
        .fetch_one(&owner(&platform).await)
        .await
        .unwrap();
    assert_eq!(put.key_id, id.to_string());
    platform.stop().await;
}

#[tokio::test]
async fn a_page_has_a_hundred_keys_and_one_question_for_billing() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let others =
        "insert into identity.api_key (id, tenant_id, workspace_id, hash, kind, label, name, created_at)
        select gen_random_uuid(), w.tenant_id, w.id, sha256(n::text::bytea), 'inference', 'x', 'Key ' || n,
            now() + n * interval '1 second'
        from identity.workspace w, generate_series(1, 120) n where w.tenant_id = $1";
    sqlx::query(others).bind(platform.tenant.uuid()).execute(&database).await.unwrap();
    let first = manage(&platform, Method::GET, KEYS, "").await.json();
    let second = manage(&platform, Method::GET, &format!("{KEYS}?offset=100"), "").await.json();
    assert_eq!((hashes(&first).len(), hashes(&second).len()), (100, 21));
    assert_eq!(
        (&first["data"][0]["name"], &second["data"][0]["name"]),
        (&json!("Key 120"), &json!("Key 20"))
    );
    assert_eq!(platform.billing.with(|heard| heard.usage_asked.clone()), [100, 21]);
    assert!(hashes(&first).iter().all(|hash| !hashes(&second).contains(hash)));
    platform.stop().await;
}

#[tokio::test]
async fn a_list_is_of_one_workspace() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let workspace: uuid::Uuid = sqlx::query_scalar(
        "insert into identity.workspace (id, tenant_id, slug, name)
         values (gen_random_uuid(), $1, 'lab', 'Lab') returning id",
    )
    .bind(platform.tenant.uuid())
    .fetch_one(&database)
    .await
    .unwrap();
    let (path, _) = make(&platform, &format!(r#"{{"name":"lab","workspace_id":"{workspace}"}}"#)).await;
    let default = manage(&platform, Method::GET, KEYS, "").await.json();
    assert_eq!(hashes(&default), [platform.demo.api_key.hash().to_string()]);
    let lab = manage(&platform, Method::GET, &format!("{KEYS}?workspace_id={workspace}"), "").await.json();
    assert_eq!(format!("{KEYS}/{}", hashes(&lab)[0]), path);
    assert_eq!(lab["data"][0]["workspace_id"], workspace.to_string());
    let foreign: uuid::Uuid = sqlx::query_scalar("select id from identity.workspace where tenant_id <> $1")
        .bind(platform.tenant.uuid())
        .fetch_one(&database)
        .await
        .unwrap();
    for id in [foreign, uuid::Uuid::now_v7()] {
        let listed = manage(&platform, Method::GET, &format!("{KEYS}?workspace_id={id}"), "").await;
        let made =
            manage(&platform, Method::POST, KEYS, &format!(r#"{{"name":"x","workspace_id":"{id}"}}"#)).await;
        assert_eq!((listed.error().0, made.error().0), (400, 400));
    }
    platform.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let platform = Platform::start().await;
    let long = format!(r#"{{"name":"{}"}}"#, "é".repeat(201));
    let bodies = [
        "",
        "[]",
        "{}",
        r#"{"name":""}"#,
        long.as_str(),
        r#"{"name":"x","limit":-1}"#,
        r#"{"name":"x","limit":"1"}"#,
        r#"{"name":"x","limit":1e-10}"#,
        r#"{"name":"x","limit":1e300}"#,
        r#"{"name":"x","limit_reset":"hourly"}"#,
        r#"{"name":"x","expires_at":"2099-12-31T23:59:59+02:00"}"#,
        r#"{"name":"x","expires_at":"soon"}"#,
        r#"{"name":"x","workspace_id":"default"}"#,
        r#"{"name":"x","creator_user_id":"somebody"}"#,
        r#"{"name":"x","creator_user_id":"0192aaaa-0000-7000-8000-000000000000"}"#,
        r#"{"name":"x","kind":"admin"}"#,
        r#"{"name":"x","allowed_ips":[]}"#,
        r#"{"name":"x","allowed_ips":["example.com"]}"#,
    ];
    for body in bodies {
        assert_eq!(manage(&platform, Method::POST, KEYS, body).await.error().0, 400, "{body}");
    }
    let path = format!("{KEYS}/{}", platform.demo.api_key.hash());
    for body in
        [r#"{"name":""}"#, r#"{"limit":-0.5}"#, r#"{"limit_reset":""}"#, r#"{"allowed_ips":["1.2.3"]}"#]
    {
        assert_eq!(manage(&platform, Method::PATCH, &path, body).await.error().0, 400, "{body}");
    }
    for body in [
        r#"{"name":"y","expires_at":"2099-12-31T23:59:59Z"}"#,
        r#"{"expires_at":null}"#,
        r#"{"workspace_id":null}"#,
        r#"{"creator_user_id":"0192aaaa-0000-7000-8000-000000000000"}"#,
        r#"{"kind":"management"}"#,
    ] {
        let refused = manage(&platform, Method::PATCH, &path, body).await;
        assert_eq!(refused.error().0, 400, "what cannot be changed is not passed over: {body}");
        let named = ["expires_at", "workspace_id", "creator_user_id", "kind"];
        let is_named = |name: &&str| body.contains(*name) && refused.text().contains(&format!("{name}: "));
        assert!(named.iter().any(is_named), "{body}: {}", refused.text());
    }
    let more = manage(&platform, Method::PATCH, &path, r#"{"name":"y","newer":1}"#).await;
    assert_eq!(more.status, 200, "members that only OpenRouter knows are passed over: {}", more.text());
    for body in ["[]", r#"{"overlap_seconds":604801}"#, r#"{"overlap_seconds":-1}"#] {
        let rotated = manage(&platform, Method::POST, &format!("{path}/rotate"), body).await;
        assert_eq!(rotated.error().0, 400, "{body}");
    }
    for query in ["offset=-1", "offset=x", "include_disabled=maybe", "workspace_id=lab", "kind=x"] {
        let listed = manage(&platform, Method::GET, &format!("{KEYS}?{query}"), "").await;
        assert_eq!(listed.error().0, 400, "{query}");
    }
    assert_eq!(platform.billing.with(|heard| heard.limits.len()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn keys_of_other_organisations_are_not_there() {
    let platform = Platform::start().await;
    let foreign = platform.demo.markup_api_key.clone();
    for hash in [foreign.hash().to_string(), "0".repeat(64), "zz".to_owned()] {
        let path = format!("{KEYS}/{hash}");
        for (method, path, body) in [
            (Method::GET, path.clone(), ""),
            (Method::PATCH, path.clone(), r#"{"disabled":true}"#),
            (Method::DELETE, path.clone(), ""),
            (Method::POST, format!("{path}/rotate"), ""),
        ] {
            assert_eq!(manage(&platform, method, &path, body).await.error().0, 404, "{path}");
        }
    }
    let listed = manage(&platform, Method::GET, &format!("{KEYS}?include_disabled=true"), "").await.json();
    assert!(!hashes(&listed).contains(&foreign.hash().to_string().as_str()));
    assert_eq!(status(&platform, foreign.expose()).await, 200);
    platform.stop().await;
}

#[tokio::test]
async fn changes_at_once_lose_nothing() {
    let platform = Platform::start().await;
    let path = format!("{KEYS}/{}", platform.demo.api_key.hash());
    for n in 0..8 {
        let rename = format!(r#"{{"name":"Name {n}"}}"#);
        let (disabled, renamed) = tokio::join!(
            manage(&platform, Method::PATCH, &path, r#"{"disabled":true,"limit":3}"#),
            manage(&platform, Method::PATCH, &path, &rename)
        );
        assert_eq!((disabled.status.as_u16(), renamed.status.as_u16()), (200, 200));
        let key = manage(&platform, Method::GET, &path, "").await.json();
        assert_eq!(
            (&key["data"]["disabled"], &key["data"]["name"]),
            (&json!(true), &json!(format!("Name {n}")))
        );
        assert_eq!(manage(&platform, Method::PATCH, &path, r#"{"disabled":false}"#).await.status, 200);
    }
    platform.stop().await;
}

#[tokio::test]
async fn management_keys_are_made_on_purpose_and_listed_apart() {
    let platform = Platform::start().await;
    let (path, secret) = make(&platform, r#"{"name":"Terraform","kind":"management"}"#).await;
    assert!(secret.starts_with("sk-pb-mgmt-v1-"), "{secret}");
    assert_eq!(status(&platform, &secret).await, 403);
    let inference = manage(&platform, Method::GET, KEYS, "").await.json();
    assert_eq!(hashes(&inference), [platform.demo.api_key.hash().to_string()]);
    let management = platform.get(&format!("{KEYS}?kind=management"), Some(&secret)).await.json();
    assert_eq!(hashes(&management).len(), 2);
    assert_eq!(management["data"][0]["kind"], "management");
    assert_eq!(manage(&platform, Method::DELETE, &path, "").await.status, 200);
    assert_eq!(platform.get(KEYS, Some(&secret)).await.error().0, 401);
    assert_eq!(platform.get(KEYS, Some(platform.demo.api_key.expose())).await.error().0, 403);
    platform.stop().await;
}

#[tokio::test]
async fn a_key_that_would_have_ended_already_is_not_made() {
    let platform = Platform::start().await;
    let body =
        r#"{"name":"Late","expires_at":"2020-01-01T00:00:00Z","callback_url":"https://x.example.com"}"#;
    for path in [KEYS, "/api/v1/auth/keys/code"] {
        let refused = manage(&platform, Method::POST, path, body).await;
        assert_eq!(refused.error().0, 400, "{path}");
        assert!(refused.text().contains("`2020-01-01T00:00:00Z` has passed"), "{path}: {}", refused.text());
    }
    let body = r#"{"name":"Late","expires_at":"2020-01-01T00:00:00Z"}"#;
    let path = format!("/tenants/{}/keys", platform.tenant);
    assert_eq!(platform.admin(Method::POST, &path, body).await.error().0, 400);
    platform.stop().await;
}
