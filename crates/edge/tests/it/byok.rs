//! The organisations' own credentials: their life, who may use them, and what becomes of their secrets.

mod keys;

use http::Method;
use identity::{Envelope, MasterKey, TenantId};
use rpc::router::OwnCredential;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::support::client::Answer;
use crate::support::platform::MASTER_KEY;
use crate::support::specification::Specification;
use crate::support::{Platform, eventually};

const SECRET: &str = "sk-proj-0123456789abcdefghijklmnopAbCd";
const ANOTHER: &str = "sk-proj-zyxwvutsrqponmlkjihgfedcbaWxYz";
const CHAT: &str = r#"{"model":"acme/echo","max_tokens":10,"messages":[{"role":"user","content":"Hello"}]}"#;

/// As the organisation's management key.
async fn manage(platform: &Platform, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    platform.call(method, path, Some(platform.demo.management_key.expose()), &body).await
}

async fn create(platform: &Platform, body: Value) -> Value {
    let made = manage(platform, Method::POST, "/api/v1/byok", &body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["data"].take()
}

async fn change(platform: &Platform, id: &Value, body: Value) -> Answer {
    manage(platform, Method::PATCH, &format!("/api/v1/byok/{}", id.as_str().unwrap()), &body).await
}

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// What a request with the demo key may use.
async fn own(platform: &Platform) -> Vec<OwnCredential> {
    own_of(platform, platform.demo.api_key.expose()).await
}

async fn own_of(platform: &Platform, key: &str) -> Vec<OwnCredential> {
    assert_eq!(platform.chat_as(key, CHAT).await.status, 200);
    platform.router.with(|said| said.plans.last().unwrap().own.clone())
}

fn ids(own: &[OwnCredential]) -> Vec<&str> {
    own.iter().map(|own| own.credential_id.as_str()).collect()
}

async fn opened(own: &OwnCredential, key: &MasterKey, tenant: TenantId) -> Option<String> {
    let envelope = Envelope::from_bytes(&own.sealed).unwrap();
    let record = own.credential_id.parse().unwrap();
    let opened = envelope.open(key, tenant, &own.provider, record).await;
    opened.ok().map(|plain| plain.expose_secret().to_owned())
}

fn master() -> MasterKey {
    MasterKey::from_hex(MASTER_KEY).unwrap()
}

/// A new API key of the demo organisation: itself, and its hash.
async fn api_key(platform: &Platform, tenant: TenantId, kind: &str) -> (String, String) {
    let body = json!({ "name": "another", "kind": kind }).to_string();
    let made = platform.admin(Method::POST, &format!("/tenants/{tenant}/keys"), &body).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["key"]), text(&made["data"]["hash"]))
}

