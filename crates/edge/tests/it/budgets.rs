//! Budgets and notices: the organisation's own API, and the operators'.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::specification::Specification;

const LIST: &str = "/api/v1/workspaces/default/budgets";

/// As the organisation's management key.
async fn manage(platform: &Platform, method: Method, path: &str, body: &str) -> Answer {
    platform.call(method, path, Some(platform.demo.management_key.expose()), body).await
}

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

async fn workspace(platform: &Platform) -> String {
    let id: uuid::Uuid =
        sqlx::query_scalar("select id from identity.workspace where tenant_id = $1 and slug = 'default'")
            .bind(platform.tenant.uuid())
            .fetch_one(&owner(platform).await)
            .await
            .unwrap();
    id.to_string()
}

async fn audited(platform: &Platform) -> Vec<(String, String)> {
    sqlx::query_as(
        "select split_part(actor, ':', 1), action from identity.audit_log
        where action like 'budget.%' or action like 'notices.%' order by at",
    )
    .fetch_all(&owner(platform).await)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_workspace_has_budgets_in_the_public_shape() {
    let platform = Platform::start().await;
    let empty = manage(&platform, Method::GET, LIST, "").await.json();
    assert_eq!(empty, json!({ "data": [], "include_byok_in_budgets": false }));

    let put = format!("{LIST}/monthly");
    let made = manage(&platform, Method::PUT, &put, r#"{"limit_usd":100.5}"#).await.json();
    let id = workspace(&platform).await;
    assert_eq!(
        (made["data"]["limit_usd"].as_f64(), made["data"]["reset_interval"].as_str()),
        (Some(100.5), Some("monthly"))
    );
    assert_eq!(made["data"]["workspace_id"], id.as_str());
    let lifetime = format!("/api/v1/workspaces/{id}/budgets/lifetime");
    let body = r#"{"limit_usd":1000,"include_byok_in_budgets":true}"#;
    let forever = manage(&platform, Method::PUT, &lifetime, body).await.json();
    assert_eq!(
        (&forever["data"]["reset_interval"], &forever["include_byok_in_budgets"]),
        (&Value::Null, &json!(true))
    );
    let listed = manage(&platform, Method::GET, LIST, "").await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2));
    let shown = manage(&platform, Method::GET, &lifetime, "").await.json();
    assert_eq!(shown["data"]["id"], forever["data"]["id"]);

    let deleted = manage(&platform, Method::DELETE, &put, "").await.json();
    assert_eq!(manage(&platform, Method::DELETE, &put, "").await.json(), deleted);
    assert_eq!(manage(&platform, Method::GET, &put, "").await.error().0, 404);
    if let Some(specification) = Specification::find() {
        let one = "/workspaces/{id}/budgets/{interval}";
        specification.check("get", "/workspaces/{id}/budgets", &listed);
        specification.check("put", one, &made);
        specification.check("get", one, &shown);
        specification.check("delete", one, &deleted);
    }
    let changes: Vec<_> = audited(&platform).await;
    let actions: Vec<&str> = changes.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["budget.put", "budget.put", "budget.delete", "budget.delete"]);
    assert!(changes.iter().all(|(actor, _)| actor == "key"));
    platform.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_budget_is_refused() {
    let platform = Platform::start().await;
    let put = format!("{LIST}/daily");
    for body in [
        "",
        "{}",
        r#"{"limit_usd":0}"#,
        r#"{"limit_usd":-5}"#,
        r#"{"limit_usd":"5"}"#,
        r#"{"limit_usd":1e-10}"#,
    ] {
        assert_eq!(manage(&platform, Method::PUT, &put, body).await.error().0, 400, "{body}");
    }
    let refused = manage(&platform, Method::PUT, &put, r#"{"limit_usd":666}"#).await.error();
    assert_eq!(refused.0, 400);
    let yearly = format!("{LIST}/yearly");
    assert_eq!(manage(&platform, Method::PUT, &yearly, r#"{"limit_usd":5}"#).await.error().0, 400);
    // Another organisation's workspace is not there, whatever it is called by.
    let other: uuid::Uuid =
        sqlx::query_scalar("select id from identity.workspace where tenant_id <> $1 limit 1")
            .bind(platform.tenant.uuid())
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    for name in [other.to_string(), "elsewhere".to_owned(), uuid::Uuid::now_v7().to_string()] {
        let path = format!("/api/v1/workspaces/{name}/budgets");
        assert_eq!(manage(&platform, Method::GET, &path, "").await.error().0, 404);
        let put = format!("{path}/daily");
        assert_eq!(manage(&platform, Method::PUT, &put, r#"{"limit_usd":5}"#).await.error().0, 404);
        assert_eq!(manage(&platform, Method::DELETE, &put, "").await.error().0, 404);
    }
    assert_eq!(platform.get(LIST, Some(platform.demo.api_key.expose())).await.error().0, 403);
    assert_eq!(platform.get(LIST, None).await.error().0, 401);
    assert_eq!(platform.budgets.with(|kept| kept.budgets.len()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn operators_set_budgets_of_anybody() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/budgets", platform.tenant);
    let (id, member) = (workspace(&platform).await, uuid::Uuid::now_v7());
    let body =
        json!({ "subject_kind": "workspace", "subject_id": id, "interval": "lifetime", "limit": "500.00" });
    let made = platform.admin(Method::PUT, &path, &body.to_string()).await.json();
    assert_eq!(
        (made["data"]["interval"].as_str(), made["data"]["limit"].as_str(), made["data"]["spent"].as_str()),
        (Some("lifetime"), Some("500"), Some("1.25"))
    );
    let body = json!({ "subject_kind": "member", "subject_id": member, "interval": "daily", "limit": "2",
                       "counts_own_keys": true });
    let made = platform.admin(Method::PUT, &path, &body.to_string()).await.json();
    assert_eq!(made["data"]["counts_own_keys"], true);
    let page = platform.admin(Method::GET, &format!("{path}?limit=1"), "").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = platform.admin(Method::GET, &format!("{path}?after={next}"), "").await.json();
    assert_eq!(
        (rest["data"][0]["subject_id"].as_str(), &rest["next"]),
        (Some(member.to_string().as_str()), &Value::Null)
    );
    let of_one = format!("{path}?subject_kind=member&subject_id={member}");
    assert_eq!(
        platform.admin(Method::GET, &of_one, "").await.json()["data"].as_array().map(Vec::len),
        Some(1)
    );
    let deleted = platform.admin(Method::DELETE, &format!("{of_one}&interval=daily"), "").await.json();
    assert_eq!(deleted, json!({ "deleted": true }));
    assert_eq!(platform.admin(Method::GET, &of_one, "").await.json()["data"], json!([]));

    let stranger =
        json!({ "subject_kind": "workspace", "subject_id": member, "interval": "daily", "limit": "2" });
    assert_eq!(platform.admin(Method::PUT, &path, &stranger.to_string()).await.error().0, 404);
    for bad in [
        json!({ "subject_kind": "team", "subject_id": member, "interval": "daily", "limit": "2" }),
        json!({ "subject_kind": "member", "subject_id": member, "interval": "yearly", "limit": "2" }),
        json!({ "subject_kind": "member", "subject_id": member, "interval": "daily", "limit": "0" }),
        json!({ "subject_kind": "member", "subject_id": member, "interval": "daily", "limit": "2", "x": 1 }),
    ] {
        assert_eq!(platform.admin(Method::PUT, &path, &bad.to_string()).await.error().0, 400, "{bad}");
    }
    let line =
        platform.admin(Method::GET, &format!("/tenants/{}/credit-line", platform.tenant), "").await.json();
    assert_eq!((line["data"]["line"].as_str(), line["data"]["owed"].as_str()), (Some("500"), Some("20")));
    let changes = audited(&platform).await;
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|(actor, _)| actor == "operator"));
    platform.stop().await;
}

#[tokio::test]
async fn operators_say_where_a_tenant_is_told() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/notices", platform.tenant);
    let settings = format!("{path}/settings");
    let none = platform.admin(Method::GET, &settings, "").await.json();
    assert_eq!((&none["data"]["webhook_url"], &none["data"]["low_balance"]), (&Value::Null, &Value::Null));
    let body = r#"{"webhook_url":"https://hooks.example.com/a","low_balance":"100.00"}"#;
    let set = platform.admin(Method::PUT, &settings, body).await.json();
    assert_eq!(
        set["data"],
        json!({ "webhook_url": "https://hooks.example.com/a", "has_secret": true, "new_secret": "whsec_new",
                "low_balance": "100" })
    );
    assert_eq!(platform.admin(Method::GET, &settings, "").await.json()["data"]["new_secret"], Value::Null);
    for bad in [r#"{"low_balance":"0"}"#, r#"{"low_balance":"much"}"#, r#"{"url":"x"}"#] {
        assert_eq!(platform.admin(Method::PUT, &settings, bad).await.error().0, 400, "{bad}");
    }
    let told = platform.admin(Method::GET, &path, "").await.json();
    assert_eq!(
        (told["data"][0]["delivery"].as_str(), told["data"][0]["body"]["data"]["limit"].as_str()),
        (Some("dead"), Some("100"))
    );
    assert_eq!(audited(&platform).await, [("operator".to_owned(), "notices.put".to_owned())]);
    platform.stop().await;
}
