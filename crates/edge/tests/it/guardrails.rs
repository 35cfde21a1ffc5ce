//! Guardrails: the API, whom they are assigned to, and what they come to.

mod assignments;
mod enforcement;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::specification::Specification;

const LIST: &str = "/api/v1/guardrails";

/// As the organisation's management key.
async fn manage(platform: &Platform, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    platform.call(method, path, Some(platform.demo.management_key.expose()), &body).await
}

async fn made(platform: &Platform, body: Value) -> Value {
    let answer = manage(platform, Method::POST, LIST, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"].clone()
}

async fn changed(platform: &Platform, id: &Value, body: Value) -> Value {
    let answer = manage(platform, Method::PATCH, &one(id), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].clone()
}

async fn read(platform: &Platform, path: &str) -> Value {
    let answer = manage(platform, Method::GET, path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn one(id: &Value) -> String {
    format!("{LIST}/{}", id.as_str().unwrap())
}

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

async fn workspace(platform: &Platform) -> Uuid {
    sqlx::query_scalar("select id from identity.workspace where tenant_id = $1 and is_default")
        .bind(platform.tenant.uuid())
        .fetch_one(&owner(platform).await)
        .await
        .unwrap()
}

/// A management key of another organisation.
async fn stranger(platform: &Platform) -> String {
    let other: Uuid = sqlx::query_scalar("select id from identity.organisation where id <> $1 limit 1")
        .bind(platform.tenant.uuid())
        .fetch_one(&owner(platform).await)
        .await
        .unwrap();
    let path = format!("/tenants/{other}/keys");
    let made = platform.admin(Method::POST, &path, r#"{"name":"m","kind":"management"}"#).await.json();
    made["key"].as_str().unwrap().to_owned()
}

async fn audited(platform: &Platform) -> Vec<String> {
    sqlx::query_scalar(
        "select action from identity.audit_log where action ~ '^(guardrail|policy)\\.' order by at, id",
    )
    .fetch_all(&owner(platform).await)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_guardrail_is_made_read_changed_and_deleted_in_the_public_shape() {
    let platform = Platform::start().await;
    let empty = read(&platform, LIST).await;
    assert_eq!(empty, json!({ "data": [], "total_count": 0 }));
    let sent = json!({
        "name": "Production", "description": "For the shop", "limit_usd": 50.25, "reset_interval": "monthly",
        "include_byok_in_budgets": true, "enforce_zdr": true, "enforce_zdr_google": false,
        "allowed_models": ["acme/parrot", "acme/echo", "acme/other"], "ignored_providers": ["ACME"],
        "enable_paid_model_training": false, "allowed_data_regions": ["eu"],
        "content_filters": [{ "pattern": "\\b[A-Z]{2}\\d+\\b", "action": "redact", "label": "[ID]" }],
        "content_filter_builtins": [
            { "slug": "email", "action": "redact", "label": "mine" },
            { "slug": "regex-prompt-injection", "action": "block", "scan_scope": "user_only" },
        ],
        "unknown": 1,
    });
    let first = made(&platform, sent).await;
    assert_eq!(first["allowed_models"], json!(["acme/echo", "acme/other"]), "what never changes, each once");
    assert_eq!((&first["ignored_providers"], &first["limit_usd"]), (&json!(["acme"]), &json!(50.25)));
    assert_eq!((&first["enforce_zdr"], &first["enforce_zdr_google"]), (&Value::Null, &json!(false)));
    assert_eq!((&first["enforce_zdr_xai"], &first["enforce_zdr_other"]), (&json!(true), &json!(true)));
    assert_eq!(first["content_filter_builtins"][0]["label"], "[EMAIL]", "labels are the platform's");
    assert_eq!(first["content_filter_builtins"][1]["scan_scope"], "user_only");
    assert_eq!(first["workspace_id"], workspace(&platform).await.to_string());
    let second = made(&platform, json!({ "name": "Other" })).await;
    assert_eq!((&second["allowed_models"], &second["limit_usd"]), (&Value::Null, &Value::Null));

    let listed = read(&platform, LIST).await;
    assert_eq!((&listed["total_count"], &listed["data"][1]["id"]), (&json!(2), &first["id"]));
    let page = read(&platform, &format!("{LIST}?offset=1&limit=1")).await;
    assert_eq!((page["data"].as_array().map(Vec::len), &page["data"][0]["id"]), (Some(1), &first["id"]));
    let here = format!("{LIST}?workspace_id={}", workspace(&platform).await);
    assert_eq!(read(&platform, &here).await, listed);
    let shown = read(&platform, &one(&first["id"])).await;
    assert_eq!(shown["data"], first);

    let body =
        json!({ "name": "Shop", "allowed_models": ["acme/new"], "limit_usd": null, "content_filters": null });
    let now = changed(&platform, &first["id"], body).await;
    assert_eq!((&now["name"], &now["allowed_models"]), (&json!("Shop"), &json!(["acme/new"])));
    assert_eq!((&now["limit_usd"], &now["content_filters"]), (&Value::Null, &Value::Null));
    assert_eq!((&now["description"], &now["enforce_zdr_xai"]), (&first["description"], &json!(true)));
    let all = changed(&platform, &first["id"], json!({ "enforce_zdr": true })).await;
    assert_eq!((&all["enforce_zdr"], &all["enforce_zdr_google"]), (&json!(true), &json!(true)));

    let deleted = manage(&platform, Method::DELETE, &one(&first["id"]), &Value::Null).await;
    assert_eq!((deleted.status.as_u16(), deleted.json()), (200, json!({ "deleted": true })));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let body = if method == Method::PATCH { json!({}) } else { Value::Null };
        assert_eq!(manage(&platform, method, &one(&first["id"]), &body).await.error().0, 404);
    }
    if let Some(specification) = Specification::find() {
        specification.check("get", "/guardrails", &listed);
        specification.check("get", "/guardrails/{id}", &json!({ "data": first }));
        specification.check("get", "/guardrails/{id}", &shown);
        specification.check("patch", "/guardrails/{id}", &json!({ "data": now }));
        specification.check("delete", "/guardrails/{id}", &deleted.json());
    }
    let actions = ["create", "create", "change", "change", "delete"].map(|what| format!("guardrail.{what}"));
    assert_eq!(audited(&platform).await, actions);
    platform.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_guardrail_is_refused_by_name() {
    let platform = Platform::start().await;
    for (body, named) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "name": "g", "description": "x".repeat(1001) }), "description"),
        (json!({ "name": "g", "limit_usd": 0 }), "limit_usd"),
        (json!({ "name": "g", "limit_usd": "5" }), "limit_usd"),
        (json!({ "name": "g", "reset_interval": "yearly" }), "yearly"),
        (json!({ "name": "g", "allowed_models": [] }), "allowed_models"),
        (json!({ "name": "g", "allowed_models": "acme/echo" }), "allowed_models"),
        (json!({ "name": "g", "allowed_models": [5] }), "allowed_models[0]"),
        (json!({ "name": "g", "workspace_id": 7 }), "workspace_id"),
        (json!({ "name": "g", "ignored_models": ["acme/echo", "nobody/knows"] }), "nobody/knows"),
        (json!({ "name": "g", "allowed_providers": ["nobody"] }), "nobody"),
        (json!({ "name": "g", "allowed_data_regions": ["mars"] }), "mars"),
        (json!({ "name": "g", "content_filter_builtins": [{ "slug": "iban", "action": "block" }] }), "iban"),
        (json!({ "name": "g", "content_filter_builtins": [{ "slug": "email" }] }), "action"),
        (json!({ "name": "g", "content_filters": [{ "pattern": "x", "action": "drop" }] }), "drop"),
        (json!({ "name": "g", "content_filters": [{ "pattern": "", "action": "flag" }] }), "pattern"),
    ] {
        let answer = manage(&platform, Method::POST, LIST, &body).await;
        assert_eq!(answer.error().0, 400, "{body}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "`{message}` does not name {named}");
    }
    for path in ["?limit=0", "?limit=101", "?limit=x", "?offset=-1", "?workspace_id=x"] {
        let answer = manage(&platform, Method::GET, &format!("{LIST}{path}"), &Value::Null).await;
        assert_eq!(answer.error().0, 400, "{path}");
    }
    let elsewhere = json!({ "name": "g", "workspace_id": Uuid::now_v7() });
    assert_eq!(manage(&platform, Method::POST, LIST, &elsewhere).await.error().0, 404);
    for path in [format!("{LIST}/x"), format!("{LIST}/{}", Uuid::now_v7())] {
        assert_eq!(manage(&platform, Method::GET, &path, &Value::Null).await.error().0, 404);
    }
    platform.router.with(|said| said.descriptions.clear());
    let guardrail = made(&platform, json!({ "name": "g", "allowed_models": ["acme/echo"] })).await;
    changed(&platform, &guardrail["id"], json!({ "name": "h" })).await;
    assert_eq!(platform.router.with(|said| said.descriptions.len()), 1, "only what is sent is looked up");
    assert_eq!(read(&platform, LIST).await["total_count"], 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_workspaces_default_guardrail_is_there_before_it_is_made() {
    let platform = Platform::start().await;
    let workspace = workspace(&platform).await;
    let id = json!(Uuid::new_v5(&workspace, b"default-guardrail"));
    let shown = read(&platform, &one(&id)).await["data"].clone();
    assert_eq!((&shown["id"], &shown["workspace_id"]), (&id, &json!(workspace)));
    assert_eq!(read(&platform, LIST).await["total_count"], 0);
    assert_eq!(manage(&platform, Method::DELETE, &one(&id), &Value::Null).await.error().0, 404);
    let now = changed(&platform, &id, json!({ "ignored_models": ["acme/echo"] })).await;
    assert_eq!((&now["id"], &now["ignored_models"]), (&id, &json!(["acme/echo"])));
    let again = changed(&platform, &id, json!({ "name": "Everybody" })).await;
    assert_eq!((&again["name"], &again["ignored_models"]), (&json!("Everybody"), &json!(["acme/echo"])));
    assert_eq!(read(&platform, LIST).await["data"][0]["id"], id);
    assert_eq!(manage(&platform, Method::DELETE, &one(&id), &Value::Null).await.status, 200);
    assert_eq!(read(&platform, &one(&id)).await["data"]["ignored_models"], Value::Null);
    platform.stop().await;
}

#[tokio::test]
async fn the_organisations_policy_is_one_and_has_phrases_of_its_own() {
    let platform = Platform::start().await;
    let path = "/api/v1/organization/policy";
    let none = read(&platform, path).await["data"].clone();
    assert_eq!((&none["prompt_injection_allowlist"], &none["updated_at"]), (&json!([]), &Value::Null));
    let body = json!({ "ignored_providers": ["acme"], "enforce_zdr": true, "prompt_injection_allowlist": ["say hello"] });
    let now = manage(&platform, Method::PATCH, path, &body).await.json()["data"].clone();
    assert_eq!(now["prompt_injection_allowlist"], json!(["say hello"]));
    let body = json!({ "ignored_providers": null });
    assert_eq!(manage(&platform, Method::PATCH, path, &body).await.status, 200);
    let now = read(&platform, path).await["data"].clone();
    assert_eq!((&now["ignored_providers"], &now["enforce_zdr"]), (&Value::Null, &json!(true)));
    assert_eq!(now["prompt_injection_allowlist"], json!(["say hello"]));
    for bad in [json!({ "prompt_injection_allowlist": [""] }), json!({ "allowed_models": ["nobody/knows"] })]
    {
        assert_eq!(manage(&platform, Method::PATCH, path, &bad).await.error().0, 400, "{bad}");
    }
    assert_eq!(read(&platform, LIST).await["total_count"], 0, "it is no guardrail of a workspace");
    let guardrail = made(&platform, json!({ "name": "g", "prompt_injection_allowlist": ["x"] })).await;
    assert_eq!(guardrail["prompt_injection_allowlist"], Value::Null);
    assert_eq!(audited(&platform).await, ["policy.change", "policy.change", "guardrail.create"]);
    platform.stop().await;
}

#[tokio::test]
async fn other_organisations_find_nothing_and_change_nothing() {
    let platform = Platform::start().await;
    let stranger = stranger(&platform).await;
    let guardrail = made(&platform, json!({ "name": "Mine" })).await;
    let path = one(&guardrail["id"]);
    let of_default = one(&json!(Uuid::new_v5(&workspace(&platform).await, b"default-guardrail")));
    let keys = json!({ "key_hashes": [platform.demo.api_key.hash().to_string()] }).to_string();
    for (method, path, body) in [
        (Method::GET, path.clone(), ""),
        (Method::PATCH, path.clone(), r#"{"name":"Yours"}"#),
        (Method::DELETE, path.clone(), ""),
        (Method::PATCH, of_default.clone(), r#"{"name":"Yours"}"#),
        (Method::GET, of_default, ""),
        (Method::GET, format!("{path}/assignments/keys"), ""),
        (Method::GET, format!("{path}/assignments/members"), ""),
        (Method::POST, format!("{path}/assignments/keys"), &keys),
        (Method::POST, format!("{path}/assignments/keys/remove"), &keys),
        (Method::GET, format!("{LIST}?workspace_id={}", workspace(&platform).await), ""),
    ] {
        let answer = platform.call(method.clone(), &path, Some(&stranger), body).await;
        assert_eq!(answer.error().0, 404, "{method} {path}");
    }
    let theirs = platform.call(Method::POST, LIST, Some(&stranger), r#"{"name":"Theirs"}"#).await.json();
    let assign = format!("{}/assignments/keys", one(&theirs["data"]["id"]));
    let answer = platform.call(Method::POST, &assign, Some(&stranger), &keys).await;
    assert_eq!(answer.error().0, 404, "keys of others cannot be assigned");
    assert_eq!(read(&platform, &path).await["data"], guardrail);
    assert_eq!(platform.get(LIST, Some(platform.demo.api_key.expose())).await.error().0, 403);
    assert_eq!(platform.get(LIST, None).await.error().0, 401);
    platform.stop().await;
}