#[tokio::test]
async fn a_credential_lives_in_the_public_shape() {
    let platform = Platform::start().await;
    let specification = Specification::find();
    let check = |method: &str, path: &str, status: u16, answer: &Value| {
        if let Some(specification) = &specification {
            // Catalogues of ours have providers that the specification does not list.
            let mut answer = answer.clone();
            let rows = match &mut answer["data"] {
                Value::Array(rows) => rows.iter_mut().collect(),
                row => vec![row],
            };
            for row in rows {
                row["provider"] = "openai".into();
            }
            specification.check_status(method, path, status, &answer);
        }
    };
    let sent =
        json!({ "provider": "acme", "key": SECRET, "name": "Production", "allowed_models": ["acme/echo"] });
    let made = manage(&platform, Method::POST, "/api/v1/byok", &sent).await;
    assert_eq!(made.status, 201);
    check("post", "/byok", 201, &made.json());
    let made = made.json()["data"].take();
    assert_eq!(
        (made["label"].as_str(), made["sort_order"].as_i64(), made["provider"].as_str()),
        (Some("sk-...AbCd"), Some(0), Some("acme"))
    );
    for member in ["declared_zdr", "declared_region", "is_byok_only", "is_required"] {
        assert!(made.get(member).is_some(), "{member}");
    }
    let path = format!("/api/v1/byok/{}", made["id"].as_str().unwrap());
    let shown = manage(&platform, Method::GET, &path, &Value::Null).await.json();
    check("get", "/byok/{id}", 200, &shown);
    assert_eq!(shown["data"], made);

    let changes = json!({ "name": null, "is_fallback": true, "allowed_models": null, "declared_zdr": true,
                          "declared_region": "europe", "is_required": true, "sort_order": 7 });
    let changed = change(&platform, &made["id"], changes).await.json();
    check("patch", "/byok/{id}", 200, &changed);
    let changed = &changed["data"];
    assert_eq!((&changed["name"], &changed["allowed_models"]), (&Value::Null, &Value::Null));
    assert_eq!((changed["is_fallback"].as_bool(), changed["sort_order"].as_i64()), (Some(true), Some(7)));
    assert_eq!(changed["label"], made["label"], "what is left out stays");
    let rotated = change(&platform, &made["id"], json!({ "key": ANOTHER })).await.json();
    assert_eq!(
        (&rotated["data"]["label"], &rotated["data"]["is_fallback"]),
        (&"sk-...WxYz".into(), &true.into())
    );

    let second = create(&platform, json!({ "provider": "acme", "key": "k2", "workspace_id": null })).await;
    assert_eq!((second["sort_order"].as_i64(), &second["workspace_id"]), (Some(8), &Value::Null));
    create(&platform, json!({ "provider": "openai", "key": "k3" })).await;
    let list = manage(&platform, Method::GET, "/api/v1/byok?offset=1&limit=1", &Value::Null).await.json();
    check("get", "/byok", 200, &list);
    assert_eq!((list["total_count"].as_i64(), list["data"].as_array().unwrap().len()), (Some(3), 1));
    let of_one = manage(&platform, Method::GET, "/api/v1/byok?provider=openai", &Value::Null).await.json();
    assert_eq!(of_one["total_count"], 1);

    let deleted = manage(&platform, Method::DELETE, &path, &Value::Null).await.json();
    check("delete", "/byok/{id}", 200, &json!({ "deleted": true }));
    assert_eq!(deleted, json!({ "deleted": true }));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(manage(&platform, method, &path, &Value::Null).await.error().0, 404);
    }
    assert_eq!(change(&platform, &made["id"], json!({ "name": "x" })).await.error().0, 404);
    let actions: Vec<String> =
        sqlx::query_scalar("select action from identity.audit_log where action like 'byok.%' order by at")
            .fetch_all(&owner(&platform).await)
            .await
            .unwrap();
    let expected = ["byok.create", "byok.change", "byok.rotate", "byok.create", "byok.create", "byok.delete"];
    assert_eq!(actions, expected);
    platform.stop().await;
}

