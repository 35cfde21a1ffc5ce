//! Keys: good, bad, revoked, and while nothing can be asked.

use http::Method;
use identity::{ApiKey, KeyKind};

use secrecy::ExposeSecret as _;
use sqlx::Connection as _;

use crate::support::database::Database;
use crate::support::{Platform, eventually};

const BODY: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn keys_that_are_not_in_force_cannot_be_told_apart() {
    let platform = Platform::start().await;
    let missing = platform.call(Method::POST, "/api/v1/chat/completions", None, BODY).await;
    assert_eq!(missing.error(), (401, 401, "authentication".to_owned()));
    assert_eq!(missing.json()["error"]["message"], "Missing Authentication header");

    let tenant = platform.tenant;
    let made = platform
        .admin(
            Method::POST,
            &format!("/tenants/{tenant}/keys"),
            r#"{"name":"k","expires_at":"2120-01-01T00:00:00Z"}"#,
        )
        .await;
    let expired = made.json()["key"].as_str().unwrap().to_owned();
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    sqlx::query("update identity.api_key set expires_at = now() where name = 'k'")
        .execute(&owner)
        .await
        .unwrap();
    let unknown = ApiKey::generate(KeyKind::Inference);
    let mut bodies = Vec::new();
    for key in ["sk-pb-v1-junk", "sk-or-v1-0123456789", unknown.expose(), &expired] {
        let answer = platform.chat_as(key, BODY).await;
        assert_eq!(answer.status, 401, "{key}");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    assert_eq!(platform.get("/api/v1/models", Some(unknown.expose())).await.status, 401);
    platform.stop().await;
}

#[tokio::test]
async fn management_keys_do_not_infer_and_inference_keys_do_not_manage() {
    let platform = Platform::start().await;
    let answer = platform.chat_as(platform.demo.management_key.expose(), BODY).await;
    assert_eq!(answer.error(), (403, 403, "permission_denied".to_owned()));
    let answer = platform.get("/api/v1/credits", Some(platform.demo.api_key.expose())).await;
    assert_eq!(answer.error().0, 403);
    assert_eq!(answer.json()["error"]["message"], "Only management keys can perform this operation");
    platform.stop().await;
}

#[tokio::test]
async fn a_disabled_key_is_refused_and_an_enabled_one_serves_again() {
    let platform = Platform::start().await;
    assert_eq!(platform.chat(BODY).await.status, 200);
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"disabled":true}"#).await.status, 200);
    assert_eq!(platform.chat(BODY).await.status, 401);
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"disabled":false}"#).await.status, 200);
    assert_eq!(platform.chat(BODY).await.status, 200);
    assert_eq!(platform.admin(Method::DELETE, &path, "").await.json()["deleted"], true);
    assert_eq!(platform.chat(BODY).await.status, 401);
    assert_eq!(platform.admin(Method::DELETE, &path, "").await.status, 404);
    platform.stop().await;
}

#[tokio::test]
async fn a_change_that_another_process_makes_is_heard_of() {
    // Once by notification, once by looking: with an hour between two looks and with listening of no use.
    for inline in ["[edge.auth]\npoll_ms = 3_600_000", "[edge.auth]\npoll_ms = 50"] {
        let platform = Platform::start_with(inline, None).await;
        assert_eq!(platform.chat(BODY).await.status, 200);
        let id = platform.tenant.to_string();
        let mut tx = platform.pool.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)").bind(&id).execute(&mut *tx).await.unwrap();
        sqlx::query("update identity.api_key set disabled = true").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        eventually("the key is refused", async || (platform.chat(BODY).await.status == 401).then_some(()))
            .await;
        platform.stop().await;
    }
}

#[tokio::test]
async fn a_change_that_the_bus_tells_of_is_heard_of() {
    if !backing::Kind::Nats.is_installed() {
        println!("SKIPPED: NATS is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let options =
        backing::ServerOptions { directory: directory.path().to_owned(), port: None, password: None };
    let server = backing::Server::start(backing::Kind::Nats, &options).await.unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(
        "patchbay".to_owned(),
        server.password().expose_secret().to_owned(),
    );
    let bus = options.connect(format!("127.0.0.1:{}", server.port())).await.unwrap();
    let inline = "[edge.auth]\npoll_ms = 3_600_000";
    let database = Database::create().await;
    let platform = Platform::start_on(database, inline, None, Some(bus.clone())).await;
    assert_eq!(platform.chat(BODY).await.status, 200);
    // A change whose notification is lost: the trigger is away.
    let mut admin = sqlx::PgConnection::connect(platform.database.url().expose_secret()).await.unwrap();
    sqlx::query("alter table identity.api_key disable trigger all").execute(&mut admin).await.unwrap();
    sqlx::query("update identity.api_key set disabled = true").execute(&mut admin).await.unwrap();
    assert_eq!(platform.chat(BODY).await.status, 200);
    eventually("the key is refused", async || {
        let hash = platform.demo.api_key.hash().to_string();
        bus.publish(rpc::subjects::KEYS_CHANGED, hash.into()).await.unwrap();
        (platform.chat(BODY).await.status == 401).then_some(())
    })
    .await;
    platform.stop().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_database_known_keys_serve_on_and_unknown_ones_are_our_fault() {
    let inline = "[edge.auth]\nfresh_ms = 1\nlookup_timeout_ms = 300";
    let platform = Platform::start_with(inline, None).await;
    assert_eq!(platform.chat(BODY).await.status, 200);
    platform.database.lose().await;
    for _ in 0..3 {
        assert_eq!(platform.chat(BODY).await.status, 200);
    }
    let unknown = ApiKey::generate(KeyKind::Inference);
    let answer = platform.chat_as(unknown.expose(), BODY).await;
    assert_eq!((answer.error().0, answer.header("retry-after")), (503, "1"));
    // Junk is refused without asking anybody.
    assert_eq!(platform.chat_as("sk-pb-v1-junk", BODY).await.status, 401);
    platform.stop().await;
}

#[tokio::test]
async fn one_tenant_sees_nothing_of_another() {
    let platform = Platform::start().await;
    let count = async |tenant: &str| -> i64 {
        let mut tx = platform.pool.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query_scalar("select count(*) from identity.api_key").fetch_one(&mut *tx).await.unwrap()
    };
    assert_eq!(count("").await, 0);
    assert_eq!(count(&platform.tenant.to_string()).await, 2);
    let written = sqlx::query(
        "insert into identity.organisation (id, slug, name) values (gen_random_uuid(), 'theirs', 'Theirs')",
    )
    .execute(&platform.pool)
    .await;
    assert!(written.is_err());
    platform.stop().await;
}
