//! Apps that ask for a key: codes, and what they are exchanged for.

mod consent;
mod forged;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::people::{Person, manage};
use crate::support::specification::Specification;

/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example.com/back";

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// As an app without any key.
async fn exchange(platform: &Platform, body: &Value) -> Answer {
    platform.call(Method::POST, "/api/v1/auth/keys", None, &body.to_string()).await
}

fn proof(code: &str) -> Value {
    json!({ "code": code, "code_verifier": VERIFIER, "code_challenge_method": "S256" })
}

/// A code that the management key makes for [`CALLBACK`].
async fn code(platform: &Platform, more: Value) -> String {
    let mut body =
        json!({ "callback_url": CALLBACK, "code_challenge": CHALLENGE, "code_challenge_method": "S256" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = manage(platform, Method::POST, "/auth/keys/code", &body.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["data"]["id"].as_str().unwrap().to_owned()
}

/// What the audit log has of codes and keys, oldest first.
async fn audited(platform: &Platform) -> Vec<(String, String, Value)> {
    sqlx::query_as(
        "select actor, action, details from identity.audit_log where action ~ '^(auth_code|key)\\.' and tenant_id = $1
         order by at, id",
    )
    .bind(platform.tenant.uuid())
    .fetch_all(&owner(platform).await)
    .await
    .unwrap()
}

async fn count_keys(platform: &Platform) -> i64 {
    sqlx::query_scalar("select count(*) from identity.api_key")
        .fetch_one(&owner(platform).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_code_becomes_a_key_once_in_the_public_shapes() {
    let platform = Platform::start().await;
    let body = json!({ "callback_url": "http://localhost:3000/back", "code_challenge": CHALLENGE,
                       "code_challenge_method": "S256", "limit": 12.5, "usage_limit_type": "monthly",
                       "expires_at": "2099-12-31T23:59:59Z", "spawn_agent": "x" });
    let made = manage(&platform, Method::POST, "/auth/keys/code", &body.to_string()).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (200, "no-store"), "{}", made.text());
    let code = made.json()["data"]["id"].as_str().unwrap().to_owned();
    let at_rest: i64 = sqlx::query_scalar(
        "select count(*) from identity.auth_code where position($1 in auth_code::text) > 0",
    )
    .bind(&code)
    .fetch_one(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(at_rest, 0, "only its hash is kept");

    let got = exchange(&platform, &proof(&code)).await;
    assert_eq!((got.status.as_u16(), got.header("cache-control")), (200, "no-store"), "{}", got.text());
    assert_eq!(got.header("access-control-allow-origin"), "*", "apps in browsers exchange codes too");
    let answer = got.json();
    assert_eq!(answer["user_id"], Value::Null, "a management key is nobody");
    let key = platform.get("/api/v1/key", answer["key"].as_str()).await.json()["data"].take();
    assert_eq!((key["limit"].as_f64(), &key["limit_reset"]), (Some(12.5), &json!("monthly")));
    assert_eq!(key["expires_at"].as_str().map(|at| &at[..10]), Some("2099-12-31"));
    let path = format!("/keys/{}", key["hash"].as_str().unwrap());
    let row = manage(&platform, Method::GET, &path, "").await.json()["data"].take();
    assert_eq!(row["name"], "localhost:3000", "after the app");

    assert_eq!(exchange(&platform, &proof(&code)).await.error().0, 403, "once");
    let log = audited(&platform).await;
    let actions: Vec<&str> = log.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(actions, ["auth_code.create", "auth_code.exchange", "key.create"]);
    assert!(log.iter().all(|(actor, ..)| actor == &log[0].0 && actor.starts_with("key:")));
    assert_eq!(log[1].2["app"], "localhost:3000");
    assert!(!format!("{log:?}").contains(&code), "codes are in no record");
    if let Some(specification) = Specification::find() {
        specification.check("post", "/auth/keys/code", &made.json());
        specification.check("post", "/auth/keys", &answer);
    }
    platform.stop().await;
}

#[tokio::test]
async fn of_fifty_exchanges_at_once_one_gets_a_key() {
    let platform = Platform::start().await;
    let (before, code) = (count_keys(&platform).await, code(&platform, json!({ "limit": 1 })).await);
    let body = proof(&code);
    let answers = futures::future::join_all((0..50).map(|_| exchange(&platform, &body))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    // A busy database is a reason to come back, not to get a second key.
    assert_eq!((count(200), count(403) + count(503)), (1, 49));
    assert!(count(403) > 0);
    assert_eq!(count_keys(&platform).await, before + 1);
    assert_eq!(exchange(&platform, &body).await.error().0, 403);
    platform.stop().await;
}

#[tokio::test]
async fn only_who_has_the_verifier_gets_the_key() {
    let platform = Platform::start().await;
    let code = code(&platform, json!({ "key_label": "Mine" })).await;
    let with = |verifier: &str, method: Value| json!({ "code": code, "code_verifier": verifier, "code_challenge_method": method });
    for (body, status) in [
        (json!({ "code": code }), 403),
        (json!({ "code": code, "code_verifier": null, "code_challenge_method": null }), 403),
        (with(CHALLENGE, json!("S256")), 403),
        (with("", json!("S256")), 403),
        (with(VERIFIER, json!("plain")), 400),
        (with(VERIFIER, json!("s256")), 400),
        (with(VERIFIER, json!("none")), 400),
        (json!({ "code": "pb-code-made-up", "code_verifier": VERIFIER }), 403),
        (json!({ "code": "", "code_verifier": VERIFIER }), 403),
        (json!({ "code_verifier": VERIFIER }), 400),
        (json!({ "code": 7 }), 400),
    ] {
        assert_eq!(exchange(&platform, &body).await.error().0, status, "{body}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = platform.call(method.clone(), "/api/v1/auth/keys", None, "").await;
        assert_eq!(answer.error().0, 405, "{method}");
    }
    let got = exchange(&platform, &with(VERIFIER, Value::Null)).await;
    assert_eq!(got.status, 200, "the code is as it was, and knows its method: {}", got.text());
    let key = platform.get("/api/v1/key", got.json()["key"].as_str()).await;
    assert_eq!(key.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_code_may_do_without_a_challenge_where_it_goes_to_a_callback() {
    let platform = Platform::start().await;
    let bare = json!({ "code_challenge": null, "code_challenge_method": null });
    let made = code(&platform, bare.clone()).await;
    let shown = exchange(&platform, &proof(&made)).await;
    assert_eq!(shown.error().0, 400, "an app with a verifier did not ask for this code");
    assert_eq!(exchange(&platform, &json!({ "code": made })).await.status, 200);
    let plain = json!({ "code_challenge": VERIFIER, "code_challenge_method": "plain" });
    let made = code(&platform, plain).await;
    assert_eq!(exchange(&platform, &proof(&made)).await.error().0, 400, "made as plain");
    let body = json!({ "code": made, "code_verifier": VERIFIER, "code_challenge_method": "plain" });
    assert_eq!(exchange(&platform, &body).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes() {
    let platform = Platform::start().await;
    let code = code(&platform, json!({})).await;
    let database = owner(&platform).await;
    let lasts: f64 = sqlx::query_scalar(
        "select extract(epoch from expires_at - created_at)::double precision from identity.auth_code",
    )
    .fetch_one(&database)
    .await
    .unwrap();
    assert!((lasts - 600.0).abs() < 0.001, "{lasts}");
    sqlx::query("update identity.auth_code set expires_at = now()").execute(&database).await.unwrap();
    assert_eq!(exchange(&platform, &proof(&code)).await.error().0, 403);
    platform.stop().await;
}

#[tokio::test]
async fn a_code_whose_key_has_ended_meanwhile_makes_none() {
    let platform = Platform::start().await;
    let code = code(&platform, json!({ "expires_at": "2099-12-31T23:59:59Z" })).await;
    let (database, before) = (owner(&platform).await, count_keys(&platform).await);
    let end = async |at: &'static str| {
        sqlx::query(at).execute(&database).await.unwrap();
        exchange(&platform, &proof(&code)).await
    };
    let refused = end("update identity.auth_code set key_expires_at = now()").await;
    assert_eq!(refused.error(), (403, 403, "permission_denied".to_owned()), "{}", refused.text());
    assert!(refused.text().contains("expires_at"), "it says why: {}", refused.text());
    let wrong = exchange(&platform, &json!({ "code": code, "code_verifier": CHALLENGE })).await;
    assert!(!wrong.text().contains("expires_at"), "only to who has the verifier: {}", wrong.text());
    assert_eq!(count_keys(&platform).await, before, "no key that nobody can use");
    let got = end("update identity.auth_code set key_expires_at = now() + interval '1 day'").await;
    assert_eq!(got.status, 200, "the code was not used up: {}", got.text());
    platform.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_there_is_a_code() {
    let platform = Platform::start().await;
    let stranger: Uuid =
        sqlx::query_scalar("select id from identity.workspace where tenant_id <> $1 limit 1")
            .bind(platform.tenant.uuid())
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    for (name, value) in [
        ("callback_url", json!("http://app.example.com/")),
        ("callback_url", json!("javascript:alert(1)")),
        ("callback_url", json!(null)),
        ("code_challenge", json!("short")),
        ("code_challenge_method", json!("S512")),
        ("key_label", json!("x".repeat(101))),
        ("key_label", json!("a\u{202e}b")),
        ("limit", json!(-1)),
        ("usage_limit_type", json!("hourly")),
        ("expires_at", json!("2099-12-31T23:59:59+01:00")),
        ("workspace_id", json!(stranger)),
        ("workspace_id", json!(Uuid::now_v7())),
    ] {
        let mut body = json!({ "callback_url": CALLBACK, "code_challenge": CHALLENGE });
        body[name] = value;
        let answer = manage(&platform, Method::POST, "/auth/keys/code", &body.to_string()).await;
        assert_eq!(answer.error().0, 400, "{body}");
    }
    let codes: i64 = sqlx::query_scalar("select count(*) from identity.auth_code")
        .fetch_one(&owner(&platform).await)
        .await
        .unwrap();
    assert_eq!(codes, 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_code_is_worth_what_its_giver_may_do_when_it_is_exchanged() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let body =
        json!({ "callback_url": CALLBACK, "code_challenge": CHALLENGE, "code_challenge_method": "S256" });
    let mut codes = Vec::new();
    for name in ["kept", "lowered", "disabled", "removed"] {
        let person = Person::join(&platform, name, "developer").await;
        let made = person.call(&platform, Method::POST, "/auth/keys/code", &body.to_string()).await;
        assert_eq!(made.status, 200, "{}", made.text());
        codes.push((person.id, made.json()["data"]["id"].as_str().unwrap().to_owned()));
    }
    let of_a_key = code(&platform, json!({})).await;
    for statement in [
        "update identity.member set role = 'viewer' where person_id = $1",
        "update identity.person set disabled_at = now() where id = $1",
        "delete from identity.member where person_id = $1",
    ]
    .into_iter()
    .zip(&codes[1..])
    {
        sqlx::query(statement.0).bind(statement.1.0).execute(&database).await.unwrap();
    }
    sqlx::query("update identity.api_key set disabled = true where kind = 'management'")
        .execute(&database)
        .await
        .unwrap();
    let got = exchange(&platform, &proof(&codes[0].1)).await;
    assert_eq!(got.json()["user_id"], codes[0].0.to_string(), "{}", got.text());
    let creator: Uuid = sqlx::query_scalar("select creator_person_id from identity.api_key where hash = $1")
        .bind(identity::KeyHash::of(got.json()["key"].as_str().unwrap()).0.as_slice())
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(creator, codes[0].0);
    for code in codes[1..].iter().map(|(_, code)| code).chain([&of_a_key]) {
        assert_eq!(exchange(&platform, &proof(code)).await.error().0, 403);
    }
    platform.stop().await;
}

#[tokio::test]
async fn an_apps_key_uses_presets_and_neither_shows_nor_writes_them() {
    let platform = Platform::start().await;
    let own = platform.demo.api_key.expose();
    let body = json!({ "model": "acme/echo", "temperature": 0.3,
                       "messages": [{ "role": "system", "content": "A secret of the house." }] });
    let path = "/api/v1/presets/support/chat/completions";
    assert_eq!(platform.call(Method::POST, path, Some(own), &body.to_string()).await.status, 200);

    let code = code(&platform, json!({})).await;
    let got = exchange(&platform, &proof(&code)).await.json();
    let apps = got["key"].as_str();
    let turns = json!([{ "role": "user", "content": "Hi" }]);
    let used = json!({ "model": "@preset/support", "messages": turns }).to_string();
    assert_eq!(platform.call(Method::POST, "/api/v1/chat/completions", apps, &used).await.status, 200);
    for path in ["", "/support", "/support/versions", "/support/versions/1"] {
        let refused = platform.get(&format!("/api/v1/presets{path}"), apps).await;
        assert_eq!(refused.error(), (403, 403, "permission_denied".to_owned()), "{path}");
        assert!(!refused.text().contains("secret of the house"), "{path}: {}", refused.text());
    }
    for dialect in ["chat/completions", "messages", "responses"] {
        let path = format!("/api/v1/presets/support/{dialect}");
        assert_eq!(
            platform.call(Method::POST, &path, apps, &body.to_string()).await.error().0,
            403,
            "{dialect}"
        );
    }
    let versions = platform.get("/api/v1/presets/support/versions", Some(own)).await.json();
    assert_eq!(versions["total_count"], 1, "people's own keys see them as ever");
    // A secret that takes the place of the key's first one is the app's, too.
    let key = platform.get("/api/v1/key", apps).await.json()["data"].take();
    let path = format!("/keys/{}/rotate", key["hash"].as_str().unwrap());
    let rotated = manage(&platform, Method::POST, &path, "{}").await.json();
    assert_eq!(platform.get("/api/v1/presets", rotated["key"].as_str()).await.error().0, 403);
    platform.stop().await;
}