#[tokio::test]
async fn a_secret_is_nowhere_but_in_the_envelope() {
    let platform = Platform::start().await;
    let made =
        manage(&platform, Method::POST, "/api/v1/byok", &json!({ "provider": "acme", "key": SECRET })).await;
    let id = made.json()["data"]["id"].clone();
    let mut told = made.json().to_string();
    told += &change(&platform, &id, json!({ "key": ANOTHER })).await.json().to_string();
    told += &manage(&platform, Method::GET, "/api/v1/byok", &Value::Null).await.json().to_string();
    let broken = json!({ "provider": "azure", "key": format!("{{\"api_key\": {SECRET}") });
    told += &manage(&platform, Method::POST, "/api/v1/byok", &broken).await.json().to_string();
    let database = owner(&platform).await;
    let tables = sqlx::query(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname in ('identity', 'billing', 'catalog')",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert!(tables.len() > 20);
    for table in tables {
        let name: String = table.get("name");
        let statement = format!("select coalesce(string_agg(t::text, ' '), '') from {name} t");
        let rows: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&database).await.unwrap();
        told += &rows;
    }
    for secret in [SECRET, ANOTHER] {
        assert!(!told.contains(&secret[..20]), "in plain text");
        assert!(!told.contains(&hex::encode(&secret[8..20])), "as bytes");
    }
    let [own] = own(&platform).await.try_into().unwrap();
    assert_eq!(opened(&own, &master(), platform.tenant).await.as_deref(), Some(ANOTHER));
    assert!(!format!("{own:?}").contains(&ANOTHER[..20]));
    platform.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let platform = Platform::start().await;
    let (_, foreign) = {
        let body = r#"{"name":"Other","slug":"other"}"#;
        let other = platform.admin(Method::POST, "/tenants", body).await.json();
        let tenant = other["id"].as_str().unwrap().parse().unwrap();
        api_key(&platform, tenant, "inference").await
    };
    let hashes: Vec<String> = (0..101).map(|_| "0".repeat(64)).collect();
    let cases = [
        json!({ "provider": "nobody" }),
        json!({ "provider": "" }),
        json!({ "key": "" }),
        json!({ "key": "two words" }),
        json!({ "key": 17 }),
        json!({ "provider": "azure" }),
        json!({ "workspace_id": "nowhere" }),
        json!({ "name": "n".repeat(256) }),
        json!({ "disabled": null, "is_fallback": "yes" }),
        json!({ "is_fallback": true, "is_byok_only": true }),
        json!({ "declared_region": "mars" }),
        json!({ "sort_order": -1 }),
        json!({ "allowed_models": vec!["a/b"; 101] }),
        json!({ "allowed_api_key_hashes": [] }),
        json!({ "allowed_api_key_hashes": ["abc"] }),
        json!({ "allowed_api_key_hashes": ["A".repeat(64)] }),
        json!({ "allowed_api_key_hashes": ["0".repeat(64)] }),
        json!({ "allowed_api_key_hashes": [foreign] }),
        json!({ "allowed_api_key_hashes": hashes }),
        json!({ "allowed_user_ids": ["somebody"] }),
        json!({ "allowed_user_ids": [uuid::Uuid::now_v7()] }),
    ];
    for case in cases {
        let mut sent = json!({ "provider": "acme", "key": SECRET });
        sent.as_object_mut().unwrap().extend(case.as_object().unwrap().clone());
        let refused = manage(&platform, Method::POST, "/api/v1/byok", &sent).await;
        assert_eq!(refused.status, 400, "{case}: {}", refused.json());
    }
    for query in ["limit=0", "limit=101", "offset=-1", "workspace_id=nowhere"] {
        let path = format!("/api/v1/byok?{query}");
        assert_eq!(manage(&platform, Method::GET, &path, &Value::Null).await.error().0, 400, "{query}");
    }
    let none = manage(&platform, Method::GET, "/api/v1/byok", &Value::Null).await.json();
    assert_eq!(none, json!({ "data": [], "total_count": 0 }));
    let key =
        json!({ "provider": "azure", "key": json!({ "api_key": "k", "resource": "acme" }).to_string() });
    assert_eq!(create(&platform, key).await["label"], "...");
    platform.stop().await;
}

#[tokio::test]
async fn other_organisations_and_other_keys_see_nothing() {
    let platform = Platform::start().await;
    let made = create(&platform, json!({ "provider": "acme", "key": SECRET })).await;
    let path = format!("/api/v1/byok/{}", made["id"].as_str().unwrap());
    let body = r#"{"name":"Other","slug":"other"}"#;
    let other = platform.admin(Method::POST, "/tenants", body).await.json();
    let tenant = other["id"].as_str().unwrap().parse().unwrap();
    let (stranger, _) = api_key(&platform, tenant, "management").await;
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = platform.call(method.clone(), &path, Some(&stranger), r#"{"key":"mine"}"#).await;
        assert_eq!(answer.error().0, 404, "{method}");
        let inference = Some(platform.demo.api_key.expose());
        assert_eq!(platform.call(method.clone(), &path, inference, "{}").await.error().0, 403, "{method}");
        assert_eq!(platform.call(method, &path, None, "{}").await.error().0, 401);
    }
    let list = platform.call(Method::GET, "/api/v1/byok", Some(&stranger), "").await.json();
    assert_eq!(list["total_count"], 0);
    let odd = manage(&platform, Method::GET, "/api/v1/byok/odd", &Value::Null).await;
    assert_eq!(odd.error().0, 404);
    assert_eq!(manage(&platform, Method::GET, &path, &Value::Null).await.json()["data"], made);
    platform.stop().await;
}

#[tokio::test]
async fn a_request_has_the_credentials_that_its_key_may_use_in_their_order() {
    let platform = Platform::start().await;
    let (other_key, other_hash) = api_key(&platform, platform.tenant, "inference").await;
    let person = uuid::Uuid::now_v7();
    let database = owner(&platform).await;
    sqlx::query("insert into identity.person (id, email) values ($1, 'a@example.com')")
        .bind(person)
        .execute(&database)
        .await
        .unwrap();
    sqlx::query("insert into identity.member (tenant_id, person_id, role) values ($1, $2, 'developer')")
        .bind(platform.tenant.uuid())
        .bind(person)
        .execute(&database)
        .await
        .unwrap();
    sqlx::query("insert into identity.workspace (id, tenant_id, slug, name) values (gen_random_uuid(), $1, 'lab', 'Lab')")
        .bind(platform.tenant.uuid())
        .execute(&database)
        .await
        .unwrap();
    let make = async |more: Value| {
        let mut sent = json!({ "provider": "acme", "key": SECRET });
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        create(&platform, sent).await["id"].as_str().unwrap().to_owned()
    };
    let second = make(json!({ "sort_order": 5, "is_fallback": true, "allowed_models": ["acme/echo"] })).await;
    let first =
        make(json!({ "sort_order": 1, "workspace_id": null, "is_required": true, "declared_zdr": false,
                             "declared_region": "europe" }))
        .await;
    make(json!({ "disabled": true })).await;
    make(json!({ "workspace_id": "lab" })).await;
    make(json!({ "allowed_models": [] })).await;
    let for_other = make(json!({ "allowed_api_key_hashes": [other_hash] })).await;
    let for_person = make(json!({ "allowed_user_ids": [person] })).await;

    let of_demo = own(&platform).await;
    assert_eq!(ids(&of_demo), [&first, &second]);
    let [one, two] = of_demo.as_slice() else { panic!("{of_demo:?}") };
    assert_eq!((one.is_exclusive, one.declared_zdr, one.declared_region.as_str()), (true, Some(false), "eu"));
    assert!(two.is_fallback && two.models == ["acme/echo"] && !two.is_provider_exclusive);
    assert_eq!(opened(one, &master(), platform.tenant).await.as_deref(), Some(SECRET));
    assert_eq!(opened(one, &master(), TenantId::generate()).await, None);

    assert_eq!(ids(&own_of(&platform, &other_key).await), [&first, &second, &for_other]);
    sqlx::query(
        "update identity.api_key set creator_person_id = $1, name = 'theirs' where hash = decode($2, 'hex')",
    )
    .bind(person)
    .bind(&other_hash)
    .execute(&database)
    .await
    .unwrap();
    eventually("the key is its creator's", async || {
        (ids(&own_of(&platform, &other_key).await) == [&first, &second, &for_other, &for_person])
            .then_some(())
    })
    .await;
    assert!(own_of(&platform, platform.demo.markup_api_key.expose()).await.is_empty());
    platform.stop().await;
}

#[tokio::test]
async fn a_change_reaches_every_edge() {
    let platform = Platform::start().await;
    let edge = platform.second_edge("").await;
    let there = async || {
        let bearer = format!("Bearer {}", platform.demo.api_key.expose());
        let headers = [("authorization", bearer.as_str())];
        let path = "/api/v1/chat/completions";
        let answer = crate::support::client::send(edge.address, Method::POST, path, &headers, CHAT).await;
        assert_eq!(crate::support::client::whole(answer).await.status, 200);
        platform.router.with(|said| said.plans.last().unwrap().own.clone())
    };
    assert!(there().await.is_empty());
    let made = create(&platform, json!({ "provider": "acme", "key": SECRET })).await;
    assert_eq!(own(&platform).await.len(), 1, "at once where it was made");
    eventually("the other edge knows", async || (there().await.len() == 1).then_some(())).await;
    assert_eq!(change(&platform, &made["id"], json!({ "key": ANOTHER })).await.status, 200);
    eventually("the other edge has the new key", async || {
        let own = there().await;
        (opened(&own[0], &master(), platform.tenant).await.as_deref() == Some(ANOTHER)).then_some(())
    })
    .await;
    assert_eq!(change(&platform, &made["id"], json!({ "disabled": true })).await.status, 200);
    eventually("the other edge uses it no longer", async || there().await.is_empty().then_some(())).await;
    edge.stop().await;
    platform.stop().await;
}
